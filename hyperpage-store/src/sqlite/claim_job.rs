//! Claiming a job in SQLite: the transaction has locked the database, so that nobody else claims.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::dialect::Connection;
use super::jobs::Row;
use super::schema::jobs;
use crate::domain::JobStatus;
use crate::{Result, Timestamp};

/// Makes the next pending job a running one, and returns it.
pub(super) fn claim_next(connection: &mut Connection, now: Timestamp) -> Result<Option<Row>> {
    // A key may be NULL or a BLOB in SQLite. Such a row is no job: nobody could name it.
    let waiting = diesel::alias!(jobs as waiting);
    let next = waiting
        .filter(waiting.field(jobs::status).eq(JobStatus::Pending.as_str()))
        .filter(sql::<Bool>("typeof(waiting.id) = 'text'"))
        .order((
            waiting.field(jobs::priority).desc(),
            waiting.field(jobs::created_at),
            waiting.field(jobs::id),
        ))
        .select(waiting.field(jobs::id))
        .limit(1);
    let claimed = diesel::update(jobs::table)
        .filter(jobs::id.eq_any(next))
        .set((
            jobs::status.eq(JobStatus::Running.as_str()),
            jobs::started_at.eq(now),
            jobs::updated_at.eq(now),
        ))
        .returning(Row::as_returning())
        .get_result(connection)
        .optional()?;
    Ok(claimed)
}
