//! What a command ends with: a table for people, or JSON for programs (`docs/json-output.md` describes each field).

use comfy_table::{CellAlignment, Table, presets};
use migrate_core::plan::Plan;
use row_mover::TargetUrl;
use row_mover::ledger::Run;
use row_mover::run::{AlreadyDone, Moved, Outcome, Rejected, Validation};
use row_mover::source::preflight::Findings;
use row_mover::source::seal::Seal;
use row_mover::validate::{DifferenceKind, TableComparison};
use serde_json::json;

use crate::display::printable;
use crate::screen::size;
use crate::workspace;

/// The version of the JSON forms.
pub(crate) const JSON_FORMAT: u32 = 1;

/// Where the rows went, for the hint at the end.
#[derive(Debug)]
pub(crate) enum Target {
    /// A database that the user or the environment named.
    Named,
    /// A database of the private PostgreSQL.
    Private {
        /// Its name.
        database: String,
        /// The major version that was asked for.
        version: Option<u32>,
    },
}

/// What `migrate` says at its end.
pub(crate) fn migrate_text(outcome: &Outcome, plan: &Plan, url: &TargetUrl) -> String {
    match outcome {
        Outcome::Moved(moved) => moved_text(moved, plan),
        Outcome::AlreadyDone(done) => already_done_text(done, url),
        Outcome::Rejected { findings, over_limit } => rejected_text(findings, over_limit.as_deref()),
        Outcome::DryRun { findings, next } => {
            let verdict = rejects(findings.skipped(), findings.nulled());
            format!(
                "{} in {}, {} as PostgreSQL takes them; {verdict}.\nnext: {next}. Nothing was changed.\n",
                counted(findings.rows(), "row"),
                counted(findings.tables.len() as u64, "table"),
                size(findings.bytes())
            )
        }
    }
}

/// What `migrate --json` prints.
pub(crate) fn migrate_json(outcome: &Outcome, plan: &Plan, url: &TargetUrl) -> anyhow::Result<String> {
    let mut value = json!({
        "format": JSON_FORMAT,
        "command": "migrate",
        "target": url.to_string(),
        "plan_sha256": plan.fingerprint(),
        "left_behind": plan.left_behind,
        "breaches": plan.breaches,
        "result": outcome,
    });
    match outcome {
        Outcome::Moved(moved) => value["proven"] = moved.validation.is_proven().into(),
        // Only a run that was validated counts as done.
        Outcome::AlreadyDone(_) => value["proven"] = true.into(),
        Outcome::Rejected { .. } => value["proven"] = false.into(),
        Outcome::DryRun { .. } => value["plan"] = serde_json::to_value(plan)?,
    }
    Ok(serde_json::to_string_pretty(&value)?)
}

/// What `validate --json` prints.
pub(crate) fn validate_json(
    run: &Run,
    validation: &Validation,
    url: &TargetUrl,
    is_diesel_schema_compared: bool,
) -> anyhow::Result<String> {
    let value = json!({
        "format": JSON_FORMAT,
        "command": "validate",
        "target": url.to_string(),
        "run": run.id,
        "seal": run.seal,
        "proven": validation.is_proven(),
        "diesel_schema_compared": is_diesel_schema_compared,
        "breaches": run.plan.breaches,
        "result": validation,
    });
    Ok(serde_json::to_string_pretty(&value)?)
}

/// What `validate` says at its end.
pub(crate) fn validation_text(run: &Run, validation: &Validation, url: &TargetUrl) -> String {
    let has_rejects = rejected_sums(validation) != (0, 0);
    let mut heads = vec!["table", "rows", "equal", "missing", "extra", "different", "seconds"];
    if has_rejects {
        heads.splice(2..2, ["rejected", "nulled"]);
    }
    let mut table = new_table(&heads);
    for found in &validation.tables {
        let mut cells = vec![printable(&found.table), found.source_rows.to_string()];
        if has_rejects {
            cells.extend([found.rejected.to_string(), found.nulled.to_string()]);
        }
        cells.extend([
            found.equal.to_string(),
            found.missing.to_string(),
            found.extra.to_string(),
            found.different.to_string(),
            seconds(found.seconds),
        ]);
        table.add_row(cells);
    }
    let mut text = format!("run {} in {url}\n{table}\n", run.id);
    text.push_str(&not_moved_text(&run.plan, &run.state.subject.tables));
    text.push_str(&breaches_text(&run.plan));
    text.push_str(&verdict(validation, &run.seal));
    text
}

