//! Queries on `jobs` that do not change the state of one job; see `job_changes` for those that do.

use diesel::prelude::*;
use serde_json::Value;

use super::dialect::{Connection, document, lock, number};
use super::schema::jobs;
use super::{claim_job, find_containing, job_history};
use crate::domain::{AttemptStatus, Job, JobId, JobStatus, NewJob};
use crate::stored::{Stored, known_or_null};
use crate::{Error, Result, Table, Timestamp};

const TABLE: Table = Table::Jobs;

/// How many jobs a statement deletes, so that the parameters of SQLite suffice.
const DELETED_AT_ONCE: usize = 1_000;

/// The message of an attempt at a job with a value that the app does not know.
const UNREADABLE: &str = "unreadable";

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = jobs)]
pub(super) struct Row {
    id: Stored<String>,
    type_: Stored<String>,
    name: Stored<String>,
    priority: Stored<i32>,
    status: Stored<JobStatus>,
    tool: Option<Stored<String>>,
    endpoint: Option<Stored<String>>,
    pub(super) payload: Stored<Value>,
    result: Option<Stored<Value>>,
    created_at: Stored<Timestamp>,
    updated_at: Stored<Timestamp>,
    started_at: Option<Stored<Timestamp>>,
    completed_at: Option<Stored<Timestamp>>,
    retry_count: Stored<i32>,
    persisted_at: Stored<Timestamp>,
    recovery_attempts: Stored<i32>,
}

impl TryFrom<Row> for Job {
    type Error = Error;

    fn try_from(row: Row) -> Result<Job> {
        Ok(Job {
            id: row.id.known(TABLE, "id")?.into(),
            job_type: row.type_.known(TABLE, "type")?,
            name: row.name.known(TABLE, "name")?,
            priority: row.priority.known(TABLE, "priority")?,
            status: row.status.known(TABLE, "status")?,
            tool: known_or_null(row.tool, TABLE, "tool")?,
            endpoint: known_or_null(row.endpoint, TABLE, "endpoint")?,
            payload: row.payload.known(TABLE, "payload")?,
            result: known_or_null(row.result, TABLE, "result")?,
            created_at: row.created_at.known(TABLE, "created_at")?,
            updated_at: row.updated_at.known(TABLE, "updated_at")?,
            started_at: known_or_null(row.started_at, TABLE, "started_at")?,
            completed_at: known_or_null(row.completed_at, TABLE, "completed_at")?,
            retry_count: row.retry_count.known(TABLE, "retry_count")?,
            persisted_at: row.persisted_at.known(TABLE, "persisted_at")?,
            recovery_attempts: row.recovery_attempts.known(TABLE, "recovery_attempts")?,
        })
    }
}

pub(super) fn enqueue(connection: &mut Connection, job: &NewJob, now: Timestamp) -> Result<bool> {
    let inserted = diesel::insert_into(jobs::table)
        .values((
            jobs::id.eq(job.id.as_str()),
            jobs::type_.eq(&job.job_type),
            jobs::name.eq(&job.name),
            jobs::priority.eq(number(job.priority)),
            jobs::status.eq(JobStatus::Pending.as_str()),
            jobs::tool.eq(&job.tool),
            jobs::endpoint.eq(&job.endpoint),
            jobs::payload.eq(document(&job.payload)),
            jobs::created_at.eq(now),
            jobs::updated_at.eq(now),
            jobs::persisted_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(inserted == 1)
}

/// Claims the next job that can be read. One that cannot would otherwise be the next one for ever: it is failed.
pub(super) fn claim(connection: &mut Connection, now: Timestamp) -> Result<Option<Job>> {
    while let Some(row) = claim_job::claim_next(connection, now)? {
        match Job::try_from(row.clone()) {
            Ok(job) => {
                job_history::open(connection, &job_history::current(&job), now)?;
                return Ok(Some(job));
            }
            Err(_) => fail_unreadable(connection, row, now)?,
        }
    }
    Ok(None)
}

fn fail_unreadable(connection: &mut Connection, row: Row, now: Timestamp) -> Result<()> {
    let id = row.id.known(TABLE, "id")?;
    diesel::update(jobs::table)
        .filter(jobs::id.eq(&id))
        .set((jobs::status.eq(JobStatus::Failed.as_str()), jobs::completed_at.eq(now)))
        .execute(connection)?;
    let attempt = job_history::attempt_number(
        row.retry_count.ok().unwrap_or(0),
        row.recovery_attempts.ok().unwrap_or(0),
    );
    let current = job_history::Current { job_id: &id, attempt, started_at: Some(now) };
    let end = job_history::End { status: AttemptStatus::Failed, error_message: Some(UNREADABLE) };
    job_history::close_or_add(connection, &current, end, now)
}

pub(super) fn find(connection: &mut Connection, id: &JobId) -> Result<Option<Job>> {
    let query = jobs::table.filter(jobs::id.eq(id.as_str())).select(Row::as_select());
    query.first(connection).optional()?.map(Job::try_from).transpose()
}

pub(super) fn containing(connection: &mut Connection, pattern: &Value, limit: u32) -> Result<Vec<Job>> {
    let rows = find_containing::find_containing(connection, pattern, limit)?;
    rows.into_iter().map(Job::try_from).collect()
}

/// Deletes in parts. The jobs are locked first, so that none of them is retried between.
pub(super) fn delete_finished(connection: &mut Connection, completed_before: Timestamp) -> Result<u64> {
    let ended = [JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled].map(JobStatus::as_str);
    let finished = jobs::table
        .filter(jobs::status.eq_any(ended))
        .filter(jobs::completed_at.lt(completed_before))
        .select(jobs::id);
    let ids: Vec<Stored<String>> = lock!(finished).load(connection)?;
    let ids: Vec<String> = ids.into_iter().filter_map(Stored::ok).collect();
    for part in ids.chunks(DELETED_AT_ONCE) {
        job_history::delete_of_jobs(connection, part)?;
        diesel::delete(jobs::table).filter(jobs::id.eq_any(part)).execute(connection)?;
    }
    Ok(ids.len() as u64)
}
