//! The plan's promises, each judged by figures. Verdicts are computed here and nowhere else; `report` has the words.

use std::ops::RangeInclusive;

use super::backend::BackendKind;
use super::growth::Operation;
use super::pacing::Pacing;
use super::results::{CellFigures, Results};
use super::workload::Workload;

/// A pool must save at least this share of the connection overhead.
pub(crate) const OVERHEAD_SAVED_MIN: f64 = 0.80;

/// The number of users that the plan promises.
pub(crate) const USERS_PROMISED: u32 = 100;

/// With think time, 95 % of the operations must be at most this slow, in milliseconds, for a number of users to count as served.
pub(crate) const SERVED_P95_MAX_MS: f64 = 100.0;

/// At least this share of the operations that were due must succeed.
pub(crate) const SERVED_SHARE_MIN: f64 = 0.95;

/// With a hundred times the data, the median of an operation may be at most this many times as long.
pub(crate) const GROWTH_RATIO_MAX: f64 = 2.0;

/// From this number of users on, writes compete.
pub(crate) const COMPETING_USERS_MIN: u32 = 10;

/// The users of the app today: the plan's "10–20".
pub(crate) const EXPECTED_USERS: RangeInclusive<u32> = 10..=20;

/// A figure within this factor counts as equal.
pub(crate) const EQUAL_WITHIN: f64 = 1.10;

/// Nobody notices a latency below this, in milliseconds.
pub(crate) const UNNOTICED_MS: f64 = 20.0;

/// A promise of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// 80 % less connection overhead by pooling.
    ConnectionOverhead,
    /// 100 and more users at the same time, instead of 10 to 20.
    ConcurrentUsers,
    /// Data a hundred times larger.
    DataGrowth,
    /// Faster queries into JSON.
    JsonQueries,
    /// More writes at the same time.
    WriteConcurrency,
    /// ACID throughout.
    Acid,
    /// Equal or better for the expected load.
    ExpectedLoad,
}

/// A judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All figures are within their bounds.
    Met,
    /// Some figures are within the bound, and others are not: the evidence names those.
    MetInPart,
    /// Not all figures are within the bound, but all are within a second one, the condition.
    MetWithCondition,
    /// No figure is.
    NotMet,
    /// The run has no figures for it.
    NotMeasured,
}

/// The figures behind a verdict.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Evidence {
    /// By number of threads: overheads without and with a pool in milliseconds, and the share that is saved.
    Overhead(Vec<(u32, f64, f64, f64)>),
    /// For each workload with the promised number of users, whether PostgreSQL served them; and the most users that each database served
    /// in all workloads.
    Users {
        /// The workloads on PostgreSQL.
        workloads: Vec<ServedUsers>,
        /// The most users that were served, by database.
        most: Vec<(BackendKind, Option<u32>)>,
    },
    /// PostgreSQL's operations, with the ratio of the medians.
    Growth(Vec<(Operation, f64)>),
    /// By pattern: whether it is selective, and PostgreSQL's speed as a multiple of SQLite's fastest way.
    Json(Vec<(&'static str, bool, f64)>),
    /// By writing workload: PostgreSQL's throughput as a multiple of that of SQLite FULL, at the number of users where it is smallest.
    Writes(Vec<WriteRatio>),
    /// Loads after which the invariants held.
    Checks(u64),
    /// The expected load: latencies of both databases.
    Expected(Vec<ExpectedFigures>),
    /// Nothing.
    None,
}

/// A workload with the promised number of users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ServedUsers {
    /// The workload.
    pub(crate) workload: Workload,
    /// 95 % are not slower, in milliseconds.
    pub(crate) p95_ms: f64,
    /// The share of due operations that succeeded.
    pub(crate) share: f64,
    /// Failed operations.
    pub(crate) errors: u64,
    /// Whether all three are within their bounds.
    pub(crate) is_served: bool,
}

/// A comparison of write throughput.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WriteRatio {
    /// The workload.
    pub(crate) workload: Workload,
    /// The number of users with the smallest ratio.
    pub(crate) users: u32,
    /// PostgreSQL's throughput by that of SQLite FULL.
    pub(crate) ratio: f64,
    /// 99 % are not slower, in milliseconds: SQLite FULL and PostgreSQL, at that number of users.
    pub(crate) p99_ms: [f64; 2],
    /// Failed operations of SQLite FULL and PostgreSQL, at all numbers of users.
    pub(crate) errors: [u64; 2],
}

