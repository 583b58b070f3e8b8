//! What validation finds about data that the app derives from rows.

use serde::Serialize;

/// Derived data that is not as the app would have made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DerivedDifference {
    /// Rows without the value that a trigger stores in a column.
    ColumnNotFilled {
        /// The table, by target name.
        table: String,
        /// The column.
        column: String,
        /// The triggers, by name.
        triggers: Vec<String>,
        /// How many migrated rows lack the value.
        rows: u64,
        /// Whether that was computed; else the triggers may fill the column.
        is_computed: bool,
    },
    /// A table without rows that triggers of loaded tables write.
    TableEmpty {
        /// Its schema.
        schema: String,
        /// Its name.
        table: String,
        /// The triggers, by name.
        triggers: Vec<String>,
    },
    /// A materialized view that holds nothing and cannot be read.
    ViewNotPopulated {
        /// Its schema.
        schema: String,
        /// Its name.
        view: String,
    },
    /// A materialized view that does not hold what its query returns.
    ViewStale {
        /// Its schema.
        schema: String,
        /// Its name.
        view: String,
        /// How many rows it holds.
        rows: u64,
        /// How many rows its query returns.
        query_rows: u64,
    },
}
