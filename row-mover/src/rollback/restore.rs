//! Puts the sealed copy in the place of the app's file, atomically, and keeps the file that was there.
//!
//! A log that belongs to the old file must never be applied to the restored one: SQLite checks a log by itself, not whether it belongs to
//! the database next to it. So the log is moved with its file, and the app's path is free until the restored file gets it. A crash in
//! between leaves the path free, and the same call continues.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::error::{Context, Error, Result};
use crate::source::file_path::sidecar;
use crate::source::seal::Seal;

/// What SQLite keeps next to a database. The file itself is moved last of all that is moved, so that no opener finds it without its log.
const SIDECARS: [&str; 3] = ["-wal", "-journal", "-shm"];

/// The byte of the header that stays 2 in a file in WAL mode, also where the other one marks it as read-only.
const READ_VERSION_OFFSET: usize = 19;

/// The mode of a restored file where there was none before.
const MODE_OF_NEW: u32 = 0o600;

/// The result of a restore.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Restored {
    /// The app's file.
    pub path: PathBuf,
    /// The name of the file that was there; none where there was none.
    pub kept: Option<PathBuf>,
}

/// Restores the sealed copy to `path`. Repeating it after a crash continues; repeating it when it is done keeps the file that is there
/// once more.
///
/// # Errors
/// When the copy is not what was sealed, or the folder cannot be written. The app's file is as it was then, or kept under its other name.
pub(super) fn restore(seal: &Seal, path: &Path) -> Result<Restored> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed = || format!("{} cannot be restored to {}", seal.path.display(), path.display());
    let partial = sidecar(path, ".restoring");
    let kept = kept_name(path, seal);
    // After a crash the attributes of the app's file are those of the file that is kept.
    let before = [path.to_owned(), kept.clone()].into_iter().find(|path| path.is_file());
    copy(seal, &partial, before.as_deref())?;
    set_aside(path, &kept).context(failed)?;
    fs::rename(&partial, path).context(failed)?;
    sync_folder(path).context(failed)?;
    Ok(Restored { path: path.to_owned(), kept: kept.exists().then_some(kept) })
}

/// The name that the app's file is kept under. After a crash it is the same again; a file that another program has put in the place since
/// gets a name of its own.
fn kept_name(path: &Path, seal: &Seal) -> PathBuf {
    let stamp: String = seal.sealed_at.chars().filter(char::is_ascii_alphanumeric).collect();
    let first = sidecar(path, &format!(".before-rollback-{stamp}"));
    let numbered = (2_u32..).map(|number| sidecar(&first, &format!("-{number}")));
    let is_free = |kept: &PathBuf| !kept.exists() || !path.exists() || is_same_file(path, kept);
    std::iter::once(first.clone()).chain(numbered).find(is_free).unwrap_or(first)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    identity(one).is_some() && identity(one) == identity(other)
}

/// Copies the sealed copy to `partial`, verified while it is read, with owner, mode and journal mode of the app's file.
fn copy(seal: &Seal, partial: &Path, before: Option<&Path>) -> Result<()> {
    let failed = || format!("{} cannot be written", partial.display());
    for suffix in ["", "-wal", "-journal", "-shm"] {
        let _ = fs::remove_file(sidecar(partial, suffix));
    }
    let written = (|| -> std::io::Result<String> {
        let mut from = File::open(&seal.path)?;
        let mut to = OpenOptions::new().write(true).create_new(true).mode(MODE_OF_NEW).open(partial)?;
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
        loop {
            let read = from.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            let piece = buffer.get(..read).unwrap_or_default();
            hasher.update(piece);
            to.write_all(piece)?;
        }
        to.sync_all()?;
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    })();
    let result = written.context(failed).and_then(|sha256| match sha256 == seal.sha256 {
        true => as_before(partial, before),
        false => {
            Err(Error::new(format!("{} is not what was sealed: its SHA-256 differs", seal.path.display())))
        }
    });
    if result.is_err() {
        // A half-written file takes the room that may be what is missing.
        let _ = fs::remove_file(partial);
    }
    result
}

/// Gives the restored file the journal mode, the owner and the mode of the file that was there.
fn as_before(partial: &Path, before: Option<&Path>) -> Result<()> {
    let failed = || format!("{} cannot be given the owner and mode of the app's file", partial.display());
    let Some(before) = before else { return Ok(()) };
    if is_wal(before) {
        let restored = Connection::open(partial).context(failed)?;
        restored.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).context(failed)?;
        restored.close().map_err(|(_, error)| error).context(failed)?;
    }
    let old = fs::metadata(before).context(failed)?;
    let new = fs::metadata(partial).context(failed)?;
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        std::os::unix::fs::chown(partial, Some(old.uid()), Some(old.gid())).context(failed)?;
    }
    fs::set_permissions(partial, fs::Permissions::from_mode(old.mode() & 0o7777)).context(failed)?;
    File::open(partial).and_then(|file| file.sync_all()).context(failed)
}

