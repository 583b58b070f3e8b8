//! Advice for rows that prevent a migration from starting. Only what would let the next run begin is offered.

use migrate_core::mapping::{TomlKey, TomlText};
use migrate_core::plan::Plan;
use row_mover::source::page_limits::{Exceeded, Exceeding};
use row_mover::source::preflight::{Findings, TableFindings};

use super::problem::{Problem, REPAIR, Situation};
use super::{column_advice, refused};
use crate::display::printable;
use crate::{plan_folder, workspace};

/// The lines with the remedies.
pub(super) fn lines(situation: Situation<'_>, findings: &Findings, is_over_limit: bool) -> String {
    let columns = column_advice::columns(situation, findings, is_over_limit);
    let (exceeding, refused) = (exceeding(situation, findings), refused(situation.plan, findings));
    let mut at_once = column_advice::options(situation, &columns);
    if is_over_limit {
        at_once.insert(0, "raise --reject-limit, or omit it".to_owned());
    }
    if columns.iter().any(|column| column.offenders.remedies.plan_again) {
        let is_all = columns.iter().all(|column| column.offenders.remedies.plan_again);
        at_once.extend(is_all.then(|| format!("make the plan again from this file: {}", again(situation))));
    }
    let is_one = columns.len() + exceeding.len() + refused.len() <= 1;
    let own = columns.iter().map(|column| column.problem(is_one, again(situation)));
    let problems: Vec<Problem> = own.chain(exceeding).chain(refused).collect();
    let mut text = in_words(&at_once, &problems, columns.len());
    if text.contains("mapping.toml") {
        text.push_str(&how_to_decide(situation));
    }
    text
}

/// The remedies that solve `at_once` what is wrong with the values of `columns` columns, and those of each of the problems.
fn in_words(at_once: &[String], problems: &[Problem], columns: usize) -> String {
    let list = |lines: &[String], indent: &str| -> String {
        lines.iter().map(|line| format!("{indent}{line}\n")).collect()
    };
    if let [only] = problems {
        let repairs = only.remedies.iter().take_while(|line| line.starts_with(REPAIR)).count();
        let (repair, others) = only.remedies.split_at(repairs);
        return format!("next, one of:\n{}{}{}", list(repair, "  "), list(at_once, "  "), list(others, "  "));
    }
    let each = |problems: &[Problem]| -> String {
        problems.iter().map(|one| format!("  {}:\n{}", one.name, list(&one.remedies, "    "))).collect()
    };
    let (values, others) = problems.split_at(columns.min(problems.len()));
    let mut text = String::new();
    if !at_once.is_empty() {
        text.push_str(&format!("next, for all these values at once, one of:\n{}", list(at_once, "  ")));
    }
    if !values.is_empty() {
        let start = if at_once.is_empty() { "next" } else { "or" };
        text.push_str(&format!("{start}, for each column one of its remedies:\n{}", each(values)));
    }
    if !others.is_empty() {
        let start = if text.is_empty() { "next" } else { "and" };
        text.push_str(&format!("{start}, for each of these one of its remedies:\n{}", each(others)));
    }
    text
}

/// What the rules of the app's tables refuse.
fn refused(plan: &Plan, findings: &Findings) -> Vec<Problem> {
    let problem = |(name, remedy): (String, Option<String>)| Problem {
        name,
        remedies: [REPAIR.to_owned()].into_iter().chain(remedy).collect(),
    };
    refused::advice(plan, findings).into_iter().map(problem).collect()
}

/// The rows that are too wide, and the keys that are too long.
fn exceeding(situation: Situation<'_>, findings: &Findings) -> Vec<Problem> {
    let all =
        findings.tables.iter().flat_map(|table| table.exceeding.iter().map(move |found| (table, found)));
    let all: Vec<(&TableFindings, &Exceeding)> = all.collect();
    let problem = |found: &(&TableFindings, &Exceeding)| Problem {
        name: match &found.1.limit {
            Exceeded::Row { .. } => printable(&found.0.table),
            Exceeded::Key { name, .. } => printable(&format!("{}, {name}", found.0.table)),
        },
        remedies: [REPAIR.to_owned()].into_iter().chain(mapping_lines(situation, &[*found])).collect(),
    };
    all.iter().map(problem).collect()
}

