//! Progress of a command: bars on a terminal, a line every few seconds elsewhere, and a line for each finished phase.
//!
//! It writes to standard error only, and nothing with `--quiet`. `progress` keeps the counts and `bars` draws them, in a thread of its
//! own, so that the threads that do the work only count.

mod bars;
mod meter;
mod notes;
mod progress;

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ::report::figures::{counted, rejects, size};
use indicatif::HumanDuration;
use migrate_core::phase::Phase;
use postgres_client::Error;
use postgres_client::budget::Shortage;
use postgres_client::retry::in_one_line;
use postgres_client::watch::Watch;
use row_mover::ledger::ChunkDone;
use row_mover::observer::{Note, Observer, TableToMove};
use row_mover::source::preflight::Findings;

use crate::stop::Stop;
use bars::Display;
use progress::{Progress, Unit};

/// Clears the terminal and goes to its top.
pub(crate) const CLEAR: &str = "\x1b[H\x1b[2J";

/// Shows the progress of a migration.
pub(crate) struct Screen {
    shared: Arc<Shared>,
    drawer: Mutex<Option<JoinHandle<()>>>,
    stop: Stop,
}

struct Shared {
    began: Instant,
    state: Mutex<State>,
    /// Notified when the screen is finished.
    is_over: Condvar,
}

struct State {
    display: Display,
    progress: Progress,
    is_over: bool,
    /// By source name.
    tables: HashMap<String, TableCount>,
    skipped: u64,
    nulled: u64,
    rows_done: u64,
    bytes_done: u64,
}

/// The counts of a table's scan.
struct TableCount {
    rows: u64,
    bytes: u64,
}

impl Screen {
    /// Creates a screen, which shows nothing if it is quiet. It stops the work when `stop` is asked to.
    pub(crate) fn new(is_quiet: bool, stop: Stop) -> Screen {
        let state = State {
            display: Display::new(is_quiet),
            progress: Progress::default(),
            is_over: is_quiet,
            tables: HashMap::new(),
            skipped: 0,
            nulled: 0,
            rows_done: 0,
            bytes_done: 0,
        };
        let shared =
            Arc::new(Shared { began: Instant::now(), state: Mutex::new(state), is_over: Condvar::new() });
        let drawn = Arc::clone(&shared);
        // If no thread can be started, the work continues without progress.
        let drawer = std::thread::Builder::new().name("screen".to_owned()).spawn(move || drawn.draw()).ok();
        Screen { shared, drawer: Mutex::new(drawer), stop }
    }

