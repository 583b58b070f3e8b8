//! What can be done where rows keep a migration from beginning: only what lets the next run begin.

use std::path::Path;

use migrate_core::plan::Plan;
use report::words::remedy::{toml_key, toml_text};
use row_mover::source::page_limits::{Exceeded, Exceeding};
use row_mover::source::preflight::{Findings, Offenders, Remedies, TableFindings};

use crate::display::printable;
use crate::plan_folder;

/// What advice depends on beside what was found.
#[derive(Clone, Copy)]
pub(crate) struct Situation<'a> {
    /// The plan that was to be executed.
    pub(crate) plan: &'a Plan,
    /// The folder that it was read from, where one was named.
    pub(crate) folder: Option<&'a Path>,
}

/// The lines that say what can be done.
pub(super) fn lines(situation: Situation<'_>, findings: &Findings, is_over_limit: bool) -> String {
    let mut lines = vec!["repair the rows in SQLite".to_owned()];
    if is_over_limit {
        lines.push("raise --reject-limit, or leave it out".to_owned());
    }
    let of_values = values(situation, findings, is_over_limit);
    let exceeding =
        findings.tables.iter().flat_map(|table| table.exceeding.iter().map(move |found| (table, found)));
    let exceeding: Vec<(&TableFindings, &Exceeding)> = exceeding.collect();
    let mapping = mapping_lines(situation, &exceeding);
    let needs_mapping = of_values.iter().any(|line| line.contains("mapping.toml")) || !mapping.is_empty();
    lines.extend(of_values);
    lines.extend(mapping);
    let mut text =
        format!("next, one of:\n{}", lines.iter().map(|line| format!("  {line}\n")).collect::<String>());
    if needs_mapping {
        text.push_str(&how_to_decide(situation));
    }
    text
}

/// What helps against all values that cannot move.
fn values(situation: Situation<'_>, findings: &Findings, is_over_limit: bool) -> Vec<String> {
    let listed: Vec<(&TableFindings, &Offenders)> = (findings.tables.iter())
        .flat_map(|table| {
            let list = if is_over_limit { &table.rejects } else { &table.offenders };
            list.iter().map(move |offenders| (table, offenders))
        })
        .collect();
    let mut all = listed.iter().map(|(_, offenders)| offenders.remedies);
    let Some(first) = all.next() else { return Vec::new() };
    let any = listed.iter().any(|(_, offenders)| offenders.remedies.without_column);
    let all: Remedies = all.fold(first, Remedies::and);
    // What a column says of itself comes before what the command line says.
    let decides = |(table, offenders): &(&TableFindings, &Offenders)| {
        let columns =
            situation.plan.table(&table.table).map(|table| table.columns.as_slice()).unwrap_or_default();
        columns.iter().any(|column| column.source == offenders.column && column.on_reject.is_some())
    };
    let is_open = !is_over_limit && !listed.iter().any(decides);
    let mut lines = Vec::new();
    if all.conversion {
        lines.push("name another conversion for the column in mapping.toml, and generate again".to_owned());
    }
    if any {
        lines.push("leave the column or the table behind in mapping.toml, and generate again".to_owned());
    }
    if all.plan_again {
        lines.push(format!("make the plan again from this file: {}", again(situation)));
    }
    if is_open && all.skip {
        lines.push("--on-reject skip   leaves such rows behind, written whole to the rejects".to_owned());
    }
    if is_open && all.null {
        lines.push(
            "--on-reject null   makes such values NULL, their rows written to the rejects as they were"
                .to_owned(),
        );
    }
    if !is_over_limit && listed.iter().any(decides) && (all.skip || all.null) {
        lines.push("another on_reject for the column in mapping.toml, and generate again".to_owned());
    }
    if all.text && is_open && situation.folder.is_none() {
        lines.push("--on-reject text   makes such columns text".to_owned());
    } else if all.text {
        lines.push("on_reject = \"text\" in mapping.toml makes such columns text; generate again".to_owned());
    }
    lines
}

/// What mapping.toml can say of rows that are too wide and of keys that are too long.
fn mapping_lines(situation: Situation<'_>, exceeding: &[(&TableFindings, &Exceeding)]) -> Vec<String> {
    let mut lines = Vec::new();
    for (found, exceeding) in exceeding {
        let Some(table) = situation.plan.table(&found.table) else { continue };
        let key = toml_key(&table.source);
        match &exceeding.limit {
            Exceeded::Row { .. } if table.existing.is_none() => lines.push(format!(
                "leave columns of {} behind in mapping.toml, each with a reason: [tables.{key}.columns], COLUMN = {{ skip = \"…\" }}",
                printable(&table.source)
            )),
            Exceeded::Row { .. } => lines.push(format!(
                "leave {} behind in mapping.toml: [leave_behind], {key} = \"…\"",
                printable(&table.source)
            )),
            Exceeded::Key { name, .. } if table.existing.is_some() => lines.push(format!(
                "drop {} of {} in PostgreSQL, and make the plan again: {}",
                printable(name),
                printable(&table.target),
                again(situation)
            )),
            Exceeded::Key { name, .. } => lines.push(format!(
                "leave {} out in mapping.toml: [tables.{key}.skip_indexes], {} = \"its keys are too long\"{}",
                printable(name),
                toml_key(name),
                hash_index(table, name)
            )),
        }
    }
    lines
}

/// That an index for equality can take the place of one that is left out.
fn hash_index(table: &migrate_core::plan::PlannedTable, name: &str) -> String {
    let index =
        table.indexes.iter().find(|index| index.name == name && !index.unique && index.predicate.is_none());
    let column = index.and_then(|index| match index.columns.as_slice() {
        [only] if only.expression.is_none() => table.target_column(&only.column),
        _ => None,
    });
    match column {
        None => String::new(),
        Some(column) => format!(
            ", with a hash index in its place where queries ask for equality: [[tables.{}.indexes]], name = {}, method = \"hash\", \
             columns = [{}], why = \"equality\"",
            toml_key(&table.source),
            toml_text(name),
            toml_text(&column.source)
        ),
    }
}

/// How the decisions of a mapping come into a plan.
fn how_to_decide(situation: Situation<'_>) -> String {
    match situation.folder {
        Some(folder) => {
            format!("(after a change of {}: {})\n", folder.join("mapping.toml").display(), again(situation))
        }
        None => format!(
            "(mapping.toml begins with the line `format = 1` and lies in a folder DIR of your choice: {})\n",
            again(situation)
        ),
    }
}

/// The commands that make a plan and execute it.
fn again(situation: Situation<'_>) -> String {
    match situation.folder {
        Some(folder) => {
            format!("{} --sqlite FILE, and this command again", plan_folder::generate_command(folder))
        }
        None => "cargo xtask generate --sqlite FILE --out DIR, and migrate with --plan DIR".to_owned(),
    }
}