/// A comparison for the expected load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ExpectedFigures {
    /// The workload.
    pub(crate) workload: Workload,
    /// The number of users.
    pub(crate) users: u32,
    /// 95 % are not slower, in milliseconds: SQLite FULL and PostgreSQL.
    pub(crate) p95_ms: [f64; 2],
}

/// A promise with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judgement {
    /// The promise.
    pub(crate) promise: Promise,
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// Its figures.
    pub(crate) evidence: Evidence,
}

/// Judges all promises.
pub(crate) fn judge(results: &Results) -> Vec<Judgement> {
    [
        (Promise::ConnectionOverhead, connection_overhead(results)),
        (Promise::ConcurrentUsers, concurrent_users(results)),
        (Promise::DataGrowth, data_growth(results)),
        (Promise::JsonQueries, json_queries(results)),
        (Promise::WriteConcurrency, write_concurrency(results)),
        (Promise::Acid, acid(results)),
        (Promise::ExpectedLoad, expected_load(results)),
    ]
    .into_iter()
    .map(|(promise, (verdict, evidence))| Judgement { promise, verdict, evidence })
    .collect()
}

/// The verdict for figures of which each is within its bound or not.
fn verdict(within: impl IntoIterator<Item = bool>) -> Verdict {
    let within: Vec<bool> = within.into_iter().collect();
    match within.iter().filter(|is_within| **is_within).count() {
        _ if within.is_empty() => Verdict::NotMeasured,
        0 => Verdict::NotMet,
        some if some < within.len() => Verdict::MetInPart,
        _ => Verdict::Met,
    }
}

fn connection_overhead(results: &Results) -> (Verdict, Evidence) {
    let figures: Vec<_> = results
        .connections
        .iter()
        .filter_map(|one| {
            Some((one.threads, one.per_request_overhead(), one.pooled_overhead(), one.saved_share()?))
        })
        .collect();
    (verdict(figures.iter().map(|(.., saved)| *saved >= OVERHEAD_SAVED_MIN)), Evidence::Overhead(figures))
}

/// Whether a load with think time was served.
pub(crate) fn is_served(cell: &CellFigures) -> bool {
    cell.errors.total() == 0
        && cell.latency.p95 <= SERVED_P95_MAX_MS
        && cell.served_share.is_some_and(|share| share >= SERVED_SHARE_MIN)
}

fn concurrent_users(results: &Results) -> (Verdict, Evidence) {
    let workloads: Vec<ServedUsers> = Workload::WRITING
        .into_iter()
        .filter_map(|workload| {
            let cell = results.cell(BackendKind::Postgres, workload, USERS_PROMISED, Pacing::ThinkTime)?;
            Some(ServedUsers {
                workload,
                p95_ms: cell.latency.p95,
                share: cell.served_share.unwrap_or_default(),
                errors: cell.errors.total(),
                is_served: is_served(cell),
            })
        })
        .collect();
    let most = BackendKind::ALL.map(|backend| (backend, most_served(results, backend))).to_vec();
    (verdict(workloads.iter().map(|one| one.is_served)), Evidence::Users { workloads, most })
}

/// The most users that a database served in all measured workloads, where it served all smaller numbers, too.
pub(crate) fn most_served(results: &Results, backend: BackendKind) -> Option<u32> {
    let serves = |users: &u32| {
        let cells = results.cells.iter().filter(|cell| {
            cell.backend == backend && cell.load.pacing == Pacing::ThinkTime && cell.load.users == *users
        });
        let served: Vec<bool> = cells.map(is_served).collect();
        !served.is_empty() && served.iter().all(|is_served| *is_served)
    };
    results.users().into_iter().take_while(serves).last()
}

