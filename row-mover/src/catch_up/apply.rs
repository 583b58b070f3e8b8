//! Applies a difference in a transaction: stages it, sets aside what the order of changes would break, changes table by table, children
//! first, checks everything at the end, and reads the changed rows back.
//!
//! A parent that stays is never deleted, so that nothing that follows from a deletion (ON DELETE CASCADE) is called for rows that stay.
//! Where something would be called for rows that are not to change, the foreign key is dropped, and checked in full afterwards.

use migrate_core::identifier::quote_pg;
use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::render;
use postgres_client::connection::Connection;
use postgres_client::guarded::Then;
use postgres_client::server_error::ServerError;
use postgres_client::session::SEARCH_PATH;
use postgres_client::watch::check_stop;

use super::chunk_changes::ChunkChanges;
use super::conflicts::Parked;
use super::net::NetChanges;
use super::refusal::{refused_row, violated};
use super::relations::Relations;
use super::set_aside::SetAside;
use super::staged::StagedTable;
use super::{Applied, AppliedTable, conflicts, read_back};
use crate::difference::TableDifference;
use crate::error::{Context, Error, Result};
use crate::finish;
use crate::ledger::Run;
use crate::load;
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::sequences;
use crate::source::SourceConnection;

/// The two copies.
pub(super) struct Copies<'a> {
    /// The one that the target equals before.
    pub(super) base: &'a SourceConnection,
    /// The one that it equals afterwards.
    pub(super) newer: &'a SourceConnection,
}

/// Applies a difference within a transaction that the caller has begun and ends, sets the sequences, counts the rows of the chunks in the
/// ledger, and reads the changed rows back. The caller records the catch-up in the same transaction.
///
/// # Errors
/// When a row does not fit as the plan demands, PostgreSQL refuses, or a row that was read back differs.
pub(crate) fn apply(
    transaction: &mut Connection,
    run: &Run,
    base: &SourceConnection,
    newer: &SourceConnection,
    difference: &[TableDifference],
    observer: &dyn Observer,
) -> Result<Applied> {
    let applied = apply_changes(transaction, run, base, newer, difference, observer)?;
    let plan = LoadPlan::new(&run.plan);
    transaction.with_long_silence(|target| {
        let tables: Vec<&PlannedTable> = moved_tables(run, &plan).collect();
        finish::set_sequences(newer, target, &tables)?;
        sequences::set_existing(newer, target, &run.plan)
    })?;
    Ok(applied)
}

/// The same without the sequences, which no rollback would put back.
///
/// # Errors
/// As above.
pub(crate) fn apply_changes(
    transaction: &mut Connection,
    run: &Run,
    base: &SourceConnection,
    newer: &SourceConnection,
    difference: &[TableDifference],
    observer: &dyn Observer,
) -> Result<Applied> {
    let plan = LoadPlan::new(&run.plan);
    let copies = Copies { base, newer };
    match difference.iter().any(has_rows) {
        true => transaction
            .with_long_silence(|target| apply_rows(target, run, &plan, &copies, difference, observer)),
        false => Ok(Applied::default()),
    }
}

/// The tables that the run moves.
pub(super) fn moved_tables<'p>(run: &'p Run<'_>, plan: &'p Plan) -> impl Iterator<Item = &'p PlannedTable> {
    plan.tables.iter().filter(|table| run.state.subject.tables.contains(&table.source))
}

fn has_rows(table: &TableDifference) -> bool {
    !table.removed.is_empty() || !table.added.is_empty()
}

