//! A database whose names, SQL and remarks mean harm to a page.

use migrate_core::plan::{LeftBehind, Plan, PlannedBreach, PlannedCheck, PlannedTable, PlannedView};
use report::Report;
use report::model::{NotCompared, Problem, Recipe, Rejects, RowProblem, Verdict};

use super::many::{foreign_key, named, template};
use super::report_of;

/// Names that mean harm, or are merely hard to show.
pub(crate) const HOSTILE_NAMES: [&str; 14] = [
    "<script>window.harm = 1; alert(1)</script>",
    "</style><img src=x onerror='window.harm = 2'>",
    "</title></script><svg onload=window.harm=3>",
    "javascript:window.harm=4",
    "\"' onmouseover=\"window.harm=5\" x='",
    "--> <!-- &lt; &amp; &#60; ]]>",
    "\u{202e}drowssap\u{202c} \u{2066}x",
    "שולחן עם שם עברי",
    "a\0b\u{1b}[2J\u{7}\r\nc\td",
    "表のとても長い名前と絵文字🎵",
    "{{7*7}} ${7*7} #{7*7} %s",
    "",
    " ",
    "zero\u{200b}width\u{feff}and\u{ad}soft",
];

/// The database.
pub(crate) fn hostile() -> Report<'static> {
    let mut names: Vec<String> = HOSTILE_NAMES.map(str::to_owned).to_vec();
    names.push("long_".repeat(40));
    let tables: Vec<PlannedTable> = (0..names.len()).map(|at| table(&names, at)).collect();
    let mut plan = Plan { tables, ..Plan::empty(names[0].clone()) };
    for (at, name) in names.iter().enumerate() {
        let other = names[(at + 5) % names.len()].clone();
        plan.views.push(PlannedView {
            conversions: Vec::new(),
            source: format!("view {name}"),
            target: name.clone(),
            columns: vec![other.clone()],
            query: format!("SELECT '{name}'"),
            source_sql: format!("CREATE VIEW \"{name}\" AS SELECT '{other}'"),
            notes: vec![name.clone()],
        });
        plan.left_behind.push(LeftBehind {
            kind: "trigger".to_owned(),
            name: name.clone(),
            reason: other.clone(),
            sql: Some(name.clone()),
        });
        plan.breaches.push(PlannedBreach {
            table: name.clone(),
            constraint: other.clone(),
            rows: 5,
            first: vec![name.clone()],
            becomes: name.clone(),
            remedy: format!("ALTER TABLE \"{name}\"\n  VALIDATE CONSTRAINT \"{other}\";"),
        });
    }
    let mut report = report_of(plan, 10);
    spoil(&mut report, &names);
    report
}

fn table(names: &[String], at: usize) -> PlannedTable {
    let mut table = template("Employee");
    let name = &names[at];
    table.source.clone_from(name);
    table.target.clone_from(name);
    table.comment = Some(name.clone());
    table.notes = vec![name.clone()];
    let mut columns = vec![named(&table.columns[0], "id")];
    columns.extend(names.iter().map(|other| {
        let mut column = named(&table.columns[1], other);
        column.declared.clone_from(other);
        column.why.clone_from(other);
        column.suggestion = Some(format!("{other}\n[a]\n{other}"));
        column.default = Some(format!("'{other}'"));
        column
    }));
    table.columns = columns;
    table.checks = vec![PlannedCheck {
        name: name.clone(),
        expression: format!("'{name}' <> ''"),
        source: format!("\"{name}\""),
        not_valid: true,
        notes: vec![name.clone()],
    }];
    let parent = &names[(at + 3) % names.len()];
    table.foreign_keys = vec![foreign_key(name, name, parent), foreign_key(name, "id", name)];
    table
}

fn spoil(report: &mut Report<'_>, names: &[String]) {
    report.verdict = Verdict::NotProven;
    report.source.path.clone_from(&names[0]);
    report.target.url.clone_from(&names[3]);
    report.environment.server_version.clone_from(&names[2]);
    report.environment.target_settings = names.iter().map(|name| [name.clone(), name.clone()]).collect();
    report.made_at.clone_from(&names[4]);
    report.rejects = names
        .iter()
        .map(|name| Rejects { table: name.clone(), skipped: 1, nulled: 1, file: Some(name.clone()) })
        .collect();
    for (table, name) in report.tables.iter_mut().zip(names) {
        table.by_hand = vec![Recipe {
            what: name.clone().into(),
            program: name.clone().into(),
            text: format!("SELECT \"{name}\"\nFROM x"),
        }];
        if let Some(compared) = &mut table.compared {
            compared.different = 1;
            compared.first =
                vec![RowProblem { row: name.clone(), kind: name.clone(), columns: names.to_vec() }];
        }
    }
    for (check, name) in report.checks.iter_mut().zip(names) {
        check.unit.clone_from(name);
        check.how.clone_from(name);
        check.problems = vec![Problem { what: name.clone(), next: name.clone() }];
        check.left_out = vec![NotCompared { what: name.clone(), reason: name.clone() }];
    }
    for (span, name) in report.timeline.iter_mut().zip(names.iter().cycle()) {
        span.name.clone_from(name);
    }
}
