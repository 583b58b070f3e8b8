//! What becomes of the columns of one table: type, conversion, default, sequence, and why.

use super::{PlanningError, UnclearColumn, behind, defaults, names};
use crate::affinity::{Affinity, affinity};
use crate::conversion::Conversion;
use crate::identifier::fit_pg;
use crate::mapping::{ColumnMapping, TableMapping};
use crate::plan::{LeftBehind, Numbering, PlannedColumn};
use crate::profile::{ColumnProfile, TableProfile};
use crate::source_schema::{SourceColumn, SourceTable};
use crate::source_sql::{DefaultMeaning, default_meaning};
use crate::value::StorageClass;

/// Plans the columns of `table`; generated columns and defaults that cannot be kept go to `left_behind`, and columns for which
/// nothing proves a type go to `unclear`, so that all of them are told at once.
pub(super) fn plan_columns(
    table: &SourceTable,
    mapping: &TableMapping,
    profile: Option<&TableProfile>,
    left_behind: &mut Vec<LeftBehind>,
    unclear: &mut Vec<UnclearColumn>,
) -> Result<Vec<PlannedColumn>, PlanningError> {
    let mut columns = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        if column.generated {
            let name = format!("{}.{}", table.name, column.name);
            let reason = "its values follow from other columns; generated columns are not translated";
            left_behind.push(behind("generated column", &name, reason));
            continue;
        }
        let profile = profile.and_then(|profile| profile.columns.get(&column.name).copied());
        let mapping = mapping.columns.get(&column.name).cloned().unwrap_or_default();
        columns.push(plan_column(table, column, &mapping, profile, left_behind, unclear)?);
    }
    Ok(columns)
}

fn plan_column(
    table: &SourceTable,
    column: &SourceColumn,
    mapping: &ColumnMapping,
    profile: Option<ColumnProfile>,
    left_behind: &mut Vec<LeftBehind>,
    unclear: &mut Vec<UnclearColumn>,
) -> Result<PlannedColumn, PlanningError> {
    let affinity = column_affinity(table, column);
    let meaning = column.default.as_deref().map(|sql| defaults::stored(default_meaning(sql), affinity));
    let is_numbered = table.rowid_alias().is_some_and(|alias| alias.name == column.name);
    let (conversion, why) = if is_numbered {
        if mapping.conversion.as_ref().is_some_and(|named| *named != Conversion::Bigint) {
            return Err(PlanningError::NumberedColumn {
                table: table.name.clone(),
                column: column.name.clone(),
            });
        }
        (Conversion::Bigint, "INTEGER PRIMARY KEY, which numbers its rows by itself".to_owned())
    } else if let Some(named) = &mapping.conversion {
        let why = mapping.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        (named.clone(), format!("mapping.toml{why}"))
    } else {
        faithful(column, affinity, meaning.as_ref(), profile).unwrap_or_else(|| {
            unclear.push(unclear_column(table, column, profile));
            // Nobody sees it: there is no plan where a column is unclear.
            (Conversion::Text, String::new())
        })
    };
    let default = match &meaning {
        None | Some(DefaultMeaning::Null) => None,
        Some(meaning) => {
            let translated = defaults::translate(meaning, &conversion);
            if translated.is_none() {
                let name = format!(
                    "{}.{}: DEFAULT {}",
                    table.name,
                    column.name,
                    column.default.as_deref().unwrap_or("")
                );
                let reason = format!("it has no translation to {}", conversion.target_type());
                left_behind.push(behind("default", &name, &reason));
            }
            translated
        }
    };
    let target = names::target_column(&column.name);
    Ok(PlannedColumn {
        source: column.name.clone(),
        declared: column.declared_type.clone(),
        target_type: conversion.target_type(),
        // PostgreSQL's primary key implies NOT NULL, SQLite's does not; a row that breaks it is found before anything moves.
        not_null: column.not_null || column.primary_key_position > 0,
        source_not_null: column.not_null,
        source_default: column.default.clone(),
        default,
        sequence: is_numbered.then(|| fit_pg(&format!("{}_{target}_seq", names::target(&table.name)))),
        numbering: Numbering::Serial,
        generated: None,
        on_reject: mapping.on_reject,
        suggestion: None,
        comment: None,
        secret: mapping.secret,
        profile,
        conversion,
        target,
        why,
    })
}

