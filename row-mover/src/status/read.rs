//! Reads the data of a status. Decides nothing.

use migrate_core::phase::Phase;
use serde_json::Value;

use super::{BuildStatus, CaughtUpStatus, PhaseStatus, RunStatus, SessionStatus, Status, TableStatus};
use crate::error::{Context, Result};
use crate::ledger;
use crate::run::{ADVISORY_LOCK, check_version};
use postgres_client::connection::{Connection, Row};
use postgres_client::lock_watch::watching_locks;
use postgres_client::session::{APPLICATION_NAME, STATUS_NAME, open_first};
use postgres_client::{DbSettings, TargetUrl};

/// Over how many of the last seconds a rate is taken.
const RECENT_SECONDS: f64 = 30.0;

/// Reads the state of a target.
///
/// # Errors
/// When it cannot be reached, or holds a ledger that cannot be read.
pub fn status(target: &TargetUrl, settings: &DbSettings) -> Result<Status> {
    watching_locks(target, settings, || read(target, settings))
}

fn read(target: &TargetUrl, settings: &DbSettings) -> Result<Status> {
    let mut connection = open_first(target, settings)?;
    check_version(&connection)?;
    let mut query = |sql: &str| connection.query(sql, &[]).map(drop);
    query(&format!("SET application_name = '{STATUS_NAME}'"))?;
    query(&format!("SET statement_timeout = {}", settings.statement_timeout.as_millis()))?;
    // One moment for the ledger and for who is at work: all questions see the same snapshot.
    query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let failed = || "the ledger cannot be read".to_owned();
    let is_at_work = is_at_work(&mut connection)?;
    let sessions = sessions(&mut connection)?;
    if !is_there(&mut connection, "runs").context(failed)? {
        return Ok(Status::new(None, is_at_work, sessions, None));
    }
    let run = last_run(&mut connection).context(failed)?;
    let rate = match &run {
        Some(run) if is_at_work => recent_rate(&mut connection, run.id).context(failed)?,
        _ => None,
    };
    Ok(Status::new(run, is_at_work, sessions, rate))
}

/// Whether somebody holds the lock of migrations in this database. The number of the lock is split in two in `pg_locks`.
fn is_at_work(connection: &mut Connection) -> Result<bool> {
    let rows = connection.query(
        &format!(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND classid = ({ADVISORY_LOCK} >> 32)::text::oid AND objid = ({ADVISORY_LOCK} & 4294967295)::text::oid"
        ),
        &[],
    )?;
    Ok(!rows.is_empty())
}

/// Our sessions, by process. Statements are not shown: they are not needed, and could be those of anybody who uses our name.
fn sessions(connection: &mut Connection) -> Result<Vec<SessionStatus>> {
    let rows = connection.query(
        &format!(
            "SELECT a.pid, coalesce(a.state, 'unknown'), \
             coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.state_change, a.backend_start)), 0), \
             coalesce('COPY ' || c.relid::regclass || ', ' || c.bytes_processed || ' bytes so far', \
             i.command || ' on ' || i.relid::regclass || ', ' || i.phase), \
             CASE WHEN a.state = 'active' THEN a.wait_event_type || ': ' || a.wait_event END, \
             array_to_string(pg_blocking_pids(a.pid), ' ') \
             FROM pg_stat_activity a LEFT JOIN pg_stat_progress_copy c ON c.pid = a.pid \
             LEFT JOIN pg_stat_progress_create_index i ON i.pid = a.pid \
             WHERE a.datname = current_database() AND a.application_name = '{APPLICATION_NAME}' \
             AND a.backend_type = 'client backend' ORDER BY a.pid"
        ),
        &[],
    )?;
    let read = |row: Row| -> Result<SessionStatus> {
        let [pid, state, seconds, doing, waits_for, blocked_by] = row.try_into()?;
        let blocked_by = blocked_by.unwrap_or_default();
        Ok(SessionStatus {
            pid: integer(pid)?,
            state: state.unwrap_or_default(),
            seconds: real(seconds)?.unwrap_or(0.0).max(0.0),
            doing,
            waits_for,
            blocked_by: blocked_by.split_whitespace().filter_map(|pid| pid.parse().ok()).collect(),
        })
    };
    rows.into_iter().map(read).collect()
}

