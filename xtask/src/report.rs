//! What a command ends with: a table for people, or JSON for programs (`docs/json-output.md` describes each field).

use comfy_table::{CellAlignment, Table, presets};
use migrate_core::plan::Plan;
use row_mover::TargetUrl;
use row_mover::ledger::Run;
use row_mover::run::{AlreadyDone, Moved, Outcome, Validation};
use row_mover::source::preflight::Findings;
use row_mover::source::seal::Seal;
use row_mover::validate::{DifferenceKind, TableComparison};
use serde_json::json;

use crate::screen::size;
use crate::workspace;

/// The version of the JSON forms.
const JSON_FORMAT: u32 = 1;

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
pub(crate) fn migrate_text(outcome: &Outcome, plan: &Plan, url: &TargetUrl, target: &Target) -> String {
    match outcome {
        Outcome::Moved(moved) => moved_text(moved, plan, url, target),
        Outcome::AlreadyDone(done) => already_done_text(done, url, target),
        Outcome::Rejected { findings } => rejected_text(findings),
        Outcome::DryRun { findings, next } => format!(
            "{} rows in {} tables, {} as PostgreSQL takes them; every value can move.\nnext: {next}. Nothing was changed.\n",
            findings.rows(),
            findings.tables.len(),
            size(findings.bytes())
        ),
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
pub(crate) fn validate_json(run: &Run, validation: &Validation, url: &TargetUrl) -> anyhow::Result<String> {
    let value = json!({
        "format": JSON_FORMAT,
        "command": "validate",
        "target": url.to_string(),
        "run": run.id,
        "seal": run.seal,
        "proven": validation.is_proven(),
        "result": validation,
    });
    Ok(serde_json::to_string_pretty(&value)?)
}

/// What `validate` says at its end.
pub(crate) fn validation_text(run: &Run, validation: &Validation, url: &TargetUrl) -> String {
    let mut table = new_table(&["table", "rows", "equal", "missing", "extra", "different", "seconds"]);
    for found in &validation.tables {
        table.add_row([
            found.table.clone(),
            found.source_rows.to_string(),
            found.equal.to_string(),
            found.missing.to_string(),
            found.extra.to_string(),
            found.different.to_string(),
            format!("{:.2}", found.seconds),
        ]);
    }
    format!("run {} in {url}\n{table}\n{}", run.id, verdict(validation, &run.seal))
}

fn moved_text(moved: &Moved, plan: &Plan, url: &TargetUrl, target: &Target) -> String {
    let mut table = new_table(&["table", "rows", "bytes", "seconds", "verified"]);
    for done in &moved.tables {
        let compared = moved.validation.tables.iter().find(|found| found.table == done.table);
        table.add_row([
            done.table.clone(),
            done.rows.to_string(),
            size(done.bytes),
            format!("{:.2}", done.seconds),
            compared.map_or_else(|| "not compared".to_owned(), verified),
        ]);
    }
    let mut text = format!("{table}\n");
    for left in &plan.left_behind {
        text.push_str(&format!("left behind: {} {} ({})\n", left.kind, left.name, left.reason));
    }
    text.push_str(&verdict(&moved.validation, &moved.seal));
    if moved.source_changed_since {
        text.push_str(&changed_since(&moved.seal));
    }
    text.push_str(&where_to_look(url, target));
    text
}

fn verified(found: &TableComparison) -> String {
    if found.is_equal() {
        format!("all {} equal", found.equal)
    } else {
        format!("{} of {} equal", found.equal, found.source_rows)
    }
}

fn already_done_text(done: &AlreadyDone, url: &TargetUrl, target: &Target) -> String {
    let mut text = format!(
        "Nothing to do: run {} moved this source into {url} and was validated at {}.\n",
        done.run, done.validated_at
    );
    if done.source_changed_since {
        text.push_str(&changed_since(&done.seal));
    }
    text.push_str(&where_to_look(url, target));
    text
}

fn changed_since(seal: &Seal) -> String {
    format!(
        "But the source was written to since it was sealed at {}: what came later is not in PostgreSQL.\n\
         To move it as it is now, stop the app and give --restart, which drops what this run made.\n",
        seal.sealed_at
    )
}

fn rejected_text(findings: &Findings) -> String {
    let count = findings.offender_count();
    let noun = if count == 1 { "value" } else { "values" };
    let mut text = format!("{count} {noun} cannot move as planned; nothing was changed.\n");
    for table in &findings.tables {
        for offenders in &table.offenders {
            text.push_str(&format!(
                "  {}.{}: {} of {} rows\n",
                table.table, offenders.column, offenders.count, table.rows
            ));
            for offender in &offenders.first {
                text.push_str(&format!("    {}: {}\n", offender.key, offender.reason));
            }
        }
    }
    text.push_str("next: mend the rows in SQLite, or name another conversion for the column in mapping.toml and generate again\n");
    text
}

fn verdict(validation: &Validation, seal: &Seal) -> String {
    let mut text = String::new();
    for table in validation.tables.iter().filter(|table| !table.is_equal()) {
        for difference in &table.first {
            let what = match difference.kind {
                DifferenceKind::Missing => "missing in PostgreSQL".to_owned(),
                DifferenceKind::Extra => "only in PostgreSQL".to_owned(),
                DifferenceKind::Different => format!("differs in {}", difference.columns.join(", ")),
            };
            text.push_str(&format!("  {}: row {}: {what}\n", table.table, difference.key));
            for (column, [source, target]) in difference.columns.iter().zip(&difference.values) {
                text.push_str(&format!("    {column}: SQLite {source}, PostgreSQL {target}\n"));
            }
        }
        let named = table.first.len() as u64;
        let all = table.missing + table.extra + table.different;
        if all > named && named > 0 {
            text.push_str(&format!("  {}: and {} more rows\n", table.table, all - named));
        } else if named == 0 {
            text.push_str(&format!("  {}: rows differ; without a key they cannot be named\n", table.table));
        }
    }
    let others = validation.schema.iter().chain(&validation.sequences);
    others.for_each(|difference| text.push_str(&format!("  {difference}\n")));
    for migration in &validation.missing_migrations {
        text.push_str(&format!("  __diesel_schema_migrations does not list {migration}\n"));
    }
    let rows: u64 = validation.tables.iter().map(|table| table.equal).sum();
    let copy = workspace::shown(&seal.path);
    if validation.is_proven() {
        text.push_str(&format!(
            "Proven: all {rows} rows of {} tables were read back from PostgreSQL and every value equals the sealed copy \
             {copy}; keys, indexes and constraints are as planned and valid, sequences are ahead.\n",
            validation.tables.len()
        ));
    } else {
        text.push_str(&format!(
            "NOT proven: PostgreSQL differs from the sealed copy {copy} as listed above.\n"
        ));
    }
    text
}

/// The plan's tables that are not among those that a run moved, by source name.
pub(crate) fn not_moved<'a>(plan: &'a Plan, moved: &'a [String]) -> impl Iterator<Item = &'a str> {
    plan.tables.iter().map(|table| table.source.as_str()).filter(|name| !moved.iter().any(|one| one == name))
}

fn where_to_look(url: &TargetUrl, target: &Target) -> String {
    match target {
        Target::Named => format!("Look at it: psql '{url}'\n"),
        Target::Private { database, version } => {
            let version = version.map(|version| format!(" --pg-version {version}")).unwrap_or_default();
            format!("Look at it: {url}\n  cargo xtask postgres psql --database {database}{version}\n")
        }
    }
}

fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
