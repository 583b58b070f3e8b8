//! The plan's columns for full-text search, which only PostgreSQL has.

use serde::{Deserialize, Serialize};

/// A generated `tsvector` column that takes the place of a full-text index of SQLite. Nothing is sent to it, and no value of the
/// source is compared with it; that it is there as planned is part of the comparison of schemas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedSearch {
    /// Its name in PostgreSQL.
    pub target: String,
    /// The expression that it is generated from, in PostgreSQL's SQL.
    pub expression: String,
    /// The virtual table whose index it takes the place of.
    pub instead_of: String,
    /// The `CREATE VIRTUAL TABLE` that SQLite stored.
    pub source_sql: String,
}
