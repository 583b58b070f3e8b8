//! The connections of one run, and what each phase does with them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use migrate_core::load_plan::LoadPlan;
use migrate_core::phase::Phase;
use migrate_core::plan::PlannedTable;

use super::integrity::check_sealed_copy;
use super::outcome::{AlreadyDone, Outcome, PhaseDone, Rejected};
use super::{Request, baseline, late_baseline, migrations, open_checked, target_check};
use crate::error::{Context, Error, Result};
use crate::ledger::{self, Run};
use crate::observer::{Note, Observer};
use crate::remedy::Remedy;
use crate::source::integrity_check::Integrity;
use crate::source::{SourceConnection, seal};
use crate::validate::{CompareOptions, catalog, compare_rows};
use crate::watched::Watched;
use postgres_client::budget::Budget;
use postgres_client::connection::{Backend, Connection};
use postgres_client::connections::Connections;
use postgres_client::lock_query::advisory_lock_holder;
use postgres_client::lock_watch::LockWatch;
use postgres_client::pooler;
use postgres_client::retry;
use postgres_client::session::{end_session, open_bulk_again};
use postgres_client::watch::check_stop;
use postgres_client::{DbSettings, PooledConnection, TargetUrl};

/// Two migrations of one target are kept apart by an advisory lock of this number.
pub(crate) const ADVISORY_LOCK: &str = "7237971062";

/// How long the lock may be held by a session that is about to end: that of a migrator which was just killed, or our own before its
/// connection was lost.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(3);

/// How long to wait between two tries to take it.
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// The connections of one run.
pub(crate) struct Session<'a> {
    pub(crate) connections: Connections<'a>,
    pub(super) target: &'a TargetUrl,
    pub(super) settings: DbSettings,
    pub(super) observer: &'a Watched<'a>,
    /// Holds the advisory lock for as long as the run lasts.
    lock_session: Arc<Mutex<Connection>>,
    /// Knows who holds the locks that our sessions wait for.
    lock_watch: LockWatch,
}

