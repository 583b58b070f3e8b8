//! Plans the columns of one table: type, conversion, default, sequence, and the reasons.

use super::inferred::Inferred;
use super::{names, not_migrated};
use crate::conversion::Conversion;
use crate::identifier::fit_pg;
use crate::infer::{Facts, Inference};
use crate::mapping::{ColumnMapping, TableMapping};
use crate::plan::{LeftBehind, Numbering, PlannedColumn};
use crate::profile::{ColumnProfile, TableProfile};
use crate::source_schema::{SourceColumn, SourceTable};
use crate::translate::{self, Translated};

/// Plans the columns of `table`, generated ones among them; one without values, and defaults that cannot be kept, go to
/// `left_behind`.
pub(super) fn plan_columns(
    table: &SourceTable,
    inferred: &Inferred,
    mapping: &TableMapping,
    profile: Option<&TableProfile>,
    left_behind: &mut Vec<LeftBehind>,
) -> Vec<PlannedColumn> {
    let mut columns = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let Some(inference) = inferred.column(&table.name, &column.name) else { continue };
        let seen = profile.map(|profile| profile.columns.get(&column.name).copied());
        if column.generated && seen == Some(None) {
            let name = format!("{}.{}", table.name, column.name);
            let reason = "its values are computed from other columns, and SQLite cannot compute them here";
            left_behind.push(not_migrated("generated column", &name, reason));
            continue;
        }
        let mapping = mapping.columns.get(&column.name).cloned().unwrap_or_default();
        let Inference { conversion, mut why, suggestion } = inference.clone();
        let default = default(table, column, &conversion, left_behind);
        for note in default.iter().flat_map(|default| &default.notes) {
            why.push_str(&format!("; {note}"));
        }
        let is_numbered = table.rowid_alias().is_some_and(|alias| alias.name == column.name);
        let target = names::target_column(&column.name);
        columns.push(PlannedColumn {
            source: column.name.clone(),
            declared: column.declared_type.clone(),
            target_type: conversion.target_type(),
            // PostgreSQL's primary key implies NOT NULL, SQLite's does not; a row that breaks it is found before anything moves.
            not_null: column.not_null || column.primary_key_position > 0,
            source_not_null: column.not_null,
            source_default: column.default.clone(),
            default: default.map(|default| default.sql),
            sequence: is_numbered.then(|| fit_pg(&format!("{}_{target}_seq", names::target(&table.name)))),
            numbering: Numbering::Serial,
            generated: None,
            on_reject: mapping.on_reject,
            round: mapping.round,
            empty: mapping.empty,
            notes: losses(&mapping, seen.flatten().as_ref()),
            suggestion,
            comment: None,
            secret: mapping.secret,
            profile: seen.flatten(),
            conversion,
            limit: None,
            target,
            why,
        });
    }
    columns
}

/// What a person lets go of, in words.
fn losses(mapping: &ColumnMapping, seen: Option<&ColumnProfile>) -> Vec<String> {
    let rounded =
        mapping.round.map(|_| "mapping.toml rounds finer fractions of a second to microseconds".to_owned());
    let emptied = mapping.empty.map(|_| {
        let count = seen.map_or(0, |seen| seen.texts_empty);
        format!(
            "{count} empty text{} NULL, as mapping.toml says",
            if count == 1 { " becomes" } else { "s become" }
        )
    });
    rounded.into_iter().chain(emptied).collect()
}

/// The default in PostgreSQL's SQL; one that cannot be kept goes to `left_behind`.
fn default(
    table: &SourceTable,
    column: &SourceColumn,
    conversion: &Conversion,
    left_behind: &mut Vec<LeftBehind>,
) -> Option<Translated> {
    let sql = column.default.as_deref()?;
    let affinity = Facts::declared(&table.name, column, table.strict).affinity;
    match translate::default(sql, conversion, affinity) {
        Ok(translated) => translated,
        Err(error) => {
            let name = format!("{}.{}: DEFAULT {sql}", table.name, column.name);
            let reason = format!("it has no translation to {}: {}", conversion.target_type(), error);
            left_behind.push(not_migrated("default", &name, &reason));
            None
        }
    }
}
