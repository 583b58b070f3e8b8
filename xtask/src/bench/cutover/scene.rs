//! The database of a cutover: Hyperpage's eight tables with those of the program that writes, its plan, and changes of a share of its rows.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use fixtures::hyperpage::{SampleOptions, create_sample};
use fixtures::writer;
use rusqlite::{Connection, TransactionBehavior};

use crate::bench::subjects::made_plan;
use crate::{source_plan, workspace};

/// Chooses the content: the same each time.
const SEED: u64 = 2_026;

/// The first rows carry values at the ends of what their columns can hold; they are not changed.
const FIRST_CHANGED_ROW: u64 = 1_000;

/// A database to cut over, and its plan.
pub(crate) struct Scene {
    path: PathBuf,
    /// The folder of its plan.
    pub(crate) plan_dir: PathBuf,
    /// The rows of all tables.
    pub(crate) rows: u64,
    /// The size of the file.
    pub(crate) sqlite_bytes: u64,
}

impl Scene {
    /// Creates a database with this many jobs in `folder`.
    ///
    /// # Errors
    /// When a file cannot be created, or no plan fits it.
    pub(crate) fn make(jobs: u64, folder: &Path) -> anyhow::Result<Scene> {
        let path = folder.join("app.db");
        let sample = create_sample(&path, &SampleOptions { rows: jobs, seed: SEED })?;
        let connection = Connection::open(&path)?;
        connection.execute_batch(writer::SCHEMA)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        drop(connection);
        let plan_dir = folder.join("plan");
        fs::create_dir(&plan_dir).with_context(|| format!("{} cannot be created", plan_dir.display()))?;
        let decisions = source_plan::mapping_text(&workspace::plan_dir(), false)?;
        let mapping = plan_dir.join("mapping.toml");
        fs::write(&mapping, decisions).with_context(|| format!("{} cannot be written", mapping.display()))?;
        made_plan(&path, &plan_dir)?;
        let sqlite_bytes =
            fs::metadata(&path).with_context(|| format!("{} cannot be measured", path.display()))?.len();
        let rows = sample.tables.iter().map(|table| table.rows).sum();
        Ok(Scene { path, plan_dir, rows, sqlite_bytes })
    }

    /// A copy of the database, to be cut over.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn copied_to(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let copy = folder.join("app.db");
        fs::copy(&self.path, &copy).with_context(|| format!("{} cannot be written", copy.display()))?;
        Ok(copy)
    }
}

/// Changes a share of the rows, in percent, spread over all large tables, while others write. Each `turn` changes other rows. Returns how
/// many rows were changed.
///
/// # Errors
/// When the database refuses.
pub(crate) fn change(source: &Path, percent: f64, turn: u64) -> anyhow::Result<u64> {
    let mut connection = Connection::open(source)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is at least 1")]
    let every = (100.0 / percent).round().max(1.0) as u64;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut changed = 0;
    let mut run = |sql: &str, every: u64, place: u64| -> rusqlite::Result<()> {
        let rows = format!("rowid > {FIRST_CHANGED_ROW} AND rowid % {every} = {}", (place + turn) % every);
        changed += transaction.execute(&format!("{sql} WHERE {rows}"), [])? as u64;
        Ok(())
    };
    run("UPDATE jobs SET updated_at = updated_at + 1, retry_count = retry_count + 1", every, 0)?;
    run("UPDATE users SET updated_at = updated_at + 1", every, 0)?;
    run("UPDATE oauth_tokens SET updated_at = updated_at + 1", every, 0)?;
    run("UPDATE user_sessions SET last_activity = last_activity + 1", every, 0)?;
    run("UPDATE job_history SET attempt = attempt + 1", every * 2, 0)?;
    run("DELETE FROM job_history", every * 4, 1)?;
    run(
        "INSERT INTO job_history (job_id, attempt, status, started_at, completed_at, duration_ms, error_message) \
         SELECT job_id, attempt, status, started_at, completed_at, duration_ms, error_message FROM job_history",
        every * 4,
        2,
    )?;
    transaction.commit()?;
    Ok(changed)
}
