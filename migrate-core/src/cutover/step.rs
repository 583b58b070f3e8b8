//! The next step of a cutover and of a rollback. Each step has one effect and is then recorded by one event; a step whose effect is done
//! but not recorded is repeated, or recorded if the file shows that it is done.

use super::SourceState;
use super::event::Fence;
use super::progress::Progress;

/// The next step of a cutover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutoverStep {
    /// Record `CutoverBegun`.
    Begin,
    /// Catch up, freeze the source, complete PostgreSQL (`TargetComplete` in its transaction), and close the source (`SourceClosed`).
    Freeze,
    /// Record `SourceClosed`: the fence is there, and the crash came before its event.
    RecordClosed(Fence),
    /// Switch the app, or a larger share of it, and record `AppSwitched`.
    Switch,
    /// Check the gates and record `CutoverFinished`.
    Finish,
    /// The cutover is finished.
    Done,
}

/// The next step of a rollback. In an emergency the archive comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollbackStep {
    /// Record `SourceClosed`: a cutover ended between the fence and its event.
    RecordClosed(Fence),
    /// Record `RollbackBegun`.
    Begin,
    /// Shut PostgreSQL to the app, and record `TargetClosed`.
    CloseTarget,
    /// Archive what PostgreSQL contains, and record `TargetArchived`.
    Archive,
    /// Take the fence down and prove that the file equals the last copy, or restore that copy; then record `SourceOpened`.
    OpenSource,
    /// Record `SourceOpened`: the fence is gone. Either this rollback took it down, in the transaction that proved the file, or a person
    /// did; the app may have written since, so that a difference from the last copy is reported and never restored over.
    RecordOpened,
    /// Switch the app back, and record `AppSwitchedBack`.
    SwitchBack,
    /// Check the gate and record `RollbackFinished`.
    Finish,
    /// The rollback is finished.
    Done,
}

/// Why there is no next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A cutover is not continued once its rollback has begun, which is not finished.
    RollbackUnderWay,
    /// The cutover was rolled back: PostgreSQL no longer equals a copy, so a new cutover needs a new migration.
    RolledBack,
    /// The source has the fence of another cutover.
    OtherFence,
    /// The ledger has the source as closed by a fence, which is gone or damaged: SQLite may have taken writes.
    FenceLost,
    /// The source cannot be read, which this step needs.
    SourceUnknown,
    /// SQLite is in charge: there is no cutover to roll back.
    NothingToRollBack,
    /// Cleanup has removed what a rollback needs.
    CleanedUp,
}

/// Returns the next step of a cutover.
///
/// # Errors
/// When a cutover may not go on.
pub fn next_cutover_step(progress: &Progress, source: SourceState) -> Result<CutoverStep, Refusal> {
    if let Some(rollback) = progress.rollback() {
        return Err(if rollback.is_finished { Refusal::RolledBack } else { Refusal::RollbackUnderWay });
    }
    if progress.is_finished() {
        return Ok(CutoverStep::Done);
    }
    if source == SourceState::OtherFence {
        return Err(Refusal::OtherFence);
    }
    if progress.is_source_closed() {
        // A file that is out of reach is as it was; one that can be read must still be closed.
        let is_closed = matches!(source, SourceState::Closed(_) | SourceState::Unknown);
        return match progress.share_percent() {
            _ if progress.fence().is_some() && !is_closed => Err(Refusal::FenceLost),
            100 => Ok(CutoverStep::Finish),
            _ => Ok(CutoverStep::Switch),
        };
    }
    match source {
        SourceState::Unknown => Err(Refusal::SourceUnknown),
        SourceState::Damaged => Err(Refusal::FenceLost),
        SourceState::Closed(fence) if progress.complete_sha256().is_some() => {
            Ok(CutoverStep::RecordClosed(fence))
        }
        SourceState::Closed(_) | SourceState::OtherFence => Err(Refusal::OtherFence),
        SourceState::Open if progress.is_begun() => Ok(CutoverStep::Freeze),
        SourceState::Open => Ok(CutoverStep::Begin),
    }
}

/// Returns the next step of a rollback.
///
/// # Errors
/// When there is nothing to roll back, or it is no longer possible.
pub fn next_rollback_step(progress: &Progress, source: SourceState) -> Result<RollbackStep, Refusal> {
    if progress.is_cleaned_up() {
        return Err(Refusal::CleanedUp);
    }
    if !progress.is_source_closed() {
        return match source {
            SourceState::Closed(fence) if progress.complete_sha256().is_some() => {
                Ok(RollbackStep::RecordClosed(fence))
            }
            SourceState::Closed(_) | SourceState::OtherFence => Err(Refusal::OtherFence),
            SourceState::Unknown if progress.is_begun() => Err(Refusal::SourceUnknown),
            SourceState::Damaged => Err(Refusal::FenceLost),
            SourceState::Open | SourceState::Unknown => Err(Refusal::NothingToRollBack),
        };
    }
    let Some(rollback) = progress.rollback() else {
        return match source {
            SourceState::OtherFence => Err(Refusal::OtherFence),
            _ => Ok(RollbackStep::Begin),
        };
    };
    let needs_archive = rollback.archive.is_none();
    if !rollback.is_target_closed {
        return Ok(RollbackStep::CloseTarget);
    }
    if needs_archive && !rollback.is_emergency && !rollback.is_source_opened {
        return Ok(RollbackStep::Archive);
    }
    if !rollback.is_source_opened {
        return match source {
            SourceState::OtherFence => Err(Refusal::OtherFence),
            SourceState::Open if progress.fence().is_some() => Ok(RollbackStep::RecordOpened),
            SourceState::Unknown if progress.fence().is_some() => Err(Refusal::SourceUnknown),
            _ => Ok(RollbackStep::OpenSource),
        };
    }
    Ok(match rollback {
        _ if !rollback.is_app_switched_back => RollbackStep::SwitchBack,
        _ if needs_archive => RollbackStep::Archive,
        _ if !rollback.is_finished => RollbackStep::Finish,
        _ => RollbackStep::Done,
    })
}
