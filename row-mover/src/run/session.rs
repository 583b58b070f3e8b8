//! The connections of one run, and what each phase does with them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use migrate_core::phase::Phase;
use migrate_core::plan::PlannedTable;

use super::outcome::{AlreadyDone, Outcome, PhaseDone, Rejected};
use super::{Request, migrations, open_checked, target_check};
use crate::error::{Error, Result};
use crate::ledger::{self, Run};
use crate::observer::{Observer, go_on};
use crate::retry;
use crate::source::{SourceConnection, seal};
use crate::target::budget::Budget;
use crate::target::bulk::{Backend, BulkConnection};
use crate::target::connections::Connections;
use crate::target::session::{end_session, open_bulk_again};
use crate::target::{DbSettings, PooledConnection, TargetUrl};
use crate::validate::{CompareOptions, catalog, compare_rows};

/// Two migrations of one target are kept apart by an advisory lock of this number.
pub(crate) const ADVISORY_LOCK: &str = "7237971062";

/// How long the lock may be held by a session that is about to end: that of a migrator which was just killed, or our own before its
/// connection was lost.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(3);

/// How long to wait between two tries to take it.
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// The connections of one run.
pub(super) struct Session<'a> {
    pub(super) connections: Connections<'a>,
    pub(super) target: &'a TargetUrl,
    pub(super) settings: DbSettings,
    pub(super) observer: &'a dyn Observer,
    /// Holds the advisory lock for as long as the run lasts.
    keeper: Mutex<BulkConnection>,
}

