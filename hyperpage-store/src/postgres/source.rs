//! Where connections come from.

use diesel::Connection as _;

use super::connection::Connection;
use super::retry::attempt;
use crate::Result;

/// What may be done when a connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// One statement that changes nothing: it may be repeated.
    Read,
    /// One statement that may be repeated when its outcome is unknown.
    IdempotentWrite,
    /// One statement that changes something, perhaps with a read after it if it changed nothing, and must not be repeated when its outcome
    /// is unknown.
    Write,
    /// Several statements in a transaction. It may be repeated unless the connection was lost during the commit.
    Transaction,
}

/// A source of connections.
pub trait Source {
    /// Runs `work` on a connection, in a transaction if the operation is one. May run it again as [`Operation`] permits.
    ///
    /// # Errors
    /// Those of `work`, and [`crate::Error::Unavailable`] without a connection.
    fn run<T>(&mut self, operation: Operation, work: impl FnMut(&mut Connection) -> Result<T>) -> Result<T>;
}

/// One connection. Nothing is repeated.
///
/// Inside a transaction that is open already, a transaction is a savepoint, and a single statement has none: if it fails, PostgreSQL
/// accepts nothing more in the open transaction until its owner rolls back to a savepoint of its own, or completely.
impl Source for &mut Connection {
    fn run<T>(
        &mut self,
        operation: Operation,
        mut work: impl FnMut(&mut Connection) -> Result<T>,
    ) -> Result<T> {
        let is_transaction = operation == Operation::Transaction;
        if !self.client().is_in_transaction() {
            return attempt(self, operation, is_transaction, work).map_err(|failure| failure.error);
        }
        if is_transaction { self.transaction(work) } else { work(self) }
    }
}

/// A connection of its own. Nothing is repeated.
impl Source for Connection {
    fn run<T>(&mut self, operation: Operation, work: impl FnMut(&mut Connection) -> Result<T>) -> Result<T> {
        Source::run(&mut &mut *self, operation, work)
    }
}
