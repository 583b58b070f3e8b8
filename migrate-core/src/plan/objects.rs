//! The plan's views and triggers.

use serde::{Deserialize, Serialize};

use crate::conversion::Conversion;

/// A view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedView {
    /// Its name in SQLite.
    pub source: String,
    /// Its name in PostgreSQL.
    pub target: String,
    /// Its columns in PostgreSQL, in their order.
    pub columns: Vec<String>,
    /// How the values of each column are converted back to those of SQLite's view; empty in a plan of an older version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conversions: Vec<Conversion>,
    /// The query in PostgreSQL's SQL.
    pub query: String,
    /// The statement that SQLite stored.
    pub source_sql: String,
    /// Notes on the translation for a reviewer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A trigger and the function that it calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTrigger {
    /// Its name in SQLite.
    pub source: String,
    /// Its name in PostgreSQL.
    pub target: String,
    /// The table that it is on, by target name.
    pub table: String,
    /// The name of its function.
    pub function: String,
    /// The body of the function, in PL/pgSQL, from `BEGIN` (or `DECLARE`) to `END`.
    pub body: String,
    /// When it fires, such as `AFTER UPDATE OF "a" `, up to `ON`.
    pub event: String,
    /// The condition in PostgreSQL's SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The statement that SQLite stored.
    pub source_sql: String,
    /// Notes on the translation for a reviewer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
