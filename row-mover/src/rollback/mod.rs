//! The rollback: puts SQLite back in charge, and keeps what was written to PostgreSQL since.
//!
//! What comes next is decided by `migrate_core::cutover` from the events in the ledger and the fence in the file; this module executes and
//! records it. Each step can be repeated. Switching the app and asking people is the caller's part. Without PostgreSQL, `offline` does
//! what the app needs to work again.

mod archive;
mod closing;
mod export;
mod loss;
mod offline;
mod proof;
mod restore;
mod sealed;
mod source_side;

use std::path::{Path, PathBuf};

use migrate_core::cutover::{
    Archive, Event, Fence, Progress, Refusal, RollbackStep, SourceState, Switch, next_rollback_step,
};
use postgres_client::budget::Budget;
use postgres_client::connection::Connection;
use postgres_client::connections::Connections;
use postgres_client::watch::check_stop;
use postgres_client::{DbSettings, TargetUrl};
use serde::Serialize;

pub use closing::Closed;
pub use loss::{Counted, Loss, TableLoss};
pub use offline::{OfflineRequest, Reopened, open_source_offline};
pub use proof::Unequal;
pub use restore::Restored;

use crate::command_lock;
use crate::error::{Context, Error, Result};
use crate::ledger::{self, RecordedEvent, Run};
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::run::{check_writable, open_checked};
use crate::source::integrity_check::Integrity;

/// Who runs a rollback, for the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// Account and host.
    pub name: String,
    /// What the person notes.
    pub note: Option<String>,
}

/// The parameters of a rollback.
pub struct RollbackRequest {
    /// The target; its ledger names the source and the final copy.
    pub target: TargetUrl,
    /// Pool sizes and timeouts.
    pub settings: DbSettings,
    /// How many connections compare rows at once.
    pub workers: usize,
    /// The app's SQLite file, where it is not where it was migrated from.
    pub sqlite: Option<PathBuf>,
    /// The final copy, where it was moved; its SHA-256 is the one in the ledger.
    pub sealed_copy: Option<PathBuf>,
    /// Whether the sealed copy replaces the app's file, whatever that contains.
    pub restore_copy: bool,
    /// Whether damaged indexes of the final copy are accepted.
    pub accept_damaged_indexes: bool,
    /// Whether the app comes before everything else.
    pub is_emergency: bool,
    /// Who runs it.
    pub author: Author,
}

/// How SQLite was opened for writing again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Opened {
    /// The fence is down, and the file was proved to equal the sealed copy.
    Proved,
    /// The sealed copy has replaced the file.
    Restored(Restored),
    /// It was open already, and is not proved: the app may have written since.
    Earlier,
}

/// A rollback at work.
pub struct Rollback<'a> {
    request: &'a RollbackRequest,
    observer: &'a dyn Observer,
    connections: Connections<'a>,
    /// Holds the lock of migrations.
    session: Connection,
    run: Run<'static>,
    events: Vec<RecordedEvent>,
    /// The app's file.
    source: PathBuf,
}

