//! Looks at the integrity of a run's sealed copy beside whatever else is done, once for each run.

use std::thread::ScopedJoinHandle;

use crate::error::{Error, Result};
use crate::ledger::Run;
use crate::observer::StopFlag;
use crate::source::SourceConnection;
use crate::source::integrity_check::{Integrity, integrity_check};
use crate::threads;

/// How far others come before it on a busy machine: what moves rows is in a hurry, and this is not.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

/// A look at the sealed copy that is under way.
pub(super) struct IntegrityBeside<'scope>(ScopedJoinHandle<'scope, Result<Integrity>>);

impl IntegrityBeside<'_> {
    /// Whether it has come to its end.
    pub(super) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// What it finds.
    pub(super) fn wait(self) -> Result<Integrity> {
        let stopped = || Err(Error::new("the thread that checks the sealed copy stopped unexpectedly"));
        self.0.join().unwrap_or_else(|_| stopped())
    }
}

/// Does `work` while the sealed copy of `run` is looked at, unless it is `known` already what that finds; where the work ends without
/// waiting for that, it is given up.
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
        let done = threads::spawn(scope, look).and_then(|look| work(IntegrityBeside(look)));
        is_over.set();
        done
    })
}

/// Lets the threads that move rows come first. On Linux a thread is nice by itself; elsewhere it would slow down all of us.
fn step_back() {
    #[cfg(target_os = "linux")]
    // One that may not be nice is no worse for it.
    let _ = rustix::process::nice(NICENESS);
}
