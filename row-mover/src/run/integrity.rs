//! Checks the integrity of a run's sealed copy in parallel with the other phases, once for each run.

use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ledger::Run;
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::integrity_check::{Integrity, integrity_check};
use crate::threads;
use postgres_client::watch::StopFlag;
use postgres_client::watch::check_stop;

/// Interval between checks whether to stop.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Nice value of the check: on a busy machine the threads that move rows come first.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

/// A check of the sealed copy in progress.
pub(super) struct IntegrityBeside<'scope> {
    look: ScopedJoinHandle<'scope, Result<Integrity>>,
    is_over: StopFlag,
}

impl IntegrityBeside<'_> {
    /// Whether it has come to its end.
    pub(super) fn is_finished(&self) -> bool {
        self.look.is_finished()
    }

    /// Its result.
    ///
    /// # Errors
    /// When the copy cannot be checked, or `observer` asks to stop.
    pub(super) fn wait(self, observer: &dyn Observer) -> Result<Integrity> {
        while !self.look.is_finished() {
            check_stop(observer).inspect_err(|_| self.is_over.set())?;
            std::thread::sleep(ASK_EVERY);
        }
        let stopped = || Err(Error::new("the thread that checks the sealed copy stopped unexpectedly"));
        self.look.join().unwrap_or_else(|_| stopped())
    }
}

/// Runs `work` while the sealed copy of `run` is checked, unless the result is `known`. If the work ends without waiting for the check,
/// the check is abandoned.
pub(super) fn beside_integrity<T>(
    run: &Run,
    known: Option<Integrity>,
    work: impl FnOnce(IntegrityBeside<'_>) -> Result<T>,
) -> Result<T> {
    let is_over = StopFlag::default();
    std::thread::scope(|scope| {
        let asked = is_over.clone();
        let look = || match known {
            Some(found) => Ok(found),
            None => {
                step_back();
                let source = SourceConnection::open_sealed(&run.seal.path)?;
                integrity_check(&source, asked)
            }
        };
        let done = threads::spawn(scope, look)
            .and_then(|look| work(IntegrityBeside { look, is_over: is_over.clone() }));
        is_over.set();
        done
    })
}

/// Lets the threads that move rows come first. On Linux niceness applies to one thread; elsewhere it would slow down the entire process.
fn step_back() {
    #[cfg(target_os = "linux")]
    // One that may not be nice is no worse for it.
    let _ = rustix::process::nice(NICENESS);
}
