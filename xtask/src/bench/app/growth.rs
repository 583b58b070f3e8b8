//! How the app's operations slow down when the database is a hundred times larger: one user, one operation after the other.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use hyperpage_store::domain::{Consumption, JobChange, JobId, NewJob, SessionId};
use hyperpage_store::{Result, Store};
use serde_json::{Value, json};

use super::backend::{BackendKind, Backends};
use super::dataset::Dataset;
use super::measure::histogram;
use super::results::Latency;
use super::workload::now;
use fixtures::prng::Prng;

/// The databases that are compared.
pub(crate) const BACKENDS: [BackendKind; 2] = [BackendKind::SqliteFull, BackendKind::Postgres];

/// The most repetitions of an operation.
const REPETITIONS: u32 = 200;

/// Repetitions end after this time, and after [`REPETITIONS_MIN`] of them.
const TIME_MAX: Duration = Duration::from_millis(1_000);

/// The fewest repetitions of an operation.
const REPETITIONS_MIN: u32 = 5;

/// An operation of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Add a job.
    Enqueue,
    /// Claim the next job.
    Claim,
    /// Complete a claimed job.
    Complete,
    /// Read a job by its id.
    ReadJob,
    /// Read the attempts at a job.
    ReadHistory,
    /// Find up to 20 jobs by what the payload contains.
    FindByPayload,
    /// Note that a session is in use.
    TouchSession,
    /// Read a session by its id.
    ReadSession,
    /// Consume a call of a limit.
    Consume,
}

impl Operation {
    /// All; a claim needs jobs, and a completion claims.
    pub(crate) const ALL: [Operation; 9] = [
        Operation::Enqueue,
        Operation::Claim,
        Operation::Complete,
        Operation::ReadJob,
        Operation::ReadHistory,
        Operation::FindByPayload,
        Operation::TouchSession,
        Operation::ReadSession,
        Operation::Consume,
    ];

    /// Its name for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Enqueue => "enqueue",
            Operation::Claim => "claim",
            Operation::Complete => "complete",
            Operation::ReadJob => "read_job",
            Operation::ReadHistory => "read_history",
            Operation::FindByPayload => "find_by_payload",
            Operation::TouchSession => "touch_session",
            Operation::ReadSession => "read_session",
            Operation::Consume => "consume",
        }
    }

    /// Its name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Operation::Enqueue => "enqueue a job",
            Operation::Claim => "claim a job",
            Operation::Complete => "complete a job",
            Operation::ReadJob => "read a job",
            Operation::ReadHistory => "read a job's attempts",
            Operation::FindByPayload => "find jobs by payload",
            Operation::TouchSession => "touch a session",
            Operation::ReadSession => "read a session",
            Operation::Consume => "consume a call",
        }
    }
}

/// One operation on one database in both sizes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OperationFigures {
    /// The database.
    pub(crate) backend: BackendKind,
    /// The operation.
    pub(crate) operation: Operation,
    /// With the small database.
    pub(crate) small: Latency,
    /// With the large one.
    pub(crate) large: Latency,
}

impl OperationFigures {
    /// The median with the large database by that with the small one; none where that is too short for the clock.
    pub(crate) fn ratio(&self) -> Option<f64> {
        (self.small.p50 > 0.0).then(|| self.large.p50 / self.small.p50)
    }
}

/// All figures of growth.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GrowthFigures {
    /// Jobs in the small and the large database.
    pub(crate) jobs: [u64; 2],
    /// Sizes on disk in bytes, small and large, for each of [`BACKENDS`].
    pub(crate) bytes: [[u64; 2]; 2],
    /// The operations.
    pub(crate) operations: Vec<OperationFigures>,
}

