//! Changes of a job's state, each with the row of its attempt.

use diesel::dsl::case_when;
use diesel::prelude::*;
use serde_json::Value;

use super::dialect::{Connection, Document, document, number};
use super::job_history::{self, Current, End};
use super::jobs::Row;
use super::schema::jobs;
use crate::domain::{AttemptStatus, JobChange, JobId, JobStatus};
use crate::failure::CHANGE_ATTEMPTS_MAX;
use crate::stored::Stored;
use crate::{Error, Result, Table, Timestamp};

const TABLE: Table = Table::Jobs;

/// The message of an attempt that ended with the process that made it.
const INTERRUPTED: &str = "interrupted";

/// The new values of a job; a value that is absent is not changed.
#[derive(AsChangeset)]
#[diesel(table_name = jobs)]
struct Update<'a> {
    status: Option<&'static str>,
    result: Option<Option<Document<'a>>>,
    completed_at: Option<Option<Timestamp>>,
    updated_at: Timestamp,
}

/// One more, or `i32::MAX` for ever.
macro_rules! incremented {
    ($column:expr) => {
        case_when($column.lt(number(i32::MAX)), $column + number(1)).otherwise($column)
    };
}

/// What a change does to the counter of retries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    Counted,
    NotCounted,
}

pub(super) fn report_progress(
    connection: &mut Connection,
    id: &JobId,
    progress: &Value,
    now: Timestamp,
) -> Result<JobChange> {
    let update =
        Update { status: None, result: Some(Some(document(progress))), completed_at: None, updated_at: now };
    let change = change(connection, id, &[JobStatus::Running], &update, Retry::NotCounted)?;
    if let JobChange::Changed(job) = &change {
        job_history::note_progress(connection, &job_history::current(job), now)?;
    }
    Ok(change)
}

pub(super) fn complete(
    connection: &mut Connection,
    id: &JobId,
    result: &Value,
    now: Timestamp,
) -> Result<JobChange> {
    let update = Update {
        status: Some(JobStatus::Completed.as_str()),
        result: Some(Some(document(result))),
        completed_at: Some(Some(now)),
        updated_at: now,
    };
    let change = change(connection, id, &[JobStatus::Running], &update, Retry::NotCounted)?;
    close_attempt(connection, &change, End { status: AttemptStatus::Completed, error_message: None }, now)?;
    Ok(change)
}

pub(super) fn fail(
    connection: &mut Connection,
    id: &JobId,
    error_message: &str,
    now: Timestamp,
) -> Result<JobChange> {
    let update = Update {
        status: Some(JobStatus::Failed.as_str()),
        result: Some(None),
        completed_at: Some(Some(now)),
        updated_at: now,
    };
    let change = change(connection, id, &[JobStatus::Running], &update, Retry::NotCounted)?;
    let end = End { status: AttemptStatus::Failed, error_message: Some(error_message) };
    close_attempt(connection, &change, end, now)?;
    Ok(change)
}

pub(super) fn cancel(connection: &mut Connection, id: &JobId, now: Timestamp) -> Result<JobChange> {
    let update = Update {
        status: Some(JobStatus::Cancelled.as_str()),
        result: None,
        completed_at: Some(Some(now)),
        updated_at: now,
    };
    let end = End { status: AttemptStatus::Cancelled, error_message: None };
    let running = change(connection, id, &[JobStatus::Running], &update, Retry::NotCounted)?;
    if running != JobChange::Refused(JobStatus::Pending) {
        close_attempt(connection, &running, end, now)?;
        return Ok(running);
    }
    // Between the two statements a worker may have claimed the job: then it is cancelled as a running one.
    let permitted = [JobStatus::Pending, JobStatus::Running];
    let change = change(connection, id, &permitted, &update, Retry::NotCounted)?;
    if let JobChange::Changed(job) = &change {
        job_history::close(connection, &job_history::current(job), end, now)?;
    }
    Ok(change)
}

