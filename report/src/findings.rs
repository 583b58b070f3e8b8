//! The findings of a report as a flat, ordered list: annotations, JUnit and the summary for CI are made of it.
//!
//! It contains plain text; each output format escapes it.

use crate::figures::counted;
use crate::model::{Check, Compared, Problem, Report, RowProblem, TableReport, Verdict};
use crate::words::remedy::Remedy;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The subject, such as `table jobs` or `schema`.
    pub place: String,
    /// The problem.
    pub what: String,
    /// The remedy.
    pub next: String,
}

/// All that is wrong: rows by table first, then each problem of each check.
pub fn findings(report: &Report<'_>) -> Vec<Finding> {
    let rows = report.tables.iter().filter_map(|table| {
        let compared = table.compared.as_ref().filter(|compared| !compared.is_equal())?;
        Some(Finding {
            place: format!("table {}", table.table),
            what: rows_in_words(compared),
            next: rows_next(table),
        })
    });
    let of_check = |check: &Check| {
        let place = check.name.replace('_', " ");
        let finding = move |problem: &Problem| Finding {
            place: place.clone(),
            what: problem.what.clone(),
            next: problem.next.clone(),
        };
        check.problems.iter().map(finding).collect::<Vec<_>>()
    };
    rows.chain(report.checks.iter().flat_map(of_check)).collect()
}

impl Compared {
    /// Whether both sides have the same rows, except for those that were skipped.
    pub fn is_equal(&self) -> bool {
        self.missing == 0
            && self.extra == 0
            && self.different == 0
            && self.source_rows == self.target_rows + self.rejected
    }
}

impl Report<'_> {
    /// The verdict in a sentence.
    pub(crate) fn verdict_in_words(&self) -> String {
        let compared = || self.tables.iter().filter_map(|table| table.compared.as_ref());
        let equal = counted(compared().map(|table| table.equal).sum(), "row");
        let tables = counted(compared().count() as u64, "table");
        match self.verdict {
            Verdict::Proven => {
                format!(
                    "Proven: {equal} of {tables} read back from PostgreSQL, every value equals the sealed copy"
                )
            }
            Verdict::NotProven => {
                let found = counted(findings(self).len() as u64, "finding");
                format!("NOT proven: {found}; {equal} of {tables} equal the sealed copy")
            }
        }
    }

    /// The total duration in seconds, as far as the timeline has it.
    pub fn seconds(&self) -> f64 {
        self.timeline.iter().map(|span| span.begin_seconds + span.seconds).fold(0.0, f64::max)
    }
}

/// Describes the differences in a table, with the first rows by key.
pub(crate) fn rows_in_words(compared: &Compared) -> String {
    let parts: Vec<String> = [
        (compared.missing, "missing in PostgreSQL"),
        (compared.extra, "only in PostgreSQL"),
        (compared.different, "different"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{} {words}", counted(count, "row")))
    .collect();
    let parts = match parts.is_empty() {
        true => format!(
            "{} in SQLite, {} in PostgreSQL, {} skipped",
            counted(compared.source_rows, "row"),
            compared.target_rows,
            compared.rejected
        ),
        false => parts.join(", "),
    };
    let first: Vec<String> = compared.first.iter().map(row_in_words).collect();
    if first.is_empty() { parts } else { format!("{parts}: {}", first.join("; ")) }
}

fn row_in_words(row: &RowProblem) -> String {
    match row.kind.as_str() {
        "missing" => format!("row {} is missing", row.row),
        "extra" => format!("row {} is only there", row.row),
        _ => format!("row {} differs in {}", row.row, row.columns.join(", ")),
    }
}

fn rows_next(table: &TableReport) -> String {
    let recipe = table.by_hand.iter().find(|recipe| recipe.program == "psql");
    let recipe = recipe.map(|recipe| format!("in psql: {} then ", recipe.text)).unwrap_or_default();
    format!("{recipe}repair the rows by hand, or {}", Remedy::MoveAgain)
}