/// Whether a file is in WAL mode; not where it is too damaged to tell.
fn is_wal(path: &Path) -> bool {
    let mut header = [0; READ_VERSION_OFFSET + 1];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.last() == Some(&2)
}

/// Moves the app's file and its log to the other name.
///
/// Both names lead to the same files for a moment, so that a crash leaves the kept file complete, whatever an app does that finds its
/// path empty.
fn set_aside(path: &Path, kept: &Path) -> std::io::Result<()> {
    let is_first = !kept.exists();
    if path.exists() && is_first {
        for suffix in SIDECARS.into_iter().filter(|suffix| *suffix != "-shm") {
            // A log of an earlier attempt may be older than the file is by now.
            remove_if_there(&sidecar(kept, suffix))?;
            let from = sidecar(path, suffix);
            if from.exists() {
                link(&from, &sidecar(kept, suffix))?;
            }
        }
        // Once the file itself has its other name, everything has.
        link(path, kept)?;
        sync_folder(path)?;
    }
    for suffix in [""].into_iter().chain(SIDECARS) {
        remove_if_there(&sidecar(path, suffix))?;
    }
    sync_folder(path)
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives a file a second name, or a copy of it where the file system has no second names.
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    remove_if_there(to)?;
    fs::hard_link(from, to).or_else(|_| {
        fs::copy(from, to)?;
        File::open(to)?.sync_all()
    })
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal_of(path: &Path) -> Seal {
        let (sha256, bytes) = crate::source::hashing::hash(path, &|| Ok(())).unwrap();
        Seal {
            path: path.to_owned(),
            sha256,
            bytes,
            source_path: path.to_owned(),
            sealed_at: "2026-01-01T00:00:00.000Z".to_owned(),
            source_state: String::new(),
            read_method: None,
        }
    }

    fn values(path: &Path) -> Vec<i64> {
        let connection = Connection::open(path).unwrap();
        let mut statement = connection.prepare("SELECT v FROM t ORDER BY v").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    /// A sealed copy with row 1, and an app's file with row 2 in its log.
    fn files(folder: &Path) -> (Seal, PathBuf, Connection) {
        let (sealed, live) = (folder.join("sealed.db"), folder.join("app.db"));
        Connection::open(&sealed)
            .unwrap()
            .execute_batch("CREATE TABLE t (v); INSERT INTO t VALUES (1)")
            .unwrap();
        let app = Connection::open(&live).unwrap();
        app.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (v); INSERT INTO t VALUES (1); \
             PRAGMA wal_checkpoint; INSERT INTO t VALUES (2)",
        )
        .unwrap();
        (seal_of(&sealed), live, app)
    }

    #[test]
    fn the_log_of_the_old_file_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let (seal, live, app) = files(folder.path());
        fs::set_permissions(&live, fs::Permissions::from_mode(0o640)).unwrap();
        let restored = restore(&seal, &live).unwrap();
        let kept = restored.kept.unwrap();
        assert_eq!(values(&live), [1], "the restored file has no row of the old log");
        assert!(is_wal(&live));
        assert_eq!(fs::metadata(&live).unwrap().mode() & 0o777, 0o640);
        drop(app);
        assert_eq!(values(&kept), [1, 2], "the kept file is complete");
        // Once more: what is there now, which may have been written to since, is kept as well.
        let again = restore(&seal, &live).unwrap().kept.unwrap();
        assert_ne!(again, kept);
        assert_eq!([values(&live), values(&kept), values(&again)], [vec![1], vec![1, 2], vec![1]]);
    }

    #[test]
    fn a_crash_at_any_point_leaves_the_kept_file_complete_and_is_continued() {
        // The states that a crash between two calls of the file system leaves.
        for removed in 0..=3 {
            let folder = tempfile::tempdir().unwrap();
            let (seal, live, app) = files(folder.path());
            let kept = kept_name(&fs::canonicalize(&live).unwrap(), &seal);
            link(&sidecar(&live, "-wal"), &sidecar(&kept, "-wal")).unwrap();
            if removed > 0 {
                link(&live, &kept).unwrap();
            }
            for suffix in ["", "-wal", "-shm"].into_iter().take(removed) {
                fs::remove_file(sidecar(&live, suffix)).unwrap();
            }
            drop(app);
            restore(&seal, &live).unwrap();
            assert_eq!((values(&live), values(&kept)), (vec![1], vec![1, 2]), "{removed} names removed");
        }
    }

    #[test]
    fn a_copy_that_was_changed_is_not_restored() {
        let folder = tempfile::tempdir().unwrap();
        let (seal, live, app) = files(folder.path());
        let damaged = Seal { sha256: "0".repeat(64), ..seal };
        restore(&damaged, &live).unwrap_err();
        drop(app);
        assert_eq!(values(&live), [1, 2]);
        assert!(!sidecar(&live, ".restoring").exists());
    }
}
