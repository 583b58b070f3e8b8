//! The output of `migrate` and `validate` about rows that were moved and compared, in thirty lines or less.

use std::collections::HashMap;

use migrate_core::plan::Plan;
use postgres_client::TargetUrl;
use report::figures::count;
use row_mover::ledger::Run;
use row_mover::run::{Moved, SettledSeeds, Validation};
use row_mover::source::seal::Seal;
use row_mover::validate::TableComparison;

use super::layout::{LINES_MAX, List, Section, TableRow, fitted, height};
use super::outcome::{changed_since, unusual_copy};
use super::{counted, findings, not_moved, problems, seconds};
use crate::display::printable;
use crate::workspace;
use ::report::figures::size;

/// The final output of `validate`; `end` follows it, such as the path of the report.
pub(crate) fn validation_text(run: &Run, validation: &Validation, url: &TargetUrl, end: &str) -> String {
    let mut sections =
        vec![Section::Text(format!("run {} in {url}\n", run.id)), compared_table(&validation.tables)];
    sections.push(not_moved_text(&run.plan, &run.state.subject.tables));
    sections.push(breaches(&run.plan));
    sections.push(not_valid_before(&run.plan));
    sections.push(held(validation));
    sections.extend(problems::sections(validation, &run.plan));
    sections.push(not_compared(validation));
    sections.push(Section::Text(verdict(validation, &run.seal, &run.plan)));
    sections.extend(integrity(validation));
    if validation.lacks_baseline {
        sections.push(Section::Text(format!("{}\n", lacks_baseline(run.id))));
    }
    sections.extend(unusual_copy(&run.seal).map(Section::Text));
    sections.push(Section::Text(end.to_owned()));
    fitted(&sections, LINES_MAX)
}

/// The final output of `migrate` about rows that moved; `end` follows it.
pub(crate) fn moved_text(moved: &Moved, plan: &Plan, end: &str) -> String {
    let names: Vec<String> = moved.tables.iter().map(|done| done.table.clone()).collect();
    let left_behind = plan.left_behind.iter().map(|left| {
        let [name, reason] = [&left.name, &left.reason].map(|words| printable(words));
        format!("not migrated: {} {name} ({reason})", left.kind)
    });
    let mut sections = vec![moved_table(moved)];
    sections.push(list(left_behind.collect(), "objects not migrated"));
    sections.push(not_moved_text(plan, &names));
    sections.push(breaches(plan));
    sections.push(not_valid_before(plan));
    sections.push(rejected(moved));
    sections.push(held(&moved.validation));
    sections.extend(problems::sections(&moved.validation, plan));
    sections.push(not_compared(&moved.validation));
    sections.push(Section::Text(verdict(&moved.validation, &moved.seal, plan)));
    sections.extend(integrity(&moved.validation));
    sections.extend(baseline(&moved.validation).map(Section::Text));
    sections.extend(unusual_copy(&moved.seal).map(Section::Text));
    if moved.source_changed_since {
        sections.push(Section::Text(changed_since(&moved.seal)));
    }
    sections.push(Section::Text(end.to_owned()));
    fitted(&sections, LINES_MAX)
}

fn list(entries: Vec<String>, noun: &'static str) -> Section {
    Section::List(List { entries, noun, ..List::default() })
}

/// What became of the rows that the app's tables held before.
fn held(validation: &Validation) -> Section {
    let line = |found: &SettledSeeds| {
        format!("{}: {}", printable(&found.table), report::words::held(&super::build::held(found)))
    };
    list(validation.seeds.iter().map(line).collect(), "tables that held rows before")
}

fn compared_table(tables: &[TableComparison]) -> Section {
    let has_rejects = tables.iter().any(|found| found.rejected + found.nulled > 0);
    let mut heads = vec!["table", "rows", "equal", "missing", "extra", "different", "seconds"];
    if has_rejects {
        heads.splice(2..2, ["rejected", "nulled"]);
    }
    let row = |found: &TableComparison| {
        let mut cells = vec![printable(&found.table), count(found.source_rows)];
        if has_rejects {
            cells.extend([count(found.rejected), count(found.nulled)]);
        }
        cells.extend([
            count(found.equal),
            count(found.missing),
            count(found.extra),
            count(found.different),
            seconds(found.seconds),
        ]);
        let is_equal = found.is_equal();
        TableRow { cells, is_wrong: !is_equal, is_equal, rows: found.source_rows }
    };
    Section::Table { heads, rows: tables.iter().map(row).collect() }
}

