//! Executes a run that is in the ledger: does the next step until none is left.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use migrate_core::load_plan::LoadPlan;
use migrate_core::phase::{LoadProgress, Phase, Progress, Step, next_step};
use migrate_core::plan::PlannedTable;
use migrate_core::render::{self, Build};
use migrate_core::schedule::{DoneTasks, Task};

use super::integrity::{IntegrityBeside, beside_integrity};
use super::outcome::{Moved, Outcome, PhaseDone, Rejected, table_sums};
use super::session::Session;
use super::{Request, Validation, baseline, migrations, owner, schema, seeds, validation};
use crate::error::{Error, Result};
use crate::finish;
use crate::ledger::{self, Run};
use crate::load::{self, Load};
use crate::observer::{Note, Observer};
use crate::rejects::{self, RejectedTable};
use crate::remedy::Remedy;
use crate::sequences;
use crate::source::{SourceConnection, seal};
use crate::target::bookkeeping::Applied;
use crate::threads;
use crate::validate::CompareOptions;
use postgres_client::connection::Connection;

/// A run, with everything that it needs.
struct Execution<'a> {
    session: &'a Session<'a>,
    request: &'a Request<'a>,
    tables: &'a [&'a PlannedTable],
    run: Run<'a>,
    builds: Vec<Build>,
    /// The phase that is on, and since when.
    clock: Mutex<Option<(Phase, Instant)>>,
    phases: Mutex<Vec<PhaseDone>>,
}

impl Session<'_> {
    /// Resumes a run and continues until nothing is left to do. `phases` are those that this call has done.
    pub(super) fn execute(
        &self,
        request: &Request<'_>,
        tables: &[&PlannedTable],
        run: Run<'_>,
        phases: Vec<PhaseDone>,
    ) -> Result<Outcome> {
        // A ledger of an earlier version may lack columns that this one writes.
        self.retrying(|| ledger::create(&mut *self.connection()?))?;
        let builds = render::builds(&run.plan);
        let (clock, phases) = (Mutex::new(None), Mutex::new(phases));
        Execution { session: self, request, tables, run, builds, clock, phases }.check_stop()
    }
}

