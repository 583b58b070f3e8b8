//! Catches up, once or again and again: copies the source, compares, applies in one transaction with the entry in the ledger, and deletes
//! the copy that is passed.
//!
//! A catch-up that is killed has applied everything or nothing, and the ledger says which. A copy that was sealed but never applied is
//! deleted when the catch-up fails; after a kill it stays in the backup folder.

use std::time::Instant;

use migrate_core::cutover::{Event, Progress};
use migrate_core::load_plan::LoadPlan;
use migrate_core::phase::Phase;
use migrate_core::plan::PlannedTable;
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

use super::apply::{apply, apply_changes, moved_tables};
use super::{Applied, CatchUpOutcome, CatchUpRequest, CaughtUp, copies};
use crate::difference::{
    Difference, ObjectKind, RowDifference, SchemaChange, SourceSchemaChanged, difference,
};
use crate::error::{Context, Error, Result};
use crate::fence;
use crate::ledger::{self, CatchUp, Run};
use crate::observer::Observer;
use crate::rejects::RejectedTable;
use crate::remedy::Remedy;
use crate::run::{Session, check_none_begun};
use crate::source::integrity_check::IntegrityState;
use crate::source::seal::{self, Copy, Seal};
use crate::source::{SourceConnection, live_version::LiveVersion};
use crate::threads;
use crate::watched::{Watched, watched};

/// Catch-ups of one target, one after the other.
pub struct CatchUps<'a> {
    request: &'a CatchUpRequest,
    /// What is known of the source since the last one.
    known: Option<Known>,
}

/// What one catch-up knows for the next one.
struct Known {
    /// Tells whether anybody has written to the source since before its copy was made.
    version: LiveVersion,
    /// The copy that the target equals, which this process has read and found as it was sealed.
    seal: Seal,
}

/// The copy of a catch-up and its difference to the one before.
struct Compared {
    newer: NewCopy,
    rows: RowDifference,
    started: Instant,
}

/// A copy with its hash.
struct NewCopy {
    copy: Copy,
    hash: (String, u64),
}

impl<'a> CatchUps<'a> {
    /// Catch-ups by `request`.
    pub fn new(request: &'a CatchUpRequest) -> CatchUps<'a> {
        CatchUps { request, known: None }
    }

    /// Catches up once. After the first time the source is not copied if nobody has written to it.
    ///
    /// # Errors
    /// When there is no validated migration, PostgreSQL is in charge, the source's schema has changed, or a database fails. Nothing is
    /// changed then.
    pub fn next(&mut self, observer: &dyn Observer) -> Result<CatchUpOutcome> {
        watched(observer, |observer| {
            let session = Session::open(&self.request.target, &self.request.settings, 1, observer)?;
            self.next_in(&session, observer).map_err(|error| session.explain(error, None).with_lock_remedy())
        })
    }

    fn next_in(&mut self, session: &Session<'_>, observer: &Watched<'_>) -> Result<CatchUpOutcome> {
        session.take_lock()?;
        session.refuse_standby()?;
        let run = session.retrying(|| self.run(&mut *session.connection()?))?;
        if let Some(known) = self.known.take().filter(|known| known.seal == run.seal) {
            if known.version.is_unchanged()? {
                self.known = Some(known);
                return Ok(CatchUpOutcome::Unchanged);
            }
            return self.apply_next(session, &run, known.version, true, observer);
        }
        let version = LiveVersion::open(&run.seal.source_path)?;
        self.apply_next(session, &run, version, false, observer)
    }

    /// The run to catch up with.
    fn run(&self, connection: &mut Connection) -> Result<Run<'static>> {
        let run = ledger::last_run(connection)?.ok_or_else(|| {
            Error::new(format!("{} holds no migration to catch up with", self.request.target))
                .with_remedy_value(Remedy::Migrate)
        })?;
        check_none_begun(connection, &run)?;
        if !run.state.done.contains(&Phase::Validate) {
            let error = Error::new(format!("run {} is not validated", run.id));
            return Err(match run.state.done.contains(&Phase::Constraints) {
                true => error.with_remedy_value(Remedy::ValidateOrRestart),
                false => error.with_remedy_value(Remedy::Resume),
            });
        }
        let events: Vec<Event> =
            ledger::cutover_events(connection, run.id)?.into_iter().map(|recorded| recorded.event).collect();
        let progress = Progress::of(&events)
            .map_err(|_| Error::new("the events of the cutover in the ledger are in no possible order"))?;
        match progress.allows_catch_up() {
            true => Ok(run),
            false => Err(Error::new(
                "SQLite is closed since the cutover: PostgreSQL would lose what was written to it",
            )
            .with_remedy_value(Remedy::CutoverBegun)),
        }
    }

