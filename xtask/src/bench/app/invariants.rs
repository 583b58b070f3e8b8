//! What must hold after a load, whatever was measured: the database holds exactly what it has confirmed to its users.
//!
//! The check reads with plain SQL in a session of its own, and compares with the users' records.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, bail};
use hyperpage_store::Timestamp;

use super::backend::{Database, Session};
use super::dataset::{Dataset, Dialect};
use super::workload::{Effects, now};

/// The numbers of rows at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    jobs: i64,
    pending: i64,
    running: i64,
    completed: i64,
    attempts: i64,
    open_attempts: i64,
    sessions: i64,
}

/// The state before a load.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    read_at: Timestamp,
    counts: Counts,
    remaining: Vec<(String, i64)>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// Users have claimed the same job.
    ClaimedTwice {
        /// Claims.
        claims: u64,
        /// Different jobs among them.
        jobs: u64,
    },
    /// A number of rows is not what the confirmed operations make it.
    Count {
        /// The rows.
        of: &'static str,
        /// What the users' records say.
        expected: i64,
        /// What the database holds.
        found: i64,
    },
    /// A limit has fewer than no calls left.
    BelowZero {
        /// The limit.
        limit: String,
    },
    /// Sessions that were touched have not kept it.
    LostTouches {
        /// Their number.
        sessions: u64,
    },
    /// Answers contradicted the database's own state.
    Contradictions {
        /// Their number.
        answers: u64,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::ClaimedTwice { claims, jobs } => {
                write!(f, "{claims} claims returned {jobs} different jobs")
            }
            Violation::Count { of, expected, found } => {
                write!(f, "{of}: {found}, and the users' records make it {expected}")
            }
            Violation::BelowZero { limit } => write!(f, "{limit} has less than no calls left"),
            Violation::LostTouches { sessions } => {
                write!(f, "{sessions} sessions have lost what was written to them")
            }
            Violation::Contradictions { answers } => {
                write!(f, "{answers} answers contradict the state of the database")
            }
        }
    }
}

impl Baseline {
    /// Reads the state.
    ///
    /// # Errors
    /// When a query fails.
    pub(crate) fn read(database: &dyn Database) -> anyhow::Result<Baseline> {
        let mut session = database.session()?;
        let dialect = database.dialect();
        let read_at = now();
        Ok(Baseline {
            read_at,
            counts: Counts::read(&mut *session, dialect)?,
            remaining: remaining(&mut *session, dialect)?,
        })
    }
}

impl Counts {
    fn read(session: &mut dyn Session, dialect: Dialect) -> anyhow::Result<Counts> {
        let mut count = |table: &str, condition: &str| {
            let table = dialect.table(table);
            session.number(&format!("SELECT count(*) FROM {table} WHERE {condition}"))
        };
        Ok(Counts {
            jobs: count("jobs", "1 = 1")?,
            pending: count("jobs", "status = 'pending'")?,
            running: count("jobs", "status = 'running'")?,
            completed: count("jobs", "status = 'completed'")?,
            attempts: count("job_history", "1 = 1")?,
            open_attempts: count("job_history", "status = 'running' AND completed_at IS NULL")?,
            sessions: count("user_sessions", "1 = 1")?,
        })
    }
}

/// The calls that are left, by limit.
fn remaining(session: &mut dyn Session, dialect: Dialect) -> anyhow::Result<Vec<(String, i64)>> {
    let sql = format!("SELECT id, limit_remaining FROM {} ORDER BY id", dialect.table("rate_limits"));
    let rows = session.rows(&sql, None)?;
    let limits = rows.into_iter().map(|row| match row.as_slice() {
        [id, calls] => Ok((id.clone(), calls.parse().context("a limit has no number of calls")?)),
        _ => bail!("a limit has other columns"),
    });
    limits.collect()
}

