//! The freeze: writers wait while the last difference is applied, and the fence is closed in the transaction that made them wait.

use std::time::{Duration, Instant};

use migrate_core::cutover::{Event, Fence};

use super::Cutover;
use super::complete::{Complete, commit, compare};
use super::parts::{Laps, PauseParts};
use crate::catch_up::{Applied, copies};
use crate::error::{Error, Result, is_stop};
use crate::fence::{FenceId, WriteLock};
use crate::source::SourceConnection;
use crate::source::seal::{self, Seal};

/// How long the commit of the fence may take longer than the pause: readers of a file without a log delay it.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(1);

/// The result of a freeze.
#[derive(Clone, Debug)]
pub enum Frozen {
    /// The source is closed.
    Closed(Box<Closed>),
    /// The source is open, and the app goes on; catch up, and try again.
    Open(NotFrozen),
}

/// Why a freeze ended without closing the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFrozen {
    /// There was no moment in which nobody wrote.
    NeverIdle,
    /// The last difference would have taken too long. Nothing was changed.
    TooLong {
        /// For how long writers waited.
        pause: Duration,
    },
    /// Readers kept the fence from being closed. PostgreSQL equals the copy, and the app writes to SQLite.
    Readers {
        /// For how long writers waited.
        pause: Duration,
    },
}

/// A closed source.
#[derive(Clone, Debug)]
pub struct Closed {
    /// The fence; none where the app is stopped.
    pub fence: Option<Fence>,
    /// For how long writers waited; none where the app is stopped.
    pub pause: Option<Duration>,
    /// The final copy, which PostgreSQL equals.
    pub seal: Seal,
    /// The last changes.
    pub applied: Applied,
    /// What the parts of the pause cost; of a stopped app, those that it has in common with a freeze.
    pub parts: PauseParts,
}

impl Cutover<'_> {
    /// Freezes the source: PostgreSQL is complete and the source closed afterwards, or nothing but perhaps the last catch-up has happened.
    ///
    /// # Errors
    /// When a database fails, or the schema of the source has changed. The source is open then, unless the error comes after the fence:
    /// the next step is read from the file and the ledger.
    pub fn freeze(&mut self) -> Result<Frozen> {
        let path = self.run.seal.source_path.clone();
        // Opened before the lock and closed after it: it holds a descriptor of the file, and closing one drops all locks of the process.
        let source = SourceConnection::open_live(&path)?;
        if source.is_unlocked() {
            return Err(Error::new(format!("{} cannot be locked", path.display()))
                .caused_by("this account cannot make the shared memory that SQLite's locks need next to it")
                .with_remedy_text("run the command as the account that the app runs as"));
        }
        let Some(lock) = WriteLock::acquire(&path, self.request.lock_wait_max)? else {
            return Ok(Frozen::Open(NotFrozen::NeverIdle));
        };
        let locked = Instant::now();
        let deadline = locked + self.request.pause_max;
        let complete = match self.complete(&source, locked, deadline) {
            Ok(complete) => complete,
            Err(error) if Instant::now() >= deadline && !is_stop_asked(self, &error) => {
                drop(lock);
                return Ok(Frozen::Open(NotFrozen::TooLong { pause: locked.elapsed() }));
            }
            Err(error) => return Err(error),
        };
        check_in_place(&source)?;
        let mut laps = Laps::begin();
        let fence = lock.put_up(&FenceId::of(&complete.seal.sha256), self.request.mark_use)?;
        if !lock.commit(deadline + COMMIT_WAIT_MAX)? {
            return Ok(Frozen::Open(NotFrozen::Readers { pause: locked.elapsed() }));
        }
        let pause = locked.elapsed();
        let fence_cost = laps.next();
        drop(source);
        let pause_ms = u64::try_from(pause.as_millis()).ok();
        self.record(Event::SourceClosed { fence: Some(fence), pause_ms })?;
        // The source is closed, and the app waits to be switched: a copy that cannot be deleted stays.
        drop(copies::delete_passed(&mut self.session, &self.run));
        let Complete { seal, applied, parts } = complete;
        let parts = PauseParts { fence: fence_cost, ..parts };
        Ok(Frozen::Closed(Box::new(Closed { fence: Some(fence), pause: Some(pause), seal, applied, parts })))
    }

    fn complete(
        &mut self,
        source: &SourceConnection,
        locked: Instant,
        deadline: Instant,
    ) -> Result<Complete> {
        let until = Some(deadline);
        let copied = |_| super::complete::check_time(until);
        let mut laps = Laps::begin();
        let copy = seal::copy_locked(source.file(), &self.request.backup_dir, &copied)?;
        let copy_cost = laps.next();
        let compared = compare(self, copy, until)?;
        let difference = laps.next();
        let events = |seal: &Seal| vec![Event::TargetComplete { sha256: seal.sha256.clone() }];
        let complete = commit(self, compared, locked, until, &events, &|| check_in_place(source))?;
        Ok(Complete { parts: PauseParts { copy: copy_cost, difference, ..complete.parts }, ..complete })
    }
}

/// Refuses where another file has taken the place of the one that is locked: the fence would be on a file that nobody opens any more.
fn check_in_place(source: &SourceConnection) -> Result<()> {
    match source.disturbance() {
        None => Ok(()),
        Some(disturbance) => Err(Error::new(format!("{} is not closed", source.path().display()))
            .caused_by(disturbance)
            .with_remedy_text("stop whatever replaces the file, and run the same command again")),
    }
}

/// Whether a person has asked to stop, which interrupts SQLite as the deadline does.
fn is_stop_asked(cutover: &Cutover<'_>, error: &Error) -> bool {
    is_stop(error) && cutover.observer.is_stopped()
}
