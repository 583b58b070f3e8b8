//! A report whose names try to be something else, for tests of what is made of it.

use std::borrow::Cow;

use migrate_core::mapping::Mapping;
use migrate_core::plan::{LeftBehind, Plan};
use migrate_core::planner;
use migrate_core::source_schema::{SourceColumn, SourceForeignKey, SourceSchema, SourceTable};

use crate::model::{
    Check, Command, Compared, ComparedBy, Environment, NotCompared, Problem, REPORT_FORMAT, Recipe, Report,
    RowProblem, Source, TableReport, Target, Verdict,
};
use crate::outline;

/// Names that mean something to Markdown, Mermaid, HTML, XML, a terminal or GitHub's runner.
pub(crate) const NAMES: [&str; 12] = [
    "plain",
    "<script>alert(1)</script>",
    "a|b`c``d",
    "::error title=x::y",
    "100%, a:b\r\nsecond line",
    "quote\"'&amp;]]>",
    "\u{202e}back\u{1b}[31m\u{1}\u{ffff}",
    "]} --o{ plain : \"x\" %% ```\n```",
    "größe 表 🦀",
    "end",
    "@team #12 https://evil.example **bold** _x_",
    "0 1.5-x",
];

fn name(place: usize) -> String {
    NAMES.get(place % NAMES.len()).copied().unwrap_or_default().to_owned()
}

fn sql(place: usize) -> String {
    let quote = migrate_core::identifier::quote_sqlite;
    let column = quote(&name(place + 1));
    let key = match place {
        0 => String::new(),
        _ => format!(", FOREIGN KEY ({column}) REFERENCES {} ON DELETE CASCADE", quote(&name(place - 1))),
    };
    format!("CREATE TABLE {} (\"id\" INTEGER PRIMARY KEY, {column} INTEGER{key})", quote(&name(place)))
}

/// Tables of these names, each with a key and a column of the next name, pointing to the one before.
pub(crate) fn schema() -> SourceSchema {
    let table = |place: usize| SourceTable {
        name: name(place),
        sql: sql(place),
        module: None,
        without_rowid: false,
        strict: false,
        columns: [("id".to_owned(), "INTEGER", 1), (name(place + 1), "INTEGER", 0)]
            .into_iter()
            .map(|(name, declared, primary_key_position)| SourceColumn {
                name,
                declared_type: declared.to_owned(),
                not_null: false,
                default: None,
                primary_key_position,
                generated: false,
            })
            .collect(),
        indexes: Vec::new(),
        foreign_keys: (place > 0)
            .then(|| SourceForeignKey {
                columns: vec![name(place + 1)],
                parent_table: name(place - 1),
                parent_columns: Vec::new(),
                on_update: "NO ACTION".to_owned(),
                on_delete: "CASCADE".to_owned(),
            })
            .into_iter()
            .collect(),
    };
    SourceSchema { tables: (0..NAMES.len()).map(table).collect(), others: Vec::new() }
}

/// The planner's result for it.
pub(crate) fn plan() -> Plan {
    let mut plan = planner::plan(&schema(), None, &Mapping::default()).unwrap();
    plan.left_behind.extend(NAMES.iter().map(|name| LeftBehind {
        kind: "view".to_owned(),
        name: (*name).to_owned(),
        reason: format!("not translated: {name}"),
        sql: Some(format!("CREATE VIEW \"{name}\" AS SELECT 1")),
    }));
    plan
}

fn table(place: usize) -> TableReport {
    let is_bad = !place.is_multiple_of(3);
    let compared = Compared {
        by: ComparedBy::Key,
        source_rows: 10,
        target_rows: 10,
        equal: if is_bad { 9 } else { 10 },
        different: u64::from(is_bad),
        first: (is_bad)
            .then(|| RowProblem {
                row: format!("id='{}'", name(place)),
                kind: "different".to_owned(),
                columns: vec![name(place + 1)],
            })
            .into_iter()
            .collect(),
        seconds: 0.25,
        ..Compared::default()
    };
    TableReport {
        table: name(place),
        target: name(place),
        rows: 10 * place as u64,
        bytes: 100,
        seconds: 0.5,
        compared: (place != 6).then_some(compared),
        held: None,
        by_hand: vec![Recipe {
            what: "the rows".into(),
            program: "psql".into(),
            text: format!("SELECT * FROM \"{}\";", name(place)),
        }],
    }
}

/// The report: some tables differ, one was not compared, one check has problems, one was left out.
pub(crate) fn report(verdict: Verdict) -> Report<'static> {
    let plan = plan();
    let mut tables: Vec<TableReport> = (0..NAMES.len()).map(table).collect();
    let mut problems: Vec<Problem> = NAMES
        .iter()
        .map(|name| Problem { what: format!("{name}: is gone"), next: format!("make {name}") })
        .collect();
    if verdict != Verdict::NotProven {
        problems.clear();
        for compared in tables.iter_mut().filter_map(|table| table.compared.as_mut()) {
            (compared.equal, compared.different) = (10, 0);
            compared.first.clear();
        }
    }
    let check = |name: &str, problems: Vec<Problem>, is_done: bool| Check {
        name: name.to_owned(),
        how: "PostgreSQL describes both".to_owned(),
        tried: 24,
        unit: "constraints".to_owned(),
        problems,
        left_out: vec![NotCompared { what: NAMES[1].to_owned(), reason: NAMES[7].to_owned() }],
        is_done,
    };
    Report {
        format: REPORT_FORMAT,
        made_at: "2026-11-26T12:00:00Z".to_owned(),
        command: Command::Validate,
        verdict,
        run: 7,
        started_at: "2026-11-26T11:00:00Z".to_owned(),
        environment: Environment::default(),
        source: Source { path: NAMES[1].to_owned(), ..Source::default() },
        target: Target { url: "postgres://app@db.example/hyperpage".to_owned() },
        plan_sha256: plan.fingerprint(),
        source_tables: outline::before(&schema(), &plan),
        plan: Cow::Owned(plan),
        timeline: Vec::new(),
        tables,
        checks: vec![check("schema", problems, true), check("behaviour", Vec::new(), false)],
        rejects: Vec::new(),
    }
}
