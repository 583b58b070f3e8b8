//! What was written to PostgreSQL since the cutover, and will not be in SQLite: counted by table, with the first keys.
//!
//! PostgreSQL is compared with the sealed copy that it equalled at the cutover, as validation does it. Tables that the app has made since
//! are no part of the migration; all of their rows count.

use std::time::Instant;

use migrate_core::load_plan::LoadPlan;
use serde::Serialize;

use super::closing;
use crate::error::{Context, Result};
use crate::ledger::Run;
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::target::bookkeeping;
use crate::validate::{CompareOptions, Difference, catalog, compare_rows};
use postgres_client::connection::Connection;
use postgres_client::connections::Connections;

/// Everything that was written to PostgreSQL since the cutover.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Loss {
    /// The tables with changes, in the plan's order, and after them the tables that are new.
    pub tables: Vec<TableLoss>,
    /// Tables that an app had before the migration and that it did not load: their rows are in the archive, and not compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_compared: Vec<String>,
    /// Duration of the comparison in seconds.
    pub seconds: f64,
}

/// What was written to one table.
#[derive(Clone, Debug, Serialize)]
pub struct TableLoss {
    /// The table: by its name in SQLite, or, if it is not there, by the one in PostgreSQL.
    pub table: String,
    /// How its rows were counted.
    pub counted: Counted,
    /// Rows that only PostgreSQL has.
    pub inserted: u64,
    /// Rows with the same key and other values.
    pub changed: u64,
    /// Rows that PostgreSQL no longer has.
    pub deleted: u64,
    /// The first few, by key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<Difference>,
}

/// How the rows of a table were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Each row was compared with the sealed copy.
    Compared,
    /// The app has made the table since: all of its rows.
    NewTable,
    /// The app has changed the columns since, so that rows cannot be compared: all of its rows.
    ColumnsChanged,
}

impl TableLoss {
    /// The number of rows that are lost.
    pub fn rows(&self) -> u64 {
        self.inserted + self.changed + self.deleted
    }
}

impl Loss {
    /// The number of rows that are lost, which a person accepts.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(TableLoss::rows).sum()
    }
}

/// Counts what was written to the target since the copy of `run` was sealed.
///
/// # Errors
/// When either side cannot be read, or the observer asks to stop.
pub(super) fn count(
    run: &Run,
    connections: &Connections<'_>,
    holder: &mut Connection,
    observer: &dyn Observer,
) -> Result<Loss> {
    let started = Instant::now();
    let differences = catalog::schema_differences(holder, &run.plan)?;
    let plan = LoadPlan::new(&run.plan);
    let tables = plan.select(|table| run.state.subject.tables.contains(&table.source));
    let unreadable: Vec<_> =
        tables.iter().filter(|table| !catalog::is_readable(table, &differences)).copied().collect();
    let readable = tables.clone().retained(|table| catalog::is_readable(table, &differences));
    let open_source = || Ok(SourceConnection::open_sealed(&run.seal.path)?.stopped_by(observer.stop_flag()));
    let open_target = || connections.bulk();
    let workers = connections.budget().workers;
    let options = CompareOptions { workers, ..CompareOptions::default() };
    let compared = compare_rows(&readable, run.id, options, &open_source, &open_target, holder, observer)?;
    let mut found: Vec<TableLoss> = compared
        .into_iter()
        .filter(|table| !table.is_equal())
        .map(|table| {
            // Without a key it is a guess which row was changed: it counts as one that was deleted and one that was inserted.
            let has_key = run.plan.table(&table.table).is_some_and(|table| !table.key_positions().is_empty());
            let (changed, guessed) = if has_key { (table.different, 0) } else { (0, table.different) };
            TableLoss {
                table: table.table,
                counted: Counted::Compared,
                inserted: table.extra + guessed,
                changed,
                deleted: table.missing + guessed,
                first: table.first,
            }
        })
        .collect();
    for table in unreadable {
        let inserted = rows_of(holder, &table.name_in_sql())?.unwrap_or(0);
        found.push(all_rows(table.source.clone(), Counted::ColumnsChanged, inserted));
    }
    let (new, not_compared) = others(run, holder)?;
    found.extend(new);
    Ok(Loss { tables: found, not_compared, seconds: started.elapsed().as_secs_f64() })
}

fn all_rows(table: String, counted: Counted, inserted: u64) -> TableLoss {
    TableLoss { table, counted, inserted, changed: 0, deleted: 0, first: Vec::new() }
}

/// The tables that are not planned: those that are new, with their rows, and the names of those that an app had before.
fn others(run: &Run, target: &mut Connection) -> Result<(Vec<TableLoss>, Vec<String>)> {
    let (mut new, mut not_compared) = (Vec::new(), Vec::new());
    for table in closing::tables(target, &run.plan)? {
        let is_planned = |planned: &migrate_core::plan::PlannedTable| {
            planned.schema_name() == table.schema && planned.target == table.name
        };
        if table.name == bookkeeping::TABLE || run.plan.tables.iter().any(is_planned) {
            continue;
        }
        if run.plan.is_into_existing() {
            not_compared.push(table.in_sql());
        } else if let Some(rows) = rows_of(target, &table.in_sql())?.filter(|rows| *rows > 0) {
            new.push(all_rows(table.in_sql(), Counted::NewTable, rows));
        }
    }
    Ok((new, not_compared))
}

/// The number of rows of a table; none where it is gone.
fn rows_of(target: &mut Connection, table: &str) -> Result<Option<u64>> {
    let is_there: bool = target.one("SELECT to_regclass($1) IS NOT NULL", &[Some(table)])?;
    if !is_there {
        return Ok(None);
    }
    let answer = target
        .slow_query(&format!("SELECT count(*) FROM {table}"))
        .context(|| format!("the rows of {table} cannot be counted"))?;
    let count = answer.first().and_then(|row| row.text(0)).and_then(|count| count.parse().ok());
    Ok(Some(count.unwrap_or(0)))
}
