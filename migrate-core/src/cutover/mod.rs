//! Which database is in charge, as a pure function of the events in the ledger: cutover, rollback and cleanup.
//!
//! This module does not read the ledger or the source; it only decides, so that tests can try every crash at every step.

mod event;
mod progress;
mod step;
#[cfg(test)]
mod tests;

pub use event::{Archive, Event, Fence, Switch};
pub use progress::{Illegal, Progress, Rollback};
pub use step::{CutoverStep, Refusal, RollbackStep, next_cutover_step, next_rollback_step};

/// The database that takes the app's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// SQLite takes writes, PostgreSQL only catch-ups.
    Sqlite,
    /// Neither takes writes: a cutover or a rollback is between its steps.
    Neither,
    /// PostgreSQL takes writes, SQLite is closed.
    Postgres,
}

/// What the SQLite file shows of a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceState {
    /// There is no fence.
    Open,
    /// The fence of this migration's last cutover.
    Closed(Fence),
    /// Parts of that fence: a program has changed the schema since.
    Damaged,
    /// The fence of another cutover.
    OtherFence,
    /// The file cannot be read from here.
    Unknown,
}

/// Returns which database is in charge. A fence that the ledger does not record yet, or one that is gone although the ledger still has it,
/// counts as it is in the file.
pub fn charge(progress: &Progress, source: SourceState) -> Charge {
    let is_fenced = progress.fence().is_some();
    match progress.rollback() {
        Some(rollback) if rollback.is_source_opened => Charge::Sqlite,
        // The fence is taken down after PostgreSQL is closed.
        Some(rollback) if rollback.is_target_closed && is_fenced && source == SourceState::Open => {
            Charge::Sqlite
        }
        Some(rollback) if rollback.is_target_closed => Charge::Neither,
        _ if progress.share_percent() > 0 => Charge::Postgres,
        _ if progress.is_source_closed() => Charge::Neither,
        _ if matches!(source, SourceState::Closed(_) | SourceState::Damaged) => Charge::Neither,
        _ => Charge::Sqlite,
    }
}
