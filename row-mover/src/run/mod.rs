//! A complete migration: the phases in their order, what each needs, and what the ledger records.
//!
//! It is independent of the command line: progress goes to an [`Observer`], and the outcome is a value.

mod app_rules;
mod app_rules_trial;
mod baseline;
mod begin;
mod cancel;
mod execute;
mod existing;
mod in_charge;
mod integrity;
mod key_clashes;
mod late_baseline;
mod migrations;
mod open_tables;
mod operator_classes;
mod outcome;
mod owner;
mod page_limits;
mod preflight;
mod removal;
mod schema;
mod seeds;
mod session;
mod target_check;
mod trial_tables;
mod undo;
mod validation;

use std::collections::HashSet;
use std::path::PathBuf;

use migrate_core::baseline::Baseline;
use migrate_core::phase::{Decision, Phase, RunSubject, decide};
use migrate_core::plan::{Plan, PlannedTable};

pub use cancel::cancel;
pub use integrity::check_sealed_copy;
pub use open_tables::{LeftOpen, OpenTables, open_tables};
pub use outcome::{AlreadyDone, Moved, Outcome, PhaseDone, Rejected, TableMoved};
pub use seeds::{SettledSeeds, plan_into_existing};
pub use undo::{UndoRequest, Undone, undo};
pub use validation::{
    ComparedBaseline, Purpose, Validation, ValidationRequest, validate, validate_with_copy,
};

use crate::error::{Error, Result};
use crate::ledger;
use crate::observer::Note;
pub use crate::observer::Observer;
use crate::remedy::Remedy;
pub use crate::source::chunk_plan::CHUNK_BYTES;
use crate::source::seal;
use crate::target::migration::Migration;
use crate::watched::{Watched, watched};
use postgres_client::connection::Connection;
use postgres_client::session::open_first;
pub use postgres_client::watch::Silent;
use postgres_client::watch::check_stop;
use postgres_client::{DbSettings, TargetUrl};
use preflight::Preflight;
pub(crate) use removal::check_none_begun;
pub(crate) use session::ADVISORY_LOCK;
pub(crate) use session::Session;
pub(crate) use target_check::{check_version, check_writable};

/// The parameters of a migration.
pub struct Request<'a> {
    /// The user's SQLite file.
    pub source: PathBuf,
    /// The target.
    pub target: TargetUrl,
    /// Pool sizes and timeouts.
    pub settings: DbSettings,
    /// What happens to the source.
    pub plan: &'a Plan,
    /// The plan's migrations, in their order: the first creates the tables, the second everything that follows the rows.
    pub migrations: &'a [Migration],
    /// The tables that move, by source name; all where it is empty.
    pub tables: Vec<String>,
    /// Where sealed copies go.
    pub backup_dir: PathBuf,
    /// Where rejected rows are written down, in a folder for each run.
    pub rejects_dir: PathBuf,
    /// How many connections work at once.
    pub workers: usize,
    /// Approximate size of a chunk in bytes of COPY's binary format; [`CHUNK_BYTES`] has proved best in measurements.
    pub chunk_bytes: u64,
    /// Whether to drop what an earlier run of ours created, and start over.
    pub restart: bool,
    /// Whether a restart also drops rows that were written to the target since.
    pub discard: bool,
    /// Whether `integrity_check` runs over the sealed copy, in parallel with the other phases, unless the ledger has its result.
    pub integrity_check: bool,
    /// Whether the values of differing fields are shown.
    pub show_values: bool,
    /// What is written into the list of the app's own migrator once the schema is complete; nothing into tables of an app.
    pub baseline: Option<Baseline>,
    /// The role that the created objects are to belong to; the owner of the database or schema where none is given.
    pub owner: Option<String>,
}

impl Request<'_> {
    /// The baseline, where the run creates the tables: an app that created them has filled its list itself.
    fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_ref().filter(|_| !self.plan.is_into_existing())
    }
}

