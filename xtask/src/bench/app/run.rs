//! Measures everything that was asked for, in an order that is fair: in each round all databases meet each load one after the other, and
//! their order is reversed from round to round.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;

use super::backend::{BackendKind, Backends, Database};
use super::dataset::Dataset;
use super::measure::{Load, Round, Settings, measure};
use super::pacing::Pacing;
use super::results::{CellFigures, Results};
use super::workload::Workload;
use super::{connections, growth, json_queries};
use crate::bench::child::Interrupt;
use crate::bench::server::Server;

/// With think time a window is this many times as long: fewer operations are due.
const THINK_TIME_WINDOWS: f64 = 2.0;

/// A part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The job queue.
    Queue,
    /// Session touches.
    Sessions,
    /// Rate limits.
    RateLimits,
    /// The mixed load.
    Mixed,
    /// Point reads.
    Reads,
    /// A connection for each request against a pool.
    Connections,
    /// Queries into documents.
    Json,
    /// A large database against a small one.
    Growth,
}

impl Part {
    fn workload(self) -> Option<Workload> {
        match self {
            Part::Queue => Some(Workload::Queue),
            Part::Sessions => Some(Workload::Sessions),
            Part::RateLimits => Some(Workload::RateLimits),
            Part::Mixed => Some(Workload::Mixed),
            Part::Reads => Some(Workload::Reads),
            Part::Connections | Part::Json | Part::Growth => None,
        }
    }
}

/// The parameters of a run.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    /// The parts; all if there is none.
    pub(crate) only: Vec<Part>,
    /// Numbers of users.
    pub(crate) users: Vec<u32>,
    /// Rounds, in each of which every load is measured once.
    pub(crate) rounds: u32,
    /// Counted seconds of a load in a round.
    pub(crate) seconds: f64,
    /// The mean of the time between two operations of a user with think time, in milliseconds.
    pub(crate) think_ms: u32,
    /// Connections of the pool.
    pub(crate) pool_max: u32,
    /// Jobs in the databases of the loads.
    pub(crate) jobs: u64,
    /// Jobs in the databases of queries into documents.
    pub(crate) json_jobs: u64,
    /// Jobs in the small and the large database.
    pub(crate) growth_jobs: [u64; 2],
    /// Chooses all random values.
    pub(crate) seed: u64,
}

impl Parameters {
    fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// The loads of a round, in order. Reads are measured without think time only: with it nothing would limit them.
    fn loads(&self) -> Vec<Load> {
        let parts = Part::value_variants().iter().filter(|part| self.has(**part));
        let workloads = parts.filter_map(|part| part.workload());
        let pacings = |workload| match workload {
            Workload::Reads => &Pacing::ALL[..1],
            _ => &Pacing::ALL[..],
        };
        workloads
            .flat_map(|workload| pacings(workload).iter().map(move |pacing| (workload, *pacing)))
            .flat_map(|(workload, pacing)| {
                self.users.iter().map(move |users| Load { workload, users: *users, pacing })
            })
            .collect()
    }
}

/// Measures all parts.
///
/// # Errors
/// When a database cannot be created or reached, an invariant is broken, or the run is interrupted.
pub(crate) fn run(
    parameters: &Parameters,
    server: &Server,
    folder: &Path,
    interrupt: &Interrupt,
    remark: &dyn Fn(&str),
) -> anyhow::Result<Results> {
    let backends = Backends::new(server, folder, parameters.pool_max);
    let progress = |words: &str| {
        remark(words);
        interrupt.check()
    };
    let mut results = Results::default();
    if parameters.has(Part::Connections) {
        progress("connections: with and without a pool")?;
        let database = server.database()?;
        for threads in [1, parameters.pool_max] {
            let url = database.login_url();
            results.connections.push(connections::measure(
                &url,
                threads,
                parameters.pool_max,
                parameters.seconds,
            )?);
        }
    }
    if parameters.has(Part::Json) {
        let words = |words: &str| progress(&format!("documents: {words}"));
        results.json = Some(json_queries::measure(&backends, parameters.json_jobs, &words)?);
    }
    if parameters.has(Part::Growth) {
        let words = |words: &str| progress(&format!("growth: {words}"));
        results.growth = Some(growth::measure(&backends, parameters.growth_jobs, parameters.seed, &words)?);
    }
    measure_loads(parameters, &backends, &mut results, &progress)?;
    Ok(results)
}

