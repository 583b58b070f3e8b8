//! Applies what has changed in the source since the last sealed copy to PostgreSQL, in one transaction with its entry in the ledger.
//!
//! The source is not written to. What has changed is found by `difference`, between two sealed copies.

mod apply;
mod chunk_changes;
mod conflicts;
pub(crate) mod copies;
mod keyed;
mod keyless;
mod net;
mod read_back;
mod refusal;
mod relations;
mod rows;
mod session;
mod set_aside;
mod staged;

use std::path::PathBuf;

pub(crate) use apply::{apply, apply_changes};
use postgres_client::{DbSettings, TargetUrl};
pub use session::CatchUps;
pub(crate) use session::schema_changed;

use crate::error::Result;
use crate::observer::Observer;
use crate::rejects::RejectedTable;
use crate::source::seal::Seal;
use serde::Serialize;

/// The parameters of a catch-up.
pub struct CatchUpRequest {
    /// The target; its ledger names the source and the last copy.
    pub target: TargetUrl,
    /// Pool sizes and timeouts.
    pub settings: DbSettings,
    /// Where sealed copies go.
    pub backup_dir: PathBuf,
    /// Where rejected rows are written down, in a folder for each copy.
    pub rejects_dir: PathBuf,
    /// Whether nothing is changed: the changes are applied and rolled back.
    pub dry_run: bool,
    /// Whether a copy with the same rows but other bytes replaces the last one, so that a check sees the file as it is now.
    pub replace_equal_copy: bool,
}

/// The result of a catch-up.
#[derive(Clone, Debug)]
pub enum CatchUpOutcome {
    /// Nobody has written to the source since the last copy.
    Unchanged,
    /// The changes are applied, or would be.
    Applied(CaughtUp),
}

/// Changes that were applied.
#[derive(Clone, Debug)]
pub struct CaughtUp {
    /// The run's number in the ledger.
    pub run: i64,
    /// What was applied.
    pub applied: Applied,
    /// The copy that the target equals now; none where nothing was changed.
    pub seal: Option<Seal>,
    /// The files of rejected rows.
    pub rejected: Vec<RejectedTable>,
    /// Duration in seconds, from the start of the copy.
    pub seconds: f64,
}

/// What was applied, by table in the plan's order.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Applied {
    /// The tables with changes.
    pub tables: Vec<AppliedTable>,
}

/// What was applied to one table.
#[derive(Clone, Debug, Serialize)]
pub struct AppliedTable {
    /// The table, by source name.
    pub table: String,
    /// Inserted rows.
    pub inserted: u64,
    /// Updated rows.
    pub updated: u64,
    /// Deleted rows.
    pub deleted: u64,
    /// Added rows that the plan's policy skips.
    pub rejected: u64,
}

impl Applied {
    /// The number of changed rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.inserted + table.updated + table.deleted).sum()
    }
}

impl AppliedTable {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        (self.inserted, self.updated, self.deleted, self.rejected) == (0, 0, 0, 0)
    }
}

/// Catches up once.
///
/// # Errors
/// When there is no validated migration, PostgreSQL is in charge, the source's schema has changed, or a database fails. Nothing is
/// changed then.
pub fn catch_up(request: &CatchUpRequest, observer: &dyn Observer) -> Result<CatchUpOutcome> {
    CatchUps::new(request).next(observer)
}
