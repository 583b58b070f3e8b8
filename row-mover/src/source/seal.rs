//! Seals the source: a consistent copy, taken while the app may still write, that nobody writes afterwards.
//!
//! The copy is made by SQLite's backup API on a connection that already holds a read transaction, so that writers are not
//! stopped and the copy never restarts. It is hashed in a way that `sha256sum -c` checks, and made read-only.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::SourceConnection;
use super::open::sidecar;
use crate::error::{Context, Error, Result};

/// How many pages are copied between two looks at the time.
const STEP_PAGES: i32 = 1000;

/// Where less than this is free, in bytes, the want of room explains why a copy could not be written.
const LITTLE_ROOM: u64 = 1 << 20;

/// What a sealed copy is, as its manifest and the ledger record it.
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
    /// What the source file looked like then, to tell whether it was written to since.
    pub source_state: String,
}

/// A consistent copy that is not sealed yet: it can be read and looked at. One that is dropped leaves nothing behind.
#[derive(Debug)]
pub struct Copy {
    folder: PathBuf,
    name: String,
    partial: PathBuf,
    source_path: PathBuf,
    copied_at: jiff::Timestamp,
    source_state: String,
    is_sealed: bool,
    /// The backup folder, where it was not there before.
    made: Option<PathBuf>,
}

/// Copies `source` into a new folder of its own inside `backup_dir`; `copied` hears the share that is done, and ends it with an error.
///
/// # Errors
/// When the folder cannot be written, or the source cannot be read.
pub fn copy(
    source: &SourceConnection,
    backup_dir: &Path,
    copied: &dyn Fn(f64) -> Result<()>,
) -> Result<Copy> {
    let copied_at = jiff::Timestamp::now();
    let name = sealed_name(source.path());
    let stem = Path::new(&name).file_stem().unwrap_or(std::ffi::OsStr::new(&name));
    let folder = backup_dir.join(format!("{}-{}", stem.display(), copied_at.strftime("%Y%m%dT%H%M%S%3fZ")));
    let made = (!backup_dir.exists()).then(|| backup_dir.to_owned());
    create_private_folder(backup_dir, &folder)?;
    let copy = Copy {
        partial: sidecar(&folder.join(&name), ".partial"),
        folder,
        name,
        source_path: source.real_path().to_owned(),
        copied_at,
        source_state: source_state(source.real_path()),
        is_sealed: false,
        made,
    };
    copy_pages(source, &copy.partial, copied).map_err(|error| match free_bytes(&copy.folder) {
        Ok(free) if free < LITTLE_ROOM => error.next(format!(
            "{} has {free} bytes free: make room there, or name another folder with --backup-dir",
            backup_dir.display()
        )),
        _ => error,
    })?;
    Ok(copy)
}

