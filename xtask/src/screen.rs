//! What a person sees while a command works: a line for each phase, and a bar where a terminal is attached.
//!
//! Everything goes to standard error. Without a terminal there are plain lines, with `--quiet` there is nothing.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use migrate_core::phase::Phase;
use row_mover::ledger::ChunkDone;
use row_mover::observer::{Observer, TableToMove};
use row_mover::source::preflight::Findings;

use crate::output;
use crate::report::{counted, rejects};

/// Shows what a migration does.
pub(crate) struct Screen {
    bar: ProgressBar,
    is_quiet: bool,
    rows_total: AtomicU64,
    bytes_total: AtomicU64,
    skipped: AtomicU64,
    nulled: AtomicU64,
    rows_done: AtomicU64,
    bytes_done: AtomicU64,
}

impl Screen {
    /// A screen; a quiet one shows nothing.
    pub(crate) fn new(is_quiet: bool) -> Screen {
        let bar = ProgressBar::with_draw_target(Some(0), draw_target(is_quiet));
        bar.set_style(style("{spinner} {msg:9} {human_pos} rows {per_sec}"));
        Screen {
            bar,
            is_quiet,
            rows_total: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            nulled: AtomicU64::new(0),
            rows_done: AtomicU64::new(0),
            bytes_done: AtomicU64::new(0),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, text: &str) {
        if !self.is_quiet {
            self.bar.suspend(|| output::note(text));
        }
    }

    fn begin(&self, phase: Phase, total: u64, template: &str) {
        self.bar.reset();
        self.bar.set_style(style(template));
        self.bar.set_length(total);
        self.bar.set_message(phase.name());
    }
}

impl Observer for Screen {
    fn phase_started(&self, phase: Phase) {
        let total = match phase {
            Phase::Rows => self.bytes_total.load(Ordering::Relaxed),
            Phase::Validate => self.rows_total.load(Ordering::Relaxed),
            Phase::Seal => 1000,
            _ => 0,
        };
        let template = match (phase, total) {
            (Phase::Rows, 1..) => "{msg:11} {wide_bar} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
            (Phase::Validate, 1..) => {
                "{msg:11} {wide_bar} {human_pos} of {human_len} rows  {per_sec}  {eta} left"
            }
            (Phase::Seal, _) => "{msg:11} {wide_bar} {percent}%",
            (Phase::Preflight, _) | (Phase::Validate, _) => "{msg:11} {spinner} {human_pos} rows  {per_sec}",
            _ => "{msg:11} {spinner} {elapsed}",
        };
        self.begin(phase, total, template);
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    fn phase_finished(&self, phase: Phase, took: Duration) {
        self.bar.disable_steady_tick();
        let what = match phase {
            Phase::Preflight => format!(
                "{}, {}",
                counted(self.rows_total.load(Ordering::Relaxed), "row"),
                rejects(self.skipped.load(Ordering::Relaxed), self.nulled.load(Ordering::Relaxed))
            ),
            Phase::Seal => "a copy that nobody writes, hashed and read-only".to_owned(),
            Phase::Schema => "tables created".to_owned(),
            Phase::Rows => format!(
                "{}, {} moved",
                counted(self.rows_done.load(Ordering::Relaxed), "row"),
                size(self.bytes_done.load(Ordering::Relaxed))
            ),
            Phase::Constraints => "keys, indexes and foreign keys added, sequences set".to_owned(),
            Phase::Validate => "everything read back and compared".to_owned(),
        };
        self.say(&format!("{:11} {:>7.2} s  {what}", phase.name(), took.as_secs_f64()));
    }

    fn note(&self, text: &str) {
        self.say(text);
    }

    fn rows_scanned(&self, rows: u64) {
        self.bar.inc(rows);
    }

    fn scan_finished(&self, findings: &Findings) {
        self.rows_total.store(findings.rows(), Ordering::Relaxed);
        self.bytes_total.store(findings.bytes(), Ordering::Relaxed);
        self.skipped.store(findings.skipped(), Ordering::Relaxed);
        self.nulled.store(findings.nulled(), Ordering::Relaxed);
    }

    fn sealed(&self, share: f64) {
        // A share is between 0 and 1, so that this is between 0 and 1000.
        self.bar.set_position((share.clamp(0.0, 1.0) * 1000.0) as u64);
    }

    fn rows_begin(&self, tables: &[TableToMove]) {
        let sum = |count: fn(&TableToMove) -> u64| tables.iter().map(count).sum::<u64>();
        let (chunks, done) = (sum(|table| table.chunks as u64), sum(|table| table.chunks_done as u64));
        if done > 0 {
            self.say(&format!("{done} of {chunks} chunks were moved before"));
        }
        let bytes = sum(|table| table.bytes_done);
        self.rows_done.store(sum(|table| table.rows_done), Ordering::Relaxed);
        self.bytes_done.store(bytes, Ordering::Relaxed);
        self.bar.set_position(bytes);
    }

    fn bytes_sent(&self, _table: &str, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        self.bar.inc(bytes);
    }

    fn rows_moved(&self, _table: &str, done: &ChunkDone) {
        self.rows_done.fetch_add(u64::try_from(done.rows).unwrap_or(0), Ordering::Relaxed);
    }

    fn rows_compared(&self, _table: &str, rows: u64) {
        self.bar.inc(rows);
    }
}

/// A size for people, in the unit that gives it one to three digits before the point.
pub(crate) fn size(bytes: u64) -> String {
    let mut unit = "B";
    // Sizes far below 2^53 are exact here, and beyond that a digit does not matter to a person.
    let mut value = bytes as f64;
    for larger in ["kB", "MB", "GB", "TB"] {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

/// A bar for a scan of rows whose number nobody knows yet.
pub(crate) struct ScanBar(ProgressBar);

impl ScanBar {
    /// Begins; a quiet one shows nothing.
    pub(crate) fn begin(is_quiet: bool, what: &'static str) -> ScanBar {
        let bar = ProgressBar::with_draw_target(None, draw_target(is_quiet));
        bar.set_style(style("{msg:11} {spinner} {human_pos} rows  {per_sec}"));
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        ScanBar(bar)
    }

    /// So many rows more were scanned.
    pub(crate) fn rows_scanned(&self, rows: u64) {
        self.0.inc(rows);
    }
}

impl Drop for ScanBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Where bars are drawn: on a terminal, or nowhere.
fn draw_target(is_quiet: bool) -> ProgressDrawTarget {
    let has_terminal = std::io::stderr().is_terminal() && !is_quiet;
    if has_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
