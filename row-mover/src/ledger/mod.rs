//! The ledger: runs, phases and chunks, in the schema `migration` of the target database.
//!
//! It is the only record of what is done. `migrate_core::phase` decides what follows from it.

use std::borrow::Cow;

use migrate_core::phase::{Phase, RunState, RunSubject};
use migrate_core::plan::Plan;
use migrate_core::render;

use crate::error::{Context, Result};
use crate::source::seal::Seal;
use crate::target::bookkeeping;
use crate::target::migration::Migration;
use postgres_client::connection::{Connection, text_array};

mod baseline;
mod before;
mod builds;
mod catch_ups;
mod checks;
mod chunks;
mod cutover_events;
mod history;
mod schema_files;
mod steps;

pub use baseline::baseline;
pub(crate) use baseline::{lacks_baseline, record_baseline, record_plan};
pub(crate) use before::{SequenceBefore, missing_schemas, moved_sequences, record_sequences};
pub use builds::{Build, builds};
pub(crate) use builds::{CLAIM_BUILD_SQL, FINISH_BUILD_SQL, plan_builds};
pub use catch_ups::{CatchUp, catch_ups};
pub(crate) use catch_ups::{ChunkCounts, change_chunk, record_catch_up};
pub use checks::{integrity, record_integrity};
pub(crate) use chunks::{CLAIM_CHUNK_SQL, ChunkTransaction, FINISH_CHUNK_SQL, chunk_transactions};
pub use chunks::{Chunk, ChunkDone, chunks};
pub use cutover_events::{RecordedEvent, cutover_events, is_archived, present_run, record_cutover_event};
pub use history::{History, Span, history};
pub(crate) use schema_files::{forget_schema_file, record_schema_file, schema_files};
pub(crate) use steps::{
    begin_removal, claim_schema_steps, has_schema_steps, is_being_removed, is_last_run, record_schema_steps,
};

/// The schema that it has for itself.
pub const SCHEMA: &str = "migration";

/// The names and statements of its migrations, in their order.
const MIGRATIONS: [(&str, &str); 10] = [
    ("0001_ledger", include_str!("../../ledger-migrations/0001_ledger/up.sql")),
    ("0002_rejects", include_str!("../../ledger-migrations/0002_rejects/up.sql")),
    ("0003_plan_and_builds", include_str!("../../ledger-migrations/0003_plan_and_builds/up.sql")),
    ("0004_checks", include_str!("../../ledger-migrations/0004_checks/up.sql")),
    ("0007_steps", include_str!("../../ledger-migrations/0007_steps/up.sql")),
    ("0008_before", include_str!("../../ledger-migrations/0008_before/up.sql")),
    ("0009_baseline", include_str!("../../ledger-migrations/0009_baseline/up.sql")),
    ("0010_cutover", include_str!("../../ledger-migrations/0010_cutover/up.sql")),
    ("0011_schema_files", include_str!("../../ledger-migrations/0011_schema_files/up.sql")),
    ("0012_key_ranges", include_str!("../../ledger-migrations/0012_key_ranges/up.sql")),
];

/// The error where the ledger cannot be read.
const READ_FAILED: &str = "the ledger cannot be read";

/// The error where the ledger cannot be written.
const WRITE_FAILED: &str = "the ledger cannot be written";

/// A run, as the ledger records it.
#[derive(Clone, Debug)]
pub struct Run<'p> {
    /// Its number.
    pub id: i64,
    /// What the run is about, and the phases that are done.
    pub state: RunState,
    /// The plan that it executes; borrowed from a caller who has the same one.
    pub plan: Cow<'p, Plan>,
    /// The schema with the list of migrations in which its own are recorded.
    pub list_schema: String,
    /// The sealed copy that it moves.
    pub seal: Seal,
    /// When it was validated, in RFC 3339; none before that.
    pub validated_at: Option<String>,
}

impl<'p> Run<'p> {
    /// Whether rows of an app's tables that it replaces are saved and come back. Earlier versions wrote into the app's own list of
    /// migrations, and did not save them.
    pub fn saves_rows(&self) -> bool {
        self.list_schema != self.plan.target_schema
    }

    /// The same run, with `plan` in place of its own if they are equal: one of thousands of tables is then held once.
    #[must_use]
    pub(crate) fn sharing<'q>(self, plan: &'q Plan) -> Run<'q>
    where
        'p: 'q,
    {
        let plan = if *self.plan == *plan { Cow::Borrowed(plan) } else { self.plan };
        Run { plan, ..self }
    }
}

/// Whether the target holds a ledger.
///
/// # Errors
/// When the target cannot be asked.
pub fn exists(connection: &mut Connection) -> Result<bool> {
    is_there(connection, "runs")
}