pub(super) fn retry(connection: &mut Connection, id: &JobId, now: Timestamp) -> Result<JobChange> {
    let update = Update {
        status: Some(JobStatus::Pending.as_str()),
        result: None,
        completed_at: Some(None),
        updated_at: now,
    };
    change(connection, id, &[JobStatus::Failed], &update, Retry::Counted)
}

/// Changes a job if it is in one of these states.
fn change(
    connection: &mut Connection,
    id: &JobId,
    permitted: &[JobStatus],
    update: &Update<'_>,
    retry: Retry,
) -> Result<JobChange> {
    let names: Vec<&str> = permitted.iter().map(|status| status.as_str()).collect();
    let retried = (retry == Retry::Counted).then(|| jobs::retry_count.eq(incremented!(jobs::retry_count)));
    for _ in 0..CHANGE_ATTEMPTS_MAX {
        let changed = diesel::update(jobs::table)
            .filter(jobs::id.eq(id.as_str()))
            .filter(jobs::status.eq_any(&names))
            .set((update, retried))
            .returning(Row::as_returning())
            .get_result(connection)
            .optional()?;
        if let Some(row) = changed {
            return Ok(JobChange::Changed(Box::new(row.try_into()?)));
        }
        match status(connection, id)? {
            None => return Ok(JobChange::NotFound),
            Some(status) if !permitted.contains(&status) => return Ok(JobChange::Refused(status)),
            // Somebody has just changed it.
            Some(_) => {}
        }
    }
    Err(Error::unchanged())
}

fn status(connection: &mut Connection, id: &JobId) -> Result<Option<JobStatus>> {
    let query = jobs::table.filter(jobs::id.eq(id.as_str())).select(jobs::status);
    let status: Option<Stored<JobStatus>> = query.first(connection).optional()?;
    status.map(|status| status.known(TABLE, "status")).transpose()
}

/// Closes the attempt at a job that was changed.
fn close_attempt(
    connection: &mut Connection,
    change: &JobChange,
    end: End<'_>,
    now: Timestamp,
) -> Result<()> {
    match change {
        JobChange::Changed(job) => {
            job_history::close_or_add(connection, &job_history::current(job), end, now)
        }
        JobChange::Refused(_) | JobChange::NotFound => Ok(()),
    }
}

pub(super) fn recover(connection: &mut Connection, started_before: Timestamp, now: Timestamp) -> Result<u64> {
    type Interrupted = (Stored<String>, Option<Stored<Timestamp>>, Stored<i32>, Stored<i32>);
    let mut interrupted: Vec<Interrupted> = diesel::update(jobs::table)
        .filter(jobs::status.eq(JobStatus::Running.as_str()))
        .filter(jobs::started_at.is_null().or(jobs::started_at.lt(started_before)))
        .set((
            jobs::status.eq(JobStatus::Pending.as_str()),
            jobs::recovery_attempts.eq(incremented!(jobs::recovery_attempts)),
            jobs::updated_at.eq(now),
        ))
        .returning((jobs::id, jobs::started_at, jobs::retry_count, jobs::recovery_attempts))
        .get_results(connection)?;
    // PostgreSQL returns them in any order, and attempts are numbered in the order in which they are added.
    interrupted.sort_by_cached_key(|(id, ..)| id.clone().ok());
    let count = interrupted.len() as u64;
    for (id, started_at, retry_count, recovery_attempts) in interrupted {
        // A job without an id cannot have attempts.
        let Some(id) = id.ok() else { continue };
        let before = recovery_attempts.ok().unwrap_or(0).saturating_sub(1);
        let current = Current {
            job_id: &id,
            attempt: job_history::attempt_number(retry_count.ok().unwrap_or(0), before),
            started_at: started_at.and_then(Stored::ok),
        };
        let end = End { status: AttemptStatus::Failed, error_message: Some(INTERRUPTED) };
        job_history::close_or_add(connection, &current, end, now)?;
    }
    Ok(count)
}
