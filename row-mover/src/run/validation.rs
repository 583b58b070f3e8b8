//! The validate phase: compares rows, schema, sequences and bookkeeping, and records the result in the ledger.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use migrate_core::baseline::Baseline;
use migrate_core::finding::{
    BaselineDifference, ConstraintDifference, DefaultDifference, DerivedDifference, MissingMigration, Reason,
    SchemaDifference, SequenceBehind, Subject, ViewDifference,
};
use migrate_core::load_plan::LoadPlan;
use migrate_core::phase::Phase;
use migrate_core::plan::PlannedTable;
use serde::Serialize;

use super::integrity::beside_integrity;
use super::seeds::{self, SettledSeeds};
use super::{baseline, existing, in_charge, migrations, open_checked, removal, target_check};
use crate::error::{Error, Result, is_stop};
use crate::ledger::{self, Run};
use crate::observer::{Note, Observer};
use crate::remedy::Remedy;
use crate::source::integrity_check::{Integrity, IntegrityState};
use crate::source::{SourceConnection, seal};
use crate::target::migration::Migration;
use crate::validate::{
    CheckResult, CompareOptions, TableComparison, Views, behaviour, catalog, compare_rows, defaults, derived,
    sequence_problems,
};
use crate::watched::watched;
use postgres_client::budget::Budget;
use postgres_client::connection::Connection;
use postgres_client::connections::Connections;
use postgres_client::lock_watch::watching_locks;
use postgres_client::watch::check_stop;
use postgres_client::{DbSettings, TargetUrl};

/// The result of a validation.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    /// By table, in the plan's order.
    pub tables: Vec<TableComparison>,
    /// Differences of the schema.
    pub schema: Vec<SchemaDifference>,
    /// Why the schema was not compared; none where it was. Without it there is no proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_not_compared: Option<Reason>,
    /// Sequences that are not past the highest number.
    pub sequences: CheckResult<SequenceBehind>,
    /// The plan's migrations that the target does not list as applied.
    pub missing_migrations: Vec<MissingMigration>,
    /// The list of the app's own migrator; none where the run wrote no baseline.
    #[serde(skip)]
    pub baseline: Option<ComparedBaseline>,
    /// Whether the plan is for an app's migrator and the run left its list as it was.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lacks_baseline: bool,
    /// Views that do not return the same rows.
    pub views: CheckResult<ViewDifference>,
    /// Defaults that do not do the same.
    pub defaults: CheckResult<DefaultDifference>,
    /// Columns that triggers of the app fill and materialized views, where they are not as the app would have made them.
    #[serde(skip)]
    pub derived: CheckResult<DerivedDifference>,
    /// Constraints that do not refuse what SQLite refuses.
    pub behaviour: CheckResult<ConstraintDifference>,
    /// What became of the rows that tables of an app held before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<SettledSeeds>,
    /// What `integrity_check` found in the sealed copy, whose indexes may not agree with its tables; none where it has not run. The proof
    /// does not depend on it.
    pub integrity: Option<Integrity>,
    /// Duration in seconds.
    pub seconds: f64,
}

/// The list of the app's own migrator, compared with the baseline that the run wrote.
#[derive(Clone, Debug)]
pub struct ComparedBaseline {
    /// What the run wrote.
    pub baseline: Baseline,
    /// What differs.
    pub differences: Vec<BaselineDifference>,
}

/// The purpose of a validation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To prove the migration; the ledger records the result.
    #[default]
    Proof,
    /// To find what was added, changed and deleted in PostgreSQL since the migration; the ledger is not changed.
    ChangesSince,
}

impl Validation {
    /// Whether the source's own indexes agree with its tables. If they do not, the migrated rows are correct nevertheless, but nothing
    /// irreversible should follow.
    pub fn integrity_state(&self) -> IntegrityState {
        IntegrityState::of(self.integrity.as_ref())
    }

    /// Whether everything was compared and nothing differs.
    pub fn is_proven(&self) -> bool {
        self.schema_not_compared.is_none() && self.is_equal()
    }

    /// Whether nothing that was compared differs. The schema may not have been compared.
    pub fn is_equal(&self) -> bool {
        self.tables.iter().all(TableComparison::is_equal)
            && self.schema.is_empty()
            && self.sequences.differences.is_empty()
            && self.missing_migrations.is_empty()
            && self.baseline.as_ref().is_none_or(|list| list.differences.is_empty())
            && self.views.differences.is_empty()
            && self.defaults.differences.is_empty()
            && self.behaviour.differences.is_empty()
            && self.derived.differences.is_empty()
    }
}

/// The parameters of a separate validation.
pub struct ValidationRequest<'a> {
    /// The target, whose ledger names the sealed copy and the plan.
    pub target: TargetUrl,
    /// Pool sizes and timeouts.
    pub settings: DbSettings,
    /// The plan's migrations.
    pub migrations: &'a [Migration],
    /// How rows are compared.
    pub options: CompareOptions,
    /// Its purpose.
    pub purpose: Purpose,
    /// Whether `integrity_check` runs over the sealed copy, unless the ledger has its result.
    pub integrity_check: bool,
}

