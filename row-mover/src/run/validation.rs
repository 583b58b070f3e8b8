//! The validate phase: rows, schema, sequences and bookkeeping, and what the ledger is told of the result.

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use migrate_core::phase::Phase;
use migrate_core::plan::PlannedTable;
use serde::Serialize;

use super::integrity::beside_integrity;
use super::{check_target, existing, migrations};
use crate::error::{Error, Result};
use crate::ledger::{self, Run};
use crate::observer::Observer;
use crate::source::integrity_check::Integrity;
use crate::source::{SourceConnection, seal};
use crate::target::session::open_bulk_again;
use crate::target::{DbSettings, PooledConnection, TargetUrl, pool};
use crate::validate::{
    CompareOptions, TableComparison, Tried, catalog, compare_rows, defaults, sequence_problems,
};

/// What a validation found.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    /// By table, in the plan's order.
    pub tables: Vec<TableComparison>,
    /// What differs in the schema, in words.
    pub schema: Vec<String>,
    /// Sequences that are behind, in words.
    pub sequences: Vec<String>,
    /// Migrations that the database does not know as applied.
    pub missing_migrations: Vec<String>,
    /// Views that do not answer the same rows.
    pub views: Tried,
    /// Defaults that do not do the same.
    pub defaults: Tried,
    /// Constraints that do not refuse what SQLite refuses.
    pub behaviour: Tried,
    /// Whether the indexes of the sealed copy agree with its tables; none where that was not looked at.
    pub integrity: Option<Integrity>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl Validation {
    /// Whether everything holds.
    pub fn is_proven(&self) -> bool {
        self.tables.iter().all(TableComparison::is_equal)
            && self.schema.is_empty()
            && self.sequences.is_empty()
            && self.missing_migrations.is_empty()
            && self.integrity.as_ref().is_none_or(|integrity| integrity.problems.is_empty())
            && [&self.views, &self.defaults, &self.behaviour].iter().all(|tried| tried.problems.is_empty())
    }
}

/// What a validation by itself needs.
pub struct ValidationRequest<'a, M> {
    /// The target, whose ledger names the sealed copy and the plan.
    pub target: TargetUrl,
    /// Pool sizes and timeouts.
    pub settings: DbSettings,
    /// The plan's migrations.
    pub migrations: &'a M,
    /// How rows are compared.
    pub options: CompareOptions,
}

/// Validates what the last migration into a target did.
///
/// # Errors
/// When there is none, or either side cannot be read.
pub fn validate<M: MigrationSource<Pg>>(
    request: &ValidationRequest<'_, M>,
    observer: &dyn Observer,
) -> Result<(Run, Validation)> {
    check_target(&request.target, &request.settings)?;
    let pool = pool::open(&request.target, &request.settings)?;
    let mut connection = pool::get(&pool)?;
    let run = ledger::last_run(&mut connection)?.ok_or_else(|| {
        Error::new(format!("{} holds no migration to validate", request.target))
            .next("migrate first: `cargo xtask migrate`")
    })?;
    if let Some(missing) =
        [Phase::Rows, Phase::Constraints].into_iter().find(|phase| !run.state.done.contains(phase))
    {
        return Err(Error::new(format!("run {} is not done: its phase {missing} is still to come", run.id))
            .next("run the same `cargo xtask migrate` again: it goes on from there"));
    }
    observer.phase_started(Phase::Validate);
    seal::verify(&run.seal)?;
    let parts = ValidationParts {
        target: &request.target,
        settings: &request.settings,
        migrations: request.migrations,
        options: request.options,
        observer,
    };
    let known = ledger::integrity(&mut connection, run.id)?;
    let is_known = known.is_some();
    let validation = beside_integrity(&run, known, |integrity| {
        let validation = parts.compare(&mut connection, &run)?;
        Ok(Validation { integrity: Some(integrity.wait()?), ..validation })
    })?;
    if let Some(found) = validation.integrity.as_ref().filter(|_| !is_known) {
        // A ledger that an older version began has no room for it yet.
        ledger::create(&mut connection)?;
        ledger::record_integrity(&mut connection, run.id, found)?;
    }
    record(&mut connection, &run, &validation)?;
    observer.phase_finished(Phase::Validate, std::time::Duration::from_secs_f64(validation.seconds));
    Ok((run, validation))
}

pub(super) struct ValidationParts<'a, M> {
    pub(super) target: &'a TargetUrl,
    pub(super) settings: &'a DbSettings,
    pub(super) migrations: &'a M,
    pub(super) options: CompareOptions,
    pub(super) observer: &'a dyn Observer,
}

impl<M: MigrationSource<Pg>> ValidationParts<'_, M> {
    /// Compares everything. The plan and the sealed copy are those of the run.
    pub(super) fn compare(&self, connection: &mut PooledConnection, run: &Run) -> Result<Validation> {
        let started = std::time::Instant::now();
        let is_moved = |table: &&PlannedTable| run.state.subject.tables.contains(&table.source);
        let plan = run.plan.with_policies();
        let tables: Vec<&PlannedTable> = plan.tables.iter().filter(is_moved).collect();
        let schema = catalog::schema_differences(connection, &run.plan)?;
        // Rows are only compared where the columns to read are there; what is missing is named already.
        let readable: Vec<&PlannedTable> =
            tables.iter().copied().filter(|table| catalog::is_readable(table, &schema)).collect();
        let open_source = || SourceConnection::open_sealed(&run.seal.path);
        let open_target = || open_bulk_again(self.target, self.settings);
        let compared = compare_rows(&readable, self.options, &open_source, &open_target, self.observer)?;
        let mut validation = Validation {
            tables: compared,
            sequences: sequence_problems(&open_source()?, connection, &readable)?,
            missing_migrations: migrations::missing(connection, &run.plan, self.migrations)?,
            schema: schema
                .into_iter()
                .map(|difference| difference.words)
                .chain(existing::lost_rows(connection, &run.plan)?)
                .collect(),
            views: Tried::default(),
            defaults: defaults(&mut open_target()?, &readable)?,
            behaviour: Tried::default(),
            integrity: None,
            seconds: 0.0,
        };
        validation.seconds = started.elapsed().as_secs_f64();
        Ok(validation)
    }
}

/// Tells the ledger what came of a validation.
pub(super) fn record(connection: &mut PooledConnection, run: &Run, validation: &Validation) -> Result<()> {
    if validation.is_proven() {
        ledger::finish_phase(connection, run.id, Phase::Validate, validation.seconds)
    } else {
        ledger::reopen_phase(connection, run.id, Phase::Validate)
    }
}
