//! The state of a migration: what the ledger of a target records, who works there, and what to run next.
//!
//! It is read-only: it creates nothing, takes no lock, and reads a ledger of an older version as it is. Functions without a database
//! decide what follows from it; `read` reads it.

mod read;

use migrate_core::baseline::Baseline;
use migrate_core::phase::{Decision, Phase, RunState, RunSubject, decide};
use serde::Serialize;

pub use read::status;

/// The state of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// No run.
    #[default]
    None,
    /// A run that is not done, or whose last validation found differences.
    Unfinished,
    /// A run that is done and validated.
    Validated,
}

/// How far a migration is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// The state, in one word.
    pub standing: Standing,
    /// The last run; none where there is none.
    pub run: Option<RunStatus>,
    /// Whether a migration is running: it holds the lock that excludes others.
    pub is_at_work: bool,
    /// The sessions of ours, those of a validation among them.
    pub sessions: Vec<SessionStatus>,
    /// The estimated time for the remaining rows, while a migration moves rows.
    pub estimate: Option<Estimate>,
    /// What to do next; the program words it.
    #[serde(skip)]
    pub next: NextStep,
}

/// What to do next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NextStep {
    /// Migrate: there is no run.
    #[default]
    Migrate,
    /// Wait for a migration that has not sealed its source, and has no run in the ledger yet.
    AwaitSeal,
    /// Wait for the migration that is at work.
    Await,
    /// Run the migration again, which resumes at a phase.
    Resume(Phase),
    /// Run the migration again, which starts over.
    StartOver,
    /// Validate: everything was moved, and is not proven.
    Validate,
    /// Nothing: the run is validated.
    Nothing {
        /// When it was, in RFC 3339, where that is known.
        validated_at: Option<String>,
    },
}

/// A run, as the ledger has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunStatus {
    /// Its number.
    pub id: i64,
    /// When it was begun, in RFC 3339.
    pub started_at: String,
    /// The version of ours that began it.
    pub tool_version: String,
    /// The file that it moves.
    pub source_path: String,
    /// The sealed copy and its time; none if the ledger's manifest does not have it.
    pub sealed_path: Option<String>,
    /// When it was sealed, in RFC 3339.
    pub sealed_at: Option<String>,
    /// The fingerprint of its plan.
    pub plan_sha256: String,
    /// The phases that are done, in their order.
    pub phases: Vec<PhaseStatus>,
    /// The first phase that is not done; none where all are.
    pub next_phase: Option<Phase>,
    /// The tables that move, in the plan's order.
    pub tables: Vec<TableStatus>,
    /// The statements that follow the rows; empty where the ledger has not written them down.
    pub builds: Vec<BuildStatus>,
    /// What it wrote into the list of the app's own migrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Whether its plan is for an app's migrator, it is done, and it left that list as it was.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lacks_baseline: bool,
    /// When it was validated, in RFC 3339.
    pub validated_at: Option<String>,
    /// What was applied since; none where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caught_up: Option<CaughtUpStatus>,
}

/// The catch-ups of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CaughtUpStatus {
    /// How many there were.
    pub times: u64,
    /// The rows that the last one changed.
    pub rows: u64,
    /// When the last one was committed, in RFC 3339.
    pub applied_at: String,
}

/// A phase that is done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseStatus {
    /// The phase.
    pub phase: Phase,
    /// Duration in seconds; for an interrupted phase, that of its last part.
    pub seconds: f64,
    /// When it was done, in RFC 3339.
    pub finished_at: String,
}

/// How far a table is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TableStatus {
    /// The table, by source name.
    pub table: String,
    /// Its chunks; 0 before they are planned, and of a table without rows.
    pub chunks: u64,
    /// Those that are done.
    pub chunks_done: u64,
    /// The rows that are moved.
    pub rows: u64,
    /// The rows that there are; none where nobody has counted them.
    pub rows_all: Option<u64>,
    /// The bytes that are moved, in COPY's format.
    pub bytes: u64,
    /// The bytes that there are; none where nobody has counted them.
    pub bytes_all: Option<u64>,
    /// The total duration of its chunks in seconds, including those that ran at the same time.
    pub seconds: f64,
    /// Skipped rows.
    pub rejected: u64,
    /// The values that became NULL.
    pub nulled: u64,
}

/// A statement that follows the rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BuildStatus {
    /// The table, by target name; empty where it belongs to none.
    pub table: String,
    /// What it builds, for people.
    pub what: String,
    /// Duration in seconds; none if it is not done.
    pub seconds: Option<f64>,
}

