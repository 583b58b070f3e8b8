//! The permission to change a checkout: a cutover that has lasted, whose source is the very database that would be moved, and a repository
//! that can take commits.

use super::{CleanupArgs, MigrationProof};
use app_checkout::{Area, InUse, Obstacle, Plan, Repository};
use row_mover::fence::is_sealed_behind_fence;
use row_mover::source::seal::Seal;
use row_mover::source::sealed_content::is_sealed_content;
use std::path::PathBuf;

/// Why a plan is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// PostgreSQL is not in charge.
    NotReady { reason: String, next: String },
    /// The cutover is too recent; what is missing in seconds.
    TooEarly { cutover_at: String, left_seconds: u64 },
    /// The changes cannot be committed.
    Repository(Obstacle),
    /// Git cannot be asked.
    Git(String),
    /// Databases, relative to the checkout, that are not the migrated one, or have changed since.
    NotMigrated { databases: Vec<(PathBuf, NotMigrated)>, migrated: PathBuf },
    /// Databases that an app works with.
    InUse(Vec<InUse>),
    /// The last copy, which has not been checked, is gone.
    CopyGone(PathBuf),
    /// The indexes of the last copy do not agree with its tables.
    DamagedIndexes {
        /// The copy.
        copy: PathBuf,
        /// The first problem, in SQLite's words.
        problem: String,
    },
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
pub(super) fn check(
    area: &Area,
    plan: &Plan,
    repository: Option<&Repository>,
    args: &CleanupArgs,
    proof: &MigrationProof,
) -> Result<(), Refusal> {
    let seal = match proof {
        MigrationProof::NotReady { reason, next } => {
            return Err(Refusal::NotReady { reason: reason.clone(), next: next.clone() });
        }
        MigrationProof::Ready { cutover_at, age_seconds, seal, .. } => {
            let left_seconds = args.soak.as_secs().saturating_sub(*age_seconds);
            if let Ok(left_seconds @ 1..) = u64::try_from(left_seconds) {
                return Err(Refusal::TooEarly { cutover_at: cutover_at.clone(), left_seconds });
            }
            seal
        }
    };
    if let Some(repository) = repository {
        match repository.obstacle(&args.branch, plan.paths()) {
            Ok(None) => {}
            Ok(Some(obstacle)) => return Err(Refusal::Repository(obstacle)),
            Err(error) => return Err(Refusal::Git(format!("{error:#}"))),
        }
    }
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
    let is_sealed = |is_same: bool| if is_same { Ok(true) } else { is_sealed_behind_fence(&path, seal) };
    match is_sealed_content(&path, seal).and_then(is_sealed) {
        Ok(true) => None,
        Ok(false) => Some(NotMigrated::Written),
        Err(error) => Some(NotMigrated::Unknown(format!("{:#}", anyhow::Error::new(error)))),
    }
}