    /// Copies, compares and applies.
    fn apply_next(
        &mut self,
        session: &Session<'_>,
        run: &Run,
        mut version: LiveVersion,
        is_verified: bool,
        observer: &Watched<'_>,
    ) -> Result<CatchUpOutcome> {
        // Before the copy, so that a write during it is noticed the next time.
        version.read()?;
        let compared = self.compare(run, is_verified, observer)?;
        if compared.rows.is_empty() && !self.replaces_equal(session, run, &compared.newer)? {
            self.known = Some(Known { version, seal: run.seal.clone() });
            return Ok(CatchUpOutcome::Unchanged);
        }
        if self.request.dry_run {
            return self.try_out(session, run, &compared, observer);
        }
        session.retrying(|| ledger::create(&mut *session.connection()?))?;
        let Compared { newer, rows, started } = compared;
        let seal = newer.copy.seal(newer.hash)?;
        let (applied, rejected, seconds) = match self.commit(session, run, &seal, &rows, started, observer) {
            Ok(done) => done,
            Err(error) => {
                // Unless the ledger has it after all, or a connection that was lost is about to commit it.
                let is_at_base =
                    session.connection().and_then(|mut connection| claim(&mut connection, run)).is_ok();
                if is_at_base {
                    drop(seal::delete(&seal));
                }
                return Err(error);
            }
        };
        let caught_up = Run { seal: seal.clone(), ..run.clone() };
        session.retrying(|| copies::delete_passed(&mut *session.connection()?, &caught_up))?;
        self.known = Some(Known { version, seal: seal.clone() });
        Ok(CatchUpOutcome::Applied(CaughtUp { run: run.id, applied, seal: Some(seal), rejected, seconds }))
    }

    /// Whether a copy without a changed row replaces the last one: where that is asked for, or where the indexes of the last one are
    /// damaged and may have been repaired since.
    fn replaces_equal(&self, session: &Session<'_>, run: &Run, newer: &NewCopy) -> Result<bool> {
        if newer.hash.0 == run.seal.sha256 {
            return Ok(false);
        }
        if self.request.replace_equal_copy {
            return Ok(true);
        }
        let known = session.retrying(|| ledger::integrity(&mut *session.connection()?, run.id))?;
        Ok(IntegrityState::of(known.as_ref()) == IntegrityState::Problems)
    }

    /// Makes a copy and compares it with the last one, which is verified meanwhile.
    fn compare(&self, run: &Run, is_verified: bool, observer: &Watched<'_>) -> Result<Compared> {
        let started = Instant::now();
        let copied = |share| {
            observer.sealed(share);
            check_stop(observer)
        };
        let newer = std::thread::scope(|scope| {
            let verify = || match is_verified {
                true => Ok(()),
                false => seal::verify_while(&run.seal, &|| check_stop(observer)),
            };
            let verified = threads::spawn(scope, verify)?;
            let copy = seal::copy(&run.seal.source_path, &self.request.backup_dir, &copied);
            let stopped = || Err(Error::new("the thread that reads the last copy stopped unexpectedly"));
            verified.join().unwrap_or_else(|_| stopped())?;
            copy
        })?;
        let hash = newer.hash(&|| check_stop(observer))?;
        let (base, next) = open_copies(run, newer.path(), observer)?;
        let plan = LoadPlan::new(&run.plan);
        let tables: Vec<&PlannedTable> = moved_tables(run, &plan).collect();
        match difference(&base, &next, &tables, observer)? {
            Difference::Rows(rows) => Ok(Compared { newer: NewCopy { copy: newer, hash }, rows, started }),
            Difference::Schema(changes) => Err(schema_changed(changes)),
        }
    }

