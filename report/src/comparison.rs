//! The result of a comparison with a database that any tool may have filled, in words, and its forms: Markdown, JUnit and annotations.
//!
//! A comparison has no run and no ledger, so that it is no [`Report`](crate::Report).

use crate::figures::{count, counted};
use crate::findings::Finding;
use crate::github;
use crate::junit::{Case, CaseResult, suite};
use crate::markdown::{cell, prose, visible};

/// The result of a comparison in words.
#[derive(Clone, Debug, Default)]
pub struct ComparisonReport {
    /// What was compared, on one line.
    pub subject: String,
    /// The result in a sentence.
    pub verdict: String,
    /// Whether both databases are equal.
    pub is_equal: bool,
    /// The tables that both sides have.
    pub tables: Vec<TableResult>,
    /// What differs besides these tables' rows: what is missing, and the structure.
    pub findings: Vec<Finding>,
    /// What is worth knowing and no difference.
    pub remarks: Vec<String>,
    /// What was not compared.
    pub not_compared: Vec<String>,
    /// The statements that repair the structure, in their order.
    pub repair: Vec<String>,
    /// Duration in seconds.
    pub seconds: f64,
}

/// The result for one table.
#[derive(Clone, Debug, Default)]
pub struct TableResult {
    /// Its name in the source.
    pub table: String,
    /// Its name in the target.
    pub target: String,
    /// Rows in the source.
    pub rows: u64,
    /// Rows whose values are all equal.
    pub equal: u64,
    /// Whether both sides have the same rows.
    pub is_equal: bool,
    /// What differs, one line each.
    pub lines: Vec<String>,
    /// Duration in seconds.
    pub seconds: f64,
}

impl ComparisonReport {
    /// All that differs: the tables' rows first.
    fn all_findings(&self) -> Vec<Finding> {
        let rows = self.tables.iter().filter(|table| !table.is_equal).map(|table| Finding {
            place: format!("table {}", table.table),
            what: table.lines.join("; "),
            next: "move the rows again".to_owned(),
        });
        rows.chain(self.findings.iter().cloned()).collect()
    }

    /// The first words of the verdict.
    fn title(&self) -> &str {
        self.verdict.split_once(':').map_or(&self.verdict, |(title, _)| title)
    }

    /// The result as Markdown: a page, and the summary of a step of GitHub Actions.
    pub fn markdown(&self) -> String {
        let mut text =
            format!("# {}\n\n{}\n\n{}\n\n", self.title(), prose(&self.subject), prose(&self.verdict));
        text.push_str(
            "| table | in PostgreSQL | rows | equal | different |\n| --- | --- | ---: | ---: | --- |\n",
        );
        for table in &self.tables {
            text.push_str(&format!(
                "| {} | {} | {} | {} | {} |\n",
                cell(&table.table),
                cell(&table.target),
                count(table.rows),
                count(table.equal),
                prose(&table.lines.join("; "))
            ));
        }
        if !self.findings.is_empty() {
            text.push_str("\n| difference | what | repair |\n| --- | --- | --- |\n");
        }
        for Finding { place, what, next } in &self.findings {
            text.push_str(&format!("| {} | {} | {} |\n", prose(place), prose(what), prose(next)));
        }
        for (title, lines) in [("Remarks", &self.remarks), ("Not compared", &self.not_compared)] {
            if !lines.is_empty() {
                text.push_str(&format!("\n## {title}\n\n"));
                lines.iter().for_each(|line| text.push_str(&format!("- {}\n", prose(line))));
            }
        }
        if !self.repair.is_empty() {
            text.push_str("\n## Statements that repair the structure, in their order\n\n");
            // Indented by four, a block ends with the indentation, whatever the names in it are.
            for line in self.repair.iter().flat_map(|sql| sql.lines()) {
                text.push_str(&format!("    {}\n", visible(line)));
            }
        }
        text
    }

    /// The result as JUnit XML: a case for each table, and one for each difference besides.
    ///
    /// # Errors
    /// None that is known: it is written to memory.
    pub fn junit(&self) -> std::io::Result<String> {
        let failed = |message: String, text: String| CaseResult::Failed { message, text };
        let tables = self.tables.iter().map(|table| Case {
            class: "rows",
            name: table.table.clone(),
            seconds: table.seconds,
            result: match table.is_equal {
                true => CaseResult::Passed,
                false => failed(table.lines.join("; "), table.lines.join("\n")),
            },
            output: String::new(),
        });
        let findings = self.findings.iter().map(|found| Case {
            class: "structure",
            name: format!("{}: {}", found.place, found.what),
            seconds: 0.0,
            result: failed(found.place.clone(), format!("{}\nnext: {}", found.what, found.next)),
            output: String::new(),
        });
        let left = self.not_compared.iter().map(|line| Case {
            class: "not compared",
            name: line.clone(),
            seconds: 0.0,
            result: CaseResult::Skipped(line.clone()),
            output: String::new(),
        });
        let cases: Vec<Case> = tables.chain(findings).chain(left).collect();
        suite("comparison", None, self.seconds, &cases)
    }

    /// The result as annotations of GitHub Actions, at most ten of them.
    pub fn annotations(&self) -> String {
        const SHOWN_MAX: usize = 8;
        let title = self.title();
        let mut text = github::message(!self.is_equal, title, &self.verdict);
        let found = self.all_findings();
        for Finding { place, what, next } in found.iter().take(SHOWN_MAX) {
            text.push_str(&github::message(true, place, &format!("{what}\nNext: {next}")));
        }
        if let Some(more) = found.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            let more = counted(more as u64, "more finding");
            text.push_str(&github::message(true, "And more", &format!("{more}; the report has all of them")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> ComparisonReport {
        let table = |name: &str, is_equal: bool| TableResult {
            table: name.to_owned(),
            target: name.to_lowercase(),
            rows: 2,
            equal: if is_equal { 2 } else { 1 },
            is_equal,
            lines: if is_equal { Vec::new() } else { vec!["a|b: 1 value: rounded".to_owned()] },
            seconds: 0.5,
        };
        let finding = |number: usize| Finding {
            place: "lost".to_owned(),
            what: format!("NOT NULL is missing: t.c{number}"),
            next: "ALTER TABLE t …".to_owned(),
        };
        ComparisonReport {
            subject: "a.db and postgres://h/d".to_owned(),
            verdict: "NOT equal: 3 of 4 rows".to_owned(),
            tables: vec![table("Same", true), table("Other<x>", false)],
            findings: (0..12).map(finding).collect(),
            not_compared: vec!["CHECK of t".to_owned()],
            seconds: 1.0,
            ..ComparisonReport::default()
        }
    }

    #[test]
    fn each_form_has_every_difference() {
        let report = report();
        let markdown = report.markdown();
        assert!(markdown.starts_with("# NOT equal\n") && markdown.contains("t.c11"), "{markdown}");
        // Within a code span a bracket is text.
        assert!(!markdown.replace("`Other<x>`", "").replace("`other<x>`", "").contains("<x>"), "{markdown}");
        let xml = report.junit().unwrap();
        assert!(xml.contains("tests=\"15\" failures=\"13\" errors=\"0\" skipped=\"1\""), "{xml}");
        let lines = report.annotations();
        assert_eq!(lines.lines().count(), 10, "{lines}");
        assert!(lines.lines().last().unwrap().contains("5 more findings"), "{lines}");
    }
}
