//! The planned tables as queries and triggers see them.

use super::scope;
use crate::plan::PlannedTable;
use crate::source_schema::{SourceIndexOrigin, SourceTable};
use crate::source_sql::{DefaultMeaning, TableSqlFacts, default_meaning};
use crate::translate::{Relation, Writes};

/// A planned table with its final constraints.
pub(super) fn relation(table: &SourceTable, facts: &TableSqlFacts, planned: &PlannedTable) -> Relation {
    let seen = scope::table(table, facts, &planned.columns, &[]);
    Relation {
        source: table.name.clone(),
        sql: planned.name_in_sql(),
        columns: seen.columns,
        rowid: seen.rowid,
        keys: keys(table, planned),
        lost: (table.columns.iter())
            .filter(|column| !planned.columns.iter().any(|planned| planned.source == column.name))
            .map(|column| column.name.clone())
            .collect(),
        writes: Some(writes(table, facts, planned)),
    }
}

/// The places of columns, by their names in SQLite; none where one of them does not move.
fn places<'c>(planned: &PlannedTable, columns: impl IntoIterator<Item = &'c str>) -> Option<Vec<usize>> {
    let place =
        |name: &str| planned.columns.iter().position(|column| column.source.eq_ignore_ascii_case(name));
    columns.into_iter().map(place).collect()
}

/// The columns that SQLite keeps unique and free of NULL: such a key identifies one row.
fn keys(table: &SourceTable, planned: &PlannedTable) -> Vec<Vec<usize>> {
    let mut keys = Vec::new();
    let is_not_null = |name: &str| table.column(name).is_some_and(|column| column.not_null);
    if let Some(alias) = table.rowid_alias() {
        keys.extend(places(planned, [alias.name.as_str()]));
    }
    let primary: Vec<&str> = table.primary_key().iter().map(|column| column.name.as_str()).collect();
    if !primary.is_empty() && (table.without_rowid || primary.iter().all(|name| is_not_null(name))) {
        keys.extend(places(planned, primary));
    }
    for index in &table.indexes {
        let is_unique = index.unique && !index.partial && index.origin != SourceIndexOrigin::PrimaryKey;
        let columns: Option<Vec<&str>> =
            index.columns.iter().map(|column| column.column.as_deref()).collect();
        if let Some(columns) =
            columns.filter(|columns| is_unique && columns.iter().all(|name| is_not_null(name)))
        {
            keys.extend(places(planned, columns));
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

fn writes(table: &SourceTable, facts: &TableSqlFacts, planned: &PlannedTable) -> Writes {
    let mut writes = Writes { has_checks: !facts.checks.is_empty(), ..Writes::default() };
    for (place, column) in planned.columns.iter().enumerate() {
        let source = table.column(&column.source);
        if source.is_some_and(|source| source.generated) {
            writes.generated.push(place);
            if column.generated.is_none() {
                // A value that SQLite computes would be NULL.
                writes.lost_defaults.push(place);
            }
            continue;
        }
        let default = column.source_default.as_deref().map(default_meaning);
        let has_default = default.is_some_and(|meaning| meaning != DefaultMeaning::Null);
        if has_default && column.default.is_none() {
            writes.lost_defaults.push(place);
        }
        if column.not_null && column.sequence.is_none() {
            writes.not_null.push(place);
            if column.default.is_none() {
                writes.required.push(place);
            }
        }
    }
    let by_target = |names: &[String]| -> Option<Vec<usize>> {
        let place = |name: &String| planned.columns.iter().position(|column| column.target == *name);
        let mut places: Vec<usize> = names.iter().map(place).collect::<Option<_>>()?;
        places.sort_unstable();
        Some(places)
    };
    let constraints = planned.primary_key.iter().chain(&planned.unique);
    writes.unique.extend(constraints.filter_map(|key| by_target(&key.columns)));
    for index in planned.indexes.iter().filter(|index| index.unique && index.predicate.is_none()) {
        if index.columns.iter().all(|key| key.expression.is_none()) {
            let names: Vec<String> = index.columns.iter().map(|key| key.column.clone()).collect();
            writes.unique.extend(by_target(&names));
        }
    }
    writes
}
