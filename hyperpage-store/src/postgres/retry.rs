//! Decides whether a failed operation may be repeated, by what is known of what the database has kept.

use postgres_client::{Condition, Loss};

use super::source::Operation;
use crate::Error;

/// Which step of an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A statement that is kept as soon as it has ended.
    Statement,
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
}

impl Failure {
    pub(super) fn of(error: Error, operation: Operation, step: Step) -> Failure {
        let Some(client) = client_error(&error) else { return Failure { error, is_repeatable: false } };
        let is_conflict =
            matches!(client.condition(), Some(Condition::SerializationFailure | Condition::DeadlockDetected));
        match client.loss() {
            // The connection is fine: the server has undone what it refused.
            None => Failure { is_repeatable: is_conflict || client.is_stale_statement(), error },
            Some(Loss::BeforeSending) => Failure { error, is_repeatable: true },
            Some(Loss::Underway) if step == Step::Work => Failure { error, is_repeatable: true },
            Some(Loss::Underway) => match operation {
                Operation::Read | Operation::IdempotentWrite => Failure { error, is_repeatable: true },
                Operation::Write | Operation::Transaction => {
                    let source = Box::new(error);
                    Failure { error: Error::OutcomeUnknown { source }, is_repeatable: false }
                }
            },
        }
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
