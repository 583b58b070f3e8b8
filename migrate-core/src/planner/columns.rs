//! What becomes of the columns of one table: type, conversion, default, sequence, and why.

use super::{PlanningError, behind, names};
use crate::affinity::{Affinity, affinity};
use crate::conversion::{Conversion, PgType};
use crate::identifier::{fit_pg, quote_pg_literal};
use crate::mapping::{ColumnMapping, TableMapping};
use crate::plan::{LeftBehind, PlannedColumn};
use crate::profile::{ColumnProfile, TableProfile};
use crate::source_schema::{SourceColumn, SourceTable};
use crate::source_sql::{DefaultMeaning, default_meaning};
use crate::value::{SourceValue, StorageClass};

/// Plans the columns of `table`; generated columns and defaults that cannot be kept go to `left_behind`.
pub(super) fn plan_columns(
    table: &SourceTable,
    mapping: &TableMapping,
    profile: Option<&TableProfile>,
    left_behind: &mut Vec<LeftBehind>,
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
        columns.push(plan_column(table, column, &mapping, profile, left_behind)?);
    }
    Ok(columns)
}

fn plan_column(
    table: &SourceTable,
    column: &SourceColumn,
    mapping: &ColumnMapping,
    profile: Option<ColumnProfile>,
    left_behind: &mut Vec<LeftBehind>,
) -> Result<PlannedColumn, PlanningError> {
    let meaning = column.default.as_deref().map(default_meaning);
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
        faithful(table, column, meaning.as_ref(), profile)?
    };
    let default = match &meaning {
        None | Some(DefaultMeaning::Null) => None,
        Some(meaning) => {
            let translated = translate_default(meaning, &conversion);
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
        secret: mapping.secret,
        profile,
        conversion,
        target,
        why,
    })
}

/// The conversion that the schema proves, or else the one that keeps every value as it is.
fn faithful(
    table: &SourceTable,
    column: &SourceColumn,
    meaning: Option<&DefaultMeaning>,
    profile: Option<ColumnProfile>,
) -> Result<(Conversion, String), PlanningError> {
    let declared_affinity = affinity(&column.declared_type);
    let only_integers =
        profile.is_none_or(|profile| matches!(profile.only_class(), None | Some(StorageClass::Integer)));
    if meaning == Some(&DefaultMeaning::ClockMilliseconds)
        && declared_affinity == Affinity::Integer
        && only_integers
    {
        return Ok((
            Conversion::TimestamptzFromEpochMs,
            "its default is the clock in milliseconds".to_owned(),
        ));
    }
    let seen = profile.and_then(|profile| profile.only_class());
    let (conversion, source) = match (declared_affinity, seen) {
        (_, Some(StorageClass::Text)) => (Conversion::Text, "all its values are text"),
        (_, Some(StorageClass::Integer)) => (Conversion::Bigint, "all its values are integers"),
        (_, Some(StorageClass::Real)) => (Conversion::DoublePrecision, "all its values are floats"),
        (_, Some(StorageClass::Blob)) => (Conversion::Bytea, "all its values are blobs"),
        (Affinity::Text, _) => (Conversion::Text, "TEXT affinity"),
        (Affinity::Integer, _) => (Conversion::Bigint, "INTEGER affinity"),
        (Affinity::Real, _) => (Conversion::DoublePrecision, "REAL affinity"),
        (Affinity::Blob, _) if !column.declared_type.trim().is_empty() => {
            (Conversion::Bytea, "BLOB affinity")
        }
        _ => return Err(no_faithful_type(table, column, profile)),
    };
    let is_mixed = profile.is_some_and(|profile| {
        profile.only_class().is_none() && profile.integers + profile.reals + profile.texts + profile.blobs > 0
    });
    if is_mixed {
        return Err(no_faithful_type(table, column, profile));
    }
    Ok((conversion, source.to_owned()))
}

fn no_faithful_type(
    table: &SourceTable,
    column: &SourceColumn,
    profile: Option<ColumnProfile>,
) -> PlanningError {
    let declared = if column.declared_type.is_empty() { "no type" } else { column.declared_type.as_str() };
    let seen = profile.map_or_else(|| "no rows looked at".to_owned(), |profile| profile.in_words());
    PlanningError::NoFaithfulType {
        table: table.name.clone(),
        column: column.name.clone(),
        seen: format!("declared {declared}; {seen}"),
    }
}

/// The default in PostgreSQL's SQL, where one has the same effect.
fn translate_default(meaning: &DefaultMeaning, conversion: &Conversion) -> Option<String> {
    use DefaultMeaning as Is;
    match (conversion, meaning) {
        (Conversion::TimestamptzFromEpochMs, Is::ClockMilliseconds)
        | (Conversion::TimestamptzFromIso8601(_), Is::ClockText) => Some("now()".to_owned()),
        (Conversion::Bigint, Is::ClockSeconds) => Some("floor(extract(epoch from now()))::bigint".to_owned()),
        (Conversion::Bigint, Is::ClockMilliseconds) => {
            Some("floor(extract(epoch from now()))::bigint * 1000".to_owned())
        }
        (Conversion::Text, Is::ClockText) => {
            Some("to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')".to_owned())
        }
        (Conversion::Boolean, Is::Integer(value @ (0 | 1))) => Some((*value == 1).to_string()),
        (Conversion::Bigint | Conversion::Integer | Conversion::DoublePrecision, Is::Integer(value))
            if holds(conversion, SourceValue::Integer(*value)) =>
        {
            Some(value.to_string())
        }
        // SQLite applies TEXT affinity to the default, so that a number becomes its digits.
        (Conversion::Text, Is::Integer(value)) => Some(quote_pg_literal(&value.to_string())),
        (
            Conversion::Text | Conversion::Json | Conversion::Jsonb | Conversion::JsonbLastKeyWins,
            Is::Text(text),
        ) if holds(conversion, SourceValue::Text(text.as_bytes())) => {
            let cast = match conversion.target_type() {
                PgType::Text => "",
                PgType::Json => "::json",
                _ => "::jsonb",
            };
            Some(format!("{}{cast}", quote_pg_literal(text)))
        }
        (Conversion::Bytea, Is::Blob(digits)) => Some(format!("'\\x{digits}'::bytea")),
        (Conversion::DoublePrecision, Is::Number(number)) => {
            let value: f64 = number.parse().ok()?;
            value.is_finite().then(|| format!("{value:e}"))
        }
        _ => None,
    }
}

fn holds(conversion: &Conversion, value: SourceValue<'_>) -> bool {
    conversion.encode(value, &mut Vec::new()).is_ok()
}
