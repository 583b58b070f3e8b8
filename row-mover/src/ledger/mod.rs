//! The ledger: runs, phases and chunks, in the schema `migration` of the target database.
//!
//! It is the only memory of what is done. What follows from it is decided in `migrate_core::phase`.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use migrate_core::phase::{Phase, RunState, RunSubject};
use migrate_core::plan::Plan;

use crate::error::{Context, Result};
use crate::source::scan::RowidRange;
use crate::source::seal::Seal;
use crate::target::bookkeeping::{self, migration_failed};
use postgres_client::PooledConnection;
use postgres_client::pool::{all_or_none, diesel_failed};

mod builds;
mod checks;
mod history;
mod schema;
mod steps;

pub use builds::{Build, CLAIM_BUILD_SQL, FINISH_BUILD_SQL, builds, plan_builds};
pub use checks::{integrity, record_integrity};
pub use history::{History, Span, history};
use schema::{chunks, phases, runs};
pub use steps::{
    begin_removal, claim_schema_steps, has_schema_steps, is_being_removed, is_last_run, record_schema_steps,
};

/// The schema that it has for itself.
const SCHEMA: &str = "migration";

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("ledger-migrations");

/// A run, as the ledger records it.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its number.
    pub id: i64,
    /// What it is about, and the phases that are done.
    pub state: RunState,
    /// The plan that it executes.
    pub plan: Plan,
    /// The sealed copy that it moves.
    pub seal: Seal,
    /// When it was validated, in RFC 3339; none before that.
    pub validated_at: Option<String>,
}

/// A chunk of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// The table, by source name.
    pub table: String,
    /// Its number within the table, from 0.
    pub number: i64,
    /// Its rowids; none where the whole table is one chunk.
    pub range: Option<RowidRange>,
    /// The rows that it will be, as preflight counted them.
    pub planned_rows: Option<i64>,
    /// The bytes that it will be in COPY's binary format, as preflight counted them.
    pub planned_bytes: Option<i64>,
    /// What moved it, once it is done.
    pub done: Option<ChunkDone>,
}

/// What moving a chunk took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ChunkDone {
    /// The rows.
    pub rows: i64,
    /// The bytes of the COPY stream.
    pub bytes: i64,
    /// The seconds.
    pub seconds: f64,
    /// The rows that stayed behind.
    pub rejected: i64,
    /// The values that became NULL.
    pub nulled: i64,
    /// The XXH3-128 of the COPY stream: what was sent for the chunk can be told from what another try would send.
    pub digest: u128,
}

/// Whether the target holds a ledger.
///
/// # Errors
/// When the target cannot be asked.
pub fn exists(connection: &mut PooledConnection) -> Result<bool> {
    is_there(connection, "runs")
}

/// Creates the ledger where there is none, or brings it up to date. It has a schema and Diesel bookkeeping of its own, apart
/// from the app's.
///
/// # Errors
/// When the target refuses.
pub fn create(connection: &mut PooledConnection) -> Result<()> {
    let execute = |connection: &mut PooledConnection, sql: &str| {
        diesel::sql_query(sql).execute(connection).map_err(diesel_failed("the ledger cannot be created"))
    };
    // A ledger that is half made would look like something that is not ours.
    all_or_none(connection, "the ledger cannot be created", |connection| {
        execute(connection, "CREATE SCHEMA IF NOT EXISTS migration")?;
        bookkeeping::create(connection, SCHEMA)?;
        let applied = bookkeeping::applied(connection, SCHEMA)?;
        let failed = "the ledger cannot be created";
        let mut migrations: Vec<Box<dyn Migration<Pg>>> =
            MIGRATIONS.migrations().map_err(migration_failed(failed))?;
        migrations.sort_by_key(|migration| migration.name().version().as_owned());
        migrations.retain(|migration| !applied.contains(&migration.name().version().to_string()));
        migrations
            .iter()
            .try_for_each(|migration| bookkeeping::apply(connection, SCHEMA, migration.as_ref(), failed))
    })
}

/// The last run; none where no ledger or no run is there.
///
/// # Errors
/// When the ledger cannot be read, or was written by another version.
pub fn last_run(connection: &mut PooledConnection) -> Result<Option<Run>> {
    if !exists(connection)? {
        return Ok(None);
    }
    let failed = || diesel_failed("the ledger cannot be read");
    let found: Option<(i64, String, String, String, Vec<String>, String)> = runs::table
        .select((runs::id, runs::source_path, runs::plan_sha256, runs::plan, runs::tables, runs::seal))
        .order(runs::id.desc())
        .first(connection)
        .optional()
        .map_err(failed())?;
    let Some((id, source_path, plan_sha256, plan, tables, seal)) = found else { return Ok(None) };
    let finished: Vec<(String, String)> = phases::table
        .filter(phases::run_id.eq(id))
        .select((phases::phase, utc_text("finished_at")))
        .load(connection)
        .map_err(failed())?;
    let done = finished.iter().filter_map(|(name, _)| Phase::from_name(name)).collect();
    let validated =
        finished.iter().find(|(name, _)| name == Phase::Validate.name()).map(|(_, at)| at.clone());
    let unreadable = || format!("run {id} in the ledger was written by another version");
    Ok(Some(Run {
        id,
        state: RunState { subject: RunSubject { source_path, plan_sha256, tables }, done },
        plan: Plan::from_json(&plan).context(unreadable).map_err(|error| {
            error.with_remedy_text(
                "finish or remove it with the version that began it, or use another database",
            )
        })?,
        seal: serde_json::from_str(&seal).context(unreadable)?,
        validated_at: validated,
    }))
}

