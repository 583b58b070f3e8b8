//! The plan's columns for full-text search, which only PostgreSQL has.

use serde::{Deserialize, Serialize};

/// A generated `tsvector` column that replaces a full-text index of SQLite. Nothing is sent to it, and no value of the source is compared
/// with it; the comparison of schemas checks that it exists as planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedSearch {
    /// Its name in PostgreSQL.
    pub target: String,
    /// The expression that it is generated from, in PostgreSQL's SQL.
    pub expression: String,
    /// The virtual table whose index it replaces.
    pub instead_of: String,
    /// The `CREATE VIRTUAL TABLE` that SQLite stored.
    pub source_sql: String,
}
