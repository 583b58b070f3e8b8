//! How far other servers are behind this one, how far this one is behind another, and which slots keep log.

use postgres_client::{Connection, Result};
use serde::Serialize;

/// The most standbys and slots that are listed.
const LISTED_MAX: usize = 20;

/// A server that receives this one's log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standby {
    /// The name under which it connects.
    pub name: String,
    /// Whether it streams: it may still catch up.
    pub is_streaming: bool,
    /// Bytes of log that it has not replayed.
    pub lag_bytes: Option<i64>,
    /// Seconds until it had replayed a recent commit; none while nothing is written.
    pub lag_seconds: Option<f64>,
}

/// A slot that keeps log for somebody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplicationSlot {
    /// Its name.
    pub name: String,
    /// Whether somebody reads from it now.
    pub is_active: bool,
    /// Bytes of log that are kept because of it.
    pub retained_bytes: Option<i64>,
    /// Whether the log that it needs is gone, so that it is of no more use.
    pub is_lost: bool,
}

/// The position up to which this server has log.
const POSITION: &str =
    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END";

pub(super) fn standbys(connection: &mut Connection) -> Result<Vec<Standby>> {
    let sql = format!(
        "SELECT application_name, state = 'streaming', pg_wal_lsn_diff({POSITION}, replay_lsn)::bigint, \
         extract(epoch FROM replay_lag) FROM pg_stat_replication ORDER BY pid LIMIT {LISTED_MAX}"
    );
    type Found = (Option<String>, Option<bool>, Option<i64>, Option<f64>);
    let found: Vec<Found> = connection.load(&sql, &[])?;
    let standby = |(name, is_streaming, lag_bytes, lag_seconds): Found| Standby {
        name: name.unwrap_or_default(),
        is_streaming: is_streaming.unwrap_or(false),
        lag_bytes,
        lag_seconds,
    };
    Ok(found.into_iter().map(standby).collect())
}

pub(super) fn slots(connection: &mut Connection) -> Result<Vec<ReplicationSlot>> {
    let sql = format!(
        "SELECT slot_name, active, pg_wal_lsn_diff({POSITION}, restart_lsn)::bigint, coalesce(wal_status = 'lost', false) \
         FROM pg_replication_slots ORDER BY restart_lsn, slot_name LIMIT {LISTED_MAX}"
    );
    let found: Vec<(String, bool, Option<i64>, bool)> = connection.load(&sql, &[])?;
    let slot = |(name, is_active, retained_bytes, is_lost)| ReplicationSlot {
        name,
        is_active,
        retained_bytes,
        is_lost,
    };
    Ok(found.into_iter().map(slot).collect())
}

/// A standby that has replayed everything is not behind, however long nothing was written.
pub(super) fn replay_lag(connection: &mut Connection) -> Result<Option<f64>> {
    connection.one(
        "SELECT CASE WHEN NOT pg_is_in_recovery() THEN NULL \
         WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
         ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END",
        &[],
    )
}
