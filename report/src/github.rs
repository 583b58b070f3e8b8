//! Output for GitHub Actions: annotations as workflow commands, and a summary in Markdown for the page of the run.
//!
//! It only creates text; the command writes it to standard output and to the file that `GITHUB_STEP_SUMMARY` names.

use crate::figures::counted;
use crate::findings::{Finding, findings, rows_in_words};
use crate::markdown::{cell, prose, visible};
use crate::model::{Report, TableReport, Verdict};

/// How many errors of one step GitHub shows.
const ERRORS_MAX: usize = 10;

/// Maximum number of tables and of findings in a summary; GitHub accepts 1 MiB of it.
const SUMMARY_MAX: usize = 50;

/// Maximum number of characters of quoted text on one line.
const WORDS_MAX: usize = 500;

/// The annotations, one on each line. The verdict comes first, and at most ten errors in all, since GitHub shows no more.
pub fn annotations(report: &Report<'_>) -> String {
    let mut words = report.verdict_in_words();
    for check in &report.checks {
        if let Some(reason) = check.reason_not_done() {
            words.push('\n');
            words.push_str(&clipped(&format!("{}: {reason}", check.name)));
        }
    }
    if report.verdict == Verdict::Proven {
        let warnings = findings(report).iter().map(|found| annotation("warning", found)).collect::<String>();
        return command("notice", "Migration proven", &words) + &warnings;
    }
    let found = findings(report);
    let mut text = command("error", "Migration NOT proven", &words);
    let shown = if found.len() < ERRORS_MAX { found.len() } else { ERRORS_MAX - 2 };
    text.extend(found.iter().take(shown).map(|found| annotation("error", found)));
    if found.len() > shown {
        let rest = counted((found.len() - shown) as u64, "more finding");
        text.push_str(&command("error", "And more", &format!("{rest}; the report has all of them")));
    }
    text
}

fn annotation(kind: &str, Finding { place, what, next }: &Finding) -> String {
    command(kind, &clipped(place), &format!("{}\nNext: {}", clipped(what), clipped(next)))
}

/// One annotation of a command that has no report to make: an error, or a notice.
pub fn message(is_bad: bool, title: &str, words: &str) -> String {
    let kind = if is_bad { "error" } else { "notice" };
    let lines: Vec<String> = words.lines().map(visible).collect();
    command(kind, &visible(title), &lines.join("\n"))
}

/// The summary: the verdict, the problems, and the tables, those that differ first and then the largest.
pub fn summary(report: &Report<'_>) -> String {
    let heading = match report.verdict {
        Verdict::Proven => "✅ Migration proven",
        Verdict::NotProven => "❌ Migration NOT proven",
    };
    let mut text = format!(
        "## {heading}\n\n{}.\n\nRun {} of {} into {}.\n\n",
        prose(&report.verdict_in_words()),
        report.run,
        cell(&report.source.path),
        cell(&report.target.url)
    );
    let found = findings(report);
    if !found.is_empty() {
        text.push_str("| found | what | next |\n| --- | --- | --- |\n");
        for Finding { place, what, next } in found.iter().take(SUMMARY_MAX) {
            let [place, what, next] = [place, what, next].map(|words| prose(&clipped(words)));
            text.push_str(&format!("| {place} | {what} | {next} |\n"));
        }
        text.push_str(&and_more(found.len(), "finding"));
        text.push('\n');
    }
    text.push_str("| table | rows | verified |\n| --- | ---: | --- |\n");
    for table in heaviest(report).into_iter().take(SUMMARY_MAX) {
        text.push_str(&format!(
            "| {} | {} | {} |\n",
            cell(&table.table),
            table.rows,
            prose(&verified(table))
        ));
    }
    text.push_str(&and_more(report.tables.len(), "table"));
    text.push_str("\n| check | tried | result |\n| --- | ---: | --- |\n");
    for check in &report.checks {
        let result = match (check.reason_not_done(), check.problems.len() as u64) {
            (Some(reason), _) => format!("not done: {}", clipped(reason)),
            (None, 0) => "holds".to_owned(),
            (None, problems) => counted(problems, "problem"),
        };
        let tried = format!("{} {}", check.tried, check.unit);
        let [name, tried, result] = [check.name.as_str(), tried.trim(), &result].map(prose);
        text.push_str(&format!("| {name} | {tried} | {result} |\n"));
    }
    text.push('\n');
    text
}

/// The tables, those that differ first, then those with the most rows.
fn heaviest<'a>(report: &'a Report<'_>) -> Vec<&'a TableReport> {
    let mut tables: Vec<&TableReport> = report.tables.iter().collect();
    let is_equal = |table: &TableReport| table.compared.as_ref().is_some_and(|compared| compared.is_equal());
    tables.sort_by_key(|table| (is_equal(table), std::cmp::Reverse(table.rows)));
    tables
}

fn verified(table: &TableReport) -> String {
    match &table.compared {
        None => "not compared".to_owned(),
        Some(compared) if compared.is_equal() => format!("all {} equal", compared.equal),
        Some(compared) => clipped(&rows_in_words(compared)),
    }
}

fn and_more(count: usize, noun: &str) -> String {
    match count.saturating_sub(SUMMARY_MAX) {
        0 => String::new(),
        more => format!("\n… and {}\n", counted(more as u64, &format!("more {noun}"))),
    }
}

/// The beginning of the text, with control characters shown: a log is read on terminals, too.
fn clipped(words: &str) -> String {
    let words = visible(words);
    match words.char_indices().nth(WORDS_MAX) {
        None => words,
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
    }
}

/// A workflow command on a line of its own.
fn command(kind: &str, title: &str, message: &str) -> String {
    format!("::{kind} title={}::{}\n", property(title), data(message))
}

/// A message, as the runner expects it (actions/toolkit, `escapeData`).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property (actions/toolkit, `escapeProperty`).
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile;

    #[test]
    fn values_are_escaped_as_the_runner_undoes_it() {
        assert_eq!(
            command("error", "a:b,c%\r\n", "x:y,z%\r\n::error::"),
            "::error title=a%3Ab%2Cc%25%0D%0A::x:y,z%25%0D%0A::error::\n"
        );
    }

    #[test]
    fn ten_errors_at_most_each_on_one_line_whatever_the_names_are() {
        let report = hostile::report(Verdict::NotProven);
        let text = annotations(&report);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), ERRORS_MAX, "{text}");
        assert!(lines.iter().all(|line| line.starts_with("::error title=")), "{text}");
        assert!(lines[0].contains("NOT proven") && lines[9].contains("more findings"), "{text}");
        assert!(!text.contains('\r'), "{text}");
        insta::assert_snapshot!("annotations", text);
    }

    #[test]
    fn what_is_proven_is_a_notice() {
        let proven = annotations(&hostile::report(Verdict::Proven));
        assert!(proven.starts_with("::notice title=Migration proven::Proven: 110 rows"), "{proven}");
        assert_eq!(proven.lines().count(), 1);
    }

    #[test]
    fn the_summary_is_markdown_in_which_names_are_text() {
        let text = summary(&hostile::report(Verdict::NotProven));
        assert!(!text.contains("<script>alert(1)</script> ") && !text.contains("\u{202e}"), "{text}");
        insta::assert_snapshot!("summary", text);
    }
}
