//! The lock that makes writers wait during a freeze, and the transaction in which the fence is closed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use migrate_core::cutover::Fence;
use rusqlite::Connection;

use super::connection::{self, is_busy};
use super::{FenceId, MarkUse, mark, triggers};
use crate::error::{Context, Error, Result};

/// How long to wait between two tries to commit.
const COMMIT_WAIT: Duration = Duration::from_millis(2);

/// An open write transaction on the live file: writers wait for it, readers do not. Dropping it rolls back.
#[derive(Debug)]
pub struct WriteLock {
    connection: Connection,
    path: PathBuf,
}

impl WriteLock {
    /// Waits for at most `wait` until no other connection writes, and begins a transaction; none if one wrote all the time.
    ///
    /// The file must not be opened by other means than SQLite while the lock is held.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn acquire(path: &Path, wait: Duration) -> Result<Option<WriteLock>> {
        let failed = || format!("{} cannot be locked", path.display());
        let real_path = std::fs::canonicalize(path).context(failed)?;
        let connection = connection::open(&real_path, wait).context(failed)?;
        match connection.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => Ok(Some(WriteLock { connection, path: path.to_owned() })),
            Err(error) if is_busy(&error) => Ok(None),
            Err(error) => Err(Error::new(failed()).caused_by(error)),
        }
    }

    /// Puts up the fence, which [`WriteLock::commit`] closes.
    ///
    /// # Errors
    /// When SQLite refuses. Dropping the lock then leaves the file as it was.
    pub fn put_up(&self, id: &FenceId, mark_use: MarkUse) -> Result<Fence> {
        let failed = || format!("the fence of {} cannot be put up", self.path.display());
        for trigger in triggers::expected(&self.connection, id).context(failed)? {
            self.connection.execute_batch(&trigger.sql).context(failed)?;
        }
        let needs_mark =
            mark_use == MarkUse::Always || triggers::has_virtual_tables(&self.connection).context(failed)?;
        if !needs_mark {
            return Ok(Fence::Triggers);
        }
        mark::set(&self.connection).context(failed)?;
        Ok(Fence::TriggersAndReadOnlyMark)
    }

    /// Commits until `until`, and returns whether it was possible: without a log, readers delay it. If not, the file is as it was.
    ///
    /// # Errors
    /// When SQLite cannot write.
    pub fn commit(self, until: Instant) -> Result<bool> {
        self.connection.busy_timeout(Duration::ZERO).context(|| "the lock cannot be set up")?;
        loop {
            match self.connection.execute_batch("COMMIT") {
                Ok(()) => return Ok(true),
                Err(error) if is_busy(&error) && Instant::now() < until => std::thread::sleep(COMMIT_WAIT),
                Err(error) if is_busy(&error) => return Ok(false),
                Err(error) => {
                    let failed = format!("the fence of {} cannot be closed", self.path.display());
                    return Err(Error::new(failed).caused_by(error));
                }
            }
        }
    }
}
