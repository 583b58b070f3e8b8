//! Why a rollback is refused, in words, and what to do instead.

use ::report::figures::{count, counted};
use migrate_core::cutover::{Event, Refusal};
use row_mover::Error;
use row_mover::rollback::{Loss, Rollback};

use crate::display::printable;

/// The error for a state in which there is no next step.
pub(super) fn of(rollback: &Rollback<'_>, refused: Refusal) -> anyhow::Error {
    let source = rollback.source().display();
    let run = rollback.run().id;
    let error = |what: String, next: &str| Error::new(what).with_remedy_text(next);
    let refused = match refused {
        Refusal::NothingToRollBack => error(
            format!("there is nothing to roll back: run {run} was not cut over, and SQLite is in charge"),
            "see `cargo xtask guide` for the stage that comes next",
        ),
        Refusal::CleanedUp => {
            let archive = rollback.events().iter().rev().find_map(|recorded| match &recorded.event {
                Event::CleanupFinished { archive, .. } => Some(format!(": {}", archive.display())),
                _ => None,
            });
            error(
                format!("run {run} can no longer be rolled back: cleanup has removed SQLite from the app"),
                "go forward in PostgreSQL; the final copy of the SQLite file is in the archive that cleanup wrote",
            )
            .caused_by(format!("the final copy is archived{}", printable(&archive.unwrap_or_default())))
        }
        Refusal::OtherFence => error(
            format!("{source} was closed by the cutover of another migration than run {run}"),
            "name the file of this migration with --sqlite, or its database with --postgres",
        ),
        Refusal::FenceLost => error(
            format!("the fence of {source} is damaged, and no cutover is recorded"),
            "run `cargo xtask cutover` again: it puts the fence up or says what is wrong",
        ),
        Refusal::SourceUnknown => error(
            format!("{source} cannot be read"),
            "name the file with --sqlite, or add --restore-copy, which puts the sealed copy there",
        ),
        Refusal::RolledBack | Refusal::RollbackUnderWay => done(run),
    };
    refused.into()
}

/// The error where the rollback is done already.
pub(super) fn done(run: i64) -> Error {
    Error::new(format!("run {run} is rolled back already, and SQLite is in charge"))
        .with_remedy_text("to try again, begin with `cargo xtask migrate`")
}

/// The error where the loss is not the accepted one.
pub(super) fn not_accepted(loss: &Loss, accepted: Option<u64>) -> anyhow::Error {
    let rows = loss.rows();
    let written = counted(rows, "changed row");
    let what = match accepted {
        None => format!("{written} in PostgreSQL would not be in SQLite, and nobody has accepted that"),
        Some(accepted) => {
            format!("{written} in PostgreSQL would not be in SQLite, and {} accepted", is_accepted(accepted))
        }
    };
    let next = match rows {
        0 => "omit --accept-loss: nothing is lost".to_owned(),
        _ => format!(
            "give them up with --accept-loss {rows}; --export FILE writes them down. Nothing was changed, and PostgreSQL is open to the app"
        ),
    };
    Error::new(what).with_remedy_text(next).into()
}

fn is_accepted(rows: u64) -> String {
    format!("{} {}", count(rows), if rows == 1 { "is" } else { "are" })
}
