//! Claiming a job in PostgreSQL: one statement, which skips the jobs that others are claiming at the moment.

use diesel::prelude::*;

use super::dialect::Connection;
use super::jobs::Row;
use super::schema::jobs;
use crate::domain::JobStatus;
use crate::{Result, Timestamp};

/// Makes the next pending job a running one, and returns it. The index `idx_jobs_claim` has the order of the claim.
pub(super) fn claim_next(connection: &mut Connection, now: Timestamp) -> Result<Option<Row>> {
    // Compared by `=`, the subquery is evaluated once; with `IN` a join could run it again, and lock more jobs.
    let waiting = diesel::alias!(jobs as waiting);
    let next = waiting
        .filter(waiting.field(jobs::status).eq(JobStatus::Pending.as_str()))
        .order((
            waiting.field(jobs::priority).desc(),
            waiting.field(jobs::created_at),
            waiting.field(jobs::id),
        ))
        .select(waiting.field(jobs::id))
        .for_update()
        .skip_locked()
        .single_value();
    let claimed = diesel::update(jobs::table)
        .filter(jobs::id.nullable().eq(next))
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
