//! Trying again after a fault that may pass: a lost connection, a server that is started again, too many connections.
//!
//! A fault that does not pass by itself is never tried again. What was begun and not answered is not known to be undone: whoever
//! tries again asks the ledger first.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::observer::{Observer, go_on};

/// How long to wait before the second try.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How often to look whether to stop while waiting.
const LOOK_EACH: Duration = Duration::from_millis(100);

/// What runs for longer than this before it fails has made progress, so that its fault is a new one; waiting for an answer that never
/// comes is none.
const PROGRESS: Duration = Duration::from_secs(30);

/// How long faults have lasted, and how long they may.
pub(crate) struct Patience<'a> {
    /// When the last try began.
    tried_at: Instant,
    observer: &'a dyn Observer,
    lasts_max: Duration,
    since: Option<Instant>,
    wait: Duration,
}

impl<'a> Patience<'a> {
    /// Patience for faults that last no longer than `lasts_max`; zero is none at all.
    pub(crate) fn new(lasts_max: Duration, observer: &'a dyn Observer) -> Patience<'a> {
        Patience { tried_at: Instant::now(), observer, lasts_max, since: None, wait: FIRST_WAIT }
    }

    /// Something went well: the next fault is a new one.
    pub(crate) fn restore(&mut self) {
        self.since = None;
        self.wait = FIRST_WAIT;
        self.tried_at = Instant::now();
    }

    /// Waits before the next try after `error`, and says so.
    ///
    /// # Errors
    /// The error itself, where it does not pass or has lasted for too long.
    pub(crate) fn bear(&mut self, error: Error) -> Result<()> {
        // Who asks to stop has cancelled what ran, which looks like a fault that passes.
        if !error.is_passing() || self.lasts_max.is_zero() || self.observer.is_stopped() {
            return Err(error.with_remedy());
        }
        if self.tried_at.elapsed() > PROGRESS && !error.is_stall() {
            self.restore();
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() + self.wait > self.lasts_max {
            let seconds = since.elapsed().as_secs_f32();
            // This says more than what to do about a first connection.
            return Err(error.next(format!(
                "it lasted for {seconds:.0} seconds (DB_RETRY_TIMEOUT sets how long that may be); once it has passed, run the same \
                 command again: it goes on from here"
            )));
        }
        self.observer.note(&format!(
            "{}; trying again in {:.1} s",
            in_one_line(&error),
            self.wait.as_secs_f32()
        ));
        let until = Instant::now() + self.wait;
        while Instant::now() < until {
            go_on(self.observer)?;
            std::thread::sleep(self.wait.min(LOOK_EACH));
        }
        self.wait = (self.wait * 2).min(WAIT_MAX);
        self.tried_at = Instant::now();
        Ok(())
    }
}

/// Does `work` until it succeeds or a fault does not pass.
///
/// # Errors
/// The last error.
pub(crate) fn retrying<T>(
    lasts_max: Duration,
    observer: &dyn Observer,
    mut work: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut patience = Patience::new(lasts_max, observer);
    loop {
        match work() {
            Ok(done) => return Ok(done),
            Err(error) => patience.bear(error)?,
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn in_one_line(error: &Error) -> String {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        line.push_str(&format!(": {error}"));
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::observer::Silent;

    #[test]
    fn what_passes_is_tried_again_and_what_lasts_is_not() {
        let tries = Cell::new(0);
        let third = |error: fn() -> Error| {
            tries.set(0);
            retrying(Duration::from_secs(10), &Silent, || {
                tries.set(tries.get() + 1);
                if tries.get() < 3 { Err(error()) } else { Ok(tries.get()) }
            })
        };
        assert_eq!(third(|| Error::new("lost").passing()).unwrap(), 3);
        // The flag may stand on a cause.
        assert_eq!(third(|| Error::new("table t").because(Error::new("lost").passing())).unwrap(), 3);
        assert_eq!(third(|| Error::new("refused")).unwrap_err().to_string(), "refused");
        assert_eq!(tries.get(), 1);
    }

    #[test]
    fn what_works_for_a_while_begins_anew_and_what_waits_does_not() {
        let faults: [(fn() -> Error, bool); 2] =
            [(|| Error::new("lost").passing(), true), (|| Error::new("silent").stalled(), false)];
        for (fault, is_new) in faults {
            let mut patience = Patience::new(Duration::from_secs(1), &Silent);
            assert!(patience.bear(fault()).is_ok());
            // As if two hours had passed since, in which the second try ran.
            let Some(before) = Instant::now().checked_sub(Duration::from_secs(7200)) else { return };
            (patience.since, patience.tried_at) = (Some(before), before);
            assert_eq!(patience.bear(fault()).is_ok(), is_new);
        }
    }

    #[test]
    fn patience_ends() {
        let mut patience = Patience::new(Duration::from_millis(250), &Silent);
        assert!(patience.bear(Error::new("lost").passing()).is_ok());
        let error = patience.bear(Error::new("lost").passing()).unwrap_err();
        assert!(error.next_step().is_some_and(|next| next.contains("DB_RETRY_TIMEOUT")));
        patience.restore();
        assert!(patience.bear(Error::new("lost").passing()).is_ok());
    }
}
