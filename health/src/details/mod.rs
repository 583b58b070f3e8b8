//! Details for a person on call and for metrics: latency, sessions, waits, replication, size and statistics.
//!
//! No statement's text is read, since it may hold values.

mod activity;
mod replication;
mod storage;

use std::time::Instant;

use postgres_client::{Connection, Pool, Result};
use serde::Serialize;

use crate::check::{Failure, PoolState, Unknown};
use crate::deadline::Deadline;
use crate::readiness::{Facts, facts, pool_state};
use crate::session::{alone, reading, refused_state};

pub use activity::{LockWait, SessionState, Sessions, Transaction};
pub use replication::{ReplicationSlot, Standby};
pub use storage::{Autovacuum, Freezing, Statistics};

/// Round trips that the latency is measured with.
const ROUND_TRIPS: usize = 5;

/// Something that the role may not be able to see.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Known<T> {
    /// It is known.
    Known(T),
    /// It is not.
    NotKnown(Unknown),
}

impl<T> Known<T> {
    /// The value, if it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Known::Known(value) => Some(value),
            Known::NotKnown(_) => None,
        }
    }
}

/// The time of several round trips, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// The shortest.
    pub min_ms: f64,
    /// The median.
    pub median_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// How many.
    pub round_trips: usize,
}

/// What is known about a server and a database.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Details {
    /// Why there are no details, if the server could not be asked.
    pub failure: Option<Failure>,
    /// All of them, if it could.
    #[serde(flatten)]
    pub found: Option<Found>,
}

/// The details of a server that answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// The server's version, such as `17.6`.
    pub version: String,
    /// Seconds since the server started.
    pub uptime_seconds: f64,
    /// The time of a round trip.
    pub latency: Latency,
    /// The app's pool, where there is one.
    pub pool: Option<PoolState>,
    /// The client sessions of the server.
    pub sessions: Known<Sessions>,
    /// The transaction of this database that has been open for longest; none where none is open.
    pub longest_transaction: Known<Option<Transaction>>,
    /// The session of this database that has waited for a lock for longest; none where none waits.
    pub oldest_lock_wait: Known<Option<LockWait>>,
    /// The servers that receive this one's log.
    pub standbys: Known<Vec<Standby>>,
    /// The slots that keep log for somebody.
    pub replication_slots: Known<Vec<ReplicationSlot>>,
    /// How far this server is behind the one that it follows, in seconds; none where it follows none.
    pub replay_lag_seconds: Known<Option<f64>>,
    /// The size of this database.
    pub database_bytes: Known<u64>,
    /// Statistics of this database since they were reset.
    pub statistics: Known<Statistics>,
    /// How close the server is to a forced freeze of transaction ids.
    pub freezing: Known<Freezing>,
    /// The last vacuum of the largest tables, the largest first.
    pub largest_tables: Known<Vec<Autovacuum>>,
}

impl Details {
    pub(crate) fn failed(failure: Failure) -> Details {
        Details { failure: Some(failure), found: None }
    }
}

/// Asks everything.
///
/// # Errors
/// When the server does not answer.
pub(crate) fn ask(connection: &mut Connection, deadline: &Deadline, pool: Option<&Pool>) -> Result<Found> {
    let latency = latency(connection)?;
    reading(connection, deadline, |connection| {
        connection.script("SET LOCAL transaction_read_only = on")?;
        let facts = facts(connection)?;
        let server: (String, f64) = connection.one(
            "SELECT current_setting('server_version'), extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())",
            &[],
        )?;
        let mut asker = Asker { connection, facts: &facts };
        Ok(Found {
            version: server.0,
            uptime_seconds: server.1,
            latency,
            pool: pool.map(pool_state),
            sessions: asker.statistics(activity::sessions)?,
            longest_transaction: asker.statistics(activity::longest_transaction)?,
            oldest_lock_wait: asker.ask(activity::oldest_lock_wait)?,
            standbys: asker.statistics(replication::standbys)?,
            replication_slots: asker.ask(replication::slots)?,
            replay_lag_seconds: asker.ask(replication::replay_lag)?,
            database_bytes: asker.ask(storage::database_bytes)?,
            statistics: asker.ask(storage::statistics)?,
            freezing: asker.ask(storage::freezing)?,
            largest_tables: asker.ask(storage::largest_tables)?,
        })
    })
}

/// Asks one question after the other, each so that a refusal undoes nothing else.
struct Asker<'a> {
    connection: &'a mut Connection,
    facts: &'a Facts,
}

impl Asker<'_> {
    fn ask<T>(&mut self, question: impl FnOnce(&mut Connection) -> Result<T>) -> Result<Known<T>> {
        match alone(self.connection, question) {
            Ok(value) => Ok(Known::Known(value)),
            Err(error) => match refused_state(&error) {
                Some(state) => Ok(Known::NotKnown(Unknown::Refused { sqlstate: Some(state) })),
                None => Err(error),
            },
        }
    }

    /// The same for what PostgreSQL hides of the sessions of others without an error.
    fn statistics<T>(&mut self, question: impl FnOnce(&mut Connection) -> Result<T>) -> Result<Known<T>> {
        if self.facts.may_read_statistics() {
            self.ask(question)
        } else {
            Ok(Known::NotKnown(self.facts.monitor()))
        }
    }
}

fn latency(connection: &mut Connection) -> Result<Latency> {
    let mut times = [0.0; ROUND_TRIPS];
    for time in &mut times {
        let began = Instant::now();
        connection.query("SELECT 1", &[])?;
        *time = began.elapsed().as_secs_f64() * 1000.0;
    }
    times.sort_by(f64::total_cmp);
    let [min_ms, .., max_ms] = times;
    Ok(Latency { min_ms, median_ms: times[ROUND_TRIPS / 2], max_ms, round_trips: ROUND_TRIPS })
}
