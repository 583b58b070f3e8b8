//! The migrations of the target's schema: which are applied, and applying and reverting them in Diesel's list.
//!
//! Diesel's own runner finds the list by the search path, has no deadlines and hides the SQLSTATE, so that migrations run on the
//! client's connection here; the `diesel` program reads and writes the same list. No files are read in this module.

mod apply;
mod loss;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use migrate_core::phase::Phase;
use migrate_core::render;
use sha2::{Digest, Sha256};

pub use apply::{Reverted, down, redo, up};
pub use loss::Loss;

use crate::error::{Context, Error, Result};
use crate::ledger::{self, Run};
use crate::remedy::Remedy;
use crate::run::{ADVISORY_LOCK, open_checked};
use crate::target::bookkeeping;
use crate::target::migration::Migration;
use postgres_client::connection::Connection;
use postgres_client::lock_query::advisory_lock_holder;
use postgres_client::{DbSettings, TargetUrl};

/// How long the lock may be held by a session that is about to end.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(3);

/// How long to wait between two tries to take it.
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// A migration, read from its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaMigration {
    /// The name of its folder.
    pub name: String,
    /// The version under which Diesel records it.
    pub version: String,
    /// What applies it.
    pub up: String,
    /// What reverts it; none where it has no `down.sql`.
    pub down: Option<String>,
    /// Whether it runs in a transaction, as it does unless its `metadata.toml` forbids that.
    pub is_in_transaction: bool,
}

/// The migrations of a folder, in the order of their versions, and the schema with the list of those that are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaMigrations {
    /// The schema that contains `__diesel_schema_migrations`.
    pub list_schema: String,
    /// The migrations.
    pub migrations: Vec<SchemaMigration>,
}

/// The state of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is applied, and its file is as it was then.
    Applied,
    /// It is applied, and its file was edited since.
    Edited,
    /// Another program has applied it, and nobody recorded its content.
    AppliedByOthers,
    /// It is applied, and its folder is gone.
    Missing,
    /// It is not applied.
    Pending,
}

/// A migration of the folder or of the list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// Its version.
    pub version: String,
    /// The name of its folder; none where that is gone.
    pub name: Option<String>,
    /// Its state.
    pub state: State,
}

/// Connects for the migrations, whose statements may take as long as the data is large.
///
/// # Errors
/// When the target cannot be reached, or its version is too old.
pub fn open(target: &TargetUrl, settings: &DbSettings) -> Result<Connection> {
    let mut connection = open_checked(target, settings)?;
    connection.script("SET statement_timeout = 0").context(|| "the session cannot be set up")?;
    Ok(connection)
}

/// Returns the state of every migration, in the order of their versions. Changes nothing.
///
/// # Errors
/// When the list or the ledger cannot be read.
pub fn status(connection: &mut Connection, folder: &SchemaMigrations) -> Result<Vec<Entry>> {
    let applied = bookkeeping::applied(connection, &folder.list_schema)?;
    let recorded = match applied.is_empty() {
        true => BTreeMap::new(),
        false => recorded_contents(connection, &folder.list_schema)?,
    };
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    for version in &applied {
        let entry = Entry { version: version.clone(), name: None, state: State::Missing };
        entries.insert(version.clone(), entry);
    }
    for migration in &folder.migrations {
        let version = &migration.version;
        let state = match recorded.get(version) {
            _ if !applied.contains(version) => State::Pending,
            None => State::AppliedByOthers,
            Some(recorded) if *recorded == sha256(&migration.up) => State::Applied,
            Some(_) => State::Edited,
        };
        let entry = Entry { version: version.clone(), name: Some(migration.name.clone()), state };
        entries.insert(version.clone(), entry);
    }
    Ok(entries.into_values().collect())
}

/// The SHA-256 of each migration's `up.sql` as it was applied: as the ledger recorded it, or as the plan of the last run has it.
fn recorded_contents(connection: &mut Connection, list_schema: &str) -> Result<BTreeMap<String, String>> {
    let mut recorded = BTreeMap::new();
    if let Some(run) = ledger::last_run(connection)?.filter(|run| run.list_schema == list_schema) {
        let contents = [render::create_tables(&run.plan).up, render::create_constraints(&run.plan).up];
        let versions = run_versions(&run);
        recorded.extend(versions.into_iter().zip(contents.iter().map(|content| sha256(content))));
    }
    recorded.extend(ledger::schema_files(connection, list_schema)?);
    Ok(recorded)
}

/// The versions of a run's own migrations.
fn run_versions(run: &Run) -> [String; 2] {
    render::migration_names(&run.plan).map(|name| Migration::new(name).version())
}

/// The SHA-256 of a file's text in hex. Line ends do not count: git may change them.
fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.replace("\r\n", "\n"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Excludes migrations of rows and other changes of the schema for as long as the connection lasts.
///
/// # Errors
/// When another one is at work, or the lock cannot be taken.
fn take_lock(connection: &mut Connection) -> Result<()> {
    let deadline = Instant::now() + LOCK_WAIT_MAX;
    while !connection.one::<bool>(&format!("SELECT pg_try_advisory_lock({ADVISORY_LOCK})"), &[])? {
        if Instant::now() > deadline {
            let error = Error::new("another migration is at work on this target")
                .with_remedy_value(Remedy::AwaitOther);
            return Err(match advisory_lock_holder(connection, ADVISORY_LOCK)? {
                Some(holder) => error.caused_by(format!("it is {holder}")),
                None => error,
            });
        }
        std::thread::sleep(LOCK_WAIT);
    }
    Ok(())
}

/// Returns the last run, unless its migrations are still to be applied: the second one follows the rows.
///
/// # Errors
/// When it has not finished.
fn finished_run(connection: &mut Connection) -> Result<Option<Run<'static>>> {
    let run = ledger::last_run(connection)?;
    match &run {
        Some(unfinished) if !unfinished.state.done.contains(&Phase::Constraints) => {
            Err(Error::new(format!("run {} is not finished", unfinished.id))
                .caused_by("it applies its own migrations: the second one follows the rows")
                .with_remedy_value(Remedy::Resume))
        }
        _ => Ok(run),
    }
}