fn apply_rows(
    target: &mut Connection,
    run: &Run,
    plan: &LoadPlan<'_>,
    copies: &Copies<'_>,
    difference: &[TableDifference],
    observer: &dyn Observer,
) -> Result<Applied> {
    refuse_triggers_that_fill(&run.plan)?;
    let mut chunks = ChunkChanges::of_run(target, run.id)?;
    let mut staged = Vec::with_capacity(difference.len());
    for (number, changes) in difference.iter().filter(|table| has_rows(table)).enumerate() {
        let mut table = StagedTable::new(plan, changes, number, target)?;
        table.send(copies.base, copies.newer, target, &mut chunks, observer)?;
        check_stop(observer)?;
        staged.push(table);
    }
    chunks.check_limit(plan.reject_limit)?;
    let net = staged.iter().map(|table| NetChanges::of(table, target)).collect::<Result<Vec<_>>>()?;
    let names: Vec<&str> = staged.iter().map(|table| table.name.as_str()).collect();
    let relations = Relations::of_tables(&names, target)?;
    let work = Work {
        copies,
        staged: &staged,
        net: &net,
        order: relations.children_first(&names),
        relations,
        observer,
    };
    let (aside, parked) = work.prepare(target)?;
    let mut tables = Vec::with_capacity(staged.len());
    for &place in &work.order {
        if let (Some(table), Some(net), Some(parked)) = (staged.get(place), net.get(place), parked.get(place))
        {
            check_stop(observer)?;
            tables.push((place, work.change(table, net, parked, target)?));
        }
    }
    violated(&work.relations, &staged, copies, target)?;
    refill(&run.plan, target)?;
    aside.put_back(target)?;
    refresh(&run.plan, target)?;
    for table in &staged {
        check_stop(observer)?;
        read_back::read_back(table, copies, target, observer)?;
    }
    chunks.record(target, run.id)?;
    tables.sort_by_key(|(place, _)| *place);
    let tables = tables.into_iter().map(|(_, table)| table).filter(|table| !table.is_empty());
    Ok(Applied { tables: tables.collect() })
}

/// The staged changes and what concerns them.
pub(super) struct Work<'a> {
    pub(super) copies: &'a Copies<'a>,
    pub(super) staged: &'a [StagedTable<'a>],
    pub(super) net: &'a [NetChanges],
    /// The places of tables, children first.
    pub(super) order: Vec<usize>,
    pub(super) relations: Relations,
    observer: &'a dyn Observer,
}

impl Work<'_> {
    /// Sets aside what has to be, and returns it with the columns that are NULL meanwhile, by table.
    fn prepare(&self, target: &mut Connection) -> Result<(SetAside, Vec<Parked>)> {
        let mut aside = SetAside::default();
        aside.usual(&self.relations, self.staged);
        for key in conflicts::acting_keys(self, &aside, target)? {
            aside.drop_foreign_key(key);
        }
        aside.defer(&self.relations);
        aside.set_aside(target)?;
        // What the app deferred itself is checked in the end as well.
        target.script("SET CONSTRAINTS ALL DEFERRED").context(|| "checks cannot be deferred")?;
        let mut parked = Vec::with_capacity(self.staged.len());
        for (table, net) in self.staged.iter().zip(self.net) {
            check_stop(self.observer)?;
            parked.push(conflicts::parked(self, table, net, &mut aside, target)?);
        }
        Ok((aside, parked))
    }

    /// Changes one table.
    fn change(
        &self,
        table: &StagedTable<'_>,
        net: &NetChanges,
        parked: &Parked,
        target: &mut Connection,
    ) -> Result<AppliedTable> {
        let mut applied = AppliedTable {
            table: table.table.source.clone(),
            inserted: 0,
            updated: 0,
            deleted: 0,
            rejected: table.rejected,
        };
        as_the_app(table, target, |target| {
            if net.deleted > 0 {
                let sql = if net.is_keyed { table.delete_sql() } else { table.delete_copies_sql() };
                applied.deleted = self.execute(table, &sql, None, target)?;
            }
            if let Some(sql) = table.update_sql().filter(|_| net.kept > 0 && net.is_keyed) {
                let parked = match &**parked {
                    [] => 0,
                    columns => self.execute(table, &table.park_sql(columns), None, target)?,
                };
                applied.updated = self.execute(table, &sql, Some(&sql), target)?.max(parked);
            }
            if net.inserted > 0 && net.is_keyed {
                let sql = table.insert_sql();
                applied.inserted = self.execute(table, &sql, Some(&sql), target)?;
            } else if net.inserted > 0 {
                create_placed(table, target)?;
                let trial = table.insert_copies_sql();
                applied.inserted =
                    self.execute(table, &table.insert_and_place_sql(), Some(&trial), target)?;
            }
            Ok(())
        })?;
        if !net.is_keyed && applied.deleted != net.deleted {
            return Err(net.written_to(table));
        }
        Ok(applied)
    }

    /// Runs a statement; `trial` is the one that is tried with some of the added rows, to name the one that is refused.
    fn execute(
        &self,
        table: &StagedTable<'_>,
        sql: &str,
        trial: Option<&str>,
        target: &mut Connection,
    ) -> Result<u64> {
        match target.guarded(sql, Then::Keep)? {
            Ok(rows) => Ok(rows),
            Err(refused) => Err(self.refused(table, refused, trial, target)?),
        }
    }

    fn refused(
        &self,
        table: &StagedTable<'_>,
        refused: ServerError,
        trial: Option<&str>,
        target: &mut Connection,
    ) -> Result<Error> {
        let key = match trial.filter(|_| load::is_about_a_row(&refused)) {
            Some(trial) => refused_row(table, trial, self.copies, target)?,
            None => None,
        };
        let what = key.map_or_else(
            || "changes were refused".to_owned(),
            |key| format!("the row with the key {key} was refused"),
        );
        let is_transient = refused.is_transient();
        let error = Error::new(format!("table {}: {what}", table.table.target)).caused_by(refused);
        Ok(match is_transient {
            true => error.transient(),
            false => error.with_remedy_value(Remedy::RepairSourceAndCatchUp),
        })
    }
}

