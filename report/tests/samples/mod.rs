//! Reports to look at and to test with: of real plans, of many tables, of what goes wrong, of names that mean harm.

#![allow(dead_code, reason = "each test and the example use some of them")]
#![allow(clippy::unwrap_used, reason = "a sample that cannot be made is a defect of the test")]

pub(crate) mod hostile;
mod many;

use std::borrow::Cow;

use migrate_core::plan::{Plan, PlannedTable};
use report::model::{
    Check, Command, Compared, CopyMethod, CopyProtection, DiagramColumn, DiagramReference, DiagramTable,
    Environment, NotCompared, Problem, REPORT_FORMAT, Recipe, Rejects, Report, RowProblem, Source, Span,
    SpanKind, TableReport, Target, Verdict,
};

pub(crate) use hostile::hostile;
pub(crate) use many::many;

/// All samples by name.
pub(crate) fn all() -> Vec<(&'static str, Report<'static>)> {
    vec![
        ("hyperpage", hyperpage()),
        ("music-shop", music_shop()),
        ("many", many(200)),
        ("failed", failed()),
        ("empty", empty()),
        ("one", one_table()),
        ("hostile", hostile()),
    ]
}

/// The workspace's own plan.
pub(crate) fn hyperpage() -> Report<'static> {
    report_of(plan(include_str!("../../../schema-pg/plan.json")), 20_000)
}

/// A shop for music: eleven tables, views, a trigger, a constraint that rows break, and something left behind.
pub(crate) fn music_shop() -> Report<'static> {
    report_of(plan(include_str!("music_shop.json")), 0)
}

/// A database without a table.
pub(crate) fn empty() -> Report<'static> {
    report_of(Plan::empty("public".to_owned()), 0)
}

/// A database of one table.
pub(crate) fn one_table() -> Report<'static> {
    let mut plan = plan(include_str!("music_shop.json"));
    plan.tables.retain(|table| table.source == "Genre");
    plan.views.clear();
    plan.triggers.clear();
    plan.breaches.clear();
    plan.left_behind.clear();
    report_of(plan, 0)
}

/// The shop with much that is off.
pub(crate) fn failed() -> Report<'static> {
    let mut report = music_shop();
    report.verdict = Verdict::NotProven;
    report.source.changed_since = Some(true);
    let row = |row: String, kind: &str, columns: &[&str]| RowProblem {
        row,
        kind: kind.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    };
    for (name, missing, extra, different) in
        [("Track", 0, 0, 24), ("Invoice", 2, 0, 1), ("PlaylistTrack", 1, 1, 0)]
    {
        let table = report.tables.iter_mut().find(|table| table.table == name).unwrap();
        let compared = table.compared.as_mut().unwrap();
        compared.equal -= missing + different;
        (compared.missing, compared.extra, compared.different) = (missing, extra, different);
        compared.target_rows = compared.source_rows + extra - missing;
        let first = (0..missing.min(10)).map(|at| row(format!("{}", 17 + at), "missing", &[]));
        let first = first.chain((0..extra.min(10)).map(|at| row(format!("(9, {})", 400 + at), "extra", &[])));
        let columns: &[&str] = if name == "Track" { &["Composer", "UnitPrice"] } else { &["Total"] };
        let first = first
            .chain((0..different.min(10)).map(|at| row(format!("{}", 80 + 3 * at), "different", columns)));
        compared.first = first.collect();
    }
    let schema = report.checks.iter_mut().find(|check| check.name == "schema").unwrap();
    schema.problems = vec![
        Problem {
            what: "index ifk_track_album_id of track is not there; expected btree (album_id)".to_owned(),
            next: "create it: CREATE INDEX ifk_track_album_id ON track (album_id);".to_owned(),
        },
        Problem {
            what: "column customer.email may be NULL; expected NOT NULL".to_owned(),
            next: "ALTER TABLE customer ALTER COLUMN email SET NOT NULL;".to_owned(),
        },
    ];
    report.checks.last_mut().unwrap().is_done = false;
    report.tables[4].compared = None;
    report.rejects = vec![Rejects {
        table: "Track".to_owned(),
        skipped: 3,
        nulled: 12,
        file: Some("/var/lib/shop/rejects/track.jsonl".to_owned()),
    }];
    report
}

fn plan(json: &str) -> Plan {
    Plan::from_json(json).unwrap()
}

