//! The output of `validate --since-cutover`: what was added, changed and deleted in PostgreSQL since the migration.

use ::report::figures::count;
use postgres_client::TargetUrl;
use row_mover::ledger::Run;
use row_mover::run::Validation;
use row_mover::validate::TableComparison;
use serde_json::json;

use super::findings::validation_json;
use super::layout::{LINES_MAX, Section, TableRow, fitted};
use super::{JSON_FORMAT, counted, problems};
use crate::display::printable;

/// Whether anything is not as it was migrated.
pub(crate) fn has_changes(validation: &Validation) -> bool {
    !validation.is_equal()
}

/// The changes by table, with the first keys.
pub(crate) fn changes_text(run: &Run, validation: &Validation, url: &TargetUrl) -> String {
    let at = printable(&run.seal.sealed_at);
    let head = format!("since run {} was sealed at {at}, in {url}\n", run.id);
    if !has_changes(validation) {
        let rows = validation.tables.iter().map(|table| table.equal).sum();
        let tables = counted(validation.tables.len() as u64, "table");
        return format!(
            "{head}Nothing was added, changed or deleted: {} of {tables} are as they were migrated.\n",
            counted(rows, "row")
        );
    }
    let changed: Vec<&TableComparison> = validation.tables.iter().filter(|table| !table.is_equal()).collect();
    let sum = |of: fn(&TableComparison) -> u64| changed.iter().map(|table| of(table)).sum::<u64>();
    let end = format!(
        "{} added, {} changed, {} deleted in {} since; {} as they were.\n",
        counted(sum(|table| table.extra), "row"),
        count(sum(|table| table.different)),
        count(sum(|table| table.missing)),
        counted(changed.len() as u64, "table"),
        counted((validation.tables.len() - changed.len()) as u64, "other table"),
    );
    let row = |table: &&TableComparison| TableRow {
        cells: vec![
            printable(&table.table),
            count(table.extra),
            count(table.different),
            count(table.missing),
        ],
        is_wrong: true,
        is_equal: false,
        rows: table.extra + table.different + table.missing,
    };
    let mut sections = vec![Section::Text(head)];
    if !changed.is_empty() {
        let rows = changed.iter().map(row).collect();
        sections.push(Section::Table { heads: vec!["table", "added", "changed", "deleted"], rows });
    }
    sections.extend(problems::sections(validation, &run.plan));
    sections.push(Section::Text(end));
    fitted(&sections, LINES_MAX)
}

/// The same as JSON.
pub(crate) fn changes_json(run: &Run, validation: &Validation, url: &TargetUrl) -> anyhow::Result<String> {
    let value = json!({
        "format": JSON_FORMAT,
        "command": "validate",
        "target": url.to_string(),
        "run": run.id,
        "seal": run.seal,
        "changed": has_changes(validation),
        "result": validation_json(validation, &run.plan)?,
    });
    Ok(serde_json::to_string_pretty(&value)?)
}
