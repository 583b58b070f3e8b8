//! An emergency without PostgreSQL: opens SQLite for writing again, without a ledger to ask or to write to.
//!
//! The final copy is found by the fence in the file, which has its hash, or else as the last one in the backup folder. What was done is
//! noted next to the copy; once PostgreSQL answers, the usual rollback records it and does the rest.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use migrate_core::cutover::SourceState;
use serde::{Deserialize, Serialize};

use super::{Author, Opened, sealed, source_side};
use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::source::integrity_check::Integrity;
use crate::source::seal::Seal;

/// The file next to a sealed copy that notes when SQLite was opened again without the ledger.
const NOTE_NAME: &str = "opened.json";

/// The parameters of an emergency without PostgreSQL.
pub struct OfflineRequest {
    /// The app's SQLite file.
    pub sqlite: PathBuf,
    /// Where sealed copies are.
    pub backup_dir: PathBuf,
    /// The final copy, where it is elsewhere; its manifest is next to it.
    pub sealed_copy: Option<PathBuf>,
    /// Whether the copy replaces the app's file, whatever that contains.
    pub restore_copy: bool,
    /// Whether damaged indexes of the copy are accepted.
    pub accept_damaged_indexes: bool,
    /// Whether nothing is changed.
    pub dry_run: bool,
    /// Who runs it.
    pub author: Author,
}

/// The result of an emergency without PostgreSQL.
#[derive(Clone, Debug, Serialize)]
pub struct Reopened {
    /// The final copy.
    pub copy: Seal,
    /// What `integrity_check` found in it.
    pub integrity: Integrity,
    /// How SQLite was opened; none for a rehearsal.
    pub opened: Option<Opened>,
}

/// The note next to a sealed copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenedNote {
    /// When, in RFC 3339.
    at: String,
    /// By whom.
    by: String,
    /// What the person noted.
    note: Option<String>,
}

/// Opens the source for writing again. Repeating it changes nothing.
///
/// # Errors
/// When the copy is not found or not what was sealed, or the file differs from it and is not to be replaced.
pub fn open_source_offline(request: &OfflineRequest, observer: &dyn Observer) -> Result<Reopened> {
    let copy = match &request.sealed_copy {
        Some(path) => sealed::beside(path)?,
        None => find_copy(request)?,
    };
    let is_fenced = source_side::has_fence_of(&request.sqlite, &copy)?;
    if !is_fenced
        && !request.restore_copy
        && source_side::state(&request.sqlite, None)? == SourceState::OtherFence
    {
        return Err(Error::new(format!(
            "the fence of {} is that of another copy than {}",
            request.sqlite.display(),
            copy.path.display()
        ))
        .with_remedy_value(Remedy::NameBackupFolder));
    }
    let integrity = sealed::verify(&copy, request.accept_damaged_indexes, observer)?;
    if request.dry_run {
        return Ok(Reopened { copy, integrity, opened: None });
    }
    let opened = match note(&copy)? {
        // The app may have written since.
        Some(_) if !is_fenced && !request.restore_copy => Opened::Earlier,
        _ => source_side::open(&request.sqlite, &copy, request.restore_copy, observer)?,
    };
    source_side::check_health(&request.sqlite, observer)?;
    write_note(&copy, &request.author)?;
    Ok(Reopened { copy, integrity, opened: Some(opened) })
}

/// The copy whose fence the file has; the last one of the file where it has none.
fn find_copy(request: &OfflineRequest) -> Result<Seal> {
    let copies = sealed::copies_of(&request.sqlite, &request.backup_dir)?;
    for copy in &copies {
        if source_side::has_fence_of(&request.sqlite, copy)? {
            return Ok(copy.clone());
        }
    }
    copies.into_iter().next().ok_or_else(|| {
        let (folder, file) = (request.backup_dir.display(), request.sqlite.display());
        Error::new(format!("{folder} holds no sealed copy of {file}"))
            .with_remedy_value(Remedy::NameBackupFolder)
    })
}

/// The note next to a copy; none where SQLite was not opened without the ledger.
pub(super) fn note(copy: &Seal) -> Result<Option<OpenedNote>> {
    let path = note_path(copy);
    if !path.exists() {
        return Ok(None);
    }
    let failed = || format!("{} cannot be read", path.display());
    let text = std::fs::read_to_string(&path).context(failed)?;
    serde_json::from_str(&text).context(failed).map(Some)
}

fn write_note(copy: &Seal, author: &Author) -> Result<()> {
    let path = note_path(copy);
    let note = OpenedNote {
        at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        by: author.name.clone(),
        note: author.note.clone(),
    };
    let failed = || format!("{} cannot be written", path.display());
    let text = serde_json::to_string(&note).context(failed)?;
    let partial = path.with_extension("partial");
    let write = || -> std::io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&partial, &path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().context(failed)
}

fn note_path(copy: &Seal) -> PathBuf {
    copy.path.with_file_name(NOTE_NAME)
}
