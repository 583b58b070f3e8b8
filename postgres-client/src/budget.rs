//! The number of connections that a run may have to its target, and how they are used.
//!
//! PostgreSQL limits the connections of a role, of a database and of the server. The free ones are counted before anything is created,
//! and the run uses no more than that: with two, one session holds the lock of migrations and the other does all the work.

use std::fmt;
use std::time::Duration;

use crate::connection::Connection;
use crate::error::{Error, Result};
pub use crate::watch::{Limit, LimitOf, Shortage};
use crate::watch::{Watch, check_stop};

/// Fewer connections are not enough: one holds the lock of migrations or the snapshot, and one works.
const CONNECTIONS_MIN: usize = 2;

/// The connections that are kept in a pool where there are enough: one asks the ledger while another one gathers statistics.
const POOLED_MAX: usize = 2;

/// How often free connections are counted again where they are few: sessions of ours that have just ended may still be counted.
const COUNTS_MAX: usize = 10;

/// How long to wait before they are counted again.
const COUNT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// The use of the connections that a run may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many are kept for short statements; none where each is closed at once, so that a worker can take its place.
    pub pooled: usize,
    /// How many work on rows and builds at once.
    pub workers: usize,
}

impl Budget {
    /// The budget of `workers` and all else, where nothing limits them.
    fn unlimited(workers: usize) -> Budget {
        Budget { pooled: POOLED_MAX, workers: workers.max(1) }
    }

    /// The connections that this many workers need for a full budget: one for the lock, and one for `status` and for stopping in order.
    fn wanted(workers: usize) -> usize {
        2 + POOLED_MAX + workers.max(1)
    }

    /// Plans the use of this many connections, including the one that counts them; none if they are too few.
    fn within(available: usize, workers: usize) -> Option<Budget> {
        let workers = workers.max(1);
        if available < CONNECTIONS_MIN {
            return None;
        }
        // With three or more, one is left free: for `status`, and for cancelling statements when the command is stopped.
        let rest = if available > CONNECTIONS_MIN { available - 2 } else { available - 1 };
        let pooled = match rest {
            0 | 1 => 0,
            rest if rest >= POOLED_MAX + workers.min(2) => POOLED_MAX,
            _ => 1,
        };
        Some(Budget { pooled, workers: workers.min((rest - pooled).max(1)) })
    }

    /// Whether a worker has to close its connection before anything else can be asked.
    pub fn is_tight(self) -> bool {
        self.pooled == 0
    }

    /// Whether statistics can be gathered in parallel with everything else.
    pub fn has_one_to_spare(self) -> bool {
        self.pooled == POOLED_MAX
    }

    /// Counts the free connections on the server of `connection`, which is one of the run's own, and plans their use.
    ///
    /// # Errors
    /// When too few connections are free, or the server cannot be asked.
    pub fn settle(
        connection: &mut Connection,
        workers: usize,
        target: &dyn fmt::Display,
        watch: &dyn Watch,
    ) -> Result<Budget> {
        let Some(mut limit) = tightest(connection)? else { return Ok(Budget::unlimited(workers)) };
        for _ in 1..COUNTS_MAX {
            if limit.available() >= Budget::wanted(workers) {
                return Ok(Budget::unlimited(workers));
            }
            check_stop(watch)?;
            std::thread::sleep(COUNT_AGAIN_AFTER);
            let Some(now) = tightest(connection)? else { return Ok(Budget::unlimited(workers)) };
            // The best count is kept: meanwhile the watch for locks may have opened a connection, which it does without if it must.
            if now.available() > limit.available() {
                limit = now;
            }
        }
        let Some(budget) = Budget::within(limit.available(), workers) else {
            return Err(limit.too_few(target));
        };
        if budget.workers < workers {
            watch.short_of_connections(&Shortage { limit, wanted: workers, granted: budget.workers });
        }
        Ok(budget)
    }
}

impl Limit {
    /// The connections that we can have, with the one that asks.
    fn available(&self) -> usize {
        (self.max + 1).saturating_sub(self.used)
    }

