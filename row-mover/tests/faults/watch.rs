//! Observes a migration in this process: collects its notes, and calls a hook at each step.

use std::sync::Mutex;
use std::time::Duration;

use migrate_core::phase::Phase;
use row_mover::ledger::ChunkDone;
use row_mover::run::Observer;

/// A step of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    Begins(Phase),
    Sent,
    Moved,
    Builds(&'a str),
    Compared,
    /// It reports a retry.
    TriesAgain,
}

/// Collects notes, and calls `hook` at each step.
pub struct Watch<'a> {
    retries: Mutex<Vec<String>>,
    hook: &'a (dyn Fn(Step<'_>) + Sync),
}

impl<'a> Watch<'a> {
    pub fn new(hook: &'a (dyn Fn(Step<'_>) + Sync)) -> Watch<'a> {
        Watch { retries: Mutex::default(), hook }
    }

    /// Returns the notes about retries.
    pub fn tries(&self) -> Vec<String> {
        self.retries.lock().unwrap().clone()
    }
}

impl Observer for Watch<'_> {
    fn phase_started(&self, phase: Phase) {
        (self.hook)(Step::Begins(phase));
    }
    fn bytes_sent(&self, _table: &str, _bytes: u64) {
        (self.hook)(Step::Sent);
    }
    fn rows_moved(&self, _table: &str, _done: &ChunkDone) {
        (self.hook)(Step::Moved);
    }
    fn build_started(&self, _table: &str, what: &str) {
        (self.hook)(Step::Builds(what));
    }
    fn rows_compared(&self, _table: &str, _rows: u64) {
        (self.hook)(Step::Compared);
    }
    fn phase_finished(&self, _phase: Phase, _took: Duration) {}
}

impl postgres_client::watch::Watch for Watch<'_> {
    fn retrying(&self, fault: &postgres_client::Error, _wait: std::time::Duration) {
        self.retries.lock().unwrap().push(postgres_client::retry::in_one_line(fault));
        (self.hook)(Step::TriesAgain);
    }
}