fn moved_table(moved: &Moved) -> Section {
    let compared: HashMap<&str, &TableComparison> =
        moved.validation.tables.iter().map(|found| (found.table.as_str(), found)).collect();
    let rows = moved.tables.iter().map(|done| {
        let compared = compared.get(done.table.as_str()).copied();
        TableRow {
            cells: vec![
                printable(&done.table),
                count(done.rows),
                size(done.bytes),
                seconds(done.seconds),
                compared.map_or_else(|| "not compared".to_owned(), verified),
            ],
            is_wrong: !compared.is_some_and(TableComparison::is_equal),
            is_equal: compared.is_some_and(TableComparison::is_equal),
            rows: done.rows,
        }
    });
    Section::Table { heads: vec!["table", "rows", "bytes", "seconds", "verified"], rows: rows.collect() }
}

fn verified(found: &TableComparison) -> String {
    if found.is_equal() {
        format!("all {} equal", count(found.equal))
    } else {
        format!("{} of {} equal", count(found.equal), count(found.source_rows))
    }
}

/// What is known of the sealed copy's own indexes; problems are listed with the differences. That the check was not run would only distract
/// from differences.
fn integrity(validation: &Validation) -> Option<Section> {
    let is_shown = validation.is_proven() || validation.integrity.is_some();
    let found = is_shown.then(|| problems::integrity_line(validation.integrity.as_ref()));
    found.flatten().map(Section::Text)
}

/// The parts that were not compared although another run could compare them.
fn not_compared(validation: &Validation) -> Section {
    let entries = findings::not_compared(validation);
    list(
        entries.iter().map(|line| format!("not checked: {}", printable(line))).collect(),
        "things not checked",
    )
}

