//! The permission to change a checkout: a validated migration whose source is the very database that would be moved.

use app_checkout::{Area, InUse, Plan};
use row_mover::source::seal::Seal;
use row_mover::source::sealed_content::is_sealed_content;
use std::path::PathBuf;

/// What the ledger records of the app's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MigrationProof {
    /// A migration was validated, so that the SQLite file is no longer needed.
    Validated {
        /// The run that was validated.
        run: String,
        /// When its validation ended, for a person.
        finished_at: String,
        /// The target database, without a password.
        target: String,
        /// The copy whose rows were migrated: its source file, and the content of that.
        seal: Box<Seal>,
    },
    /// None was.
    NotValidated {
        /// What is missing in the ledger.
        reason: String,
        /// The next command.
        next: String,
    },
}

/// Why a plan is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The rows have not been shown to be in PostgreSQL.
    NotValidated { reason: String, next: String },
    /// Databases, relative to the checkout, that are not the migrated one, or have changed since.
    NotMigrated { databases: Vec<(PathBuf, NotMigrated)>, migrated: PathBuf },
    /// Databases that an app works with.
    InUse(Vec<InUse>),
    /// The answer to the question was no.
    Declined,
    /// Nobody can answer the question.
    NoTerminal,
}

/// Why a database is not moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotMigrated {
    /// It is the sealed copy.
    SealedCopy,
    /// It is not the database that was migrated.
    Other,
    /// Its content has changed since it was sealed.
    Written,
    /// It could not be compared with the sealed copy.
    Unknown(String),
}

/// Whether a plan may be carried out now.
pub(super) fn check(area: &Area, plan: &Plan, proof: &MigrationProof) -> Result<(), Refusal> {
    let seal = match proof {
        MigrationProof::NotValidated { reason, next } => {
            return Err(Refusal::NotValidated { reason: reason.clone(), next: next.clone() });
        }
        MigrationProof::Validated { seal, .. } => seal,
    };
    // The content of a log is not compared, so that a log is checked first.
    let uses = plan.in_use(area);
    if !uses.is_empty() {
        return Err(Refusal::InUse(uses));
    }
    let wrong = |path: PathBuf| not_migrated(area, &path, seal).map(|why| (path, why));
    let databases: Vec<_> = plan.databases().into_iter().filter_map(wrong).collect();
    if databases.is_empty() {
        return Ok(());
    }
    Err(Refusal::NotMigrated { databases, migrated: seal.source_path.clone() })
}

/// Whether a database is not the file that was sealed, or has other content.
fn not_migrated(area: &Area, path: &std::path::Path, seal: &Seal) -> Option<NotMigrated> {
    let path = area.root().join(path);
    let Ok(real) = path.canonicalize() else { return Some(NotMigrated::Other) };
    if seal.path.canonicalize().is_ok_and(|sealed| sealed == real) {
        return Some(NotMigrated::SealedCopy);
    }
    if seal.source_path.canonicalize().ok() != Some(real) {
        return Some(NotMigrated::Other);
    }
    match is_sealed_content(&path, seal) {
        Ok(true) => None,
        Ok(false) => Some(NotMigrated::Written),
        Err(error) => Some(NotMigrated::Unknown(format!("{:#}", anyhow::Error::new(error)))),
    }
}
