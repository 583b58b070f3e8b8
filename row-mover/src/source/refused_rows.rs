//! Rows that the rules of an app's table refuse, as a trial in PostgreSQL has found them.

use postgres_client::server_error::ServerError;
use serde::Serialize;

/// Rows of a table that one rule refuses.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedRows {
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// How many rows.
    pub rows: u64,
    /// Whether the trial of the table ended at its limit, so that there may be more.
    pub may_be_more: bool,
    /// The keys of the first few, for people.
    pub first: Vec<String>,
}

/// A rule of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
#[allow(missing_docs, reason = "the fields are named by the variants")]
pub enum Rule {
    /// A CHECK of the table or of a domain.
    Check { name: String },
    /// A unique index or constraint.
    Unique { name: String },
    /// An EXCLUDE constraint.
    Exclusion { name: String },
    /// A column, or the domain of one, that takes no NULL.
    NotNull { column: String },
    /// The partitions of the table, none of which takes the row.
    NoPartition,
    /// A foreign key to a table that gets no rows.
    ForeignKey { name: String, parent: String },
    /// Anything else, such as an expression that cannot be computed, by SQLSTATE.
    Other { sqlstate: String },
}

impl Rule {
    /// The rule behind an error of the server.
    pub(crate) fn of(error: &ServerError) -> Rule {
        let name = error.constraint.clone();
        match (error.sqlstate.as_deref().unwrap_or_default(), name) {
            ("23514", Some(name)) => Rule::Check { name },
            ("23514", None) => Rule::NoPartition,
            ("23505", Some(name)) => Rule::Unique { name },
            ("23P01", Some(name)) => Rule::Exclusion { name },
            ("23502", _) => Rule::NotNull { column: error.column.clone().unwrap_or_default() },
            (sqlstate, _) => Rule::Other { sqlstate: sqlstate.to_owned() },
        }
    }
}