/// Measures all operations on both databases in both sizes.
///
/// # Errors
/// When a database cannot be created, or an operation fails or finds nothing.
pub(crate) fn measure(
    backends: &Backends<'_>,
    jobs: [u64; 2],
    seed: u64,
    progress: &dyn Fn(&str) -> anyhow::Result<()>,
) -> anyhow::Result<GrowthFigures> {
    let (mut bytes, mut operations) = ([[0; 2]; 2], Vec::new());
    for (backend, bytes) in BACKENDS.into_iter().zip(&mut bytes) {
        let mut sizes = Vec::new();
        for (jobs, bytes) in jobs.into_iter().zip(bytes) {
            let dataset = Dataset { jobs };
            progress(&format!("{}: filling {jobs} jobs", backend.label()))?;
            let database = backends.create(backend, dataset)?;
            *bytes = database.bytes()?;
            progress(&format!("{}: measuring with {jobs} jobs", backend.label()))?;
            let mut user = Worker::new(database.user()?, dataset, seed);
            let latencies = Operation::ALL
                .into_iter()
                .map(|operation| user.measure(operation))
                .collect::<anyhow::Result<Vec<_>>>()?;
            sizes.push(latencies);
        }
        let [small, large] = sizes.as_slice() else { bail!("two sizes were not measured") };
        for ((operation, small), large) in Operation::ALL.into_iter().zip(small).zip(large) {
            operations.push(OperationFigures { backend, operation, small: *small, large: *large });
        }
    }
    Ok(GrowthFigures { jobs, bytes, operations })
}

/// Carries out operations, one after the other.
struct Worker {
    store: Box<dyn Store + Send>,
    dataset: Dataset,
    prng: Prng,
    claimed: Vec<JobId>,
}

impl Worker {
    fn new(store: Box<dyn Store + Send>, dataset: Dataset, seed: u64) -> Worker {
        Worker { store, dataset, prng: Prng::new(seed), claimed: Vec::new() }
    }

    fn measure(&mut self, operation: Operation) -> anyhow::Result<Latency> {
        let mut latency_us = histogram()?;
        let begun = Instant::now();
        for repetition in 0..REPETITIONS {
            if repetition >= REPETITIONS_MIN && begun.elapsed() >= TIME_MAX {
                break;
            }
            let (is_done, took) =
                self.run(operation).with_context(|| format!("{} failed", operation.label()))?;
            if !is_done {
                // The queue of a small database is empty at some time.
                if matches!(operation, Operation::Claim | Operation::Complete) && repetition > 0 {
                    break;
                }
                bail!("{} found nothing", operation.label());
            }
            latency_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        Latency::of(&latency_us).with_context(|| format!("{} was not measured", operation.label()))
    }

    /// Runs an operation once: returns whether it had an effect or found something, and how long it took.
    fn run(&mut self, operation: Operation) -> Result<(bool, Duration)> {
        let job = JobId::from(Dataset::job_id(self.prng.below(self.dataset.jobs)));
        let session = SessionId::from(Dataset::session_id(self.prng.below(self.dataset.sessions())));
        let (new_job, pattern) = (self.new_job(), json!({ "meta": { "team": "team-229" } }));
        let claimed = matches!(operation, Operation::Complete).then(|| self.claimed.pop()).flatten();
        // Nine limits have calls for any number of repetitions.
        let limit = Dataset::rate_limit_id(self.prng.below(9));
        let store = &mut self.store;
        let began = Instant::now();
        let is_done = match operation {
            Operation::Enqueue => store.enqueue(&new_job, now())?,
            Operation::Claim => match store.claim(now())? {
                Some(job) => {
                    self.claimed.push(job.id);
                    true
                }
                None => false,
            },
            Operation::Complete => match claimed {
                Some(id) => {
                    matches!(store.complete(&id, &json!({ "ok": true }), now())?, JobChange::Changed(_))
                }
                None => false,
            },
            Operation::ReadJob => store.job(&job)?.is_some(),
            Operation::ReadHistory => {
                store.history(&job)?;
                true
            }
            Operation::FindByPayload => !store.jobs_containing(&pattern, 20)?.is_empty(),
            Operation::TouchSession => store.touch_session(&session, now())?,
            Operation::ReadSession => store.session(&session)?.is_some(),
            Operation::Consume => matches!(store.consume(&limit, 1, now())?, Consumption::Granted { .. }),
        };
        Ok((is_done, began.elapsed()))
    }

    fn new_job(&mut self) -> NewJob {
        let payload: Value = json!({ "repo": "org-1/repo-1", "event": "push", "meta": { "team": "team-1" } });
        NewJob {
            id: JobId::from(format!("grown-{}", self.prng.next())),
            job_type: "sync".to_owned(),
            name: "Synchronise".to_owned(),
            priority: 5,
            tool: Some("github".to_owned()),
            endpoint: None,
            payload,
        }
    }
}
