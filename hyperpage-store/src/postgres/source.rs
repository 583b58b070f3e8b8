//! Where connections come from.

use diesel::Connection as _;

use super::connection::Connection;
use crate::Result;

/// What may be done when a connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// One statement that changes nothing: it may be repeated.
    Read,
    /// One statement that may be repeated when its outcome is unknown.
    IdempotentWrite,
    /// One statement that must not be repeated when its outcome is unknown.
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

/// One connection. Inside a transaction that is open already, a transaction is a savepoint. Nothing is repeated.
impl Source for &mut Connection {
    fn run<T>(
        &mut self,
        operation: Operation,
        mut work: impl FnMut(&mut Connection) -> Result<T>,
    ) -> Result<T> {
        match operation {
            Operation::Read | Operation::IdempotentWrite | Operation::Write => work(self),
            Operation::Transaction => self.transaction(work),
        }
    }
}

/// A connection of its own. Nothing is repeated.
impl Source for Connection {
    fn run<T>(&mut self, operation: Operation, work: impl FnMut(&mut Connection) -> Result<T>) -> Result<T> {
        Source::run(&mut &mut *self, operation, work)
    }
}