/// Validates the last migration into a target.
///
/// # Errors
/// When there is none, or either side cannot be read.
pub fn validate(
    request: &ValidationRequest<'_>,
    observer: &dyn Observer,
) -> Result<(Run<'static>, Validation)> {
    validate_with_copy(request, None, observer)
}

/// Does the same with a sealed copy that was moved to `moved_copy` since; its SHA-256 must be the one in the ledger.
///
/// # Errors
/// As above.
pub fn validate_with_copy(
    request: &ValidationRequest<'_>,
    moved_copy: Option<&Path>,
    observer: &dyn Observer,
) -> Result<(Run<'static>, Validation)> {
    watched(observer, |observer| {
        let mut holder = open_checked(&request.target, &request.settings)?;
        let budget = Budget::settle(&mut holder, request.options.workers, &request.target, observer)?;
        let work = || validate_within(request, moved_copy, holder, budget, observer);
        // The watch uses a connection, which a worker or `status` may need.
        if budget.has_one_to_spare() {
            watching_locks(&request.target, &request.settings, work)
        } else {
            work().map_err(Error::with_lock_remedy)
        }
    })
}

fn validate_within(
    request: &ValidationRequest<'_>,
    moved_copy: Option<&Path>,
    mut holder: Connection,
    budget: Budget,
    observer: &dyn Observer,
) -> Result<(Run<'static>, Validation)> {
    let connections = Connections::new(&request.target, &request.settings, budget)?;
    let mut run = ledger::last_run(&mut *connections.pooled()?)?.ok_or_else(|| {
        Error::new(format!("{} holds no migration to validate", request.target))
            .with_remedy_value(Remedy::Migrate)
    })?;
    if let Some(missing) =
        [Phase::Rows, Phase::Constraints].into_iter().find(|phase| !run.state.done.contains(phase))
    {
        return Err(Error::new(format!("run {} is not done: its phase {missing} is still to come", run.id))
            .with_remedy_value(Remedy::Resume));
    }
    removal::check_none_begun(&mut *connections.pooled()?, &run)?;
    if ledger::is_archived(&mut *connections.pooled()?, run.id)? {
        return Err(Error::new(format!("run {} was rolled back, and its tables are archived", run.id))
            .with_remedy_value(Remedy::Migrate));
    }
    observer.phase_started(Phase::Validate);
    if let Some(path) = moved_copy {
        run.seal.path = path.to_owned();
    }
    verify_copy(&run, moved_copy.is_some(), observer)?;
    let is_standby = target_check::is_standby(&mut holder)?;
    let parts = ValidationParts {
        connections: &connections,
        migrations: request.migrations,
        options: request.options,
        purpose: request.purpose,
        is_standby,
        observer,
    };
    let known = ledger::integrity(&mut *connections.pooled()?, run.id)?;
    let is_known = known.is_some();
    let validation = beside_integrity(&run, known, request.integrity_check, |integrity| {
        let validation = parts.compare(&mut holder, &run)?;
        if !integrity.is_finished() {
            observer.note(&Note::WaitingForIntegrityCheck);
        }
        Ok(Validation { integrity: integrity.wait(observer)?, ..validation })
    })?;
    let mut connection = connections.pooled()?;
    if let Some(found) = validation.integrity.as_ref().filter(|_| !is_known && !is_standby) {
        // A ledger that an older version began has no room for it yet.
        ledger::create(&mut connection)?;
        ledger::record_integrity(&mut connection, run.id, found)?;
    }
    if request.purpose == Purpose::Proof && !is_standby {
        record(&mut connection, &run, &validation)?;
    }
    observer.phase_finished(Phase::Validate, std::time::Duration::from_secs_f64(validation.seconds));
    Ok((run, validation))
}

/// Verifies the sealed copy by its SHA-256 in the ledger.
fn verify_copy(run: &Run, is_named: bool, observer: &dyn Observer) -> Result<()> {
    let shown = run.seal.path.display();
    if is_named && !run.seal.path.exists() {
        return Err(Error::new(format!("there is no file {shown}"))
            .with_remedy_text("give the path of the sealed copy"));
    }
    if !run.seal.path.exists() {
        return Err(Error::new(format!("the sealed copy {shown} does not exist"))
            .caused_by("it was moved or deleted after the migration")
            .with_remedy_value(Remedy::NameSealedCopy));
    }
    seal::verify_while(&run.seal, &|| check_stop(observer)).map_err(|error| {
        match is_named && !is_stop(&error) {
            true => Error::new(format!("{shown} is not the sealed copy of run {}", run.id))
                .caused_by(format!("its SHA-256 is not {}, the one in the ledger", run.seal.sha256))
                .with_remedy_value(Remedy::NameSealedCopy),
            false => error,
        }
    })
}

