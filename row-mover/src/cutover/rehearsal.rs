//! The rehearsal of a freeze: everything on a scratch copy, and in a transaction of PostgreSQL that is rolled back. The source is only read.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Cutover;
use super::complete::{Compared, compare};
use crate::catch_up::{Applied, apply_changes};
use crate::error::{Error, Result};
use crate::fence::{self, FenceId, WriteLock};
use crate::source::SourceConnection;
use crate::source::seal;

/// How long the scratch copy may be busy, which nobody else has open.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(1);

/// What a rehearsal measured, in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Rehearsal {
    /// The copy.
    pub copy_seconds: f64,
    /// The difference, and the hash of the copy at the same time.
    pub difference_seconds: f64,
    /// Applying the difference and reading it back.
    pub apply_seconds: f64,
    /// Putting up the fence and committing it.
    pub fence_seconds: f64,
    /// The changes since the last copy.
    pub applied: Applied,
}

impl Rehearsal {
    /// The pause to expect: the sum of its parts.
    pub fn pause(&self) -> Duration {
        Duration::from_secs_f64(
            self.copy_seconds + self.difference_seconds + self.apply_seconds + self.fence_seconds,
        )
    }
}

impl Cutover<'_> {
    /// Rehearses a freeze. Nothing is changed in either database, and the scratch copy is removed.
    ///
    /// # Errors
    /// When a step fails, as it would in the freeze.
    pub fn rehearse(&mut self) -> Result<Rehearsal> {
        let source = SourceConnection::open_live(&self.run.seal.source_path)?;
        let started = Instant::now();
        let copy = seal::copy_locked(source.file(), &self.request.backup_dir, &|_| Ok(()))?;
        let copy_seconds = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let Compared { copy, base, newer, rows, .. } = compare(self, copy, None)?;
        let difference_seconds = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let (run, observer) = (&self.run, self.observer);
        let applied = self.session.undone_transaction(|transaction| {
            apply_changes(transaction, run, &base, &newer, &rows.tables, observer)
        })?;
        let apply_seconds = started.elapsed().as_secs_f64();
        drop((base, newer));
        let started = Instant::now();
        let lock = WriteLock::acquire(copy.path(), LOCK_WAIT_MAX)?
            .ok_or_else(|| Error::new("the scratch copy is locked by another program"))?;
        let id = FenceId::of(&self.run.seal.sha256);
        lock.put_up(&id, self.request.mark_use)?;
        lock.commit(Instant::now() + LOCK_WAIT_MAX)?;
        let fence_seconds = started.elapsed().as_secs_f64();
        fence::open(copy.path(), &id, &|_| Ok(()))?;
        Ok(Rehearsal { copy_seconds, difference_seconds, apply_seconds, fence_seconds, applied })
    }
}