/// Runs `work` with the search path of the app where an app made the table: CHECKs and defaults may call functions of it, which find
/// their tables as they do for the app.
pub(super) fn as_the_app<T>(
    table: &StagedTable<'_>,
    target: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    let failed = || "the session cannot be set up";
    if table.table.existing.is_none() {
        return work(target);
    }
    target.script("SET LOCAL search_path TO DEFAULT").context(failed)?;
    let done = work(target)?;
    target.script(&format!("SET LOCAL search_path = {SEARCH_PATH}")).context(failed)?;
    Ok(done)
}

/// The temporary table for the places of inserted rows.
fn create_placed(table: &StagedTable<'_>, target: &mut Connection) -> Result<()> {
    let name = table.placed_name();
    let sql = format!(
        "CREATE TEMPORARY TABLE {} (part pg_catalog.oid, place pg_catalog.tid) ON COMMIT DROP",
        name.trim_start_matches("pg_temp.")
    );
    target.script(&sql).map(drop).context(|| "the changes cannot be staged")
}

/// Refuses a plan in which triggers that follow a row fill a column: called again, they would count a row twice.
fn refuse_triggers_that_fill(plan: &Plan) -> Result<()> {
    let is_after = |column: &&migrate_core::plan::UnloadedColumn| {
        column.decision == Some(migrate_core::plan::DerivedDecision::Fill)
            && column.triggers().iter().any(|trigger| !trigger.is_before)
    };
    match plan.trigger_filled().find(is_after) {
        None => Ok(()),
        Some(column) => Err(Error::new(format!(
            "column {} is filled by triggers that are called after a row is inserted",
            quote_pg(&column.column)
        ))
        .caused_by("called once more for rows that are there already, they may count them twice")
        .with_remedy_value(Remedy::Restart)),
    }
}

/// Fills the columns that triggers fill, while the triggers themselves are off.
fn refill(plan: &Plan, target: &mut Connection) -> Result<()> {
    run_all(render::filled_columns(plan), target)
}

/// Refreshes the materialized views.
fn refresh(plan: &Plan, target: &mut Connection) -> Result<()> {
    run_all(render::filled_views(plan), target)
}

fn run_all(fills: Vec<(String, Vec<String>)>, target: &mut Connection) -> Result<()> {
    for (what, statements) in fills {
        target
            .guarded_script(&statements.join("; "), &mut || Ok(false))
            .context(|| format!("{what} cannot be filled"))?;
    }
    Ok(())
}
