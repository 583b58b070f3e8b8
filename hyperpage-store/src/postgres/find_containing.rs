//! Jobs by their payload in PostgreSQL: the operator `@>`, which the GIN index `idx_jobs_payload` serves.

use diesel::prelude::*;
use serde_json::Value;

use super::dialect::{Connection, document};
use super::jobs::Row;
use super::schema::jobs;
use crate::Result;

pub(super) fn find_containing(connection: &mut Connection, pattern: &Value, limit: u32) -> Result<Vec<Row>> {
    let query = jobs::table
        .filter(jobs::payload.contains(document(pattern)))
        .order((jobs::created_at, jobs::id))
        .limit(limit.into())
        .select(Row::as_select());
    Ok(query.load(connection)?)
}
