//! Catch-ups in the ledger: each sealed copy that the target has equalled after the first one.
//!
//! The seal of the run is the last of them, so that validation, cutover and rollback compare with the copy that the target now equals.

use super::{READ_FAILED, WRITE_FAILED, is_there, utc_text};
use crate::error::{Context, Error, Result};
use crate::source::seal::Seal;
use postgres_client::connection::Connection;

/// A catch-up: changes of the source that were applied to the target.
#[derive(Clone, Debug, PartialEq)]
pub struct CatchUp {
    /// The copy that the target equalled before.
    pub base: Seal,
    /// The copy that it equals since.
    pub seal: Seal,
    /// Rows that were inserted into the target.
    pub inserted: i64,
    /// Rows that were updated.
    pub updated: i64,
    /// Rows that were deleted.
    pub deleted: i64,
    /// Duration in seconds, from the start of the copy.
    pub seconds: f64,
    /// When it was committed, in RFC 3339; none before.
    pub applied_at: Option<String>,
}

/// The catch-ups of a run, in their order; none in a ledger of an earlier version.
///
/// # Errors
/// When the ledger cannot be read.
pub fn catch_ups(connection: &mut Connection, run_id: i64) -> Result<Vec<CatchUp>> {
    if !is_there(connection, "catch_ups")? {
        return Ok(Vec::new());
    }
    type Found = (String, String, i64, i64, i64, f64, String);
    let sql = format!(
        "SELECT base_seal, seal, inserted, updated, deleted, seconds, {} FROM migration.catch_ups \
         WHERE run_id = $1::bigint ORDER BY id",
        utc_text("applied_at")
    );
    let found: Vec<Found> = connection.load(&sql, &[Some(&run_id.to_string())]).context(|| READ_FAILED)?;
    let read = |(base, seal, inserted, updated, deleted, seconds, applied_at): Found| {
        Ok(CatchUp {
            base: serde_json::from_str(&base).context(|| READ_FAILED)?,
            seal: serde_json::from_str(&seal).context(|| READ_FAILED)?,
            inserted,
            updated,
            deleted,
            seconds,
            applied_at: Some(applied_at),
        })
    };
    found.into_iter().map(read).collect()
}

/// Records a catch-up, in the transaction that applies it: the run's seal is the new copy from then on.
///
/// # Errors
/// When the ledger cannot be written, or the target no longer equals the copy that the changes are relative to.
pub(crate) fn record_catch_up(connection: &mut Connection, run_id: i64, caught_up: &CatchUp) -> Result<()> {
    // The copy before is deleted afterwards: a server that crashed and forgot the catch-up would need it.
    connection.script("SET LOCAL synchronous_commit = on").context(|| WRITE_FAILED)?;
    let base = serde_json::to_string(&caught_up.base).context(|| WRITE_FAILED)?;
    let seal = serde_json::to_string(&caught_up.seal).context(|| WRITE_FAILED)?;
    let id = run_id.to_string();
    let moved = "UPDATE migration.runs SET seal = $2 WHERE id = $1::bigint AND seal::json ->> 'path' = $3 RETURNING 1";
    let base_path = caught_up.base.path.to_string_lossy();
    let found: Option<i32> =
        connection.first(moved, &[Some(&id), Some(&seal), Some(&base_path)]).context(|| WRITE_FAILED)?;
    if found.is_none() {
        return Err(Error::new(format!(
            "the target no longer equals the copy {}",
            caught_up.base.path.display()
        ))
        .with_remedy_text("another catch-up has moved it on; run the same command again"));
    }
    let sql = "INSERT INTO migration.catch_ups (run_id, base_seal, seal, inserted, updated, deleted, seconds) \
               VALUES ($1::bigint, $2, $3, $4::bigint, $5::bigint, $6::bigint, $7::float8)";
    let counts = [caught_up.inserted, caught_up.updated, caught_up.deleted].map(|count| count.to_string());
    let parameters = [&id, &base, &seal, &counts[0], &counts[1], &counts[2], &caught_up.seconds.to_string()];
    connection.execute(sql, &parameters.map(|text| Some(text.as_str()))).context(|| WRITE_FAILED)?;
    // The results of checks are those of the copy before; the new one has not been checked yet.
    connection
        .execute("DELETE FROM migration.checks WHERE run_id = $1::bigint", &[Some(&id)])
        .context(|| WRITE_FAILED)
}

/// Changes of a chunk's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChunkCounts {
    /// Rows in the target.
    pub(crate) rows: i64,
    /// Skipped rows.
    pub(crate) rejected: i64,
    /// Values that became NULL.
    pub(crate) nulled: i64,
}

/// Adds changes to the counts of a chunk, which is created where a table had no rows.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn change_chunk(
    connection: &mut Connection,
    run_id: i64,
    table: &str,
    chunk: i64,
    counts: &ChunkCounts,
) -> Result<()> {
    let sql = "INSERT INTO migration.chunks AS c (run_id, table_name, chunk, rows, bytes, seconds, rejected, nulled, done_at) \
               VALUES ($1::bigint, $2, $3::bigint, $4::bigint, 0, 0, $5::bigint, $6::bigint, now()) \
               ON CONFLICT (run_id, table_name, chunk) DO UPDATE SET rows = coalesce(c.rows, 0) + excluded.rows, \
               rejected = c.rejected + excluded.rejected, nulled = c.nulled + excluded.nulled";
    let numbers =
        [run_id, chunk, counts.rows, counts.rejected, counts.nulled].map(|number| number.to_string());
    let [run_id, chunk, rows, rejected, nulled] = numbers.each_ref().map(|number| Some(number.as_str()));
    connection.execute(sql, &[run_id, Some(table), chunk, rows, rejected, nulled]).context(|| WRITE_FAILED)
}
