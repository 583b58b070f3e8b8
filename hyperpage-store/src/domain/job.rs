//! Background jobs, and the attempts at them.

use serde_json::Value;

use super::{number_id, status, text_id};
use crate::Timestamp;

text_id! {
    /// The id of a job, which the app chooses.
    JobId
}

number_id! {
    /// The id of an attempt, which the database numbers.
    AttemptId
}

status! {
    /// The state of a job.
    JobStatus {
        /// Waits for a worker.
        Pending = "pending",
        /// A worker has claimed it.
        Running = "running",
        /// Ended with a result.
        Completed = "completed",
        /// Ended with an error.
        Failed = "failed",
        /// Ended on request.
        Cancelled = "cancelled",
    }
}

status! {
    /// The state of an attempt.
    AttemptStatus {
        /// Has not ended yet.
        Running = "running",
        /// Ended with a result.
        Completed = "completed",
        /// Ended with an error, or was interrupted.
        Failed = "failed",
        /// Ended on request.
        Cancelled = "cancelled",
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What kind of work it is.
    pub job_type: String,
    /// Its name for people.
    pub name: String,
    /// Its rank: a larger one is claimed first.
    pub priority: i32,
    /// Its state.
    pub status: JobStatus,
    /// The tool that it is for.
    pub tool: Option<String>,
    /// The endpoint that it calls.
    pub endpoint: Option<String>,
    /// Its input.
    pub payload: Value,
    /// Its output: of a running job the progress that was reported last. JSON's `null` is not the same as no output.
    pub result: Option<Value>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When the current or last attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// How often it was retried.
    pub retry_count: i32,
    /// When it was written first.
    pub persisted_at: Timestamp,
    /// How often it was found running after a crash.
    pub recovery_attempts: i32,
}

/// A job to enqueue.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "as in Job")]
pub struct NewJob {
    pub id: JobId,
    pub job_type: String,
    pub name: String,
    pub priority: i32,
    pub tool: Option<String>,
    pub endpoint: Option<String>,
    pub payload: Value,
}

/// An attempt at a job: a row of `job_history`. It is opened when a job is claimed and closed when the attempt ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The job.
    pub job_id: JobId,
    /// Its number, from 1: one more than the retries and recoveries before it.
    pub attempt: i32,
    /// Its state.
    pub status: AttemptStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// How long it took since the job's start, or until the last progress report, in milliseconds. A clock that was set back counts as 0.
    pub duration_ms: Option<i32>,
    /// Why it failed.
    pub error_message: Option<String>,
}

/// What became of a request to change a job.
#[derive(Clone, Debug, PartialEq)]
pub enum JobChange {
    /// The job was changed; this is its new state.
    Changed(Box<Job>),
    /// The job is in a state that does not permit the change. Nothing was changed.
    Refused(JobStatus),
    /// There is no such job.
    NotFound,
}
