//! Finds the constraints that rows of the source violate: dangling foreign keys, NULLs in primary keys and in columns that are NOT
//! NULL, duplicate values in a unique key, and rows that are older than a CHECK.
//!
//! It checks only planned constraints, since no other constraint can refuse a row, and only rows that move. It repairs nothing.

use migrate_core::identifier::quote_sqlite;
use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::profile::{Breach, BreachedConstraint, DatabaseProfile};
use migrate_core::source_schema::SourceSchema;
use rusqlite::Row;

use super::SourceConnection;
use super::duplicates::RiskyKey;
use super::orphans;
use super::preflight::row_key;
use super::rows::{Scan, Values};
use crate::error::{Context, Result};
use crate::row_encoder::{self, RowBuffer, RowOutcome};

/// How many rows that break one constraint are named.
const NAMED_ROWS_MAX: usize = 3;

/// Records in `profile` the rows that violate constraints of `plan`, which was made without this knowledge.
///
/// # Errors
/// When the source cannot be read.
pub fn find(
    source: &SourceConnection,
    schema: &SourceSchema,
    plan: &Plan,
    profile: &mut DatabaseProfile,
) -> Result<()> {
    let plan = LoadPlan::from_plan(with_nulls(plan.clone(), profile));
    for table in &plan.tables {
        let mut breaches = Vec::new();
        null_keys(source, table, &mut breaches)?;
        nulls(source, table, profile, &mut breaches)?;
        duplicates(source, schema, table, &mut breaches)?;
        orphans(source, &plan, table, &mut breaches)?;
        checks(source, table, &mut breaches)?;
        profile.entry(table.source.clone()).or_default().breaches = breaches;
    }
    Ok(())
}

/// The plan in which a NULL skips no row: a column that has NULLs will not be NOT NULL.
fn with_nulls(mut plan: Plan, profile: &DatabaseProfile) -> Plan {
    for table in plan.tables.iter_mut().filter(|table| table.existing.is_none()) {
        for column in &mut table.columns {
            let seen = profile.get(&table.source).and_then(|table| table.columns.get(&column.source));
            column.not_null &= seen.is_none_or(|seen| seen.nulls == 0);
        }
    }
    plan
}

/// A condition that SQLite does not treat as false where a column is declared NOT NULL and has NULL nevertheless.
fn is_null(column: &str) -> String {
    format!("typeof({}) = 'null'", quote_sqlite(column))
}

fn null_keys(source: &SourceConnection, table: &PlannedTable, breaches: &mut Vec<Breach>) -> Result<()> {
    // A rowid alias and the key of a WITHOUT ROWID table are never NULL. A table that an app made accepts no NULL in its key: there such
    // rows are rejects, and no key is weakened for them.
    let is_known = table.key_positions().is_empty() || table.existing.is_some();
    if is_known || table.without_rowid || table.sequence_column().is_some() {
        return Ok(());
    }
    let any_null: Vec<String> = (table.key_positions().iter())
        .filter_map(|&position| table.columns.get(position))
        .map(|column| is_null(&column.source))
        .collect();
    let failed = || format!("the primary key of table {} cannot be checked", table.source);
    let offenders = selected(source, table, Scan::of(table).filtered(Some(any_null.join(" OR "))), &failed)?;
    offenders.add_to(breaches, BreachedConstraint::PrimaryKeyNull);
    Ok(())
}

fn nulls(
    source: &SourceConnection,
    table: &PlannedTable,
    profile: &DatabaseProfile,
    breaches: &mut Vec<Breach>,
) -> Result<()> {
    let seen = |column: &str| profile.get(&table.source)?.columns.get(column).map(|seen| seen.nulls);
    for column in table.columns.iter().filter(|column| column.source_not_null) {
        if seen(&column.source).unwrap_or(0) == 0 {
            continue;
        }
        let failed = || format!("the NULLs of {}.{} cannot be found", table.source, column.source);
        let offenders =
            selected(source, table, Scan::of(table).filtered(Some(is_null(&column.source))), &failed)?;
        offenders.add_to(breaches, BreachedConstraint::NotNull { column: column.source.clone() });
    }
    Ok(())
}

