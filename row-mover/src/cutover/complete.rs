//! Makes PostgreSQL equal to what the source contains now, in one transaction with the ledger: the last catch-up.

use std::path::Path;
use std::time::{Duration, Instant};

use migrate_core::cutover::Event;
use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::PlannedTable;
use postgres_client::connection::Connection;
use postgres_client::watch::{StopFlag, Watch, check_stop};

use super::Cutover;
use super::parts::{Laps, PauseParts};
use crate::catch_up::{Applied, apply, copies, schema_changed};
use crate::difference::{Difference, RowDifference, difference};
use crate::error::{Error, Result};
use crate::ledger::{self, CatchUp, Run};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::seal::{self, Copy, Seal};
use crate::threads;

/// What was done.
#[derive(Clone, Debug)]
pub(super) struct Complete {
    /// The copy that PostgreSQL equals.
    pub(super) seal: Seal,
    pub(super) applied: Applied,
    /// Its cost, as far as it was sealed, applied and committed.
    pub(super) parts: PauseParts,
}

/// A copy, its hash, and how it differs from the last one.
pub(super) struct Compared {
    pub(super) copy: Copy,
    pub(super) hash: (String, u64),
    pub(super) base: SourceConnection,
    pub(super) newer: SourceConnection,
    pub(super) rows: RowDifference,
}

/// Hashes a copy and compares it with the last one at the same time. Both end at the deadline.
pub(super) fn compare(cutover: &Cutover<'_>, copy: Copy, deadline: Option<Instant>) -> Result<Compared> {
    let (run, observer) = (&cutover.run, cutover.observer);
    let open = |path: &Path| {
        let source = SourceConnection::open_sealed(path)?.stopped_by(observer.stop_flag());
        source.control().set_deadline(deadline);
        Result::Ok(source)
    };
    let (base, newer) = (open(&run.seal.path)?, open(copy.path())?);
    let plan = LoadPlan::new(&run.plan);
    let tables: Vec<&PlannedTable> =
        plan.tables.iter().filter(|table| run.state.subject.tables.contains(&table.source)).collect();
    let (hash, compared) = std::thread::scope(|scope| {
        let hashed = threads::spawn(scope, || copy.hash(&|| check_time(deadline)))?;
        let compared = difference(&base, &newer, &tables, observer);
        let stopped = || Err(Error::new("the thread that hashes the copy stopped unexpectedly"));
        Result::Ok((hashed.join().unwrap_or_else(|_| stopped())?, compared?))
    })?;
    match compared {
        Difference::Rows(rows) => Ok(Compared { hash, copy, base, newer, rows }),
        Difference::Schema(changes) => Err(schema_changed(changes)),
    }
}

/// Applies the difference and records it with `events`, unless `is_current` denies it at the end. What is committed is on the disk.
pub(super) fn commit(
    cutover: &mut Cutover<'_>,
    compared: Compared,
    started: Instant,
    deadline: Option<Instant>,
    events: &dyn Fn(&Seal) -> Vec<Event>,
    is_current: &dyn Fn() -> Result<()>,
) -> Result<Complete> {
    let Compared { copy, hash, base, newer, rows } = compared;
    let (mut parts, mut laps) = (PauseParts::default(), Laps::begin());
    let seal = copy.seal(hash)?;
    parts.seal = laps.next();
    let (request, run) = (cutover.request, &cutover.run);
    let observer = &Until { inner: cutover.observer, deadline };
    let mut is_ready = false;
    let committed = cutover.session.transaction(|transaction| {
        set_limit(transaction, deadline)?;
        let applied = apply(transaction, run, &base, &newer, &rows.tables, observer)?;
        copies::write_rejects(transaction, run, &newer, &seal.path, &request.rejects_dir)?;
        ledger::record_catch_up(transaction, run.id, &recorded(run, &seal, &applied, started.elapsed()))?;
        for event in events(&seal) {
            let author = &request.author;
            ledger::record_cutover_event(transaction, run.id, &event, &author.name, author.note.as_deref())?;
        }
        is_current()?;
        check_time(deadline)?;
        check_stop(observer)?;
        is_ready = true;
        parts.apply = laps.next();
        Ok(applied)
    });
    parts.commit = laps.next();
    match committed {
        Ok(applied) => Ok(Complete { seal, applied, parts }),
        Err(error) => {
            // Whether a commit that failed has happened is not known: its copy stays.
            if !is_ready {
                drop(seal::delete(&seal));
            }
            Err(error)
        }
    }
}

/// An observer that asks to stop at the deadline, too: the limit of each statement does not limit their sum.
struct Until<'a> {
    inner: &'a dyn Observer,
    deadline: Option<Instant>,
}

impl Watch for Until<'_> {
    fn is_stopped(&self) -> bool {
        self.inner.is_stopped() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

impl Observer for Until<'_> {
    fn stop_flag(&self) -> StopFlag {
        self.inner.stop_flag()
    }
}

/// The cause of an error: the pause would have been too long.
#[derive(Debug)]
pub(super) struct DeadlinePassed;

impl std::fmt::Display for DeadlinePassed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("its time is over")
    }
}

impl std::error::Error for DeadlinePassed {}

/// Returns an error after the deadline.
pub(super) fn check_time(deadline: Option<Instant>) -> Result<()> {
    match deadline {
        Some(deadline) if Instant::now() >= deadline => {
            Err(Error::new("the freeze is undone").caused_by(DeadlinePassed))
        }
        _ => Ok(()),
    }
}

/// Limits each statement of the transaction by the deadline.
fn set_limit(transaction: &mut Connection, deadline: Option<Instant>) -> Result<()> {
    let Some(deadline) = deadline else { return Ok(()) };
    let left = deadline.saturating_duration_since(Instant::now()).as_millis().max(1);
    transaction
        .script(&format!("SET LOCAL statement_timeout = {left}; SET LOCAL lock_timeout = {left}"))
        .map(drop)
}

fn recorded(run: &Run, seal: &Seal, applied: &Applied, took: Duration) -> CatchUp {
    let sum = |of: fn(&crate::catch_up::AppliedTable) -> u64| {
        i64::try_from(applied.tables.iter().map(of).sum::<u64>()).unwrap_or(i64::MAX)
    };
    CatchUp {
        base: run.seal.clone(),
        seal: seal.clone(),
        inserted: sum(|table| table.inserted),
        updated: sum(|table| table.updated),
        deleted: sum(|table| table.deleted),
        seconds: took.as_secs_f64(),
        applied_at: None,
    }
}
