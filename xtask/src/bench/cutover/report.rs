//! The result of `bench cutover`, as text and as JSON.

use serde::Serialize;

use super::measure::Measured;
use crate::bench::figures::{median, spread};

/// The goals: the longest pause in seconds at a share of changed rows, in percent.
const GOALS: [(f64, f64); 2] = [(1.0, 2.0), (0.01, 1.0)];

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The version of this form.
    pub(crate) format: u32,
    /// The command.
    pub(crate) command: &'static str,
    /// The rows of the database.
    pub(crate) rows: u64,
    /// The size of the SQLite file.
    pub(crate) sqlite_bytes: u64,
    /// The processors of this machine.
    pub(crate) processors: usize,
    /// The server's settings.
    pub(crate) server: Vec<(String, String)>,
    /// Every cutover.
    pub(crate) cutovers: Vec<Measured>,
}

/// A line of the table: its words, and its figure.
type Line = (&'static str, fn(&Measured) -> f64);

const LINES: [Line; 12] = [
    ("catch-up", |measured| measured.catch_up_seconds),
    ("pause rehearsed", |measured| measured.rehearsed_seconds),
    ("pause", |measured| measured.pause_seconds),
    ("  copy", |measured| measured.pause.copy.seconds),
    ("  difference and hash", |measured| measured.pause.difference.seconds),
    ("  seal", |measured| measured.pause.seal.seconds),
    ("  apply and read back", |measured| measured.pause.apply.seconds),
    ("  commit", |measured| measured.pause.commit.seconds),
    ("  fence", |measured| measured.pause.fence.seconds),
    ("processor time of the pause", |measured| measured.pause.processor_seconds()),
    ("wait of the refused write", |measured| measured.refused_seconds),
    ("longest wait of another write", |measured| measured.longest_write_seconds),
];

impl Report {
    /// The result as JSON.
    ///
    /// # Errors
    /// When it cannot be written as such.
    pub(crate) fn json(&self) -> anyhow::Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    /// The result as a table for each share.
    pub(crate) fn text(&self) -> String {
        use report::figures::count as grouped;
        #[expect(clippy::cast_precision_loss, reason = "a size for a person")]
        let megabytes = self.sqlite_bytes as f64 / 1e6;
        let mut out =
            format!("{} rows, {megabytes:.0} MB, {} processors\n", grouped(self.rows), self.processors);
        let mut shares: Vec<f64> = self.cutovers.iter().map(|measured| measured.percent).collect();
        shares.dedup();
        for percent in shares {
            let rounds: Vec<&Measured> =
                self.cutovers.iter().filter(|measured| measured.percent == percent).collect();
            let rows = rounds.first().map_or(0, |measured| measured.changed_rows);
            out.push_str(&format!("\n{percent} % changed ({} rows)\n", grouped(rows)));
            for (words, figure) in LINES {
                let figures: Vec<f64> = rounds.iter().map(|measured| figure(measured)).collect();
                let (Some(middle), Some((least, most))) = (median(&figures), spread(&figures)) else {
                    continue;
                };
                out.push_str(&format!("  {words:34}{middle:6.2} s  ({least:.2} to {most:.2})\n"));
            }
            let sum = |of: fn(&Measured) -> u64| rounds.iter().map(|measured| of(measured)).sum::<u64>();
            out.push_str(&format!(
                "  {} writes, {} lost, {} gave up; {} freezes undone\n",
                grouped(sum(|measured| measured.writes)),
                sum(|measured| measured.lost_writes),
                sum(|measured| measured.busy_writes),
                sum(|measured| u64::from(measured.undone)),
            ));
            if let Some(peak) = rounds.iter().filter_map(|measured| measured.peak_bytes).max() {
                #[expect(clippy::cast_precision_loss, reason = "a size for a person")]
                let megabytes = peak as f64 / 1e6;
                out.push_str(&format!("  {megabytes:.0} MB of memory at most\n"));
            }
            out.push_str(&goal(percent, &rounds));
        }
        out
    }
}

/// Whether a goal is met, where there is one.
fn goal(percent: f64, rounds: &[&Measured]) -> String {
    let Some((_, most)) = GOALS.iter().find(|(share, _)| *share == percent) else { return String::new() };
    let pauses: Vec<f64> = rounds.iter().map(|measured| measured.pause_seconds).collect();
    let is_met = median(&pauses).is_some_and(|pause| pause <= *most);
    format!("  goal: a pause of at most {most} s: {}\n", if is_met { "met" } else { "missed" })
}