fn moved_text(moved: &Moved, plan: &Plan) -> String {
    let mut table = new_table(&["table", "rows", "bytes", "seconds", "verified"]);
    for done in &moved.tables {
        let compared = moved.validation.tables.iter().find(|found| found.table == done.table);
        table.add_row([
            printable(&done.table),
            done.rows.to_string(),
            size(done.bytes),
            seconds(done.seconds),
            compared.map_or_else(|| "not compared".to_owned(), verified),
        ]);
    }
    let mut text = format!("{table}\n");
    for left in &plan.left_behind {
        let [name, reason] = [&left.name, &left.reason].map(|words| printable(words));
        text.push_str(&format!("left behind: {} {name} ({reason})\n", left.kind));
    }
    let names: Vec<String> = moved.tables.iter().map(|done| done.table.clone()).collect();
    text.push_str(&not_moved_text(plan, &names));
    text.push_str(&breaches_text(plan));
    for rejected in &moved.rejected {
        let parts = [
            (rejected.skipped, format!("{} stayed behind", counted(rejected.skipped, "row"))),
            (rejected.nulled, format!("{} became NULL", counted(rejected.nulled, "value"))),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
        text.push_str(&format!(
            "rejected: {}: {}; written whole to {}\n",
            printable(&rejected.table),
            parts.join(", "),
            workspace::shown(&rejected.file)
        ));
    }
    text.push_str(&verdict(&moved.validation, &moved.seal));
    if moved.source_changed_since {
        text.push_str(&changed_since(&moved.seal));
    }
    text
}

/// The constraints that rows break, what they became, and the SQL that mends them.
fn breaches_text(plan: &Plan) -> String {
    let mut text = String::new();
    for breach in &plan.breaches {
        let first: Vec<String> = breach.first.iter().map(|key| printable(key)).collect();
        text.push_str(&format!(
            "broken: {}: {} by {} ({}{})\n  it became {}\n  to mend it: {}\n",
            printable(&breach.table),
            printable(&breach.constraint),
            counted(breach.rows, "row"),
            first.join("; "),
            if breach.rows > breach.first.len() as u64 { "; …" } else { "" },
            breach.becomes,
            printable(&breach.remedy)
        ));
    }
    if !text.is_empty() {
        text.push_str(
            "The rows that break them arrived. --accept-broken-constraints ends with 0 where this is known and meant.\n",
        );
    }
    text
}

fn verified(found: &TableComparison) -> String {
    if found.is_equal() {
        format!("all {} equal", found.equal)
    } else {
        format!("{} of {} equal", found.equal, found.source_rows)
    }
}

fn already_done_text(done: &AlreadyDone, url: &TargetUrl) -> String {
    let mut text = format!(
        "Nothing to do: run {} moved this source into {url} and was validated at {} (not checked again now; \
         `cargo xtask validate` does).\n",
        done.run, done.validated_at
    );
    if done.rejected.is_any() {
        let Rejected { skipped, nulled } = done.rejected;
        text.push_str(&format!(
            "In that run {} stayed behind and {} became NULL, as the plan lets them.\n",
            counted(skipped, "row"),
            counted(nulled, "value")
        ));
    }
    if done.source_changed_since {
        text.push_str(&changed_since(&done.seal));
    }
    text
}

fn changed_since(seal: &Seal) -> String {
    format!(
        "But the source was written to since it was sealed at {}: what came later is not in PostgreSQL.\n\
         To move it as it is now, stop the app and give --restart, which drops what this run made.\n",
        seal.sealed_at
    )
}

/// What values that PostgreSQL cannot hold cost by the plan's policy, in words.
pub(crate) fn rejects(skipped: u64, nulled: u64) -> String {
    let rows = || format!("{} to stay behind", counted(skipped, "row"));
    let values = || format!("{} to become NULL", counted(nulled, "value"));
    match (skipped, nulled) {
        (0, 0) => "every value can move".to_owned(),
        (_, 0) => rows(),
        (0, _) => values(),
        _ => format!("{}, {}", rows(), values()),
    }
}

/// What can be done about values that cannot move.
const REJECTED_NEXT: &str = "next, one of:
  mend the rows in SQLite
  name another conversion for the column in mapping.toml, and generate again
  --on-reject skip   leaves such rows behind, written whole to the rejects
  --on-reject null   makes such values NULL, their rows written to the rejects as they were
  --on-reject text   makes such columns text
";

fn rejected_text(findings: &Findings, over_limit: Option<&str>) -> String {
    let count = findings.offender_count();
    let mut text = format!("{} cannot move as planned; nothing was changed.\n", counted(count, "value"));
    if let Some(words) = over_limit {
        text = format!("{}; nothing was changed.\n", printable(words));
    }
    for table in &findings.tables {
        let listed = if over_limit.is_some() { &table.rejects } else { &table.offenders };
        for offenders in listed {
            text.push_str(&format!(
                "  {}.{}: {} of {}\n",
                printable(&table.table),
                printable(&offenders.column),
                offenders.count,
                counted(table.rows, "row")
            ));
            for offender in &offenders.first {
                text.push_str(&format!(
                    "    {}: {}\n",
                    printable(&offender.key),
                    printable(&offender.reason)
                ));
            }
        }
    }
    text.push_str(REJECTED_NEXT);
    text
}

fn verdict(validation: &Validation, seal: &Seal) -> String {
    let mut text = String::new();
    for table in validation.tables.iter().filter(|table| !table.is_equal()) {
        let name = printable(&table.table);
        for difference in &table.first {
            let what = match difference.kind {
                DifferenceKind::Missing => "missing in PostgreSQL".to_owned(),
                DifferenceKind::Extra => "only in PostgreSQL".to_owned(),
                DifferenceKind::Different => {
                    format!("differs in {}", printable(&difference.columns.join(", ")))
                }
            };
            text.push_str(&format!("  {name}: row {}: {what}\n", printable(&difference.key)));
            for (column, [source, target]) in difference.columns.iter().zip(&difference.values) {
                let [column, source, target] = [column, source, target].map(|words| printable(words));
                text.push_str(&format!("    {column}: SQLite {source}, PostgreSQL {target}\n"));
            }
        }
        let named: u64 = table.first.iter().map(|difference| difference.rows).sum();
        let all = table.missing + table.extra + table.different;
        if all > named && named > 0 {
            text.push_str(&format!("  {name}: and {}\n", counted(all - named, "more row")));
        } else if named == 0 {
            text.push_str(&format!(
                "  {name}: {} in SQLite, {} in PostgreSQL\n",
                counted(table.source_rows - table.rejected, "row"),
                table.target_rows
            ));
        }
    }
    let others = validation.schema.iter().chain(&validation.sequences);
    others.for_each(|difference| text.push_str(&format!("  {}\n", printable(difference))));
    for migration in &validation.missing_migrations {
        text.push_str(&format!("  __diesel_schema_migrations does not list {}\n", printable(migration)));
    }
    let rows: u64 = validation.tables.iter().map(|table| table.equal).sum();
    let copy = printable(&workspace::shown(&seal.path));
    if validation.is_proven() {
        let (all, were) = if rows == 1 { ("the", "was") } else { ("all", "were") };
        let (skipped, nulled) = rejected_sums(validation);
        let without = match skipped {
            0 => String::new(),
            _ => format!(", without {} that stayed behind as the plan lets them,", counted(skipped, "row")),
        };
        let but = match nulled {
            0 => String::new(),
            _ => format!(" but for {} that became NULL", counted(nulled, "value")),
        };
        text.push_str(&format!(
            "Proven: {all} {} of {}{without} {were} read back from PostgreSQL and every value equals the sealed copy {copy}{but}; \
             keys, indexes and constraints are as planned and valid, sequences are ahead.\n",
            counted(rows, "row"),
            counted(validation.tables.len() as u64, "table")
        ));
    } else {
        text.push_str(&format!(
            "NOT proven: PostgreSQL differs from the sealed copy {copy} as listed above.\n"
        ));
    }
    text
}

/// How many rows stayed behind and how many values became NULL in all tables.
fn rejected_sums(validation: &Validation) -> (u64, u64) {
    let sum = |count: fn(&TableComparison) -> u64| validation.tables.iter().map(count).sum();
    (sum(|table| table.rejected), sum(|table| table.nulled))
}

/// The plan's tables that are not among those that a run moved, by source name.
pub(crate) fn not_moved<'a>(plan: &'a Plan, moved: &'a [String]) -> impl Iterator<Item = &'a str> {
    plan.tables.iter().map(|table| table.source.as_str()).filter(|name| !moved.iter().any(|one| one == name))
}

fn not_moved_text(plan: &Plan, moved: &[String]) -> String {
    let names: Vec<String> = not_moved(plan, moved).map(printable).collect();
    match names.len() {
        0 => String::new(),
        1 => format!("not moved: {}; it was created empty\n", names.join(", ")),
        _ => format!("not moved: {}; they were created empty\n", names.join(", ")),
    }
}

/// How the rows can be looked at, after a run that moved them.
pub(crate) fn where_to_look(url: &TargetUrl, target: &Target) -> String {
    match target {
        Target::Named => format!("Look at it: psql '{url}'\n"),
        Target::Private { database, version } => {
            let version = version.map(|version| format!(" --pg-version {version}")).unwrap_or_default();
            format!("Look at it: {url}\n  cargo xtask postgres url --database {database}{version}\n")
        }
    }
}

/// A number of things, in the singular where it is one.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Seconds for people; the sum of no seconds is a negative zero.
fn seconds(seconds: f64) -> String {
    format!("{:.2}", if seconds > 0.0 { seconds } else { 0.0 })
}

pub(crate) fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        for (shown, expected) in [
            (seconds(-0.0), "0.00"),
            (seconds(std::iter::empty::<f64>().sum()), "0.00"),
            (seconds(-0.001), "0.00"),
            (seconds(1.234), "1.23"),
            (counted(0, "row"), "0 rows"),
            (counted(1, "row"), "1 row"),
        ] {
            assert_eq!(shown, expected);
        }
    }
}