impl<'a> Session<'a> {
    /// Connects, and refuses a server that is too old.
    pub(crate) fn open(
        target: &'a TargetUrl,
        settings: &'a DbSettings,
        workers: usize,
        observer: &'a Watched<'a>,
    ) -> Result<Session<'a>> {
        // A first connection of our own reports problems at once; the pool would retry until its timeout. A server that is starting, or
        // has no free connection for a moment, reports that itself, and we wait for it.
        let (lock_session, budget) =
            retry::retrying(settings.retry_timeout, observer, &observer.clock, || {
                let mut lock_session = open_checked(target, settings)?;
                let budget = Budget::settle(&mut lock_session, workers, target, observer)?;
                Ok((lock_session, budget))
            })?;
        let connections = Connections::new(target, settings, budget)?;
        let lock_session = Arc::new(Mutex::new(lock_session));
        let lock_watch = LockWatch::through(&lock_session, settings);
        Ok(Session { connections, target, settings: *settings, observer, lock_session, lock_watch })
    }

    /// A connection of the pool.
    pub(crate) fn connection(&self) -> Result<PooledConnection> {
        self.connections.pooled()
    }

    /// Does `work` with the session that holds the lock.
    pub(super) fn with_lock_session<T>(&self, work: impl FnOnce(&mut Connection) -> T) -> T {
        work(&mut self.lock_session.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Compares with the session that holds the lock, which keeps the snapshot. It cannot watch for locks meanwhile, so the watch uses a
    /// connection of its own if one is free.
    pub(super) fn comparing<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        if !self.connections.budget().has_one_to_spare() {
            return self.with_lock_session(work);
        }
        let watch = LockWatch::apart(self.target, &self.settings);
        self.with_lock_session(work).map_err(|error| watch.explain(error, None))
    }

    /// Excludes every other migration of this target for as long as the session lasts.
    pub(crate) fn take_lock(&self) -> Result<()> {
        self.take(&mut self.lock_session.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks that the session with the lock is still there, and acquires the lock again if it was lost. Another migration may have begun
    /// in between; then this one must not resume.
    pub(crate) fn hold_lock(&self) -> Result<()> {
        check_stop(self.observer)?;
        let mut lock_session = self.lock_session.lock().unwrap_or_else(PoisonError::into_inner);
        match lock_session.one::<String>("SELECT pg_backend_pid()", &[]) {
            Ok(pid) if pid == lock_session.backend().pid() => Ok(()),
            // The lock is held by a session that is no longer ours, and would be held there for ever.
            Ok(_) => {
                let with_lock = lock_session.backend().clone();
                end_session(&mut lock_session, &with_lock)?;
                Err(pooler::refusal(&mut lock_session, self.target))
            }
            Err(error) if error.is_transient() => {
                self.observer.note(&Note::LockSessionLost { fault: &error });
                let mut again = open_bulk_again(self.target, &self.settings)?;
                end_session(&mut again, lock_session.backend())?;
                self.take(&mut again)?;
                *lock_session = again;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn take(&self, lock_session: &mut Connection) -> Result<()> {
        let deadline = Instant::now() + LOCK_WAIT_MAX;
        loop {
            if lock_session.one(&format!("SELECT pg_try_advisory_lock({ADVISORY_LOCK})"), &[])? {
                return Ok(());
            }
            if Instant::now() > deadline {
                let error = Error::new(format!("another migration is at work on {}", self.target))
                    .with_remedy_value(Remedy::AwaitOther);
                return Err(match advisory_lock_holder(lock_session, ADVISORY_LOCK)? {
                    Some(holder) => error.caused_by(format!("it is {holder}")),
                    None => error,
                });
            }
            std::thread::sleep(LOCK_WAIT);
        }
    }

    /// Whether this process of the server is still at work; where that cannot be asked it counts as silent.
    pub(super) fn is_at_work(&self, backend: &Backend) -> Result<bool> {
        // The session with the lock may have been lost alone, which does not affect the session that is requested.
        match self.hold_lock() {
            Ok(()) => {}
            Err(error) if error.is_transient() => return Ok(false),
            Err(error) => return Err(error),
        }
        let mut lock_session = self.lock_session.lock().unwrap_or_else(PoisonError::into_inner);
        let sql = "SELECT wait_event_type IS DISTINCT FROM 'Lock' FROM pg_stat_activity \
                   WHERE pid = $1::integer AND backend_start = $2::timestamptz AND state = 'active'";
        let at_work: Option<bool> = match lock_session.first(sql, &backend.parameters()) {
            Err(error) if error.is_transient() => return Ok(false),
            answer => answer?,
        };
        if at_work == Some(true) {
            self.observer.clock.worked();
        }
        // A session that waits for a lock is alive, and that wait has a timeout of its own.
        Ok(at_work.is_some())
    }

    /// Does `work` until it succeeds or a fault does not pass.
    pub(crate) fn retrying<T>(&self, mut work: impl FnMut() -> Result<T>) -> Result<T> {
        retry::retrying(self.settings.retry_timeout, self.observer, &self.observer.clock, || {
            work().map_err(|error| self.explain(error, None))
        })
    }

    /// Adds to an error of a session of ours who held the lock that it waited for.
    pub(crate) fn explain(&self, error: Error, waiter: Option<&Backend>) -> Error {
        self.lock_watch.explain(error, waiter)
    }

    /// Whether the server is a standby, which is read-only.
    fn is_standby(&self) -> Result<bool> {
        let mut lock_session = self.lock_session.lock().unwrap_or_else(PoisonError::into_inner);
        target_check::is_standby(&mut lock_session)
    }

    /// Refuses a standby before anything is done.
    pub(crate) fn refuse_standby(&self) -> Result<()> {
        if self.is_standby()? { Err(target_check::standby()) } else { Ok(()) }
    }

    /// An earlier run that is done, unless its migrations were undone since.
    pub(super) fn already_done(&self, request: &Request<'_>, run: Run<'_>) -> Result<Outcome> {
        let undone = migrations::missing(&mut *self.connection()?, &run, request.migrations)?;
        if !undone.is_empty() {
            return Err(Error::new(format!(
                "run {} is done, but its migrations were undone since: {}",
                run.id,
                undone.iter().map(|migration| migration.name.as_str()).collect::<Vec<_>>().join(", ")
            ))
            .with_remedy_value(Remedy::ValidateOrRestart));
        }
        let gone = target_check::missing_tables(&mut *self.connection()?, &run.plan)?;
        if !gone.is_empty() {
            return Err(Error::new(format!(
                "run {} is done, but tables are gone since: {}",
                run.id,
                gone.join(", ")
            ))
            .with_remedy_value(Remedy::ValidateOrRestart));
        }
        let baseline = if self.is_standby()? {
            self.observer.note(&Note::Standby);
            None
        } else {
            late_baseline::write(self, request, &run)?
        };
        let source_changed_since = seal::source_state(&request.source) != run.seal.source_state;
        let rejected = Rejected::of(&ledger::chunks(&mut *self.connection()?, run.id)?);
        let integrity = self.late_integrity(request, &run)?;
        Ok(Outcome::AlreadyDone(AlreadyDone {
            run: run.id,
            validated_at: run.validated_at.unwrap_or_default(),
            seal: run.seal,
            source_changed_since,
            rejected,
            integrity,
            baseline,
        }))
    }

    /// The integrity of a finished run's sealed copy, which is checked now where that is asked for and was not done.
    fn late_integrity(&self, request: &Request<'_>, run: &Run) -> Result<Option<Integrity>> {
        let known = ledger::integrity(&mut *self.connection()?, run.id)?;
        if known.is_some() || !request.integrity_check {
            return Ok(known);
        }
        let found = check_sealed_copy(&run.seal, self.observer)?;
        if !self.is_standby()? {
            self.retrying(|| ledger::create(&mut *self.connection()?))?;
            self.retrying(|| ledger::record_integrity(&mut *self.connection()?, run.id, &found))?;
        }
        Ok(Some(found))
    }

    /// Checks that dropping what an earlier run created loses nothing: a finished migration may have become the app's database, with rows
    /// that exist nowhere else.
    pub(super) fn check_untouched(&self, discard: bool, run: &Run) -> Result<()> {
        if discard {
            return Ok(());
        }
        baseline::check_untouched(&mut *self.connection()?, self.target)?;
        if !run.state.done.contains(&Phase::Constraints) {
            return Ok(());
        }
        seal::verify_while(&run.seal, &|| check_stop(self.observer)).map_err(|error| {
            Error::new(format!("whether {} was written to since run {} cannot be told", self.target, run.id))
                .caused_by(error)
                .with_remedy_value(Remedy::DiscardUnseen)
        })?;
        let differences = catalog::schema_differences(&mut *self.connection()?, &run.plan)?;
        let plan = LoadPlan::new(&run.plan);
        let unreadable = plan.select(|table| !catalog::is_readable(table, &differences));
        if let Some(table) = first_with_rows(&mut *self.connection()?, unreadable.iter())? {
            return Err(Error::new(format!(
                "whether rows were written to {table} since run {} cannot be compared: its columns were changed",
                run.id
            ))
            .with_remedy_value(Remedy::ValidateOrDiscard));
        }
        let tables = plan.select(|table| catalog::is_readable(table, &differences));
        let workers = self.connections.budget().workers;
        let options = CompareOptions { workers, ..CompareOptions::default() };
        let open_source =
            || Ok(SourceConnection::open_sealed(&run.seal.path)?.stopped_by(self.observer.stop_flag()));
        let open_target = || self.connections.bulk();
        let compared = self.comparing(|lock_session| {
            compare_rows(&tables, run.id, options, &open_source, &open_target, lock_session, self.observer)
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
            .caused_by(written.join("; "))
            .with_remedy_value(Remedy::ValidateOrDiscard))
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

/// Returns the first of the tables that exists in the target and holds rows.
fn first_with_rows<'a>(
    connection: &mut Connection,
    tables: impl Iterator<Item = &'a &'a PlannedTable>,
) -> Result<Option<&'a str>> {
    let failed = || "the tables of the target cannot be read".to_owned();
    for table in tables {
        let name = table.qualified(&table.target);
        // A view in its place would run code of whoever created it.
        let is_table = "SELECT FROM pg_catalog.pg_class \
                        WHERE oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1) AND relkind IN ('r', 'p')";
        if !connection.query(is_table, &[Some(&name)]).context(failed)?.is_empty()
            && !connection.query(&format!("SELECT FROM {name} LIMIT 1"), &[]).context(failed)?.is_empty()
        {
            return Ok(Some(&table.source));
        }
    }
    Ok(None)
}
