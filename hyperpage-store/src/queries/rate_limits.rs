//! Queries on `rate_limits`.

use diesel::prelude::*;

use super::dialect::{Connection, number};
use super::schema::rate_limits;
use crate::domain::{Consumption, NewRateLimit, RateLimit};
use crate::failure::CHANGE_ATTEMPTS_MAX;
use crate::stored::{Stored, known_or_null};
use crate::{Error, Result, Table, Timestamp};

#[derive(Queryable, Selectable)]
#[diesel(table_name = rate_limits)]
struct Row {
    id: Stored<String>,
    platform: Stored<String>,
    limit_remaining: Option<Stored<i32>>,
    limit_total: Option<Stored<i32>>,
    reset_time: Option<Stored<Timestamp>>,
    last_updated: Stored<Timestamp>,
    created_at: Stored<Timestamp>,
}

impl TryFrom<Row> for RateLimit {
    type Error = Error;

    fn try_from(row: Row) -> Result<RateLimit> {
        let table = Table::RateLimits;
        Ok(RateLimit {
            id: row.id.known(table, "id")?,
            platform: row.platform.known(table, "platform")?,
            limit_remaining: known_or_null(row.limit_remaining, table, "limit_remaining")?,
            limit_total: known_or_null(row.limit_total, table, "limit_total")?,
            reset_time: known_or_null(row.reset_time, table, "reset_time")?,
            last_updated: row.last_updated.known(table, "last_updated")?,
            created_at: row.created_at.known(table, "created_at")?,
        })
    }
}

pub(super) fn find(connection: &mut Connection, id: &str) -> Result<Option<RateLimit>> {
    let query = rate_limits::table.filter(rate_limits::id.eq(id)).select(Row::as_select());
    query.first(connection).optional()?.map(RateLimit::try_from).transpose()
}

pub(super) fn save(connection: &mut Connection, limit: &NewRateLimit, now: Timestamp) -> Result<()> {
    let change = (
        rate_limits::platform.eq(&limit.platform),
        rate_limits::limit_remaining.eq(limit.limit_remaining.map(number)),
        rate_limits::limit_total.eq(limit.limit_total.map(number)),
        rate_limits::reset_time.eq(limit.reset_time),
        rate_limits::last_updated.eq(now),
    );
    diesel::insert_into(rate_limits::table)
        .values((rate_limits::id.eq(&limit.id), rate_limits::created_at.eq(now), change))
        .on_conflict(rate_limits::id)
        .do_update()
        .set(change)
        .execute(connection)?;
    Ok(())
}

/// Subtracts in one statement, so that two callers never get the same calls.
pub(super) fn consume(
    connection: &mut Connection,
    id: &str,
    amount: u16,
    now: Timestamp,
) -> Result<Consumption> {
    let amount = i32::from(amount);
    for _ in 0..CHANGE_ATTEMPTS_MAX {
        let granted: Option<Option<Stored<i32>>> = diesel::update(rate_limits::table)
            .filter(rate_limits::id.eq(id))
            // In SQLite, text is larger than every number, and computed with as the number that it begins with.
            .filter(
                rate_limits::limit_remaining
                    .is_null()
                    .or(rate_limits::limit_remaining.between(number(amount), number(i32::MAX))),
            )
            .set((
                rate_limits::limit_remaining.eq(rate_limits::limit_remaining - number(amount)),
                rate_limits::last_updated.eq(now),
            ))
            .returning(rate_limits::limit_remaining)
            .get_result(connection)
            .optional()?;
        if let Some(remaining) = granted {
            return Ok(Consumption::Granted {
                remaining: known_or_null(remaining, Table::RateLimits, "limit_remaining")?,
            });
        }
        let Some(limit) = find(connection, id)? else { return Ok(Consumption::NotFound) };
        match limit.limit_remaining {
            Some(remaining) if remaining < amount => {
                return Ok(Consumption::Exhausted { remaining, reset_time: limit.reset_time });
            }
            // Somebody has just saved the limit: enough is left now.
            _ => {}
        }
    }
    Err(Error::unchanged())
}

pub(super) fn drop_expired(connection: &mut Connection, now: Timestamp) -> Result<u64> {
    let expired = rate_limits::reset_time.le(now);
    Ok(diesel::delete(rate_limits::table).filter(expired).execute(connection)? as u64)
}
