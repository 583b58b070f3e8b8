//! Checks that the rules of a mapping match something: a misspelt pattern would be lost silently.

use super::PlanningError;
use crate::mapping::{ColumnRule, Mapping, glob_fits};
use crate::nearest::nearest;
use crate::source_schema::SourceSchema;

/// Refuses a rule that fits nothing in `schema`.
pub(super) fn check(schema: &SourceSchema, mapping: &Mapping) -> Result<(), PlanningError> {
    let tables = || schema.tables.iter().map(|table| table.name.as_str());
    for rule in &mapping.tables_matching {
        if !tables().any(|table| rule.fits(table)) {
            return Err(PlanningError::IdleRule {
                rule: format!("[[tables_matching]] table = {:?}", rule.table),
                kind: "table",
                nearest: nearest(&rule.table, tables()).map(str::to_owned),
            });
        }
    }
    mapping.columns.iter().try_for_each(|rule| check_column_rule(schema, rule))
}

fn check_column_rule(schema: &SourceSchema, rule: &ColumnRule) -> Result<(), PlanningError> {
    let columns =
        || schema.tables.iter().flat_map(|table| table.columns.iter().map(move |column| (table, column)));
    if columns().any(|(table, column)| rule.fits(&table.name, &column.name, &column.declared_type)) {
        return Ok(());
    }
    let parts: [(&str, &Option<String>, Vec<&str>); 3] = [
        ("table", &rule.table, schema.tables.iter().map(|table| table.name.as_str()).collect()),
        ("column", &rule.column, columns().map(|(_, column)| column.name.as_str()).collect()),
        ("declared", &rule.declared, columns().map(|(_, column)| column.declared_type.as_str()).collect()),
    ];
    let mut words = Vec::new();
    let mut meant = None;
    for (key, pattern, names) in &parts {
        let Some(pattern) = pattern else { continue };
        words.push(format!("{key} = {pattern:?}"));
        // If each part matches something, only the combination does not occur, and nothing is misspelt.
        if meant.is_none() && !names.iter().any(|name| glob_fits(pattern, name)) {
            meant = nearest(pattern, names.iter().copied()).map(str::to_owned);
        }
    }
    let rule = format!("[[columns]] {}", words.join(", "));
    Err(PlanningError::IdleRule { rule: rule.trim_end().to_owned(), kind: "column", nearest: meant })
}