impl<'a> Rollback<'a> {
    /// Connects, takes the lock of migrations and reads the ledger. Nothing is changed.
    ///
    /// # Errors
    /// When PostgreSQL cannot be reached or is read-only, another migration is at work, or there is no migration.
    pub fn open(request: &'a RollbackRequest, observer: &'a dyn Observer) -> Result<Rollback<'a>> {
        let mut session = open_checked(&request.target, &request.settings)?;
        check_writable(&mut session)?;
        // Unlike rows of a load, what is committed must be on the disk when the next step begins: a server that crashed and forgot that it
        // is closed would take writes beside SQLite.
        session.script("SET synchronous_commit = on")?;
        let budget = Budget::settle(&mut session, request.workers, &request.target, observer)?;
        let connections = Connections::new(&request.target, &request.settings, budget)?;
        command_lock::take(&mut session, &request.target)?;
        let mut run = ledger::last_run(&mut session)?.ok_or_else(|| {
            Error::new(format!("{} holds no migration", request.target)).with_remedy_value(Remedy::Migrate)
        })?;
        if let Some(path) = &request.sealed_copy {
            run.seal.path.clone_from(path);
        }
        let events = ledger::cutover_events(&mut session, run.id)?;
        let source = request.sqlite.clone().unwrap_or_else(|| run.seal.source_path.clone());
        Ok(Rollback { request, observer, connections, session, run, events, source })
    }

    /// The run that is rolled back.
    pub fn run(&self) -> &Run<'static> {
        &self.run
    }

    /// The events so far.
    pub fn events(&self) -> &[RecordedEvent] {
        &self.events
    }

    /// The app's file.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// How far cutover and rollback are.
    ///
    /// # Errors
    /// When the events cannot follow each other.
    pub fn progress(&self) -> Result<Progress> {
        Progress::of(self.events.iter().map(|recorded| &recorded.event))
            .map_err(|illegal| Error::new("the ledger's events contradict each other").caused_by(illegal))
    }

    /// The state of the app's file.
    ///
    /// # Errors
    /// When it cannot be read although it is there.
    pub fn source_state(&self) -> Result<SourceState> {
        let progress = self.progress()?;
        let is_opened = progress.rollback().is_some_and(|rollback| rollback.is_source_opened);
        // A file that is to be replaced counts as one that is not open yet, whatever it contains.
        if self.request.restore_copy && progress.is_source_closed() && !is_opened {
            return Ok(SourceState::Damaged);
        }
        source_side::state(&self.source, progress.complete_sha256())
    }

    /// The next step, or why there is none.
    ///
    /// # Errors
    /// When the events or the file cannot be read.
    pub fn next_step(&self) -> Result<std::result::Result<RollbackStep, Refusal>> {
        Ok(next_rollback_step(&self.progress()?, self.source_state()?))
    }

    /// Verifies the final copy: size, SHA-256 and `integrity_check`.
    ///
    /// # Errors
    /// When it is not what was sealed, or its indexes are damaged and that is not accepted.
    pub fn verify_copy(&self) -> Result<Integrity> {
        sealed::verify(&self.run.seal, self.request.accept_damaged_indexes, self.observer)
    }

    /// Checks that this role can close and archive PostgreSQL's side, before anything is changed.
    ///
    /// # Errors
    /// What is in the way.
    pub fn check_rights(&mut self) -> Result<()> {
        if self.progress()?.rollback().is_some_and(|rollback| rollback.archive.is_some()) {
            return Ok(());
        }
        closing::check_closable(&mut self.session, &self.run.plan)?;
        archive::check(&mut self.session, &self.run)
    }

    /// Counts what was written to PostgreSQL since the cutover.
    ///
    /// # Errors
    /// When either side cannot be read.
    pub fn count_loss(&mut self) -> Result<Loss> {
        loss::count(&self.run, &self.connections, &mut self.session, self.observer)
    }

    /// Writes the rows of `loss` into a file as JSON lines; returns their number.
    ///
    /// # Errors
    /// When either side cannot be read, or the file cannot be written.
    pub fn export(&self, path: &Path, loss: &Loss) -> Result<u64> {
        export::export(&self.run, loss, path, &self.connections, self.observer)
    }

    /// Closes PostgreSQL to the app, and waits for transactions that have written. It is recorded only once the rollback has begun, and
    /// [`Rollback::reopen`] undoes it until then.
    ///
    /// # Errors
    /// When a table cannot be closed.
    pub fn close(&mut self) -> Result<Closed> {
        closing::close(&mut self.session, &self.run.plan, self.observer)
    }

    /// Opens PostgreSQL to the app again.
    ///
    /// # Errors
    /// When a table cannot be opened.
    pub fn reopen(&mut self) -> Result<()> {
        closing::reopen(&mut self.session, &self.run.plan)
    }

    /// Records that the rollback begins: this many changed rows are given up.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn begin(&mut self, accepted_loss: u64) -> Result<()> {
        self.record(Event::RollbackBegun { is_emergency: self.request.is_emergency, accepted_loss })
    }

    /// Records that the source is closed, where a cutover ended between the fence and its event.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn record_closed(&mut self, fence: Fence) -> Result<()> {
        self.record(Event::SourceClosed { fence: Some(fence), pause_ms: None })
    }

    /// Closes PostgreSQL, as far as it is not closed, and records it.
    ///
    /// # Errors
    /// When a table cannot be closed, or the ledger cannot be written.
    pub fn close_target(&mut self) -> Result<Closed> {
        let closed = self.close()?;
        self.record(Event::TargetClosed)?;
        Ok(closed)
    }

    /// Archives PostgreSQL's side by renaming its schemas.
    ///
    /// # Errors
    /// When PostgreSQL refuses; nothing is renamed then.
    pub fn archive(&mut self) -> Result<Archive> {
        let archive = archive::rename_schemas(&mut self.session, &self.run, &self.request.author)?;
        self.read_events()?;
        Ok(archive)
    }

    /// Opens SQLite for writing again, and records it: takes the fence down and proves that the file equals the final copy, or restores
    /// that copy.
    ///
    /// # Errors
    /// When the file differs from the copy and it is not to be restored, or cannot be written.
    pub fn open_source(&mut self) -> Result<Opened> {
        check_stop(self.observer)?;
        let is_restored = self.request.restore_copy;
        let opened = match offline::note(&self.run.seal)? {
            // The app may have written since. A file that has a fence again is not the one that was opened.
            Some(_) if !is_restored && self.source_state()? == SourceState::Open => self.opened_before()?,
            _ => source_side::open(&self.source, &self.run.seal, is_restored, self.observer)?,
        };
        self.record(Event::SourceOpened)?;
        Ok(opened)
    }

    /// Proves without changing anything that the app's file equals the final copy.
    ///
    /// # Errors
    /// When it does not.
    pub fn rehearse_source(&self) -> Result<()> {
        source_side::rehearse(&self.source, &self.run.seal, self.observer)
    }

    /// Records that SQLite is open already: an earlier attempt or a person has taken the fence down.
    ///
    /// # Errors
    /// When the file cannot be read, or the ledger cannot be written.
    pub fn record_opened(&mut self) -> Result<Opened> {
        let opened = self.opened_before()?;
        self.record(Event::SourceOpened)?;
        Ok(opened)
    }

    /// What can be said of a file that is open already.
    fn opened_before(&self) -> Result<Opened> {
        Ok(match source_side::difference(&self.source, &self.run.seal, self.observer)? {
            None => Opened::Proved,
            Some(_) => Opened::Earlier,
        })
    }

    /// Records that the app was switched back.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn record_switched_back(&mut self, switch: Switch) -> Result<()> {
        self.record(Event::AppSwitchedBack { switch })
    }

    /// Checks that the app's file opens and is sound.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_source(&self) -> Result<()> {
        source_side::check_health(&self.source, self.observer)
    }

    /// Records that the rollback is finished.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn finish(&mut self) -> Result<()> {
        self.record(Event::RollbackFinished)
    }

    fn record(&mut self, event: Event) -> Result<()> {
        // Whatever is in the ledger stays there: an event that cannot follow would be in the way of every later command.
        Progress::of(self.events.iter().map(|recorded| &recorded.event).chain([&event]))
            .context(|| "the event cannot be recorded")?;
        let author = &self.request.author;
        ledger::record_cutover_event(
            &mut self.session,
            self.run.id,
            &event,
            &author.name,
            author.note.as_deref(),
        )?;
        self.read_events()
    }

    fn read_events(&mut self) -> Result<()> {
        self.events = ledger::cutover_events(&mut self.session, self.run.id)?;
        Ok(())
    }
}
