//! What the ledger says about the app's rows and about the cutover, and the event that a cleanup leaves in it.

use migrate_core::cutover::{Event, Progress};
use migrate_core::phase::Phase;
use postgres_client::connection::Connection;
use postgres_client::{DbSettings, TargetUrl, pool};
use row_mover::ledger::{self, Run};
use row_mover::run;
use row_mover::source::integrity_check::Integrity;
use row_mover::source::seal::Seal;

use super::CleanupArgs;
use crate::commands::validate::resolve_target;
use crate::report::not_moved;
use crate::target::{self, TargetArgs};
use crate::{author, output, private, source};

/// What the ledger records of the app's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MigrationProof {
    /// A cutover has finished, so that the SQLite file is no longer needed.
    Ready {
        /// The run.
        run: i64,
        /// When the cutover finished, in RFC 3339.
        cutover_at: String,
        /// How long ago, in seconds, by the server's clock.
        age_seconds: i64,
        /// The target database, without a password.
        target: String,
        /// The last copy of the source: its source file, and the content of that.
        seal: Box<Seal>,
        /// Whether a cleanup was recorded before.
        is_cleaned_up: bool,
    },
    /// None has.
    NotReady {
        /// What is missing in the ledger.
        reason: String,
        /// The next command.
        next: String,
    },
}

impl MigrationProof {
    /// Whether a cleanup is due that is not recorded yet.
    pub(super) fn is_ready(&self, soak: jiff::SignedDuration) -> bool {
        matches!(self, Self::Ready { is_cleaned_up: false, age_seconds, .. } if *age_seconds >= soak.as_secs())
    }
}

/// The ledger, as far as a cleanup needs it.
pub(crate) trait CleanupLedger {
    /// What it says about the migration.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn proof(&mut self, args: &CleanupArgs) -> anyhow::Result<MigrationProof>;

    /// The result of `integrity_check` for a run's last copy; none where it has not run.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn integrity(&mut self, run: i64) -> anyhow::Result<Option<Integrity>>;

    /// Records that result.
    ///
    /// # Errors
    /// When it cannot be written.
    fn record_integrity(&mut self, run: i64, found: &Integrity) -> anyhow::Result<()>;

    /// Records an event of a run.
    ///
    /// # Errors
    /// When it cannot be written.
    fn record(&mut self, run: i64, event: &Event, note: Option<&str>) -> anyhow::Result<()>;
}

/// The ledger of the target that the options name.
#[derive(Default)]
pub(crate) struct TargetLedger {
    target: Option<(TargetUrl, DbSettings)>,
}

impl CleanupLedger for TargetLedger {
    fn proof(&mut self, args: &CleanupArgs) -> anyhow::Result<MigrationProof> {
        let named = TargetArgs { postgres: args.postgres.clone(), pg_version: None };
        if target::named(&named)?.is_none() && private::remembered()?.last.is_none() {
            return Ok(not_validated("nothing was migrated from this checkout yet".to_owned()));
        }
        let (url, _) = resolve_target(&named, false, output::note)?;
        let settings = target::settings()?;
        run::check_target(&url, &settings)?;
        let pool = pool::open(&url, &settings)?;
        let proof = proof(&mut *pool::get(&pool)?, &url)?;
        self.target = Some((url, settings));
        Ok(proof)
    }

    fn integrity(&mut self, run: i64) -> anyhow::Result<Option<Integrity>> {
        self.with_connection(|connection| ledger::integrity(connection, run))
    }

    fn record_integrity(&mut self, run: i64, found: &Integrity) -> anyhow::Result<()> {
        self.with_connection(|connection| {
            ledger::create(connection)?;
            ledger::record_integrity(connection, run, found)
        })
    }

    fn record(&mut self, run: i64, event: &Event, note: Option<&str>) -> anyhow::Result<()> {
        self.with_connection(|connection| {
            ledger::create(connection)?;
            ledger::record_cutover_event(connection, run, event, &author::name(), note)
        })
    }
}

impl TargetLedger {
    fn with_connection<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> row_mover::Result<T>,
    ) -> anyhow::Result<T> {
        let Some((url, settings)) = &self.target else { anyhow::bail!("the ledger was not asked before") };
        let pool = pool::open(url, settings)?;
        Ok(work(&mut *pool::get(&pool)?)?)
    }
}

/// What to do where more than one step is missing.
const GUIDE: &str = "`cargo xtask guide` prints each step that is missing";

fn not_validated(reason: String) -> MigrationProof {
    MigrationProof::NotReady {
        reason,
        next: "run `cargo xtask migrate` until it ends with its proof".to_owned(),
    }
}

fn proof(connection: &mut Connection, url: &TargetUrl) -> anyhow::Result<MigrationProof> {
    let Some(run) = ledger::last_run(connection)? else {
        return Ok(not_validated(format!("{url} holds no migration")));
    };
    let recorded = ledger::cutover_events(connection, run.id)?;
    let progress = Progress::of(recorded.iter().map(|each| &each.event))?;
    if let Some(reason) = not_proven(url, &run, progress.is_finished()) {
        return Ok(not_validated(reason));
    }
    let not_ready = |reason: String, next: &str| {
        Ok(MigrationProof::NotReady {
            reason: format!("{reason} (run {} in {url})", run.id),
            next: next.to_owned(),
        })
    };
    match progress.rollback() {
        Some(rollback) if rollback.is_finished => {
            return not_ready("SQLite is in charge again after a rollback".to_owned(), GUIDE);
        }
        Some(_) => return not_ready("a rollback has begun and is not finished".to_owned(), GUIDE),
        None => {}
    }
    if !progress.is_finished() {
        let reason = match progress.is_begun() {
            true => "the cutover has begun and is not finished",
            false => "the app has not been switched to PostgreSQL",
        };
        return not_ready(reason.to_owned(), GUIDE);
    }
    let finished = recorded.iter().rfind(|each| each.event == Event::CutoverFinished);
    let cutover_at = finished.map(|each| each.recorded_at.clone()).unwrap_or_default();
    // By the server's clock, which wrote the other one.
    let now: Option<i64> = connection.first("SELECT extract(epoch FROM now())::bigint", &[])?;
    let finished_at: jiff::Timestamp = cutover_at.parse()?;
    let age_seconds = now.unwrap_or_default().saturating_sub(finished_at.as_second());
    Ok(MigrationProof::Ready {
        run: run.id,
        cutover_at,
        age_seconds,
        target: url.to_string(),
        seal: Box::new(run.seal),
        is_cleaned_up: progress.is_cleaned_up(),
    })
}

/// Why a run does not prove that the app's rows are in PostgreSQL; none where it does. A cutover has validated what it finished; what the
/// app has written since then makes another validation find differences.
fn not_proven(url: &TargetUrl, run: &Run, is_cutover_finished: bool) -> Option<String> {
    let id = run.id;
    let is_validated = run.validated_at.is_some() && run.state.done.contains(&Phase::Constraints);
    if !is_validated && !is_cutover_finished {
        Some(format!("run {id} in {url} is not validated"))
    } else if source::is_sample(&run.seal.source_path) {
        Some(format!("run {id} in {url} moved a sample, not the app's database"))
    } else if not_moved(&run.plan, &run.state.subject.tables).next().is_some() {
        Some(format!("run {id} in {url} moved only some of the tables"))
    } else {
        None
    }
}
