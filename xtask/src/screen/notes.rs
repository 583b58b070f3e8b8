//! The sentences for what a migration reports between its phases.

use postgres_client::retry::in_one_line;
use row_mover::observer::Note;

use crate::report::counted;

/// Describes a note.
pub(super) fn sentence(note: &Note<'_>) -> String {
    match note {
        Note::Resuming { run, phase } => format!("run {run} was interrupted; resuming at {phase}"),
        Note::SourceChangedSince { sealed_at } => {
            format!("the source was written to since; what moves was sealed at {sealed_at}")
        }
        Note::Dropping { run, target } => format!("dropping what run {run} made in {target}"),
        Note::LockSessionLost { fault } => {
            format!("{}; trying again with another session that holds the lock", in_one_line(fault))
        }
        Note::FewerConnections { fault } => {
            format!("{}; continuing with fewer connections", in_one_line(fault))
        }
        Note::BaselineWritten { baseline } => format!(
            "{} lists {} as applied now",
            baseline.name(),
            counted(baseline.rows.len() as u64, "migration")
        ),
        Note::HandedOver { role, objects: 1 } => format!("the created object belongs to {role} now"),
        Note::HandedOver { role, objects } => format!("the {objects} created objects belong to {role} now"),
        Note::Standby => "the server is a standby: what it holds was migrated into its primary".to_owned(),
        Note::WaitingForIntegrityCheck => {
            "waiting for integrity_check, which still reads the sealed copy".to_owned()
        }
    }
}
