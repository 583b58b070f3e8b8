//! The counts of running work and their text: by table and in total, in bytes while rows move. It draws nothing and has no clock;
//! times are since any fixed moment.

use std::collections::HashMap;
use std::time::Duration;

use ::report::figures::size;
use indicatif::{FormattedDuration, HumanCount};
use row_mover::observer::TableToMove;

use super::meter::Meter;
use super::seconds_left;
use crate::display::printable;

/// Time without progress after which a table is not shown as running.
const SILENT_AFTER: Duration = Duration::from_secs(2);

/// The prefix of items that are compared.
const COMPARING: &str = "comparing";

/// How much of a name is shown.
const NAME_MAX: usize = 40;

/// The unit of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nothing but time.
    #[default]
    None,
    /// Thousandths.
    Share,
    /// Rows.
    Rows,
    /// Bytes.
    Bytes,
}

/// One line of the display.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Its subject: the phase, a table, or a build.
    pub(super) name: String,
    /// The share that is done, from 0 to 1; none if it is not known.
    pub(super) share: Option<f64>,
    /// The rest of the line.
    pub(super) text: String,
}

#[derive(Debug)]
struct TableProgress {
    shown: String,
    meter: Meter,
    chunks_left: usize,
    updated: Option<Duration>,
}

/// The current build, or a view that is compared.
#[derive(Debug)]
struct Build {
    doing: &'static str,
    table: String,
    what: String,
    began: Duration,
}

/// Running work: one phase, and the builds that run at the same time.
#[derive(Debug, Default)]
pub(super) struct Progress {
    name: &'static str,
    unit: Unit,
    began: Duration,
    total: Meter,
    tables: Vec<TableProgress>,
    /// The index of each of them, by source name.
    places: HashMap<String, usize>,
    builds: Vec<Build>,
}

impl Progress {
    /// Begins a phase. Builds that run are kept.
    pub(super) fn begin(&mut self, name: &'static str, unit: Unit, all: Option<u64>, now: Duration) {
        self.name = name;
        self.unit = unit;
        self.began = now;
        self.total = Meter::new(0, all, now);
        self.forget_tables();
    }

    /// The phase is over.
    pub(super) fn end(&mut self) {
        self.name = "";
        self.forget_tables();
    }

    fn forget_tables(&mut self) {
        self.tables = Vec::new();
        self.places = HashMap::new();
    }

    fn table(&mut self, name: &str) -> Option<&mut TableProgress> {
        self.places.get(name).and_then(|&place| self.tables.get_mut(place))
    }

    fn add_table(&mut self, name: &str, table: TableProgress) {
        self.places.insert(name.to_owned(), self.tables.len());
        self.tables.push(table);
    }

    /// Since when a phase runs; none if none does.
    pub(super) fn since(&self) -> Option<Duration> {
        (!self.name.is_empty()).then_some(self.began)
    }

    /// Begins the rows of all tables; `counted` returns the bytes of a table that the ledger does not know.
    pub(super) fn rows_begin(
        &mut self,
        tables: &[TableToMove],
        counted: impl Fn(&str) -> Option<u64>,
        now: Duration,
    ) {
        let meter = |table: &TableToMove| {
            let all = table.bytes.or_else(|| counted(&table.table));
            Meter::new(table.bytes_done, all, now)
        };
        self.forget_tables();
        for table in tables {
            let chunks_left = table.chunks.saturating_sub(table.chunks_done);
            let progress = TableProgress { chunks_left, ..TableProgress::new(&table.table, meter(table)) };
            self.add_table(&table.table, progress);
        }
        let done = self.tables.iter().map(|table| table.meter.done).sum();
        let all = self.tables.iter().map(|table| table.meter.all).sum();
        self.total = Meter::new(done, all, now);
    }

    /// The unit of the phase.
    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    /// So much more is done, of no table in particular.
    pub(super) fn add(&mut self, more: u64) {
        self.total.add(more);
    }

    /// So much is done in all.
    pub(super) fn set(&mut self, done: u64) {
        self.total.done = done;
    }

    /// So much more of a table is done.
    pub(super) fn add_to(&mut self, table: &str, more: u64, all: Option<u64>, now: Duration) {
        self.total.add(more);
        if !self.places.contains_key(table) {
            self.add_table(table, TableProgress::new(table, Meter::new(0, all, now)));
        }
        if let Some(known) = self.table(table) {
            known.meter.add(more);
            known.updated = Some(now);
        }
    }

    /// So much of a table was done in vain.
    pub(super) fn take_back(&mut self, table: &str, lost: u64) {
        self.total.take_back(lost);
        if let Some(known) = self.table(table) {
            known.meter.take_back(lost);
        }
    }

    /// A chunk of a table is done.
    pub(super) fn chunk_done(&mut self, table: &str) {
        if let Some(known) = self.table(table) {
            known.chunks_left = known.chunks_left.saturating_sub(1);
            if known.chunks_left == 0 {
                known.updated = None;
            }
        }
    }

    /// Something that follows the rows of a table begins.
    pub(super) fn build_started(&mut self, table: &str, what: &str, now: Duration) {
        let (table, what) = (table.to_owned(), what.to_owned());
        self.builds.push(Build { doing: "building", table, what, began: now });
    }

