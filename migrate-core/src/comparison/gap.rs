//! What one database has and the other has no counterpart for, so that nothing of it is compared.

use serde::Serialize;

/// A table or column that is not compared. Tables and columns are those of the source, unless something else is said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "gap", rename_all = "snake_case")]
pub enum Gap {
    /// A table that the target does not have.
    Table {
        /// The table.
        table: String,
        /// Its rows.
        rows: u64,
        /// What it resembles in the target, in words, the strongest evidence first.
        resembles: Vec<String>,
    },
    /// A table whose name fits several of the target's; `rename` in `mapping.toml` decides.
    AmbiguousTable {
        /// The table.
        table: String,
        /// Its rows.
        rows: u64,
        /// The tables in the target.
        candidates: Vec<String>,
    },
    /// A table whose counterpart another table has already.
    TakenTable {
        /// The table.
        table: String,
        /// Its rows.
        rows: u64,
        /// The table in the target.
        target: String,
        /// The table that has it.
        by: String,
    },
    /// A column that the target's table does not have.
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The table in the target.
        target: String,
        /// The number of its values that are not NULL.
        values: u64,
        /// The nearest name in the target that no other column has.
        nearest: Option<String>,
    },
    /// A column whose name fits several of the target's; `rename` in `mapping.toml` decides.
    AmbiguousColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The columns in the target.
        candidates: Vec<String>,
    },
    /// A column whose counterpart another column has already.
    TakenColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The column in the target.
        target: String,
        /// The column that has it.
        by: String,
    },
    /// A generated column of SQLite that the target does not have: its values follow from other columns.
    GeneratedColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A table that `mapping.toml` leaves behind, or that is a migrator's own list.
    LeftBehind {
        /// The kind of object, such as `table` or `column`.
        kind: String,
        /// Its name, with its table where it is a column.
        name: String,
        /// Why.
        reason: String,
    },
    /// A table of the target without a counterpart in the source.
    OnlyInTarget {
        /// The table, with its schema unless that is `public`.
        target: String,
        /// The migrator or extension whose bookkeeping it is, if it is one's.
        bookkeeping_of: Option<String>,
    },
    /// A column of the target without a counterpart in the source.
    OnlyInTargetColumn {
        /// The table in the target.
        target: String,
        /// The column there.
        column: String,
        /// Whether PostgreSQL numbers it, as a key that a tool has added.
        is_numbered: bool,
    },
}

impl Gap {
    /// Whether it keeps the databases from being equal: something of the source is not in the target, or nobody knows.
    pub fn is_difference(&self) -> bool {
        match self {
            Gap::Table { .. }
            | Gap::AmbiguousTable { .. }
            | Gap::TakenTable { .. }
            | Gap::Column { .. }
            | Gap::AmbiguousColumn { .. }
            | Gap::TakenColumn { .. } => true,
            Gap::GeneratedColumn { .. }
            | Gap::LeftBehind { .. }
            | Gap::OnlyInTarget { .. }
            | Gap::OnlyInTargetColumn { .. } => false,
        }
    }

    /// The source's table that has no counterpart as a whole; none where it is about something else.
    pub fn table(&self) -> Option<&String> {
        match self {
            Gap::Table { table, .. } | Gap::AmbiguousTable { table, .. } | Gap::TakenTable { table, .. } => {
                Some(table)
            }
            _ => None,
        }
    }

    /// The source's column that has no counterpart, with its table; none where it is about something else.
    pub fn column(&self) -> Option<(&String, &String)> {
        match self {
            Gap::Column { table, column, .. }
            | Gap::AmbiguousColumn { table, column, .. }
            | Gap::TakenColumn { table, column, .. } => Some((table, column)),
            _ => None,
        }
    }
}
