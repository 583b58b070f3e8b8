//! The output of `migrate` where it moved no rows: an earlier run is complete, rejected values prevent it, or it was a dry run.

use migrate_core::baseline::Baseline;
use migrate_core::page_limits::ROW_BYTES_MAX;
use postgres_client::TargetUrl;
use report::figures::{count, rejects, size};
use row_mover::run::{AlreadyDone, Outcome, Rejected};
use row_mover::source::page_limits::{Exceeded, Exceeding};
use row_mover::source::preflight::{Findings, TableFindings};
use row_mover::source::seal::Seal;
use row_mover::source::undisturbed::{Protection, ReadMethod};

use super::advice;
use super::build::copy_method;
use super::problem::Situation;
use super::{counted, problems, refused};
use crate::display::printable;

/// The output of `migrate` for an outcome that moved nothing; empty for one that did.
pub(crate) fn other_text(outcome: &Outcome, url: &TargetUrl, situation: Situation<'_>) -> String {
    match outcome {
        Outcome::Moved(_) => String::new(),
        Outcome::AlreadyDone(done) => already_done_text(done, url),
        Outcome::Rejected { findings, over_limit } => {
            rejected_text(findings, over_limit.as_deref(), situation)
        }
        Outcome::DryRun { findings, next, baseline } => {
            let verdict = rejects(findings.skipped(), findings.nulled());
            format!(
                "{} in {}, {} as PostgreSQL takes them; {verdict}.\n{}next: {next}. Nothing was changed.\n",
                counted(findings.rows(), "row"),
                counted(findings.tables.len() as u64, "table"),
                size(findings.bytes()),
                baseline.as_ref().map(baseline_of_dry_run).unwrap_or_default()
            )
        }
    }
}

/// What a run would write into the list of the app's own migrator.
fn baseline_of_dry_run(baseline: &Baseline) -> String {
    format!(
        "{} will list {}, so that the app's first start runs none of them; --no-baseline leaves them out.\n",
        baseline.name(),
        counted(baseline.rows.len() as u64, "migration")
    )
}

fn already_done_text(done: &AlreadyDone, url: &TargetUrl) -> String {
    let lead = match &done.baseline {
        None => "Nothing to do".to_owned(),
        Some(baseline) => format!(
            "Baseline: {} written: it lists {}, so that the app's first start runs none of them.\nNothing else to do",
            baseline.name(),
            counted(baseline.rows.len() as u64, "migration")
        ),
    };
    let mut text = format!(
        "{lead}: run {} moved this source into {url} and was validated at {} (not checked again now; \
         `cargo xtask validate` does).\n",
        done.run, done.validated_at
    );
    if done.rejected.is_any() {
        let Rejected { skipped, nulled } = done.rejected;
        text.push_str(&format!(
            "In that run {} {} skipped and {} became NULL, as the plan allows.\n",
            counted(skipped, "row"),
            if skipped == 1 { "was" } else { "were" },
            counted(nulled, "value")
        ));
    }
    if let Some(found) = &done.integrity {
        let problems = problems::integrity_lines(found).map(|lines| format!("{lines}\n"));
        text.extend(problems.or_else(|| problems::integrity_line(Some(found))));
    }
    if done.source_changed_since {
        text.push_str(&changed_since(&done.seal));
    }
    text
}

/// How the copy was taken, where it was not at once under SQLite's locks.
pub(super) fn unusual_copy(seal: &Seal) -> Option<String> {
    let method = seal.read_method.filter(|method| {
        let ReadMethod { protection, attempts } = method;
        *protection != Protection::SqliteLocks || *attempts > 1
    })?;
    Some(format!("The sealed copy was taken {}.\n", copy_method(method)))
}

pub(super) fn changed_since(seal: &Seal) -> String {
    format!(
        "But the source was written to since it was sealed at {}: what came later is not in PostgreSQL.\n\
         To move it as it is now, stop the app and give --restart, which drops what this run made.\n",
        seal.sealed_at
    )
}

