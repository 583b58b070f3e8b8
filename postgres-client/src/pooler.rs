//! Recognises a pooler that lends out a session of the server for each transaction or statement.
//!
//! Nothing that belongs to a session survives there: an advisory lock stays with a session that others use next, and our settings
//! would reach the app. A pooler of the same kind that lends a session for as long as we are connected is as good as the server.
//! Known by its behaviour, not by its name: PgBouncer, Odyssey, Supavisor and PgCat are alike in this.

use std::time::Duration;

use crate::TargetUrl;
use crate::connection::Connection;
use crate::error::{Error, Result};

/// How often the sessions of two connections are compared. An idle pooler betrays itself at once; on a busy one the app may take the
/// session between our two statements.
const COMPARISONS_MAX: usize = 5;

/// How long the second connection may wait for a session. A pooler that has none left lends them for the whole connection, or is too busy
/// for a migration anyway.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// The SQLSTATE with which poolers refuse what they do not support.
const PROTOCOL_VIOLATION: &str = "08P01";

/// The number of the process that serves the statement. This and [`ADDRESS_SQL`] run before the search path is ours: they call only what
/// they name with its schema, and contain no operator, not even behind a word such as NULLIF.
const PID_SQL: &str = "SELECT pg_catalog.pg_backend_pid()";

/// Where the server listens, as it reports itself; its socket's folder where the pooler reaches it through one.
const ADDRESS_SQL: &str = "SELECT pg_catalog.concat('host=', coalesce(pg_catalog.host(pg_catalog.inet_server_addr()), \
    pg_catalog.substring(pg_catalog.split_part(pg_catalog.current_setting('unix_socket_directories', true), ',', 1), '.+')), \
    ' port=', pg_catalog.current_setting('port'))";

/// Refuses a target behind a pooler that does not keep a session for each connection. `connection` is a new one, whose session has not
/// been changed yet: a setting would stay with the app's. `connect_another` opens a second one in the same way, within the given time.
///
/// # Errors
/// When there is such a pooler, with the server's own address, or the connection is lost.
pub(crate) fn refuse_transaction_pooler(
    connection: &mut Connection,
    target: &TargetUrl,
    connect_another: impl FnOnce(Duration) -> Result<Connection>,
) -> Result<()> {
    let first = pid(connection)?;
    // The server announces the process of a connection when it begins; a pooler announces a number of its own.
    if connection.announced_pid().to_string() == first {
        return Ok(());
    }
    match is_lent_per_transaction(connection, &first, connect_another)? {
        true => Err(refusal(connection, target)),
        false => Ok(()),
    }
}

fn is_lent_per_transaction(
    connection: &mut Connection,
    first: &str,
    connect_another: impl FnOnce(Duration) -> Result<Connection>,
) -> Result<bool> {
    let Ok(mut other) = connect_another(ANSWER_MAX) else { return Ok(false) };
    other.set_stall_max(ANSWER_MAX);
    for _ in 0..COMPARISONS_MAX {
        // In a transaction, so that the session stays with it while the first connection asks again. A pooler with a single session would
        // let that one wait.
        let is_shared = other.transaction(|other| Ok(pid(other)? == first || pid(connection)? != first));
        match is_shared {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            // A pooler that lends a session for one statement accepts no transaction.
            Err(error) if error.has_sqlstate(PROTOCOL_VIOLATION) => return Ok(true),
            Err(error) if error.is_transient() => return Ok(false),
            Err(error) => return Err(error),
        }
        if pid(connection)? != first {
            return Ok(true);
        }
    }
    Ok(false)
}

fn pid(connection: &mut Connection) -> Result<String> {
    connection.one(PID_SQL, &[])
}

/// The error for a target that lends us another session than before, with the server's own address.
pub fn refusal(connection: &mut Connection, target: &TargetUrl) -> Error {
    let address: Option<String> = connection.one(ADDRESS_SQL, &[]).ok();
    let direct = address.map(|address| format!(" (the server reports {address})")).unwrap_or_default();
    Error::new(format!("{target} is a pooler that lends a session of the server for one transaction"))
        .caused_by(
            "locks, settings, prepared statements and temporary tables would be left in sessions of others",
        )
        .with_remedy_text(format!(
            "name the server itself{direct}, or an entry of the pooler with pool_mode = session"
        ))
}

#[cfg(test)]
mod tests {
    use super::{ADDRESS_SQL, PID_SQL};

    /// COALESCE looks up nothing.
    #[test]
    fn statements_of_a_session_that_is_not_ours_look_up_nothing_in_its_search_path() {
        for sql in [PID_SQL, ADDRESS_SQL] {
            let code: String = sql.split('\'').step_by(2).collect();
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_.".contains(letter);
            let calls =
                code.match_indices('(').map(|(at, _)| code[..at].rsplit(|letter| !is_name(letter)).next());
            let called: Vec<&str> = calls.flatten().collect();
            assert!(!called.is_empty(), "{sql}");
            for name in called {
                assert!(name.starts_with("pg_catalog.") || name == "coalesce", "{name} in {sql}");
            }
            assert!(!code.contains(|letter| "+-*/<>=~!@#%^&|`?:".contains(letter)), "{sql}");
            let mut words = code.split(|letter| !is_name(letter));
            assert!(
                words.all(|word| !["IN", "LIKE", "ILIKE", "CASE", "BETWEEN", "DISTINCT"].contains(&word)),
                "{sql}"
            );
        }
    }
}
