//! Sessions, open transactions and waits for locks.

use std::collections::BTreeMap;

use postgres_client::{Connection, Result};
use serde::Serialize;

/// The state of a session, as `pg_stat_activity` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Runs a statement.
    Active,
    /// Waits for a statement, in no transaction.
    Idle,
    /// Waits for a statement within a transaction.
    IdleInTransaction,
    /// The same, after an error.
    IdleInFailedTransaction,
    /// Any other state, or one that the server does not track.
    Other,
}

impl SessionState {
    /// All states.
    pub const ALL: [SessionState; 5] = [
        SessionState::Active,
        SessionState::Idle,
        SessionState::IdleInTransaction,
        SessionState::IdleInFailedTransaction,
        SessionState::Other,
    ];

    /// Its name in JSON and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            SessionState::Active => "active",
            SessionState::Idle => "idle",
            SessionState::IdleInTransaction => "idle_in_transaction",
            SessionState::IdleInFailedTransaction => "idle_in_failed_transaction",
            SessionState::Other => "other",
        }
    }

    fn of(name: Option<&str>) -> SessionState {
        match name {
            Some("active") => SessionState::Active,
            Some("idle") => SessionState::Idle,
            Some("idle in transaction") => SessionState::IdleInTransaction,
            Some("idle in transaction (aborted)") => SessionState::IdleInFailedTransaction,
            _ => SessionState::Other,
        }
    }
}

/// The client sessions of a server, this probe's included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sessions {
    /// Sessions in each state; every state is listed.
    #[serde(flatten)]
    pub by_state: BTreeMap<SessionState, u64>,
}

/// An open transaction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Transaction {
    /// The process that serves its session.
    pub pid: i32,
    /// The role.
    pub role: Option<String>,
    /// The state of its session.
    pub state: SessionState,
    /// How long it has been open, in seconds.
    pub seconds: f64,
}

/// A session that waits for a lock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LockWait {
    /// The process that waits.
    pub pid: i32,
    /// The processes that it waits for; 0 is a prepared transaction.
    pub blocked_by: Vec<i64>,
    /// The relation, with its schema; none where it waits for a transaction or another object.
    pub relation: Option<String>,
    /// The mode of the lock, as `pg_locks` has it.
    pub mode: String,
    /// How long it has waited, in seconds.
    pub seconds: f64,
}

pub(super) fn sessions(connection: &mut Connection) -> Result<Sessions> {
    let sql =
        "SELECT state, count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY state";
    let mut by_state: BTreeMap<_, u64> = SessionState::ALL.map(|state| (state, 0)).into();
    for (state, count) in connection.load::<(Option<String>, u64)>(sql, &[])? {
        *by_state.entry(SessionState::of(state.as_deref())).or_default() += count;
    }
    Ok(Sessions { by_state })
}

pub(super) fn longest_transaction(connection: &mut Connection) -> Result<Option<Transaction>> {
    let sql = "SELECT pid, usename, state, extract(epoch FROM clock_timestamp() - xact_start) FROM pg_stat_activity \
               WHERE backend_type = 'client backend' AND datname = current_database() AND xact_start IS NOT NULL \
               AND pid <> pg_backend_pid() ORDER BY xact_start, pid LIMIT 1";
    type Found = (i32, Option<String>, Option<String>, f64);
    let found: Option<Found> = connection.first(sql, &[])?;
    Ok(found.map(|(pid, role, state, seconds)| Transaction {
        pid,
        role,
        state: SessionState::of(state.as_deref()),
        seconds,
    }))
}

pub(super) fn oldest_lock_wait(connection: &mut Connection) -> Result<Option<LockWait>> {
    // Blocking processes are asked for once: PostgreSQL stops its lock manager for a moment to answer.
    let sql = "
        WITH w AS MATERIALIZED (
            SELECT l.pid, l.mode, l.relation, l.waitstart FROM pg_locks AS l
            WHERE NOT l.granted AND l.waitstart IS NOT NULL
            AND (l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 OR l.pid IN (SELECT a.pid FROM pg_stat_activity AS a WHERE a.datname = current_database()))
            ORDER BY l.waitstart, l.pid LIMIT 1)
        SELECT w.pid, to_json(pg_blocking_pids(w.pid)),
            (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c
             JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = w.relation),
            w.mode, extract(epoch FROM clock_timestamp() - w.waitstart)
        FROM w";
    type Found = (i32, String, Option<String>, String, f64);
    let found: Option<Found> = connection.first(sql, &[])?;
    Ok(found.map(|(pid, blocked_by, relation, mode, seconds)| LockWait {
        pid,
        // An array of numbers as JSON is one.
        blocked_by: serde_json::from_str(&blocked_by).unwrap_or_default(),
        relation,
        mode,
        seconds,
    }))
}
