//! The observer of a migration: it is notified of progress and decides nothing but when to stop.

use std::time::Duration;

use migrate_core::baseline::Baseline;
use migrate_core::phase::Phase;
use postgres_client::TargetUrl;
pub use postgres_client::watch::{Silent, StopFlag, Watch};

use crate::error::Error;
use crate::ledger::ChunkDone;
use crate::source::preflight::Findings;

/// Receives the events of a migration, from several threads.
pub trait Observer: Watch {
    /// A phase begins.
    fn phase_started(&self, _phase: Phase) {}
    /// A phase is done.
    fn phase_finished(&self, _phase: Phase, _took: Duration) {}
    /// Something happened between the phases.
    fn note(&self, _note: &Note<'_>) {}
    /// Preflight has scanned this many more rows.
    fn rows_scanned(&self, _rows: u64) {}
    /// The scan is complete, with these findings.
    fn scan_finished(&self, _findings: &Findings) {}
    /// This share of the source is sealed, from 0 to 1.
    fn sealed(&self, _share: f64) {}
    /// The rows phase begins, with the rows to move by table.
    fn rows_begin(&self, _tables: &[TableToMove]) {}
    /// This many more bytes of a table were sent.
    fn bytes_sent(&self, _table: &str, _bytes: u64) {}
    /// This many bytes of a table do not count, since their chunk is retried.
    fn bytes_lost(&self, _table: &str, _bytes: u64) {}
    /// A chunk of a table is committed.
    fn rows_moved(&self, _table: &str, _done: &ChunkDone) {}
    /// A key, an index or another statement that follows a table's rows begins; `what` names it.
    fn build_started(&self, _table: &str, _what: &str) {}
    /// It is done.
    fn build_finished(&self, _table: &str, _what: &str, _took: Duration) {}
    /// It was begun in vain, and is begun again where its fault passes.
    fn build_lost(&self, _table: &str, _what: &str) {}
    /// Validation has compared this many more rows of a table.
    fn rows_compared(&self, _table: &str, _rows: u64) {}
    /// The schema of this many tables is compared, which may take a while.
    fn schema_comparison_started(&self, _tables: usize) {}
    /// The schema is compared.
    fn schema_comparison_finished(&self) {}
    /// A view is read in both databases and compared.
    fn view_started(&self, _view: &str) {}
    /// The view is compared, or left out.
    fn view_finished(&self, _view: &str) {}
    /// Set when the work is to stop, for code that runs inside SQLite and cannot ask. The engine keeps a flag of its own; an observer
    /// need not.
    fn stop_flag(&self) -> StopFlag {
        StopFlag::default()
    }
}

/// Something that happens between the phases.
#[derive(Clone, Copy, Debug)]
pub enum Note<'a> {
    /// An interrupted run is resumed.
    Resuming {
        /// Its number in the ledger.
        run: i64,
        /// The phase that comes next.
        phase: Phase,
    },
    /// The source was written to after the copy that moves was sealed.
    SourceChangedSince {
        /// When it was sealed, in RFC 3339.
        sealed_at: &'a str,
    },
    /// The objects of an earlier run are dropped.
    Dropping {
        /// Its number in the ledger.
        run: i64,
        /// The database.
        target: &'a TargetUrl,
    },
    /// The session with the lock of migrations was lost, and another one acquires the lock.
    LockSessionLost {
        /// Why.
        fault: &'a Error,
    },
    /// A connection cannot be had again, and the rows move through the others.
    FewerConnections {
        /// Why.
        fault: &'a Error,
    },
    /// The list of the app's own migrator has the plan's migrations.
    BaselineWritten {
        /// What was written.
        baseline: &'a Baseline,
    },
    /// What the run created belongs to another role now.
    HandedOver {
        /// The role.
        role: &'a str,
        /// The number of tables, views, sequences, functions and schemas.
        objects: usize,
    },
    /// The server is a standby of the one that the rows were moved to.
    Standby,
    /// Everything else is done, and `integrity_check` still reads the sealed copy.
    WaitingForIntegrityCheck,
}

/// The rows of one table to move, and how many of them an earlier, interrupted run has moved.
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

impl Observer for Silent {}