/// A report in which all is well. Tables whose rows nobody counted have some.
pub(crate) fn report_of(plan: Plan, rows: u64) -> Report<'static> {
    let tables: Vec<TableReport> =
        plan.tables.iter().enumerate().map(|(at, table)| moved(table, at as u64, rows)).collect();
    let mut report = Report {
        format: REPORT_FORMAT,
        made_at: "2026-11-26T21:56:44.123456Z".to_owned(),
        command: Command::Migrate,
        verdict: Verdict::Proven,
        run: 1,
        started_at: "2026-11-26T21:56:39.004Z".to_owned(),
        environment: Environment {
            tool_version: "0.1.0".to_owned(),
            sqlite_version: "3.51.3".to_owned(),
            server_version: "PostgreSQL 15.14 on x86_64-pc-linux-gnu".to_owned(),
            system: "linux x86_64".to_owned(),
            target_settings: [
                ["server_encoding", "UTF8"],
                ["TimeZone", "Etc/UTC"],
                ["lc_collate", "en_US.UTF-8"],
            ]
            .map(|pair| pair.map(str::to_owned))
            .to_vec(),
        },
        source: Source {
            path: "/srv/app/data/app.db".to_owned(),
            sealed_path: "/srv/app/.migration/sealed/2026-11-26T215639/app.db".to_owned(),
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            bytes: 41_234_432,
            sealed_at: "2026-11-26T21:56:40Z".to_owned(),
            copy_method: Some(CopyMethod { protection: CopyProtection::SqliteLocks, attempts: 1 }),
            changed_since: Some(false),
        },
        target: Target { url: "postgres://app@db.example:5432/app?sslmode=verify-full".to_owned() },
        plan_sha256: plan.fingerprint(),
        source_tables: before(&plan),
        timeline: timeline(&plan, &tables),
        checks: checks(&plan),
        rejects: Vec::new(),
        tables,
        plan: Cow::Owned(plan),
    };
    // In microseconds, as a clock would say.
    let round = |seconds: &mut f64| *seconds = (*seconds * 1e6).round() / 1e6;
    report.timeline.iter_mut().flat_map(|span| [&mut span.begin_seconds, &mut span.seconds]).for_each(round);
    for table in &mut report.tables {
        round(&mut table.seconds);
        table.compared.iter_mut().for_each(|compared| round(&mut compared.seconds));
    }
    report
}

fn moved(table: &PlannedTable, at: u64, rows: u64) -> TableReport {
    let rows = table.profile_rows.unwrap_or(rows + at * 4_217 % 9_001);
    let seconds = 0.004 + rows as f64 / 400_000.0;
    TableReport {
        table: table.source.clone(),
        target: format!("{}.{}", table.schema_name(), table.target),
        rows,
        bytes: rows * 13 * table.columns.len() as u64,
        seconds,
        compared: Some(Compared {
            source_rows: rows,
            target_rows: rows,
            equal: rows,
            seconds: seconds * 0.8,
            ..Compared::default()
        }),
        held: None,
        by_hand: vec![
            Recipe {
                what: "The rows of the copy in the order of the key".into(),
                program: "sqlite3".into(),
                text: format!(
                    "SELECT * FROM \"{}\" NOT INDEXED ORDER BY 1;",
                    table.source.replace('"', "\"\"")
                ),
            },
            Recipe {
                what: "The same in PostgreSQL".into(),
                program: "psql".into(),
                text: format!("SELECT * FROM {} ORDER BY 1;", table.qualified(&table.target)),
            },
        ],
    }
}

