//! Who holds a lock that a session of ours waits for, and on which table. PostgreSQL knows this only while the session waits.

use std::fmt;
use std::time::Duration;

use migrate_core::identifier::quote_pg_literal;

use super::bulk::BulkConnection;
use super::session::{APPLICATION_NAME, STATUS_NAME};
use crate::error::Result;

/// Lists the sessions of ours that wait for a lock, with each session that keeps them waiting. The text of the holder's statement is
/// not read, since it may hold values; that of an autovacuum worker is PostgreSQL's own.
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

/// A wait for somebody else's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockWait {
    /// The table, with its schema; none where PostgreSQL does not tell.
    pub table: Option<String>,
    /// How long the wait lasts already.
    pub waited: Duration,
    /// Who holds the lock, or comes before us in its queue.
    pub holder: Holder,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A session, or a process of the server's own.
    Session(HolderSession),
    /// A prepared transaction of this identifier, which no session owns.
    Prepared(Option<String>),
}

/// What a role may know of a session that holds a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HolderSession {
    /// Its process.
    pub pid: i32,
    /// Its application name.
    pub application: Option<String>,
    /// Its role.
    pub user: Option<String>,
    /// When its last statement began, in RFC 3339; none where this role may not know.
    pub query_start: Option<String>,
    /// Its state, such as `idle in transaction`; none where this role may not know.
    pub state: Option<String>,
    /// What kind of process it is; none where this role may not know.
    pub backend_type: Option<String>,
    /// Whether it is an autovacuum that prevents the wraparound of transaction IDs, which does not give way.
    pub prevents_wraparound: bool,
    /// The process that it waits for itself.
    pub waits_for: Option<i32>,
}

impl LockWait {
    /// What ends the wait.
    pub(crate) fn remedy(&self) -> String {
        match &self.holder {
            Holder::Prepared(Some(gid)) => {
                let gid = quote_pg_literal(gid);
                format!("end the transaction with COMMIT PREPARED {gid} or ROLLBACK PREPARED {gid}")
            }
            Holder::Prepared(None) => {
                "end the transaction that pg_prepared_xacts shows with COMMIT PREPARED or \
                                       ROLLBACK PREPARED"
                    .to_owned()
            }
            Holder::Session(session) if session.prevents_wraparound => "let that VACUUM finish".to_owned(),
            Holder::Session(session) => {
                // A session that waits itself gives way once the one that it waits for does.
                let pid = session.waits_for.filter(|pid| *pid > 0).unwrap_or(session.pid);
                format!("wait until it has finished, or end it with SELECT pg_terminate_backend({pid})")
            }
        }
    }
}

impl fmt::Display for LockWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.table {
            Some(table) => write!(f, "{table} is locked by ")?,
            None => f.write_str("a lock is held by ")?,
        }
        self.holder.fmt(f)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Session(session) => session.fmt(f),
            Holder::Prepared(Some(gid)) => write!(f, "the prepared transaction {gid}"),
            Holder::Prepared(None) => f.write_str("a prepared transaction"),
        }
    }
}

impl fmt::Display for HolderSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        let mut facts = Vec::new();
        match self.backend_type.as_deref() {
            _ if self.prevents_wraparound => {
                facts.push("autovacuum worker, to prevent transaction ID wraparound".to_owned());
            }
            Some("client backend") | None => {}
            Some(kind) => facts.push(kind.to_owned()),
        }
        let application = self.application.as_deref().filter(|name| !name.is_empty());
        facts.extend(application.map(|name| format!("application {name}")));
        facts.extend(self.user.as_deref().map(|user| format!("user {user}")));
        facts.extend(self.state.clone().filter(|state| state != "active"));
        facts.push(match &self.query_start {
            Some(start) => format!("query started {start}"),
            None => "this role may not see more: it takes pg_read_all_stats".to_owned(),
        });
        facts.extend(self.waits_for.map(|pid| match pid {
            0 => "it waits for a prepared transaction itself".to_owned(),
            pid => format!("it waits for process {pid} itself"),
        }));
        write!(f, " ({})", facts.join(", "))
    }
}

/// An error of a statement that waited for a lock, with who held it.
#[derive(Debug)]
pub(crate) struct Blocked {
    pub(crate) wait: LockWait,
    pub(crate) cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; waited {:.1} s", self.wait, self.wait.waited.as_secs_f32())
    }
}

impl std::error::Error for Blocked {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// The sessions of ours that wait for a lock now, by process.
///
/// # Errors
/// When the server does not answer.
pub(crate) fn lock_waits(connection: &mut BulkConnection) -> Result<Vec<(String, LockWait)>> {
    let ours = format!("{{{APPLICATION_NAME},{STATUS_NAME}}}");
    let rows = connection.query(WAITS_SQL, &[Some(&ours)])?;
    Ok(rows.into_iter().filter_map(lock_wait).collect())
}

/// The session that holds the advisory lock of this number; none where none does any more.
///
/// # Errors
/// When the server does not answer.
pub(crate) fn advisory_lock_holder(
    connection: &mut BulkConnection,
    number: &str,
) -> Result<Option<HolderSession>> {
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

fn lock_wait(row: Vec<Option<String>>) -> Option<(String, LockWait)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_named_by_what_is_known_of_it() {
        let known = HolderSession {
            pid: 42,
            application: Some("psql".to_owned()),
            user: Some("app".to_owned()),
            query_start: Some("2026-01-01T00:00:00Z".to_owned()),
            state: Some("idle in transaction".to_owned()),
            backend_type: Some("client backend".to_owned()),
            ..HolderSession::default()
        };
        let hidden = HolderSession { pid: 43, user: Some("app".to_owned()), ..HolderSession::default() };
        let vacuum = HolderSession {
            prevents_wraparound: true,
            backend_type: Some("autovacuum worker".to_owned()),
            state: Some("active".to_owned()),
            application: Some(String::new()),
            user: None,
            ..known.clone()
        };
        let queued = HolderSession { waits_for: Some(7), ..known.clone() };
        for (holder, words, remedy) in [
            (
                Holder::Session(known),
                "public.t is locked by process 42 (application psql, user app, idle in transaction, query started \
                 2026-01-01T00:00:00Z)",
                "wait until it has finished, or end it with SELECT pg_terminate_backend(42)",
            ),
            (
                Holder::Session(hidden),
                "public.t is locked by process 43 (user app, this role may not see more: it takes pg_read_all_stats)",
                "wait until it has finished, or end it with SELECT pg_terminate_backend(43)",
            ),
            (
                Holder::Session(vacuum),
                "public.t is locked by process 42 (autovacuum worker, to prevent transaction ID wraparound, query started \
                 2026-01-01T00:00:00Z)",
                "let that VACUUM finish",
            ),
            (
                Holder::Session(queued),
                "public.t is locked by process 42 (application psql, user app, idle in transaction, query started \
                 2026-01-01T00:00:00Z, it waits for process 7 itself)",
                "wait until it has finished, or end it with SELECT pg_terminate_backend(7)",
            ),
            (
                Holder::Prepared(Some("it's".to_owned())),
                "public.t is locked by the prepared transaction it's",
                "end the transaction with COMMIT PREPARED 'it''s' or ROLLBACK PREPARED 'it''s'",
            ),
        ] {
            let wait = LockWait { table: Some("public.t".to_owned()), waited: Duration::ZERO, holder };
            assert_eq!(wait.to_string(), words);
            assert_eq!(wait.remedy(), remedy);
        }
    }
}
