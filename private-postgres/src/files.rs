//! Small file operations that must be right: private files, atomic replacement, locks, deletion of our own folders only.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags};

use crate::account::is_root;
use crate::error::{Error, at};

/// Creates a folder and its parents with exactly this mode, whatever the umask is; one that exists keeps its own.
pub(crate) fn create_folder(path: &Path, mode: u32) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_folder(parent, 0o755)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {
            fs::set_permissions(path, Permissions::from_mode(mode)).map_err(at("set the mode of", path))?;
            follow_parent(path)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(source) => Err(Error::Io { action: "create", path: path.to_path_buf(), source }),
    }
}

/// Writes a file atomically: a reader sees the old text or the new one. `mode` is exact.
pub(crate) fn replace(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(at("create a file in", folder))?;
    file.write_all(text.as_bytes()).map_err(at("write", path))?;
    file.as_file().set_permissions(Permissions::from_mode(mode)).map_err(at("set the mode of", path))?;
    follow_parent(file.path())?;
    file.as_file().sync_all().map_err(at("write", path))?;
    file.persist(path).map_err(|error| Error::Io {
        action: "write",
        path: path.to_path_buf(),
        source: error.error,
    })?;
    Ok(())
}

/// Opens a file of the caller's for appending, creating it with mode 0600.
pub(crate) fn open_private(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new()
        .append(true)
        .read(true)
        .create(true)
        .mode(0o600)
        // Root must not be led to another file by a link in a folder that is not its own.
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(at("open", path))?;
    follow_parent(path)?;
    Ok(file)
}

/// If root works in another user's checkout, files that it creates there belong to that user, who could otherwise not use the cluster
/// again without root.
fn follow_parent(path: &Path) -> Result<(), Error> {
    if !is_root() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("."));
    let owner = fs::metadata(parent).map_err(at("read", parent))?;
    // The owner of a shared folder such as /tmp does not determine who should own its content.
    if owner.uid() == 0 || owner.mode() & 0o1000 != 0 {
        return Ok(());
    }
    let own = fs::symlink_metadata(path).map_err(at("read", path))?;
    if (own.uid(), own.gid()) == (owner.uid(), owner.gid()) {
        return Ok(());
    }
    chown(path, Some(owner.uid()), Some(owner.gid())).map_err(at("change the owner of", path))
}

/// Waits for the lock on a file, which is created where it is missing; the lock ends when the returned file is dropped.
///
/// A previous holder of the lock (a removal) may have deleted the file: then the lock is on a file that nobody else will find, and is
/// acquired again.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    loop {
        let file = open_private(path)?;
        rustix::io::retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::LockExclusive))
            .map_err(io::Error::from)
            .map_err(at("lock", path))?;
        let held = file.metadata().map_err(at("read", path))?;
        if fs::metadata(path).is_ok_and(|there| same_file(&there, &held)) {
            return Ok(file);
        }
    }
}

/// Acquires the lock on an open file if nobody holds it.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether two descriptions are of one file or folder.
pub(crate) fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Deletes a file or a folder with all its content; a missing one counts as deleted. Never follows a link.
pub(crate) fn delete(path: &Path) -> Result<(), Error> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::Io { action: "delete", path: path.to_path_buf(), source: error })
        }
        _ => Ok(()),
    }
}

/// Deletes the entries of a folder whose names start with one of `prefixes`: partial results of a killed process.
pub(crate) fn delete_leftovers(folder: &Path, prefixes: &[&str]) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(at("read", folder))? {
        let entry = entry.map_err(at("read", folder))?;
        let name = entry.file_name();
        if prefixes.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            delete(&entry.path())?;
        }
    }
    Ok(())
}

/// Deletes a folder that carries a marker file, the marker last, so that a deletion that was cut short can be resumed. A
/// folder without the marker is kept, unless it is empty.
pub(crate) fn delete_marked(folder: &Path, marker: &str) -> Result<(), Error> {
    if folder.join(marker).is_file() {
        for entry in fs::read_dir(folder).map_err(at("read", folder))? {
            let entry = entry.map_err(at("read", folder))?;
            if entry.file_name() != marker {
                delete(&entry.path())?;
            }
        }
        delete(&folder.join(marker))?;
    }
    fs::remove_dir(folder).map_err(at("delete", folder))
}