pub(super) struct ValidationParts<'a> {
    pub(super) connections: &'a Connections<'a>,
    pub(super) migrations: &'a [Migration],
    pub(super) options: CompareOptions,
    pub(super) purpose: Purpose,
    /// Whether the server is read-only.
    pub(super) is_standby: bool,
    pub(super) observer: &'a dyn Observer,
}

impl ValidationParts<'_> {
    /// Compares everything. The plan and the sealed copy are those of the run; `holder` keeps the snapshot in which rows are compared.
    ///
    /// Each step returns its connection before the next one takes one: there may be no more than one.
    pub(super) fn compare(&self, holder: &mut Connection, run: &Run) -> Result<Validation> {
        let started = std::time::Instant::now();
        let plan = LoadPlan::new(&run.plan);
        let moved: HashSet<&String> = run.state.subject.tables.iter().collect();
        let tables = plan.select(|table| moved.contains(&table.source));
        let (mut schema, schema_not_compared) = match self.is_standby {
            false => (self.schema_differences(run)?, None),
            true => (Vec::new(), Some(Reason::Standby)),
        };
        // Rows are only compared if the columns to read exist; missing ones are already reported.
        let readable = tables.clone().retained(|table| catalog::is_readable(table, &schema));
        let open_source =
            || Ok(SourceConnection::open_sealed(&run.seal.path)?.stopped_by(self.observer.stop_flag()));
        let open_target = || self.connections.bulk();
        let options = CompareOptions {
            workers: self.options.workers.min(self.connections.budget().workers),
            ..self.options
        };
        let compared =
            compare_rows(&readable, run.id, options, &open_source, &open_target, holder, self.observer)?;
        let views = Views {
            plan: &run.plan,
            open_source: &open_source,
            open_target: &open_target,
            time_max: self.connections.settings().views_timeout,
            observer: self.observer,
            casts: BTreeMap::new(),
        }
        .compare(&compared)?;
        let (sequences, missing_migrations, baseline, lacks_baseline, lost_rows, seeds) = {
            let mut connection = self.connections.pooled()?;
            (
                sequence_problems(&open_source()?, &mut connection, &run.plan, &readable)?,
                migrations::missing(&mut connection, run, self.migrations)?,
                baseline::compare(&mut connection)?,
                ledger::lacks_baseline(&mut connection)?,
                existing::lost_rows(&mut connection, &run.plan)?,
                seeds::settled(&mut connection, &run.plan)?,
            )
        };
        let defaults = defaults(&open_source()?, &mut open_target()?, &readable)?;
        let behaviour = self.behaviour(run, &readable)?;
        let time_max = self.connections.settings().views_timeout;
        let derived = derived(&mut open_target()?, &run.plan, time_max, self.reason_not_to_write().as_ref())?;
        schema.extend(lost_rows);
        Ok(Validation {
            tables: compared,
            sequences,
            missing_migrations,
            baseline,
            lacks_baseline,
            schema,
            schema_not_compared,
            views,
            defaults,
            derived,
            behaviour,
            seeds,
            integrity: None,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    fn schema_differences(&self, run: &Run) -> Result<Vec<SchemaDifference>> {
        self.observer.schema_comparison_started(run.plan.tables.len());
        let found = catalog::schema_differences(&mut *self.connections.pooled()?, &run.plan);
        self.observer.schema_comparison_finished();
        found
    }

    /// Why nothing may be written, not even in a transaction that is rolled back.
    fn reason_not_to_write(&self) -> Option<Reason> {
        if self.purpose != Purpose::Proof {
            Some(Reason::ListsChanges)
        } else if self.is_standby {
            Some(Reason::Standby)
        } else {
            self.options.read_only.then_some(Reason::ReadOnly)
        }
    }

    /// Tries the constraints, where this validation is a proof and may write.
    fn behaviour(&self, run: &Run, tables: &[&PlannedTable]) -> Result<CheckResult<ConstraintDifference>> {
        if let Some(reason) = self.reason_not_to_write() {
            return Ok(CheckResult::not_done(Subject::AllConstraints, reason));
        }
        let source = SourceConnection::open_sealed(&run.seal.path)?.stopped_by(self.observer.stop_flag());
        behaviour(&source, &mut self.connections.bulk()?, tables, self.observer)
    }
}

/// Records the result of a validation in the ledger.
pub(super) fn record(connection: &mut Connection, run: &Run, validation: &Validation) -> Result<()> {
    if validation.is_proven() {
        ledger::finish_phase(connection, run.id, Phase::Validate, validation.seconds)
    } else if in_charge::is_cut_over(connection, run.id)? {
        // What the app has written to PostgreSQL since is no fault of the migration, and the cutover must be able to go on.
        Ok(())
    } else {
        ledger::reopen_phase(connection, run.id, Phase::Validate)
    }
}
