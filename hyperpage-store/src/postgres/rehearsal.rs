//! The exercise on a real database: in a transaction that is rolled back, each operation in a savepoint.
//!
//! Nothing remains but the numbers that sequences have returned.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use diesel::connection::{Connection as _, SimpleConnection};
use diesel::result::Error as DieselError;
use diesel::sql_types::{Nullable, Text};
use diesel::{QueryableByName, RunQueryDsl};

use super::{Connection, PostgresStore};
use crate::exercise::{Exercise, Group, Operation, Problem};
use crate::{Error, Result};

/// The limits of a rehearsal.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest wait for a lock.
    pub lock_timeout: Duration,
    /// The longest time for a statement.
    pub statement_timeout: Duration,
    /// When no other operation begins.
    pub deadline: Instant,
}

/// What became of an operation.
#[derive(Debug)]
pub enum Rehearsed {
    /// It did what it has to, in this time.
    Passed(Duration),
    /// It did not.
    Problem(Problem),
    /// It was not tried, since this one that it needs did not pass.
    Needs(Operation),
    /// It was not tried, since no time was left.
    OutOfTime,
}

/// A rehearsal that was rolled back.
#[derive(Debug)]
pub struct Rehearsal {
    /// All operations, in the order in which they were tried.
    pub steps: Vec<(Operation, Rehearsed)>,
    /// The transaction, of which PostgreSQL confirmed that it is aborted.
    pub aborted_transaction: String,
}

/// How the transaction ends: never with a commit.
enum End {
    /// With a rollback, as intended.
    RolledBack,
    /// With an error.
    Failed(Error),
}

impl From<DieselError> for End {
    fn from(error: DieselError) -> End {
        End::Failed(error.into())
    }
}

/// How a savepoint ends.
enum Step {
    Passed(Duration),
    Problem(Problem),
}

impl From<DieselError> for Step {
    fn from(error: DieselError) -> Step {
        Step::Problem(Problem::Failed(error.into()))
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    line: Option<String>,
}

/// Carries out the exercise and rolls it back. `tag` must be random. `after` gets each outcome at once; when it breaks off, the operations
/// that are left count as [`Rehearsed::OutOfTime`].
///
/// # Errors
/// A lost connection, or a transaction of which PostgreSQL does not confirm that it is rolled back.
pub fn rehearse(
    connection: &mut Connection,
    tag: &str,
    limits: Limits,
    after: &mut dyn FnMut(Operation, &Rehearsed) -> ControlFlow<()>,
) -> Result<Rehearsal> {
    let mut done = None;
    let ended = connection.transaction(|connection| -> std::result::Result<(), End> {
        let limits_sql = format!(
            "SET LOCAL search_path TO DEFAULT; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}",
            limits.lock_timeout.as_millis().max(1),
            limits.statement_timeout.as_millis().max(1)
        );
        connection.batch_execute(&limits_sql)?;
        let number = line(connection, "SELECT pg_catalog.pg_current_xact_id()::text AS line")?;
        let steps = steps(connection, tag, limits.deadline, after);
        done = Some((number.unwrap_or_default(), steps));
        Err(End::RolledBack)
    });
    if let Err(End::Failed(error)) = ended {
        return Err(error);
    }
    let not_rolled_back =
        || Error::Database { source: "PostgreSQL does not report the transaction as rolled back".into() };
    let (number, steps) = done.ok_or_else(not_rolled_back)?;
    // It is a number of PostgreSQL's own.
    let sql = format!("SELECT pg_catalog.pg_xact_status('{number}'::pg_catalog.xid8) AS line");
    if line(connection, &sql)?.as_deref() != Some("aborted") {
        return Err(not_rolled_back());
    }
    Ok(Rehearsal { steps, aborted_transaction: number })
}

fn line(connection: &mut Connection, sql: &str) -> std::result::Result<Option<String>, DieselError> {
    diesel::sql_query(sql).get_result::<Line>(connection).map(|found| found.line)
}

fn steps(
    connection: &mut Connection,
    tag: &str,
    deadline: Instant,
    after: &mut dyn FnMut(Operation, &Rehearsed) -> ControlFlow<()>,
) -> Vec<(Operation, Rehearsed)> {
    let mut exercise = Exercise::new(tag);
    let mut failed: Vec<(Group, Operation)> = Vec::new();
    let mut steps = Vec::with_capacity(Operation::ALL.len());
    let mut is_over = false;
    for operation in Operation::ALL.iter().copied() {
        let needed = failed.iter().find(|(group, _)| *group == operation.group());
        let rehearsed = if is_over || Instant::now() >= deadline {
            Rehearsed::OutOfTime
        } else if let Some((_, needed)) = needed {
            Rehearsed::Needs(*needed)
        } else {
            match step(connection, &mut exercise, operation) {
                Step::Passed(took) => Rehearsed::Passed(took),
                Step::Problem(problem) => {
                    failed.push((operation.group(), operation));
                    Rehearsed::Problem(problem)
                }
            }
        };
        is_over |= after(operation, &rehearsed).is_break();
        steps.push((operation, rehearsed));
    }
    steps
}

/// Carries out an operation in a savepoint, which a problem undoes.
fn step(connection: &mut Connection, exercise: &mut Exercise, operation: Operation) -> Step {
    let done = connection.transaction(|connection| {
        let outcome = exercise.run(operation, &mut PostgresStore::new(connection));
        outcome.map(Step::Passed).map_err(Step::Problem)
    });
    done.unwrap_or_else(|problem| problem)
}