fn duplicates(
    source: &SourceConnection,
    schema: &SourceSchema,
    table: &PlannedTable,
    breaches: &mut Vec<Breach>,
) -> Result<()> {
    let Some(declared) = schema.tables.iter().find(|declared| declared.name == table.source) else {
        return Ok(());
    };
    for key in RiskyKey::all(declared, table) {
        let mut offenders = Offenders::new(table);
        key.each(source, table, |row| offenders.take(row, row.held()))
            .context(|| format!("the unique keys of table {} cannot be checked", table.source))?;
        let constraint =
            BreachedConstraint::Unique { columns: key.column_names(), is_folded: key.is_folded() };
        offenders.add_to(breaches, constraint);
    }
    Ok(())
}

fn orphans(
    source: &SourceConnection,
    plan: &LoadPlan<'_>,
    table: &PlannedTable,
    breaches: &mut Vec<Breach>,
) -> Result<()> {
    for key in &table.foreign_keys {
        let Some(parent) = plan.target_table(&key.parent_table) else {
            continue;
        };
        let mut offenders = Offenders::new(table);
        orphans::each(source, plan, table, key, &mut |row, _| offenders.name(row))
            .context(|| format!("the foreign keys of table {} cannot be checked", table.source))?;
        let columns = orphans::source_names(table, &key.columns).into_iter().map(str::to_owned).collect();
        let constraint = BreachedConstraint::ForeignKey { columns, parent: parent.source.clone() };
        offenders.add_to(breaches, constraint);
    }
    Ok(())
}

fn checks(source: &SourceConnection, table: &PlannedTable, breaches: &mut Vec<Breach>) -> Result<()> {
    for check in &table.checks {
        // It is SQLite's own condition. A row for which it cannot be evaluated does not meet it.
        let failed =
            || format!("the CHECK constraint {} of table {} cannot be evaluated", check.name, table.source);
        let offenders = selected(source, table, Scan::of(table).breaking(check.source.clone()), &failed)?;
        offenders.add_to(breaches, BreachedConstraint::Check { sql: check.source.clone() });
    }
    Ok(())
}

/// The rows that move and for which a condition of SQLite holds, or cannot be evaluated.
fn selected<'t>(
    source: &SourceConnection,
    table: &'t PlannedTable,
    scan: Scan<'_>,
    failed: &dyn Fn() -> String,
) -> Result<Offenders<'t>> {
    let mut offenders = Offenders::new(table);
    scan.with_all_values_in_memory()
        .each(source, failed, &mut |row| offenders.take(row, row.held()).context(failed))?;
    Ok(offenders)
}

/// How many rows break a constraint, and the keys of the first few.
struct Offenders<'t> {
    table: &'t PlannedTable,
    /// The places of the columns that are sent; none where no row is skipped.
    sent: Option<Vec<usize>>,
    rows: u64,
    first: Vec<String>,
    scratch: RowBuffer,
}

impl<'t> Offenders<'t> {
    fn new(table: &'t PlannedTable) -> Offenders<'t> {
        let sent = row_encoder::may_skip(table).then(|| table.sent_positions());
        Offenders { table, sent, rows: 0, first: Vec::new(), scratch: RowBuffer::default() }
    }

    /// Counts a row, whose key is in `held`, unless it is skipped.
    fn take(&mut self, row: &impl Values, held: &Row<'_>) -> rusqlite::Result<()> {
        if let Some(sent) = &self.sent {
            self.scratch.clear();
            if let RowOutcome::Skipped(_) =
                row_encoder::append_columns(self.table, sent, row, &mut self.scratch)?
            {
                return Ok(());
            }
        }
        self.name(held);
        Ok(())
    }

    /// Counts a row.
    fn name(&mut self, row: &Row<'_>) {
        self.rows += 1;
        if self.first.len() < NAMED_ROWS_MAX {
            self.first.push(row_key(self.table, row));
        }
    }

    fn add_to(self, breaches: &mut Vec<Breach>, constraint: BreachedConstraint) {
        if self.rows > 0 {
            breaches.push(Breach { constraint, rows: self.rows, first: self.first });
        }
    }
}
