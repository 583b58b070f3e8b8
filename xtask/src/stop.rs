//! Handles SIGINT, SIGTERM and SIGHUP: the first one ends the work in order, a second one at once. The exit status is 128 plus the
//! signal's number, as in a shell.
//!
//! The engine checks between its steps whether to stop, and the statements that the server runs are cancelled. Work that does not end
//! within a few seconds is abandoned: every change is a transaction, which the server rolls back.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::run;
use rustix::process::Signal;

use crate::output;

/// Interval at which signals are checked.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Interval at which the server is asked to cancel its statements.
const CANCEL_INTERVAL: Duration = Duration::from_millis(500);

/// Time for the work to end in order.
const GRACE: Duration = Duration::from_secs(10);

/// The message that a signal ended a command, and its consequences.
#[derive(Debug)]
pub(crate) struct Stopped {
    signal: Signal,
    what: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stopped by {}. {}", name(self.signal), self.what)
    }
}

impl std::error::Error for Stopped {}

impl Stopped {
    /// The exit status.
    pub(crate) fn exit_status(&self) -> u8 {
        exit_status(self.signal)
    }
}

/// Work that ends in order.
enum Work {
    /// On files of this machine.
    Local,
    /// In a target, whose statements are cancelled.
    Target(TargetUrl, DbSettings),
}

/// Whether a command is to stop.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The number of the last signal that was not handled yet; 0 for none.
    arrived: Arc<AtomicUsize>,
    /// Whether the work is to end in order.
    is_asked: AtomicBool,
    /// The work that ends in order; none while there is no such work.
    at_work: Mutex<Option<Work>>,
    first: Mutex<Option<Signal>>,
}

impl Stop {
    /// Listens to signals from now on. A signal ends the program at once unless work is done that ends in order.
    ///
    /// # Errors
    /// Where the system does not let signals be handled.
    pub(crate) fn listen() -> anyhow::Result<Stop> {
        let stop = Stop::default();
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            let number = usize::try_from(signal.as_raw()).unwrap_or(0);
            signal_hook::flag::register_usize(signal.as_raw(), Arc::clone(&stop.0.arrived), number)
                .context("cannot handle signals")?;
        }
        let shared = Arc::clone(&stop.0);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || shared.watch())
            .context("cannot handle signals")?;
        Ok(stop)
    }

    /// Whether the work is to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.is_asked.load(Ordering::Relaxed)
    }

    /// Asks the work to stop, as a signal does.
    #[cfg(test)]
    pub(crate) fn ask(&self) {
        self.0.is_asked.store(true, Ordering::Relaxed);
    }

    /// Does work in a target; a signal ends it in order. Such work may be a part of other such work.
    pub(crate) fn in_order<T>(
        &self,
        target: &TargetUrl,
        settings: &DbSettings,
        work: impl FnOnce() -> T,
    ) -> T {
        self.while_at_work(Work::Target(target.clone(), *settings), work)
    }

    /// The same for work on files, which asks [`Stop::is_asked`] itself.
    pub(crate) fn in_order_locally<T>(&self, work: impl FnOnce() -> T) -> T {
        self.while_at_work(Work::Local, work)
    }

    fn while_at_work<T>(&self, kind: Work, work: impl FnOnce() -> T) -> T {
        let outer = lock(&self.0.at_work).replace(kind);
        let done = work();
        *lock(&self.0.at_work) = outer;
        done
    }

    /// Returns the error of work that a signal has ended, with the remedy in `what`; without a signal, returns the error as it is. An
    /// error that is not a consequence of the signal is printed too.
    pub(crate) fn explain(&self, error: row_mover::Error, what: impl FnOnce() -> String) -> anyhow::Error {
        let Some(signal) = *lock(&self.0.first) else { return error.into() };
        if !row_mover::error::is_stop(&error) {
            output::failure(&error.into());
        }
        Stopped { signal, what: what() }.into()
    }
}

impl Shared {
    fn watch(&self) {
        let mut asked: Option<(Signal, Instant)> = None;
        let mut cancelled = None::<Instant>;
        loop {
            std::thread::sleep(POLL_INTERVAL);
            let arrived = self.take_signal();
            match (arrived, asked) {
                (None, None) => {}
                (Some(signal), None) if lock(&self.at_work).is_none() => {
                    end(signal, "Run the same command again.");
                }
                (Some(signal), None) => {
                    *lock(&self.first) = Some(signal);
                    self.is_asked.store(true, Ordering::Relaxed);
                    asked = Some((signal, Instant::now()));
                    output::note(&format!("{}: stopping; once more stops at once", name(signal)));
                }
                (Some(signal), Some(_)) => end(signal, ABANDONED),
                (None, Some((signal, since))) => {
                    let target = match &*lock(&self.at_work) {
                        Some(Work::Target(target, settings)) => Some((target.clone(), *settings)),
                        Some(Work::Local) | None => None,
                    };
                    if let Some((target, settings)) = target
                        && cancelled.is_none_or(|last| last.elapsed() >= CANCEL_INTERVAL)
                    {
                        cancelled = Some(Instant::now());
                        // A server that does not answer is not waited for.
                        drop(std::thread::Builder::new().spawn(move || run::cancel(&target, &settings)));
                    }
                    if since.elapsed() >= GRACE {
                        end(signal, ABANDONED);
                    }
                }
            }
        }
    }

    fn take_signal(&self) -> Option<Signal> {
        let number = self.arrived.swap(0, Ordering::SeqCst);
        [Signal::INT, Signal::TERM, Signal::HUP]
            .into_iter()
            .find(|signal| usize::try_from(signal.as_raw()) == Ok(number))
    }
}

/// What happens to work that does not end in order.
const ABANDONED: &str =
    "What is committed is kept, and the server rolls back the rest. Run the same command again.";

#[allow(
    clippy::disallowed_methods,
    reason = "the work cannot be waited for, and the commands that listen own no server and no database"
)]
fn end(signal: Signal, what: &str) -> ! {
    output::note(&Stopped { signal, what: what.to_owned() }.to_string());
    std::process::exit(exit_status(signal).into())
}

fn exit_status(signal: Signal) -> u8 {
    // The numbers of these signals are small.
    128_u8.saturating_add(u8::try_from(signal.as_raw()).unwrap_or(0))
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::INT => "SIGINT",
        Signal::HUP => "SIGHUP",
        _ => "SIGTERM",
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
