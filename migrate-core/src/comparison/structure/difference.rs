//! What a difference between what the source declares and what the target has is about, as data.

use serde::Serialize;

use super::{ForeignKeyDifference, TypeLimit, UniqueSource};
use crate::finding::{DefaultProblem, SequenceBehind, ViewProblem};

/// What differs. Columns, tables and indexes are named as in the target, SQL is the source's, unless something else is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum StructureProblem {
    /// A column that is NOT NULL in SQLite takes NULL.
    NotNullMissing {
        /// The column.
        column: String,
    },
    /// A column that takes NULL in SQLite does not.
    NotNullAdded {
        /// The column.
        column: String,
    },
    /// A column that only the target has is NOT NULL and has no default: inserts of the app fail.
    RequiredColumnAdded {
        /// The column.
        column: String,
    },
    /// There is no primary key.
    PrimaryKeyMissing {
        /// Its columns.
        columns: Vec<String>,
    },
    /// The primary key has other columns.
    PrimaryKeyDiffers {
        /// The source's columns.
        columns: Vec<String>,
        /// The target's columns.
        live: Vec<String>,
    },
    /// The columns of the primary key are in another order, and no index has the source's order.
    PrimaryKeyOrder {
        /// The columns in the source's order.
        columns: Vec<String>,
        /// The columns in the target's order.
        live: Vec<String>,
    },
    /// The source has no primary key.
    PrimaryKeyAdded {
        /// The target's columns.
        live: Vec<String>,
    },
    /// Nothing keeps values unique that SQLite keeps unique.
    UniqueMissing {
        /// The source's constraint or index.
        unique: UniqueSource,
        /// The keys, as SQL of the target.
        keys: Vec<String>,
        /// The condition of a partial index, as SQL of the target.
        #[serde(skip_serializing_if = "Option::is_none")]
        condition: Option<String>,
        /// A unique index of the target that compares case, where SQLite does not.
        #[serde(skip_serializing_if = "Option::is_none")]
        compares_case: Option<String>,
    },
    /// A unique index of the target is for all rows, the source's only for those of a condition.
    UniqueForAllRows {
        /// The source's index.
        index: String,
        /// The target's index.
        live: String,
        /// The condition.
        condition: String,
    },
    /// The target allows one NULL where SQLite allows any number.
    UniqueNulls {
        /// The target's index.
        live: String,
        /// Its keys, as SQL.
        keys: Vec<String>,
    },
    /// An exclusion constraint of the target: SQLite has none.
    ExclusionAdded {
        /// The constraint.
        live: String,
        /// Its keys, as SQL.
        keys: Vec<String>,
    },
    /// The target keeps values unique that SQLite does not.
    UniqueAdded {
        /// The index.
        live: String,
        /// Its keys, as SQL.
        keys: Vec<String>,
    },
    /// The target finds values equal that differ in case only, which SQLite distinguishes.
    UniqueFoldsCase {
        /// The index.
        live: String,
        /// Its keys, as SQL.
        keys: Vec<String>,
    },
    /// What keeps values unique is deferrable: ON CONFLICT fails, and duplicates are refused at COMMIT.
    UniqueDeferrable {
        /// The constraint.
        live: String,
        /// Its keys, as SQL.
        keys: Vec<String>,
    },
    /// No index serves what an index of the source serves.
    IndexMissing {
        /// The source's index.
        index: String,
        /// The keys, as SQL of the target.
        keys: Vec<String>,
        /// The condition of a partial index, as SQL of the target.
        #[serde(skip_serializing_if = "Option::is_none")]
        condition: Option<String>,
    },
    /// An index of the target sorts some keys the other way, so that it does not serve the source's order.
    IndexOrder {
        /// The source's index.
        index: String,
        /// The target's index.
        live: String,
    },
    /// An index of the target has another operator class, so that it serves for other operators than the source's.
    IndexClass {
        /// The source's index.
        index: String,
        /// The target's index.
        live: String,
        /// The operator class.
        class: String,
    },
    /// An index sorts all keys the other way. PostgreSQL reads it backwards.
    IndexReversed {
        /// The source's index.
        index: String,
        /// The target's index.
        live: String,
    },
    /// An index of the target is for all rows, the source's only for those of a condition: it serves more, and is larger.
    IndexForAllRows {
        /// The source's index.
        index: String,
        /// The target's index.
        live: String,
        /// The condition.
        condition: String,
    },
    /// Another index of the target serves what an index of the source serves.
    IndexCovered {
        /// The source's index.
        index: String,
        /// The target's index.
        live: String,
    },
    /// An index that the source does not have.
    IndexAdded {
        /// The index.
        live: String,
        /// Its keys, as SQL.
        keys: Vec<String>,
    },
    /// An index repeats what the primary key or another index does.
    IndexRepeated {
        /// The index.
        live: String,
        /// What it repeats.
        of: String,
    },
    /// An index is not valid: PostgreSQL does not use it.
    IndexInvalid {
        /// The index.
        live: String,
    },
    /// There is no foreign key.
    ForeignKeyMissing {
        /// Its columns.
        columns: Vec<String>,
        /// The table that it references.
        parent: String,
        /// The columns that it references.
        parent_columns: Vec<String>,
    },
    /// A foreign key acts differently.
    ForeignKeyDiffers {
        /// The target's constraint.
        live: String,
        /// Its columns.
        columns: Vec<String>,
        /// What differs.
        differences: Vec<ForeignKeyDifference>,
    },
    /// The source has no such foreign key.
    ForeignKeyAdded {
        /// The target's constraint.
        live: String,
        /// Its columns.
        columns: Vec<String>,
    },
    /// There is no such CHECK.
    CheckMissing {
        /// The condition.
        check: String,
    },
    /// There is no such CHECK, and the type of the column refuses the same values.
    CheckByType {
        /// The condition.
        check: String,
    },
    /// The source has no such CHECK.
    CheckAdded {
        /// The target's constraint.
        live: String,
        /// Its condition, as PostgreSQL prints it.
        check: String,
    },
    /// A column has a domain with a CHECK that the source does not have.
    DomainCheckAdded {
        /// The column.
        column: String,
        /// The domain.
        domain: String,
        /// Its condition, as PostgreSQL prints it.
        check: String,
    },
    /// A CHECK was not tried on the rows that were there before it.
    CheckNotValid {
        /// The target's constraint.
        live: String,
    },
    /// A default is missing or returns another value.
    Default {
        /// The column.
        column: String,
        /// How it differs.
        difference: DefaultProblem,
    },
    /// The source has no default for the column.
    DefaultAdded {
        /// The column.
        column: String,
        /// The default, as PostgreSQL prints it.
        live: String,
    },
    /// A generated column is missing.
    GeneratedMissing {
        /// The column.
        column: String,
        /// Its expression.
        expression: String,
    },
    /// A generated column of SQLite is an ordinary one: nothing computes its values.
    GeneratedNotComputed {
        /// The column.
        column: String,
        /// Its expression.
        expression: String,
    },
    /// A generated column has another expression.
    GeneratedDiffers {
        /// The column.
        column: String,
        /// The source's expression.
        expression: String,
        /// The target's expression, as PostgreSQL prints it.
        live: String,
    },
    /// A column that the app writes is generated: its inserts fail.
    GeneratedAdded {
        /// The column.
        column: String,
        /// The expression, as PostgreSQL prints it.
        live: String,
    },
    /// Nothing numbers new rows, which SQLite does: inserts without a key fail.
    NumberingMissing {
        /// The column.
        column: String,
    },
    /// The default computes a number from a sequence, which may be in use.
    NumberingDiffers {
        /// The column.
        column: String,
        /// The default, as PostgreSQL prints it.
        live: String,
    },
    /// PostgreSQL numbers every row itself, and refuses a number that the app gives.
    NumberingAlways {
        /// The column.
        column: String,
    },
    /// A sequence issues a number that is in use, or that SQLite has issued before.
    SequenceBehind {
        /// The sequence.
        #[serde(flatten)]
        sequence: SequenceBehind,
    },
    /// The type of a column cannot hold every value that SQLite can.
    Narrower {
        /// The column.
        column: String,
        /// Its type in the target.
        type_name: String,
        /// What it cannot hold.
        limit: TypeLimit,
    },
    /// The type of a column is an enum, and no CHECK of the source allows its labels alone.
    EnumAdded {
        /// The column.
        column: String,
        /// The type.
        type_name: String,
    },
    /// The source compares the texts of a column by another collation than BINARY, the target byte by byte.
    CollationMissing {
        /// The column.
        column: String,
        /// The source's collation.
        collation: String,
    },
    /// The target finds texts of a column equal that differ in case only, which SQLite distinguishes.
    CaseFolded {
        /// The column.
        column: String,
    },
    /// Policies decide which rows a role sees and writes.
    RowSecurity,
    /// The table is UNLOGGED: a crash empties it.
    Unlogged,
    /// Tables that inherit from the table have rows of it, which its keys do not know.
    RowsInChildren,
    /// No partition takes the rows that all others do not.
    PartitionMissing {
        /// The partitions' bounds.
        bounds: Vec<String>,
    },
    /// Nothing has the name of a view.
    ViewMissing {
        /// The view, by source name.
        view: String,
    },
    /// A materialized view has the name of a view: its rows are those of its last refresh.
    ViewMaterialized {
        /// The view, by source name.
        view: String,
    },
    /// A view lacks columns.
    ViewColumns {
        /// The view, by source name.
        view: String,
        /// The columns that it lacks.
        columns: Vec<String>,
    },
    /// A view returns other rows.
    ViewDiffers {
        /// The view, by source name.
        view: String,
        /// How they differ.
        difference: ViewProblem,
    },
    /// No trigger does what a trigger of the source does.
    TriggerMissing {
        /// The trigger, by source name.
        trigger: String,
    },
    /// A trigger of the name does not fire.
    TriggerDisabled {
        /// The trigger, by source name.
        trigger: String,
        /// The target's trigger.
        live: String,
    },
    /// A trigger of the name fires for something else.
    TriggerDiffers {
        /// The trigger, by source name.
        trigger: String,
        /// What the source's fires for.
        event: String,
        /// What the target's fires for.
        live: String,
    },
    /// The source has no such trigger.
    TriggerAdded {
        /// The trigger.
        live: String,
        /// Whether it may change, drop or refuse rows that the app writes.
        changes_rows: bool,
    },
    /// SQLite has no rules.
    RuleAdded {
        /// The rule.
        live: String,
        /// The statement that it is for.
        event: String,
        /// Whether it replaces the statement.
        is_instead: bool,
    },
}
