//! Queries on `job_history`: an attempt is opened when a job is claimed, and closed when the attempt ends.

use diesel::prelude::*;

use super::dialect::{Connection, number};
use super::schema::job_history;
use crate::domain::{Attempt, AttemptId, AttemptStatus, Job, JobId};
use crate::stored::{Stored, known_or_null};
use crate::{Error, Result, Table, Timestamp};

#[derive(Queryable, Selectable)]
#[diesel(table_name = job_history)]
struct Row {
    id: Stored<i64>,
    job_id: Stored<String>,
    attempt: Stored<i32>,
    status: Stored<AttemptStatus>,
    started_at: Stored<Timestamp>,
    completed_at: Option<Stored<Timestamp>>,
    duration_ms: Option<Stored<i32>>,
    error_message: Option<Stored<String>>,
}

impl TryFrom<Row> for Attempt {
    type Error = Error;

    fn try_from(row: Row) -> Result<Attempt> {
        let table = Table::JobHistory;
        Ok(Attempt {
            id: AttemptId(row.id.known(table, "id")?),
            job_id: row.job_id.known(table, "job_id")?.into(),
            attempt: row.attempt.known(table, "attempt")?,
            status: row.status.known(table, "status")?,
            started_at: row.started_at.known(table, "started_at")?,
            completed_at: known_or_null(row.completed_at, table, "completed_at")?,
            duration_ms: known_or_null(row.duration_ms, table, "duration_ms")?,
            error_message: known_or_null(row.error_message, table, "error_message")?,
        })
    }
}

/// The current attempt at a job.
pub(super) struct Current<'a> {
    pub(super) job_id: &'a str,
    /// Its number.
    pub(super) attempt: i32,
    /// When it began, if the job has the moment.
    pub(super) started_at: Option<Timestamp>,
}

impl Current<'_> {
    /// Milliseconds that it has taken; a clock that was set back counts as 0.
    fn duration_ms(&self, now: Timestamp) -> i32 {
        let duration = self.started_at.map_or(0, |started_at| now.ms_since(started_at));
        i32::try_from(duration.max(0)).unwrap_or(i32::MAX)
    }
}

/// The attempt that a job is in.
pub(super) fn current(job: &Job) -> Current<'_> {
    let attempt = attempt_number(job.retry_count, job.recovery_attempts);
    Current { job_id: job.id.as_str(), attempt, started_at: job.started_at }
}

/// The number of the attempt that follows so many retries and recoveries.
pub(super) fn attempt_number(retry_count: i32, recovery_attempts: i32) -> i32 {
    retry_count.saturating_add(recovery_attempts).saturating_add(1)
}

/// How an attempt ended.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) status: AttemptStatus,
    pub(super) error_message: Option<&'a str>,
}

/// Opens the attempt at a job that was claimed.
pub(super) fn open(connection: &mut Connection, current: &Current<'_>, now: Timestamp) -> Result<()> {
    diesel::insert_into(job_history::table)
        .values((
            job_history::job_id.eq(current.job_id),
            job_history::attempt.eq(number(current.attempt)),
            job_history::status.eq(AttemptStatus::Running.as_str()),
            job_history::started_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Notes how long the open attempt has taken so far.
pub(super) fn note_progress(
    connection: &mut Connection,
    current: &Current<'_>,
    now: Timestamp,
) -> Result<()> {
    diesel::update(job_history::table)
        .filter(job_history::job_id.eq(current.job_id))
        .filter(job_history::status.eq(AttemptStatus::Running.as_str()))
        .set(job_history::duration_ms.eq(number(current.duration_ms(now))))
        .execute(connection)?;
    Ok(())
}

/// Closes the open attempt. Returns whether there was one.
pub(super) fn close(
    connection: &mut Connection,
    current: &Current<'_>,
    end: End<'_>,
    now: Timestamp,
) -> Result<bool> {
    let closed = diesel::update(job_history::table)
        .filter(job_history::job_id.eq(current.job_id))
        .filter(job_history::status.eq(AttemptStatus::Running.as_str()))
        .set((
            job_history::status.eq(end.status.as_str()),
            job_history::completed_at.eq(now),
            job_history::duration_ms.eq(number(current.duration_ms(now))),
            job_history::error_message.eq(end.error_message),
        ))
        .execute(connection)?;
    Ok(closed > 0)
}

/// Closes the open attempt. If nobody has opened one, adds a closed one.
pub(super) fn close_or_add(
    connection: &mut Connection,
    current: &Current<'_>,
    end: End<'_>,
    now: Timestamp,
) -> Result<()> {
    if close(connection, current, end, now)? {
        return Ok(());
    }
    diesel::insert_into(job_history::table)
        .values((
            job_history::job_id.eq(current.job_id),
            job_history::attempt.eq(number(current.attempt)),
            job_history::status.eq(end.status.as_str()),
            job_history::started_at.eq(current.started_at.unwrap_or(now)),
            job_history::completed_at.eq(now),
            job_history::duration_ms.eq(number(current.duration_ms(now))),
            job_history::error_message.eq(end.error_message),
        ))
        .execute(connection)?;
    Ok(())
}

/// Deletes the attempts at these jobs.
pub(super) fn delete_of_jobs(connection: &mut Connection, ids: &[String]) -> Result<()> {
    diesel::delete(job_history::table).filter(job_history::job_id.eq_any(ids)).execute(connection)?;
    Ok(())
}

pub(super) fn of_job(connection: &mut Connection, id: &JobId) -> Result<Vec<Attempt>> {
    let query = job_history::table
        .filter(job_history::job_id.eq(id.as_str()))
        .order(job_history::id)
        .select(Row::as_select());
    query.load(connection)?.into_iter().map(Attempt::try_from).collect()
}
