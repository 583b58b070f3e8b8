//! The result of Hyperpage's rehearsal as text and as JSON.

use hyperpage_store::Error;
use hyperpage_store::exercise::{Operation, Problem};
use hyperpage_store::postgres::Rehearsed;
use postgres_client::TargetUrl;
use row_mover::smoke::Verdict;
use serde_json::{Value, json};

use super::exit_of;
use super::hyperpage::HyperpageSmoke;
use super::text::milliseconds;
use crate::display::printable;
use crate::exit::Exit;
use crate::report::{JSON_FORMAT, counted, new_table};

/// The most columns that a remark names.
const COLUMNS_NAMED_MAX: usize = 5;

/// Returns the exit status: a cutover needs every operation.
pub(super) fn exit(smoke: &HyperpageSmoke, accepts_untried: bool) -> Exit {
    exit_of(&verdicts(smoke), accepts_untried)
}

fn verdicts(smoke: &HyperpageSmoke) -> Vec<Verdict> {
    let verdict = |(_, rehearsed): &(Operation, Rehearsed)| match rehearsed {
        Rehearsed::Passed(_) => Verdict::Passed,
        Rehearsed::OutOfTime => Verdict::Undecided,
        Rehearsed::Problem(_) | Rehearsed::Needs(_) => Verdict::Failed,
    };
    smoke.rehearsal.steps.iter().map(verdict).collect()
}

/// Returns the operations that failed, each with its reason.
pub(super) fn failures(smoke: &HyperpageSmoke) -> Vec<String> {
    let failed =
        smoke.rehearsal.steps.iter().zip(verdicts(smoke)).filter(|(_, verdict)| *verdict == Verdict::Failed);
    let words = |((operation, rehearsed), _): (&(Operation, Rehearsed), Verdict)| {
        format!("{}: {}", operation.name(), words(smoke, *operation, rehearsed).unwrap_or_default())
    };
    failed.map(words).collect()
}

/// Whether an operation passed.
pub(super) fn has_passed(smoke: &HyperpageSmoke) -> bool {
    verdicts(smoke).contains(&Verdict::Passed)
}

/// Returns why the app's operations are not tried although the database has the app's tables.
pub(super) fn altered(columns: &[String]) -> String {
    let named = columns.iter().take(COLUMNS_NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match columns.len().saturating_sub(COLUMNS_NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "public has Hyperpage's eight tables, but not as schema-pg has them: {named}{more} {}; the app's operations are not tried, only the tables",
        if columns.len() == 1 { "differs" } else { "differ" }
    )
}

/// Returns a table of all operations, and a line for each that did not pass.
pub(super) fn text(smoke: &HyperpageSmoke, url: &TargetUrl) -> String {
    let steps = &smoke.rehearsal.steps;
    let mut table = new_table(&["operation", "outcome", "time"]);
    let mut problems = String::new();
    for (operation, rehearsed) in steps {
        let (outcome, time) = match rehearsed {
            Rehearsed::Passed(took) => ("passed", milliseconds(*took)),
            Rehearsed::Problem(Problem::Failed(Error::Busy { .. })) => ("BLOCKED", "-".to_owned()),
            Rehearsed::Problem(_) => ("FAILED", "-".to_owned()),
            Rehearsed::Needs(_) | Rehearsed::OutOfTime => ("not tried", "-".to_owned()),
        };
        table.add_row([operation.name().to_owned(), outcome.to_owned(), time]);
        if let Some(words) = words(smoke, *operation, rehearsed) {
            problems.push_str(&format!("{}: {}\n", operation.name(), printable(&words)));
        }
    }
    let verdicts = verdicts(smoke);
    let passed = verdicts.iter().filter(|verdict| **verdict == Verdict::Passed).count();
    let verdict = match verdicts.iter().max() {
        Some(Verdict::Failed) => "Failed",
        Some(Verdict::Undecided) => "Undecided",
        Some(Verdict::Passed) | None => "Passed",
    };
    format!(
        "{table}\n{problems}{verdict}: {passed} of {} of the app on {url} passed; PostgreSQL confirmed that the transaction was rolled back\n",
        counted(steps.len() as u64, "operation")
    )
}

/// Returns the result as one object.
pub(super) fn json(smoke: &HyperpageSmoke, url: &TargetUrl, passed: bool) -> anyhow::Result<String> {
    let operations =
        smoke.rehearsal.steps.iter().map(|(operation, rehearsed)| step(smoke, *operation, rehearsed));
    let value = json!({
        "format": JSON_FORMAT,
        "command": "smoke",
        "target": url.to_string(),
        "passed": passed,
        "scope": "hyperpage",
        "aborted_transaction": smoke.rehearsal.aborted_transaction,
        "operations": operations.collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&value)?)
}

fn step(smoke: &HyperpageSmoke, operation: Operation, rehearsed: &Rehearsed) -> Value {
    let (outcome, seconds) = match rehearsed {
        Rehearsed::Passed(took) => ("passed", Some(took.as_secs_f64())),
        Rehearsed::Problem(Problem::Failed(Error::Busy { .. })) => ("blocked", None),
        Rehearsed::Problem(Problem::Failed(_)) => ("failed", None),
        Rehearsed::Problem(Problem::Returned) => ("returned_something_else", None),
        Rehearsed::Problem(Problem::Stored) => ("stored_something_else", None),
        Rehearsed::Problem(Problem::OtherRows) => ("changed_other_rows", None),
        Rehearsed::Needs(_) | Rehearsed::OutOfTime => ("not_tried", None),
    };
    json!({
        "operation": operation.name(),
        "seconds": seconds,
        "outcome": outcome,
        "error": words(smoke, operation, rehearsed),
    })
}

/// What happened, unless the operation passed.
fn words(smoke: &HyperpageSmoke, operation: Operation, rehearsed: &Rehearsed) -> Option<String> {
    Some(match rehearsed {
        Rehearsed::Passed(_) => return None,
        Rehearsed::Problem(Problem::Failed(error @ Error::Busy { .. })) => {
            match smoke.blocked.iter().find(|(blocked, _)| *blocked == operation) {
                Some((_, wait)) => format!("blocked: {wait}; {}", wait.remedy()),
                None => format!("blocked: {error}"),
            }
        }
        Rehearsed::Problem(Problem::Failed(error)) => {
            let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
            let causes: String = causes.map(|cause| format!(": {cause}")).collect();
            format!("failed: {error}{causes}")
        }
        Rehearsed::Problem(Problem::Returned) => "failed: it returned something else than was expected".to_owned(),
        Rehearsed::Problem(Problem::Stored) => "failed: what is stored is not what was written".to_owned(),
        Rehearsed::Problem(Problem::OtherRows) => {
            "failed: it changed rows of the app that are older than 3000 BC, or a job that is due before any other".to_owned()
        }
        Rehearsed::Needs(needed) => format!("not tried: it needs {}, which did not pass", needed.name()),
        Rehearsed::OutOfTime => "not tried: the time of --timeout was over".to_owned(),
    })
}
