//! Size, statistics, the age of transaction ids, and vacuum.

use postgres_client::{Connection, Result};
use serde::Serialize;

/// The tables whose last vacuum is listed.
const TABLES_MAX: usize = 5;

/// Statistics of a database since they were reset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// The share of pages that were found in shared buffers; none before any was read.
    pub cache_hit_ratio: Option<f64>,
    /// Pages that were found in shared buffers.
    pub pages_hit: u64,
    /// Pages that were read from the operating system.
    pub pages_read: u64,
    /// Transactions that were committed.
    pub commits: u64,
    /// Transactions that were rolled back.
    pub rollbacks: u64,
    /// Deadlocks.
    pub deadlocks: u64,
    /// Temporary files that queries have written.
    pub temp_files: u64,
    /// Bytes in them.
    pub temp_bytes: u64,
}

/// How close a server is to a forced freeze: at two thousand million transactions without one it accepts no more writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Freezing {
    /// Transactions since the oldest id that is not frozen, in any database.
    pub oldest_xid_age: i64,
    /// The age at which autovacuum freezes by force (`autovacuum_freeze_max_age`).
    pub forced_at: i64,
}

/// When a large table was last vacuumed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Autovacuum {
    /// The table, with its schema.
    pub table: String,
    /// Its size in bytes, without indexes, as of the last vacuum or analyze.
    pub bytes: u64,
    /// Dead rows, estimated.
    pub dead_rows: u64,
    /// Live rows, estimated.
    pub live_rows: u64,
    /// Seconds since the last vacuum, by autovacuum or by hand; none where there was none.
    pub seconds_since_vacuum: Option<f64>,
    /// Seconds since the last analyze; none where there was none.
    pub seconds_since_analyze: Option<f64>,
}

pub(super) fn database_bytes(connection: &mut Connection) -> Result<u64> {
    connection.one("SELECT pg_database_size(current_database())", &[])
}

pub(super) fn statistics(connection: &mut Connection) -> Result<Statistics> {
    type Found = (u64, u64, u64, u64, u64, u64, u64);
    let (pages_hit, pages_read, commits, rollbacks, deadlocks, temp_files, temp_bytes): Found = connection
        .one(
            "SELECT blks_hit, blks_read, xact_commit, xact_rollback, deadlocks, temp_files, temp_bytes \
         FROM pg_stat_database WHERE datname = current_database()",
            &[],
        )?;
    #[allow(clippy::cast_precision_loss, reason = "a ratio needs no more digits")]
    let ratio = |hit: u64, all: u64| (all > 0).then(|| hit as f64 / all as f64);
    let cache_hit_ratio = ratio(pages_hit, pages_hit.saturating_add(pages_read));
    Ok(Statistics {
        cache_hit_ratio,
        pages_hit,
        pages_read,
        commits,
        rollbacks,
        deadlocks,
        temp_files,
        temp_bytes,
    })
}

pub(super) fn freezing(connection: &mut Connection) -> Result<Freezing> {
    let (oldest_xid_age, forced_at) = connection.one(
        "SELECT max(age(datfrozenxid))::bigint, current_setting('autovacuum_freeze_max_age')::bigint FROM pg_database",
        &[],
    )?;
    Ok(Freezing { oldest_xid_age, forced_at })
}

pub(super) fn largest_tables(connection: &mut Connection) -> Result<Vec<Autovacuum>> {
    let sql = format!(
        "SELECT format('%I.%I', s.schemaname, s.relname), c.relpages::bigint * current_setting('block_size')::bigint, \
         s.n_dead_tup, s.n_live_tup, \
         extract(epoch FROM clock_timestamp() - greatest(s.last_autovacuum, s.last_vacuum)), \
         extract(epoch FROM clock_timestamp() - greatest(s.last_autoanalyze, s.last_analyze)) \
         FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid \
         ORDER BY c.relpages DESC, 1 LIMIT {TABLES_MAX}"
    );
    type Found = (String, u64, u64, u64, Option<f64>, Option<f64>);
    let found: Vec<Found> = connection.load(&sql, &[])?;
    let table = |(table, bytes, dead_rows, live_rows, seconds_since_vacuum, seconds_since_analyze): Found| {
        Autovacuum { table, bytes, dead_rows, live_rows, seconds_since_vacuum, seconds_since_analyze }
    };
    Ok(found.into_iter().map(table).collect())
}
