//! Trying again after a fault that may pass: a lost connection, a server that is started again, too many connections.
//!
//! A fault that does not pass by itself is never tried again. What was begun and not answered is not known to be undone: whoever
//! tries again asks the ledger first. Faults are counted by the work that was done between them, never by time alone: a try that only
//! waits, for an answer or for somebody else's lock, is no progress however long it waits.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::watch::{Watch, check_stop};
use crate::work_clock::WorkClock;

/// How long to wait before the second try.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How often to look whether to stop while waiting.
const LOOK_EACH: Duration = Duration::from_millis(100);

/// Work that goes on for longer than this within one try is progress, so that the fault that ends it is a new one.
const PROGRESS: Duration = Duration::from_secs(30);

/// How long faults have lasted, and how long they may.
pub struct Patience<'a> {
    /// When the last try began.
    tried_at: Instant,
    watch: &'a dyn Watch,
    work: &'a WorkClock,
    lasts_max: Duration,
    since: Option<Instant>,
    wait: Duration,
}

impl<'a> Patience<'a> {
    /// Patience for faults that last no longer than `lasts_max`; zero is none at all.
    pub fn new(lasts_max: Duration, watch: &'a dyn Watch, work: &'a WorkClock) -> Patience<'a> {
        Patience { tried_at: Instant::now(), watch, work, lasts_max, since: None, wait: FIRST_WAIT }
    }

    /// Something went well: the next fault is a new one.
    pub fn restore(&mut self) {
        self.since = None;
        self.wait = FIRST_WAIT;
        self.tried_at = Instant::now();
    }

    /// The fault to come lasts since `moment`, or longer.
    pub fn lasts_since(&mut self, moment: Instant) {
        self.since = Some(self.since.map_or(moment, |since| since.min(moment)));
    }

    /// Waits before the next try after `error`, and says so.
    ///
    /// # Errors
    /// The error itself, where it does not pass or has lasted for too long.
    pub fn wait_or_fail(&mut self, error: Error) -> Result<()> {
        // Who asks to stop has cancelled what ran, which looks like a fault that passes.
        if !error.is_transient() || self.lasts_max.is_zero() || self.watch.is_stopped() {
            return Err(error.with_remedy().with_lock_remedy());
        }
        // Work that ends in a wait for a lock may do so each time.
        if !error.is_stall() && self.work.worked_since(self.tried_at) > PROGRESS {
            self.restore();
        }
        // A wait for a lock is a part of the time for which the fault lasts.
        let waited =
            error.lock_wait().map_or(Duration::ZERO, |wait| wait.waited.min(self.tried_at.elapsed()));
        let began = Instant::now().checked_sub(waited).unwrap_or(self.tried_at);
        let since = *self.since.get_or_insert(began);
        if since.elapsed() + self.wait > self.lasts_max {
            return Err(given_up(error, since.elapsed()));
        }
        self.watch.retrying(&error, self.wait);
        let until = Instant::now() + self.wait;
        while Instant::now() < until {
            check_stop(self.watch)?;
            std::thread::sleep(self.wait.min(LOOK_EACH));
        }
        self.wait = (self.wait * 2).min(WAIT_MAX);
        self.tried_at = Instant::now();
        Ok(())
    }
}

/// The error that ends the tries after a fault that lasted so long.
fn given_up(error: Error, lasted: Duration) -> Error {
    let lasted = lasted.as_secs_f32();
    // This says more than what to do about a first connection.
    let end = error.lock_wait().map_or("once it has passed, ".to_owned(), |wait| wait.remedy() + "; then ");
    error.given_up(format!(
        "it lasted for {lasted:.0} seconds (DB_RETRY_TIMEOUT sets how long that may be); {end}run the same command again: it goes on \
         from here"
    ))
}