/// Creates the ledger, or upgrades it. It has a schema and Diesel bookkeeping of its own, apart from the app's.
///
/// # Errors
/// When the target refuses.
pub fn create(connection: &mut Connection) -> Result<()> {
    let failed = || "the ledger cannot be created";
    // A partial ledger would look like a foreign object.
    connection.transaction(|connection| {
        connection.script("CREATE SCHEMA IF NOT EXISTS migration").context(failed)?;
        bookkeeping::create(connection, SCHEMA)?;
        let applied = bookkeeping::applied(connection, SCHEMA)?;
        for (name, up) in MIGRATIONS {
            let version = Migration::new(name).version();
            if !applied.contains(&version) {
                connection.script(up).context(failed)?;
                bookkeeping::record(connection, SCHEMA, &version, failed())?;
            }
        }
        Ok(())
    })
}

/// The last run; none where no ledger or no run is there.
///
/// # Errors
/// When the ledger cannot be read, or was written by another version.
pub fn last_run(connection: &mut Connection) -> Result<Option<Run<'static>>> {
    if !exists(connection)? {
        return Ok(None);
    }
    type Found = (i64, String, String, String, Vec<String>, String, Option<String>);
    // A ledger of an earlier version has fewer columns.
    let sql = "SELECT id, source_path, plan_sha256, plan, to_json(tables), seal, \
               to_jsonb(r) ->> 'list_schema' FROM migration.runs AS r ORDER BY id DESC LIMIT 1";
    let found: Option<Found> = connection.first(sql, &[]).context(|| READ_FAILED)?;
    let Some((id, source_path, plan_sha256, plan, tables, seal, list_schema)) = found else {
        return Ok(None);
    };
    let sql =
        format!("SELECT phase, {} FROM migration.phases WHERE run_id = $1::bigint", utc_text("finished_at"));
    let finished: Vec<(String, String)> =
        connection.load(&sql, &[Some(&id.to_string())]).context(|| READ_FAILED)?;
    let done = finished.iter().filter_map(|(name, _)| Phase::from_name(name)).collect();
    let validated =
        finished.iter().find(|(name, _)| name == Phase::Validate.name()).map(|(_, at)| at.clone());
    let unreadable = || format!("run {id} in the ledger was written by another version");
    let plan = Plan::from_json(&plan).context(unreadable).map_err(|error| {
        error.with_remedy_text("finish or remove it with the version that began it, or use another database")
    })?;
    Ok(Some(Run {
        id,
        state: RunState { subject: RunSubject { source_path, plan_sha256, tables }, done },
        list_schema: list_schema.unwrap_or_else(|| plan.target_schema.clone()),
        plan: Cow::Owned(plan),
        seal: serde_json::from_str(&seal).context(unreadable)?,
        validated_at: validated,
    }))
}

/// The phases of a run that are done.
///
/// # Errors
/// When the ledger cannot be read.
pub fn phases(connection: &mut Connection, run_id: i64) -> Result<Vec<Phase>> {
    let sql = "SELECT phase FROM migration.phases WHERE run_id = $1::bigint";
    let names: Vec<String> = connection.load(sql, &[Some(&run_id.to_string())]).context(|| READ_FAILED)?;
    Ok(names.iter().filter_map(|name| Phase::from_name(name)).collect())
}

/// Begins a run: its row, the phases that led to it and its chunks are there together or not at all.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn begin_run<'p>(
    connection: &mut Connection,
    subject: &RunSubject,
    plan: &'p Plan,
    seal: &Seal,
    phases: &[(Phase, f64)],
    planned: &[Chunk],
) -> Result<Run<'p>> {
    let manifest = serde_json::to_string(seal).context(|| "the manifest cannot be written".to_owned())?;
    let id = connection.transaction(|connection| {
        // A plan of thousands of tables may take longer than a short statement.
        connection.script("SET LOCAL statement_timeout = 0").context(|| WRITE_FAILED)?;
        let id = insert_run(connection, subject, plan, &manifest).context(|| WRITE_FAILED)?;
        for &(phase, seconds) in phases {
            finish_phase(connection, id, phase, seconds)?;
        }
        chunks::plan_chunks(connection, id, planned)?;
        Ok(id)
    })?;
    Ok(Run {
        id,
        state: RunState { subject: subject.clone(), done: phases.iter().map(|&(phase, _)| phase).collect() },
        plan: Cow::Borrowed(plan),
        list_schema: list_schema(plan).to_owned(),
        seal: seal.clone(),
        validated_at: None,
    })
}