/// The phases of a run that are done.
///
/// # Errors
/// When the ledger cannot be read.
pub fn phases(connection: &mut PooledConnection, run_id: i64) -> Result<Vec<Phase>> {
    let names: Vec<String> = phases::table
        .filter(phases::run_id.eq(run_id))
        .select(phases::phase)
        .load(connection)
        .map_err(diesel_failed("the ledger cannot be read"))?;
    Ok(names.iter().filter_map(|name| Phase::from_name(name)).collect())
}

/// Begins a run: its row, the phases that led to it and its chunks are there together or not at all.
///
/// # Errors
/// When the ledger cannot be written.
pub fn begin_run(
    connection: &mut PooledConnection,
    subject: &RunSubject,
    plan: &Plan,
    seal: &Seal,
    phases: &[(Phase, f64)],
    planned: &[Chunk],
) -> Result<i64> {
    let seal = serde_json::to_string(seal).context(|| "the manifest cannot be written".to_owned())?;
    all_or_none(connection, "the ledger cannot be written", |connection| {
        let id = diesel::insert_into(runs::table)
            .values((
                runs::tool_version.eq(env!("CARGO_PKG_VERSION")),
                runs::source_path.eq(&subject.source_path),
                runs::plan_sha256.eq(&subject.plan_sha256),
                runs::plan.eq(migrate_core::render::plan_json(plan)),
                runs::tables.eq(&subject.tables),
                runs::seal.eq(seal),
            ))
            .returning(runs::id)
            .get_result(connection)
            .map_err(diesel_failed("the ledger cannot be written"))?;
        for &(phase, seconds) in phases {
            finish_phase(connection, id, phase, seconds)?;
        }
        plan_chunks(connection, id, planned)?;
        Ok(id)
    })
}

/// Records that a phase is done; one that is done again, such as a validation, keeps its last time.
///
/// # Errors
/// When the ledger cannot be written.
pub fn finish_phase(
    connection: &mut PooledConnection,
    run_id: i64,
    phase: Phase,
    seconds: f64,
) -> Result<()> {
    diesel::insert_into(phases::table)
        .values((phases::run_id.eq(run_id), phases::phase.eq(phase.name()), phases::seconds.eq(seconds)))
        .on_conflict((phases::run_id, phases::phase))
        .do_update()
        .set((phases::seconds.eq(seconds), phases::finished_at.eq(diesel::dsl::now)))
        .execute(connection)
        .map(|_| ())
        .map_err(diesel_failed("the ledger cannot be written"))
}

/// Records that the rows or the constraints are done, unless the ledger has a chunk or a build that is not: a server that crashed may
/// have forgotten the last of them just before.
///
/// # Errors
/// When the ledger cannot be written.
pub fn finish_load(connection: &mut PooledConnection, run_id: i64, phase: Phase, seconds: f64) -> Result<()> {
    use diesel::sql_types::{BigInt, Bool, Double, Text};
    let sql = "INSERT INTO migration.phases (run_id, phase, seconds) SELECT $1, $2, $3 \
               WHERE NOT EXISTS (SELECT FROM migration.chunks WHERE run_id = $1 AND done_at IS NULL) \
               AND NOT ($4 AND EXISTS (SELECT FROM migration.builds WHERE run_id = $1 AND done_at IS NULL)) \
               ON CONFLICT (run_id, phase) DO UPDATE SET seconds = excluded.seconds, finished_at = now()";
    diesel::sql_query(sql)
        .bind::<BigInt, _>(run_id)
        .bind::<Text, _>(phase.name())
        .bind::<Double, _>(seconds)
        .bind::<Bool, _>(phase == Phase::Constraints)
        .execute(connection)
        .map(|_| ())
        .map_err(diesel_failed("the ledger cannot be written"))
}

/// Takes back that a phase is done: a validation that finds differences is no longer a validated migration.
///
/// # Errors
/// When the ledger cannot be written.
pub fn reopen_phase(connection: &mut PooledConnection, run_id: i64, phase: Phase) -> Result<()> {
    diesel::delete(phases::table.filter(phases::run_id.eq(run_id)).filter(phases::phase.eq(phase.name())))
        .execute(connection)
        .map(|_| ())
        .map_err(diesel_failed("the ledger cannot be written"))
}