fn data_growth(results: &Results) -> (Verdict, Evidence) {
    let operations: Vec<(Operation, f64)> = results
        .growth
        .iter()
        .flat_map(|growth| &growth.operations)
        .filter(|one| one.backend == BackendKind::Postgres)
        .filter_map(|one| Some((one.operation, one.ratio()?)))
        .collect();
    (verdict(operations.iter().map(|(_, ratio)| *ratio <= GROWTH_RATIO_MAX)), Evidence::Growth(operations))
}

fn json_queries(results: &Results) -> (Verdict, Evidence) {
    let patterns: Vec<_> = results
        .json
        .iter()
        .flat_map(|json| &json.patterns)
        .map(|pattern| {
            let [containment, extract, like] = pattern.milliseconds;
            (pattern.name, pattern.is_selective, extract.min(like) / containment)
        })
        .collect();
    (verdict(patterns.iter().map(|(.., speed)| *speed > 1.0)), Evidence::Json(patterns))
}

fn write_concurrency(results: &Results) -> (Verdict, Evidence) {
    let ratios: Vec<WriteRatio> =
        Workload::WRITING.into_iter().filter_map(|workload| smallest_ratio(results, workload)).collect();
    let is_better = |one: &WriteRatio| {
        let [_, errors] = one.errors;
        one.ratio > 1.0 && errors == 0
    };
    (verdict(ratios.iter().map(is_better)), Evidence::Writes(ratios))
}

fn smallest_ratio(results: &Results, workload: Workload) -> Option<WriteRatio> {
    let pairs: Vec<(&CellFigures, &CellFigures)> = results
        .users()
        .into_iter()
        .filter(|users| *users >= COMPETING_USERS_MIN)
        .filter_map(|users| {
            let cell = |backend| results.cell(backend, workload, users, Pacing::NoThinkTime);
            cell(BackendKind::SqliteFull).zip(cell(BackendKind::Postgres))
        })
        .collect();
    let ratio = |sqlite: &CellFigures, postgres: &CellFigures| postgres.throughput / sqlite.throughput;
    let errors = |side: fn(&(&CellFigures, &CellFigures)) -> u64| pairs.iter().map(side).sum();
    let (sqlite, postgres) =
        pairs.iter().min_by(|one, other| ratio(one.0, one.1).total_cmp(&ratio(other.0, other.1)))?;
    Some(WriteRatio {
        workload,
        users: sqlite.load.users,
        ratio: ratio(sqlite, postgres),
        p99_ms: [sqlite.latency.p99, postgres.latency.p99],
        errors: [
            errors(|(sqlite, _)| sqlite.errors.total()),
            errors(|(_, postgres)| postgres.errors.total()),
        ],
    })
}

/// A broken invariant ends the run, so that figures exist only where all held.
fn acid(results: &Results) -> (Verdict, Evidence) {
    match results.checked_loads {
        0 => (Verdict::NotMeasured, Evidence::None),
        loads => (Verdict::Met, Evidence::Checks(loads)),
    }
}

fn expected_load(results: &Results) -> (Verdict, Evidence) {
    let figures: Vec<ExpectedFigures> = results
        .users()
        .into_iter()
        .filter(|users| EXPECTED_USERS.contains(users))
        .flat_map(|users| Workload::WRITING.map(|workload| (users, workload)))
        .filter_map(|(users, workload)| {
            let cell = |backend| results.cell(backend, workload, users, Pacing::ThinkTime);
            let (sqlite, postgres) = cell(BackendKind::SqliteFull).zip(cell(BackendKind::Postgres))?;
            Some(ExpectedFigures { workload, users, p95_ms: [sqlite.latency.p95, postgres.latency.p95] })
        })
        .collect();
    let is_equal = |one: &ExpectedFigures| {
        let [sqlite, postgres] = one.p95_ms;
        postgres <= sqlite * EQUAL_WITHIN
    };
    let is_unnoticed = |one: &ExpectedFigures| {
        let [_, postgres] = one.p95_ms;
        postgres <= UNNOTICED_MS
    };
    let verdict = match figures.as_slice() {
        [] => Verdict::NotMeasured,
        all if all.iter().all(is_equal) => Verdict::Met,
        all if all.iter().all(|one| is_equal(one) || is_unnoticed(one)) => Verdict::MetWithCondition,
        _ => Verdict::NotMet,
    };
    (verdict, Evidence::Expected(figures))
}
