//! The cutover: freezes the source, applies the last difference, and closes the source once PostgreSQL is complete.
//!
//! What comes next is decided by `migrate_core::cutover` from the events in the ledger and the fence in the file; this module executes the
//! steps that concern the databases and records all of them. Catching up before, and switching the app, is the caller's part.

mod complete;
mod freeze;
mod parts;
mod rehearsal;
mod soundness;
mod stopped;

use std::path::PathBuf;
use std::time::Duration;

use migrate_core::cutover::{CutoverStep, Event, Fence, Progress, Refusal, SourceState, next_cutover_step};
use migrate_core::phase::Phase;
use postgres_client::connection::Connection;
use postgres_client::{DbSettings, TargetUrl};

pub use freeze::{Closed, Frozen, NotFrozen};
pub use parts::{Cost, PauseParts};
pub use rehearsal::{Rehearsal, RehearsalScope};

use crate::command_lock;
use crate::error::{Context, Error, Result};
use crate::fence::{self, FenceId, MarkUse};
use crate::ledger::{self, RecordedEvent, Run};
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::rollback::Author;
use crate::run::{check_none_begun, check_writable, open_checked};

/// The parameters of a cutover.
#[derive(Clone, Debug)]
pub struct CutoverRequest {
    /// The target; its ledger names the source and the last copy.
    pub target: TargetUrl,
    /// Pool sizes and timeouts.
    pub settings: DbSettings,
    /// Where sealed copies go.
    pub backup_dir: PathBuf,
    /// Where rejected rows are written down, in a folder for each copy.
    pub rejects_dir: PathBuf,
    /// When the fence includes the read-only mark.
    pub mark_use: MarkUse,
    /// The longest time for which writers wait; a freeze that takes longer is undone.
    pub pause_max: Duration,
    /// How long to wait for a moment in which nobody writes.
    pub lock_wait_max: Duration,
    /// Who runs it.
    pub author: Author,
}

/// A cutover at work. It holds the lock of migrations, so that no catch-up and no other command runs meanwhile.
pub struct Cutover<'a> {
    request: &'a CutoverRequest,
    observer: &'a dyn Observer,
    session: Connection,
    run: Run<'static>,
    events: Vec<RecordedEvent>,
    progress: Progress,
}

impl<'a> Cutover<'a> {
    /// Connects, takes the lock of migrations and reads the ledger. Nothing is changed.
    ///
    /// # Errors
    /// When PostgreSQL cannot be reached or is read-only, another command is at work, or there is no validated migration.
    pub fn open(request: &'a CutoverRequest, observer: &'a dyn Observer) -> Result<Cutover<'a>> {
        let mut session = open_checked(&request.target, &request.settings)?;
        check_writable(&mut session)?;
        // Unlike rows of a load, what a cutover commits must be on the disk when its next step begins.
        session.script("SET synchronous_commit = on")?;
        command_lock::take(&mut session, &request.target)?;
        let run = validated_run(&mut session, &request.target)?;
        let events = ledger::cutover_events(&mut session, run.id)?;
        let progress = fold(&events)?;
        Ok(Cutover { request, observer, session, run, events, progress })
    }

    /// The run that is cut over.
    pub fn run(&self) -> &Run<'static> {
        &self.run
    }

    /// Its events so far.
    pub fn events(&self) -> &[RecordedEvent] {
        &self.events
    }

    /// What they amount to.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What the source shows of a fence.
    ///
    /// # Errors
    /// When the file can be opened and not be read.
    pub fn source_state(&self) -> Result<SourceState> {
        let id = self.progress.complete_sha256().map(FenceId::of);
        fence::detect(&self.run.seal.source_path, id.as_ref())
    }

    /// Returns the next step.
    ///
    /// # Errors
    /// When the cutover may not go on, with the reason.
    pub fn next_step(&self) -> Result<CutoverStep> {
        next_cutover_step(&self.progress, self.source_state()?).map_err(|refusal| self.refused(refusal))
    }

    /// Records an event of the caller's, or one whose effect was found done.
    ///
    /// # Errors
    /// When the ledger cannot be written, or the event cannot follow.
    pub fn record(&mut self, event: Event) -> Result<()> {
        // Whatever is in the ledger stays there: an event that cannot follow would be in the way of every later command.
        let events = ledger::cutover_events(&mut self.session, self.run.id)?;
        Progress::of(events.iter().map(|recorded| &recorded.event).chain([&event]))
            .context(|| "the event cannot be recorded")?;
        // A ledger of an earlier version has no room for events.
        ledger::create(&mut self.session)?;
        let author = &self.request.author;
        ledger::record_cutover_event(
            &mut self.session,
            self.run.id,
            &event,
            &author.name,
            author.note.as_deref(),
        )?;
        self.read_again()
    }

    /// Records that the source is closed by this fence, which was found there.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn record_closed(&mut self, fence: Fence) -> Result<()> {
        self.record(Event::SourceClosed { fence: Some(fence), pause_ms: None })
    }

    fn read_again(&mut self) -> Result<()> {
        self.run = validated_run(&mut self.session, &self.request.target)?;
        self.events = ledger::cutover_events(&mut self.session, self.run.id)?;
        self.progress = fold(&self.events)?;
        Ok(())
    }

    fn refused(&self, refusal: Refusal) -> Error {
        let source = self.run.seal.source_path.display();
        match refusal {
            Refusal::RollbackUnderWay => {
                Error::new("a rollback of this cutover has begun").with_remedy_value(Remedy::ContinueRollback)
            }
            Refusal::RolledBack => Error::new("this cutover was rolled back")
                .caused_by("PostgreSQL no longer equals a copy of the SQLite file")
                .with_remedy_value(Remedy::MigrateAgain),
            Refusal::OtherFence => Error::new(format!("{source} is closed by the fence of another cutover"))
                .with_remedy_text("name the database to which that cutover switched"),
            Refusal::FenceLost => Error::new(format!("the fence of {source} is damaged or gone"))
                .caused_by("SQLite may have taken writes that PostgreSQL does not have")
                .with_remedy_value(Remedy::RollBack),
            Refusal::SourceUnknown => Error::new(format!("{source} cannot be opened")).with_remedy_text(
                "run the command where the app's SQLite file is, at the path from which it was migrated",
            ),
            // Reasons of a rollback alone.
            Refusal::NothingToRollBack | Refusal::CleanedUp => Error::new("the cutover is finished"),
        }
    }
}

/// The last run, which must be validated.
fn validated_run(session: &mut Connection, target: &TargetUrl) -> Result<Run<'static>> {
    let run = ledger::last_run(session)?.ok_or_else(|| {
        Error::new(format!("{target} holds no migration")).with_remedy_value(Remedy::Migrate)
    })?;
    check_none_begun(session, &run)?;
    if run.state.done.contains(&Phase::Validate) {
        return Ok(run);
    }
    let error = Error::new(format!("run {} is not validated", run.id));
    Err(match run.state.done.contains(&Phase::Constraints) {
        true => error.with_remedy_value(Remedy::ValidateOrRestart),
        false => error.with_remedy_value(Remedy::Resume),
    })
}

fn fold(events: &[RecordedEvent]) -> Result<Progress> {
    Progress::of(events.iter().map(|recorded| &recorded.event))
        .context(|| "the events of the cutover in the ledger are in no possible order")
}