    /// A view or the schema is compared.
    pub(super) fn comparison_started(&mut self, what: &str, now: Duration) {
        let (table, what) = (String::new(), what.to_owned());
        self.builds.push(Build { doing: COMPARING, table, what, began: now });
    }

    /// Nothing is compared any more but rows.
    pub(super) fn comparisons_finished(&mut self) {
        self.builds.retain(|build| build.doing != COMPARING);
    }

    /// It is compared.
    pub(super) fn view_finished(&mut self, view: &str) {
        self.build_finished("", &format!("view {view}"));
    }

    /// It is done.
    pub(super) fn build_finished(&mut self, table: &str, what: &str) {
        if let Some(at) = self.builds.iter().position(|build| build.table == table && build.what == what) {
            self.builds.remove(at);
        }
    }

    /// Records the current amounts, for later rates.
    pub(super) fn sample(&mut self, now: Duration) {
        self.total.sample(now);
    }

    /// The phase in total; none if none runs.
    pub(super) fn total(&self, now: Duration) -> Option<Item> {
        let began = self.since()?;
        let mut parts = Vec::new();
        match self.unit {
            Unit::None => parts.push(FormattedDuration(now.saturating_sub(began)).to_string()),
            Unit::Share => parts.push(percent(self.total.share().unwrap_or(0.0))),
            Unit::Rows | Unit::Bytes => {
                let share = self.total.share().map(|share| format!(" ({})", percent(share)));
                parts.push(self.amount(&self.total) + &share.unwrap_or_default());
            }
        }
        if let Some(rate) = self.total.rate(now) {
            match self.unit {
                Unit::Rows => parts.push(format!("{} rows/s", HumanCount(rate as u64))),
                Unit::Bytes => parts.push(format!("{}/s", size(rate as u64))),
                Unit::None | Unit::Share => {}
            }
        }
        if matches!(self.unit, Unit::Rows | Unit::Bytes)
            && let Some(seconds) = self.total.seconds_left(now)
        {
            parts.push(format!("{} left for {}", seconds_left(seconds), self.name));
        }
        Some(Item { name: self.name.to_owned(), share: self.total.share(), text: parts.join("  ") })
    }

    /// The tables with progress in the last seconds.
    pub(super) fn tables(&self, now: Duration) -> Vec<Item> {
        let is_running = |table: &&TableProgress| {
            let is_done = table.meter.all.is_some_and(|all| table.meter.done >= all);
            let updated = table.updated.filter(|_| table.chunks_left > 0 || !is_done);
            updated.is_some_and(|updated| now.saturating_sub(updated) < SILENT_AFTER)
        };
        let item = |table: &TableProgress| Item {
            name: table.shown.clone(),
            share: table.meter.share(),
            text: self.amount(&table.meter),
        };
        self.tables.iter().filter(is_running).map(item).collect()
    }

    /// The current builds, and the view that is compared.
    pub(super) fn builds(&self, now: Duration) -> Vec<Item> {
        let item = |build: &Build| {
            let of = if build.table.is_empty() { "" } else { " of " };
            let what = format!("{}{of}{}", shown(&build.what), shown(&build.table));
            let text = format!("{what}  {}", FormattedDuration(now.saturating_sub(build.began)));
            Item { name: build.doing.to_owned(), share: None, text }
        };
        self.builds.iter().map(item).collect()
    }

    /// Everything on one line; none if no phase runs.
    pub(super) fn line(&self, now: Duration) -> Option<String> {
        let total = self.total(now)?;
        let tables: Vec<String> =
            self.tables(now).iter().map(|table| format!("{} {}", table.name, table.text)).collect();
        let builds: Vec<String> =
            self.builds(now).iter().map(|build| format!("{} {}", build.name, build.text)).collect();
        let mut line = format!("{:11} {}", total.name, total.text);
        for part in [tables, builds].iter().filter(|part| !part.is_empty()) {
            line.push_str("; ");
            line.push_str(&part.join(", "));
        }
        Some(line)
    }

    fn amount(&self, meter: &Meter) -> String {
        match (self.unit, meter.all) {
            (Unit::Bytes, Some(all)) => format!("{} of {}", size(meter.done.min(all)), size(all)),
            (Unit::Bytes, None) => size(meter.done),
            (_, Some(all)) => format!("{} of {} rows", HumanCount(meter.done.min(all)), HumanCount(all)),
            (_, None) => format!("{} rows", HumanCount(meter.done)),
        }
    }
}

impl TableProgress {
    fn new(table: &str, meter: Meter) -> TableProgress {
        TableProgress { shown: shown(table), meter, chunks_left: 0, updated: None }
    }
}

/// Returns a name, escaped and cut to fit on a bar's line.
fn shown(name: &str) -> String {
    let name = printable(name);
    if name.chars().count() <= NAME_MAX {
        return name;
    }
    name.chars().take(NAME_MAX - 1).chain(std::iter::once('…')).collect()
}

/// Returns a share in percent, rounded down so that it is 100 only at the end.
fn percent(share: f64) -> String {
    format!("{} %", (share * 100.0).floor())
}

#[cfg(test)]
mod tests;
