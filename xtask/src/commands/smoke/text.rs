//! The result of a smoke test as text for people.

use std::time::Duration;

use migrate_core::identifier::qualified_pg;
use postgres_client::TargetUrl;
use row_mover::smoke::{NotTried, Operation, Outcome, Scope, SmokeTest, Step, TableSmoke, Verdict};

use crate::display::printable;
use crate::report::{counted, new_table};

/// Returns a table of all operations, and a line for each that did not pass.
pub(crate) fn smoke_text(test: &SmokeTest, url: &TargetUrl) -> String {
    let mut table = new_table(&["table", "insert", "update", "delete"]);
    for tried in &test.tables {
        let cells = Operation::ALL.map(|operation| {
            let step = tried.steps.iter().find(|step| step.operation == operation);
            step.map_or_else(|| "-".to_owned(), cell)
        });
        table.add_row(std::iter::once(printable(&name(tried))).chain(cells));
    }
    let mut text = format!("{table}\n");
    for tried in &test.tables {
        for step in &tried.steps {
            if let Some(words) = words(&step.outcome) {
                let operation = step.operation.name();
                text.push_str(&format!("{}, {operation}: {}\n", printable(&name(tried)), printable(&words)));
            }
        }
    }
    text.push_str(&summary(test, url));
    text
}

/// Returns what a person should know beside the result.
pub(crate) fn remarks(test: &SmokeTest) -> String {
    let scope = match test.scope {
        Scope::Plan => "the tables are those of the last migration's plan",
        Scope::Database => "no ledger can be read here: all tables of the database were tried",
    };
    format!("{scope}; sequences may have advanced, nothing else has changed")
}

/// Returns the operations that failed, each with its reason.
pub(super) fn failures(test: &SmokeTest) -> Vec<String> {
    let steps = test.tables.iter().flat_map(|table| table.steps.iter().map(move |step| (table, step)));
    let failed = steps.filter(|(_, step)| step.outcome.verdict() == Verdict::Failed);
    let words = |(table, step): (&TableSmoke, &Step)| {
        format!("{}, {}: {}", name(table), step.operation.name(), words(&step.outcome).unwrap_or_default())
    };
    failed.map(words).collect()
}

/// Whether an operation passed.
pub(super) fn has_passed(test: &SmokeTest) -> bool {
    test.tables.iter().flat_map(|table| &table.steps).any(|step| step.outcome.verdict() == Verdict::Passed)
}

fn name(table: &TableSmoke) -> String {
    qualified_pg(&table.schema, &table.table)
}

fn cell(step: &Step) -> String {
    match &step.outcome {
        Outcome::Passed => milliseconds(step.took),
        Outcome::RefusedByForeignKey(_) => format!("{} (refused)", milliseconds(step.took)),
        Outcome::NothingToUpdate => "-".to_owned(),
        Outcome::Raised => "refused".to_owned(),
        Outcome::Failed(_) | Outcome::WrongRowCount(_) => "FAILED".to_owned(),
        Outcome::Blocked(_) => "BLOCKED".to_owned(),
        Outcome::TimedOut => "TIMED OUT".to_owned(),
        Outcome::NotTried(_) => "not tried".to_owned(),
    }
}

pub(super) fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}

/// What happened, unless the operation passed.
fn words(outcome: &Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Passed | Outcome::NothingToUpdate => return None,
        Outcome::RefusedByForeignKey(constraint) => {
            format!("refused by the foreign key {constraint}, as it must be")
        }
        Outcome::Raised => "refused: a function or trigger of the database raised an exception".to_owned(),
        Outcome::Failed(error) => format!("failed: {error}"),
        Outcome::WrongRowCount(rows) => format!(
            "failed: the statement changed {} instead of 1 row; a trigger or rule replaces it",
            counted(*rows, "row")
        ),
        Outcome::Blocked(Some(wait)) => format!("blocked: {wait}; {}", wait.remedy()),
        Outcome::Blocked(None) => {
            "blocked: another session holds a lock; it ended before it could be named".to_owned()
        }
        Outcome::TimedOut => "failed: it took longer than 10 seconds".to_owned(),
        Outcome::NotTried(why) => format!("not tried: {}", reason(why)),
    })
}

fn reason(why: &NotTried) -> String {
    match why {
        NotTried::RowSecurity => {
            "row level security applies to this role, and only the app knows for whom its sessions act"
                .to_owned()
        }
        NotTried::MissingRight(right) => format!("this role lacks the right to {}", right.name()),
        NotTried::ForeignPartition => {
            "a partition is a foreign table, where nothing can be rolled back for certain".to_owned()
        }
        NotTried::NoTable => "the table does not exist".to_owned(),
        NotTried::NoRow(error) => format!("no made-up row was accepted: {error}"),
        NotTried::NoValue { column, type_name } => {
            format!("column {column} must have a value, and none is known for the type {type_name}")
        }
        NotTried::Circle(constraint) => {
            format!(
                "a new row needs one in another table that needs the new row, by the foreign key {constraint}"
            )
        }
        NotTried::WouldCascade(constraint) => {
            format!(
                "every row is referenced, and the foreign key {constraint} would change or delete the rows that refer to it"
            )
        }
        NotTried::RowMoved => "a trigger moved the row that was inserted for this".to_owned(),
        NotTried::NoRowToChange => "there is no row, and none could be inserted".to_owned(),
        NotTried::OutOfTime => "the time of --timeout was over".to_owned(),
    }
}

fn summary(test: &SmokeTest, url: &TargetUrl) -> String {
    let steps = || test.tables.iter().flat_map(|table| &table.steps);
    let number = |verdict: Verdict| steps().filter(|step| step.outcome.verdict() == verdict).count() as u64;
    let tables = counted(test.tables.len() as u64, "table");
    let aborted = test.tables.iter().filter(|table| table.aborted_transaction.is_some()).count() as u64;
    let (passed, undecided, failed) =
        (number(Verdict::Passed), number(Verdict::Undecided), number(Verdict::Failed));
    format!(
        "{}: {passed} of {} on {tables} of {url} passed, {failed} failed, {undecided} refused by a trigger or not tried; \
         {}\n",
        if failed > 0 {
            "Failed"
        } else if undecided > 0 {
            "Undecided"
        } else {
            "Passed"
        },
        counted(steps().count() as u64, "operation"),
        match aborted {
            0 => "no transaction was begun".to_owned(),
            1 => "PostgreSQL confirmed that the transaction was rolled back".to_owned(),
            _ => format!("PostgreSQL confirmed that all {aborted} transactions were rolled back"),
        },
    )
}