impl Copy {
    /// The file, which nobody writes any more.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Writes it to the disk and hashes it: its SHA-256 in hex, and its size in bytes. `go_on` ends it with an error.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn hash(&self, go_on: &dyn Fn() -> Result<()>) -> Result<(String, u64)> {
        File::open(&self.partial)
            .and_then(|file| file.sync_all())
            .context(|| format!("{} cannot be written to the disk", self.partial.display()))?;
        hash(&self.partial, go_on)
    }

    /// Seals it under what [`Copy::hash`] gave.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn seal(mut self, (sha256, bytes): (String, u64)) -> Result<Seal> {
        let sealed_path = self.folder.join(&self.name);
        finish(&self.partial, &sealed_path, &self.folder)?;
        // From here on it has its own name, and is taken away by that.
        self.is_sealed = true;
        let seal = Seal {
            path: std::path::absolute(&sealed_path).unwrap_or(sealed_path),
            sha256,
            bytes,
            source_path: self.source_path.clone(),
            sealed_at: self.copied_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            source_state: self.source_state.clone(),
        };
        write_manifest(&self.folder, std::ffi::OsStr::new(&self.name), &seal)?;
        Ok(seal)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if !self.is_sealed {
            remove_partial(&self.partial, &self.folder);
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

/// The same, until `go_on` ends it with an error: a large copy takes minutes.
///
/// # Errors
/// As above, or that of `go_on`.
pub(crate) fn verify_while(seal: &Seal, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
    let shown = seal.path.display();
    if !seal.path.exists() {
        return Err(Error::new(format!("the sealed copy {shown} is gone"))
            .next("put it back where it was, or start over with --restart, which takes a new one"));
    }
    let (sha256, bytes) = hash(&seal.path, go_on)?;
    if sha256 == seal.sha256 && bytes == seal.bytes {
        return Ok(());
    }
    Err(Error::new(format!("the sealed copy {shown} is not what was sealed: its SHA-256 differs")).next(
        "it was damaged or changed after the migration began; restore it from a backup of the backup folder",
    ))
}

/// What a live file looks like now: size and time of the database and its log. Writing to the database changes one of them.
pub fn source_state(path: &Path) -> String {
    // SQLite follows links, and keeps the log beside the real file.
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
/// When it cannot be told.
pub fn free_bytes(folder: &Path) -> Result<u64> {
    let absolute = std::path::absolute(folder).context(|| format!("{} is no path", folder.display()))?;
    let existing = absolute.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    let stats = rustix::fs::statvfs(existing)
        .context(|| format!("no free space is told for {}", existing.display()))?;
    Ok(stats.f_bavail.saturating_mul(stats.f_frsize))
}

/// The name of the sealed copy: that of the source, but for what `SHA256SUMS` could not hold.
fn sealed_name(source: &Path) -> String {
    let name = source.file_name().and_then(|name| name.to_str()).unwrap_or("source.db");
    name.chars().map(|letter| if letter.is_control() || letter == '\\' { '_' } else { letter }).collect()
}

fn create_private_folder(backup_dir: &Path, folder: &Path) -> Result<()> {
    let create = |folder: &Path, is_recursive: bool| {
        fs::DirBuilder::new().mode(0o700).recursive(is_recursive).create(folder).map_err(|error| {
            Error::new(format!("the backup folder {} cannot be made", folder.display()))
                .because(error)
                .next("name a folder that this account may write to with --backup-dir")
        })
    };
    create(backup_dir, true)?;
    create(folder, false)
}

/// Copies the database into `partial`, a new file that only its owner may read.
fn copy_pages(source: &SourceConnection, partial: &Path, copied: &dyn Fn(f64) -> Result<()>) -> Result<()> {
    let failed = || format!("{} cannot be copied to {}", source.path().display(), partial.display());
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial).context(failed)?;
    let mut target = Connection::open(partial).context(failed)?;
    let connection = source.connection();
    // A read transaction that is held through all steps keeps one snapshot: without it every write restarts the copy.
    let snapshot = connection.unchecked_transaction().context(failed)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).context(failed)?;
    {
        let backup = Backup::new(connection, &mut target).context(failed)?;
        loop {
            match backup.step(STEP_PAGES).context(failed)? {
                StepResult::Done => break,
                StepResult::More => {
                    let progress = backup.progress();
                    let total = f64::from(progress.pagecount.max(1));
                    copied(1.0 - f64::from(progress.remaining) / total)?;
                }
                StepResult::Busy | StepResult::Locked => std::thread::sleep(Duration::from_millis(10)),
                other => return Err(Error::new(failed()).because(format!("{other:?}"))),
            }
        }
    }
    drop(snapshot);
    source.check_undisturbed()?;
    // The copy of a WAL database says in its header that it has a log; this one never will.
    let mode: String =
        target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).context(failed)?;
    if mode != "delete" {
        return Err(Error::new(failed()).because(format!("its journal mode stayed {mode}")));
    }
    target.close().map_err(|(_, error)| error).context(failed)
}

fn finish(partial: &Path, sealed: &Path, folder: &Path) -> Result<()> {
    let failed = || format!("{} cannot be sealed", sealed.display());
    fs::rename(partial, sealed).context(failed)?;
    fs::set_permissions(sealed, fs::Permissions::from_mode(0o400)).context(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).context(failed)
}

/// SHA-256 and size of a file.
fn hash(path: &Path, go_on: &dyn Fn() -> Result<()>) -> Result<(String, u64)> {
    let failed = || format!("{} cannot be read", path.display());
    let mut file = File::open(path).context(failed)?;
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        go_on()?;
        let read = file.read(&mut buffer).context(failed)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok((hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), bytes))
}

/// Writes the manifest, and the hash in the form that `sha256sum -c SHA256SUMS` reads.
fn write_manifest(folder: &Path, name: &std::ffi::OsStr, seal: &Seal) -> Result<()> {
    let manifest =
        serde_json::to_string_pretty(seal).context(|| "the manifest cannot be written".to_owned())?;
    for (file, content) in [
        ("manifest.json", format!("{manifest}\n")),
        ("SHA256SUMS", format!("{}  {}\n", seal.sha256, name.display())),
    ] {
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

/// Leaves nothing behind of a copy that failed. Where even that fails, the folder's name says what it is.
fn remove_partial(partial: &Path, folder: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let _ = fs::remove_file(sidecar(partial, suffix));
    }
    let _ = fs::remove_dir(folder);
}
