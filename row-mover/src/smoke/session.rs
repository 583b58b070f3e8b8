//! The session of a smoke test: one transaction for each table, which is always rolled back, and statements whose errors neither end it
//! nor reach the server's log.

use std::time::{Duration, Instant};

use postgres_client::connection::Backend;
use postgres_client::guarded::Then;
use postgres_client::lock_wait::LockWait;
use postgres_client::lock_watch::LockWatch;
use postgres_client::server_error::{LOCK_NOT_AVAILABLE, ServerError};
use postgres_client::watch::{Watch, check_stop};
use postgres_client::{Connection, DbSettings, TargetUrl};

use super::outcome::{NotTried, Outcome};
use crate::error::{Context, Error, Result};

/// The longest wait for a lock. Others wait for ours no longer than a table takes.
const LOCK_TIMEOUT_MAX: Duration = Duration::from_secs(2);

/// The longest time for a statement: its locks are kept until the table's transaction ends.
const STATEMENT_TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// The SQLSTATE of a statement that was cancelled, or whose time was over.
const QUERY_CANCELED: &str = "57014";

/// The SQLSTATEs of refusals that a function or trigger raises on purpose: RAISE EXCEPTION without another one, and SQLite's
/// `RAISE(ABORT)` as `migrate_core` translates it (`integrity_constraint_violation`; PostgreSQL's own constraints have narrower ones).
const RAISED: [&str; 2] = ["P0001", "23000"];

/// How a statement ended.
#[derive(Clone, Debug)]
pub(super) enum Attempt {
    /// It changed this many rows, and the constraints hold.
    Rows(u64),
    /// The server refused it, or a constraint that is checked later did.
    Refused(ServerError),
    /// A lock was not available in time.
    Blocked(Option<LockWait>),
    /// It took too long.
    TimedOut,
    /// No time was left for it.
    OutOfTime,
}

impl Attempt {
    /// The outcome of an operation that has to change one row.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Attempt::Rows(1) => Outcome::Passed,
            Attempt::Rows(other) => Outcome::WrongRowCount(other),
            Attempt::Refused(error)
                if error.sqlstate.as_deref().is_some_and(|state| RAISED.contains(&state)) =>
            {
                Outcome::Raised
            }
            Attempt::Refused(error) => Outcome::Failed(error),
            Attempt::Blocked(wait) => Outcome::Blocked(wait),
            Attempt::TimedOut => Outcome::TimedOut,
            Attempt::OutOfTime => Outcome::NotTried(NotTried::OutOfTime),
        }
    }
}

/// A session with its deadline.
pub(super) struct Session<'a> {
    connection: Connection,
    backend: Backend,
    watch: &'a dyn Watch,
    lock_watch: LockWatch,
    lock_timeout: Duration,
    deadline: Instant,
}

