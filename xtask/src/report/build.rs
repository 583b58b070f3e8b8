//! Fills the model of crate `report` from the results of a run: the ledger, the sealed copy, the validation.
//!
//! Values of rows never go into it, not even those that `--show-values` shows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use migrate_core::finding::SchemaDifference;
use migrate_core::plan::{Plan, PlannedTable};
use postgres_client::TargetUrl;
use postgres_client::{Connection, DbSettings, pool};
use report::model::{
    Command, Compared, ComparedBy, CopyMethod, CopyProtection, Environment, HeldRows, REPORT_FORMAT, Rejects,
    Report, RowProblem, Source, Span, SpanKind, TableReport, Target, Verdict,
};
use report::{idle, outline};
use row_mover::ledger::{self, Chunk, ChunkDone, History};
use row_mover::run::{SettledSeeds, Validation};
use row_mover::source::seal::{self, Seal};
use row_mover::source::undisturbed::{Protection, ReadMethod};
use row_mover::source::{SourceConnection, introspect};
use row_mover::validate::{DifferenceKind, TableComparison};

use super::{by_hand, checks};

/// The subject of a report.
pub(crate) struct Subject<'a, 'p> {
    /// The command that makes it.
    pub(crate) command: Command,
    /// The run's number in the ledger.
    pub(crate) run: i64,
    /// The sealed copy.
    pub(crate) seal: &'a Seal,
    /// The run's plan.
    pub(crate) plan: &'p Plan,
    /// The tables that moved, by source name.
    pub(crate) tables: &'a [String],
    /// The findings.
    pub(crate) validation: &'a Validation,
    /// The files of rejected rows, by table, where this command wrote them.
    pub(crate) reject_files: Vec<(String, String)>,
    /// Whether the Diesel schema is as planned.
    pub(crate) diesel_schema: DieselSchema,
}

/// Whether the Diesel schema that the app compiles against is the plan's.
pub(crate) enum DieselSchema {
    /// It is.
    Same,
    /// It is not.
    Differs(SchemaDifference),
    /// It was not compared, and why.
    NotCompared(&'static str),
}

/// Makes the report.
///
/// # Errors
/// When the ledger or the sealed copy cannot be read.
pub(crate) fn build<'p>(
    subject: &Subject<'_, 'p>,
    url: &TargetUrl,
    settings: &DbSettings,
) -> anyhow::Result<Report<'p>> {
    let source_tables = {
        let sealed = SourceConnection::open_sealed(&subject.seal.path)?;
        outline::before(&introspect::introspect(&sealed)?, subject.plan)
    };
    let pool = pool::open(url, settings)?;
    let mut connection = pool::get(&pool)?;
    let history = ledger::history(&mut connection, subject.run)?;
    let chunks = ledger::chunks(&mut connection, subject.run)?;
    let (made_at, environment) = environment(&mut connection)?;
    Ok(Report {
        format: REPORT_FORMAT,
        made_at,
        command: subject.command,
        verdict: verdict(subject.validation),
        run: subject.run,
        started_at: history.started_at.clone(),
        environment,
        source: source(subject.seal),
        target: Target { url: url.to_string() },
        plan_sha256: subject.plan.fingerprint(),
        source_tables,
        timeline: timeline(subject.plan, &history),
        tables: table_reports(subject, &chunks),
        checks: checks::checks(subject),
        rejects: rejects(subject, &chunks),
        plan: Cow::Borrowed(subject.plan),
    })
}

fn verdict(validation: &Validation) -> Verdict {
    if validation.is_proven() { Verdict::Proven } else { Verdict::NotProven }
}

/// How a copy was taken, in the report's terms.
pub(super) fn copy_method(method: ReadMethod) -> CopyMethod {
    let protection = match method.protection {
        Protection::SqliteLocks => CopyProtection::SqliteLocks,
        Protection::UnchangedFile => CopyProtection::UnchangedFile,
    };
    CopyMethod { protection, attempts: method.attempts }
}

fn source(seal: &Seal) -> Source {
    let is_there = seal.source_path.exists();
    let shown = |path: &Path| path.display().to_string();
    Source {
        path: shown(&seal.source_path),
        sealed_path: shown(&seal.path),
        sha256: seal.sha256.clone(),
        bytes: seal.bytes,
        sealed_at: seal.sealed_at.clone(),
        copy_method: seal.read_method.map(copy_method),
        changed_since: is_there.then(|| seal::source_state(&seal.source_path) != seal.source_state),
    }
}

/// The database's settings that affect the form of values and the data on disk.
const SETTINGS_SQL: &str = "SELECT name, setting AS value FROM pg_settings \
     WHERE name IN ('server_encoding', 'TimeZone', 'data_checksums', 'fsync', 'full_page_writes') \
     UNION ALL SELECT 'datcollate', datcollate::text FROM pg_database WHERE datname = current_database() \
     UNION ALL SELECT 'datctype', datctype::text FROM pg_database WHERE datname = current_database() ORDER BY name";

/// When it is, by the server's clock, and the programs at work.
fn environment(connection: &mut Connection) -> anyhow::Result<(String, Environment)> {
    let (server_version, now) = connection.one(
        "SELECT version(), to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
        &[],
    )?;
    let settings: Vec<(String, String)> = connection.load(SETTINGS_SQL, &[])?;
    let environment = Environment {
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        sqlite_version: rusqlite::version().to_owned(),
        server_version,
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        target_settings: settings.into_iter().map(|setting| [setting.0, setting.1]).collect(),
    };
    Ok((now, environment))
}

