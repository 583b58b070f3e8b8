//! Sessions of the app: the limits that the settings set, and everything else as the server has it.
//!
//! In transaction mode nothing is kept in a session, which the pooler lends to others next: the limits are set in each transaction.

use std::ffi::CStr;
use std::time::Duration;

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::settings::{AppSettings, PoolMode};
use crate::{DbSettings, TargetUrl, pooler};

/// Time for the reply to a statement that the server cancels after its timeout.
pub(crate) const REPLY_MAX: Duration = Duration::from_secs(5);

/// How many statements a session keeps prepared. The app has fewer.
const STATEMENTS_MAX: usize = 200;

/// How many checks of a silent connection may fail.
const KEEPALIVE_COUNT: u32 = 3;

/// Opens a session of the app within `DB_CONNECTION_TIMEOUT`.
///
/// # Errors
/// When the server cannot be reached, or refuses the connection or a setting; in session mode also behind a pooler that lends out
/// sessions for one transaction.
pub fn open(target: &TargetUrl, settings: &AppSettings) -> Result<Connection> {
    let timeout = settings.db.connection_timeout;
    let keepalives = Keepalives::new(settings.keepalive_idle);
    let mut defaults = vec![(c"application_name", settings.application_name.as_str())];
    defaults.extend(keepalives.keywords());
    let mut connection = Connection::connect_with(&defaults, target.conninfo(), &[], timeout)
        .map_err(|error| error.tried(target))?;
    connection.set_stall_max(timeout);
    match settings.pool_mode {
        PoolMode::Session => {
            // Before the first setting, which would stay with sessions of others.
            let another = |of_check: Duration| {
                Connection::connect(target.conninfo(), &settings.application_name, timeout.min(of_check))
            };
            pooler::refuse_transaction_pooler(&mut connection, target, another).map_err(in_the_wrong_mode)?;
            let server_keepalives = keepalives.server_settings();
            connection.script(&[limits("SET", settings), server_keepalives].concat())?;
            connection.keep_statements(STATEMENTS_MAX);
        }
        PoolMode::Transaction => connection.begin_with(&limits("SET LOCAL", settings)),
    }
    connection.set_stall_max(reply_timeout(&settings.db));
    Ok(connection)
}

/// Adds what to do to the error about a pooler that lends out sessions for one transaction.
fn in_the_wrong_mode(error: Error) -> Error {
    if error.is_transient() { error } else { error.with_remedy_text("set DB_POOL_MODE to transaction") }
}

/// How long the reply to a statement may take.
#[must_use]
pub fn reply_timeout(settings: &DbSettings) -> Duration {
    match settings.statement_timeout {
        Duration::ZERO => settings.stall_timeout,
        // The server ends the statement by then, and its error is more useful than a stall.
        timeout => timeout + REPLY_MAX,
    }
}

/// The statements that set the limits, with `SET` or `SET LOCAL`.
fn limits(set: &str, settings: &AppSettings) -> String {
    format!(
        "{set} TimeZone = 'UTC'; {set} statement_timeout = {}; {set} lock_timeout = {}; \
         {set} idle_in_transaction_session_timeout = {}",
        settings.db.statement_timeout.as_millis(),
        settings.lock_timeout.as_millis(),
        settings.idle_in_transaction_timeout.as_millis()
    )
}

/// When TCP checks that the other side of a silent connection is still there.
struct Keepalives {
    is_on: bool,
    idle_s: String,
    interval_s: String,
    count: String,
    /// How long data may stay unacknowledged.
    user_timeout_ms: String,
}

impl Keepalives {
    fn new(idle: Duration) -> Keepalives {
        // In seconds, as the operating system counts; part of a second counts as one.
        let idle_s = idle.as_millis().div_ceil(1000).max(1);
        let interval_s = (idle_s / u128::from(KEEPALIVE_COUNT)).max(1);
        Keepalives {
            is_on: !idle.is_zero(),
            idle_s: idle_s.to_string(),
            interval_s: interval_s.to_string(),
            count: KEEPALIVE_COUNT.to_string(),
            user_timeout_ms: (1000 * (idle_s + interval_s * u128::from(KEEPALIVE_COUNT))).to_string(),
        }
    }

    /// The keywords of libpq for the client's side. A connection through a socket of the file system ignores them.
    fn keywords(&self) -> Vec<(&'static CStr, &str)> {
        if !self.is_on {
            return vec![(c"keepalives", "0")];
        }
        vec![
            (c"keepalives", "1"),
            (c"keepalives_idle", &self.idle_s),
            (c"keepalives_interval", &self.interval_s),
            (c"keepalives_count", &self.count),
            (c"tcp_user_timeout", &self.user_timeout_ms),
        ]
    }

    /// The statements for the server's side.
    fn server_settings(&self) -> String {
        if !self.is_on {
            return String::new();
        }
        let Keepalives { idle_s, interval_s, count, .. } = self;
        format!(
            "; SET tcp_keepalives_idle = {idle_s}; SET tcp_keepalives_interval = {interval_s}; \
             SET tcp_keepalives_count = {count}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keepalives_follow_one_setting() {
        let keywords = |ms: u64| {
            let keepalives = Keepalives::new(Duration::from_millis(ms));
            let keywords = keepalives.keywords();
            keywords.into_iter().map(|(_, value)| value.to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(keywords(0), "0");
        assert_eq!(keywords(1), "1 1 1 3 4000");
        assert_eq!(keywords(30_000), "1 30 10 3 60000");
        assert_eq!(keywords(30_001), "1 31 10 3 61000");
    }
}
