//! Retries with backoff after transient errors: a lost connection, a server that restarts, too many connections.
//!
//! A permanent error is never retried. Work may have been committed even if its reply was lost: the caller checks the ledger before it
//! retries. If work was done between two errors, the second one starts a new time limit. Waiting, for a reply or for a lock that
//! somebody else holds, is not work.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::watch::{Watch, check_stop};
use crate::work_clock::WorkClock;

/// The wait before the second attempt.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two attempts.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How often a wait checks whether to stop.
const STOP_CHECK_EACH: Duration = Duration::from_millis(100);

/// Work that takes longer than this within one attempt is progress, so that the error that ends it is a new one.
const PROGRESS: Duration = Duration::from_secs(30);

/// The state of the retries of one piece of work: since when it has failed, and how long to wait before the next attempt.
pub struct Backoff<'a> {
    /// When the last attempt began.
    tried_at: Instant,
    watch: &'a dyn Watch,
    work: &'a WorkClock,
    retry_max: Duration,
    since: Option<Instant>,
    wait: Duration,
}

impl<'a> Backoff<'a> {
    /// Retries faults that last no longer than `retry_max`; zero retries none.
    pub fn new(retry_max: Duration, watch: &'a dyn Watch, work: &'a WorkClock) -> Backoff<'a> {
        Backoff { tried_at: Instant::now(), watch, work, retry_max, since: None, wait: FIRST_WAIT }
    }

    /// Records that the work succeeded: the next fault is a new one.
    pub fn reset(&mut self) {
        self.since = None;
        self.wait = FIRST_WAIT;
        self.tried_at = Instant::now();
    }

    /// Records that the fault to come has lasted since `moment`, or longer.
    pub fn failing_since(&mut self, moment: Instant) {
        self.since = Some(self.since.map_or(moment, |since| since.min(moment)));
    }

    /// Waits before the next attempt after `error`, and reports it.
    ///
    /// # Errors
    /// The error itself, where it is permanent or has lasted for too long.
    pub fn wait_or_fail(&mut self, error: Error) -> Result<()> {
        // A stop cancels the running statement, which looks like a transient error.
        if !error.is_transient() || self.retry_max.is_zero() || self.watch.is_stopped() {
            return Err(error.with_remedy().with_lock_remedy());
        }
        // Work that ends in a wait for a lock may do so in each attempt.
        if !error.is_stall() && self.work.worked_since(self.tried_at) > PROGRESS {
            self.reset();
        }
        // A wait for a lock is a part of the time for which the fault lasts.
        let waited =
            error.lock_wait().map_or(Duration::ZERO, |wait| wait.waited.min(self.tried_at.elapsed()));
        let began = Instant::now().checked_sub(waited).unwrap_or(self.tried_at);
        let since = *self.since.get_or_insert(began);
        if since.elapsed() + self.wait > self.retry_max {
            return Err(exhausted(error, since.elapsed()));
        }
        self.watch.retrying(&error, self.wait);
        let until = Instant::now() + self.wait;
        while Instant::now() < until {
            check_stop(self.watch)?;
            std::thread::sleep(self.wait.min(STOP_CHECK_EACH));
        }
        self.wait = (self.wait * 2).min(WAIT_MAX);
        self.tried_at = Instant::now();
        Ok(())
    }
}

/// The error that ends the retries of a fault that lasted so long.
fn exhausted(error: Error, lasted: Duration) -> Error {
    let lasted = lasted.as_secs_f32();
    // This is more specific than the remedy for a first connection.
    let end = error.lock_wait().map_or("once it has passed, ".to_owned(), |wait| wait.remedy() + "; then ");
    error.retries_exhausted(format!(
        "it lasted for {lasted:.0} seconds (DB_RETRY_TIMEOUT sets how long that may be); {end}run the same command again: it resumes \
         here"
    ))
}

/// Runs `work` until it succeeds or fails permanently.
///
/// # Errors
/// The last error.
pub fn retrying<T>(
    retry_max: Duration,
    watch: &dyn Watch,
    clock: &WorkClock,
    mut work: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut backoff = Backoff::new(retry_max, watch, clock);
    loop {
        match work() {
            Ok(done) => return Ok(done),
            Err(error) => backoff.wait_or_fail(error)?,
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
    fn transient_faults_are_retried_and_permanent_ones_are_not() {
        let tries = Cell::new(0);
        let third = |error: fn() -> Error| {
            tries.set(0);
            retrying(Duration::from_secs(10), &Silent, &WorkClock::default(), || {
                tries.set(tries.get() + 1);
                if tries.get() < 3 { Err(error()) } else { Ok(tries.get()) }
            })
        };
        assert_eq!(third(|| Error::new("lost").transient()).unwrap(), 3);
        // The flag may be on a cause.
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
            let mut backoff = Backoff::new(Duration::from_secs(1), &Silent, &clock);
            assert!(backoff.wait_or_fail(fault()).is_ok());
            // As if two hours had passed since, in which the second try ran.
            let Some(before) = Instant::now().checked_sub(Duration::from_secs(7200)) else { return };
            (backoff.since, backoff.tried_at) = (Some(before), before);
            if has_worked {
                clock.worked();
            }
            assert_eq!(backoff.wait_or_fail(fault()).is_ok(), is_new, "{number}");
        }
    }

    #[test]
    fn retries_end_and_a_wait_for_a_lock_counts_as_one() {
        let clock = WorkClock::default();
        let mut backoff = Backoff::new(Duration::from_millis(250), &Silent, &clock);
        assert!(backoff.wait_or_fail(Error::new("lost").transient()).is_ok());
        let error = backoff.wait_or_fail(Error::new("lost").transient()).unwrap_err();
        assert!(error.remedy_text().is_some_and(|next| next.contains("DB_RETRY_TIMEOUT")));
        backoff.reset();
        assert!(backoff.wait_or_fail(Error::new("lost").transient()).is_ok());

        let mut backoff = Backoff::new(Duration::from_secs(5), &Silent, &clock);
        let Some(before) = Instant::now().checked_sub(Duration::from_secs(60)) else { return };
        backoff.tried_at = before;
        let session = HolderSession { pid: 42, ..HolderSession::default() };
        let wait = LockWait { table: None, waited: Duration::from_secs(5), holder: Holder::Session(session) };
        let error = backoff.wait_or_fail(lock_timeout().blocked_by(wait)).unwrap_err();
        let next = error.remedy_text().unwrap_or_default();
        assert!(next.contains("5 seconds") && next.contains("pg_terminate_backend(42)"), "{next}");
    }
}
