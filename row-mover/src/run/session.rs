//! The connections of one run, and what each phase does with them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use migrate_core::phase::{Phase, RunSubject};
use migrate_core::plan::PlannedTable;

use super::outcome::{AlreadyDone, Moved, Outcome, PhaseDone, Rejected, table_sums};
use super::preflight::Preflight;
use super::{Request, existing, migrations, open_checked, target_check, validation};
use crate::error::{Error, Result};
use crate::ledger::{self, Run};
use crate::observer::{Observer, go_on};
use crate::rejects::{self, RejectedTable};
use crate::source::preflight::Findings;
use crate::source::{SourceConnection, seal};
use crate::target::bulk::BulkConnection;
use crate::target::pool::{self, Pool};
use crate::target::session::open_bulk;
use crate::target::{DbSettings, PooledConnection, TargetUrl};
use crate::validate::{CompareOptions, catalog, compare_rows};
use crate::{finish, load};

/// Two migrations of one target are kept apart by an advisory lock of this number.
pub(crate) const ADVISORY_LOCK: &str = "7237971062";

/// The connections of one run.
pub(super) struct Session<'a> {
    pool: Pool,
    target: &'a TargetUrl,
    settings: DbSettings,
    observer: &'a dyn Observer,
    /// Holds the advisory lock for as long as the run lasts.
    keeper: Mutex<BulkConnection>,
}