    fn too_few(&self, target: &dyn fmt::Display) -> Error {
        let error = Error::new(format!(
            "{target} has too few free connections: a migration and its proof need {CONNECTIONS_MIN}, and {} free for it",
            match self.available() {
                0 => "none is".to_owned(),
                1 => "1 is".to_owned(),
                available => format!("{available} are"),
            }
        ))
        .caused_by(format!("{} of them in use, ours among them", self));
        let error = match &self.of {
            LimitOf::Role(name) => error.with_remedy_text(format!(
                "allow the role more: ALTER ROLE {} CONNECTION LIMIT 10",
                crate::quote::identifier(name)
            )),
            LimitOf::Database(name) => error.with_remedy_text(format!(
                "allow the database more: ALTER DATABASE {} CONNECTION LIMIT 10",
                crate::quote::identifier(name)
            )),
            LimitOf::Server => error
                .with_remedy_text("end other sessions, or raise max_connections and start the server again"),
        };
        // The sessions of others may end.
        if self.max >= CONNECTIONS_MIN { error.transient() } else { error }
    }
}

/// The limit that leaves the fewest connections. Superusers are held by the server's alone.
///
/// Sessions of others are seen by everybody, as far as whose they are.
const LIMITS_SQL: &str = "SELECT r.rolname, r.rolsuper, r.rolconnlimit, d.datname, d.datconnlimit, \
     pg_catalog.current_setting('max_connections')::pg_catalog.int8 - CASE WHEN r.rolsuper THEN 0 ELSE \
     pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int8 \
     + coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::pg_catalog.int8 END, \
     (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = r.oid AND a.datid IS NOT NULL), \
     (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid AND a.usesysid IS NOT NULL), \
     (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid IS NOT NULL AND a.usesysid IS NOT NULL) \
     FROM pg_catalog.pg_roles r, pg_catalog.pg_database d \
     WHERE r.rolname = session_user AND d.datname = pg_catalog.current_database()";

fn tightest(connection: &mut Connection) -> Result<Option<Limit>> {
    // Within a transaction the numbers would be those of the first query.
    let rows = connection.query(LIMITS_SQL, &[])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let Ok(
        [
            Some(role),
            Some(is_super),
            Some(of_role),
            Some(database),
            Some(of_database),
            Some(of_server),
            Some(by_role),
            Some(by_database),
            Some(by_all),
        ],
    ) = <[Option<String>; 9]>::try_from(row)
    else {
        return Ok(None);
    };
    let number = |text: &str| text.parse::<i64>().ok();
    let limit = |of: LimitOf, max: &str, used: &str| {
        // A negative number is none.
        let max = number(max).and_then(|max| usize::try_from(max).ok())?;
        let used = number(used).and_then(|used| usize::try_from(used).ok())?;
        Some(Limit { of, max, used })
    };
    let own = [
        limit(LimitOf::Role(role), &of_role, &by_role),
        limit(LimitOf::Database(database), &of_database, &by_database),
    ];
    let own = own.into_iter().flatten().filter(|_| is_super != "t");
    Ok(own.chain(limit(LimitOf::Server, &of_server, &by_all)).min_by_key(Limit::available))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_budget_takes_more_than_there_is() {
        for workers in 1..=8 {
            assert_eq!(Budget::within(0, workers), None);
            assert_eq!(Budget::within(1, workers), None);
            for available in 2..=20 {
                let budget = Budget::within(available, workers).unwrap();
                // A tight budget has one connection besides the one for the lock, and all others leave one free.
                let taken = 1 + budget.pooled + budget.workers;
                assert!(taken <= available, "{available} for {workers}: {budget:?}");
                assert!(taken < available || available == 2, "{available} for {workers}: {budget:?}");
                assert!((1..=workers).contains(&budget.workers));
            }
            assert_eq!(Budget::within(Budget::wanted(workers), workers), Some(Budget::unlimited(workers)));
        }
        assert_eq!(Budget::within(2, 4), Some(Budget { pooled: 0, workers: 1 }));
        assert_eq!(Budget::within(3, 4), Some(Budget { pooled: 0, workers: 1 }));
        assert_eq!(Budget::within(4, 4), Some(Budget { pooled: 1, workers: 1 }));
        assert_eq!(Budget::within(6, 4), Some(Budget { pooled: 2, workers: 2 }));
    }
}
