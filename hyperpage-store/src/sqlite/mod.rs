//! The operations on SQLite, as the app opens it: WAL, foreign keys, and a time limit for locks.
//!
//! Each operation that writes is a transaction that begins with the lock (`BEGIN IMMEDIATE`), so that it never fails between reading
//! and writing.
#![allow(clippy::duplicate_mod, reason = "queries/ is compiled once for each database")]

use std::path::Path;
use std::time::Duration;

use diesel::connection::{
    AnsiTransactionManager, Connection as _, SimpleConnection as _, TransactionManager as _,
};
use diesel::result::Error as DieselError;
use diesel::{ConnectionError, SqliteConnection};
use schema_sqlite::schema;
use serde_json::{Map, Value};
use token_cipher::EncryptionKey;

use crate::domain::{
    Attempt, ConfigMerge, Consumption, Expected, Grant, Job, JobChange, JobId, NewJob, NewRateLimit,
    NewSession, NewToolConfig, NewUser, RateLimit, Refresh, Session, SessionId, StateEntry, TokenId,
    ToolConfig, User, UserId,
};
use crate::operations::operations;
use crate::{Error, Result, Store, Table, Timestamp, check};

mod claim_job;
mod dialect;
mod find_containing;
mod merge_config;

#[path = "../queries/app_state.rs"]
mod app_state;
#[path = "../queries/job_changes.rs"]
mod job_changes;
#[path = "../queries/job_history.rs"]
mod job_history;
#[path = "../queries/jobs.rs"]
mod jobs;
#[path = "../queries/oauth_tokens.rs"]
mod oauth_tokens;
#[path = "../queries/rate_limits.rs"]
mod rate_limits;
#[path = "../queries/tool_configs.rs"]
mod tool_configs;
#[path = "../queries/user_sessions.rs"]
mod user_sessions;
#[path = "../queries/users.rs"]
mod users;

/// When a commit reaches the disk (`PRAGMA synchronous`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// With each commit.
    Full,
    /// With each checkpoint: after a power cut the last commits may be missing. The app's setting.
    Normal,
}

/// How the file is opened.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// How long an operation waits for the locks of others before it fails with [`Error::Busy`].
    pub busy_timeout: Duration,
    /// When a commit reaches the disk.
    pub synchronous: Synchronous,
}

impl Default for SqliteOptions {
    /// Five seconds, and [`Synchronous::Full`].
    fn default() -> SqliteOptions {
        SqliteOptions { busy_timeout: Duration::from_secs(5), synchronous: Synchronous::Full }
    }
}

/// The app's database in a SQLite file.
#[allow(missing_debug_implementations, reason = "a connection has nothing to show")]
pub struct SqliteStore {
    connection: SqliteConnection,
}

impl SqliteStore {
    /// Opens a file that exists.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it cannot be opened, or is no database.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<SqliteStore> {
        let uri = uri_of(path).ok_or_else(|| unavailable("its path is not UTF-8"))?;
        let mut connection = SqliteConnection::establish(&uri).map_err(|error| match error {
            ConnectionError::InvalidCString(_) => unavailable("its path contains U+0000"),
            _ => unavailable("it does not exist, or may not be opened"),
        })?;
        let timeout_ms = options.busy_timeout.as_millis().min(i32::MAX as u128);
        let synchronous = match options.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        let settings = format!(
            "PRAGMA busy_timeout = {timeout_ms}; PRAGMA journal_mode = WAL; \
             PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON;"
        );
        connection.batch_execute(&settings).map_err(|error| match Error::from(error) {
            busy @ Error::Busy { .. } => busy,
            _ => unavailable("it is no SQLite database"),
        })?;
        Ok(SqliteStore { connection })
    }

    fn read<T>(&mut self, query: impl FnOnce(&mut SqliteConnection) -> Result<T>) -> Result<T> {
        query(&mut self.connection)
    }

    fn write<T>(&mut self, statement: impl FnOnce(&mut SqliteConnection) -> Result<T>) -> Result<T> {
        let mut refused = None;
        let done = self.connection.immediate_transaction(|connection| {
            statement(connection).map_err(|error| {
                refused = Some(error);
                DieselError::RollbackTransaction
            })
        });
        self.end_transaction();
        done.map_err(|error| refused.unwrap_or_else(|| error.into()))
    }

    /// Makes the connection usable after a transaction that Diesel could not roll back. SQLite itself undoes a transaction when the disk is
    /// full, for instance; Diesel's rollback fails then, and it would refuse every transaction to come.
    fn end_transaction(&mut self) {
        if AnsiTransactionManager::is_broken_transaction_manager(&mut self.connection) {
            // It fails where there is no transaction any more. If there still is one, the next operation fails and gets here again.
            drop(self.connection.batch_execute("ROLLBACK"));
            *self.connection.transaction_state() = AnsiTransactionManager::default();
        }
    }

    fn idempotent_write<T>(
        &mut self,
        statement: impl FnOnce(&mut SqliteConnection) -> Result<T>,
    ) -> Result<T> {
        self.write(statement)
    }

    fn transaction<T>(&mut self, statements: impl FnOnce(&mut SqliteConnection) -> Result<T>) -> Result<T> {
        self.write(statements)
    }
}

impl Store for SqliteStore {
    operations!();
}

fn unavailable(reason: &'static str) -> Error {
    Error::Unavailable { source: reason.into() }
}

/// The URI of a file that is not created if it does not exist.
fn uri_of(path: &Path) -> Option<String> {
    let path = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Some(format!("file:{path}?mode=rw"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{DatabaseFailure, FailureKind};

    #[test]
    fn a_store_works_again_when_the_disk_is_no_longer_full() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("hyperpage.db");
        std::fs::write(&path, "").unwrap();
        let mut store = SqliteStore::open(&path, SqliteOptions::default()).unwrap();
        for migration in schema_sqlite::LEGACY_MIGRATIONS {
            store.connection.batch_execute(migration.up_sql).unwrap();
        }
        let now = Timestamp::from_epoch_ms(0);
        store.set_state("kept", Some("a"), now).unwrap();
        // No more pages than there are.
        store.connection.batch_execute("PRAGMA max_page_count = 1").unwrap();
        for _ in 0..2 {
            let error = store.set_state("kept", Some(&"b".repeat(1 << 20)), now).unwrap_err();
            let Error::Database { source } = &error else { panic!("{error:?}") };
            let failure = source.downcast_ref::<DatabaseFailure>().unwrap();
            assert_eq!(failure.kind, FailureKind::Full);
            assert_eq!(store.state("kept").unwrap().unwrap().value.as_deref(), Some("a"));
        }
        store.connection.batch_execute("PRAGMA max_page_count = 1000000").unwrap();
        store.set_state("kept", Some(&"b".repeat(1 << 20)), now).unwrap();
    }
}
