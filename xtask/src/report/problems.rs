//! The problems that validation has found, as lines for a terminal: rows by table, key and column, and then everything else.

use ::report::figures::count;
use ::report::words;
use ::report::words::remedy::{self, Remedy};
use migrate_core::finding::DerivedDifference;
use migrate_core::mapping::TomlKey;
use migrate_core::plan::Plan;
use row_mover::run::Validation;
use row_mover::source::integrity_check::Integrity;
use row_mover::validate::{Difference, DifferenceKind, TableComparison};

use super::counted;
use super::findings::Findings;
use super::layout::{List, Section};
use crate::display::printable;

/// The rows that differ, and all other problems.
pub(super) fn sections(validation: &Validation, plan: &Plan) -> [Section; 2] {
    let tables = validation.tables.iter().filter(|table| !table.is_equal()).map(table_lines).collect();
    [
        Section::List(List { entries: tables, noun: "tables with differences", ..List::default() }),
        Section::List(List {
            entries: others(validation, plan),
            noun: "other problems",
            has_statements: true,
            ..List::default()
        }),
    ]
}

/// The first rows of a table that differ. Where only one line has room, that is the first of them.
fn table_lines(table: &TableComparison) -> String {
    let name = printable(&table.table);
    let mut lines: Vec<String> =
        table.first.iter().flat_map(|difference| row_lines(&name, difference)).collect();
    let named: u64 = table.first.iter().map(|difference| difference.rows).sum();
    let all = table.missing + table.extra + table.different;
    if all > named && named > 0 {
        lines.push(format!("  {name}: and {}", counted(all - named, "more row")));
    } else if named == 0 {
        let source = table.source_rows.saturating_sub(table.rejected);
        lines.push(format!(
            "  {name}: {} in SQLite, {} in PostgreSQL",
            counted(source, "row"),
            count(table.target_rows)
        ));
    }
    lines.join("\n")
}

fn row_lines(name: &str, difference: &Difference) -> Vec<String> {
    let what = match difference.kind {
        DifferenceKind::Missing => "missing in PostgreSQL".to_owned(),
        DifferenceKind::Extra => "only in PostgreSQL".to_owned(),
        DifferenceKind::Different => format!("differs in {}", printable(&difference.columns.join(", "))),
    };
    let mut lines = vec![format!("  {name}: row {}: {what}", printable(&difference.key))];
    for (column, [source, target]) in difference.columns.iter().zip(&difference.values) {
        let [column, source, target] = [column, source, target].map(|words| printable(words));
        lines.push(format!("    {column}: SQLite {source}, PostgreSQL {target}"));
    }
    lines
}

/// Schema, sequences, defaults, constraints, views, bookkeeping, and the sealed copy's own indexes.
fn others(validation: &Validation, plan: &Plan) -> Vec<String> {
    let found = Findings::of(validation);
    let mut lines: Vec<String> = found.all().map(|words| format!("  {}", printable(words))).collect();
    lines.extend(validation.derived.differences.iter().map(|found| derived_lines(found, plan)));
    lines.extend(validation.integrity.as_ref().and_then(integrity_lines));
    lines
}

/// The problems of the sealed copy's own indexes.
pub(super) fn integrity_lines(found: &Integrity) -> Option<String> {
    let first = found.problems.first()?;
    Some(format!(
        "  the sealed copy's indexes do not agree with its tables ({}): {}\n    rows were read without them; repair the source with REINDEX, \
         check what the app did through them, and run cargo xtask catch-up, or migrate again with --restart",
        counted(found.problems.len() as u64, "problem"),
        printable(first)
    ))
}

/// What is known of the sealed copy's own indexes, where there are no problems.
pub(super) fn integrity_line(found: Option<&Integrity>) -> Option<String> {
    let left_out = |number: u64| match number {
        0 => String::new(),
        number => format!("; {} of it cannot be checked", counted(number, "part")),
    };
    match found {
        None => Some(format!("integrity_check of the sealed copy: {}.\n", words::INTEGRITY_NOT_RUN)),
        Some(found) if found.problems.is_empty() => Some(format!(
            "integrity_check of the sealed copy: sound{}.\n",
            left_out(found.left_out.len() as u64)
        )),
        Some(_) => None,
    }
}

/// Derived data that is not filled, with the statements that fill it, and the decisions that can be made instead.
fn derived_lines(found: &DerivedDifference, plan: &Plan) -> String {
    let next = match remedy::derived(found, plan) {
        Remedy::Fill { sql, name } => format!(
            "in psql: {}\n    or in mapping.toml, [derived]: {} = \"fill\" or \"accept\", then cargo xtask migrate --restart",
            printable(&sql),
            printable(&TomlKey(&name).to_string())
        ),
        other => printable(&other.to_string()),
    };
    format!("  {}\n    {next}", printable(&words::derived(found)))
}
