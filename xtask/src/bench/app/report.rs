//! The figures for people: tables in Markdown, for the screen and for the page alike.

use super::backend::BackendKind;
use super::growth::BACKENDS;
use super::json_queries::Method;
use super::losses::losses;
use super::pacing::Pacing;
use super::promises::{Verdict, judge};
use super::results::{CellFigures, Latency, Results};
use super::run::Parameters;
use super::server_check::not_durable;
use super::words::{self, digits, milliseconds, percent, rate};
use super::workload::Workload;
use crate::report::new_table;
use ::report::figures::{count, size};

/// A run: its figures, and the conditions under which they were measured.
#[derive(Debug)]
pub(crate) struct Report {
    /// What was measured.
    pub(crate) parameters: Parameters,
    /// The server's settings.
    pub(crate) server: Vec<(String, String)>,
    /// The figures.
    pub(crate) results: Results,
    /// How long the run took, in seconds.
    pub(crate) seconds: f64,
}

impl Report {
    /// All tables. With `pictures`, the charts of each workload are named by their path relative to the page.
    pub(crate) fn text(&self, pictures: Option<&str>) -> String {
        let mut sections = vec![self.conditions(), self.promises()];
        sections.extend(self.losses());
        for workload in Workload::ALL {
            sections.extend(self.workload(workload, pictures));
        }
        sections.extend(self.connections());
        sections.extend(self.json_queries());
        sections.extend(self.growth());
        sections.join("\n\n") + "\n"
    }

    fn conditions(&self) -> String {
        let parameters = &self.parameters;
        let settings: Vec<String> =
            self.server.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let backends = BackendKind::ALL
            .map(|backend| format!("- {}: {}.", backend.label(), backend.conditions(parameters.pool_max)));
        let warning = match not_durable(&self.server).as_slice() {
            [] => String::new(),
            off => format!("\n\n**{} is not on: PostgreSQL's figures mean nothing.**", off.join(", ")),
        };
        format!(
            "{} processors. PostgreSQL: {}.{warning}\n\n{}\n\n{} of {} seconds each, with think time twice that, after a warm-up of a quarter. \
             Think time: {} ms on average. Loads begin with {} jobs. Seed {}. The run took {}.",
            super::run::processors(),
            settings.join(", "),
            backends.join("\n"),
            ::report::figures::counted(parameters.rounds.into(), "round"),
            parameters.seconds,
            parameters.think_ms,
            count(parameters.jobs),
            parameters.seed,
            ::report::figures::seconds(self.seconds),
        )
    }

    fn promises(&self) -> String {
        let rows = judge(&self.results).into_iter().map(|judgement| {
            [
                judgement.promise.promised().to_owned(),
                judgement.promise.measured(),
                if judgement.verdict == Verdict::NotMeasured {
                    String::new()
                } else {
                    words::evidence(&judgement.evidence)
                },
                format!("**{}**", judgement.verdict.label()),
            ]
        });
        let table = word_table(["promised", "how it is measured", "figures", "verdict"], rows);
        format!("### Promises\n\n{table}")
    }

    fn losses(&self) -> Option<String> {
        let losses = losses(&self.results);
        if self.results.cells.is_empty() && self.results.json.is_none() && self.results.growth.is_none() {
            return None;
        }
        if losses.is_empty() {
            return Some(
                "### Where PostgreSQL loses\n\nIn none of these comparisons with SQLite FULL.".to_owned(),
            );
        }
        let rows = losses.iter().map(words::loss);
        let table = word_table(["where", "by how much", "when it matters"], rows);
        Some(format!("### Where PostgreSQL loses\n\nAgainst SQLite FULL, by more than a tenth.\n\n{table}"))
    }

    fn workload(&self, workload: Workload, pictures: Option<&str>) -> Option<String> {
        let cells: Vec<&CellFigures> =
            self.results.cells.iter().filter(|cell| cell.load.workload == workload).collect();
        if cells.is_empty() {
            return None;
        }
        let mut text = format!("### {}", capitalised(workload.label()));
        if let Some(folder) = pictures {
            text.push_str(&format!(
                "\n\n![{}: latency and throughput against users]({folder}/{}.svg)",
                capitalised(workload.label()),
                workload.name()
            ));
        }
        for pacing in Pacing::ALL {
            let cells: Vec<&CellFigures> =
                cells.iter().copied().filter(|cell| cell.load.pacing == pacing).collect();
            if !cells.is_empty() {
                text.push_str(&format!(
                    "\n\n{}:\n\n{}",
                    capitalised(pacing.label()),
                    load_table(&cells, pacing)
                ));
            }
        }
        Some(text)
    }

