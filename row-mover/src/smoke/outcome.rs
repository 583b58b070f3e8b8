//! The result of a smoke test as values: what was tried on which table, how it ended, and how long it took.
//!
//! It contains no value of a row: errors are scrubbed, and rows have no address here.

use std::time::Duration;

use postgres_client::lock_wait::LockWait;
use postgres_client::server_error::ServerError;

/// What was tried.
#[derive(Clone, Debug, Default)]
pub struct SmokeTest {
    /// The tables, in the order of their names.
    pub tables: Vec<TableSmoke>,
    /// Where the list of tables comes from.
    pub scope: Scope,
}

/// Where the list of tables comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The plan of the last run in the ledger.
    Plan,
    /// Every table of the database that belongs to no extension, since there is no ledger that this role can read.
    #[default]
    Database,
}

/// What was tried on one table.
#[derive(Clone, Debug)]
pub struct TableSmoke {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// The operations, in the order in which they are listed.
    pub steps: Vec<Step>,
    /// The transaction that was rolled back, as PostgreSQL numbers it; none where nothing was tried.
    pub aborted_transaction: Option<String>,
}

/// An operation and its outcome.
#[derive(Clone, Debug)]
pub struct Step {
    /// What was tried.
    pub operation: Operation,
    /// How it ended.
    pub outcome: Outcome,
    /// The time of the statement and of the constraints that are checked after it; zero where nothing was tried.
    pub took: Duration,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A row is inserted.
    Insert,
    /// Columns of a row are set to what they are.
    Update,
    /// A row is deleted.
    Delete,
}

impl Operation {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Operation; 3] = [Operation::Insert, Operation::Update, Operation::Delete];

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Insert => "insert",
            Operation::Update => "update",
            Operation::Delete => "delete",
        }
    }
}

/// How an operation ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Exactly one row was changed, and every constraint held.
    Passed,
    /// Every row is referenced, no other one could be made, and the foreign key of this name refused to delete one, as it must.
    RefusedByForeignKey(String),
    /// The table has no column that an UPDATE may set.
    NothingToUpdate,
    /// A function or trigger of the database refused it with RAISE.
    Raised,
    /// The server refused it.
    Failed(ServerError),
    /// The statement succeeded and changed this many rows instead of one: a trigger or rule replaces it.
    WrongRowCount(u64),
    /// Another session held a lock for too long.
    Blocked(Option<LockWait>),
    /// It took too long.
    TimedOut,
    /// It was not tried.
    NotTried(NotTried),
}

impl Outcome {
    /// What the outcome means for a cutover.
    pub fn verdict(&self) -> Verdict {
        match self {
            Outcome::Passed | Outcome::RefusedByForeignKey(_) | Outcome::NothingToUpdate => Verdict::Passed,
            Outcome::Raised | Outcome::NotTried(_) => Verdict::Undecided,
            Outcome::Failed(_) | Outcome::WrongRowCount(_) | Outcome::Blocked(_) | Outcome::TimedOut => {
                Verdict::Failed
            }
        }
    }
}

/// What an outcome means for a cutover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The database does what the app needs.
    Passed,
    /// Nothing is known, or a rule of the database may have refused it on purpose: a person decides.
    Undecided,
    /// The app's operation would fail now.
    Failed,
}

/// Why an operation was not tried.
#[derive(Clone, Debug)]
pub enum NotTried {
    /// Row level security restricts this role, and only the app knows for whom its sessions act.
    RowSecurity,
    /// The role lacks a right.
    MissingRight(Right),
    /// A partition is a foreign table: what is written there is not rolled back with certainty.
    ForeignPartition,
    /// The plan names a table that does not exist.
    NoTable,
    /// No made-up row was accepted; this refused the last one.
    NoRow(ServerError),
    /// A column must have a value, and none is known for its type.
    NoValue {
        /// The column.
        column: String,
        /// Its type, as PostgreSQL prints it.
        type_name: String,
    },
    /// A new row needs a row in another table that needs the new row, by the foreign key of this name.
    Circle(String),
    /// Deleting a row would change rows that refer to it, by the foreign key of this name.
    WouldCascade(String),
    /// A trigger moved the row that was made for this.
    RowMoved,
    /// There was no row to change, since none could be inserted.
    NoRowToChange,
    /// The time for the smoke test was over.
    OutOfTime,
}

/// A right on a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// USAGE on its schema.
    Usage,
    /// SELECT.
    Select,
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
}

impl Right {
    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Right::Usage => "USAGE",
            Right::Select => "SELECT",
            Right::Insert => "INSERT",
            Right::Update => "UPDATE",
            Right::Delete => "DELETE",
        }
    }
}

impl Step {
    /// A step that was not tried.
    pub(super) fn not_tried(operation: Operation, why: NotTried) -> Step {
        Step { operation, outcome: Outcome::NotTried(why), took: Duration::ZERO }
    }
}
