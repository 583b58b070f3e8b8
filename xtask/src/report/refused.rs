//! Rows that the rules of an app's tables refuse: which, by which rule, and what to do.

use migrate_core::identifier::{qualified_pg, quote_pg};
use migrate_core::plan::{ExistingTable, Plan};
use row_mover::source::preflight::{Findings, TableFindings};
use row_mover::source::refused_rows::{RefusedRows, Rule};

use super::counted;
use crate::display::printable;

/// The lines for the rows of a table that one rule refuses.
pub(super) fn lines(table: &TableFindings, refused: &RefusedRows) -> String {
    let at_least = if refused.may_be_more { "at least " } else { "" };
    let mut text = format!(
        "  {}, {}: {at_least}{} of {}\n",
        printable(&table.table),
        printable(&rule(&refused.rule)),
        refused.rows,
        counted(table.rows, "row")
    );
    for key in &refused.first {
        text.push_str(&format!("    {}\n", printable(key)));
    }
    text
}

/// A rule in words.
fn rule(rule: &Rule) -> String {
    match rule {
        Rule::Check { name } => format!("CHECK {name}"),
        Rule::Unique { name } => format!("unique index {name}"),
        Rule::Exclusion { name } => format!("EXCLUDE constraint {name}"),
        Rule::NotNull { column } => format!("NOT NULL of {column}"),
        Rule::NoPartition => "no partition takes the row".to_owned(),
        Rule::ForeignKey { name, parent } => {
            format!("foreign key {name}, whose row is missing in {parent}")
        }
        Rule::Other { sqlstate } => {
            format!("an index, CHECK or generated column that cannot be computed (SQLSTATE {sqlstate})")
        }
    }
}

/// Each rule with its table, and what to do about it in PostgreSQL.
pub(super) fn advice(plan: &Plan, findings: &Findings) -> Vec<(String, Option<String>)> {
    let mut lines = Vec::new();
    for found in findings.tables.iter().filter(|found| !found.refused.is_empty()) {
        let existing = plan.table(&found.table).and_then(|table| table.existing.as_ref());
        lines.extend(found.refused.iter().map(|refused| {
            let name = printable(&format!("{}, {}", found.table, rule(&refused.rule)));
            (name, existing.and_then(|existing| remedy(existing, &refused.rule)))
        }));
    }
    lines
}

fn remedy(existing: &ExistingTable, rule: &Rule) -> Option<String> {
    let table = existing.name_in_sql();
    let has = |kind: &str, name: &str| {
        existing.table.facts.iter().any(|fact| fact.item.strip_prefix(kind) == Some(name))
    };
    let drop = |name: &str| match (has("constraint ", name), has("index ", name)) {
        (true, _) => format!("ALTER TABLE {table} DROP CONSTRAINT {};", quote_pg(name)),
        (false, true) => format!("DROP INDEX {};", qualified_pg(&existing.table.schema, name)),
        (false, false) => format!("change {name}, a rule of a domain or a partition of {table}"),
    };
    let lift =
        |name: &str| Some(printable(&format!("lift the rule in PostgreSQL, and run again: {}", drop(name))));
    match rule {
        Rule::Check { name } | Rule::Unique { name } | Rule::Exclusion { name } => lift(name),
        Rule::ForeignKey { name, parent } => Some(printable(&format!(
            "insert the missing rows into {parent}, or lift the rule in PostgreSQL, and run again: {}",
            drop(name)
        ))),
        Rule::NoPartition => Some(printable(&format!(
            "add a partition that takes the rows, and run again, such as: CREATE TABLE {} PARTITION OF {table} DEFAULT;",
            qualified_pg(&existing.table.schema, &format!("{}_default", existing.table.name))
        ))),
        Rule::NotNull { .. } | Rule::Other { .. } => None,
    }
}
