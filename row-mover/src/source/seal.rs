//! Seals the source: makes a consistent copy while the app may still write. Nobody writes to the copy afterwards.
//!
//! The copy is made by SQLite's backup API on a connection that already holds a read transaction, so that writers are not
//! stopped and the copy never restarts. Its hash is stored in a form that `sha256sum -c` checks, and it is made read-only.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use serde::{Deserialize, Serialize};

use super::file_path::{check_length, sidecar};
use super::hashing::{Hash, Hashing, hash, hash_and_sync};
use super::live_file::Disturbance;
use super::undisturbed::{Protection, ReadMethod, read_undisturbed};
use super::{SourceConnection, SourceFile, pages};
use crate::error::{Context, Error, Result};
use crate::remedy::{FolderNeed, Remedy};

/// Pages between two checks of the time.
const STEP_PAGES: i32 = 1000;

/// SQLite's page cache while it copies, in KiB.
const CACHE_KIB: i32 = 200;

/// The longest name that a sealed copy keeps. File systems accept 255 bytes, encrypted ones 143.
const NAME_BYTES_MAX: usize = 120;

/// The files that come with a sealed copy.
const MANIFEST_FILE: &str = "manifest.json";
const CHECKSUM_FILE: &str = "SHA256SUMS";

/// If less than this is free, in bytes, lack of space is the likely reason why a copy could not be written.
const LITTLE_ROOM: u64 = 1 << 20;

/// A sealed copy, as its manifest and the ledger record it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The sealed copy.
    pub path: PathBuf,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// The file that it was copied from.
    pub source_path: PathBuf,
    /// When, in RFC 3339.
    pub sealed_at: String,
    /// The state of the source file at that time, to find whether it was written to since.
    pub source_state: String,
    /// How it was read; none where a version made the copy that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_method: Option<ReadMethod>,
}

/// A consistent, readable copy that is not sealed yet. Dropping it removes its files.
#[derive(Debug)]
pub struct Copy {
    files: CopyFiles,
    copied_at: jiff::Timestamp,
    source_path: PathBuf,
    source_state: String,
    read_method: ReadMethod,
    /// Where the hash was begun with the comparison of all pages.
    hashing: Option<Hashing>,
}

/// How a copy is compared with the file that it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verification {
    EveryPage,
    None,
}

/// Where a copy is made. One that is dropped before it is sealed is removed.
#[derive(Debug)]
struct CopyFiles {
    folder: PathBuf,
    name: String,
    partial: PathBuf,
    is_sealed: bool,
    /// The backup folder, where it was not there before.
    made: Option<PathBuf>,
}

/// Copies the live file at `path` into a new folder of its own inside `backup_dir`. `copied` receives the share that is done; an error
/// from it ends the copy.
///
/// # Errors
/// When the folder cannot be written, the source cannot be read, or something wrote to it during every try.
pub fn copy(path: &Path, backup_dir: &Path, copied: &dyn Fn(f64) -> Result<()>) -> Result<Copy> {
    let files = CopyFiles::create(path, backup_dir)?;
    let mut copy_once = |source: &SourceConnection| {
        let copied_at = jiff::Timestamp::now();
        let state = source_state(source.real_path());
        remove_files(&files.partial);
        let hashing = copy_pages(source, &files.partial, Verification::EveryPage, copied)?;
        Ok((copied_at, source.real_path().to_owned(), state, hashing))
    };
    let ((copied_at, source_path, source_state, hashing), read_method) =
        read_undisturbed(path, &mut copy_once).map_err(|error| match free_bytes(&files.folder) {
            Ok(free) if free < LITTLE_ROOM => {
                error.with_remedy_value(Remedy::MakeRoom { folder: backup_dir.to_owned(), free_bytes: free })
            }
            _ => error,
        })?;
    Ok(Copy { files, copied_at, source_path, source_state, read_method, hashing })
}

