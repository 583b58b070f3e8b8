//! Tells SQLite's files from others by what they begin with, whatever their names, and groups a database with its companions.

use super::finding::{Finding, Hit, Kind};
use super::git::{self, Tracked};
use super::{names, text};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How every SQLite database begins.
pub(super) const DATABASE_START: &[u8] = b"SQLite format 3\0";
/// How a write-ahead log begins, in either byte order of its checksums, and a rollback journal.
const COMPANION_STARTS: [&[u8]; 3] =
    [&[0x37, 0x7f, 0x06, 0x82], &[0x37, 0x7f, 0x06, 0x83], &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]];
/// What the names of companions end in.
pub(crate) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];
/// How many bytes of a file tell what it is.
pub(crate) const START_BYTES: usize = 16;
/// How many files that are gone from the work tree are looked up in git's index; each costs a process.
const LOOKUPS_MAX: usize = 200;

/// The beginning of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// At most `START_BYTES` bytes.
    pub(crate) bytes: Vec<u8>,
    /// The whole file's size in bytes.
    pub(crate) size: u64,
}

/// The database that a companion belongs to.
pub(crate) fn main_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.as_encoded_bytes();
    let stem = COMPANIONS.iter().find_map(|ending| name.strip_suffix(ending.as_bytes()))?;
    (!stem.is_empty()).then(|| path.with_file_name(os_string(stem)))
}

/// A path with something after its last byte.
pub(crate) fn suffixed(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn os_string(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes).to_owned()
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What a file is of SQLite's.
enum Nature {
    Database,
    EmptyDatabase,
    /// It has the name and not the content.
    Opaque,
    Companion,
}

fn nature(path: &Path, start: &Start, files: &BTreeMap<PathBuf, Start>) -> Option<Nature> {
    let name = file_name(path);
    if start.bytes.starts_with(DATABASE_START) {
        return Some(Nature::Database);
    }
    if let Some(main) = main_of(path) {
        let known = files.get(&main).map(|start| start.bytes.starts_with(DATABASE_START) || start.size == 0);
        let begins = COMPANION_STARTS.iter().any(|each| start.bytes.starts_with(each));
        let ours = begins || known.unwrap_or_else(|| names::file_name(&file_name(&main)));
        return ours.then_some(Nature::Companion);
    }
    let only_sqlite = names::certain_file_name(&name);
    let has_log = COMPANIONS.iter().any(|ending| files.contains_key(&suffixed(path, ending)));
    match start.size {
        0 if only_sqlite || (has_log && names::file_name(&name)) => Some(Nature::EmptyDatabase),
        0 => None,
        _ if only_sqlite && !name.to_ascii_lowercase().ends_with(".db") => Some(Nature::Opaque),
        _ => None,
    }
}

/// The database files among all files of a checkout.
pub(crate) fn in_work_tree(files: &BTreeMap<PathBuf, Start>, tracked: &Tracked) -> Vec<Finding> {
    let finding = |(path, start): (&PathBuf, &Start)| {
        let nature = nature(path, start, files)?;
        let in_git = tracked.contains(path);
        let what = match nature {
            Nature::Database => "SQLite database",
            Nature::EmptyDatabase => "empty SQLite database",
            Nature::Opaque => "has the name of a SQLite database and another content: encrypted or damaged",
            Nature::Companion => "companion of a SQLite database",
        };
        let what = if in_git { format!("{what}, tracked by git") } else { what.to_owned() };
        let hit = match nature {
            Nature::Opaque => {
                Hit::new(1, Kind::Database, what, "look at it, and move it out of the checkout by hand")
            }
            _ if in_git => {
                let remedy = format!(
                    "move it into the backup folder, then `git rm --cached -- {}`",
                    text::shown(path)
                );
                Hit::new(1, Kind::Database, what, remedy).mechanical()
            }
            _ => Hit::new(1, Kind::Database, what, "move it into the backup folder").mechanical(),
        };
        Some(Finding { path: path.clone(), hit })
    };
    files.iter().filter_map(finding).collect()
}

/// The database files that git still has and the work tree does not.
pub(crate) fn only_in_git(root: &Path, tracked: &Tracked, covers: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let named =
        |path: &&Path| names::file_name(&file_name(&main_of(path).unwrap_or_else(|| path.to_path_buf())));
    let gone = |path: &&Path| {
        root.join(path).symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    let candidates: Vec<&Path> =
        tracked.files().filter(named).filter(|path| covers(path)).filter(gone).collect();
    let sqlite = |(index, path): (usize, &&Path)| {
        main_of(path).is_some()
            || index >= LOOKUPS_MAX
            || git::indexed_start(root, path, START_BYTES as u64)
                .is_none_or(|start| start.starts_with(DATABASE_START))
    };
    let ours = candidates.iter().enumerate().filter(|each| sqlite(*each)).map(|(_, path)| *path);
    let finding = |path: &Path| {
        let remedy = format!("`git rm --cached -- {}`", text::shown(path));
        let what = "SQLite database file, gone from the work tree and still tracked by git";
        Finding { path: path.to_path_buf(), hit: Hit::new(1, Kind::Database, what, remedy) }
    };
    ours.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_then_the_name() {
        let database = DATABASE_START;
        let log: &[u8] = &[0x37, 0x7f, 0x06, 0x82, 0, 0];
        for (files, wanted) in [
            (vec![("a.db", database, 9)], vec!["SQLite database"]),
            (vec![("backup.bin", database, 9)], vec!["SQLite database"]),
            (vec![("thumbs.db", &b"other"[..], 5)], vec![]),
            (vec![("empty.db", b"", 0)], vec![]),
            (vec![("hyperpage.db", b"", 0)], vec!["empty SQLite database"]),
            (
                vec![("x.sqlite3", b"\x8f\x11", 2)],
                vec!["has the name of a SQLite database and another content: encrypted or damaged"],
            ),
            (
                vec![("a.db", database, 9), ("a.db-shm", b"\0", 1)],
                vec!["SQLite database", "companion of a SQLite database"],
            ),
            (vec![("a.db", b"text", 4), ("a.db-shm", b"\0", 1)], vec![]),
            (vec![("gone.db-wal", b"", 0)], vec!["companion of a SQLite database"]),
            (vec![("data-wal", log, 6)], vec!["companion of a SQLite database"]),
            (vec![("my-journal", b"Dear diary", 10)], vec![]),
        ] {
            let files: BTreeMap<PathBuf, Start> = files
                .into_iter()
                .map(|(name, bytes, size)| (name.into(), Start { bytes: bytes.to_vec(), size }))
                .collect();
            let found: Vec<_> =
                in_work_tree(&files, &Tracked::NoCheckout).into_iter().map(|each| each.hit.what).collect();
            assert_eq!(found, wanted, "{files:?}");
        }
    }
}