/// Whether the ledger has a table: those of an older version have fewer.
fn is_there(connection: &mut Connection, table: &str) -> Result<bool> {
    let name = format!("migration.{table}");
    let rows = connection.query("SELECT 1 WHERE to_regclass($1::text) IS NOT NULL", &[Some(&name)])?;
    Ok(!rows.is_empty())
}

fn last_run(connection: &mut Connection) -> Result<Option<RunStatus>> {
    let rows = connection.query(
        &format!(
            "SELECT id, {}, tool_version, source_path, plan_sha256, to_json(tables), seal FROM migration.runs \
             ORDER BY id DESC LIMIT 1",
            utc_text("started_at")
        ),
        &[],
    )?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let [id, started_at, tool_version, source_path, plan_sha256, tables, seal] = row.try_into()?;
    let id = integer(id)?;
    // The manifest of another version may differ: entries that it lacks are not shown.
    let seal: Value = serde_json::from_str(&seal.unwrap_or_default()).unwrap_or_default();
    let sealed = |field: &str| seal.get(field).and_then(Value::as_str).map(str::to_owned);
    let names: Vec<String> = serde_json::from_str(&tables.unwrap_or_default())
        .context(|| format!("the tables of run {id} cannot be read"))?;
    let (phases, validated_at) = phases(connection, id)?;
    let next_phase = Phase::ALL.into_iter().find(|phase| phases.iter().all(|done| done.phase != *phase));
    Ok(Some(RunStatus {
        id,
        started_at: started_at.unwrap_or_default(),
        tool_version: tool_version.unwrap_or_default(),
        source_path: source_path.unwrap_or_default(),
        sealed_path: sealed("path"),
        sealed_at: sealed("sealed_at"),
        plan_sha256: plan_sha256.unwrap_or_default(),
        phases,
        next_phase,
        tables: tables_of(connection, id, names)?,
        builds: builds(connection, id)?,
        baseline: ledger::baseline(connection)?.map(|written| written.baseline),
        lacks_baseline: next_phase.is_none_or(|phase| phase > Phase::Constraints)
            && ledger::lacks_baseline(connection)?,
        validated_at,
        caught_up: caught_up(connection, id)?,
    }))
}

/// What catch-ups have applied.
fn caught_up(connection: &mut Connection, run: i64) -> Result<Option<CaughtUpStatus>> {
    let catch_ups = ledger::catch_ups(connection, run)?;
    let times = catch_ups.len() as u64;
    Ok(catch_ups.into_iter().last().map(|last| CaughtUpStatus {
        times,
        rows: u64::try_from(last.inserted + last.updated + last.deleted).unwrap_or(0),
        applied_at: last.applied_at.unwrap_or_default(),
    }))
}

/// The phases that are done, and when the run was validated. A phase that this version does not know is passed over.
fn phases(connection: &mut Connection, run: i64) -> Result<(Vec<PhaseStatus>, Option<String>)> {
    let sql = format!(
        "SELECT phase, seconds, {} FROM migration.phases WHERE run_id = $1::bigint",
        utc_text("finished_at")
    );
    let mut phases = Vec::new();
    for row in connection.query(&sql, &[Some(&run.to_string())])? {
        let [name, seconds, finished_at] = row.try_into()?;
        if let Some(phase) = name.as_deref().and_then(Phase::from_name) {
            let seconds = real(seconds)?.unwrap_or(0.0);
            phases.push(PhaseStatus { phase, seconds, finished_at: finished_at.unwrap_or_default() });
        }
    }
    phases.sort_by_key(|done| done.phase);
    let validated = phases.iter().find(|done| done.phase == Phase::Validate);
    let validated_at = validated.map(|done| done.finished_at.clone());
    Ok((phases, validated_at))
}