/// Copies the live file while this process holds a lock on it that excludes every writer, for a freeze. The file is read through SQLite
/// alone: closing a descriptor of ours would drop the lock. Pages are not read twice, since the pause of the app counts; a writer that
/// ignores locks would be noticed by the catch-up before.
///
/// # Errors
/// When the folder cannot be written, or the file cannot be read.
pub(crate) fn copy_locked(
    file: &SourceFile,
    backup_dir: &Path,
    copied: &dyn Fn(f64) -> Result<()>,
) -> Result<Copy> {
    let source = file.open()?;
    let files = CopyFiles::create(source.real_path(), backup_dir)?;
    let copied_at = jiff::Timestamp::now();
    let source_state = source_state(source.real_path());
    copy_pages(&source, &files.partial, Verification::None, copied)?;
    let read_method = ReadMethod { protection: Protection::SqliteLocks, attempts: 1 };
    let source_path = source.real_path().to_owned();
    Ok(Copy { files, copied_at, source_path, source_state, read_method, hashing: None })
}

impl Copy {
    /// The file, which nobody writes any more.
    pub fn path(&self) -> &Path {
        &self.files.partial
    }

    /// Writes it to the disk and hashes it: its SHA-256 in hex, and its size in bytes. `check_stop` ends it with an error.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn hash(&self, check_stop: &dyn Fn() -> Result<()>) -> Result<Hash> {
        let begun = self.hashing.as_ref().and_then(|hashing| hashing.wait(check_stop));
        begun.unwrap_or_else(|| hash_and_sync(self.path(), check_stop))
    }

    /// Seals it with the result of [`Copy::hash`].
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn seal(mut self, (sha256, bytes): Hash) -> Result<Seal> {
        let files = &mut self.files;
        let sealed_path = files.folder.join(&files.name);
        finish(&files.partial, &sealed_path, &files.folder)?;
        // From here on it has its own name, and is taken away by that.
        files.is_sealed = true;
        let seal = Seal {
            path: std::path::absolute(&sealed_path).unwrap_or(sealed_path),
            sha256,
            bytes,
            source_path: self.source_path,
            sealed_at: self.copied_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            source_state: self.source_state,
            read_method: Some(self.read_method),
        };
        write_manifest(&files.folder, &files.name, &seal)?;
        Ok(seal)
    }
}

impl CopyFiles {
    fn create(source: &Path, backup_dir: &Path) -> Result<CopyFiles> {
        let name = sealed_name(source);
        let stem = Path::new(&name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(&name);
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ");
        let folder = backup_dir.join(format!("{stem}-{now}"));
        let partial = sidecar(&folder.join(&name), ".partial");
        check_length(&partial)
            .map_err(|error| error.with_remedy_value(Remedy::OtherBackupFolder(FolderNeed::ShortPath)))?;
        let made = (!backup_dir.exists()).then(|| backup_dir.to_owned());
        create_private_folder(backup_dir, &folder)?;
        Ok(CopyFiles { folder, name, partial, is_sealed: false, made })
    }
}

impl Drop for CopyFiles {
    fn drop(&mut self) {
        if !self.is_sealed {
            remove_files(&self.partial);
            // If even that fails, the folder's name says what it is.
            let _ = fs::remove_dir(&self.folder);
            if let Some(backup_dir) = &self.made {
                // Only where nothing else has come into it.
                let _ = fs::remove_dir(backup_dir);
            }
        }
    }
}

/// Hashes a sealed copy again and compares.
///
/// # Errors
/// When the copy is gone, cannot be read, or is not what was sealed.
pub fn verify(seal: &Seal) -> Result<()> {
    verify_while(seal, &|| Ok(()))
}

/// The same, until an error from `check_stop` ends it: a large copy takes minutes.
///
/// # Errors
/// As above, or that of `check_stop`.
pub(crate) fn verify_while(seal: &Seal, check_stop: &dyn Fn() -> Result<()>) -> Result<()> {
    let shown = seal.path.display();
    if !seal.path.exists() {
        return Err(Error::new(format!("the sealed copy {shown} is gone"))
            .with_remedy_value(Remedy::PutBackOrRestart { must_discard: false }));
    }
    if !seal.path.is_file() {
        return Err(Error::new(format!("the sealed copy {shown} is no regular file"))
            .with_remedy_value(Remedy::PutBackOrRestart { must_discard: true }));
    }
    let (sha256, bytes) = hash(&seal.path, check_stop)?;
    if sha256 == seal.sha256 && bytes == seal.bytes {
        return Ok(());
    }
    Err(Error::new(format!("the sealed copy {shown} is not what was sealed: its SHA-256 differs")).with_remedy_text(
        "it was damaged or changed after the migration began; restore it from a backup of the backup folder",
    ))
}

/// Deletes a sealed copy with its manifest, and its folder where nothing else is in it. A copy that is gone already is no error.
///
/// # Errors
/// When a file cannot be deleted.
pub(crate) fn delete(seal: &Seal) -> Result<()> {
    let Some(folder) = seal.path.parent() else { return Ok(()) };
    // The copy goes first: its manifest says what is left of an interrupted deletion.
    for path in [&seal.path, &folder.join(CHECKSUM_FILE), &folder.join(MANIFEST_FILE)] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error)
                    .context(|| format!("the sealed copy {} cannot be deleted", path.display()));
            }
            _ => {}
        }
    }
    let _ = fs::remove_dir(folder);
    Ok(())
}

