//! Who watches a migration: hears what happens, decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use migrate_core::phase::Phase;

use crate::error::{Error, Result};
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
    /// The rows phase begins: this is what there is to move, by table.
    fn rows_begin(&self, _tables: &[TableToMove]) {}
    /// So many bytes more of a table were sent.
    fn bytes_sent(&self, _table: &str, _bytes: u64) {}
    /// So many bytes of a table were sent in vain, since their chunk is tried again.
    fn bytes_lost(&self, _table: &str, _bytes: u64) {}
    /// A chunk of a table is committed.
    fn rows_moved(&self, _table: &str, _done: &ChunkDone) {}
    /// A key, an index or another statement that follows a table's rows begins; `what` names it.
    fn build_started(&self, _table: &str, _what: &str) {}
    /// It is done.
    fn build_finished(&self, _table: &str, _what: &str, _took: Duration) {}
    /// It was begun in vain, and is begun again where its fault passes.
    fn build_lost(&self, _table: &str, _what: &str) {}
    /// Validation has compared so many rows of a table more.
    fn rows_compared(&self, _table: &str, _rows: u64) {}
    /// The schema of so many tables is compared, which takes a while where they are many.
    fn schema_comparison_started(&self, _tables: usize) {}
    /// The schema is compared.
    fn schema_comparison_finished(&self) {}
    /// A view is read in both databases and compared.
    fn view_started(&self, _view: &str) {}
    /// The view is compared, or left out.
    fn view_finished(&self, _view: &str) {}
    /// Whether the work is to stop. It is asked between steps, and what is half done is undone.
    fn is_stopped(&self) -> bool {
        false
    }
    /// Set once the work is to stop, for what runs inside SQLite and cannot ask. The engine keeps one of its own; whoever watches
    /// need not.
    fn stop_flag(&self) -> StopFlag {
        StopFlag::default()
    }
}

/// Says to whoever holds a clone of it that the work is to stop.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Says so, for good.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was said.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ends the work where whoever watches has asked to stop.
pub(crate) fn go_on(observer: &dyn Observer) -> Result<()> {
    if observer.is_stopped() { Err(Error::stopped()) } else { Ok(()) }
}

/// What there is to move of one table, and what of it an earlier, interrupted run has moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableToMove {
    /// The table, by source name.
    pub table: String,
    /// Its chunks.
    pub chunks: usize,
    /// Those of them that are done.
    pub chunks_done: usize,
    /// The rows that are moved.
    pub rows_done: u64,
    /// The bytes that were sent for them.
    pub bytes_done: u64,
    /// The bytes that there are to send in all; none where nobody has counted them.
    pub bytes: Option<u64>,
}

/// Watches without a word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
