//! Applies and reverts migrations, each in one transaction with its records.

use super::{
    Entry, Loss, SchemaMigration, SchemaMigrations, State, finished_run, loss, run_versions, sha256, status,
    take_lock,
};
use crate::error::{Context, Error, Result};
use crate::ledger::{self, Run};
use crate::remedy::Remedy;
use crate::target::bookkeeping;
use migrate_core::identifier::quote_pg;
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::phase::Phase;
use postgres_client::connection::Connection;

/// What became of the last migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reverted {
    /// None is applied.
    Nothing,
    /// It would delete rows, and nothing was changed.
    WouldLose {
        /// The migration.
        name: String,
        /// What it would delete; none where it cannot be run for a trial, since it does not run in a transaction.
        losses: Option<Vec<Loss>>,
    },
    /// It was reverted; in a dry run, it can be.
    Done {
        /// The migration.
        name: String,
        /// What it deleted; none where that is not known.
        losses: Option<Vec<Loss>>,
        /// The run in the ledger that this migration belongs to: it has to be validated again.
        run_to_validate: Option<i64>,
    },
}

/// Applies all pending migrations, and calls `applied` with the name of each. A dry run applies them in one transaction that is rolled back.
///
/// # Errors
/// When a file was edited after it was applied, a migration fails, or another one is at work.
pub fn up(
    connection: &mut Connection,
    folder: &SchemaMigrations,
    is_dry_run: bool,
    applied: &mut dyn FnMut(&SchemaMigration),
) -> Result<usize> {
    take_lock(connection)?;
    finished_run(connection)?;
    let entries = status(connection, folder)?;
    refuse_edited(&entries)?;
    let is_pending = |migration: &&SchemaMigration| {
        entries.iter().any(|entry| entry.version == migration.version && entry.state == State::Pending)
    };
    let pending: Vec<&SchemaMigration> = folder.migrations.iter().filter(is_pending).collect();
    if is_dry_run {
        connection.undone_transaction(|connection| {
            prepare(connection, folder)?;
            for migration in &pending {
                if migration.is_in_transaction {
                    apply(connection, folder, migration)?;
                }
                applied(migration);
            }
            Ok(())
        })?;
        return Ok(pending.len());
    }
    if !pending.is_empty() {
        prepare(connection, folder)?;
    }
    for migration in &pending {
        if migration.is_in_transaction {
            connection.transaction(|connection| apply(connection, folder, migration))?;
        } else {
            apply(connection, folder, migration)?;
        }
        applied(migration);
    }
    Ok(pending.len())
}

/// Reverts the last migration that is applied. Rows are deleted only where `may_lose_rows`.
///
/// # Errors
/// When it has no `down.sql`, it fails, or another migration is at work.
pub fn down(
    connection: &mut Connection,
    folder: &SchemaMigrations,
    may_lose_rows: bool,
    is_dry_run: bool,
) -> Result<Reverted> {
    take_lock(connection)?;
    let run = finished_run(connection)?;
    let Some(migration) = last_applied(connection, folder)? else { return Ok(Reverted::Nothing) };
    if migration.is_in_transaction {
        return in_transaction(connection, is_dry_run, |connection| {
            revert(connection, folder, migration, run.as_ref(), may_lose_rows)
        });
    }
    if !may_lose_rows || is_dry_run {
        return Ok(Reverted::WouldLose { name: migration.name.clone(), losses: None });
    }
    revert_unchecked(connection, folder, migration, run.as_ref(), None)
}

/// Reverts the last migration and applies it again, in one transaction.
///
/// # Errors
/// As [`down`], and when the migration does not run in a transaction.
pub fn redo(
    connection: &mut Connection,
    folder: &SchemaMigrations,
    may_lose_rows: bool,
    is_dry_run: bool,
) -> Result<Reverted> {
    take_lock(connection)?;
    let run = finished_run(connection)?;
    let Some(migration) = last_applied(connection, folder)? else { return Ok(Reverted::Nothing) };
    if !migration.is_in_transaction {
        return Err(Error::new(format!("{} cannot be applied again in one transaction", migration.name))
            .caused_by("its metadata.toml contains run_in_transaction = false")
            .with_remedy_value(Remedy::DownThenUp));
    }
    in_transaction(connection, is_dry_run, |connection| {
        let reverted = revert(connection, folder, migration, run.as_ref(), may_lose_rows)?;
        if matches!(reverted, Reverted::Done { .. }) {
            apply(connection, folder, migration)?;
        }
        Ok(reverted)
    })
}

fn in_transaction<T>(
    connection: &mut Connection,
    is_dry_run: bool,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    if is_dry_run { connection.undone_transaction(work) } else { connection.transaction(work) }
}

/// Creates what the records need: the ledger, the schema with Diesel's list, and that list.
fn prepare(connection: &mut Connection, folder: &SchemaMigrations) -> Result<()> {
    ledger::create(connection)?;
    let schema = &folder.list_schema;
    if schema != DEFAULT_SCHEMA {
        connection
            .script(&format!("CREATE SCHEMA IF NOT EXISTS {}", quote_pg(schema)))
            .context(|| format!("schema {schema} cannot be created"))?;
    }
    bookkeeping::create(connection, schema)
}