/// The ledger's history by source names, without idle times. Checks are not phases, and run in parallel with the others.
fn timeline(plan: &Plan, history: &History) -> Vec<Span> {
    let source_name = |target: &String| {
        let table = plan.target_table(target);
        table.map_or_else(|| target.clone(), |table| table.source.clone())
    };
    let spans = history.spans.iter().filter_map(|span| {
        let kind = match span.kind.as_str() {
            "phase" => SpanKind::Phase,
            "rows" => SpanKind::Rows,
            "build" => SpanKind::Build,
            _ => return None,
        };
        let table = match kind {
            SpanKind::Build => span.table.as_ref().map(source_name),
            _ => span.table.clone(),
        };
        let (begin_seconds, seconds) = (span.begin_seconds, span.seconds);
        Some(Span { kind, name: span.name.clone(), table, begin_seconds, seconds })
    });
    idle::without_idle_times(spans.collect())
}

/// What became of each table of the plan, in its order.
fn table_reports(subject: &Subject<'_, '_>, chunks: &[Chunk]) -> Vec<TableReport> {
    let done = done_by_table(chunks);
    let found: HashMap<&str, &TableComparison> =
        subject.validation.tables.iter().map(|found| (found.table.as_str(), found)).collect();
    let of_table = |table: &PlannedTable| {
        let name = table.source.as_str();
        let done = done.get(name).map(Vec::as_slice).unwrap_or_default();
        table_report(subject, table, done, found.get(name).copied())
    };
    subject.plan.tables.iter().map(of_table).collect()
}

fn table_report(
    subject: &Subject<'_, '_>,
    table: &PlannedTable,
    done: &[&ChunkDone],
    found: Option<&TableComparison>,
) -> TableReport {
    let sum = |count: fn(&ChunkDone) -> i64| -> u64 {
        done.iter().map(|done| u64::try_from(count(done)).unwrap_or(0)).sum()
    };
    TableReport {
        table: table.source.clone(),
        target: outline::target_name(table),
        rows: sum(|done| done.rows),
        bytes: sum(|done| done.bytes),
        // The sum of no numbers is -0.0, which nobody wants to read.
        seconds: done.iter().map(|done| done.seconds).sum::<f64>() + 0.0,
        compared: found.map(|found| compared(table, found)),
        held: subject.validation.seeds.iter().find(|found| found.table == table.source).map(held),
        by_hand: by_hand::recipes(table),
    }
}

/// The rows that a table held before, in the report's terms.
pub(super) fn held(found: &SettledSeeds) -> HeldRows {
    let SettledSeeds { equal, kept, overwritten, replaced, .. } = *found;
    HeldRows { equal, kept, overwritten, deleted: replaced }
}

/// The chunks that are done, by table.
fn done_by_table(chunks: &[Chunk]) -> HashMap<&str, Vec<&ChunkDone>> {
    let mut by_table: HashMap<&str, Vec<&ChunkDone>> = HashMap::new();
    for (table, done) in chunks.iter().filter_map(|chunk| Some((chunk.table.as_str(), chunk.done.as_ref()?)))
    {
        by_table.entry(table).or_default().push(done);
    }
    by_table
}

fn compared(table: &PlannedTable, found: &TableComparison) -> Compared {
    let key = table.key_positions();
    let is_in_order = |place: &usize| table.columns.get(*place).is_some_and(|column| column.keeps_order());
    let is_merged = !key.is_empty() && key.iter().all(is_in_order);
    let first = found.first.iter().map(|difference| RowProblem {
        row: difference.key.clone(),
        kind: match difference.kind {
            DifferenceKind::Missing => "missing",
            DifferenceKind::Extra => "extra",
            DifferenceKind::Different => "different",
        }
        .to_owned(),
        columns: difference.columns.clone(),
    });
    Compared {
        by: if is_merged { ComparedBy::Key } else { ComparedBy::Multiset },
        source_rows: found.source_rows,
        target_rows: found.target_rows,
        equal: found.equal,
        missing: found.missing,
        extra: found.extra,
        different: found.different,
        rejected: found.rejected,
        nulled: found.nulled,
        first: first.collect(),
        seconds: found.seconds,
    }
}

/// The ledger's counts, with the files that this command has written.
fn rejects(subject: &Subject<'_, '_>, chunks: &[Chunk]) -> Vec<Rejects> {
    let done = done_by_table(chunks);
    let of_table = |table: &String| {
        let done = done.get(table.as_str()).map(Vec::as_slice).unwrap_or_default();
        let sum = |count: fn(&ChunkDone) -> i64| -> u64 {
            done.iter().map(|done| u64::try_from(count(done)).unwrap_or(0)).sum()
        };
        let (skipped, nulled) = (sum(|done| done.rejected), sum(|done| done.nulled));
        let file = subject.reject_files.iter().find(|(name, _)| name == table).map(|(_, file)| file.clone());
        (skipped + nulled > 0).then(|| Rejects { table: table.clone(), skipped, nulled, file })
    };
    subject.tables.iter().filter_map(of_table).collect()
}
