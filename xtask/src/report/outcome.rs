//! What `migrate` says where it moved nothing: an earlier run has done it, values stand in the way, or it was to look alone.

use row_mover::TargetUrl;
use row_mover::run::{AlreadyDone, Outcome, Rejected};
use row_mover::source::preflight::Findings;
use row_mover::source::seal::Seal;
use row_mover::source::undisturbed::{Protection, ReadMethod};

use super::build::copy_method;
use super::{counted, rejects};
use crate::display::printable;
use crate::screen::size;

/// What `migrate` says of an outcome that moved nothing; nothing of one that did.
pub(crate) fn other_text(outcome: &Outcome, url: &TargetUrl) -> String {
    match outcome {
        Outcome::Moved(_) => String::new(),
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
