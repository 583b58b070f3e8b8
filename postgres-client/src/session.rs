//! Settings of every session of ours, independent of the defaults of the server, the database and the role.

use std::time::Duration;

use crate::app_session::REPLY_MAX;
use crate::connection::{Backend, Connection};
use crate::error::Result;
use crate::{DbSettings, TargetUrl, pooler};

/// The search path of every session of ours: only PostgreSQL's own schema, so that no function, operator or table of a role with CREATE
/// on another schema is used instead. `pg_temp` is last, since it comes first if it is not named (manual, section 5.9.3). All other
/// objects are named with their schema.
pub const SEARCH_PATH: &str = "pg_catalog, pg_temp";

/// The server's messages in English if this role may set that: names can be distinguished from values only there, and users find the
/// message on the web. Nothing depends on their words.
const ENGLISH_SQL: &str = "SELECT pg_catalog.set_config('lc_messages', 'C', false) \
                           WHERE pg_catalog.has_parameter_privilege('lc_messages', 'SET')";

/// The first version that knows `has_parameter_privilege`.
const ENGLISH_VERSION_MIN: i32 = 150_000;

/// The name under which our sessions show in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "hyperpage-migration";

/// The name of a session that only reads the status, which is no migration.
pub const STATUS_NAME: &str = "hyperpage-status";

/// The longest wait for a lock before the statement is cancelled, and retried if errors may last for longer.
const LOCK_TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// The timeout for a statement's lock wait: a part of the time limit for retries, so that the observer is notified of the wait before
/// that is over.
pub fn lock_timeout(settings: &DbSettings) -> Duration {
    const TRIES: u32 = 4;
    // PostgreSQL interprets zero as no limit, and so do these.
    let of_retry = Some(settings.retry_timeout / TRIES).filter(|limit| !limit.is_zero());
    // A wait for a lock is reported as one, and not as a statement that takes too long.
    let of_statement = Some(settings.statement_timeout / 2).filter(|limit| !limit.is_zero());
    let limits = [of_retry, of_statement].into_iter().flatten();
    limits.fold(LOCK_TIMEOUT_MAX, Duration::min).max(Duration::from_millis(1))
}

/// Opens the first bulk connection of a command, which also checks what answers: see [`pooler`].
///
/// # Errors
/// As [`open_bulk`], and for a pooler that does not keep a session for each connection.
pub fn open_first(target: &TargetUrl, settings: &DbSettings) -> Result<Connection> {
    let mut connection = connect(target, settings)?;
    let another = |timeout: Duration| {
        let timeout = settings.connection_timeout.min(timeout);
        Connection::connect(target.conninfo(), APPLICATION_NAME, timeout)
    };
    pooler::refuse_transaction_pooler(&mut connection, target, another)?;
    into_bulk(connection, settings)
}

/// Opens a connection for rows and builds: with the settings of our sessions, and no limit on how long a statement may take.
///
/// # Errors
/// When the server cannot be reached, or refuses the connection or a setting.
pub fn open_bulk(target: &TargetUrl, settings: &DbSettings) -> Result<Connection> {
    into_bulk(connect(target, settings)?, settings)
}

fn into_bulk(mut connection: Connection, settings: &DbSettings) -> Result<Connection> {
    set_up(&mut connection, settings)?;
    connection.ask_backend()?;
    // The server notices within seconds that we are gone, even while it builds an index (manual, section 20.3.2). Not every
    // operating system supports this.
    if let Err(error) = connection.query("SET client_connection_check_interval = 2000", &[])
        && error.is_transient()
    {
        return Err(error);
    }
    // A chunk is safe without waiting for the disk: if it is lost, its ledger row is lost with it.
    connection.script("SET statement_timeout = 0; SET synchronous_commit = off")?;
    Ok(connection)
}

/// Opens another bulk connection of a run that has had one: a server that does not answer now is being restarted, or the network fails
/// for a while. A first connection fails at once instead.
///
/// # Errors
/// As [`open_bulk`].
pub fn open_bulk_again(target: &TargetUrl, settings: &DbSettings) -> Result<Connection> {
    open_bulk(target, settings).map_err(|error| if error.is_unreachable() { error.stalled() } else { error })
}

/// Opens a connection for short statements, which the server ends after `DB_STATEMENT_TIMEOUT`.
pub(crate) fn open_short(target: &TargetUrl, settings: &DbSettings) -> Result<Connection> {
    let mut connection = connect(target, settings)?;
    set_up(&mut connection, settings)?;
    // A statement that the server still has time for is no stall.
    connection.set_stall_max(settings.stall_timeout.max(settings.statement_timeout + REPLY_MAX));
    if settings.statement_timeout.is_zero() {
        connection.allow_long_silence();
    }
    Ok(connection)
}

fn connect(target: &TargetUrl, settings: &DbSettings) -> Result<Connection> {
    let mut connection =
        Connection::connect(target.conninfo(), APPLICATION_NAME, settings.connection_timeout)
            .map_err(|error| error.tried(target))?;
    connection.set_stall_max(settings.stall_timeout);
    Ok(connection)
}

/// Makes the session the same everywhere.
fn set_up(connection: &mut Connection, settings: &DbSettings) -> Result<()> {
    connection.script(&session_sql(settings))?;
    if connection.server_version() >= ENGLISH_VERSION_MIN {
        connection.query(ENGLISH_SQL, &[])?;
    }
    Ok(())
}

/// Ends an abandoned session of ours, if the server still has it: behind a stalled proxy it would keep its locks forever. A pooler may
/// have assigned the session to this very connection by now.
pub fn end_session(connection: &mut Connection, abandoned: &Backend) -> Result<()> {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE pid = $1::integer AND backend_start = $2::timestamptz AND datname = current_database() \
               AND application_name = $3 AND pid <> pg_backend_pid()";
    let [pid, began] = abandoned.parameters();
    connection.query(sql, &[pid, began, Some(APPLICATION_NAME)]).map(|_| ())
}

/// The statements that make a session the same everywhere. The search path comes first: the meaning of names depends on it, whatever a
/// URL's `options`, the role or the database have set. Time zone and date style do not affect binary data, and are fixed so that nothing
/// that is read as text depends on the server's settings.
fn session_sql(settings: &DbSettings) -> String {
    format!(
        "SET search_path = {SEARCH_PATH}; SET application_name = '{APPLICATION_NAME}'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
         SET client_min_messages = warning; SET row_security = off; SET standard_conforming_strings = on; SET statement_timeout = {}; SET lock_timeout = {}; \
         SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; \
         SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0",
        settings.statement_timeout.as_millis(),
        lock_timeout(settings).as_millis()
    )
}
