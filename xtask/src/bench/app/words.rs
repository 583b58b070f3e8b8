//! The words for promises, verdicts and losses. The figures are computed elsewhere.

use super::backend::BackendKind;
use super::losses::Loss;
use super::promises::{
    EQUAL_WITHIN, EXPECTED_USERS, Evidence, GROWTH_RATIO_MAX, OVERHEAD_SAVED_MIN, Promise, SERVED_P95_MAX_MS,
    SERVED_SHARE_MIN, ServedUsers, UNNOTICED_MS, USERS_PROMISED, Verdict,
};

impl Promise {
    /// Its name for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Promise::ConnectionOverhead => "connection_overhead",
            Promise::ConcurrentUsers => "concurrent_users",
            Promise::DataGrowth => "data_growth",
            Promise::JsonQueries => "json_queries",
            Promise::WriteConcurrency => "write_concurrency",
            Promise::Acid => "acid",
            Promise::ExpectedLoad => "expected_load",
        }
    }

    /// What the plan promises.
    pub(crate) fn promised(self) -> &'static str {
        match self {
            Promise::ConnectionOverhead => "80 % less connection overhead by pooling",
            Promise::ConcurrentUsers => "100 and more users at the same time instead of 10–20",
            Promise::DataGrowth => "data a hundred times larger",
            Promise::JsonQueries => "faster queries into JSON",
            Promise::WriteConcurrency => "better concurrency of writes",
            Promise::Acid => "ACID throughout",
            Promise::ExpectedLoad => "performance equal or better for the expected load",
        }
    }

    /// How it is measured, with its bounds.
    pub(crate) fn measured(self) -> String {
        match self {
            Promise::ConnectionOverhead => format!(
                "median time of a request beyond its statement, `SELECT 1`, over TCP with a password: a connection for each request \
                 against the pool; at least {} saved",
                percent(OVERHEAD_SAVED_MIN)
            ),
            Promise::ConcurrentUsers => format!(
                "{USERS_PROMISED} users with think time: 95 % of operations within {SERVED_P95_MAX_MS:.0} ms, no error, {} of what \
                 is due succeeds",
                percent(SERVED_SHARE_MIN)
            ),
            Promise::DataGrowth => format!(
                "median of each operation of one user on PostgreSQL, large database against small one: at most {GROWTH_RATIO_MAX:.0} times \
                 as long"
            ),
            Promise::JsonQueries => {
                "median of `@>` with the GIN index against the faster of `json_extract` and `LIKE` on SQLite, same jobs found".to_owned()
            }
            Promise::WriteConcurrency => {
                "operations a second from 10 users on, no think time, against SQLite FULL: more at each number of users, no error"
                    .to_owned()
            }
            Promise::Acid => {
                "after each load the database holds exactly what it confirmed: no job claimed twice, no limit below zero, all sums equal"
                    .to_owned()
            }
            Promise::ExpectedLoad => format!(
                "{} to {} users with think time, 95 % latency against SQLite FULL: at most {EQUAL_WITHIN:.1} times; met \
                 with a condition if every slower one stays below {UNNOTICED_MS:.0} ms",
                EXPECTED_USERS.start(),
                EXPECTED_USERS.end()
            ),
        }
    }
}

impl Verdict {
    /// Its name for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::MetInPart => "met_in_part",
            Verdict::MetWithCondition => "met_with_condition",
            Verdict::NotMet => "not_met",
            Verdict::NotMeasured => "not_measured",
        }
    }

    /// Its name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::MetInPart => "met in part",
            Verdict::MetWithCondition => "met with a condition",
            Verdict::NotMet => "not met",
            Verdict::NotMeasured => "not measured",
        }
    }
}

/// Describes the figures behind a verdict.
pub(crate) fn evidence(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Overhead(figures) => {
            let one = |(threads, before, after, saved): &(u32, f64, f64, f64)| {
                format!(
                    "{}: {} → {}, {} less",
                    ::report::figures::counted((*threads).into(), "thread"),
                    milliseconds(*before),
                    milliseconds(*after),
                    percent(*saved)
                )
            };
            list(figures.iter().map(one))
        }
        Evidence::Users { workloads, most } => {
            let most = most.iter().map(|(backend, users)| match users {
                Some(users) => format!("{} {users}", backend.label()),
                None => format!("{} none", backend.label()),
            });
            let most = format!("most users served in all loads: {}", most.collect::<Vec<_>>().join(", "));
            list(workloads.iter().map(served).chain([most]))
        }
        Evidence::Growth(operations) => {
            let slower: Vec<_> = operations.iter().filter(|(_, ratio)| *ratio > GROWTH_RATIO_MAX).collect();
            let largest = operations.iter().max_by(|one, other| one.1.total_cmp(&other.1));
            match (slower.as_slice(), largest) {
                ([], Some((operation, ratio))) => {
                    format!("largest ratio: {} {ratio:.1} times", operation.label())
                }
                (slower, _) => {
                    let one = |(operation, ratio): &&(_, f64)| {
                        let operation: &super::growth::Operation = operation;
                        format!("{} {ratio:.1} times", operation.label())
                    };
                    format!(
                        "{} of {} operations within the bound; beyond it: {}",
                        operations.len() - slower.len(),
                        operations.len(),
                        list(slower.iter().map(one))
                    )
                }
            }
        }
        Evidence::Json(patterns) => {
            list(patterns.iter().map(|(name, _, speed)| format!("{name}: {}", times_as_fast(*speed))))
        }
        Evidence::Writes(ratios) => list(ratios.iter().map(|one| {
            let [sqlite_errors, postgres_errors] = one.errors;
            let [sqlite, postgres] = one.p99_ms;
            format!(
                "{}: {:.2} times at {} users, the worst (99 %: {} → {}; errors of all: {sqlite_errors} → {postgres_errors})",
                one.workload.label(),
                one.ratio,
                one.users,
                milliseconds(sqlite),
                milliseconds(postgres)
            )
        })),
        Evidence::Checks(loads) => format!(
            "all held after {}; tests: `hyperpage-store/tests`",
            ::report::figures::counted(*loads, "load")
        ),
        Evidence::Expected(figures) => {
            let worst = figures.iter().max_by(|one, other| factor(one.p95_ms).total_cmp(&factor(other.p95_ms)));
            let slower = figures.iter().filter(|one| factor(one.p95_ms) > EQUAL_WITHIN).count();
            let worst = worst.map_or_else(String::new, |one| {
                let [sqlite, postgres] = one.p95_ms;
                format!(
                    "; the worst: {} with {}, {} → {}",
                    one.workload.label(),
                    ::report::figures::counted(one.users.into(), "user"),
                    milliseconds(sqlite),
                    milliseconds(postgres)
                )
            });
            format!("{} of {} loads equal or better{worst}", figures.len() - slower, figures.len())
        }
        Evidence::None => String::new(),
    }
}