impl<'a> Session<'a> {
    /// Connects, and refuses a server that is too old.
    pub(super) fn open<M>(request: &'a Request<'_, M>, observer: &'a dyn Observer) -> Result<Session<'a>> {
        // A first connection of our own says at once what is wrong; the pool would try until its time is over.
        let keeper = open_checked(&request.target, &request.settings)?;
        let pool = pool::open(&request.target, &request.settings)?;
        let keeper = Mutex::new(keeper);
        Ok(Session { pool, target: &request.target, settings: request.settings, observer, keeper })
    }

    /// A connection of the pool.
    pub(super) fn connection(&self) -> Result<PooledConnection> {
        pool::get(&self.pool)
    }

    /// Keeps every other migration of this target out for as long as the session lasts.
    pub(super) fn take_lock(&self) -> Result<()> {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = keeper.query(&format!("SELECT pg_try_advisory_lock({ADVISORY_LOCK})"), &[])?;
        if rows.first().and_then(|row| row.first()) == Some(&Some("t".to_owned())) {
            return Ok(());
        }
        Err(Error::new(format!("another migration is at work on {}", self.target)).next(
            "wait for it, or end it; sessions of ours are named hyperpage-migration in pg_stat_activity",
        ))
    }

    /// Makes sure that the session with the lock is still there: once it is gone, another migration may begin.
    fn check_lock(&self) -> Result<()> {
        go_on(self.observer)?;
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.query("SELECT 1", &[]).map(|_| ()).map_err(|error| {
            Error::new("the connection that keeps other migrations away is lost")
                .because(error)
                .next("run the same command again: it goes on from here")
        })
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

    /// Takes away a sealed copy that nothing came of; one that stays does no harm, and is named.
    fn discard(&self, seal: &seal::Seal) {
        if let Err(error) = seal::discard(seal) {
            self.observer.note(&error.to_string());
        }
    }

    /// Makes sure that dropping what an earlier run made loses nothing: a finished migration may have become the app's
    /// database, with rows that are nowhere else.
    pub(super) fn check_untouched<M>(
        &self,
        request: &Request<'_, M>,
        connection: &mut PooledConnection,
        run: &Run,
    ) -> Result<()> {
        if request.discard || !run.state.done.contains(&Phase::Constraints) {
            return Ok(());
        }
        let next = "validate to see them; --discard beside --restart drops them for good";
        seal::verify(&run.seal).map_err(|error| {
            Error::new(format!("whether {} was written to since run {} cannot be told", self.target, run.id))
                .because(error)
                .next("--discard beside --restart drops what is there without looking")
        })?;
        let differences = catalog::schema_differences(connection, &run.plan)?;
        let plan = run.plan.with_policies();
        let tables: Vec<&PlannedTable> =
            plan.tables.iter().filter(|table| catalog::is_readable(table, &differences)).collect();
        let options = CompareOptions { show_values: false, workers: request.workers };
        let open_source = || SourceConnection::open_sealed(&run.seal.path);
        let open_target = || open_bulk(self.target, &self.settings);
        let compared = compare_rows(&tables, options, &open_source, &open_target, self.observer)?;
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

    /// Drops what an earlier run of ours made, and the ledger with it, all or none. Only what the ledger's own plan names is
    /// dropped; whatever else stands there is in the way, as in any target.
    fn remove_earlier_run<M: MigrationSource<Pg>>(
        &self,
        request: &Request<'_, M>,
        connection: &mut PooledConnection,
        run: &Run,
    ) -> Result<()> {
        self.observer.note(&format!("dropping what run {} made in {}", run.id, self.target));
        pool::all_or_none(connection, "what the earlier run made cannot be dropped", |connection| {
            target_check::drop_planned(connection, &run.plan)?;
            if run.plan.is_into_existing() {
                existing::remove(connection, &run.plan, request.migrations)?;
            }
            ledger::remove(connection)?;
            existing::check_ready(connection, self.target, request.plan)
        })
    }

    /// All phases from the beginning. What `earlier` made is dropped, but only once the new copy is sealed: until then
    /// nothing is lost if anything is wrong.
    pub(super) fn begin<M: MigrationSource<Pg>>(
        &self,
        request: &Request<'_, M>,
        tables: &[&PlannedTable],
        subject: &RunSubject,
        earlier: Option<&Run>,
    ) -> Result<Outcome> {
        let mut phases = Vec::new();
        let mut connection = self.connection()?;
        let started = self.start(Phase::Preflight);
        let state_before = seal::source_state(&request.source);
        let preflight = Preflight { request, tables, observer: self.observer };
        let findings = preflight.run(&mut connection, earlier.is_none())?;
        if let Some(refused) = refused(request, &findings) {
            return Ok(Outcome::Rejected { findings, over_limit: refused.over_limit });
        }
        if let Some(run) = earlier {
            self.check_untouched(request, &mut connection, run)?;
        }
        self.end(Phase::Preflight, started, &mut phases);
        let started = self.start(Phase::Seal);
        let source = SourceConnection::open_live(&request.source)?;
        let seal = seal::seal(&source, &request.backup_dir, &|share| {
            self.observer.sealed(share);
            go_on(self.observer)
        })?;
        drop(source);
        // What moves is the copy: what the app wrote in the meantime is looked at before anything is changed.
        let findings = preflight
            .run_again(&seal.path, seal.source_state != state_before)
            .inspect_err(|_| self.discard(&seal))?;
        if let Some(findings) = findings
            && let Some(refused) = refused(request, &findings)
        {
            self.discard(&seal);
            return Ok(Outcome::Rejected { findings, over_limit: refused.over_limit });
        }
        self.end(Phase::Seal, started, &mut phases);
        go_on(self.observer).inspect_err(|_| self.discard(&seal))?;
        if let Some(run) = earlier {
            self.remove_earlier_run(request, &mut connection, run)?;
        }
        ledger::create(&mut connection)?;
        let id = ledger::begin_run(&mut connection, subject, request.plan, &seal)?;
        for done in &phases {
            ledger::finish_phase(&mut connection, id, done.phase, done.seconds)?;
        }
        let run = ledger::last_run(&mut connection)?
            .filter(|run| run.id == id)
            .ok_or_else(|| Error::new("the run that was just begun is not in the ledger"))?;
        drop(connection);
        self.execute(request, tables, run, Phase::Schema, phases)
    }

    /// The phases from `first` on.
    pub(super) fn execute<M: MigrationSource<Pg>>(
        &self,
        request: &Request<'_, M>,
        tables: &[&PlannedTable],
        run: Run,
        first: Phase,
        mut phases: Vec<PhaseDone>,
    ) -> Result<Outcome> {
        // A ledger that an earlier version began may lack what this one writes.
        ledger::create(&mut self.connection()?)?;
        for phase in
            [Phase::Schema, Phase::Rows, Phase::Constraints].into_iter().filter(|&phase| phase >= first)
        {
            let started = self.start(phase);
            self.check_lock()?;
            match phase {
                Phase::Schema => self.create_tables(request)?,
                Phase::Rows => self.move_rows(request, tables, &run)?,
                _ => self.add_constraints(request, tables, &run)?,
            }
            let seconds = self.end(phase, started, &mut phases);
            ledger::finish_phase(&mut self.connection()?, run.id, phase, seconds)?;
        }
        // Before the run counts as validated: a row that stayed behind is always written down by then.
        let rejected = self.write_rejects(request, tables, &run)?;
        let started = self.start(Phase::Validate);
        self.check_lock()?;
        let compared = validation::ValidationParts {
            target: self.target,
            settings: &self.settings,
            migrations: request.migrations,
            options: CompareOptions { show_values: request.show_values, workers: request.workers },
            observer: self.observer,
        };
        let validation = compared.run(&mut self.connection()?, &run)?;
        self.end(Phase::Validate, started, &mut phases);
        let moved = table_sums(&ledger::chunks(&mut self.connection()?, run.id)?, tables);
        let source_changed_since = seal::source_state(&request.source) != run.seal.source_state;
        Ok(Outcome::Moved(Moved {
            rejected,
            run: run.id,
            seal: run.seal,
            phases,
            tables: moved,
            validation,
            source_changed_since,
        }))
    }

    fn create_tables<M: MigrationSource<Pg>>(&self, request: &Request<'_, M>) -> Result<()> {
        let migrations = migrations::ordered(request.migrations)?;
        migrations::run(&mut self.connection()?, &self.settings, request.plan, migrations.iter().take(1))
    }

    fn add_constraints<M: MigrationSource<Pg>>(
        &self,
        request: &Request<'_, M>,
        tables: &[&PlannedTable],
        run: &Run,
    ) -> Result<()> {
        let ordered = migrations::ordered(request.migrations)?;
        let constraints = ordered.iter().skip(1).take(1);
        migrations::run(&mut self.connection()?, &self.settings, request.plan, constraints)?;
        let sealed = SourceConnection::open_sealed(&run.seal.path)?;
        let mut connection = self.connection()?;
        migrations::lift_statement_timeout(&mut connection)?;
        finish::set_sequences(&sealed, &mut connection, tables)?;
        finish::set_existing_sequences(&sealed, &mut connection, tables)?;
        let done = finish::analyze(&mut connection, tables);
        migrations::restore_statement_timeout(&mut connection, &self.settings)?;
        done
    }

    fn move_rows<M>(&self, request: &Request<'_, M>, tables: &[&PlannedTable], run: &Run) -> Result<()> {
        let mut connection = self.connection()?;
        let open_source = || SourceConnection::open_sealed(&run.seal.path);
        let mut chunks = ledger::chunks(&mut connection, run.id)?;
        if chunks.is_empty() {
            chunks = load::plan_chunks(&open_source()?, tables)?;
            ledger::plan_chunks(&mut connection, run.id, &chunks)?;
        }
        drop(connection);
        self.observer.rows_begin(&load::tables_to_move(&chunks));
        let waiting: Vec<_> = chunks.iter().filter(|chunk| chunk.done.is_none()).cloned().collect();
        let open_target = || open_bulk(self.target, &self.settings);
        load::move_chunks(
            &run.plan.with_policies(),
            run.id,
            waiting,
            request.workers,
            &open_source,
            &open_target,
            self.observer,
        )
    }

    /// Writes down the rows that stayed behind or lost a value, which must be as many as the ledger has of them.
    fn write_rejects<M>(
        &self,
        request: &Request<'_, M>,
        tables: &[&PlannedTable],
        run: &Run,
    ) -> Result<Vec<RejectedTable>> {
        let plan = run.plan.with_policies();
        let moved: Vec<&PlannedTable> = (plan.tables.iter())
            .filter(|table| tables.iter().any(|moved| moved.source == table.source))
            .collect();
        let folder = run.seal.path.parent().and_then(|folder| folder.file_name());
        let folder = request.rejects_dir.join(folder.unwrap_or_default());
        let written = rejects::write(&SourceConnection::open_sealed(&run.seal.path)?, &moved, &folder)?;
        let found = Rejected {
            skipped: written.iter().map(|table| table.skipped).sum(),
            nulled: written.iter().map(|table| table.nulled).sum(),
        };
        let recorded = Rejected::of(&ledger::chunks(&mut self.connection()?, run.id)?);
        if found != recorded {
            return Err(Error::new(format!(
                "{} rows and {} values were rejected while rows moved, and {} and {} are in {}",
                recorded.skipped,
                recorded.nulled,
                found.skipped,
                found.nulled,
                folder.display()
            ))
            .next("start over with --restart"));
        }
        Ok(written)
    }

    fn start(&self, phase: Phase) -> Instant {
        self.observer.phase_started(phase);
        Instant::now()
    }

    fn end(&self, phase: Phase, started: Instant, phases: &mut Vec<PhaseDone>) -> f64 {
        let took: Duration = started.elapsed();
        self.observer.phase_finished(phase, took);
        phases.push(PhaseDone { phase, seconds: took.as_secs_f64() });
        took.as_secs_f64()
    }
}

/// Why nothing moves.
pub(super) struct Refused {
    /// That more rows would be rejected than may, in words.
    pub(super) over_limit: Option<String>,
}

/// Whether what preflight found keeps the migration from beginning.
pub(super) fn refused<M>(request: &Request<'_, M>, findings: &Findings) -> Option<Refused> {
    let over_limit = findings.over_limit(request.plan.reject_limit);
    (findings.offender_count() > 0 || over_limit.is_some()).then_some(Refused { over_limit })
}
