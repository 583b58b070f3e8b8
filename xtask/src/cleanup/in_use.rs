//! Tells whether a process still works with a database, as far as that can be told: by what SQLite left beside it, and on Linux
//! by the descriptors and locks of running processes. What cannot be seen, such as a process in another container, is not denied.

use super::database::COMPANIONS;
use super::text::shown;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a database must not be moved now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InUse {
    /// The file that shows it.
    pub(crate) path: PathBuf,
    /// What was seen, and what to do.
    pub(crate) why: String,
}

/// Looks at databases and their companions; paths relative to `root`.
pub(crate) fn look<'a>(root: &Path, files: impl Iterator<Item = &'a Path>) -> Vec<InUse> {
    let mut found = Vec::new();
    let mut by_identity = BTreeMap::new();
    for path in files {
        let Ok(data) = root.join(path).symlink_metadata() else { continue };
        by_identity.insert(identity(&data), path);
        let main = super::database::main_of(path);
        let log = COMPANIONS.iter().any(|ending| {
            *ending != "-shm" && path.as_os_str().as_encoded_bytes().ends_with(ending.as_bytes())
        });
        // Without its database a log says nothing about a process.
        if let Some(main) = main.filter(|main| log && data.len() > 0 && root.join(main).exists()) {
            let why = format!(
                "is not empty: an app has the database open, or ended without closing it. Stop the app, then run `sqlite3 {} 'PRAGMA wal_checkpoint(TRUNCATE)'`",
                shown(&main)
            );
            found.push(InUse { path: path.to_path_buf(), why });
        }
    }
    found.extend(processes(&by_identity));
    found
}

/// Device and inode.
type Identity = (u64, u64);

fn identity(data: &std::fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    (data.dev(), data.ino())
}

#[cfg(target_os = "linux")]
fn processes(files: &BTreeMap<Identity, &Path>) -> Vec<InUse> {
    let mut holders: BTreeMap<(PathBuf, String), &str> = BTreeMap::new();
    if files.is_empty() {
        return Vec::new();
    }
    for process in entries(Path::new("/proc")) {
        let Some(id) = process
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| name.bytes().all(|each| each.is_ascii_digit()))
        else {
            continue;
        };
        for descriptor in entries(&process.join("fd")) {
            let Ok(data) = std::fs::metadata(&descriptor) else { continue };
            if let Some(path) = files.get(&identity(&data)).filter(|_| writes(&process, &descriptor)) {
                holders.insert((path.to_path_buf(), id.to_owned()), "is open for writing");
            }
        }
    }
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    for (id, inode) in locks.lines().filter_map(lock) {
        if let Some(path) = files.get(&inode) {
            holders.entry((path.to_path_buf(), id.to_owned())).or_insert("is locked");
        }
    }
    let seen = |((path, id), state): ((PathBuf, String), &str)| {
        let name = std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        let name = super::text::printable(name.trim());
        InUse { path, why: format!("{state} in process {id} ({name}). Stop it first") }
    };
    holders.into_iter().map(seen).collect()
}

#[cfg(not(target_os = "linux"))]
fn processes(_: &BTreeMap<Identity, &Path>) -> Vec<InUse> {
    Vec::new()
}

#[cfg(target_os = "linux")]
fn entries(folder: &Path) -> Vec<PathBuf> {
    // Processes of other users, and those that have just ended, are closed to us.
    std::fs::read_dir(folder)
        .map(|all| all.filter_map(|each| Some(each.ok()?.path())).collect())
        .unwrap_or_default()
}

/// Whether a descriptor was opened for writing; the flags are octal.
#[cfg(target_os = "linux")]
fn writes(process: &Path, descriptor: &Path) -> bool {
    let info = process.join("fdinfo").join(descriptor.file_name().unwrap_or_default());
    let info = std::fs::read_to_string(info).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).map(str::trim);
    flags.and_then(|flags| u32::from_str_radix(flags, 8).ok()).is_some_and(|flags| flags & 3 != 0)
}

/// Process and file of a line such as `1: POSIX  ADVISORY  WRITE 1234 fd:01:5678 0 EOF`.
#[cfg(target_os = "linux")]
fn lock(line: &str) -> Option<(&str, Identity)> {
    let mut fields = line.split_whitespace().skip(4);
    let id = fields.next()?;
    let mut file = fields.next()?.split(':');
    let major = u64::from_str_radix(file.next()?, 16).ok()?;
    let minor = u64::from_str_radix(file.next()?, 16).ok()?;
    let device = (major & 0xfff) << 8 | (major & !0xfff) << 32 | (minor & 0xff) | (minor & !0xff) << 12;
    Some((id, (device, file.next()?.parse().ok()?)))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn open_databases_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let database = rusqlite::Connection::open(&path).unwrap();
        database
            .execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
            .unwrap();
        let names = ["a.db", "a.db-wal", "a.db-shm"].map(Path::new);
        let seen = look(folder.path(), names.into_iter());
        assert!(
            seen.iter().any(|each| each.path == Path::new("a.db-wal") && each.why.contains("is not empty")),
            "{seen:?}"
        );
        let own = format!("in process {}", std::process::id());
        assert!(
            seen.iter().any(|each| each.path == Path::new("a.db") && each.why.contains(&own)),
            "{seen:?}"
        );
        database.close().unwrap();
        assert_eq!(look(folder.path(), names.into_iter()), []);
    }

    #[test]
    fn reading_alone_is_no_use() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.db"), "x").unwrap();
        let _reader = std::fs::File::open(folder.path().join("a.db")).unwrap();
        assert_eq!(look(folder.path(), [Path::new("a.db")].into_iter()), []);
    }

    #[test]
    fn lines_of_locks() {
        assert_eq!(lock("1: POSIX  ADVISORY  WRITE 1234 fd:01:5678 0 EOF"), Some(("1234", (0xfd01, 5678))));
        for line in [
            "",
            "1: POSIX",
            "1: FLOCK  ADVISORY  WRITE 1 zz:00:1 0 EOF",
            "1: POSIX ADVISORY WRITE 12 <none>:0 0",
        ] {
            assert_eq!(lock(line), None, "{line}");
        }
    }
}
