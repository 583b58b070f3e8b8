//! Why no statement repairs a difference.

use serde::Serialize;

/// Why a difference has no statement that repairs it. Tables and columns are named as in the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Unrepaired {
    /// Rows of the target break it.
    BrokenByRows,
    /// A row has values that may be too long for an index.
    TooLongForIndex,
    /// PostgreSQL refuses the statement.
    Refused {
        /// Its message.
        message: String,
    },
    /// Objects need what the statement would change or drop.
    UsedBy {
        /// These objects.
        objects: Vec<String>,
    },
    /// A column would be dropped and added again, and these would not come back with it.
    LostWithColumn {
        /// These objects.
        objects: Vec<String>,
    },
    /// It belongs to the table's parent, or to the partitioned table.
    Inherited,
    /// A key of a partitioned table needs the columns that it is partitioned by.
    PartitionKey,
    /// The table is partitioned, and PostgreSQL does this for tables that are not.
    Partitioned,
    /// A column is missing.
    ColumnMissing {
        /// Its table.
        table: String,
        /// The column.
        column: String,
    },
    /// Nothing keeps the columns unique that a foreign key references.
    NoKey {
        /// The table that it references.
        parent: String,
        /// The columns that it references.
        columns: Vec<String>,
    },
    /// The table that a foreign key references is UNLOGGED, and its own is not.
    Unlogged {
        /// The table that it references.
        parent: String,
    },
    /// The column has to be NOT NULL before.
    TakesNull {
        /// The column.
        column: String,
    },
    /// A column of this type cannot be numbered.
    NotNumbered {
        /// The type.
        type_name: String,
    },
    /// The type of the column does not hold the next number.
    NumberTooHigh {
        /// The type.
        type_name: String,
    },
    /// An identity column, a domain or the replica identity makes the column NOT NULL.
    NeverNull,
    /// A view that it needs is missing, and left out itself.
    ViewMissing {
        /// The view.
        view: String,
    },
    /// Something else has the name.
    NameTaken {
        /// The name.
        name: String,
    },
}
