//! The connection of a probe: kept between probes, replaced when it is lost or old, and given up at the deadline.

use std::time::{Duration, Instant};

use postgres_client::{Connection, Error, Result, TargetUrl};

use crate::deadline::Deadline;
use crate::options::APPLICATION_NAME;

/// How long a connection is kept. Settings of the role and the database, and limits, apply to new sessions only.
const AGE_MAX: Duration = Duration::from_secs(60);

/// A pool of one connection, whose errors keep their SQLSTATE.
#[derive(Default)]
pub(crate) struct Session {
    kept: Option<(Connection, Instant)>,
}

impl Session {
    /// Runs `work`, which only reads, on the kept connection or a new one. A kept connection that is lost is replaced once.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or the error of `work`.
    pub(crate) fn run<T>(
        &mut self,
        target: &TargetUrl,
        deadline: &Deadline,
        mut work: impl FnMut(&mut Connection) -> Result<T>,
    ) -> Result<T> {
        if let Some((mut connection, opened_at)) = self.kept.take()
            && connection.is_idle()
            && opened_at.elapsed() < AGE_MAX
        {
            connection.give_up_with(deadline.is_given_up.clone());
            let done = work(&mut connection);
            if connection.is_idle() {
                self.kept = Some((connection, opened_at));
                return done;
            }
            // The connection is lost. If that was within the deadline, a new one may answer.
            if done.is_ok() || deadline.is_over() {
                return done;
            }
        }
        let mut connection =
            Connection::connect(target.conninfo(), APPLICATION_NAME, least(deadline.left()))?;
        connection.give_up_with(deadline.is_given_up.clone());
        let done = work(&mut connection);
        if connection.is_idle() {
            self.kept = Some((connection, Instant::now()));
        }
        done
    }
}

/// A wait of zero would not try at all.
fn least(left: Duration) -> Duration {
    left.max(Duration::from_millis(1))
}

/// Runs `work` in a transaction that is undone, with settings that do not depend on the server's, and that end with it: behind a
/// pooler the session is used by others next. A statement that is abandoned ends on the server too.
///
/// # Errors
/// The error of `work`, or a lost connection.
pub(crate) fn reading<T>(
    connection: &mut Connection,
    deadline: &Deadline,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    let timeout_ms = deadline.left().as_millis().max(1);
    connection.undone_transaction(|connection| {
        connection.script(&format!(
            "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL statement_timeout = {timeout_ms}; \
             SET LOCAL lock_timeout = {timeout_ms}; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; \
             SET LOCAL client_min_messages = warning; SET LOCAL row_security = off; \
             SET LOCAL standard_conforming_strings = on; SET LOCAL idle_in_transaction_session_timeout = {timeout_ms}"
        ))?;
        work(connection)
    })
}

/// Runs `work` so that a refused statement undoes nothing else.
///
/// # Errors
/// The error of `work`.
pub(crate) fn alone<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    connection.undone_transaction(work)
}

/// The SQLSTATE of a refused statement; none for a lost connection or a passed deadline.
pub(crate) fn refused_state(error: &Error) -> Option<String> {
    error.sqlstates().pop().filter(|state| !state.starts_with("57") && !state.starts_with("08"))
}
