//! The final sealed copy: verified before anything is changed, and found without the ledger where PostgreSQL is down.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::source::SourceConnection;
use crate::source::integrity_check::{Integrity, integrity_check};
use crate::source::quick_check::quick_check;
use crate::source::seal::{self, Seal};
use postgres_client::watch::check_stop;

/// Verifies a sealed copy: that it is what was sealed, by size and SHA-256, and that SQLite finds it sound. Damage of its indexes alone can be
/// accepted: the rows do not depend on them.
///
/// # Errors
/// When it is gone, was changed, is damaged, or has damaged indexes that are not accepted.
pub(super) fn verify(seal: &Seal, accepts_damage: bool, observer: &dyn Observer) -> Result<Integrity> {
    if !seal.path.is_file() {
        return Err(Error::new(format!("the sealed copy {} is gone", seal.path.display()))
            .with_remedy_value(Remedy::NameCopyOfRollback));
    }
    seal::verify_while(seal, &|| check_stop(observer)).map_err(|error| {
        match crate::error::is_stop(&error) {
            true => error,
            false => Error::new(format!("{} is not the copy that was sealed", seal.path.display()))
                .caused_by(format!("its size or SHA-256 differs; that of the copy is {}", seal.sha256))
                .with_remedy_value(Remedy::NameCopyOfRollback),
        }
    })?;
    let sealed = SourceConnection::open_sealed(&seal.path)?;
    let integrity = integrity_check(&sealed, observer.stop_flag())?;
    let Some(problem) = integrity.problems.first() else { return Ok(integrity) };
    // What this check finds as well is damage of more than the indexes' content, and the restored file would not pass it.
    quick_check(&sealed, &seal.path, observer.stop_flag())?;
    match accepts_damage {
        true => Ok(integrity),
        false => Err(Error::new(format!(
            "the indexes of the sealed copy {} do not agree with its tables",
            seal.path.display()
        ))
        .caused_by(format!("integrity_check: {problem}"))
        .with_remedy_value(Remedy::AcceptDamagedIndexes)),
    }
}

/// The sealed copies of a file in the backup folder, the last one first.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn copies_of(source: &Path, backup_dir: &Path) -> Result<Vec<Seal>> {
    let source = fs::canonicalize(source).unwrap_or_else(|_| source.to_owned());
    let mut copies: Vec<Seal> =
        manifests(backup_dir)?.into_iter().filter(|seal| seal.source_path == source).collect();
    copies.sort_by(|one, other| other.sealed_at.cmp(&one.sealed_at));
    Ok(copies)
}

/// The sealed copy at a path, by the manifest next to it.
///
/// # Errors
/// When there is no manifest.
pub(super) fn beside(path: &Path) -> Result<Seal> {
    let manifest = path.with_file_name("manifest.json");
    let failed = || format!("{} has no manifest next to it", path.display());
    let text = fs::read_to_string(&manifest)
        .context(failed)
        .map_err(|error| error.with_remedy_value(Remedy::NameBackupFolder))?;
    let seal: Seal = serde_json::from_str(&text).context(failed)?;
    Ok(Seal { path: path.to_owned(), ..seal })
}

/// The manifests of a backup folder. A copy that was moved with its folder is where its manifest is.
fn manifests(backup_dir: &Path) -> Result<Vec<Seal>> {
    let failed = || format!("the backup folder {} cannot be read", backup_dir.display());
    let entries = fs::read_dir(backup_dir)
        .context(failed)
        .map_err(|error| error.with_remedy_value(Remedy::NameBackupFolder))?;
    let mut seals = Vec::new();
    for entry in entries {
        let folder = entry.context(failed)?.path();
        // A folder without one holds a copy that was not sealed.
        let Ok(text) = fs::read_to_string(folder.join("manifest.json")) else { continue };
        let Ok(seal) = serde_json::from_str::<Seal>(&text) else { continue };
        seals.push(Seal { path: moved_path(&folder, &seal), ..seal });
    }
    Ok(seals)
}

fn moved_path(folder: &Path, seal: &Seal) -> PathBuf {
    let beside = seal.path.file_name().map(|name| folder.join(name));
    beside.filter(|path| path.exists()).unwrap_or_else(|| seal.path.clone())
}
