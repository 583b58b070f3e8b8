//! The rehearsal of a freeze: everything on a scratch copy, and in a transaction of PostgreSQL that is rolled back. The source is only read.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Cutover;
use super::complete::{Compared, compare};
use crate::catch_up::{Applied, apply_changes};
use crate::error::{Error, Result};
use crate::fence::{self, FenceId, WriteLock};
use crate::ledger;
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::integrity_check::{Integrity, integrity_check};
use crate::source::seal;
use crate::watched::watched;

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
    /// What `integrity_check` found in the scratch copy; none where it was not asked for. It is no part of the pause.
    pub integrity: Option<Integrity>,
}

/// What a rehearsal includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RehearsalScope {
    /// What happens while writers wait.
    Pause,
    /// Before that `integrity_check`, without which no cutover begins.
    CheckAndPause,
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
    /// Rehearses a cutover up to the freeze. Nothing is changed in either database, and the scratch copy is removed.
    ///
    /// # Errors
    /// When a step fails, as it would in the freeze.
    pub fn rehearse(&mut self, scope: RehearsalScope) -> Result<Rehearsal> {
        let source = SourceConnection::open_live(&self.run.seal.source_path)?;
        let started = Instant::now();
        let copy = seal::copy_locked(source.file(), &self.request.backup_dir, &|_| Ok(()))?;
        let copy_seconds = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let Compared { copy, hash, base, newer, rows } = compare(self, copy, None)?;
        let difference_seconds = started.elapsed().as_secs_f64();
        let integrity = match scope {
            RehearsalScope::Pause => None,
            RehearsalScope::CheckAndPause => Some(self.integrity_of(copy.path(), &hash.0)?),
        };
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
        Ok(Rehearsal { copy_seconds, difference_seconds, apply_seconds, fence_seconds, applied, integrity })
    }

    /// The integrity of a scratch copy with this SHA-256. The ledger's result is that of the last copy, which may be equal.
    fn integrity_of(&mut self, copy: &Path, sha256: &str) -> Result<Integrity> {
        if sha256 == self.run.seal.sha256
            && let Some(known) = ledger::integrity(&mut self.session, self.run.id)?
        {
            return Ok(known);
        }
        watched(self.observer, |observer| {
            integrity_check(&SourceConnection::open_sealed(copy)?, observer.stop_flag())
        })
    }
}
