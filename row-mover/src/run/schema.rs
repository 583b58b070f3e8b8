//! Applies the first migration: creates the tables, in as many transactions as the server's lock table requires.
//!
//! A transaction creates some of the tables and records in the ledger how far the schema is; the last one also records that the
//! migration is applied. An interrupted run resumes after the last recorded table.

use std::ops::Range;

use migrate_core::batches::{LockShare, end_of_batch};
use migrate_core::render::{self, SchemaStep};

use super::migrations;
use crate::error::{Error, Result};
use crate::ledger::{self, Run};
use crate::remedy::Remedy;
use crate::target::migration::Migration;
use crate::target::{batches, bookkeeping};
use postgres_client::DbSettings;
use postgres_client::connection::Connection;

/// Creates the tables of a run's plan, as far as they are not there.
pub(super) fn create_tables(
    connection: &mut Connection,
    settings: &DbSettings,
    run: &Run,
    migrations: &[Migration],
) -> Result<()> {
    let migrations = migrations::of_plan(&run.plan, migrations);
    let Some(migration) = migrations.first() else {
        return Err(Error::new("the plan has no first migration"));
    };
    let share = batches::lock_share(connection)?;
    migrations::without_time_limit(connection, settings, |connection| {
        create_missing(connection, run, migration, share)
    })
}

fn create_missing(
    connection: &mut Connection,
    run: &Run,
    migration: &Migration,
    share: LockShare,
) -> Result<()> {
    if migrations::is_applied(connection, run, migration)? {
        return Ok(());
    }
    let schema = Schema {
        run,
        steps: render::schema_steps(&run.plan),
        name: migration.name().to_owned(),
        version: migration.version(),
    };
    schema.create(connection, share)
}

/// The first migration of a run.
struct Schema<'a> {
    run: &'a Run<'a>,
    steps: Vec<SchemaStep>,
    /// The migration's name.
    name: String,
    /// Its version, by which it is recorded as applied.
    version: String,
}

impl Schema<'_> {
    fn create(&self, connection: &mut Connection, share: LockShare) -> Result<()> {
        let locks: Vec<usize> = self.steps.iter().map(|step| step.locks).collect();
        let done = ledger::claim_schema_steps(connection, self.run.id, &self.sealed_path())?;
        if done == 0 && self.run.plan.is_into_existing() {
            ledger::record_sequences(connection, self.run.id, &self.run.plan)?;
        }
        let left = self.steps.len().saturating_sub(done);
        let end = |from: usize, share: LockShare| end_of_batch(&locks, done + from, share) - done;
        if left == 0 {
            return self.batch(connection, done..done);
        }
        batches::in_batches(left, share, &end, &mut |range| {
            self.batch(connection, done + range.start..done + range.end)
        })
    }

    /// One transaction.
    fn batch(&self, connection: &mut Connection, range: Range<usize>) -> Result<()> {
        let what = match range.start {
            0 => format!("migration {} failed, and nothing of it was kept", self.name),
            done => format!(
                "migration {} failed; {done} of its {} steps are done and stay",
                self.name,
                self.steps.len()
            ),
        };
        let failed = |error: Error| error.with_remedy_value(Remedy::RepairTargetOrSource);
        connection.transaction(|connection| {
            if ledger::claim_schema_steps(connection, self.run.id, &self.sealed_path())? != range.start {
                // Whose connection was lost may have committed without our seeing the reply.
                return Err(Error::new("the ledger has another number of steps done than was read before")
                    .transient());
            }
            let steps = self.steps.get(range.clone()).ok_or_else(batches::outside)?;
            let sql: String = steps.iter().map(|step| step.sql.as_str()).collect();
            let plan = &self.run.plan;
            migrations::run_statements(connection, plan, &sql, &what).map_err(failed)?;
            if range.end == self.steps.len() {
                bookkeeping::record(connection, &self.run.list_schema, &self.version, &what)?;
            }
            ledger::record_schema_steps(connection, self.run.id, range.end)
        })
    }

    fn sealed_path(&self) -> String {
        self.run.seal.path.to_string_lossy().into_owned()
    }
}