/// The bases that loads begin with, by database.
type Bases<'b> = Vec<(BackendKind, Box<dyn Database + 'b>)>;

/// Measures all loads in all rounds.
fn measure_loads(
    parameters: &Parameters,
    backends: &Backends<'_>,
    results: &mut Results,
    progress: &dyn Fn(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let loads = parameters.loads();
    if loads.is_empty() {
        return Ok(());
    }
    let create = |kind: BackendKind| {
        progress(&format!("loads: filling {}", kind.label()))?;
        Ok((kind, backends.create(kind, Dataset { jobs: parameters.jobs })?))
    };
    let bases: Bases<'_> = BackendKind::ALL.into_iter().map(create).collect::<anyhow::Result<_>>()?;
    let mut figures: Vec<(BackendKind, Load, Vec<Round>)> = Vec::new();
    for load in &loads {
        figures.extend(bases.iter().map(|(kind, _)| (*kind, *load, Vec::new())));
    }
    for round in 0..parameters.rounds {
        // Loads that differ in the number of users only follow each other on one copy.
        for of_one_kind in
            loads.chunk_by(|one, next| (one.workload, one.pacing) == (next.workload, next.pacing))
        {
            let copies = bases
                .iter()
                .map(|(kind, base)| Ok((*kind, base.copy()?)))
                .collect::<anyhow::Result<Bases<'_>>>()?;
            for load in of_one_kind {
                let mut words = Vec::new();
                for (kind, measured) in measure_load(parameters, round, *load, &copies)? {
                    words.push(short(kind, &measured));
                    results.checked_loads += 1;
                    let list = figures.iter_mut().find(|(of, with, _)| (*of, *with) == (kind, *load));
                    list.context("a load is missing")?.2.push(measured);
                }
                progress(&format!(
                    "round {} of {}: {}, {}, {}: {}",
                    round + 1,
                    parameters.rounds,
                    load.workload.label(),
                    load.pacing.label(),
                    ::report::figures::counted(load.users.into(), "user"),
                    words.join("; ")
                ))?;
            }
        }
    }
    for (kind, load, rounds) in figures {
        results.cells.extend(CellFigures::of(kind, load, &rounds)?);
    }
    Ok(())
}

/// Measures one load on all databases. Their order changes from round to round.
fn measure_load(
    parameters: &Parameters,
    round: u32,
    load: Load,
    copies: &Bases<'_>,
) -> anyhow::Result<Vec<(BackendKind, Round)>> {
    let factor = if load.pacing == Pacing::ThinkTime { THINK_TIME_WINDOWS } else { 1.0 };
    let settings = Settings {
        seconds: parameters.seconds * factor,
        think: Duration::from_millis(parameters.think_ms.into()),
        // Different for each load and round, and the same for each database.
        seed: parameters.seed ^ (u64::from(round) << 48) ^ (u64::from(load.users) << 16),
    };
    let mut order: Vec<_> = copies.iter().collect();
    if round % 2 == 1 {
        order.reverse();
    }
    let measured = order.into_iter().map(|(kind, copy)| {
        let figures = measure(&**copy, Dataset { jobs: parameters.jobs }, load, &settings)
            .with_context(|| format!("{} cannot be measured on {}", load.workload.label(), kind.label()))?;
        Ok((*kind, figures))
    });
    measured.collect()
}

/// Describes the figures of one round.
fn short(kind: BackendKind, figures: &Round) -> String {
    let rate = figures.completed as f64 / figures.seconds;
    let p95 = figures.latency_us.value_at_quantile(0.95) as f64 / 1e3;
    let errors = match figures.errors.total() {
        0 => String::new(),
        errors => format!(", {errors} failed"),
    };
    format!("{} {rate:.0}/s, p95 {p95:.1} ms{errors}", kind.label())
}

/// The processors that this process may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}
