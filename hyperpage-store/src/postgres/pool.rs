//! The app's pool as a source of connections, with retries of what is safe to repeat.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use postgres_client::{AppPool, AppSettings, PoolMode, PoolState, Pooled, TargetUrl, app_session};

use super::connection::Connection;
use super::retry::{Failure, attempt};
use super::source::{Operation, Source};
use crate::{Error, Result};

/// The wait before the first retry.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// The longest wait between two attempts, before jitter.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// How often an operation is repeated.
const RETRIES_MAX: usize = 10;

impl Pooled for Connection {
    fn client(&mut self) -> &mut postgres_client::Connection {
        Connection::client(self)
    }

    fn is_reusable(&mut self) -> bool {
        Connection::client(self).is_idle() && !AnsiTransactionManager::is_broken_transaction_manager(self)
    }
}

/// A pool of connections that retries. Clones share it.
///
/// An operation is repeated where the database has certainly kept nothing of it: no statement was sent, the transaction was lost before
/// its commit was sent, or it conflicted with another one (40001, 40P01). An operation that may have been kept is repeated if that is
/// harmless, else it is [`Error::OutcomeUnknown`].
#[derive(Clone)]
pub struct Pool {
    connections: AppPool<Connection>,
    mode: PoolMode,
    call_timeout: Duration,
}

impl Pool {
    /// Creates the pool. Connections are opened when they are needed.
    ///
    /// # Errors
    /// None yet: the settings were checked when they were read.
    pub fn open(target: &TargetUrl, settings: &AppSettings) -> Result<Pool> {
        Ok(Pool {
            connections: AppPool::open(target, settings),
            mode: settings.pool_mode,
            call_timeout: settings.db.connection_timeout + app_session::reply_timeout(&settings.db),
        })
    }

    /// How long an operation may take at most, with its retries: `DB_CONNECTION_TIMEOUT` and the time for the reply to a statement.
    #[must_use]
    pub const fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    /// What its connections are doing.
    #[must_use]
    pub fn state(&self) -> PoolState {
        self.connections.state()
    }

    fn attempt<T>(
        &self,
        operation: Operation,
        deadline: Instant,
        work: impl FnMut(&mut Connection) -> Result<T>,
    ) -> std::result::Result<T, Failure> {
        let mut connection = self.connections.get(deadline).map_err(Failure::unavailable)?;
        let is_transaction = operation == Operation::Transaction || self.mode == PoolMode::Transaction;
        attempt(&mut connection, operation, is_transaction, work)
    }
}

impl Source for Pool {
    fn run<T>(&mut self, operation: Operation, work: impl FnMut(&mut Connection) -> Result<T>) -> Result<T> {
        Source::run(&mut &*self, operation, work)
    }
}

impl Source for &Pool {
    fn run<T>(
        &mut self,
        operation: Operation,
        mut work: impl FnMut(&mut Connection) -> Result<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + self.call_timeout;
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(FIRST_WAIT)
            .with_max_delay(WAIT_MAX)
            .with_max_times(RETRIES_MAX)
            .with_jitter()
            .build();
        let mut may_be_kept = false;
        loop {
            let failure = match self.attempt(operation, deadline, &mut work) {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            may_be_kept |= failure.may_be_kept;
            // An attempt that would begin after the deadline could only replace the reason by a worse one.
            let wait = waits.next().filter(|wait| failure.is_repeatable && Instant::now() + *wait < deadline);
            match wait {
                Some(wait) => std::thread::sleep(wait),
                None => return Err(failure.final_error(may_be_kept)),
            }
        }
    }
}

impl Failure {
    /// The error of an operation that is not repeated any more.
    fn final_error(self, may_be_kept: bool) -> Error {
        match self.error {
            error @ Error::OutcomeUnknown { .. } => error,
            // An earlier attempt may have been kept, whatever prevented the last one.
            error if may_be_kept => Failure::unknown(error).error,
            error => error,
        }
    }

    /// The pool has already waited for as long as it may.
    fn unavailable(error: postgres_client::Error) -> Failure {
        let error = Error::Unavailable { source: Box::new(error) };
        Failure { error, is_repeatable: false, may_be_kept: false }
    }
}
