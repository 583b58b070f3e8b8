//! Decides whether a failed operation may be repeated, by what is known of what the database has kept.

use diesel::Connection as _;
use postgres_client::{Condition, Loss};

use super::connection::Connection;
use super::source::Operation;
use crate::{Error, Result};

/// Which step of an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A statement that is kept as soon as it has ended, the first of the attempt.
    Statement,
    /// The same after another one, which was kept.
    NextStatement,
    /// The beginning of a transaction or a statement in it: nothing of it is kept before the commit.
    Work,
    /// The commit.
    Commit,
}

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) is_repeatable: bool,
    /// Whether it is repeated although the database may have kept it.
    pub(super) may_be_kept: bool,
}

/// Runs an operation once, on a connection that is in no transaction, in one of its own if `is_transaction`.
pub(super) fn attempt<T>(
    connection: &mut Connection,
    operation: Operation,
    is_transaction: bool,
    mut work: impl FnMut(&mut Connection) -> Result<T>,
) -> std::result::Result<T, Failure> {
    let mut step = Step::Work;
    let done = if is_transaction {
        connection.transaction(|connection| {
            let done = work(connection);
            if done.is_ok() {
                step = Step::Commit;
            }
            done
        })
    } else {
        let before = connection.done();
        let done = work(connection);
        step = if connection.done() == before { Step::Statement } else { Step::NextStatement };
        done
    };
    done.map_err(|error| Failure::of(error, operation, step))
}

impl Failure {
    fn of(error: Error, operation: Operation, step: Step) -> Failure {
        let Some(client) = client_error(&error) else {
            return Failure { error, is_repeatable: false, may_be_kept: false };
        };
        let is_conflict =
            matches!(client.condition(), Some(Condition::SerializationFailure | Condition::DeadlockDetected));
        let is_idempotent = matches!(operation, Operation::Read | Operation::IdempotentWrite);
        match client.loss() {
            _ if step == Step::NextStatement && !is_idempotent => Failure::unknown(error),
            // The connection is fine: the server has undone what it refused.
            None => {
                let is_repeatable = is_conflict || client.is_stale_statement();
                Failure { error, is_repeatable, may_be_kept: false }
            }
            Some(Loss::BeforeSending) => Failure { error, is_repeatable: true, may_be_kept: false },
            Some(Loss::Underway) if step == Step::Work || is_idempotent => {
                let may_be_kept = step != Step::Work && operation == Operation::IdempotentWrite;
                Failure { error, is_repeatable: true, may_be_kept }
            }
            Some(Loss::Underway) => Failure::unknown(error),
        }
    }

    /// The database may have kept the operation, so that it is not repeated.
    pub(super) fn unknown(error: Error) -> Failure {
        let error = Error::OutcomeUnknown { source: Box::new(error) };
        Failure { error, is_repeatable: false, may_be_kept: false }
    }
}

/// The client's error that an operation's error was made of.
fn client_error(error: &Error) -> Option<&postgres_client::Error> {
    match error {
        Error::Database { source } | Error::Busy { source } => source.downcast_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_operation_itself_is_not_repeated() {
        let failure = Failure::of(
            Error::UnknownValue { table: crate::Table::Jobs, column: "status" },
            Operation::Read,
            Step::Statement,
        );
        assert!(!failure.is_repeatable);
    }
}