/// Runs a migration, or resumes one.
///
/// # Errors
/// When a phase fails. Completed work is kept, and the next call resumes after it.
pub fn migrate(request: &Request<'_>, observer: &dyn Observer) -> Result<Outcome> {
    watched(observer, |observer| {
        let session = Session::open(&request.target, &request.settings, request.workers, observer)?;
        migrate_in(&session, request, observer).map_err(|error| {
            let error = session.explain(error, None).with_lock_remedy();
            if request.plan.is_into_existing() { open_tables::with_state(error, &session) } else { error }
        })
    })
}

fn migrate_in(session: &Session<'_>, request: &Request<'_>, observer: &Watched<'_>) -> Result<Outcome> {
    let tables = selected_tables(request.plan, &request.tables)?;
    session.take_lock()?;
    let subject = subject(request, &tables);
    let last = session.retrying(|| ledger::present_run(&mut *session.connection()?))?;
    // Without a present run, the last one may be in the middle of its rollback.
    if request.restart || last.is_none() {
        session.retrying(|| in_charge::check_replaceable(&mut *session.connection()?))?;
    }
    if request.restart {
        session.refuse_standby()?;
        return session.begin(request, &tables, &subject, last);
    }
    if let Some(run) = &last {
        removal::check_none_begun(&mut *session.connection()?, run)?;
        in_charge::check_not_rolled_back(&mut *session.connection()?, run)?;
    }
    let subject = late_baseline::subject(request, &subject, last.as_ref());
    match (decide(last.as_ref().map(|run| &run.state), &subject), last) {
        (Decision::Refuse(words), run) => {
            run.iter().try_for_each(|run| late_baseline::check_numbering(request, run))?;
            Err(different_migration(&request.target, &words))
        }
        (Decision::AlreadyDone, Some(run)) => session.already_done(request, run),
        (Decision::Resume(phase), Some(run)) => {
            session.refuse_standby()?;
            observer.note(&Note::Resuming { run: run.id, phase });
            if seal::source_state(&request.source) != run.seal.source_state {
                observer.note(&Note::SourceChangedSince { sealed_at: &run.seal.sealed_at });
            }
            seal::verify_while(&run.seal, &|| check_stop(observer))?;
            session.execute(request, &tables, run.sharing(request.plan), Vec::new())
        }
        _ => session.begin(request, &tables, &subject, None),
    }
}

/// Checks source and target without changing anything.
///
/// # Errors
/// When either cannot be read, or prevents the migration.
pub fn dry_run(request: &Request<'_>, observer: &dyn Observer) -> Result<Outcome> {
    watched(observer, |observer| {
        let session = Session::open(&request.target, &request.settings, request.workers, observer)?;
        dry_run_in(&session, request, observer)
            .map_err(|error| session.explain(error, None).with_lock_remedy())
    })
}

/// Checks the values of a plan that is not complete, without changing anything: what a run of it would be refused for, if anything is.
///
/// # Errors
/// When the source or the target cannot be read.
pub fn refused_values(request: &Request<'_>, observer: &dyn Observer) -> Result<Option<Outcome>> {
    watched(observer, |observer| {
        let session = Session::open(&request.target, &request.settings, request.workers, observer)?;
        let tables: Vec<&PlannedTable> = request.plan.tables.iter().collect();
        let preflight = Preflight { request, tables: &tables, connections: &session.connections, observer };
        let findings = preflight.examine_values().map_err(|error| session.explain(error, None))?;
        let refused = begin::refused(request, &findings);
        Ok(refused.map(|refused| Outcome::Rejected { findings, over_limit: refused.over_limit }))
    })
}

