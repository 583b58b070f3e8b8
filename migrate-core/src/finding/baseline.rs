//! Differences between the list of the app's migrator and the rows that the migration wrote there.

use serde::Serialize;

use crate::baseline::{Baseline, BaselineRow};

/// A difference of the list of applied migrations that the app's own migrator reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaselineDifference {
    /// What the migration wrote, and where.
    #[serde(skip)]
    pub baseline: Baseline,
    /// What differs.
    #[serde(flatten)]
    pub problem: BaselineProblem,
}

/// What differs in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[allow(missing_docs, reason = "`row` is the row that the migration wrote")]
pub enum BaselineProblem {
    /// The table is missing, so that the migrator runs all migrations.
    ListMissing,
    /// What has its name is no table, or lacks a column that the migrator reads.
    ListNotReadable,
    /// A row is missing.
    RowMissing { row: BaselineRow },
    /// The row of this time has another hash.
    OtherHash { row: BaselineRow },
    /// The row of this hash has another time; none where it is NULL.
    OtherTime { row: BaselineRow, found_ms: Option<i64> },
    /// A row that is not the migration's has no time, so that the migrator runs all migrations.
    RowWithoutTime,
}