/// The current state of a live file: size and time of the database and its log. Writing to the database changes one of them.
pub fn source_state(path: &Path) -> String {
    // SQLite follows links, and keeps the log next to the real file.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let describe = |path: PathBuf| match fs::metadata(&path) {
        Ok(metadata) if metadata.len() > 0 => {
            format!("{}@{}.{:09}", metadata.len(), metadata.mtime(), metadata.mtime_nsec())
        }
        // A log that is empty and one that is not there mean the same.
        _ => "none".to_owned(),
    };
    format!("db {} wal {}", describe(path.to_owned()), describe(sidecar(path, "-wal")))
}

/// The free space where `folder` is or will be, in bytes.
///
/// # Errors
/// When the file system does not report it.
pub fn free_bytes(folder: &Path) -> Result<u64> {
    let absolute = std::path::absolute(folder).context(|| format!("{} is no path", folder.display()))?;
    let existing = absolute.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    let stats = rustix::fs::statvfs(existing)
        .context(|| format!("the free space of {} cannot be read", existing.display()))?;
    Ok(stats.f_bavail.saturating_mul(stats.f_frsize))
}

/// The name of the sealed copy: that of the source without characters that `SHA256SUMS` could not hold, and cut in the middle if it is
/// too long. It leaves room for suffixes: `.partial-journal` here, a time stamp in the names of folders.
fn sealed_name(source: &Path) -> String {
    let name = source.file_name().and_then(|name| name.to_str()).unwrap_or("source.db");
    let name: String =
        name.chars().map(|letter| if letter.is_control() || letter == '\\' { '_' } else { letter }).collect();
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let half = NAME_BYTES_MAX / 2;
    let starts = || name.char_indices().map(|(start, _)| start);
    let end = starts().take_while(|start| *start < half).last().unwrap_or(0);
    let start = starts().find(|start| name.len() - start <= half).unwrap_or(name.len());
    format!("{}~{}", name.get(..end).unwrap_or_default(), name.get(start..).unwrap_or_default())
}

fn create_private_folder(backup_dir: &Path, folder: &Path) -> Result<()> {
    let create = |folder: &Path, is_recursive: bool| {
        fs::DirBuilder::new().mode(0o700).recursive(is_recursive).create(folder).map_err(|error| {
            Error::new(format!("the backup folder {} cannot be made", folder.display()))
                .caused_by(error)
                .with_remedy_value(Remedy::OtherBackupFolder(FolderNeed::Write))
        })
    };
    create(backup_dir, true)?;
    create(folder, false)
}

