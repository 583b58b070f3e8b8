//! Checks the integrity of a run's sealed copy: in parallel with the other phases, or by itself. The ledger has its result.

use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ledger::Run;
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::integrity_check::{Integrity, integrity_check};
use crate::source::seal::{self, Seal};
use crate::threads;
use crate::watched::watched;
use postgres_client::watch::StopFlag;
use postgres_client::watch::check_stop;

/// Interval between checks whether to stop.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Nice value of the check: on a busy machine the threads that move rows come first.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

/// The integrity of the sealed copy: known, not asked for, or a check in progress.
pub(super) struct IntegrityBeside<'scope> {
    known: Option<Integrity>,
    check: Option<ScopedJoinHandle<'scope, Result<Integrity>>>,
    is_over: StopFlag,
}

impl IntegrityBeside<'_> {
    /// Whether no check is in progress.
    pub(super) fn is_finished(&self) -> bool {
        self.check.as_ref().is_none_or(ScopedJoinHandle::is_finished)
    }

    /// Its result; none where it is neither known nor asked for.
    ///
    /// # Errors
    /// When the copy cannot be checked, or `observer` asks to stop.
    pub(super) fn wait(self, observer: &dyn Observer) -> Result<Option<Integrity>> {
        let Some(check) = self.check else { return Ok(self.known) };
        while !check.is_finished() {
            check_stop(observer).inspect_err(|_| self.is_over.set())?;
            std::thread::sleep(ASK_EVERY);
        }
        let stopped = || Err(Error::new("the thread that checks the sealed copy stopped unexpectedly"));
        check.join().unwrap_or_else(|_| stopped()).map(Some)
    }
}

/// Runs `work` while the sealed copy of `run` is checked, where that is asked for and the result is not `known`. If the work ends without
/// waiting for the check, the check is abandoned.
pub(super) fn beside_integrity<T>(
    run: &Run,
    known: Option<Integrity>,
    is_asked_for: bool,
    work: impl FnOnce(IntegrityBeside<'_>) -> Result<T>,
) -> Result<T> {
    let is_over = StopFlag::default();
    if known.is_some() || !is_asked_for {
        return work(IntegrityBeside { known, check: None, is_over });
    }
    std::thread::scope(|scope| {
        let asked = is_over.clone();
        let check = || {
            step_back();
            integrity_check(&SourceConnection::open_sealed(&run.seal.path)?, asked)
        };
        let done = threads::spawn(scope, check).and_then(|check| {
            work(IntegrityBeside { known: None, check: Some(check), is_over: is_over.clone() })
        });
        is_over.set();
        done
    })
}

/// Checks a sealed copy by itself, after its SHA-256.
///
/// # Errors
/// When it is gone or not what was sealed, cannot be checked, or `observer` asks to stop.
pub fn check_sealed_copy(seal: &Seal, observer: &dyn Observer) -> Result<Integrity> {
    watched(observer, |observer| {
        seal::verify_while(seal, &|| check_stop(observer))?;
        integrity_check(&SourceConnection::open_sealed(&seal.path)?, observer.stop_flag())
    })
}

/// Lets the threads that move rows come first. On Linux niceness applies to one thread; elsewhere it would slow down the entire process.
fn step_back() {
    #[cfg(target_os = "linux")]
    // One that may not be nice is no worse for it.
    let _ = rustix::process::nice(NICENESS);
}