/// The affinity; ANY in a STRICT table keeps what it is given (SQLite manual, "STRICT Tables", section 3).
fn column_affinity(table: &SourceTable, column: &SourceColumn) -> Affinity {
    let keeps_all = table.strict && column.declared_type.eq_ignore_ascii_case("ANY");
    if keeps_all { Affinity::Blob } else { affinity(&column.declared_type) }
}

/// The conversion that the schema proves, or else the one that keeps every value as it is; none where the values are of several
/// kinds, or were not looked at and the declaration leaves them open.
fn faithful(
    column: &SourceColumn,
    affinity: Affinity,
    meaning: Option<&DefaultMeaning>,
    profile: Option<ColumnProfile>,
) -> Option<(Conversion, String)> {
    let seen = profile.and_then(|profile| profile.only_class());
    let only_integers = profile.is_none() || matches!(seen, None | Some(StorageClass::Integer));
    if meaning == Some(&DefaultMeaning::ClockMilliseconds) && affinity == Affinity::Integer && only_integers {
        let why = "its default is the clock in milliseconds".to_owned();
        return Some((Conversion::TimestamptzFromEpochMs, why));
    }
    let has_values =
        profile.is_some_and(|profile| profile.integers + profile.reals + profile.texts + profile.blobs > 0);
    if has_values && seen.is_none() {
        return None;
    }
    let (conversion, why) = match (affinity, seen) {
        (_, Some(StorageClass::Text)) => (Conversion::Text, "all its values are text"),
        (_, Some(StorageClass::Integer)) => (Conversion::Bigint, "all its values are integers"),
        (_, Some(StorageClass::Real)) => (Conversion::DoublePrecision, "all its values are floats"),
        (_, Some(StorageClass::Blob)) => (Conversion::Bytea, "all its values are blobs"),
        (Affinity::Text, _) => (Conversion::Text, "TEXT affinity"),
        (Affinity::Integer, _) => (Conversion::Bigint, "INTEGER affinity"),
        (Affinity::Real, _) => (Conversion::DoublePrecision, "REAL affinity"),
        (Affinity::Blob, _) if column.declared_type.to_ascii_uppercase().contains("BLOB") => {
            (Conversion::Bytea, "BLOB affinity")
        }
        _ if profile.is_some() => guess(affinity, meaning),
        _ => return None,
    };
    Some((conversion, why.to_owned()))
}

/// A type for a column that leaves its values open and has none yet. Nothing is lost by it: a value that comes later and does
/// not fit is refused before anything moves.
fn guess(affinity: Affinity, meaning: Option<&DefaultMeaning>) -> (Conversion, &'static str) {
    match (affinity, meaning) {
        (_, Some(DefaultMeaning::Text(_) | DefaultMeaning::ClockText)) => {
            (Conversion::Text, "a guess by its default, which is text: there was no value to look at")
        }
        (Affinity::Numeric, _) => (
            Conversion::DoublePrecision,
            "a guess by its NUMERIC affinity, which keeps numbers: there was no value to look at",
        ),
        _ => (Conversion::Text, "a guess, for it is declared without a type: there was no value to look at"),
    }
}

fn unclear_column(
    table: &SourceTable,
    column: &SourceColumn,
    profile: Option<ColumnProfile>,
) -> UnclearColumn {
    let declared = if column.declared_type.is_empty() { "no type" } else { column.declared_type.as_str() };
    let seen = profile.map_or_else(|| "no rows looked at".to_owned(), |profile| profile.in_words());
    UnclearColumn {
        table: table.name.clone(),
        column: column.name.clone(),
        seen: format!("declared {declared}; {seen}"),
    }
}