/// The losses from the policy for values that PostgreSQL cannot hold.
fn rejected(moved: &Moved) -> Section {
    let entries = moved.rejected.iter().map(|rejected| {
        let parts = [
            (rejected.skipped, format!("{} skipped", counted(rejected.skipped, "row"))),
            (rejected.nulled, format!("{} became NULL", counted(rejected.nulled, "value"))),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
        format!(
            "rejected: {}: {}; saved in full in {}",
            printable(&rejected.table),
            parts.join(", "),
            workspace::shown(&rejected.file)
        )
    });
    list(entries.collect(), "tables with rejects")
}

/// The constraints that rows violate, their replacements, and the SQL that repairs them.
fn breaches(plan: &Plan) -> Section {
    let entries = plan.breaches.iter().map(|breach| {
        let first: Vec<String> = breach.first.iter().map(|key| printable(key)).collect();
        format!(
            "broken: {}: {} by {} ({}{})\n  it became {}\n  the rows, a repair, and the constraint: {}",
            printable(&breach.table),
            printable(&breach.constraint),
            counted(breach.rows, "row"),
            first.join("; "),
            if breach.rows > breach.first.len() as u64 { "; …" } else { "" },
            breach.becomes,
            printable(&breach.remedy)
        )
    });
    Section::List(List {
        entries: entries.collect(),
        noun: "broken constraints",
        end: "The rows that break them were moved. --accept-broken-constraints makes the exit status 0 where this is intended.\n",
        ..List::default()
    })
}

/// The constraints that the app has NOT VALID itself.
fn not_valid_before(plan: &Plan) -> Section {
    let entries = plan.not_valid_before().into_iter().map(|[table, name, definition]| {
        let [table, name, definition] = [table, name, definition].map(|words| printable(&words));
        format!("not valid: {table}: {name}, as in the app: {definition}")
    });
    list(entries.collect(), "constraints that the app has NOT VALID")
}

/// The tables that were created and not filled. If there are many, only their number is shown.
fn not_moved_text(plan: &Plan, moved: &[String]) -> Section {
    let names: Vec<String> = not_moved(plan, moved).map(printable).collect();
    let joined = names.join(", ");
    Section::Text(match names.len() {
        0 => String::new(),
        1 => format!("not moved: {joined}; it was created empty\n"),
        _ if height(&joined) <= 2 => format!("not moved: {joined}; they were created empty\n"),
        count => format!("not moved: {}; they were created empty\n", counted(count as u64, "table")),
    })
}

/// Without its schema a migration is not proven, whatever the rows are.
fn without_schema(validation: &Validation, reason: &str, copy: &str) -> String {
    let rows: u64 = validation.tables.iter().map(|table| table.equal).sum();
    format!(
        "NOT proven: {} of {} equal the sealed copy {copy}, but keys, indexes and constraints were not compared: {reason}.\n",
        counted(rows, "row"),
        counted(validation.tables.len() as u64, "table")
    )
}

/// What follows from a run that was told to leave the list of Drizzle's migrator as it is.
pub(crate) fn lacks_baseline(run: i64) -> String {
    format!(
        "without a baseline: the plan is for Drizzle, and run {run} had --no-baseline; the same `cargo xtask migrate` without it writes one"
    )
}

/// What the app's own migrator finds; none where the run wrote no baseline, or it differs.
fn baseline(validation: &Validation) -> Option<String> {
    let compared = validation.baseline.as_ref().filter(|compared| compared.differences.is_empty())?;
    Some(format!(
        "{} lists {}: the app's first start runs none of them.\n",
        compared.baseline.name(),
        counted(compared.baseline.rows.len() as u64, "migration")
    ))
}

/// What is known of the sequences. Nothing is said of those that were not checked.
fn sequences(validation: &Validation) -> String {
    let [checked, left] = [validation.sequences.compared, validation.sequences.not_compared.len() as u64];
    match (checked, left) {
        (_, 0) => "sequences are ahead".to_owned(),
        (0, _) => format!("{} not checked (listed above)", counted(left, "sequence")),
        _ => format!("{} ahead, {} not checked (listed above)", counted(checked, "sequence"), count(left)),
    }
}

fn verdict(validation: &Validation, seal: &Seal, plan: &Plan) -> String {
    let rows: u64 = validation.tables.iter().map(|table| table.equal).sum();
    let copy = printable(&workspace::shown(&seal.path));
    if !validation.is_equal() {
        return format!("NOT proven: PostgreSQL differs from the sealed copy {copy} as listed above.\n");
    }
    if let Some(reason) = &validation.schema_not_compared {
        return without_schema(validation, &report::words::reason(reason), &copy);
    }
    let sum = |count: fn(&TableComparison) -> u64| validation.tables.iter().map(count).sum::<u64>();
    let (skipped, nulled) = (sum(|table| table.rejected), sum(|table| table.nulled));
    let were = |number: u64| if number == 1 { "was" } else { "were" };
    let compared = match skipped {
        0 if rows == 1 => "the 1 row".to_owned(),
        0 => format!("all {}", counted(rows, "row")),
        _ => format!("{} of {}", count(rows), counted(rows + skipped, "row")),
    };
    let equal = if rows == 1 { "equals" } else { "equal" };
    let mut exceptions = Vec::new();
    if skipped > 0 {
        exceptions.push(format!("{} {} skipped", counted(skipped, "row"), were(skipped)));
    }
    if nulled > 0 {
        exceptions.push(format!("{} became NULL", counted(nulled, "value")));
    }
    let exceptions = match exceptions.is_empty() {
        true => String::new(),
        false => format!("; {}, as the plan allows", exceptions.join(" and ")),
    };
    let valid = match (plan.breaches.is_empty(), plan.not_valid_before().is_empty()) {
        (true, true) => " and valid",
        (false, true) => ", which allows the broken ones above",
        (true, false) => ", of which the app has some NOT VALID (listed above)",
        (false, false) => ", which allows the broken ones above, and some that the app has NOT VALID",
    };
    format!(
        "Proven: {compared} in {} {equal} the sealed copy {copy}, value by value, as read back from PostgreSQL{exceptions}. \
         Keys, indexes and constraints are as planned{valid}, {}.\n",
        counted(validation.tables.len() as u64, "table"),
        sequences(validation)
    )
}