fn factor([sqlite, postgres]: [f64; 2]) -> f64 {
    postgres / sqlite
}

fn served(one: &ServedUsers) -> String {
    let failed = if one.is_served { "" } else { " (not served)" };
    format!(
        "{}: {}, {} served, {}{failed}",
        one.workload.label(),
        milliseconds(one.p95_ms),
        percent(one.share),
        ::report::figures::counted(one.errors, "error")
    )
}

/// Describes where PostgreSQL loses: what, by how much, and when it matters.
pub(crate) fn loss(loss: &Loss) -> [String; 3] {
    let at = |users: &[u32]| users.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match loss {
        Loss::Throughput { workload, users, worst_users, worst: [sqlite, postgres] } => [
            format!("{}, no think time, users: {}", workload.label(), at(users)),
            format!(
                "{:.1} times slower with {worst_users}: {} against {} operations a second",
                sqlite / postgres,
                rate(*postgres),
                rate(*sqlite)
            ),
            if *worst_users == 1 {
                let extra = 1e3 / postgres - 1e3 / sqlite;
                format!(
                    "when one user waits for many operations one after the other: 100 of them take {} more",
                    milliseconds(extra * 100.0)
                )
            } else {
                format!("when more than {} operations a second are needed", rate(*postgres))
            },
        ],
        Loss::Latency { workload, users, worst_users, worst: [sqlite, postgres] } => [
            format!("{}, think time, 95 % latency, users: {}", workload.label(), at(users)),
            format!(
                "{:.1} times slower with {worst_users}: {} against {}",
                postgres / sqlite,
                milliseconds(*postgres),
                milliseconds(*sqlite)
            ),
            if *postgres <= UNNOTICED_MS {
                format!("hardly: it stays below {UNNOTICED_MS:.0} ms")
            } else {
                "whenever that many users are at work".to_owned()
            },
        ],
        Loss::Json { pattern, milliseconds: [sqlite, postgres] } => [
            format!("documents, {pattern}"),
            slower(*sqlite, *postgres),
            "when a query returns a large part of all jobs".to_owned(),
        ],
        Loss::Operation { operation, milliseconds: [sqlite, postgres] } => [
            format!("{}, one user, large database", operation.label()),
            slower(*sqlite, *postgres),
            format!(
                "when a request does it many times in a row: 100 of them take {} more",
                milliseconds((postgres - sqlite) * 100.0)
            ),
        ],
    }
}

fn slower(sqlite: f64, postgres: f64) -> String {
    format!(
        "{:.1} times slower: {} against {}",
        postgres / sqlite,
        milliseconds(postgres),
        milliseconds(sqlite)
    )
}

fn times_as_fast(speed: f64) -> String {
    if speed >= 1.0 {
        format!("{speed:.1} times as fast")
    } else {
        format!("{:.1} times slower", 1.0 / speed)
    }
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}

/// A share in percent.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    // A share just below a bound must not be rounded up to it.
    format!("{:.1} %", (percent * 10.0).floor() / 10.0).replace(".0 %", " %")
}

/// Milliseconds, with three digits that matter.
pub(crate) fn milliseconds(milliseconds: f64) -> String {
    format!("{} ms", digits(milliseconds))
}

/// A positive number with about three digits.
pub(crate) fn digits(number: f64) -> String {
    match number {
        number if number < 0.9995 => format!("{number:.3}"),
        number if number < 9.995 => format!("{number:.2}"),
        number if number < 99.95 => format!("{number:.1}"),
        number => ::report::figures::count(number.round() as u64),
    }
}

/// Operations a second.
pub(crate) fn rate(rate: f64) -> String {
    if rate < 99.95 { format!("{rate:.1}") } else { ::report::figures::count(rate.round() as u64) }
}

impl BackendKind {
    /// How the app uses it, for the conditions.
    pub(crate) fn conditions(self, pool_max: u32) -> String {
        match self {
            BackendKind::SqliteFull => {
                "WAL, `synchronous = FULL`, a connection for each user, `busy_timeout` 5 s".to_owned()
            }
            BackendKind::SqliteNormal => {
                "the same with `synchronous = NORMAL`: a power cut can lose the last commits".to_owned()
            }
            BackendKind::Postgres => {
                format!("TCP to 127.0.0.1, one pool of {pool_max} connections for all users")
            }
        }
    }
}