/// A session of ours in the target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionStatus {
    /// Its process on the server.
    pub pid: i64,
    /// Whether it runs a statement, such as `active` or `idle`.
    pub state: String,
    /// For how many seconds it has been so.
    pub seconds: f64,
    /// Its activity, if the server reports it: a COPY, an index build.
    pub doing: Option<String>,
    /// What it waits for, such as `Lock: relation`; none if it does not wait.
    pub waits_for: Option<String>,
    /// The sessions that hold what it waits for.
    pub blocked_by: Vec<i64>,
}

/// The estimated time for the remaining rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The bytes that moved in a second of late, over all connections.
    pub bytes_per_second: f64,
    /// The seconds that rows have left at that rate; none where nobody has counted the bytes. Keys, indexes and validation follow.
    pub rows_seconds_left: Option<f64>,
}

impl TableStatus {
    /// The share that is done, from 0 to 1: by bytes where they are counted, else by chunks; none before chunks are planned.
    pub fn share(&self) -> Option<f64> {
        if self.chunks == 0 {
            return (self.rows_all == Some(0)).then_some(1.0);
        }
        if self.chunks_done == self.chunks {
            return Some(1.0);
        }
        // Counts are far below 2^53, where every number is exact.
        Some(match self.bytes_all {
            Some(all) if all > 0 => (self.bytes as f64 / all as f64).min(1.0),
            _ => self.chunks_done as f64 / self.chunks as f64,
        })
    }

    /// The bytes that one connection moved in a second.
    pub fn bytes_per_second(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.bytes as f64 / self.seconds)
    }
}

impl RunStatus {
    /// The bytes that are moved, and those that there are where they are counted for all tables.
    pub fn bytes(&self) -> (u64, Option<u64>) {
        let all = self.tables.iter().map(|table| table.bytes_all).sum::<Option<u64>>();
        (self.tables.iter().map(|table| table.bytes).sum(), all)
    }

    /// The chunks that are done, and all of them.
    pub fn chunks(&self) -> (u64, u64) {
        let sum = |count: fn(&TableStatus) -> u64| self.tables.iter().map(count).sum();
        (sum(|table| table.chunks_done), sum(|table| table.chunks))
    }

    /// The statements after the rows that are done, and all of them.
    pub fn builds(&self) -> (usize, usize) {
        (self.builds.iter().filter(|build| build.seconds.is_some()).count(), self.builds.len())
    }
}

impl Status {
    /// Builds the status from what was read. `recent_bytes_per_second` is the recent rate; none if nothing has moved.
    fn new(
        run: Option<RunStatus>,
        is_at_work: bool,
        sessions: Vec<SessionStatus>,
        recent_bytes_per_second: Option<f64>,
    ) -> Status {
        let standing = match run.as_ref().map(decision) {
            None => Standing::None,
            Some(Decision::AlreadyDone) => Standing::Validated,
            Some(_) => Standing::Unfinished,
        };
        let estimate = run.as_ref().filter(|_| is_at_work).and_then(|run| {
            let (done, all) = run.bytes();
            let (chunks_done, chunks) = run.chunks();
            let bytes_per_second = recent_bytes_per_second.filter(|_| chunks_done < chunks)?;
            let left = |all: u64| all.saturating_sub(done) as f64 / bytes_per_second;
            Some(Estimate { bytes_per_second, rows_seconds_left: all.map(left) })
        });
        let next = next(run.as_ref(), is_at_work);
        Status { standing, run, is_at_work, sessions, estimate, next }
    }
}

fn decision(run: &RunStatus) -> Decision {
    let subject = RunSubject {
        source_path: run.source_path.clone(),
        plan_sha256: run.plan_sha256.clone(),
        tables: run.tables.iter().map(|table| table.table.clone()).collect(),
    };
    let done = run.phases.iter().map(|done| done.phase).collect();
    decide(Some(&RunState { subject: subject.clone(), done }), &subject)
}

fn next(run: Option<&RunStatus>, is_at_work: bool) -> NextStep {
    let Some(run) = run else {
        return if is_at_work { NextStep::AwaitSeal } else { NextStep::Migrate };
    };
    match (decision(run), is_at_work) {
        (_, true) => NextStep::Await,
        (Decision::AlreadyDone, false) => NextStep::Nothing { validated_at: run.validated_at.clone() },
        (Decision::Resume(Phase::Validate), false) => NextStep::Validate,
        (Decision::Resume(phase), false) => NextStep::Resume(phase),
        _ => NextStep::StartOver,
    }
}

#[cfg(test)]
mod tests;