impl<'a> Session<'a> {
    /// A session on this connection, which has until `deadline`.
    pub(super) fn new(
        connection: Connection,
        target: &TargetUrl,
        settings: &DbSettings,
        deadline: Instant,
        watch: &'a dyn Watch,
    ) -> Session<'a> {
        let lock_timeout = LOCK_TIMEOUT_MAX.min(postgres_client::session::lock_timeout(settings));
        // The lock watch derives its interval from the timeout of statements.
        let sampled = DbSettings { statement_timeout: lock_timeout * 2, ..*settings };
        Session {
            backend: connection.backend().clone(),
            lock_watch: LockWatch::apart(target, &sampled),
            connection,
            watch,
            lock_timeout,
            deadline,
        }
    }

    /// Whether no time is left: not even the millisecond in which PostgreSQL counts timeouts.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.time_left().as_millis() == 0
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()).min(STATEMENT_TIMEOUT_MAX)
    }

    /// Runs `work` in a transaction that is rolled back, with the search path of the app's sessions, and returns the transaction's
    /// number, of which PostgreSQL confirmed that it is aborted.
    ///
    /// # Errors
    /// Those of `work`, a lost connection, or a transaction that was not rolled back.
    pub(super) fn rolled_back<T>(
        &mut self,
        work: impl FnOnce(&mut Session<'a>) -> Result<T>,
    ) -> Result<(T, String)> {
        check_stop(self.watch)?;
        let failed = || "the transaction cannot be begun";
        self.connection.script("BEGIN").context(failed)?;
        let begun = self.set_up().context(failed);
        let done = begun.and_then(|number| Ok((work(self)?, number)));
        // A connection that cannot roll back is lost, and the server rolls back; the first error has the cause.
        let ended = self.connection.script("ROLLBACK");
        let (done, number) = done?;
        ended.context(|| "the transaction cannot be rolled back")?;
        let status: Option<String> =
            self.connection.one("SELECT pg_catalog.pg_xact_status($1::pg_catalog.xid8)", &[Some(&number)])?;
        if status.as_deref() == Some("aborted") {
            return Ok((done, number));
        }
        Err(Error::new(format!("PostgreSQL does not report transaction {number} as rolled back")))
    }

    /// Prepares the transaction, and returns its number.
    fn set_up(&mut self) -> Result<String> {
        let lock_ms = self.lock_timeout.as_millis();
        self.connection.script(&format!(
            "SET LOCAL lock_timeout = {lock_ms}; SET LOCAL search_path TO DEFAULT; \
             SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', \
             nullif(pg_catalog.current_setting('search_path'), ''), 'pg_temp'), true)"
        ))?;
        self.connection.one("SELECT pg_catalog.pg_current_xact_id()", &[])
    }

    /// Runs a statement and checks all constraints, and undoes both.
    ///
    /// # Errors
    /// A lost connection, or a request to stop.
    pub(super) fn undone(&mut self, sql: &str) -> Result<(Attempt, Duration)> {
        self.connection.script("SAVEPOINT undone")?;
        let attempt = self.attempt(sql)?;
        self.connection.script("ROLLBACK TO SAVEPOINT undone; RELEASE SAVEPOINT undone")?;
        Ok(attempt)
    }

    /// The same, but the effect of a statement that succeeds lasts as long as the transaction.
    ///
    /// # Errors
    /// As above.
    pub(super) fn kept(&mut self, sql: &str) -> Result<(Attempt, Duration)> {
        self.connection.script("SAVEPOINT kept")?;
        let attempt = self.attempt(sql)?;
        let is_kept = matches!(attempt.0, Attempt::Rows(_));
        let undo = if is_kept { "" } else { "ROLLBACK TO SAVEPOINT kept; " };
        self.connection.script(&format!("{undo}RELEASE SAVEPOINT kept"))?;
        Ok(attempt)
    }

    fn attempt(&mut self, sql: &str) -> Result<(Attempt, Duration)> {
        if !self.limit_statement()? {
            return Ok((Attempt::OutOfTime, Duration::ZERO));
        }
        let started = Instant::now();
        let changed = self.connection.guarded(sql, Then::Keep)?;
        let checked = match &changed {
            Ok(_) => self.connection.guarded("SET CONSTRAINTS ALL IMMEDIATE", Then::Keep)?,
            Err(_) => Ok(0),
        };
        let took = started.elapsed();
        let attempt = match (changed, checked) {
            (Ok(rows), Ok(_)) => Attempt::Rows(rows),
            (Err(error), _) | (_, Err(error)) => self.explain(error)?,
        };
        Ok((attempt, took))
    }

    /// Limits the next statement to the time that is left; false where none is.
    fn limit_statement(&mut self) -> Result<bool> {
        check_stop(self.watch)?;
        let milliseconds = self.time_left().as_millis();
        // Zero would be no limit.
        if milliseconds == 0 {
            return Ok(false);
        }
        self.connection.script(&format!("SET LOCAL statement_timeout = {milliseconds}"))?;
        Ok(true)
    }

    /// Reads the first row of a query; an error of the server does not end the transaction.
    ///
    /// # Errors
    /// As above.
    pub(super) fn first_row(
        &mut self,
        sql: &str,
    ) -> Result<std::result::Result<Option<[String; 2]>, Attempt>> {
        if !self.limit_statement()? {
            return Ok(Err(Attempt::OutOfTime));
        }
        let found = self.connection.transaction(|connection| connection.first::<(String, String)>(sql, &[]));
        match found {
            Ok(row) => Ok(Ok(row.map(<[String; 2]>::from))),
            Err(error) => match server_error(&error) {
                // The session itself is over.
                Some(cause) if !cause.sqlstate.as_deref().is_some_and(is_fatal) => {
                    self.explain(cause).map(Err)
                }
                _ => Err(error),
            },
        }
    }

    /// Distinguishes the causes of a refusal.
    fn explain(&self, error: ServerError) -> Result<Attempt> {
        match error.sqlstate.as_deref() {
            Some(QUERY_CANCELED) => {
                check_stop(self.watch)?;
                Ok(Attempt::TimedOut)
            }
            Some(LOCK_NOT_AVAILABLE) => {
                let error = Error::new("a lock was not available").caused_by(error);
                let explained = self.lock_watch.explain(error, Some(&self.backend));
                Ok(Attempt::Blocked(explained.lock_wait().cloned()))
            }
            _ => Ok(Attempt::Refused(error)),
        }
    }
}

/// Whether an error ends the session.
fn is_fatal(sqlstate: &str) -> bool {
    sqlstate.starts_with("57P") || sqlstate.starts_with("08") || sqlstate == "25P03"
}

fn server_error(error: &Error) -> Option<ServerError> {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    causes.into_iter().find_map(|cause| cause.downcast_ref::<ServerError>()).cloned()
}