/// Adds the row of a run and returns its number. The plan is sent in pieces: as a parameter, one of thousands of tables would be held
/// three times, here and in libpq.
fn insert_run(connection: &mut Connection, subject: &RunSubject, plan: &Plan, manifest: &str) -> Result<i64> {
    let sql = "SELECT nextval(pg_get_serial_sequence('migration.runs', 'id')), \
               ARRAY(SELECT s FROM unnest($1::text[]) AS s WHERE to_regnamespace(quote_ident(s)) IS NULL)::text";
    let schemas = text_array(plan.schemas().into_iter().map(Some));
    let (id, missing_schemas): (i64, String) = connection.one(sql, &[Some(&schemas)])?;
    let mut copy = connection.copy_in(
        "COPY migration.runs (id, tool_version, source_path, plan_sha256, tables, seal, list_schema, missing_schemas, plan) FROM STDIN",
    )?;
    for field in [
        &id.to_string(),
        env!("CARGO_PKG_VERSION"),
        &subject.source_path,
        &subject.plan_sha256,
        &text_array(subject.tables.iter().map(Some)),
        manifest,
        list_schema(plan),
        &missing_schemas,
    ] {
        copy.send(format!("{}\t", copy_text(field)).as_bytes())?;
    }
    let mut sent = Ok(());
    render::plan_json_pieces(plan, &mut |piece| {
        if sent.is_ok() {
            sent = copy.send(copy_text(piece).as_bytes());
        }
    });
    sent?;
    copy.send(b"\n")?;
    copy.finish()?;
    Ok(id)
}

/// A part of a field in COPY's text format (manual, "COPY", "Text Format").
fn copy_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
}

/// The schema with the list of migrations for a new run: nothing is written to the list of an app whose tables are there already.
fn list_schema(plan: &Plan) -> &str {
    if plan.is_into_existing() { SCHEMA } else { &plan.target_schema }
}

/// Records that a phase is done; one that is done again, such as a validation, keeps its last time.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn finish_phase(
    connection: &mut Connection,
    run_id: i64,
    phase: Phase,
    seconds: f64,
) -> Result<()> {
    let sql = "INSERT INTO migration.phases (run_id, phase, seconds) VALUES ($1::bigint, $2, $3::float8) \
               ON CONFLICT (run_id, phase) DO UPDATE SET seconds = excluded.seconds, finished_at = now()";
    connection
        .execute(sql, &[Some(&run_id.to_string()), Some(phase.name()), Some(&seconds.to_string())])
        .context(|| WRITE_FAILED)
}

/// Records that the rows or the constraints are done, unless the ledger has a chunk or a build that is not: a server that crashed may
/// have forgotten the last of them just before.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn finish_load(
    connection: &mut Connection,
    run_id: i64,
    phase: Phase,
    seconds: f64,
) -> Result<()> {
    let sql = "INSERT INTO migration.phases (run_id, phase, seconds) SELECT $1::bigint, $2::text, $3::float8 \
               WHERE NOT EXISTS (SELECT FROM migration.chunks WHERE run_id = $1::bigint AND done_at IS NULL) \
               AND NOT ($4::boolean AND EXISTS (SELECT FROM migration.builds WHERE run_id = $1::bigint AND done_at IS NULL)) \
               ON CONFLICT (run_id, phase) DO UPDATE SET seconds = excluded.seconds, finished_at = now()";
    let is_all = (phase == Phase::Constraints).to_string();
    connection
        .execute(
            sql,
            &[Some(&run_id.to_string()), Some(phase.name()), Some(&seconds.to_string()), Some(&is_all)],
        )
        .context(|| WRITE_FAILED)
}

/// Records that a phase is no longer done: after a validation that finds differences, the migration is not validated.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) fn reopen_phase(connection: &mut Connection, run_id: i64, phase: Phase) -> Result<()> {
    let sql = "DELETE FROM migration.phases WHERE run_id = $1::bigint AND phase = $2";
    connection.execute(sql, &[Some(&run_id.to_string()), Some(phase.name())]).context(|| WRITE_FAILED)
}

/// Removes a run, and the ledger with it unless it has runs that were rolled back.
///
/// # Errors
/// When the target refuses.
pub(crate) fn remove_run(connection: &mut Connection, run_id: i64) -> Result<()> {
    let others = "SELECT EXISTS (SELECT FROM migration.runs WHERE id <> $1::bigint)";
    let id = run_id.to_string();
    if !connection.one(others, &[Some(&id)]).context(|| READ_FAILED)? {
        return remove(connection);
    }
    connection
        .execute("DELETE FROM migration.runs WHERE id = $1::bigint", &[Some(&id)])
        .context(|| "the run cannot be removed from the ledger")
}

/// Drops the ledger with all that it knows.
///
/// # Errors
/// When the target refuses.
pub fn remove(connection: &mut Connection) -> Result<()> {
    let dropped = connection.script("DROP SCHEMA IF EXISTS migration CASCADE");
    dropped.map(drop).context(|| "the ledger cannot be removed")
}

/// Whether the ledger has a table: those of an older version have fewer.
fn is_there(connection: &mut Connection, table: &str) -> Result<bool> {
    let name = format!("migration.{table}");
    connection.one("SELECT to_regclass($1) IS NOT NULL", &[Some(&name)]).context(|| READ_FAILED)
}

/// A column as text in RFC 3339, whatever the session's date style is.
fn utc_text(column: &str) -> String {
    format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_embedded_migrations_are_those_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ledger-migrations");
        let found = Migration::in_folder(&folder).unwrap();
        let embedded: Vec<Migration> = MIGRATIONS.iter().map(|(name, _)| Migration::new(*name)).collect();
        assert_eq!(embedded, found);
    }
}