/// Checks what must hold after a load.
///
/// # Errors
/// When something does not, or a query fails.
pub(crate) fn check(database: &dyn Database, before: &Baseline, effects: &Effects) -> anyhow::Result<()> {
    let after = Baseline::read(database)?;
    let mut violations = compare(before, &after, effects);
    let lost = lost_touches(&mut *database.session()?, database.dialect(), before, effects)?;
    if lost > 0 {
        violations.push(Violation::LostTouches { sessions: lost });
    }
    if violations.is_empty() {
        return Ok(());
    }
    bail!("{}", violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// Counts the sessions whose time of use is not what the users' records make it: touched and not changed, or changed and not touched.
fn lost_touches(
    session: &mut dyn Session,
    dialect: Dialect,
    before: &Baseline,
    effects: &Effects,
) -> anyhow::Result<u64> {
    let since = before.read_at.epoch_ms();
    let sql = format!(
        "SELECT session_id FROM {} WHERE {} >= {since}",
        dialect.table("user_sessions"),
        dialect.epoch_ms("last_activity")
    );
    let found: BTreeSet<String> = session.rows(&sql, None)?.into_iter().flatten().collect();
    let touched: BTreeSet<String> =
        effects.touched.iter().map(|number| Dataset::session_id(*number)).collect();
    Ok((found.symmetric_difference(&touched).count() as u64).saturating_sub(effects.unknown))
}

/// Compares two states with the effects of the operations between them. An operation whose outcome is unknown may have changed each
/// number by one.
fn compare(before: &Baseline, after: &Baseline, effects: &Effects) -> Vec<Violation> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let claims = effects.claimed.len() as u64;
    let jobs = effects.claimed.iter().collect::<BTreeSet<_>>().len() as u64;
    let mut violations = Vec::new();
    if jobs != claims {
        violations.push(Violation::ClaimedTwice { claims, jobs });
    }
    if effects.contradictions > 0 {
        violations.push(Violation::Contradictions { answers: effects.contradictions });
    }
    let (enqueued, claimed, completed) =
        (signed(effects.enqueued), signed(claims), signed(effects.completed));
    let (old, new) = (&before.counts, &after.counts);
    let expected = [
        ("jobs", old.jobs + enqueued, new.jobs),
        ("pending jobs", old.pending + enqueued - claimed, new.pending),
        ("running jobs", old.running + claimed - completed, new.running),
        ("completed jobs", old.completed + completed, new.completed),
        ("attempts", old.attempts + claimed, new.attempts),
        ("open attempts", old.open_attempts + claimed - completed, new.open_attempts),
        ("sessions", old.sessions, new.sessions),
    ];
    let unknown = effects.unknown;
    for (of, expected, found) in expected {
        if expected.abs_diff(found) > unknown {
            violations.push(Violation::Count { of, expected, found });
        }
    }
    for (at, (limit, left)) in after.remaining.iter().enumerate() {
        if *left < 0 {
            violations.push(Violation::BelowZero { limit: limit.clone() });
        }
        let granted = effects.granted.get(at).copied().map_or(0, signed);
        let expected = before.remaining.get(at).map_or(0, |(_, left)| *left) - granted;
        if expected.abs_diff(*left) > unknown {
            violations.push(Violation::Count { of: "calls left of a limit", expected, found: *left });
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use hyperpage_store::domain::JobId;

    use super::*;

    fn state(counts: [i64; 7], left: i64) -> Baseline {
        let [jobs, pending, running, completed, attempts, open_attempts, sessions] = counts;
        let counts = Counts { jobs, pending, running, completed, attempts, open_attempts, sessions };
        Baseline { read_at: Timestamp::from_epoch_ms(0), counts, remaining: vec![("a".to_owned(), left)] }
    }

    /// Two jobs enqueued, two claimed, one completed, three calls granted.
    fn effects() -> Effects {
        let claimed = vec![JobId::from("1"), JobId::from("2")];
        let mut effects = Effects { enqueued: 2, claimed, completed: 1, ..Effects::default() };
        effects.granted[0] = 3;
        effects
    }

    #[test]
    fn each_broken_promise_is_named() {
        let before = state([100, 10, 0, 90, 90, 0, 50], 7);
        let good = state([102, 10, 1, 91, 92, 1, 50], 4);
        assert_eq!(compare(&before, &good, &effects()), []);
        let twice = Effects { claimed: vec![JobId::from("1"), JobId::from("1")], ..effects() };
        assert_eq!(compare(&before, &good, &twice), [Violation::ClaimedTwice { claims: 2, jobs: 1 }]);
        let contradicted = Effects { contradictions: 1, ..effects() };
        assert_eq!(compare(&before, &good, &contradicted), [Violation::Contradictions { answers: 1 }]);
        for (at, of) in [
            "jobs",
            "pending jobs",
            "running jobs",
            "completed jobs",
            "attempts",
            "open attempts",
            "sessions",
        ]
        .into_iter()
        .enumerate()
        {
            let mut counts = [102, 10, 1, 91, 92, 1, 50];
            counts[at] += 1;
            let expected = counts[at] - 1;
            let found = compare(&before, &state(counts, 4), &effects());
            assert_eq!(found, [Violation::Count { of, expected, found: expected + 1 }]);
            // An operation whose outcome is unknown may be the reason.
            let unknown = Effects { unknown: 1, ..effects() };
            assert_eq!(compare(&before, &state(counts, 4), &unknown), []);
        }
    }

    #[test]
    fn a_limit_is_exact_and_never_below_zero() {
        let before = state([0; 7], 2);
        let effects = Effects { granted: [3, 0, 0, 0, 0, 0, 0, 0, 0, 0], ..Effects::default() };
        assert_eq!(
            compare(&before, &state([0; 7], -1), &effects),
            [Violation::BelowZero { limit: "a".to_owned() }]
        );
        let lost = Violation::Count { of: "calls left of a limit", expected: -1, found: 1 };
        assert_eq!(compare(&before, &state([0; 7], 1), &effects), [lost]);
    }
}