/// Copies the database into `partial`, a new file that only its owner may read, and then compares every page: a page that differs was
/// written by somebody who uses no locks. Pages that were the same both times are consistent, because all of them held these values at
/// the moment between the two passes. Meanwhile the copy is hashed, if it is compared.
fn copy_pages(
    source: &SourceConnection,
    partial: &Path,
    verification: Verification,
    copied: &dyn Fn(f64) -> Result<()>,
) -> Result<Option<Hashing>> {
    let failed = || format!("{} cannot be copied to {}", source.path().display(), partial.display());
    let disturbed = |disturbance: Disturbance| Err(Error::new(failed()).caused_by(disturbance));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial).context(failed)?;
    let mut target = Connection::open(partial).context(failed)?;
    // [`Copy::hash`] writes it to the disk: before that it is no copy that anybody relies on.
    target.execute_batch("PRAGMA synchronous = OFF").context(failed)?;
    let connection = source.connection();
    // Each page is needed once. A small cache stays in the processor's own.
    for cached in [connection, &target] {
        cached.pragma_update(None, "cache_size", -CACHE_KIB).context(failed)?;
    }
    // A read transaction that is held through all steps keeps one snapshot: without it every write restarts the copy.
    let snapshot = connection.unchecked_transaction().context(failed)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).context(failed)?;
    let before = source.locked_state().context(failed)?;
    back_up(connection, &mut target, &|share| copied(share / 2.0)).map_err(|error| match error {
        BackupError::Ended(error) => error,
        BackupError::Sqlite(error) => Error::new(failed()).caused_by(error),
        BackupError::Unexpected(result) => Error::new(failed()).caused_by(format!("{result:?}")),
    })?;
    // The header of a WAL database's copy says that it has a log; this copy never will.
    let mode: String =
        target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).context(failed)?;
    if mode != "delete" {
        return Err(Error::new(failed()).caused_by(format!("its journal mode stayed {mode}")));
    }
    target.close().map_err(|(_, error)| error).context(failed)?;
    // The comparison does not need the second processor.
    let hashing = (verification == Verification::EveryPage).then(|| Hashing::start(partial)).flatten();
    if verification == Verification::EveryPage
        && let Some(page) = pages::first_difference(connection, partial, &|share| copied(0.5 + share / 2.0))?
    {
        return disturbed(Disturbance::Page(page));
    }
    if let Some(disturbance) = source.disturbance_since(before.as_ref()) {
        return disturbed(disturbance);
    }
    snapshot.finish().context(failed)?;
    Ok(hashing)
}

/// The cause that ended a backup.
enum BackupError {
    /// The callback for its progress.
    Ended(Error),
    Sqlite(rusqlite::Error),
    Unexpected(StepResult),
}

fn back_up(
    source: &Connection,
    target: &mut Connection,
    copied: &dyn Fn(f64) -> Result<()>,
) -> std::result::Result<(), BackupError> {
    let backup = Backup::new(source, target).map_err(BackupError::Sqlite)?;
    loop {
        match backup.step(STEP_PAGES).map_err(BackupError::Sqlite)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {
                let progress = backup.progress();
                let total = f64::from(progress.pagecount.max(1));
                copied(1.0 - f64::from(progress.remaining) / total).map_err(BackupError::Ended)?;
            }
            StepResult::Busy | StepResult::Locked => {
                // The observer may have asked to stop.
                copied(0.0).map_err(BackupError::Ended)?;
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return Err(BackupError::Unexpected(other)),
        }
    }
}

fn finish(partial: &Path, sealed: &Path, folder: &Path) -> Result<()> {
    let failed = || format!("{} cannot be sealed", sealed.display());
    fs::rename(partial, sealed).context(failed)?;
    fs::set_permissions(sealed, fs::Permissions::from_mode(0o400)).context(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).context(failed)
}

/// Writes the manifest, and the hash in the form that `sha256sum -c SHA256SUMS` reads.
fn write_manifest(folder: &Path, name: &str, seal: &Seal) -> Result<()> {
    let manifest =
        serde_json::to_string_pretty(seal).context(|| "the manifest cannot be written".to_owned())?;
    for (file, content) in
        [(MANIFEST_FILE, format!("{manifest}\n")), (CHECKSUM_FILE, format!("{}  {}\n", seal.sha256, name))]
    {
        let path = folder.join(file);
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&path)?;
            file.write_all(content.as_bytes())?;
            file.sync_all()
        };
        write().context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Removes the files of a copy that failed.
fn remove_files(partial: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let _ = fs::remove_file(sidecar(partial, suffix));
    }
}
