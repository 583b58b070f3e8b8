//! What validation finds beside the rows, as values: differences of the schema, sequences, defaults, constraints and views.
//!
//! No sentence and no advice: crate `report` words a finding and names its remedy.

mod derived;
mod not_compared;
mod schema;

use serde::Serialize;

use crate::identifier::quote_pg;

pub use crate::baseline::{BaselineDifference, BaselineProblem};
pub use derived::DerivedDifference;
pub use not_compared::{Database, NotCompared, Reason, Subject};
pub use schema::{ColumnChange, ItemKind, SchemaDifference, SchemaItem};

/// A sequence that would return a number that is already in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SequenceBehind {
    /// The sequence: its name, or as SQL names it where an app made the table.
    pub sequence: String,
    /// The table, by target name.
    pub table: String,
    /// The numbered column, by target name.
    pub column: String,
    /// The number that the sequence returns next; none if it is used up.
    pub next: Option<i64>,
    /// The highest number in use, or the lowest one where the sequence counts down: in PostgreSQL, or given by SQLite.
    pub highest: i64,
    /// Whether only SQLite has given that number, and no row of PostgreSQL has it.
    pub is_given_by_sqlite_alone: bool,
    /// How the sequence is repaired, where an app made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<SequenceRepair>,
}

/// How a sequence of an app is set past the numbers in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SequenceRepair {
    /// The number to set it to, as issued.
    pub position: i64,
    /// Whether its bounds have to be those of bigint before.
    pub widens: bool,
    /// Whether it counts down.
    pub is_descending: bool,
    /// The columns that have to become bigint before.
    pub narrow: Vec<NarrowColumn>,
}

/// A column whose type does not hold the next number of its sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NarrowColumn {
    /// The table, as SQL names it.
    pub table: String,
    /// The column.
    pub column: String,
}

impl NarrowColumn {
    /// The statement that makes it a bigint.
    pub fn widening_sql(&self) -> String {
        format!("ALTER TABLE {} ALTER COLUMN {} TYPE bigint;", self.table, quote_pg(&self.column))
    }
}

/// A migration of the plan that the target does not list as applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingMigration {
    /// Its version, as Diesel's list has it.
    pub version: String,
    /// Its full name.
    pub name: String,
    /// The schema with the list.
    pub list_schema: String,
}

/// A default that does not do the same in both databases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DefaultDifference {
    /// The table, by source name.
    pub table: String,
    /// The column, by source name.
    pub column: String,
    /// How they differ.
    #[serde(flatten)]
    pub problem: DefaultProblem,
}

/// How the defaults of a column differ. `live` is PostgreSQL's, `declared` is SQLite's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the fields are named above")]
pub enum DefaultProblem {
    /// It calls what is not PostgreSQL's own, so that it is not run.
    CallsForeignCode { live: String },
    /// PostgreSQL cannot compute it.
    CannotBeComputed { live: String },
    /// PostgreSQL has none.
    Missing { declared: String },
    /// The two values differ.
    OtherValue { live: String, declared: String },
}

/// A constraint that does not do the same in both databases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConstraintDifference {
    /// The constraint.
    #[serde(flatten)]
    pub constraint: ConstraintName,
    /// What PostgreSQL does.
    pub problem: ConstraintProblem,
}

/// A constraint of a table, by target names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConstraintName {
    /// The table.
    pub table: String,
    /// What kind of constraint it is.
    pub constraint_kind: ConstraintKind,
    /// Its name; of NOT NULL the column's.
    pub name: String,
}

/// What kind of constraint it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// NOT NULL of a column.
    NotNull,
    /// A primary key, a UNIQUE constraint or a unique index.
    UniqueKey,
    /// A CHECK.
    Check,
    /// A foreign key.
    ForeignKey,
}

/// What PostgreSQL does with a row that tries a constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintProblem {
    /// It accepts a row that violates the constraint.
    AcceptsViolation,
    /// It refuses a row that SQLite accepts.
    RefusesValidRow,
}

/// A view that does not return the same rows in both databases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewDifference {
    /// The view, by source name.
    pub view: String,
    /// How the answers differ.
    #[serde(flatten)]
    pub problem: ViewProblem,
}

/// How the answers of a view differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the fields are the numbers of rows in each database")]
pub enum ViewProblem {
    /// PostgreSQL cannot read it.
    Unreadable {
        /// What PostgreSQL reports, without values.
        cause: String,
    },
    /// The databases return different numbers of rows.
    RowCount { source_rows: u64, target_rows: u64 },
    /// The databases return the same number of rows, and these differ.
    Rows { rows: u64 },
}
