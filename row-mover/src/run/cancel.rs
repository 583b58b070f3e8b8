//! Cancels the statements that the server runs for a migration that is to stop: otherwise an index build would continue, and keep its
//! locks, after the client has gone.

use super::session::ADVISORY_LOCK;
use crate::error::Result;
use postgres_client::session::{APPLICATION_NAME, open_bulk};
use postgres_client::{DbSettings, TargetUrl};

/// Cancels the statements of all sessions of ours in a target, and returns of how many. The lock keeps two migrations of one target
/// apart, so that the sessions are those of the caller; without a migration, they belong to a validation of the same account.
///
/// # Errors
/// When the target cannot be reached.
pub fn cancel(target: &TargetUrl, settings: &DbSettings) -> Result<usize> {
    let mut connection = open_bulk(target, settings)?;
    // Nobody waits for the session that holds the lock, and it is not disturbed.
    let rows = connection.query(
        &format!(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '{APPLICATION_NAME}' \
             AND datname = current_database() AND usename = current_user AND state <> 'idle' AND pid <> pg_backend_pid() \
             AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 \
             AND objid = ({ADVISORY_LOCK} & 4294967295)::text::oid)"
        ),
        &[],
    )?;
    Ok(rows.len())
}