fn timeline(plan: &Plan, tables: &[TableReport]) -> Vec<Span> {
    let phase = |name: &str, begin_seconds: f64, seconds: f64| Span {
        kind: SpanKind::Phase,
        name: name.to_owned(),
        table: None,
        begin_seconds,
        seconds,
    };
    let mut spans =
        vec![phase("preflight", 0.0, 0.21), phase("seal", 0.21, 0.16), phase("schema", 0.37, 0.08)];
    let mut lanes = [0.45_f64; 2];
    let mut inner = Vec::new();
    for (planned, table) in plan.tables.iter().zip(tables) {
        let lane = usize::from(lanes[1] < lanes[0]);
        let span = Span {
            kind: SpanKind::Rows,
            name: table.table.clone(),
            table: Some(table.table.clone()),
            begin_seconds: lanes[lane],
            seconds: table.seconds * 8.0,
        };
        lanes[lane] += span.seconds;
        inner.push(span);
        for (at, index) in planned.indexes.iter().enumerate() {
            inner.push(Span {
                kind: SpanKind::Build,
                name: index.name.clone(),
                table: Some(table.table.clone()),
                begin_seconds: lanes[lane] + 0.02 * at as f64,
                seconds: 0.006 + table.seconds * 2.0,
            });
        }
    }
    let rows_end = lanes[0].max(lanes[1]);
    let inner_end = inner.iter().map(|span| span.begin_seconds + span.seconds).fold(rows_end, f64::max);
    spans.push(phase("rows", 0.45, rows_end - 0.45));
    spans.push(phase("constraints", rows_end, inner_end + 0.05 - rows_end));
    spans.push(phase("validate", inner_end + 0.05, 0.3 + (rows_end - 0.45) * 0.8));
    spans.extend(inner);
    spans
}

fn checks(plan: &Plan) -> Vec<Check> {
    let check = |name: &str, how: &str, tried: usize, unit: &str| Check {
        name: name.to_owned(),
        how: how.to_owned(),
        tried: tried as u64,
        unit: unit.to_owned(),
        problems: Vec::new(),
        left_out: Vec::new(),
        is_done: true,
    };
    let keys = plan
        .tables
        .iter()
        .map(|table| table.unique.len() + table.foreign_keys.len() + table.checks.len())
        .sum();
    let numbered = plan.tables.iter().filter(|table| table.sequence_column().is_some()).count();
    let mut checks = vec![
        check(
            "seal",
            "The SHA-256 of the sealed copy is the one that was written down when it was taken.",
            1,
            "files",
        ),
        check(
            "integrity",
            "SQLite's own integrity_check runs over the whole copy, its indexes among it.",
            1,
            "files",
        ),
        check(
            "schema",
            "The plan's migrations are run in a scratch schema, and PostgreSQL describes both: tables, columns, types, defaults, keys, indexes.",
            plan.tables.len() * 7,
            "descriptions",
        ),
        check(
            "sequences",
            "Every sequence stands at or past the greatest number that was used.",
            numbered,
            "sequences",
        ),
        check(
            "defaults",
            "A row of defaults is inserted in a transaction that is rolled back, and held against what SQLite gives for it.",
            plan.tables.len() * 2,
            "defaults",
        ),
        check(
            "behaviour",
            "A row that breaks each constraint is offered to both databases in a savepoint that is rolled back; both have to refuse it.",
            keys,
            "constraints",
        ),
        check("views", "Each view gives the same rows on both sides.", plan.views.len(), "views"),
    ];
    if keys > 3 {
        checks[5].left_out = vec![NotCompared {
            what: "foreign key from customer to employee".to_owned(),
            reason: "it is NOT VALID, since rows break it; that new rows are refused was tried all the same"
                .to_owned(),
        }];
    }
    checks
}

/// The tables as SQLite declares them, as far as the plan knows.
fn before(plan: &Plan) -> Vec<DiagramTable> {
    let source_name = |target: &str| {
        plan.tables.iter().find(|table| table.target == target).map(|table| table.source.clone())
    };
    let source_columns = |table: &PlannedTable, columns: &[String]| {
        columns
            .iter()
            .map(|column| {
                table.target_column(column).map_or_else(|| column.clone(), |found| found.source.clone())
            })
            .collect()
    };
    let table = |table: &PlannedTable| DiagramTable {
        name: table.source.clone(),
        columns: (table.columns.iter())
            .map(|column| DiagramColumn {
                name: column.source.clone(),
                type_name: column.declared.clone(),
                is_key: table.primary_key.as_ref().is_some_and(|key| key.columns.contains(&column.target)),
                not_null: column.source_not_null,
            })
            .collect(),
        references: (table.foreign_keys.iter())
            .filter_map(|key| {
                let parent = plan.tables.iter().find(|table| table.target == key.parent_table)?;
                Some(DiagramReference {
                    columns: source_columns(table, &key.columns),
                    table: source_name(&key.parent_table)?,
                    parent_columns: source_columns(parent, &key.parent_columns),
                })
            })
            .collect(),
        left_behind: None,
    };
    plan.tables.iter().map(table).collect()
}