/// Does `work` until it succeeds or a fault does not pass.
///
/// # Errors
/// The last error.
pub fn retrying<T>(
    lasts_max: Duration,
    watch: &dyn Watch,
    clock: &WorkClock,
    mut work: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut patience = Patience::new(lasts_max, watch, clock);
    loop {
        match work() {
            Ok(done) => return Ok(done),
            Err(error) => patience.wait_or_fail(error)?,
        }
    }
}

/// An error and its causes in one line.
pub fn in_one_line(error: &Error) -> String {
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
    use crate::lock_wait::{Holder, HolderSession, LockWait};
    use crate::server_error::ServerError;
    use crate::watch::Silent;

    #[test]
    fn what_passes_is_tried_again_and_what_lasts_is_not() {
        let tries = Cell::new(0);
        let third = |error: fn() -> Error| {
            tries.set(0);
            retrying(Duration::from_secs(10), &Silent, &WorkClock::default(), || {
                tries.set(tries.get() + 1);
                if tries.get() < 3 { Err(error()) } else { Ok(tries.get()) }
            })
        };
        assert_eq!(third(|| Error::new("lost").transient()).unwrap(), 3);
        // The flag may stand on a cause.
        assert_eq!(third(|| Error::new("table t").caused_by(Error::new("lost").transient())).unwrap(), 3);
        assert_eq!(third(|| Error::new("refused")).unwrap_err().to_string(), "refused");
        assert_eq!(tries.get(), 1);
    }

    fn lock_timeout() -> Error {
        let refused = ServerError { sqlstate: Some("55P03".to_owned()), ..ServerError::default() };
        Error::new("a statement was refused").caused_by(refused)
    }

    #[test]
    fn work_makes_a_fault_a_new_one_and_time_alone_does_not() {
        type Fault = fn() -> Error;
        let lost: Fault = || Error::new("lost").transient();
        let faults: [(Fault, bool, bool); 5] = [
            (lost, true, true),
            (lost, false, false),
            (|| Error::new("silent").stalled(), true, false),
            (lock_timeout, true, false),
            (|| Error::new("table t").caused_by(lock_timeout()), false, false),
        ];
        for (number, (fault, has_worked, is_new)) in faults.into_iter().enumerate() {
            let clock = WorkClock::default();
            let mut patience = Patience::new(Duration::from_secs(1), &Silent, &clock);
            assert!(patience.wait_or_fail(fault()).is_ok());
            // As if two hours had passed since, in which the second try ran.
            let Some(before) = Instant::now().checked_sub(Duration::from_secs(7200)) else { return };
            (patience.since, patience.tried_at) = (Some(before), before);
            if has_worked {
                clock.worked();
            }
            assert_eq!(patience.wait_or_fail(fault()).is_ok(), is_new, "{number}");
        }
    }

    #[test]
    fn patience_ends_and_a_wait_for_a_lock_is_a_part_of_it() {
        let clock = WorkClock::default();
        let mut patience = Patience::new(Duration::from_millis(250), &Silent, &clock);
        assert!(patience.wait_or_fail(Error::new("lost").transient()).is_ok());
        let error = patience.wait_or_fail(Error::new("lost").transient()).unwrap_err();
        assert!(error.remedy_text().is_some_and(|next| next.contains("DB_RETRY_TIMEOUT")));
        patience.restore();
        assert!(patience.wait_or_fail(Error::new("lost").transient()).is_ok());

        let mut patience = Patience::new(Duration::from_secs(5), &Silent, &clock);
        let Some(before) = Instant::now().checked_sub(Duration::from_secs(60)) else { return };
        patience.tried_at = before;
        let session = HolderSession { pid: 42, ..HolderSession::default() };
        let wait = LockWait { table: None, waited: Duration::from_secs(5), holder: Holder::Session(session) };
        let error = patience.wait_or_fail(lock_timeout().blocked_by(wait)).unwrap_err();
        let next = error.remedy_text().unwrap_or_default();
        assert!(next.contains("5 seconds") && next.contains("pg_terminate_backend(42)"), "{next}");
    }
}
