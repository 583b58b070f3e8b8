//! Where PostgreSQL is slower than SQLite with the same durability, found in the figures.

use super::backend::BackendKind;
use super::growth::Operation;
use super::pacing::Pacing;
use super::promises::EQUAL_WITHIN;
use super::results::{CellFigures, Results};
use super::workload::Workload;

/// With fewer operations, the slowest of all would stand for the slowest 5 %.
const LATENCY_OPERATIONS_MIN: u64 = 20;

/// A comparison that PostgreSQL loses by more than [`EQUAL_WITHIN`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Loss {
    /// Operations a second without think time, at the number of users where the factor is largest.
    Throughput {
        /// The workload.
        workload: Workload,
        /// The numbers of users at which it is slower.
        users: Vec<u32>,
        /// The number of users with the largest factor.
        worst_users: u32,
        /// Operations a second there: SQLite FULL and PostgreSQL.
        worst: [f64; 2],
    },
    /// Latency with think time, in milliseconds (95 %), at the number of users where the factor is largest.
    Latency {
        /// The workload.
        workload: Workload,
        /// The numbers of users at which it is slower.
        users: Vec<u32>,
        /// The number of users with the largest factor.
        worst_users: u32,
        /// Milliseconds there: SQLite FULL and PostgreSQL.
        worst: [f64; 2],
    },
    /// A query into documents: milliseconds of SQLite's fastest way and of PostgreSQL.
    Json {
        /// The pattern.
        pattern: &'static str,
        /// Milliseconds.
        milliseconds: [f64; 2],
    },
    /// One operation of one user with the large database: milliseconds of SQLite and PostgreSQL.
    Operation {
        /// The operation.
        operation: Operation,
        /// Milliseconds.
        milliseconds: [f64; 2],
    },
}

/// Lists all losses.
pub(crate) fn losses(results: &Results) -> Vec<Loss> {
    let mut losses = Vec::new();
    for workload in Workload::ALL {
        losses.extend(throughput_loss(results, workload));
    }
    for workload in Workload::ALL {
        losses.extend(latency_loss(results, workload));
    }
    for pattern in results.json.iter().flat_map(|json| &json.patterns) {
        let [postgres, extract, like] = pattern.milliseconds;
        let sqlite = extract.min(like);
        if postgres > sqlite * EQUAL_WITHIN {
            losses.push(Loss::Json { pattern: pattern.name, milliseconds: [sqlite, postgres] });
        }
    }
    for operation in Operation::ALL {
        let large = |backend| {
            let growth = results.growth.as_ref()?;
            let found =
                growth.operations.iter().find(|one| one.backend == backend && one.operation == operation)?;
            Some(found.large.p50)
        };
        if let Some((sqlite, postgres)) = large(BackendKind::SqliteFull).zip(large(BackendKind::Postgres))
            && postgres > sqlite * EQUAL_WITHIN
        {
            losses.push(Loss::Operation { operation, milliseconds: [sqlite, postgres] });
        }
    }
    losses
}

/// The cells of both databases for each number of users.
fn pairs(
    results: &Results,
    workload: Workload,
    pacing: Pacing,
) -> impl Iterator<Item = (&CellFigures, &CellFigures)> {
    results.users().into_iter().filter_map(move |users| {
        let cell = |backend| results.cell(backend, workload, users, pacing);
        cell(BackendKind::SqliteFull).zip(cell(BackendKind::Postgres))
    })
}

fn throughput_loss(results: &Results, workload: Workload) -> Option<Loss> {
    let factors = pairs(results, workload, Pacing::NoThinkTime)
        .map(|(sqlite, postgres)| (sqlite.load.users, [sqlite.throughput, postgres.throughput]));
    let (users, worst_users, worst) = worst(factors, |[sqlite, postgres]| sqlite / postgres)?;
    Some(Loss::Throughput { workload, users, worst_users, worst })
}

fn latency_loss(results: &Results, workload: Workload) -> Option<Loss> {
    let factors = pairs(results, workload, Pacing::ThinkTime)
        .filter(|(sqlite, postgres)| sqlite.operations.min(postgres.operations) >= LATENCY_OPERATIONS_MIN)
        .map(|(sqlite, postgres)| (sqlite.load.users, [sqlite.latency.p95, postgres.latency.p95]));
    let (users, worst_users, worst) = worst(factors, |[sqlite, postgres]| postgres / sqlite)?;
    Some(Loss::Latency { workload, users, worst_users, worst })
}

/// The numbers of users that lose, and the one that loses most; none if none loses.
fn worst(
    figures: impl Iterator<Item = (u32, [f64; 2])>,
    factor: impl Fn([f64; 2]) -> f64,
) -> Option<(Vec<u32>, u32, [f64; 2])> {
    let lost: Vec<(u32, [f64; 2])> = figures.filter(|(_, figures)| factor(*figures) > EQUAL_WITHIN).collect();
    let (users, figures) = *lost.iter().max_by(|one, other| factor(one.1).total_cmp(&factor(other.1)))?;
    Some((lost.iter().map(|(users, _)| *users).collect(), users, figures))
}