/// How far each table is. Columns that an older ledger has not are read through JSON, where they are null.
fn tables_of(connection: &mut Connection, run: i64, names: Vec<String>) -> Result<Vec<TableStatus>> {
    let rows = connection.query(
        "WITH c AS (SELECT table_name, done_at IS NOT NULL AS is_done, rows, bytes, seconds, to_jsonb(chunks) AS j \
         FROM migration.chunks WHERE run_id = $1::bigint) \
         SELECT table_name, count(*), count(*) FILTER (WHERE is_done), \
         coalesce(sum(rows) FILTER (WHERE is_done), 0), coalesce(sum(bytes) FILTER (WHERE is_done), 0), \
         coalesce(sum(seconds) FILTER (WHERE is_done), 0), \
         coalesce(sum((j->>'rejected')::bigint), 0), coalesce(sum((j->>'nulled')::bigint), 0), \
         CASE WHEN bool_and(is_done OR j->>'planned_rows' IS NOT NULL) \
         THEN sum(CASE WHEN is_done THEN rows ELSE (j->>'planned_rows')::bigint END) END, \
         CASE WHEN bool_and(is_done OR j->>'planned_bytes' IS NOT NULL) \
         THEN sum(CASE WHEN is_done THEN bytes ELSE (j->>'planned_bytes')::bigint END) END \
         FROM c GROUP BY table_name",
        &[Some(&run.to_string())],
    )?;
    let is_planned = !rows.is_empty();
    let mut found = Vec::new();
    for row in rows {
        let [name, chunks, done, rows, bytes, seconds, rejected, nulled, rows_all, bytes_all] =
            row.try_into()?;
        found.push(TableStatus {
            table: name.unwrap_or_default(),
            chunks: natural(chunks)?,
            chunks_done: natural(done)?,
            rows: natural(rows)?,
            rows_all: rows_all.map(|number| natural(Some(number))).transpose()?,
            bytes: natural(bytes)?,
            bytes_all: bytes_all.map(|number| natural(Some(number))).transpose()?,
            seconds: real(seconds)?.unwrap_or(0.0),
            rejected: natural(rejected)?,
            nulled: natural(nulled)?,
        });
    }
    // Once chunks are planned, a table that has none has no rows.
    let nothing = is_planned.then_some(0);
    let status_of = |name: String| match found.iter().find(|table| table.table == name) {
        Some(table) => table.clone(),
        None => TableStatus { table: name, rows_all: nothing, bytes_all: nothing, ..TableStatus::default() },
    };
    Ok(names.into_iter().map(status_of).collect())
}

fn builds(connection: &mut Connection, run: i64) -> Result<Vec<BuildStatus>> {
    if !is_there(connection, "builds")? {
        return Ok(Vec::new());
    }
    let rows = connection.query(
        "SELECT table_name, what, CASE WHEN done_at IS NOT NULL THEN coalesce(seconds, 0) END \
         FROM migration.builds WHERE run_id = $1::bigint ORDER BY build",
        &[Some(&run.to_string())],
    )?;
    let read = |row: Row| -> Result<BuildStatus> {
        let [table, what, seconds] = row.try_into()?;
        Ok(BuildStatus {
            table: table.unwrap_or_default(),
            what: what.unwrap_or_default(),
            seconds: real(seconds)?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// The recent rate in bytes per second; none if nothing moved. `done_at` is the beginning of a chunk's transaction, so that a chunk
/// counts with the share of its time that lies in the last seconds.
fn recent_rate(connection: &mut Connection, run: i64) -> Result<Option<f64>> {
    let rows = connection.query(
        "WITH c AS (SELECT bytes, greatest(seconds, 0.001) AS seconds, extract(epoch FROM clock_timestamp() - done_at)::float8 AS began \
         FROM migration.chunks WHERE run_id = $1::bigint AND done_at IS NOT NULL), \
         p AS (SELECT bytes, seconds, least(began, $2::float8) AS first, greatest(began - seconds, 0) AS last FROM c \
         WHERE began - seconds < $2::float8) \
         SELECT sum(bytes * greatest(first - last, 0) / seconds), max(first) FROM p",
        &[Some(&run.to_string()), Some(&RECENT_SECONDS.to_string())],
    )?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let [bytes, seconds] = row.try_into()?;
    let (bytes, seconds) = (real(bytes)?.unwrap_or(0.0), real(seconds)?.unwrap_or(0.0));
    Ok((bytes > 0.0 && seconds > 0.0).then(|| bytes / seconds))
}

fn integer(text: Option<String>) -> Result<i64> {
    text.unwrap_or_default()
        .parse()
        .context(|| "PostgreSQL gave no number where one was asked for".to_owned())
}

fn natural(text: Option<String>) -> Result<u64> {
    integer(text).map(|number| u64::try_from(number).unwrap_or(0))
}

fn real(text: Option<String>) -> Result<Option<f64>> {
    let parse = |text: String| {
        text.parse().context(|| "PostgreSQL gave no number where one was asked for".to_owned())
    };
    text.map(parse).transpose()
}

/// A column as text in RFC 3339, whatever the session's date style is.
fn utc_text(column: &str) -> String {
    format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
}
