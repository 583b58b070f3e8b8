//! What is known of work that goes on, and how it reads: by table and in total, by bytes where rows move. It draws nothing and
//! has no clock; times are since any moment that stays the same.

use std::time::Duration;

use ::report::figures::size;
use indicatif::{FormattedDuration, HumanCount};
use row_mover::observer::TableToMove;

use super::meter::Meter;
use super::seconds_left;
use crate::display::printable;

/// A table of which nothing was heard for so long is not shown as running.
const SILENT_AFTER: Duration = Duration::from_secs(2);

/// How much of a name is shown.
const NAME_MAX: usize = 40;

/// What work is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nothing: it only takes its time.
    #[default]
    None,
    /// Thousandths of the whole.
    Share,
    /// Rows.
    Rows,
    /// Bytes.
    Bytes,
}

/// One line of what is to be seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// What it is about: the phase, a table, or that something is built.
    pub(super) name: String,
    /// How far it is, from 0 to 1; none where nobody knows.
    pub(super) share: Option<f64>,
    /// The rest of the line.
    pub(super) text: String,
}

#[derive(Debug)]
struct TableProgress {
    source: String,
    shown: String,
    meter: Meter,
    chunks_left: usize,
    heard: Option<Duration>,
}

/// What is built, or a view that is compared.
#[derive(Debug)]
struct Build {
    doing: &'static str,
    table: String,
    what: String,
    began: Duration,
}

/// Work that goes on: one phase, and the builds that may run beside it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    name: &'static str,
    unit: Unit,
    began: Duration,
    total: Meter,
    tables: Vec<TableProgress>,
    builds: Vec<Build>,
}

impl Progress {
    /// A phase begins. What is built beside it goes on.
    pub(super) fn begin(&mut self, name: &'static str, unit: Unit, all: Option<u64>, now: Duration) {
        self.name = name;
        self.unit = unit;
        self.began = now;
        self.total = Meter::new(0, all, now);
        self.tables.clear();
    }

    /// The phase is over.
    pub(super) fn end(&mut self) {
        self.name = "";
        self.tables.clear();
    }

    /// Whether a phase goes on, and since when.
    pub(super) fn since(&self) -> Option<Duration> {
        (!self.name.is_empty()).then_some(self.began)
    }

    /// What there is to move; `counted` says the bytes of a table where the ledger does not.
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
        self.tables = (tables.iter())
            .map(|table| TableProgress {
                chunks_left: table.chunks.saturating_sub(table.chunks_done),
                ..TableProgress::new(&table.table, meter(table))
            })
            .collect();
        let done = self.tables.iter().map(|table| table.meter.done).sum();
        let all = self.tables.iter().map(|table| table.meter.all).sum();
        self.total = Meter::new(done, all, now);
    }

    /// What the phase is counted in.
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
        let at = self.tables.iter().position(|known| known.source == table).unwrap_or_else(|| {
            self.tables.push(TableProgress::new(table, Meter::new(0, all, now)));
            self.tables.len() - 1
        });
        if let Some(known) = self.tables.get_mut(at) {
            known.meter.add(more);
            known.heard = Some(now);
        }
    }

    /// So much of a table was done in vain.
    pub(super) fn take_back(&mut self, table: &str, lost: u64) {
        self.total.take_back(lost);
        if let Some(known) = self.tables.iter_mut().find(|known| known.source == table) {
            known.meter.take_back(lost);
        }
    }

    /// A chunk of a table is done.
    pub(super) fn chunk_done(&mut self, table: &str) {
        if let Some(known) = self.tables.iter_mut().find(|known| known.source == table) {
            known.chunks_left = known.chunks_left.saturating_sub(1);
            if known.chunks_left == 0 {
                known.heard = None;
            }
        }
    }

    /// Something that follows the rows of a table begins.
    pub(super) fn build_started(&mut self, table: &str, what: &str, now: Duration) {
        let (table, what) = (table.to_owned(), what.to_owned());
        self.builds.push(Build { doing: "building", table, what, began: now });
    }

    /// A view is read in both databases.
    pub(super) fn view_started(&mut self, view: &str, now: Duration) {
        let what = format!("view {view}");
        self.builds.push(Build { doing: "comparing", table: String::new(), what, began: now });
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

    /// Remembers what is done now, for the rates to come.
    pub(super) fn look(&mut self, now: Duration) {
        self.total.look(now);
    }

    /// The phase as a whole; none where none goes on.
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

    /// The tables that are worked at, as far as anything was heard of them of late.
    pub(super) fn tables(&self, now: Duration) -> Vec<Item> {
        let is_running = |table: &&TableProgress| {
            let is_done = table.meter.all.is_some_and(|all| table.meter.done >= all);
            let heard = table.heard.filter(|_| table.chunks_left > 0 || !is_done);
            heard.is_some_and(|heard| now.saturating_sub(heard) < SILENT_AFTER)
        };
        let item = |table: &TableProgress| Item {
            name: table.shown.clone(),
            share: table.meter.share(),
            text: self.amount(&table.meter),
        };
        self.tables.iter().filter(is_running).map(item).collect()
    }

    /// What is being built, and the view that is compared.
    pub(super) fn builds(&self, now: Duration) -> Vec<Item> {
        let item = |build: &Build| {
            let of = if build.table.is_empty() { "" } else { " of " };
            let what = format!("{}{of}{}", shown(&build.what), shown(&build.table));
            let text = format!("{what}  {}", FormattedDuration(now.saturating_sub(build.began)));
            Item { name: build.doing.to_owned(), share: None, text }
        };
        self.builds.iter().map(item).collect()
    }

    /// All of it on one line; none where no phase goes on.
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
        TableProgress { source: table.to_owned(), shown: shown(table), meter, chunks_left: 0, heard: None }
    }
}

/// A name, escaped and cut: it is anybody's, and a bar has one line.
fn shown(name: &str) -> String {
    let name = printable(name);
    if name.chars().count() <= NAME_MAX {
        return name;
    }
    name.chars().take(NAME_MAX - 1).chain(std::iter::once('…')).collect()
}

/// It is all of it only once it is.
fn percent(share: f64) -> String {
    format!("{} %", (share * 100.0).floor())
}

#[cfg(test)]
mod tests;
