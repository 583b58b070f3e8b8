//! Advice for rows that prevent a migration from starting. Only what would let the next run begin is offered.

use std::path::Path;

use migrate_core::mapping::{TomlKey, TomlText};
use migrate_core::plan::Plan;
use row_mover::source::page_limits::{Exceeded, Exceeding};
use row_mover::source::preflight::{Findings, Offenders, Remedies, TableFindings};

use super::refused;
use crate::display::printable;
use crate::{plan_folder, workspace};

/// The situation that advice depends on, besides the findings.
#[derive(Clone, Copy)]
pub(crate) struct Situation<'a> {
    /// The plan that was to be executed.
    pub(crate) plan: &'a Plan,
    /// The folder that it was read from, where one was named.
    pub(crate) folder: Option<&'a Path>,
}

/// A remedy that lets the next run begin.
enum Advice {
    RepairRows,
    RaiseLimit,
    OtherConversion,
    SkipColumnOrTable,
    PlanAgain,
    SkipRows,
    MakeNull,
    OtherPolicy,
    MakeText,
    MakeTextInMapping,
    MakeBytea,
    MakeByteaInMapping,
    /// Describes a decision in mapping.toml.
    Mapping(String),
    /// Describes a change of the app's tables.
    InTarget(String),
}

impl Advice {
    /// Whether it is a change of mapping.toml.
    fn needs_mapping(&self) -> bool {
        match self {
            Advice::OtherConversion
            | Advice::SkipColumnOrTable
            | Advice::OtherPolicy
            | Advice::MakeTextInMapping
            | Advice::MakeByteaInMapping
            | Advice::Mapping(_) => true,
            Advice::RepairRows
            | Advice::RaiseLimit
            | Advice::PlanAgain
            | Advice::SkipRows
            | Advice::MakeNull
            | Advice::MakeText
            | Advice::MakeBytea
            | Advice::InTarget(_) => false,
        }
    }

    fn words(&self, situation: Situation<'_>) -> String {
        match self {
            Advice::RepairRows => "repair the rows in SQLite".to_owned(),
            Advice::RaiseLimit => "raise --reject-limit, or omit it".to_owned(),
            Advice::OtherConversion => {
                "choose another conversion for the column in mapping.toml, and generate again".to_owned()
            }
            Advice::SkipColumnOrTable => {
                "skip the column, or do not migrate the table, in mapping.toml, and generate again".to_owned()
            }
            Advice::PlanAgain => format!("make the plan again from this file: {}", again(situation)),
            Advice::SkipRows => "--on-reject skip   skips such rows and saves them in full".to_owned(),
            Advice::MakeNull => {
                "--on-reject null   makes such values NULL and saves the rows as they were".to_owned()
            }
            Advice::OtherPolicy => {
                "set another on_reject for the column in mapping.toml, and generate again".to_owned()
            }
            Advice::MakeText => "--on-reject text   makes such columns text".to_owned(),
            Advice::MakeTextInMapping => {
                "set on_reject = \"text\" in mapping.toml, which makes such columns text, and generate again"
                    .to_owned()
            }
            Advice::MakeBytea => {
                "--on-reject bytea  makes such columns bytea, with the bytes of every value".to_owned()
            }
            Advice::MakeByteaInMapping => {
                "set on_reject = \"bytea\" in mapping.toml, which makes such columns bytea, and generate again".to_owned()
            }
            Advice::Mapping(words) | Advice::InTarget(words) => words.clone(),
        }
    }
}

/// The lines with the remedies.
pub(super) fn lines(situation: Situation<'_>, findings: &Findings, is_over_limit: bool) -> String {
    let mut advice = vec![Advice::RepairRows];
    if is_over_limit {
        advice.push(Advice::RaiseLimit);
    }
    advice.extend(values(situation, findings, is_over_limit));
    let exceeding =
        findings.tables.iter().flat_map(|table| table.exceeding.iter().map(move |found| (table, found)));
    let exceeding: Vec<(&TableFindings, &Exceeding)> = exceeding.collect();
    advice.extend(mapping_lines(situation, &exceeding).into_iter().map(Advice::Mapping));
    advice.extend(refused::advice(situation.plan, findings).into_iter().map(Advice::InTarget));
    let lines: String = advice.iter().map(|one| format!("  {}\n", one.words(situation))).collect();
    let mut text = format!("next, one of:\n{lines}");
    if advice.iter().any(Advice::needs_mapping) {
        text.push_str(&how_to_decide(situation));
    }
    text
}

/// The remedies against all values that cannot move.
fn values(situation: Situation<'_>, findings: &Findings, is_over_limit: bool) -> Vec<Advice> {
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
    // A column's own policy comes before that of the command line.
    let decides = |(table, offenders): &(&TableFindings, &Offenders)| {
        let columns =
            situation.plan.table(&table.table).map(|table| table.columns.as_slice()).unwrap_or_default();
        columns.iter().any(|column| column.source == offenders.column && column.on_reject.is_some())
    };
    let is_open = !is_over_limit && !listed.iter().any(decides);
    let has_policy = !is_over_limit && listed.iter().any(decides);
    let is_by_flag = is_open && situation.folder.is_none();
    [
        (all.conversion, Advice::OtherConversion),
        (any, Advice::SkipColumnOrTable),
        (all.plan_again, Advice::PlanAgain),
        (is_open && all.skip, Advice::SkipRows),
        (is_open && all.null, Advice::MakeNull),
        (has_policy && (all.skip || all.null), Advice::OtherPolicy),
        (all.text && is_by_flag, Advice::MakeText),
        (all.text && !is_by_flag, Advice::MakeTextInMapping),
        (all.bytea && is_by_flag, Advice::MakeBytea),
        (all.bytea && !is_by_flag, Advice::MakeByteaInMapping),
    ]
    .into_iter()
    .filter_map(|(helps, advice)| helps.then_some(advice))
    .collect()
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
            TomlKey(&table.source),
            TomlText(name),
            TomlText(&column.source)
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
        Some(folder) if folder == workspace::plan_dir() => {
            "cargo xtask generate --sqlite FILE, and this command again".to_owned()
        }
        Some(folder) => format!("{}, and this command again", plan_folder::generate_command(folder)),
        None => "cargo xtask generate --sqlite FILE --out DIR, and migrate with --plan DIR".to_owned(),
    }
}