fn apply(connection: &mut Connection, folder: &SchemaMigrations, migration: &SchemaMigration) -> Result<()> {
    let failed = format!("{} cannot be applied", migration.name);
    run(connection, &migration.up, &failed)?;
    // Both records or none, also where the migration runs in no transaction.
    connection.transaction(|connection| {
        bookkeeping::record(connection, &folder.list_schema, &migration.version, &failed)?;
        let content = sha256(&migration.up);
        ledger::record_schema_file(connection, &folder.list_schema, &migration.version, &content)
    })
}

/// Reverts a migration in the open transaction, unless it would delete rows that must stay.
fn revert(
    connection: &mut Connection,
    folder: &SchemaMigrations,
    migration: &SchemaMigration,
    of_run: Option<&Run>,
    may_lose_rows: bool,
) -> Result<Reverted> {
    let (down, failed) = (down_sql(migration)?, down_failed(migration));
    let losses = loss::find(connection, &mut |connection| run(connection, down, &failed))?;
    if !losses.is_empty() && !may_lose_rows {
        return Ok(Reverted::WouldLose { name: migration.name.clone(), losses: Some(losses) });
    }
    revert_unchecked(connection, folder, migration, of_run, Some(losses))
}

fn revert_unchecked(
    connection: &mut Connection,
    folder: &SchemaMigrations,
    migration: &SchemaMigration,
    of_run: Option<&Run>,
    losses: Option<Vec<Loss>>,
) -> Result<Reverted> {
    run(connection, down_sql(migration)?, &down_failed(migration))?;
    let of_run = of_run.filter(|run| {
        run.list_schema == folder.list_schema && run_versions(run).contains(&migration.version)
    });
    connection.transaction(|connection| {
        ledger::create(connection)?;
        bookkeeping::forget(connection, &folder.list_schema, std::slice::from_ref(&migration.version))?;
        ledger::forget_schema_file(connection, &folder.list_schema, &migration.version)?;
        match of_run {
            // What was proven is no longer so.
            Some(run) => ledger::reopen_phase(connection, run.id, Phase::Validate),
            None => Ok(()),
        }
    })?;
    Ok(Reverted::Done { name: migration.name.clone(), losses, run_to_validate: of_run.map(|run| run.id) })
}

fn down_sql(migration: &SchemaMigration) -> Result<&str> {
    migration.down.as_deref().ok_or_else(|| {
        Error::new(down_failed(migration))
            .caused_by("it has no down.sql")
            .with_remedy_text("write one, or a new migration that changes what this one did")
    })
}

fn down_failed(migration: &SchemaMigration) -> String {
    format!("{} cannot be reverted", migration.name)
}

/// The last migration that is applied.
fn last_applied<'f>(
    connection: &mut Connection,
    folder: &'f SchemaMigrations,
) -> Result<Option<&'f SchemaMigration>> {
    let applied = bookkeeping::applied(connection, &folder.list_schema)?;
    let Some(version) = applied.last() else { return Ok(None) };
    let found = folder.migrations.iter().find(|migration| migration.version == *version);
    found.map(Some).ok_or_else(|| {
        Error::new(format!("migration {version} cannot be reverted"))
            .caused_by("it is applied, and its folder is gone")
            .with_remedy_text("restore its folder from version control")
    })
}

/// Refuses to go on from a migration that is not what was applied.
fn refuse_edited(entries: &[Entry]) -> Result<()> {
    let Some(edited) = entries.iter().find(|entry| entry.state == State::Edited) else { return Ok(()) };
    let name = edited.name.clone().unwrap_or_else(|| edited.version.clone());
    let is_last = entries.iter().rfind(|entry| entry.state != State::Pending) == Some(edited);
    Err(Error::new(format!("{name} was edited after it was applied"))
        .caused_by("the database has what up.sql contained then")
        .with_remedy_value(Remedy::RestoreMigration { is_last }))
}

/// Runs statements of a file with the search path that a new session of this role has, as Diesel does.
fn run(connection: &mut Connection, sql: &str, failed: &str) -> Result<()> {
    const NEW_SESSION: &str = "SELECT pg_catalog.set_config('search_path', \
         (SELECT s.reset_val FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) 'search_path'), false)";
    const RESTORE: &str = "SELECT pg_catalog.set_config('search_path', $1, false)";
    let ours: String =
        connection.one("SELECT current_setting('search_path')", &[]).context(|| failed.to_owned())?;
    connection.query(NEW_SESSION, &[]).context(|| failed.to_owned())?;
    connection.with_long_silence(|connection| connection.script(sql)).context(|| failed.to_owned())?;
    connection.query(RESTORE, &[Some(&ours)]).map(drop).context(|| failed.to_owned())
}