    /// Applies the changes and rolls them back.
    fn try_out(
        &self,
        session: &Session<'_>,
        run: &Run,
        compared: &Compared,
        observer: &Watched<'_>,
    ) -> Result<CatchUpOutcome> {
        let (base, next) = open_copies(run, compared.newer.copy.path(), observer)?;
        let applied = session.retrying(|| {
            session.hold_lock()?;
            session.connections.bulk()?.undone_transaction(|transaction| {
                apply_changes(transaction, run, &base, &next, &compared.rows.tables, observer)
            })
        })?;
        let seconds = compared.started.elapsed().as_secs_f64();
        let rejected = Vec::new();
        Ok(CatchUpOutcome::Applied(CaughtUp { run: run.id, applied, seal: None, rejected, seconds }))
    }

    /// Applies the changes and records it, until one attempt is committed.
    fn commit(
        &self,
        session: &Session<'_>,
        run: &Run,
        seal: &Seal,
        rows: &RowDifference,
        started: Instant,
        observer: &Watched<'_>,
    ) -> Result<(Applied, Vec<RejectedTable>, f64)> {
        let (base, next) = open_copies(run, &seal.path, observer)?;
        let mut attempted = None;
        session.retrying(|| {
            session.hold_lock()?;
            let mut connection = session.connections.bulk()?;
            // A previous attempt may have committed without our seeing the reply.
            if let Some(done) = attempted.take() {
                let last = ledger::last_run(&mut connection)?;
                if last.is_some_and(|last| last.id == run.id && last.seal == *seal) {
                    return Ok(done);
                }
            }
            connection.transaction(|transaction| {
                claim(transaction, run)?;
                let applied = apply(transaction, run, &base, &next, &rows.tables, observer)?;
                let rejected =
                    copies::write_rejects(transaction, run, &next, &seal.path, &self.request.rejects_dir)?;
                let seconds = started.elapsed().as_secs_f64();
                ledger::record_catch_up(transaction, run.id, &recorded(run, seal, &applied, seconds))?;
                attempted = Some((applied.clone(), rejected.clone(), seconds));
                Ok((applied, rejected, seconds))
            })
        })
    }
}

/// The error for a schema that has changed. The triggers of a fence are no change of the app's: a cutover was ended after it had closed the
/// file, and before the ledger had that.
pub(crate) fn schema_changed(changes: Vec<SchemaChange>) -> Error {
    let is_fence = |change: &SchemaChange| match change {
        SchemaChange::Created { kind: ObjectKind::Trigger, name } => fence::has_name_of_fence(name),
        _ => false,
    };
    if changes.iter().any(is_fence) {
        return Error::new("the SQLite file is closed by the fence of a cutover")
            .with_remedy_value(Remedy::CutoverBegun);
    }
    Error::new("the schema of the SQLite file has changed since the last copy")
        .caused_by(SourceSchemaChanged { changes })
        .with_remedy_value(Remedy::PlanAgainAndRestart)
}

/// The catch-up as the ledger has it.
fn recorded(run: &Run, seal: &Seal, applied: &Applied, seconds: f64) -> CatchUp {
    let sum = |of: fn(&super::AppliedTable) -> u64| {
        i64::try_from(applied.tables.iter().map(of).sum::<u64>()).unwrap_or(i64::MAX)
    };
    CatchUp {
        base: run.seal.clone(),
        seal: seal.clone(),
        inserted: sum(|table| table.inserted),
        updated: sum(|table| table.updated),
        deleted: sum(|table| table.deleted),
        seconds,
        applied_at: None,
    }
}

/// Waits for a transaction whose connection was lost, and checks that the run is still about the copy that the changes are relative to.
fn claim(transaction: &mut Connection, run: &Run) -> Result<()> {
    let sql = "SELECT seal::json ->> 'path' FROM migration.runs WHERE id = $1::bigint FOR UPDATE";
    let path: Option<String> =
        transaction.first(sql, &[Some(&run.id.to_string())]).context(|| "the ledger cannot be read")?;
    match path.is_some_and(|path| path == run.seal.path.to_string_lossy()) {
        true => Ok(()),
        false => Err(Error::new("the ledger is no longer about the copy that was compared")
            .with_remedy_value(Remedy::SeeStatus)),
    }
}

/// Opens the copy that the target equals and another one.
fn open_copies(
    run: &Run,
    newer: &std::path::Path,
    observer: &Watched<'_>,
) -> Result<(SourceConnection, SourceConnection)> {
    let open = |path| Ok::<_, Error>(SourceConnection::open_sealed(path)?.stopped_by(observer.stop_flag()));
    Ok((open(&run.seal.path)?, open(newer)?))
}