fn rejected_text(findings: &Findings, over_limit: Option<&str>, situation: Situation<'_>) -> String {
    let values = findings.offender_count();
    let rows = findings.tables.iter().flat_map(|table| &table.exceeding).map(|found| found.rows).sum::<u64>();
    let mut parts = Vec::new();
    if values > 0 {
        parts.push(format!("{} cannot move as planned", counted(values, "value")));
    }
    if rows > 0 {
        let verb = if rows == 1 { "does" } else { "do" };
        parts.push(format!("{} {verb} not fit into the pages of PostgreSQL", counted(rows, "row")));
    }
    let refused_rows =
        findings.tables.iter().flat_map(|table| &table.refused).map(|found| found.rows).sum::<u64>();
    if refused_rows > 0 {
        let verb = if refused_rows == 1 { "is" } else { "are" };
        parts.push(format!("{} {verb} refused by the app's tables", counted(refused_rows, "row")));
    }
    if let Some(words) = over_limit {
        parts = vec![printable(words)];
    }
    let mut text = format!("{}; nothing was changed.\n", parts.join(", "));
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
        for exceeding in &table.exceeding {
            text.push_str(&exceeding_lines(table, exceeding));
        }
        for found in &table.refused {
            text.push_str(&refused::lines(table, found));
        }
    }
    text.push_str(&advice::lines(situation, findings, over_limit.is_some()));
    text
}

/// The rows of a table that are too wide, or whose keys are too long.
fn exceeding_lines(table: &TableFindings, exceeding: &Exceeding) -> String {
    let (name, rows) = (printable(&table.table), counted(table.rows, "row"));
    let bytes = count(exceeding.bytes_max);
    let limit = exceeding.limit.bytes();
    let mut text = match &exceeding.limit {
        Exceeded::Row { columns } => format!(
            "  {name}: {} of {rows}: up to {bytes} bytes wide in {} columns, and a page holds {}\n",
            exceeding.rows,
            count(*columns as u64),
            count(ROW_BYTES_MAX)
        ),
        Exceeded::Key { name: index, definition } => {
            // The result of an expression may be longer than the value.
            let is_longer = limit.is_some_and(|limit| exceeding.bytes_max <= limit);
            let keys = if is_longer { "keys computed from up to" } else { "keys of up to" };
            let taken = match limit {
                Some(limit) => format!("a B-tree takes {} after compression", count(limit)),
                None => {
                    let method = definition.split(' ').next().unwrap_or_default();
                    format!("an index of the method {} takes fewer", printable(method))
                }
            };
            format!(
                "  {name}, {} on {}: {} of {rows}: {keys} {bytes} bytes, and {taken}\n",
                printable(index),
                printable(definition),
                exceeding.rows
            )
        }
    };
    for key in &exceeding.first {
        text.push_str(&format!("    {}\n", printable(key)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_a_b_tree_is_told_of_b_trees_alone() {
        let lines = |definition: &str, bytes_max: u64| {
            let limit = Exceeded::Key { name: "by_v".to_owned(), definition: definition.to_owned() };
            let exceeding = Exceeding { limit, rows: 1, bytes_max, first: vec!["id=1".to_owned()] };
            let table = TableFindings { table: "t".to_owned(), rows: 2, ..TableFindings::default() };
            exceeding_lines(&table, &exceeding)
        };
        for (definition, bytes, line) in [
            ("btree (v)", 5000, "keys of up to 5,000 bytes, and a B-tree takes 2,704 after compression"),
            (
                "btree (repeat(v, 99))",
                80,
                "keys computed from up to 80 bytes, and a B-tree takes 2,704 after compression",
            ),
            ("gist (v)", 9000, "keys of up to 9,000 bytes, and an index of the method gist takes fewer"),
        ] {
            let expected = format!("  t, by_v on {definition}: 1 of 2 rows: {line}\n    id=1\n");
            assert_eq!(lines(definition, bytes), expected);
        }
    }
}