fn dry_run_in(session: &Session<'_>, request: &Request<'_>, observer: &Watched<'_>) -> Result<Outcome> {
    let tables = selected_tables(request.plan, &request.tables)?;
    let last = ledger::present_run(&mut *session.connection()?)?;
    if request.restart || last.is_none() {
        in_charge::check_replaceable(&mut *session.connection()?)?;
    }
    if let Some(run) = last.as_ref().filter(|_| !request.restart) {
        removal::check_none_begun(&mut *session.connection()?, run)?;
        in_charge::check_not_rolled_back(&mut *session.connection()?, run)?;
    }
    let subject = subject(request, &tables);
    let subject = late_baseline::subject(request, &subject, last.as_ref());
    let mut baseline = request.baseline();
    let next = match (decide(last.as_ref().map(|run| &run.state), &subject), &last) {
        (_, Some(run)) if request.restart => {
            session.refuse_standby()?;
            session.check_untouched(request.discard, run)?;
            session.check_removable(Some(request.plan), &mut *session.connection()?, run)?;
            format!("drop what run {} made in {}, and start over", run.id, request.target)
        }
        (Decision::Refuse(words), run) => {
            run.iter().try_for_each(|run| late_baseline::check_numbering(request, run))?;
            return Err(different_migration(&request.target, &words));
        }
        (Decision::AlreadyDone, Some(run)) => {
            baseline = late_baseline::missing(request, run, &mut *session.connection()?)?;
            match baseline {
                Some(_) => format!("write the baseline of run {}", run.id),
                None => "nothing: an earlier run has done it".to_owned(),
            }
        }
        (Decision::AlreadyDone, None) => "nothing".to_owned(),
        (Decision::Resume(phase), _) => format!("go on from {phase}"),
        (Decision::Begin, _) => {
            let phases: Vec<&str> = Phase::ALL.into_iter().map(Phase::name).collect();
            format!("{} tables move, in the phases {}", tables.len(), phases.join(", "))
        }
    };
    let preflight = Preflight { request, tables: &tables, connections: &session.connections, observer };
    preflight.check(&mut *session.connection()?, last.is_none())?;
    let findings = preflight.examine_live()?;
    Ok(match begin::refused(request, &findings) {
        Some(refused) => Outcome::Rejected { findings, over_limit: refused.over_limit },
        None => Outcome::DryRun { findings, next, baseline: baseline.cloned() },
    })
}

fn different_migration(target: &TargetUrl, differing: &[String]) -> Error {
    Error::new(format!("{target} holds a migration of something else"))
        .caused_by(differing.join("; "))
        .with_remedy_value(Remedy::OtherDatabaseOrRestart)
}

/// The planned tables of these names, in the plan's order; all of them if no name is given.
fn selected_tables<'a>(plan: &'a Plan, names: &[String]) -> Result<Vec<&'a PlannedTable>> {
    if let Some(unknown) = names.iter().find(|name| plan.table(name).is_none()) {
        let known: Vec<&str> = plan.tables.iter().map(|table| table.source.as_str()).collect();
        return Err(Error::new(format!("the plan has no table {unknown}"))
            .with_remedy_text(format!("its tables are {}", known.join(", "))));
    }
    let tables: Vec<&PlannedTable> =
        plan.tables.iter().filter(|table| names.is_empty() || names.contains(&table.source)).collect();
    let selected: HashSet<&str> = tables.iter().map(|table| table.target.as_str()).collect();
    for table in &tables {
        let is_selected = |parent: &str| selected.contains(parent);
        if let Some(key) = table.foreign_keys.iter().find(|key| !is_selected(&key.parent_table)) {
            return Err(Error::new(format!(
                "{} points to {}, which is not selected",
                table.source, key.parent_table
            ))
            .with_remedy_value(Remedy::SelectTable(key.parent_table.clone())));
        }
    }
    Ok(tables)
}

fn subject(request: &Request<'_>, tables: &[&PlannedTable]) -> RunSubject {
    let path = std::fs::canonicalize(&request.source).unwrap_or_else(|_| request.source.clone());
    RunSubject {
        source_path: path.to_string_lossy().into_owned(),
        plan_sha256: request.plan.fingerprint(),
        tables: tables.iter().map(|table| table.source.clone()).collect(),
    }
}

/// Connects once and checks the version, so that problems with a target are reported at once, with what to do next: a pool would retry
/// until its timeout.
///
/// # Errors
/// When the target cannot be reached, or is too old.
pub fn check_target(target: &TargetUrl, settings: &DbSettings) -> Result<()> {
    open_checked(target, settings).map(|_| ())
}

pub(crate) fn open_checked(target: &TargetUrl, settings: &DbSettings) -> Result<Connection> {
    let connection = open_first(target, settings)?;
    target_check::check_version(&connection)?;
    Ok(connection)
}
