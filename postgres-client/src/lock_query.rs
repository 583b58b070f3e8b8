//! Asks PostgreSQL who holds a lock that a session of ours waits for, and on which table. PostgreSQL knows this only while the session
//! waits.

use std::time::Duration;

use crate::connection::{Connection, Row};
use crate::error::Result;
use crate::lock_wait::{Holder, HolderSession, LockWait};
use crate::session::{APPLICATION_NAME, STATUS_NAME};

/// Lists our sessions that wait for a lock, with each session that blocks them. The text of the holder's statement is not read, since it
/// may hold values; that of an autovacuum worker is PostgreSQL's own.
const WAITS_SQL: &str = "
    WITH waits AS MATERIALIZED (
        SELECT w.pid, w.locktype, w.relation, w.transactionid, w.waitstart, b.holder
        FROM pg_catalog.pg_locks AS w
        JOIN pg_catalog.pg_stat_activity AS a ON a.pid = w.pid
        CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) AS b (holder)
        WHERE NOT w.granted AND a.datname = pg_catalog.current_database() AND a.usename = CURRENT_USER
        AND a.application_name = ANY ($1::text[]))
    SELECT DISTINCT ON (w.pid) w.pid,
        (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.oid = coalesce(w.relation, (SELECT t.relation FROM pg_catalog.pg_locks AS t
                                             WHERE t.pid = w.pid AND t.locktype = 'tuple' AND t.granted LIMIT 1))),
        (extract(epoch FROM pg_catalog.clock_timestamp() - w.waitstart) * 1000)::bigint,
        w.holder, h.application_name, h.usename,
        pg_catalog.to_char(h.query_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
        h.state, h.backend_type, h.query LIKE 'autovacuum: %(to prevent wraparound)',
        (pg_catalog.pg_blocking_pids(w.holder))[1],
        (SELECT x.gid FROM pg_catalog.pg_prepared_xacts AS x
         JOIN pg_catalog.pg_locks AS o ON o.pid IS NULL AND o.locktype = 'transactionid' AND o.transactionid = x.transaction
         JOIN pg_catalog.pg_locks AS l ON l.pid IS NULL AND l.virtualtransaction = o.virtualtransaction
         WHERE w.holder = 0 AND (l.relation = w.relation OR l.transactionid = w.transactionid) LIMIT 1)
    FROM waits AS w LEFT JOIN pg_catalog.pg_stat_activity AS h ON h.pid = w.holder
    ORDER BY w.pid, w.holder";

/// Who holds the advisory lock of a number, which is split in two in `pg_locks`.
const ADVISORY_SQL: &str = "
    SELECT a.pid, a.application_name, a.usename,
        pg_catalog.to_char(a.query_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), a.state, a.backend_type
    FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = pg_catalog.current_database()
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    AND l.classid = ($1::bigint >> 32)::text::oid AND l.objid = ($1::bigint & 4294967295)::text::oid";

/// The sessions of ours that wait for a lock now, by process.
///
/// # Errors
/// When the server does not answer.
pub(crate) fn lock_waits(connection: &mut Connection) -> Result<Vec<(String, LockWait)>> {
    let ours = format!("{{{APPLICATION_NAME},{STATUS_NAME}}}");
    let rows = connection.query(WAITS_SQL, &[Some(&ours)])?;
    Ok(rows.into_iter().filter_map(lock_wait).collect())
}

/// The session that holds the advisory lock of this number; none where none does any more.
///
/// # Errors
/// When the server does not answer.
pub fn advisory_lock_holder(connection: &mut Connection, number: &str) -> Result<Option<HolderSession>> {
    let rows = connection.query(ADVISORY_SQL, &[Some(number)])?;
    Ok(rows.into_iter().find_map(|row| {
        let [pid, application, user, query_start, state, backend_type] =
            <[Option<String>; 6]>::try_from(row).ok()?;
        let pid = pid?.parse().ok()?;
        Some(HolderSession {
            pid,
            application,
            user,
            query_start,
            state,
            backend_type,
            ..HolderSession::default()
        })
    }))
}

fn lock_wait(row: Row) -> Option<(String, LockWait)> {
    let row: [Option<String>; 12] = row.try_into().ok()?;
    let [
        waiter,
        table,
        waited,
        holder,
        application,
        user,
        query_start,
        state,
        backend_type,
        wraparound,
        next,
        gid,
    ] = row;
    let pid: i32 = holder?.parse().ok()?;
    let holder = match pid {
        0 => Holder::Prepared(gid),
        pid => Holder::Session(HolderSession {
            pid,
            application,
            user,
            query_start,
            state,
            backend_type,
            prevents_wraparound: wraparound.as_deref() == Some("t"),
            waits_for: next.and_then(|pid| pid.parse().ok()),
        }),
    };
    let waited = waited.and_then(|waited| waited.parse().ok()).unwrap_or(0);
    Some((waiter?, LockWait { table, waited: Duration::from_millis(waited), holder }))
}
