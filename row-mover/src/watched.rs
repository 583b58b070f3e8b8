//! Connects the engine and its observer: records when work is done, and interrupts SQLite statements when the work is to stop.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use migrate_core::phase::Phase;

use crate::error::Error;
use crate::ledger::ChunkDone;
use crate::observer::{Note, Observer, TableToMove};
use crate::source::preflight::Findings;
use postgres_client::budget::Shortage;
use postgres_client::watch::{StopFlag, Watch};
use postgres_client::work_clock::WorkClock;

/// Interval between checks of the observer, for statements that cannot ask whether to stop.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The thread that asks.
const ASKING_THREAD: &str = "asks to stop";

/// An observer that is passed on to another one.
pub(crate) struct Watched<'a> {
    inner: &'a dyn Observer,
    /// When work was last done.
    pub(crate) clock: WorkClock,
    stop: StopFlag,
}

/// Runs `work` under `observer`. Meanwhile, SQLite statements that use [`Observer::stop_flag`] end soon after `observer` asks to stop.
pub(crate) fn watched<T>(observer: &dyn Observer, work: impl FnOnce(&Watched<'_>) -> T) -> T {
    let watched = Watched { inner: observer, clock: WorkClock::default(), stop: StopFlag::default() };
    let (is_over, over) = (Mutex::new(false), Condvar::new());
    std::thread::scope(|scope| {
        let ask = || {
            let mut is_over = is_over.lock().unwrap_or_else(PoisonError::into_inner);
            while !*is_over && !watched.stop.is_set() {
                if observer.is_stopped() {
                    watched.stop.set();
                }
                is_over = over.wait_timeout(is_over, ASK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
            }
        };
        // Without a thread the work still stops wherever it checks for it.
        drop(std::thread::Builder::new().name(ASKING_THREAD.to_owned()).spawn_scoped(scope, ask));
        let _end = End { is_over: &is_over, over: &over };
        work(&watched)
    })
}

/// Ends the questions, however the work has ended.
struct End<'a> {
    is_over: &'a Mutex<bool>,
    over: &'a Condvar,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        *self.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.over.notify_all();
    }
}

impl Watch for Watched<'_> {
    fn is_stopped(&self) -> bool {
        self.inner.is_stopped()
    }
    fn retrying(&self, fault: &Error, wait: Duration) {
        self.inner.retrying(fault, wait);
    }
    fn short_of_connections(&self, shortage: &Shortage) {
        self.inner.short_of_connections(shortage);
    }
}

impl Observer for Watched<'_> {
    fn phase_started(&self, phase: Phase) {
        self.inner.phase_started(phase);
    }
    fn phase_finished(&self, phase: Phase, took: Duration) {
        self.clock.worked();
        self.inner.phase_finished(phase, took);
    }
    fn note(&self, note: &Note<'_>) {
        self.inner.note(note);
    }
    fn rows_scanned(&self, rows: u64) {
        self.clock.worked();
        self.inner.rows_scanned(rows);
    }
    fn scan_finished(&self, findings: &Findings) {
        self.inner.scan_finished(findings);
    }
    fn sealed(&self, share: f64) {
        self.inner.sealed(share);
    }
    fn rows_begin(&self, tables: &[TableToMove]) {
        self.inner.rows_begin(tables);
    }
    fn bytes_sent(&self, table: &str, bytes: u64) {
        self.clock.worked();
        self.inner.bytes_sent(table, bytes);
    }
    fn bytes_lost(&self, table: &str, bytes: u64) {
        self.inner.bytes_lost(table, bytes);
    }
    fn rows_moved(&self, table: &str, done: &ChunkDone) {
        self.clock.worked();
        self.inner.rows_moved(table, done);
    }
    fn build_started(&self, table: &str, what: &str) {
        self.inner.build_started(table, what);
    }
    fn build_finished(&self, table: &str, what: &str, took: Duration) {
        self.clock.worked();
        self.inner.build_finished(table, what, took);
    }
    fn build_lost(&self, table: &str, what: &str) {
        self.inner.build_lost(table, what);
    }
    fn rows_compared(&self, table: &str, rows: u64) {
        self.clock.worked();
        self.inner.rows_compared(table, rows);
    }
    fn schema_comparison_started(&self, tables: usize) {
        self.inner.schema_comparison_started(tables);
    }
    fn schema_comparison_finished(&self) {
        self.inner.schema_comparison_finished();
    }
    fn view_started(&self, view: &str) {
        self.inner.view_started(view);
    }
    fn view_finished(&self, view: &str) {
        self.clock.worked();
        self.inner.view_finished(view);
    }
    fn stop_flag(&self) -> StopFlag {
        self.stop.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;

    struct StopsLater(AtomicUsize);

    impl Observer for StopsLater {}

    impl Watch for StopsLater {
        fn is_stopped(&self) -> bool {
            self.0.fetch_add(1, Ordering::SeqCst) >= 2
        }
    }

    #[test]
    fn the_flag_is_set_by_itself_once_the_work_is_to_stop() {
        watched(&StopsLater(AtomicUsize::new(0)), |watched| {
            let flag = watched.stop_flag();
            let deadline = Instant::now() + Duration::from_secs(30);
            while !flag.is_set() {
                assert!(Instant::now() < deadline, "nobody asked");
                std::thread::sleep(Duration::from_millis(5));
            }
        });
    }
}