impl Execution<'_> {
    fn check_stop(self) -> Result<Outcome> {
        let (run, session) = (&self.run, self.session);
        let known = session.retrying(|| ledger::integrity(&mut *session.connection()?, run.id))?;
        beside_integrity(run, known, self.request.integrity_check, |integrity| {
            self.load()?;
            self.validate(integrity)
        })
    }

    /// Everything up to validation.
    fn load(&self) -> Result<()> {
        /// A server that crashes again and again may forget the last thing as often.
        const SAME_STEPS_MAX: usize = 5;
        let (mut last_step, mut same_steps) = (None, 0);
        loop {
            self.session.retrying(|| self.session.hold_lock())?;
            let progress = self.session.retrying(|| self.progress())?;
            let step = next_step(&progress);
            match step {
                Step::CreateTables => {
                    self.begin(Phase::Schema);
                    self.session.retrying(|| self.create_tables())?;
                    self.finish(Phase::Schema)?;
                }
                Step::PlanBuilds => self.session.retrying(|| self.plan_builds())?,
                Step::MoveAndBuild => self.move_and_build(&progress)?,
                Step::FinishRows => self.finish(Phase::Rows)?,
                Step::SetSequences => {
                    self.begin(Phase::Constraints);
                    self.session.retrying(|| self.set_sequences())?;
                    self.session.retrying(|| self.write_baseline())?;
                    self.session.retrying(|| self.hand_over())?;
                    self.finish(Phase::Constraints)?;
                }
                Step::Validate | Step::Nothing => return Ok(()),
            }
            // A step that is recorded as done but is not would be repeated forever.
            same_steps =
                if last_step.as_ref() == Some(&(step, progress.clone())) { same_steps + 1 } else { 0 };
            if same_steps > SAME_STEPS_MAX {
                return Err(Error::new(format!("the ledger does not take in what was done ({step:?})"))
                    .with_remedy_text("look at the schema migration of the target: something keeps our rows there from being written"));
            }
            last_step = Some((step, progress));
        }
    }

    /// The ledger's content for the run.
    fn progress(&self) -> Result<Progress> {
        let mut connection = self.session.connection()?;
        let run = &self.run;
        if !ledger::is_last_run(&mut connection, run)? {
            return Err(Error::new("the ledger is no longer that of this run: another migration has begun")
                .with_remedy_value(Remedy::SeeStatus));
        }
        let phases = ledger::phases(&mut connection, run.id)?;
        let chunks = ledger::chunks(&mut connection, run.id)?;
        let builds = ledger::builds(&mut connection, run.id)?;
        let done_chunks =
            |(number, chunk): (usize, &ledger::Chunk)| chunk.done.is_some().then_some(Task::Chunk(number));
        let mut done: DoneTasks = chunks.iter().enumerate().filter_map(done_chunks).collect();
        match builds.len() {
            // A run that an earlier version began ran the second migration in one go.
            0 if phases.contains(&Phase::Schema) && self.is_applied(1, &mut connection)? => {
                done.extend((0..self.builds.len()).map(Task::Build));
            }
            0 => return Ok(Progress { phases, load: None }),
            length if length == self.builds.len() => {
                let built = builds.iter().enumerate().filter(|(_, build)| build.seconds.is_some());
                done.extend(built.map(|(number, _)| Task::Build(number)));
            }
            _ => {
                return Err(Error::new(format!("run {} in the ledger was begun by another version", run.id))
                    .with_remedy_value(Remedy::SameVersionOrRestart));
            }
        }
        let load = LoadProgress { tasks: chunks.len() + self.builds.len(), done };
        Ok(Progress { phases, load: Some(load) })
    }

    /// Whether the plan's migration at this place is applied.
    fn is_applied(&self, place: usize, connection: &mut Connection) -> Result<bool> {
        let missing = migrations::missing(connection, &self.run, self.request.migrations)?;
        let migrations = migrations::of_plan(&self.run.plan, self.request.migrations);
        Ok(migrations
            .get(place)
            .is_some_and(|migration| missing.iter().all(|missing| missing.name != migration.name())))
    }

    fn create_tables(&self) -> Result<()> {
        let (session, request) = (self.session, self.request);
        let mut connection = session.connection()?;
        schema::create_tables(&mut connection, &session.settings, &self.run, request.migrations)?;
        if !self.run.plan.is_into_existing() {
            return Ok(());
        }
        let sealed = self.open_sealed()?;
        migrations::without_time_limit(&mut connection, &session.settings, |connection| {
            seeds::settle(connection, &self.run, &sealed, session.observer)
        })
    }

    fn plan_builds(&self) -> Result<()> {
        let mut connection = self.session.connection()?;
        // A previous attempt may have committed without our seeing the reply.
        if !ledger::builds(&mut connection, self.run.id)?.is_empty() {
            return Ok(());
        }
        let planned: Vec<ledger::Build> = (0..)
            .zip(&self.builds)
            .map(|(number, build)| ledger::Build {
                number,
                table: build.table.clone(),
                what: build.what.clone(),
                seconds: None,
            })
            .collect();
        ledger::plan_builds(&mut connection, self.run.id, &planned)
    }

    fn move_and_build(&self, progress: &Progress) -> Result<()> {
        let chunks =
            self.session.retrying(|| ledger::chunks(&mut *self.session.connection()?, self.run.id))?;
        if progress.phases.contains(&Phase::Rows) {
            self.begin(Phase::Constraints);
        } else {
            self.begin(Phase::Rows);
            self.session.observer.rows_begin(&load::tables_to_move(&chunks));
        }
        let session = self.session;
        let plan = LoadPlan::new(&self.run.plan);
        Load {
            plan: &plan,
            run_id: self.run.id,
            sealed_path: &self.run.seal.path.to_string_lossy(),
            chunks: &chunks,
            builds: &self.builds,
            done: progress.load.as_ref().map(|load| &load.done).unwrap_or(&DoneTasks::new()),
            applied: &self.applied()?,
            workers: session.connections.budget().workers,
            is_tight: session.connections.budget().is_tight(),
            retry_max: session.settings.retry_timeout,
            open_source: &|| self.open_sealed(),
            open_target: &|| session.connections.bulk(),
            hold_lock: &|| session.hold_lock(),
            is_at_work: &|backend| session.is_at_work(backend),
            read_done: &|| {
                let progress = self.progress()?;
                Ok(progress.load.map(|load| load.done).unwrap_or_default())
            },
            rows_are_in: &|| {
                self.finish(Phase::Rows)?;
                self.begin(Phase::Constraints);
                Ok(())
            },
            explain: &|error, waiter| session.explain(error, waiter),
            observer: session.observer,
            clock: &session.observer.clock,
        }
        .run()
    }

    fn open_sealed(&self) -> Result<SourceConnection> {
        Ok(SourceConnection::open_sealed(&self.run.seal.path)?.stopped_by(self.session.observer.stop_flag()))
    }

    /// The second migration as an applied one.
    fn applied(&self) -> Result<Applied> {
        let migrations = migrations::of_plan(&self.run.plan, self.request.migrations);
        let migration = migrations.get(1).ok_or_else(|| Error::new("the plan has no second migration"))?;
        Ok(Applied { schema: self.run.list_schema.clone(), version: migration.version() })
    }

    fn set_sequences(&self) -> Result<()> {
        let sealed = self.open_sealed()?;
        let mut connection = self.session.connection()?;
        migrations::without_time_limit(&mut connection, &self.session.settings, |connection| {
            finish::set_sequences(&sealed, connection, self.tables)?;
            sequences::set_existing(&sealed, connection, &self.run.plan)
        })
    }

    /// Writes the baseline, the last part of the schema: the app can start once it is there.
    fn write_baseline(&self) -> Result<()> {
        let Some(baseline) = self.request.baseline() else { return Ok(()) };
        let written = baseline::write(&mut *self.session.connection()?, &self.run, baseline)?;
        self.session.observer.note(&Note::BaselineWritten { baseline: &written.baseline });
        Ok(())
    }

    /// Gives what the run created to the role of the app.
    fn hand_over(&self) -> Result<()> {
        let (observer, plan) = (self.session.observer, &self.run.plan);
        let mut connection = self.session.connection()?;
        let Some(role) = owner::owner(&mut connection, plan, self.request.owner.as_deref())? else {
            return Ok(());
        };
        let written = ledger::baseline(&mut connection)?;
        let objects = owner::hand_over(&mut connection, plan, written.as_ref(), &role, observer)?;
        if objects > 0 {
            observer.note(&Note::HandedOver { role: &role, objects });
        }
        Ok(())
    }

    /// Gathers statistics, without which the first queries of the app would be planned blindly. A fault repeats one table alone.
    fn analyze(&self) -> Result<()> {
        let session = self.session;
        self.tables.iter().try_for_each(|table| {
            session.retrying(|| {
                migrations::without_time_limit(&mut *session.connection()?, &session.settings, |connection| {
                    finish::analyze(connection, table, session.observer)
                })
            })
        })
    }

    fn validate(&self, integrity: IntegrityBeside<'_>) -> Result<Outcome> {
        let (session, request, run) = (self.session, self.request, &self.run);
        // Before the run counts as validated, so that skipped rows are always saved by then.
        let rejected = session.retrying(|| self.write_rejects())?;
        self.begin(Phase::Validate);
        let compared = validation::ValidationParts {
            connections: &session.connections,
            migrations: request.migrations,
            options: CompareOptions {
                show_values: request.show_values,
                workers: session.connections.budget().workers,
                ..CompareOptions::default()
            },
            purpose: validation::Purpose::Proof,
            is_standby: false,
            observer: session.observer,
        };
        // Statistics matter to later users of the database, not to any comparison; a run is done once they exist.
        let compare = || {
            session.retrying(|| {
                session.hold_lock()?;
                session.comparing(|lock_session| compared.compare(lock_session, run))
            })
        };
        let analyze = || self.analyze();
        let validation = if session.connections.budget().has_one_to_spare() {
            std::thread::scope(|scope| {
                let statistics = threads::spawn(scope, analyze)?;
                let validation = compare();
                let stopped = || Err(Error::new("the thread that gathers statistics stopped unexpectedly"));
                let analyzed = statistics.join().unwrap_or_else(|_| stopped());
                validation.and_then(|validation| analyzed.map(|()| validation))
            })?
        } else {
            let validation = compare()?;
            analyze()?;
            validation
        };
        if !integrity.is_finished() {
            session.observer.note(&Note::WaitingForIntegrityCheck);
        }
        let integrity = integrity.wait(session.observer)?;
        if let Some(found) = &integrity {
            session.retrying(|| ledger::record_integrity(&mut *session.connection()?, run.id, found))?;
        }
        let validation = Validation { integrity, ..validation };
        session.retrying(|| validation::record(&mut *session.connection()?, run, &validation))?;
        self.stop_clock(Phase::Validate);
        let chunks = session.retrying(|| ledger::chunks(&mut *session.connection()?, run.id))?;
        let source_changed_since = seal::source_state(&request.source) != run.seal.source_state;
        Ok(Outcome::Moved(Box::new(Moved {
            rejected,
            run: run.id,
            phases: self.phases.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            tables: table_sums(&chunks, self.tables),
            seal: run.seal.clone(),
            validation,
            source_changed_since,
        })))
    }

    /// Saves the rows that were skipped or lost a value. Their number must match the ledger.
    fn write_rejects(&self) -> Result<Vec<RejectedTable>> {
        let (request, tables, run) = (self.request, self.tables, &self.run);
        let plan = LoadPlan::new(&run.plan);
        let names: HashSet<&str> = tables.iter().map(|table| table.source.as_str()).collect();
        let moved = plan.select(|table| names.contains(table.source.as_str()));
        let folder = run.seal.path.parent().and_then(|folder| folder.file_name());
        let folder = request.rejects_dir.join(folder.unwrap_or_default());
        let written = rejects::write(&self.open_sealed()?, &moved, &folder)?;
        let found = Rejected {
            skipped: written.iter().map(|table| table.skipped).sum(),
            nulled: written.iter().map(|table| table.nulled).sum(),
        };
        let recorded = Rejected::of(&ledger::chunks(&mut *self.session.connection()?, run.id)?);
        if found != recorded {
            return Err(Error::new(format!(
                "{} rows and {} values were rejected while rows moved, and {} and {} are in {}",
                recorded.skipped,
                recorded.nulled,
                found.skipped,
                found.nulled,
                folder.display()
            ))
            .with_remedy_value(Remedy::Restart));
        }
        Ok(written)
    }

    /// A phase begins, unless it is on already.
    fn begin(&self, phase: Phase) {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if clock.is_none_or(|(on, _)| on != phase) {
            *clock = Some((phase, self.session.start(phase)));
        }
    }

    /// Records in the ledger that a phase is done: durably, and with it everything that was written before.
    fn finish(&self, phase: Phase) -> Result<()> {
        let seconds = self.stop_clock(phase);
        let finish = if matches!(phase, Phase::Rows | Phase::Constraints) {
            ledger::finish_load
        } else {
            ledger::finish_phase
        };
        self.session.retrying(|| finish(&mut *self.session.connection()?, self.run.id, phase, seconds))
    }

    fn stop_clock(&self, phase: Phase) -> f64 {
        let on = self.clock.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A phase of an earlier call, which ended before it could report it, took no time in this one.
        let Some((_, started)) = on.filter(|(on, _)| *on == phase) else { return 0.0 };
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        self.session.end(phase, started, &mut phases)
    }
}
