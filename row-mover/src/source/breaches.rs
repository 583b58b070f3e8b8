//! Finds the constraints that rows of the source break already: foreign keys that point nowhere, NULLs in primary keys, and rows
//! that are older than a CHECK.
//!
//! Looks at the planned constraints alone, since what is not planned cannot stand in a row's way. Nothing is mended here.

use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::profile::{Breach, BreachedConstraint, DatabaseProfile};

use super::SourceConnection;
use super::preflight::{orphans_sql, row_key, source_names};
use super::scan;
use crate::error::{Context, Result};

/// How many rows that break one constraint are named.
const NAMED_ROWS_MAX: usize = 3;

/// Writes into `profile` what breaks the constraints of `plan`, which was made without this knowledge.
///
/// # Errors
/// When the source cannot be read.
pub fn find(source: &SourceConnection, plan: &Plan, profile: &mut DatabaseProfile) -> Result<()> {
    for table in &plan.tables {
        let mut breaches = Vec::new();
        null_keys(source, table, &mut breaches)?;
        orphans(source, plan, table, &mut breaches)?;
        checks(source, table, &mut breaches)?;
        profile.entry(table.source.clone()).or_default().breaches = breaches;
    }
    Ok(())
}

fn null_keys(source: &SourceConnection, table: &PlannedTable, breaches: &mut Vec<Breach>) -> Result<()> {
    // A rowid alias and the key of a WITHOUT ROWID table are never NULL.
    // What an app made takes no NULL in its key: there such rows are rejects, and no key is weakened for them.
    let is_known = table.key_positions().is_empty() || table.existing.is_some();
    if is_known || table.without_rowid || table.sequence_column().is_some() {
        return Ok(());
    }
    let is_null: Vec<String> = (table.key_positions().iter())
        .filter_map(|&position| table.columns.get(position))
        .map(|column| format!("{} IS NULL", quote_sqlite(&column.source)))
        .collect();
    let sql = format!("{} WHERE {}", scan::select_with_rowid(table), is_null.join(" OR "));
    let (rows, first) = offenders(source, table, &sql)
        .context(|| format!("the primary key of table {} cannot be checked", table.source))?;
    add(breaches, BreachedConstraint::PrimaryKeyNull, rows, first);
    Ok(())
}

fn orphans(
    source: &SourceConnection,
    plan: &Plan,
    table: &PlannedTable,
    breaches: &mut Vec<Breach>,
) -> Result<()> {
    for key in &table.foreign_keys {
        let Some(parent) = plan.tables.iter().find(|parent| parent.target == key.parent_table) else {
            continue;
        };
        let (rows, first) = offenders(source, table, &orphans_sql(table, parent, key))
            .context(|| format!("the foreign keys of table {} cannot be checked", table.source))?;
        let columns = source_names(table, &key.columns).into_iter().map(str::to_owned).collect();
        let constraint = BreachedConstraint::ForeignKey { columns, parent: parent.source.clone() };
        add(breaches, constraint, rows, first);
    }
    Ok(())
}

fn checks(source: &SourceConnection, table: &PlannedTable, breaches: &mut Vec<Breach>) -> Result<()> {
    for check in &table.checks {
        let sql = format!("{} WHERE NOT ({}\n)", scan::select_with_rowid(table), check.source);
        // It is SQLite's own condition, and was translated: what keeps it from being read is the file.
        let (rows, first) = offenders(source, table, &sql).context(|| {
            format!("the CHECK constraint {} of table {} cannot be evaluated", check.name, table.source)
        })?;
        add(breaches, BreachedConstraint::Check { sql: check.source.clone() }, rows, first);
    }
    Ok(())
}

fn add(breaches: &mut Vec<Breach>, constraint: BreachedConstraint, rows: u64, first: Vec<String>) {
    if rows > 0 {
        breaches.push(Breach { constraint, rows, first });
    }
}

/// How many rows a statement finds, and the keys of the first few.
fn offenders(
    source: &SourceConnection,
    table: &PlannedTable,
    sql: &str,
) -> rusqlite::Result<(u64, Vec<String>)> {
    let mut statement = source.connection().prepare(sql)?;
    let mut found = statement.query([])?;
    let (mut rows, mut first) = (0, Vec::new());
    while let Some(row) = found.next()? {
        rows += 1;
        if first.len() < NAMED_ROWS_MAX {
            first.push(row_key(table, row));
        }
    }
    Ok((rows, first))
}