    /// Removes the bars.
    pub(crate) fn finish(&self) {
        self.shared.state().is_over = true;
        self.shared.is_over.notify_all();
        let drawer = self.drawer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(drawer) = drawer {
            drop(drawer.join());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    fn now(&self) -> Duration {
        self.shared.began.elapsed()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws until the screen is finished.
    fn draw(&self) {
        let mut state = self.state();
        while !state.is_over {
            let now = self.began.elapsed();
            let State { display, progress, .. } = &mut *state;
            progress.sample(now);
            display.draw(progress, now);
            let pause = display.pause();
            state = self.is_over.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.display.clear();
    }
}

/// Returns a time that is known only roughly, for people.
pub(crate) fn seconds_left(seconds: f64) -> String {
    format!("about {}", HumanDuration(Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}

impl State {
    fn rows_total(&self) -> u64 {
        self.tables.values().map(|table| table.rows).sum()
    }

    /// Describes the result of a phase.
    fn done(&self, phase: Phase) -> String {
        match phase {
            Phase::Preflight => "source and target are ready".to_owned(),
            Phase::Seal => format!(
                "{} copied, hashed and scanned; {}",
                counted(self.rows_total(), "row"),
                rejects(self.skipped, self.nulled)
            ),
            Phase::Schema => "tables created".to_owned(),
            Phase::Rows => format!("{}, {} moved", counted(self.rows_done, "row"), size(self.bytes_done)),
            Phase::Constraints => "keys, indexes and foreign keys added, sequences set".to_owned(),
            Phase::Validate => "everything read back and compared".to_owned(),
        }
    }
}

impl Observer for Screen {
    fn phase_started(&self, phase: Phase) {
        let now = self.now();
        let mut state = self.state();
        let (unit, all) = match phase {
            Phase::Seal => (Unit::Share, Some(1000)),
            Phase::Rows => (Unit::Bytes, None),
            Phase::Preflight => (Unit::Rows, None),
            Phase::Validate => (Unit::Rows, Some(state.rows_total()).filter(|rows| *rows > 0)),
            Phase::Schema | Phase::Constraints => (Unit::None, None),
        };
        state.progress.begin(phase.name(), unit, all, now);
    }

    fn phase_finished(&self, phase: Phase, took: Duration) {
        let mut state = self.state();
        state.progress.end();
        state.display.clear();
        let line = format!("{:11} {:>7.2} s  {}", phase.name(), took.as_secs_f64(), state.done(phase));
        state.display.print(&line);
    }

    fn note(&self, note: &Note<'_>) {
        self.state().display.print(&notes::sentence(note));
    }

    fn rows_scanned(&self, rows: u64) {
        let now = self.now();
        let mut state = self.state();
        // The copy is complete, and its values are scanned now.
        if state.progress.unit() == Unit::Share {
            state.progress.begin(Phase::Seal.name(), Unit::Rows, None, now);
        }
        state.progress.add(rows);
    }

    fn scan_finished(&self, findings: &Findings) {
        let mut state = self.state();
        state.tables = (findings.tables.iter())
            .map(|found| (found.table.clone(), TableCount { rows: found.rows, bytes: found.bytes }))
            .collect();
        state.skipped = findings.skipped();
        state.nulled = findings.nulled();
    }

    fn sealed(&self, share: f64) {
        // A share is between 0 and 1, so that this is between 0 and 1000.
        self.state().progress.set((share.clamp(0.0, 1.0) * 1000.0) as u64);
    }

    fn rows_begin(&self, tables: &[TableToMove]) {
        let now = self.now();
        let mut state = self.state();
        let sum = |count: fn(&TableToMove) -> u64| tables.iter().map(count).sum::<u64>();
        let (chunks, done) = (sum(|table| table.chunks as u64), sum(|table| table.chunks_done as u64));
        if done > 0 {
            state.display.print(&format!("{done} of {} were moved before", counted(chunks, "chunk")));
        }
        state.rows_done = sum(|table| table.rows_done);
        state.bytes_done = sum(|table| table.bytes_done);
        let State { progress, tables: found, .. } = &mut *state;
        let bytes = |name: &str| found.get(name).map(|table| table.bytes);
        progress.rows_begin(tables, bytes, now);
    }

    fn bytes_sent(&self, table: &str, bytes: u64) {
        let now = self.now();
        let mut state = self.state();
        state.bytes_done += bytes;
        state.progress.add_to(table, bytes, None, now);
    }

    fn bytes_lost(&self, table: &str, bytes: u64) {
        let mut state = self.state();
        state.bytes_done = state.bytes_done.saturating_sub(bytes);
        state.progress.take_back(table, bytes);
    }

    fn rows_moved(&self, table: &str, done: &ChunkDone) {
        let mut state = self.state();
        state.rows_done += u64::try_from(done.rows).unwrap_or(0);
        state.progress.chunk_done(table);
    }

    fn build_started(&self, table: &str, what: &str) {
        let now = self.now();
        self.state().progress.build_started(table, what, now);
    }

    fn build_finished(&self, table: &str, what: &str, _took: Duration) {
        self.state().progress.build_finished(table, what);
    }

    fn build_lost(&self, table: &str, what: &str) {
        self.state().progress.build_finished(table, what);
    }

    fn rows_compared(&self, table: &str, rows: u64) {
        let now = self.now();
        let mut state = self.state();
        let all = state.tables.get(table).map(|counted| counted.rows);
        state.progress.add_to(table, rows, all, now);
    }

    fn schema_comparison_started(&self, tables: usize) {
        let now = self.now();
        let what = format!("schema of {}", counted(tables as u64, "table"));
        self.state().progress.comparison_started(&what, now);
    }

    fn schema_comparison_finished(&self) {
        self.state().progress.comparisons_finished();
    }

    fn view_started(&self, view: &str) {
        let now = self.now();
        self.state().progress.comparison_started(&format!("view {view}"), now);
    }

    fn view_finished(&self, view: &str) {
        self.state().progress.view_finished(view);
    }
}

impl Watch for Screen {
    fn is_stopped(&self) -> bool {
        self.stop.is_asked()
    }

    fn retrying(&self, fault: &Error, wait: Duration) {
        let line = format!("{}; trying again in {:.1} s", in_one_line(fault), wait.as_secs_f32());
        self.state().display.print(&line);
    }

    fn short_of_connections(&self, shortage: &Shortage) {
        let workers = counted(shortage.granted as u64, "worker");
        let line = format!(
            "{} of them in use, ours among them; working with {workers} instead of {}",
            shortage.limit, shortage.wanted
        );
        self.state().display.print(&line);
    }
}

/// A bar for a scan of rows whose number is not known yet.
pub(crate) struct ScanBar(Screen);

impl ScanBar {
    /// Begins; a quiet one shows nothing.
    pub(crate) fn begin(is_quiet: bool, what: &'static str) -> ScanBar {
        let screen = Screen::new(is_quiet, Stop::default());
        let now = screen.now();
        screen.state().progress.begin(what, Unit::Rows, None, now);
        ScanBar(screen)
    }

    /// This many more rows were scanned.
    pub(crate) fn rows_scanned(&self, rows: u64) {
        self.0.rows_scanned(rows);
    }
}
