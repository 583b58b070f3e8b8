//! A difference between the rows of both sides, as a report names it.

use serde::Serialize;

/// How many differences of a table are named.
pub(crate) const NAMED_DIFFERENCES_MAX: usize = 5;

/// One difference.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The row's key, for people.
    pub key: String,
    /// The kind of difference.
    pub kind: DifferenceKind,
    /// The columns that differ, by source name; empty for a complete row.
    pub columns: Vec<String>,
    /// Number of rows: copies of one row, in a table without a key, are listed once.
    #[serde(skip_serializing_if = "is_one")]
    pub rows: u64,
    /// For each column the value in SQLite and in PostgreSQL, where values are asked for and not secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<[String; 2]>,
}

fn is_one(rows: &u64) -> bool {
    *rows == 1
}

/// The kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// PostgreSQL has no row of this key.
    Missing,
    /// Only PostgreSQL has a row of this key.
    Extra,
    /// Both have it, with other values.
    Different,
}
