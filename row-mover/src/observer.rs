//! Who watches a migration: hears what happens, decides nothing.

use std::time::Duration;

use migrate_core::phase::Phase;

use crate::ledger::ChunkDone;
use crate::source::preflight::Findings;

/// Hears what a migration does, from several threads.
pub trait Observer: Sync {
    /// A phase begins.
    fn phase_started(&self, _phase: Phase) {}
    /// A phase is done.
    fn phase_finished(&self, _phase: Phase, _took: Duration) {}
    /// Something that whoever watches should know.
    fn note(&self, _text: &str) {}
    /// Preflight has scanned so many rows more.
    fn rows_scanned(&self, _rows: u64) {}
    /// The scan is over: this is what it found.
    fn scan_finished(&self, _findings: &Findings) {}
    /// This share of the source is sealed, from 0 to 1.
    fn sealed(&self, _share: f64) {}
    /// The rows phase begins with so many chunks, of which these are done.
    fn rows_begin(&self, _chunks: usize, _done: &[&ChunkDone]) {}
    /// So many bytes more were sent.
    fn bytes_sent(&self, _bytes: u64) {}
    /// A chunk of a table is committed.
    fn rows_moved(&self, _table: &str, _done: &ChunkDone) {}
    /// Validation has compared so many rows more.
    fn rows_compared(&self, _rows: u64) {}
}

/// Watches without a word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