impl<'a> Session<'a> {
    /// Connects, and refuses a server that is too old.
    pub(super) fn open<M>(request: &'a Request<'_, M>, observer: &'a dyn Observer) -> Result<Session<'a>> {
        // A first connection of our own says at once what is wrong; the pool would try until its time is over.
        // A server that is starting, or has no room for a moment, says so itself, and is waited for.
        let (keeper, budget) = retry::retrying(request.settings.retry_timeout, observer, || {
            let mut keeper = open_checked(&request.target, &request.settings)?;
            let budget = Budget::settle(&mut keeper, request.workers, &request.target, observer)?;
            Ok((keeper, budget))
        })?;
        let connections = Connections::new(&request.target, &request.settings, budget)?;
        let keeper = Mutex::new(keeper);
        Ok(Session { connections, target: &request.target, settings: request.settings, observer, keeper })
    }

    /// A connection of the pool.
    pub(super) fn connection(&self) -> Result<PooledConnection> {
        self.connections.pooled()
    }

    /// Does `work` with the session that holds the lock.
    pub(super) fn with_keeper<T>(&self, work: impl FnOnce(&mut BulkConnection) -> T) -> T {
        work(&mut self.keeper.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps every other migration of this target out for as long as the session lasts.
    pub(super) fn take_lock(&self) -> Result<()> {
        self.take(&mut self.keeper.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes sure that the session with the lock is still there, and takes the lock again where it was lost: once it is gone, another
    /// migration may have begun, and then this one must not go on.
    pub(super) fn hold_lock(&self) -> Result<()> {
        go_on(self.observer)?;
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        match keeper.query("SELECT 1", &[]) {
            Ok(_) => Ok(()),
            Err(error) if error.is_passing() => {
                self.observer.note(&format!(
                    "{}; trying again with another session that holds the lock",
                    retry::in_one_line(&error)
                ));
                let mut again = open_bulk_again(self.target, &self.settings)?;
                end_session(&mut again, keeper.backend())?;
                self.take(&mut again)?;
                *keeper = again;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn take(&self, keeper: &mut BulkConnection) -> Result<()> {
        let deadline = Instant::now() + LOCK_WAIT_MAX;
        loop {
            let rows = keeper.query(&format!("SELECT pg_try_advisory_lock({ADVISORY_LOCK})"), &[])?;
            if rows.first().and_then(|row| row.first()) == Some(&Some("t".to_owned())) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Error::new(format!("another migration is at work on {}", self.target)).next(
                    "wait for it, or end it; `cargo xtask status` shows it, and sessions of ours are named hyperpage-migration in \
                     pg_stat_activity",
                ));
            }
            std::thread::sleep(LOCK_WAIT);
        }
    }

    /// Whether this process of the server is still at work; where that cannot be asked it counts as silent.
    pub(super) fn is_at_work(&self, backend: &Backend) -> Result<bool> {
        // The keeper may have been lost by itself, which says nothing of the session that is asked for.
        match self.hold_lock() {
            Ok(()) => {}
            Err(error) if error.is_passing() => return Ok(false),
            Err(error) => return Err(error),
        }
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let sql = "SELECT 1 FROM pg_stat_activity WHERE pid = $1::integer AND backend_start = $2::timestamptz AND state = 'active'";
        match keeper.query(sql, &backend.parameters()) {
            Err(error) if error.is_passing() => Ok(false),
            answer => answer.map(|rows| !rows.is_empty()),
        }
    }

    /// Does `work` until it succeeds or a fault does not pass.
    pub(super) fn retrying<T>(&self, work: impl FnMut() -> Result<T>) -> Result<T> {
        retry::retrying(self.settings.retry_timeout, self.observer, work)
    }

    /// An earlier run that is done, unless its migrations were undone since.
    pub(super) fn already_done<M: MigrationSource<Pg>>(
        &self,
        request: &Request<'_, M>,
        run: Run,
    ) -> Result<Outcome> {
        let undone = migrations::missing(&mut self.connection()?, &run.plan, request.migrations)?;
        if !undone.is_empty() {
            return Err(Error::new(format!(
                "run {} is done, but its migrations were undone since: {}",
                run.id,
                undone.join(", ")
            ))
            .next("see what is there with `cargo xtask validate`, or start over with --restart"));
        }
        let gone = target_check::missing_tables(&mut self.connection()?, &run.plan)?;
        if !gone.is_empty() {
            return Err(Error::new(format!(
                "run {} is done, but tables are gone since: {}",
                run.id,
                gone.join(", ")
            ))
            .next("see what is there with `cargo xtask validate`, or start over with --restart"));
        }
        let source_changed_since = seal::source_state(&request.source) != run.seal.source_state;
        let rejected = Rejected::of(&ledger::chunks(&mut self.connection()?, run.id)?);
        Ok(Outcome::AlreadyDone(AlreadyDone {
            run: run.id,
            validated_at: run.validated_at.unwrap_or_default(),
            seal: run.seal,
            source_changed_since,
            rejected,
        }))
    }

    /// Makes sure that dropping what an earlier run made loses nothing: a finished migration may have become the app's
    /// database, with rows that are nowhere else.
    pub(super) fn check_untouched<M>(&self, request: &Request<'_, M>, run: &Run) -> Result<()> {
        if request.discard || !run.state.done.contains(&Phase::Constraints) {
            return Ok(());
        }
        let next = "validate to see them; --discard beside --restart drops them for good";
        seal::verify(&run.seal).map_err(|error| {
            Error::new(format!("whether {} was written to since run {} cannot be told", self.target, run.id))
                .because(error)
                .next("--discard beside --restart drops what is there without looking")
        })?;
        let differences = catalog::schema_differences(&mut self.connection()?, &run.plan)?;
        let plan = run.plan.with_policies();
        let tables: Vec<&PlannedTable> =
            plan.tables.iter().filter(|table| catalog::is_readable(table, &differences)).collect();
        let workers = self.connections.budget().workers;
        let options = CompareOptions { workers, ..CompareOptions::default() };
        let open_source = || SourceConnection::open_sealed(&run.seal.path);
        let open_target = || self.connections.bulk();
        let compared = self.with_keeper(|keeper| {
            compare_rows(&tables, options, &open_source, &open_target, keeper, self.observer)
        })?;
        let written: Vec<String> = compared
            .iter()
            .filter(|found| found.extra + found.different > 0)
            .map(|found| format!("{}: {} added, {} changed", found.table, found.extra, found.different))
            .collect();
        if written.is_empty() {
            return Ok(());
        }
        Err(Error::new(format!("{} holds rows that were written there since run {}", self.target, run.id))
            .because(written.join("; "))
            .next(next))
    }

    pub(super) fn start(&self, phase: Phase) -> Instant {
        self.observer.phase_started(phase);
        Instant::now()
    }

    pub(super) fn end(&self, phase: Phase, started: Instant, phases: &mut Vec<PhaseDone>) -> f64 {
        let took: Duration = started.elapsed();
        self.observer.phase_finished(phase, took);
        phases.push(PhaseDone { phase, seconds: took.as_secs_f64() });
        took.as_secs_f64()
    }
}