    fn connections(&self) -> Option<String> {
        if self.results.connections.is_empty() {
            return None;
        }
        let mut table = new_table(&[
            "threads",
            "statement alone, ms",
            "a connection for each request, ms",
            "pooled, ms",
            "overhead without pool, ms",
            "overhead with pool, ms",
            "saved",
        ]);
        for one in &self.results.connections {
            table.add_row([
                one.threads.to_string(),
                digits(one.statement.p50),
                digits(one.per_request.p50),
                digits(one.pooled.p50),
                digits(one.per_request_overhead()),
                digits(one.pooled_overhead()),
                one.saved_share().map_or_else(String::new, percent),
            ]);
        }
        Some(format!("### Connections\n\nMedians.\n\n{table}"))
    }

    fn json_queries(&self) -> Option<String> {
        let json = self.results.json.as_ref()?;
        let [containment, extract, like] = Method::ALL.map(|method| format!("{}, ms", method.label()));
        let mut table =
            new_table(&["pattern", "jobs found", containment.as_str(), extract.as_str(), like.as_str()]);
        for pattern in &json.patterns {
            let [containment, extract, like] = pattern.milliseconds.map(digits);
            table.add_row([pattern.name.to_owned(), count(pattern.matches), containment, extract, like]);
        }
        Some(format!(
            "### Queries into documents\n\n{} jobs, medians. All ways found the same jobs.\n\n{table}",
            count(json.jobs)
        ))
    }

    fn growth(&self) -> Option<String> {
        let growth = self.results.growth.as_ref()?;
        let [small, large] = growth.jobs.map(|jobs| format!("{} jobs, ms", count(jobs)));
        let mut table =
            new_table(&["operation", "database", small.as_str(), large.as_str(), "times", "95 %, large"]);
        left(&mut table, 2);
        for one in &growth.operations {
            table.add_row([
                one.operation.label().to_owned(),
                one.backend.label().to_owned(),
                digits(one.small.p50),
                digits(one.large.p50),
                one.ratio().map_or_else(String::new, |ratio| format!("{ratio:.1}")),
                milliseconds(one.large.p95),
            ]);
        }
        let sizes = BACKENDS.iter().zip(growth.bytes).map(|(backend, [small, large])| {
            format!("{} {} and {}", backend.label(), size(small), size(large))
        });
        Some(format!(
            "### Growth\n\nOne user, medians. Sizes on disk: {}.\n\n{table}",
            sizes.collect::<Vec<_>>().join("; ")
        ))
    }
}

/// The figures of one workload, with or without think time.
fn load_table(cells: &[&CellFigures], pacing: Pacing) -> String {
    let has_claims = cells.iter().any(|cell| cell.claim.is_some());
    let is_due = pacing == Pacing::ThinkTime;
    let mut header = vec![
        "users",
        "database",
        "operations/s",
        "from",
        "to",
        "50 %, ms",
        "95 %",
        "99 %",
        "slowest",
        "errors",
    ];
    header.push(if is_due { "served" } else { "starved users" });
    header.extend(has_claims.then_some(["claim 50 %", "95 %", "99 %"]).into_iter().flatten());
    let mut table = new_table(&header);
    left(&mut table, 2);
    let mut sorted = cells.to_vec();
    sorted.sort_by_key(|cell| (cell.load.users, cell.backend));
    for cell in sorted {
        let Latency { p50, p95, p99, max } = cell.latency;
        let (from, to) = cell.throughput_spread;
        let mut row = vec![
            cell.load.users.to_string(),
            cell.backend.label().to_owned(),
            rate(cell.throughput),
            rate(from),
            rate(to),
        ];
        row.extend([p50, p95, p99, max].map(digits));
        row.push(errors(cell));
        row.push(match cell.starved_users {
            Some(starved) => starved.to_string(),
            None => cell.served_share.map_or_else(String::new, percent),
        });
        if has_claims {
            row.extend(match cell.claim {
                Some(claim) => [claim.p50, claim.p95, claim.p99].map(digits),
                None => [const { String::new() }; 3],
            });
        }
        table.add_row(row);
    }
    table.to_string()
}

/// The failed operations, by kind.
fn errors(cell: &CellFigures) -> String {
    let errors = cell.errors;
    let kinds = [
        (errors.busy, "busy"),
        (errors.unavailable, "no connection"),
        (errors.unknown, "unknown"),
        (errors.other, "other"),
    ];
    let parts: Vec<String> = kinds
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, kind)| format!("{number} {kind}"))
        .collect();
    if parts.is_empty() { "0".to_owned() } else { parts.join(", ") }
}

/// A table of sentences, whose columns are not padded: the longest cell would make all lines as long.
fn word_table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let head = line(header.map(str::to_owned).to_vec());
    let rule = line(vec!["---".to_owned(); N]);
    let rows = rows.map(|row| line(row.map(|cell| cell.replace('|', "\\|")).to_vec()));
    [head, rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// Aligns the first columns to the left, where words stand.
fn left(table: &mut comfy_table::Table, columns: usize) {
    for column in table.column_iter_mut().take(columns) {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
