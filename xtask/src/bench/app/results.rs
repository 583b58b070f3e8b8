//! All figures of a run, as numbers: what the tables, the plots, the JSON and the judgement of the promises share.

use hdrhistogram::Histogram;

use super::backend::BackendKind;
use super::connections::ConnectionFigures;
use super::growth::GrowthFigures;
use super::json_queries::JsonFigures;
use super::measure::{ErrorCounts, Load, Round, histogram};
use super::pacing::Pacing;
use super::workload::Workload;
use crate::bench::figures::{median, spread};

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Latency {
    /// Half of the operations are not slower.
    pub(crate) p50: f64,
    /// 95 % of the operations are not slower.
    pub(crate) p95: f64,
    /// 99 % of the operations are not slower.
    pub(crate) p99: f64,
    /// The slowest.
    pub(crate) max: f64,
}

impl Latency {
    /// Reads a histogram of microseconds; none if it is empty.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Option<Latency> {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        (!histogram.is_empty()).then(|| Latency {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: histogram.max() as f64 / 1e3,
        })
    }
}

/// The figures of one load on one database, over all rounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CellFigures {
    /// The database.
    pub(crate) backend: BackendKind,
    /// The load.
    pub(crate) load: Load,
    /// Successful operations a second: the median of the rounds.
    pub(crate) throughput: f64,
    /// The smallest and the largest round.
    pub(crate) throughput_spread: (f64, f64),
    /// Of the operations that were due, the share that succeeded, over all rounds; none without think time.
    pub(crate) served_share: Option<f64>,
    /// The most users in a round of whom no operation succeeded; none with think time.
    pub(crate) starved_users: Option<u32>,
    /// Measured operations.
    pub(crate) operations: u64,
    /// Failed operations.
    pub(crate) errors: ErrorCounts,
    /// Latencies of operations.
    pub(crate) latency: Latency,
    /// Latencies of claims, where the load has some.
    pub(crate) claim: Option<Latency>,
}

impl CellFigures {
    /// Summarises the rounds of a load; none if nothing was measured.
    ///
    /// # Errors
    /// None that is known.
    pub(crate) fn of(
        backend: BackendKind,
        load: Load,
        rounds: &[Round],
    ) -> anyhow::Result<Option<CellFigures>> {
        let (mut latency_us, mut claim_us) = (histogram()?, histogram()?);
        let mut errors = ErrorCounts::default();
        for round in rounds {
            latency_us.add(&round.latency_us)?;
            claim_us.add(&round.claim_us)?;
            errors.merge(round.errors);
        }
        let rates: Vec<f64> = rounds.iter().map(|round| round.completed as f64 / round.seconds).collect();
        let due: u64 = rounds.iter().filter_map(|round| round.due).sum();
        let completed: u64 = rounds.iter().map(|round| round.completed).sum();
        let (Some(throughput), Some(throughput_spread), Some(latency)) =
            (median(&rates), spread(&rates), Latency::of(&latency_us))
        else {
            return Ok(None);
        };
        Ok(Some(CellFigures {
            backend,
            load,
            throughput,
            throughput_spread,
            served_share: (due > 0).then(|| completed as f64 / due as f64),
            starved_users: rounds.iter().filter_map(|round| round.starved_users).max(),
            operations: latency_us.len(),
            errors,
            latency,
            claim: Latency::of(&claim_us),
        }))
    }
}

/// All figures of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    /// The loads, in the order in which they were measured.
    pub(crate) cells: Vec<CellFigures>,
    /// Connections with and without a pool.
    pub(crate) connections: Vec<ConnectionFigures>,
    /// Queries into documents.
    pub(crate) json: Option<JsonFigures>,
    /// A small and a large database.
    pub(crate) growth: Option<GrowthFigures>,
    /// Loads after which the invariants were checked.
    pub(crate) checked_loads: u64,
}

impl Results {
    /// The figures of one load on one database.
    pub(crate) fn cell(
        &self,
        backend: BackendKind,
        workload: Workload,
        users: u32,
        pacing: Pacing,
    ) -> Option<&CellFigures> {
        let load = Load { workload, users, pacing };
        self.cells.iter().find(|cell| cell.backend == backend && cell.load == load)
    }

    /// The numbers of users that were measured, in ascending order.
    pub(crate) fn users(&self) -> Vec<u32> {
        let mut users: Vec<u32> = self.cells.iter().map(|cell| cell.load.users).collect();
        users.sort_unstable();
        users.dedup();
        users
    }
}