/// The decisions in mapping.toml for rows that are too wide and for keys that are too long.
fn mapping_lines(situation: Situation<'_>, exceeding: &[(&TableFindings, &Exceeding)]) -> Vec<String> {
    let mut lines = Vec::new();
    for (found, exceeding) in exceeding {
        let Some(table) = situation.plan.table(&found.table) else { continue };
        let key = TomlKey(&table.source);
        match &exceeding.limit {
            Exceeded::Row { .. } if table.existing.is_none() => lines.push(format!(
                "skip columns of {} in mapping.toml, each with a reason: [tables.{key}.columns], COLUMN = {{ skip = \"too wide\" }}",
                printable(&table.source)
            )),
            Exceeded::Row { .. } => lines.push(format!(
                "do not migrate {}, in mapping.toml: [leave_behind], {key} = \"too wide\"",
                printable(&table.source)
            )),
            Exceeded::Key { name, .. } if table.existing.is_some() => lines.push(format!(
                "drop {} of {} in PostgreSQL, and make the plan again: {}",
                printable(name),
                printable(&table.target),
                again(situation)
            )),
            Exceeded::Key { name, .. } if is_added(table, name) => lines.push(format!(
                "remove {} from [[tables.{key}.indexes]] in mapping.toml{}",
                printable(name),
                hash_index(table, name)
            )),
            Exceeded::Key { name, .. } => lines.push(format!(
                "skip {} in mapping.toml: [tables.{key}.skip_indexes], {} = \"its keys are too long\"{}",
                printable(name),
                TomlKey(name),
                hash_index(table, name)
            )),
        }
    }
    lines
}

/// Whether a human added the index.
fn is_added(table: &migrate_core::plan::PlannedTable, name: &str) -> bool {
    let mut indexes = table.indexes.iter();
    indexes.any(|index| index.name == name && index.added_because.is_some() && index.source.is_none())
}

/// That an index for equality can take the place of one that is left out.
fn hash_index(table: &migrate_core::plan::PlannedTable, name: &str) -> String {
    let is_it = |index: &&migrate_core::plan::PlannedIndex| {
        let is_btree = index.method == migrate_core::terms::IndexMethod::Btree;
        index.name == name && is_btree && !index.unique && index.predicate.is_none()
    };
    let index = table.indexes.iter().find(is_it);
    let column = index.and_then(|index| match index.columns.as_slice() {
        [only] if only.expression.is_none() => table.target_column(&only.column),
        _ => None,
    });
    match column {
        None => String::new(),
        Some(column) => format!(
            ", with a hash index in its place where queries ask for equality: [[tables.{}.indexes]], name = {}, method = \"hash\", \
             columns = [{}], why = \"equality\"",
            TomlKey(&table.source),
            TomlText(name),
            TomlText(&column.source)
        ),
    }
}

/// How the decisions of a mapping come into a plan.
fn how_to_decide(situation: Situation<'_>) -> String {
    match (situation.folder, situation.made_in) {
        (Some(folder), _) => {
            format!("(after a change of {}: {})\n", folder.join("mapping.toml").display(), again(situation))
        }
        (None, Some(folder)) => format!(
            "(after a change of {}: this command again)\n",
            printable(&workspace::shown(&folder.join("mapping.toml")))
        ),
        (None, None) => format!(
            "(mapping.toml begins with the line `format = 1` and lies in a folder DIR of your choice: {})\n",
            again(situation)
        ),
    }
}

/// The commands that make a plan and execute it.
fn again(situation: Situation<'_>) -> String {
    let is_existing = situation.plan.tables.iter().any(|table| table.existing.is_some());
    let more = if is_existing { " --into-existing --postgres URL" } else { "" };
    match situation.folder {
        Some(folder) if folder == workspace::plan_dir() => {
            format!("cargo xtask generate --sqlite FILE{more}, and this command again")
        }
        Some(folder) => format!("{}{more}, and this command again", plan_folder::generate_command(folder)),
        None => format!("cargo xtask generate --sqlite FILE --out DIR{more}, and migrate with --plan DIR"),
    }
}
