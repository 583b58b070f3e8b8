//! How far a cutover and a rollback are, folded from the events. What comes next is decided in `step`.

use std::fmt;

use super::event::{Archive, Event, Fence};

/// What the events of a run amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    is_begun: bool,
    complete_sha256: Option<String>,
    /// The fence with which the source was closed; the inner one is none where the app was stopped.
    closed: Option<Option<Fence>>,
    share_percent: u8,
    is_finished: bool,
    rollback: Option<Rollback>,
    is_cleaned_up: bool,
}

/// How far a rollback is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rollback {
    /// Whether the app comes before everything else.
    pub is_emergency: bool,
    /// The writes to PostgreSQL since the cutover that are given up.
    pub accepted_loss: u64,
    /// Whether PostgreSQL takes no more writes of the app.
    pub is_target_closed: bool,
    /// Where the contents of PostgreSQL are kept, once they are.
    pub archive: Option<Archive>,
    /// Whether SQLite takes writes again.
    pub is_source_opened: bool,
    /// Whether the app was switched back.
    pub is_app_switched_back: bool,
    /// Whether the gate holds and the rollback is done.
    pub is_finished: bool,
}

/// An event that cannot follow those before it: another program has written to the ledger, or two commands ran at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Illegal {
    /// The position of the event, from 0.
    pub index: usize,
    /// The event.
    pub event: Event,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} ({}) cannot follow the events before it", self.index + 1, self.event.name())
    }
}

impl std::error::Error for Illegal {}

impl Event {
    /// The name, as the ledger has it.
    pub fn name(&self) -> &'static str {
        match self {
            Event::CutoverBegun => "cutover_begun",
            Event::TargetComplete { .. } => "target_complete",
            Event::SourceClosed { .. } => "source_closed",
            Event::AppSwitched { .. } => "app_switched",
            Event::CutoverFinished => "cutover_finished",
            Event::RollbackBegun { .. } => "rollback_begun",
            Event::TargetClosed => "target_closed",
            Event::TargetArchived { .. } => "target_archived",
            Event::SourceOpened => "source_opened",
            Event::AppSwitchedBack { .. } => "app_switched_back",
            Event::RollbackFinished => "rollback_finished",
            Event::CleanupFinished { .. } => "cleanup_finished",
        }
    }
}

impl Progress {
    /// Folds the events of a run.
    ///
    /// # Errors
    /// When an event cannot follow those before it.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Progress, Illegal> {
        let mut progress = Progress::default();
        for (index, event) in events.into_iter().enumerate() {
            if !progress.apply(event) {
                return Err(Illegal { index, event: event.clone() });
            }
        }
        Ok(progress)
    }

    /// Applies an event if it may follow, and returns whether it may.
    fn apply(&mut self, event: &Event) -> bool {
        if self.is_cleaned_up {
            return false;
        }
        match event {
            Event::RollbackBegun { is_emergency, accepted_loss } => {
                let may_begin = self.closed.is_some() && self.rollback.is_none();
                if may_begin {
                    self.rollback = Some(Rollback {
                        is_emergency: *is_emergency,
                        accepted_loss: *accepted_loss,
                        ..Rollback::default()
                    });
                }
                may_begin
            }
            _ => match &mut self.rollback {
                Some(rollback) => rollback.apply(event),
                None => self.apply_forward(event),
            },
        }
    }

    /// The same for the events of a cutover and a cleanup.
    fn apply_forward(&mut self, event: &Event) -> bool {
        let is_open = self.closed.is_none();
        match event {
            Event::CutoverBegun => !self.is_begun && set(&mut self.is_begun),
            // Once more after each freeze that ended before the fence.
            Event::TargetComplete { sha256 } => {
                self.complete_sha256 = Some(sha256.clone());
                self.is_begun && is_open
            }
            Event::SourceClosed { fence, .. } => {
                self.closed = Some(*fence);
                self.complete_sha256.is_some() && is_open
            }
            Event::AppSwitched { share_percent, .. } => {
                let may_follow = !is_open && !self.is_finished && (1..=100).contains(share_percent);
                self.share_percent = *share_percent;
                may_follow
            }
            Event::CutoverFinished => {
                self.share_percent == 100 && !self.is_finished && set(&mut self.is_finished)
            }
            Event::CleanupFinished { .. } => self.is_finished && set(&mut self.is_cleaned_up),
            _ => false,
        }
    }

    /// Whether a cutover has begun.
    pub fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// The SHA-256 of the sealed copy that PostgreSQL was last complete with in a freeze, in hex. It identifies the fence.
    pub fn complete_sha256(&self) -> Option<&str> {
        self.complete_sha256.as_deref()
    }

    /// Whether the ledger has the source as closed, also where a rollback has opened it since.
    pub fn is_source_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// The fence with which the ledger has the source as closed; none where it is not closed, or the app was stopped.
    pub fn fence(&self) -> Option<Fence> {
        self.closed.flatten()
    }

    /// The share of requests that reach PostgreSQL, in percent; 0 before the first switch.
    pub fn share_percent(&self) -> u8 {
        self.share_percent
    }

    /// Whether the cutover is finished.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// The rollback, if one has begun.
    pub fn rollback(&self) -> Option<&Rollback> {
        self.rollback.as_ref()
    }

    /// Whether cleanup is done, so that a rollback is no longer possible.
    pub fn is_cleaned_up(&self) -> bool {
        self.is_cleaned_up
    }

    /// Whether changes of the source may be applied to PostgreSQL: not once the source is closed, and not after a rollback, when
    /// PostgreSQL no longer equals a sealed copy.
    pub fn allows_catch_up(&self) -> bool {
        self.closed.is_none()
    }

    /// Whether the target may be dropped and loaded again: not while it is, or may become, the only place of the app's writes.
    pub fn allows_restart(&self) -> bool {
        match &self.rollback {
            Some(rollback) => rollback.is_source_opened && rollback.archive.is_some(),
            None => self.closed.is_none(),
        }
    }
}

impl Rollback {
    /// Applies an event if it may follow, and returns whether it may.
    fn apply(&mut self, event: &Event) -> bool {
        let may_follow = match event {
            Event::TargetClosed => !self.is_target_closed,
            Event::TargetArchived { .. } => {
                self.archive.is_none()
                    && if self.is_emergency { self.is_app_switched_back } else { self.is_target_closed }
            }
            Event::SourceOpened => {
                !self.is_source_opened
                    && self.is_target_closed
                    && (self.is_emergency || self.archive.is_some())
            }
            Event::AppSwitchedBack { .. } => self.is_source_opened && !self.is_app_switched_back,
            Event::RollbackFinished => {
                self.is_app_switched_back && self.archive.is_some() && !self.is_finished
            }
            _ => false,
        };
        match event {
            _ if !may_follow => {}
            Event::TargetClosed => self.is_target_closed = true,
            Event::TargetArchived { archive } => self.archive = Some(archive.clone()),
            Event::SourceOpened => self.is_source_opened = true,
            Event::AppSwitchedBack { .. } => self.is_app_switched_back = true,
            _ => self.is_finished = true,
        }
        may_follow
    }
}

fn set(flag: &mut bool) -> bool {
    *flag = true;
    true
}
