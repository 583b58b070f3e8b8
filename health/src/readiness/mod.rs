//! The checks of readiness, in one transaction on the probe's connection.

mod connections;
mod disk;
mod migrations;

use std::time::Instant;

use postgres_client::{Connection, Pool, Result};

use crate::check::{Check, CheckResult, Fact, Failure, Grant, PoolState, Readiness, State, Unknown};
use crate::deadline::Deadline;
use crate::expected::{Expected, quoted};
use crate::options::Options;
use crate::session::{alone, reading, refused_state};

/// What the checks need to know about the server and the role.
pub(crate) struct Facts {
    is_in_recovery: bool,
    is_read_only: bool,
    /// The role, quoted.
    role: String,
    may_read_settings: bool,
    may_read_statistics: bool,
    may_list_log: bool,
}

impl Facts {
    /// The right that `pg_monitor` contains.
    pub(crate) fn monitor(&self) -> Unknown {
        Unknown::MissingRight { grant: Grant::Monitor { sql: format!("GRANT pg_monitor TO {}", self.role) } }
    }

    /// Whether settings that only superusers see by default are visible.
    pub(crate) fn may_read_settings(&self) -> bool {
        self.may_read_settings
    }

    /// Whether the statistics of other roles' sessions are visible.
    pub(crate) fn may_read_statistics(&self) -> bool {
        self.may_read_statistics
    }

    /// Whether the files of the write-ahead log can be listed.
    pub(crate) fn may_list_log(&self) -> bool {
        self.may_list_log
    }
}

/// Reads the facts. Whether transactions may write is asked of this session and of the settings that a new session would get, since a
/// kept session does not notice `ALTER DATABASE … SET`.
const FACTS_SQL: &str = "
    SELECT pg_is_in_recovery(),
        current_setting('transaction_read_only')::boolean OR coalesce((
            SELECT split_part(c, '=', 2)::boolean FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c
            WHERE c LIKE 'default_transaction_read_only=%'
            AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
            AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
            ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC LIMIT 1), false),
        current_user,
        pg_has_role('pg_read_all_settings', 'USAGE'), pg_has_role('pg_read_all_stats', 'USAGE'),
        has_function_privilege('pg_ls_waldir()', 'EXECUTE')";

/// Reads what the checks need to know.
///
/// # Errors
/// When the server does not answer.
pub(crate) fn facts(connection: &mut Connection) -> Result<Facts> {
    type Found = (bool, bool, String, bool, bool, bool);
    let (is_in_recovery, is_read_only, role, may_read_settings, may_read_statistics, may_list_log): Found =
        connection.one(FACTS_SQL, &[])?;
    let role = quoted(&role);
    Ok(Facts { is_in_recovery, is_read_only, role, may_read_settings, may_read_statistics, may_list_log })
}

/// Asks everything except for the pool.
///
/// # Errors
/// When the server does not answer.
pub(crate) fn ask(
    connection: &mut Connection,
    deadline: &Deadline,
    options: &Options,
    expected: &Expected,
) -> Result<Vec<CheckResult>> {
    let began = Instant::now();
    connection.query("SELECT 1", &[])?;
    let latency_ms = began.elapsed().as_secs_f64() * 1000.0;
    reading(connection, deadline, |connection| {
        let facts = facts(connection)?;
        connection.script("SET LOCAL transaction_read_only = on")?;
        let result = |check, state| CheckResult { check, state };
        Ok(vec![
            result(Check::Answers, State::Ok(Fact::Answered { latency_ms })),
            result(Check::Primary, passes_unless(facts.is_in_recovery, Failure::InRecovery)),
            result(Check::Writable, writable(&facts)),
            result(Check::Migrations, answered(connection, |c| migrations::check(c, &facts, expected))?),
            result(Check::Connections, answered(connection, |c| connections::check(c, options))?),
            result(Check::Disk, answered(connection, |c| disk::check(c, &facts, options))?),
        ])
    })
}

fn passes_unless(has_failed: bool, failure: Failure) -> State {
    if has_failed { State::Failed(failure) } else { State::Ok(Fact::Passed {}) }
}

/// A server in recovery is read-only because of that, which is the one reason to report.
fn writable(facts: &Facts) -> State {
    match (facts.is_in_recovery, facts.is_read_only) {
        (true, _) => State::NotKnown(Unknown::NotAsked),
        (false, is_read_only) => passes_unless(is_read_only, Failure::ReadOnly),
    }
}

/// Runs a check; a question that the server refuses is not known, and every other error ends the probe.
fn answered(
    connection: &mut Connection,
    check: impl FnOnce(&mut Connection) -> Result<State>,
) -> Result<State> {
    alone(connection, check).or_else(|error| match refused_state(&error) {
        Some(state) => Ok(State::NotKnown(Unknown::Refused { sqlstate: Some(state) })),
        None => Err(error),
    })
}

/// Takes a connection out of the pool and asks it.
pub(crate) fn pool(pool: Option<&Pool>, deadline: &Deadline) -> CheckResult {
    let state = match pool {
        None => State::NotKnown(Unknown::NoPool),
        Some(pool) => match pool.get_timeout(deadline.left()) {
            Err(_) => State::Failed(Failure::PoolExhausted(pool_state(pool))),
            Ok(mut connection) => {
                connection.give_up_with(deadline.is_given_up.clone());
                match connection.query("SELECT 1", &[]) {
                    Ok(_) => State::Ok(Fact::Pool(pool_state(pool))),
                    Err(error) => {
                        State::Failed(Failure::of(&error, deadline.timeout_ms(), deadline.is_over()))
                    }
                }
            }
        },
    };
    CheckResult { check: Check::Pool, state }
}

/// The connections of a pool.
pub(crate) fn pool_state(pool: &Pool) -> PoolState {
    let state = pool.state();
    PoolState { connections: state.connections, idle: state.idle_connections, max: pool.max_size() }
}

/// The readiness of a server, given what was found.
pub(crate) fn readiness(
    found: Result<Vec<CheckResult>>,
    of_pool: Option<&Pool>,
    deadline: &Deadline,
) -> Readiness {
    match found {
        Ok(mut checks) => {
            checks.push(pool(of_pool, deadline));
            Readiness::new(deadline.elapsed(), checks)
        }
        Err(error) => {
            let failure = Failure::of(&error, deadline.timeout_ms(), deadline.is_over());
            Readiness::unanswered(deadline.elapsed(), failure)
        }
    }
}
