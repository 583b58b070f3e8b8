//! What a check did not compare, and why.

use serde::Serialize;

use super::{ConstraintName, ViewProblem};

/// Something that a check did not compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotCompared {
    /// What.
    pub subject: Subject,
    /// Why.
    pub reason: Reason,
}

/// What was not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the fields are names of the source, and of the target for constraints")]
pub enum Subject {
    /// The schema.
    Schema,
    /// One view.
    View { view: String },
    /// All constraints.
    AllConstraints,
    /// All constraints of a table.
    ConstraintsOf { table: String, count: usize },
    /// One constraint.
    Constraint(ConstraintName),
    /// All defaults of a table.
    DefaultsOf { table: String },
    /// One default.
    Default { table: String, column: String },
    /// A sequence, as SQL names it.
    Sequence { sequence: String },
    /// A column that triggers fill, with its table.
    DerivedColumn { column: String },
    /// A materialized view.
    MaterializedView { view: String },
    /// A table that triggers of loaded tables write.
    WrittenTable { table: String },
}

/// Why something was not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "limits are in the unit that a field's name ends with; a cause is a library's, without values"
)]
pub enum Reason {
    /// The server is a standby.
    Standby,
    /// The validation lists changes and is no proof.
    ListsChanges,
    /// Nothing may be written, not even in a transaction that is rolled back.
    ReadOnly,
    /// PL/pgSQL cannot be used, which keeps values out of the server's log.
    NoProceduralLanguage,
    /// The constraints before it took all the time of the table: it is locked, or has to be searched.
    TableTimeUsed { limit_s: u64 },
    /// The tables before it took all the time.
    TimeUsed { limit_s: u64 },
    /// An app made the table, whose INSERT may do more than refuse.
    TableOfApp,
    /// The catalog's entries of the table cannot be read.
    CatalogUnreadable { cause: Option<String> },
    /// The table has triggers or rules.
    TriggersOrRules,
    /// The table has other columns than the plan.
    OtherColumns,
    /// The role may not INSERT.
    NoRightToInsert,
    /// The table has no row to start from.
    NoRow,
    /// No row has a value in each column of the constraint.
    NoCompleteRow,
    /// The column is generated, so that its value cannot be chosen.
    GeneratedColumn,
    /// No value was found that violates the CHECK in SQLite.
    NoViolationInSource,
    /// No value was found that violates the CHECK in both databases.
    NoViolationInBoth,
    /// No key was found that its parent table lacks.
    NoKeyWithoutParent,
    /// The parent table was not compared.
    ParentNotCompared,
    /// The foreign key points to itself, so that each row is its own parent.
    OwnParent,
    /// The table is locked.
    Locked,
    /// PostgreSQL refused the row for another reason.
    OtherRefusal { cause: String },
    /// SQLite refused the row for another reason, or cannot hold the table in memory.
    SourceFailed { cause: String },
    /// SQLite by itself cannot compute the default.
    DefaultNotComputable { cause: Option<String> },
    /// The plan does not carry the default over.
    DefaultNotPlanned,
    /// The default returns another value each time.
    NotDeterministic,
    /// The default is the clock of whichever machine runs the app.
    LocalClock,
    /// The default is the clock in another form than the rows of the column.
    ClockInOtherForm,
    /// The clocks of the two machines differ.
    ClockSkew { seconds: u64 },
    /// The plan of the view comes from an older version.
    OldPlan,
    /// The tables of the two databases were not to hold the same rows.
    OtherRowsOnPurpose,
    /// Rows were skipped, or values became NULL, by the plan's policy.
    RowsRejected,
    /// Rows of tables differ.
    RowsDiffer,
    /// The view took too long.
    ViewTime { database: Database, limit_ms: u64, all_views_ms: u64 },
    /// The views before it took all the time.
    ViewTimeUsed,
    /// A row or value of the view is too long.
    ViewTooLong { database: Database, limit_mib: u64 },
    /// The view's columns have other types than those that the source's would get.
    ViewTypes { problem: ViewProblem },
    /// Rows of the tables are equal in another form, which may be why the rows of the view differ.
    ViewForms { problem: ViewProblem },
    /// The view calls code that is not PostgreSQL's own.
    ViewCallsForeignCode,
    /// The role may not read the view.
    NoRightToReadView,
    /// SQLite by itself cannot read the view.
    ViewUnreadableInSource { cause: String },
    /// No column is known that draws from the sequence.
    NoColumnKnown,
    /// The value of a column depends on the sequence's number and is not that number.
    ComputedNumber { column: String },
    /// A column that draws from the sequence holds no numbers.
    NotANumber { column: String },
    /// The table that draws from the sequence is missing.
    NumberedTableMissing { table: String },
    /// The column that draws from the sequence is missing.
    NumberedColumnMissing { column: String },
    /// The column does not exist.
    ColumnMissing,
    /// The sequence does not exist.
    SequenceMissing,
    /// The role may not read the sequence.
    NoRightToReadSequence { grants: String },
    /// The triggers that fill a column refuse migrated rows.
    TriggerRefuses { cause: String },
    /// Triggers that write the table were not called during the load.
    TriggersNotCalled { triggers: String },
    /// The materialized view does not exist.
    ViewMissing,
    /// PostgreSQL cannot read the materialized view, or evaluate its query.
    ViewRefused { cause: String },
    /// The answers differ, and SQLite may have read them through a damaged index of this table.
    DamagedIndex { table: String, problem: ViewProblem },
    /// The answers differ, and the view's order leaves open which rows come first.
    OpenOrder { problem: ViewProblem },
}

/// One of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Database {
    /// The source.
    Sqlite,
    /// The target.
    Postgresql,
}

impl Reason {
    /// Whether the same validation may compare it at another time: locks, time limits and clocks.
    pub fn is_incidental(&self) -> bool {
        matches!(
            self,
            Reason::Locked
                | Reason::TableTimeUsed { .. }
                | Reason::TimeUsed { .. }
                | Reason::ClockSkew { .. }
                | Reason::ViewTime { .. }
                | Reason::ViewTimeUsed
        )
    }
}