/// The chunks of a run, by table and number.
///
/// # Errors
/// When the ledger cannot be read.
pub fn chunks(connection: &mut PooledConnection, run_id: i64) -> Result<Vec<Chunk>> {
    type Planned = (Option<i64>, Option<i64>, Option<String>);
    type Row = (
        String,
        i64,
        (Option<i64>, Option<i64>),
        Planned,
        Option<i64>,
        Option<i64>,
        Option<f64>,
        (i64, i64),
        bool,
    );
    let rows: Vec<Row> = chunks::table
        .filter(chunks::run_id.eq(run_id))
        .order((chunks::table_name, chunks::chunk))
        .select((
            chunks::table_name,
            chunks::chunk,
            (chunks::rowid_first, chunks::rowid_last),
            (chunks::planned_rows, chunks::planned_bytes, chunks::digest),
            chunks::rows,
            chunks::bytes,
            chunks::seconds,
            (chunks::rejected, chunks::nulled),
            chunks::done_at.is_not_null(),
        ))
        .load(connection)
        .map_err(diesel_failed("the ledger cannot be read"))?;
    let read =
        |(table, number, range, planned, rows, bytes, seconds, (rejected, nulled), is_done): Row| Chunk {
            table,
            number,
            range: range.0.zip(range.1).map(|(first, last)| RowidRange { first, last }),
            planned_rows: planned.0,
            planned_bytes: planned.1,
            done: is_done.then(|| ChunkDone {
                rows: rows.unwrap_or(0),
                bytes: bytes.unwrap_or(0),
                seconds: seconds.unwrap_or(0.0),
                rejected,
                nulled,
                digest: planned.2.and_then(|hex| u128::from_str_radix(&hex, 16).ok()).unwrap_or(0),
            }),
        };
    Ok(rows.into_iter().map(read).collect())
}

/// Writes down the chunks of a run, all or none.
///
/// # Errors
/// When the ledger cannot be written.
fn plan_chunks(connection: &mut PooledConnection, run_id: i64, planned: &[Chunk]) -> Result<()> {
    /// PostgreSQL takes 65,535 parameters in one statement.
    const ROWS_PER_STATEMENT: usize = 5_000;
    let insert = |connection: &mut PooledConnection| {
        for part in planned.chunks(ROWS_PER_STATEMENT) {
            let rows: Vec<_> = part
                .iter()
                .map(|chunk| {
                    (
                        chunks::run_id.eq(run_id),
                        chunks::table_name.eq(&chunk.table),
                        chunks::chunk.eq(chunk.number),
                        chunks::rowid_first.eq(chunk.range.map(|range| range.first)),
                        chunks::rowid_last.eq(chunk.range.map(|range| range.last)),
                        chunks::planned_rows.eq(chunk.planned_rows),
                        chunks::planned_bytes.eq(chunk.planned_bytes),
                    )
                })
                .collect();
            diesel::insert_into(chunks::table).values(rows).execute(connection)?;
        }
        Ok(())
    };
    connection.transaction(insert).map_err(diesel_failed("the ledger cannot be written"))
}

/// The statement by which a chunk's own transaction takes it: parameters are run, table, chunk and the path of the sealed copy. It
/// waits for a transaction that was left behind by a lost connection, and returns whether the chunk is done; no row where the ledger
/// is another one by now: numbers come again after a restart, the folder of a copy does not.
pub const CLAIM_CHUNK_SQL: &str = "SELECT c.done_at IS NOT NULL FROM migration.chunks c JOIN migration.runs r ON r.id = c.run_id \
     WHERE c.run_id = $1::bigint AND c.table_name = $2 AND c.chunk = $3::bigint AND r.seal::json ->> 'path' = $4 FOR UPDATE OF c";

/// The statement by which a chunk's own transaction says that it is done: parameters are rows, bytes, seconds, run, table, chunk,
/// rejected rows, nulled values and the digest in hex. It returns one row, or none where somebody else has done the chunk.
pub const FINISH_CHUNK_SQL: &str = "UPDATE migration.chunks SET rows = $1::bigint, bytes = $2::bigint, \
     seconds = $3::double precision, rejected = $7::bigint, nulled = $8::bigint, digest = $9, done_at = now() WHERE run_id = $4::bigint AND table_name = $5 \
     AND chunk = $6::bigint AND done_at IS NULL RETURNING 1";

/// Drops the ledger with all that it knows.
///
/// # Errors
/// When the target refuses.
pub fn remove(connection: &mut PooledConnection) -> Result<()> {
    diesel::sql_query("DROP SCHEMA IF EXISTS migration CASCADE")
        .execute(connection)
        .map(|_| ())
        .map_err(diesel_failed("the ledger cannot be removed"))
}

/// Whether the ledger has a table: those of an older version have fewer.
fn is_there(connection: &mut PooledConnection, table: &str) -> Result<bool> {
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(&format!(
        "to_regclass('migration.{table}') IS NOT NULL"
    )))
    .get_result(connection)
    .map_err(diesel_failed("the ledger cannot be read"))
}

/// A column as text in RFC 3339, whatever the session's date style is.
fn utc_text(column: &str) -> diesel::expression::SqlLiteral<diesel::sql_types::Text> {
    let format = "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'";
    diesel::dsl::sql(&format!("to_char({column} AT TIME ZONE 'UTC', {format})"))
}
