//! The outcome of a migration, as values that a report can be made of.

use migrate_core::baseline::Baseline;
use migrate_core::phase::Phase;
use migrate_core::plan::PlannedTable;
use serde::Serialize;

use super::Validation;
use crate::ledger::{Chunk, ChunkDone};
use crate::rejects::RejectedTable;
use crate::source::integrity_check::Integrity;
use crate::source::preflight::Findings;
use crate::source::seal::Seal;

/// The outcome of a migration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
#[allow(clippy::large_enum_variant, reason = "there is one for each run")]
pub enum Outcome {
    /// The rows moved and were compared.
    Moved(Box<Moved>),
    /// An earlier run has done it; nothing moved.
    AlreadyDone(AlreadyDone),
    /// Rejected values prevent the migration; nothing was changed.
    Rejected {
        /// The findings of the scan.
        findings: Findings,
        /// The sentence for more rejected rows than the limit allows.
        over_limit: Option<String>,
    },
    /// The outcome of a dry run; nothing was changed.
    DryRun {
        /// The findings of the scan.
        findings: Findings,
        /// The next step, for people.
        next: String,
        /// What a run would write into the list of the app's own migrator.
        #[serde(skip_serializing_if = "Option::is_none")]
        baseline: Option<Baseline>,
    },
}

/// A migration that has moved rows, in this run or with earlier ones.
#[derive(Debug, Serialize)]
pub struct Moved {
    /// The run's number in the ledger.
    pub run: i64,
    /// The sealed copy.
    pub seal: Seal,
    /// The duration of each phase of this run.
    pub phases: Vec<PhaseDone>,
    /// The result of moving each table, in the plan's order.
    pub tables: Vec<TableMoved>,
    /// Skipped rows and values that became NULL, by table; empty if everything moved.
    pub rejected: Vec<RejectedTable>,
    /// The result of validation.
    pub validation: Validation,
    /// Whether the source was written to since it was sealed, judging by its size and time.
    pub source_changed_since: bool,
}

/// A phase that is done.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseDone {
    /// The phase.
    pub phase: Phase,
    /// Duration in seconds.
    pub seconds: f64,
}

/// The result of moving one table.
#[derive(Debug, Clone, Serialize)]
pub struct TableMoved {
    /// The table, by source name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The bytes that were sent.
    pub bytes: u64,
    /// The seconds of all its chunks together.
    pub seconds: f64,
}

/// A migration that was done before.
#[derive(Debug, Serialize)]
pub struct AlreadyDone {
    /// The run's number in the ledger.
    pub run: i64,
    /// When it was validated, in RFC 3339.
    pub validated_at: String,
    /// The sealed copy.
    pub seal: Seal,
    /// Whether the source was written to since it was sealed, judging by its size and time.
    pub source_changed_since: bool,
    /// Counts the rows that were skipped and the values that became NULL by the plan's policy.
    pub rejected: Rejected,
    /// What `integrity_check` found in the sealed copy; none where it has not run.
    pub integrity: Option<Integrity>,
    /// What was written into the list of the app's own migrator, which that run had not written; none where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
}

/// The losses from the policy for values that PostgreSQL cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Skipped rows.
    pub skipped: u64,
    /// Values that became NULL.
    pub nulled: u64,
}

impl Rejected {
    /// What the ledger records of chunks that are done.
    pub(super) fn of(chunks: &[Chunk]) -> Rejected {
        let sum = |count: fn(&ChunkDone) -> i64| -> u64 {
            (chunks.iter())
                .filter_map(|chunk| chunk.done.as_ref())
                .map(|done| u64::try_from(count(done)).unwrap_or(0))
                .sum()
        };
        Rejected { skipped: sum(|done| done.rejected), nulled: sum(|done| done.nulled) }
    }

    /// Whether it has cost anything.
    pub fn is_any(self) -> bool {
        self.skipped + self.nulled > 0
    }
}

/// The totals of each table's chunks.
pub(super) fn table_sums(chunks: &[Chunk], tables: &[&PlannedTable]) -> Vec<TableMoved> {
    let sum = |table: &&PlannedTable| {
        let done: Vec<&ChunkDone> = chunks
            .iter()
            .filter(|chunk| chunk.table == table.source)
            .filter_map(|chunk| chunk.done.as_ref())
            .collect();
        TableMoved {
            table: table.source.clone(),
            rows: done.iter().map(|done| u64::try_from(done.rows).unwrap_or(0)).sum(),
            bytes: done.iter().map(|done| u64::try_from(done.bytes).unwrap_or(0)).sum(),
            // The sum of no numbers is -0.0, which nobody wants to read.
            seconds: done.iter().map(|done| done.seconds).sum::<f64>() + 0.0,
        }
    };
    tables.iter().map(sum).collect()
}
