//! Distinguishes SQLite's files from others by their first bytes, whatever their names, and groups a database with its companions.

use crate::finding::{DatabaseState, Fact, Finding, Kind};
use crate::names;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The start of every SQLite database.
pub(crate) const DATABASE_START: &[u8] = b"SQLite format 3\0";
/// The start of a write-ahead log, in either byte order of its checksums, and of a rollback journal.
const COMPANION_STARTS: [&[u8]; 3] =
    [&[0x37, 0x7f, 0x06, 0x82], &[0x37, 0x7f, 0x06, 0x83], &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]];
/// The suffixes of companions.
pub(crate) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The start of a file, and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// As many bytes as `DATABASE_START` has, or fewer.
    pub(crate) bytes: Vec<u8>,
    /// The size of the file in bytes.
    pub(crate) size: u64,
}

/// The database that a companion belongs to.
pub(crate) fn main_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.as_bytes();
    let stem = COMPANIONS.iter().find_map(|suffix| name.strip_suffix(suffix.as_bytes()))?;
    (!stem.is_empty()).then(|| path.with_file_name(OsStr::from_bytes(stem)))
}

/// A path with a suffix after its last byte.
pub(crate) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The name of a file.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn state(path: &Path, start: &Start, files: &BTreeMap<PathBuf, Start>) -> Option<DatabaseState> {
    let name = file_name(path);
    if start.bytes.starts_with(DATABASE_START) {
        return Some(DatabaseState::Database);
    }
    if let Some(main) = main_of(path) {
        let known = files.get(&main).map(|start| start.bytes.starts_with(DATABASE_START) || start.size == 0);
        let is_log = COMPANION_STARTS.iter().any(|each| start.bytes.starts_with(each));
        let is_companion = is_log || known.unwrap_or_else(|| names::is_file_name(&file_name(&main)));
        return is_companion.then_some(DatabaseState::Companion);
    }
    let is_certain = names::is_certain_file_name(&name);
    let has_log = COMPANIONS.iter().any(|suffix| files.contains_key(&suffixed(path, suffix)));
    match start.size {
        0 if is_certain || (has_log && names::is_file_name(&name)) => Some(DatabaseState::Empty),
        0 => None,
        _ if is_certain && !name.to_ascii_lowercase().ends_with(".db") => Some(DatabaseState::Opaque),
        _ => None,
    }
}

fn finding(path: &Path, fact: Fact, is_mechanical: bool) -> Finding {
    Finding { path: path.to_owned(), line: 1, kind: Kind::Database, fact, is_mechanical }
}

/// The database files among all files of a checkout.
pub(crate) fn in_work_tree(files: &BTreeMap<PathBuf, Start>, tracked: &BTreeSet<PathBuf>) -> Vec<Finding> {
    let found = |(path, start): (&PathBuf, &Start)| {
        let state = state(path, start, files)?;
        let is_mechanical = state != DatabaseState::Opaque;
        Some(finding(path, Fact::Database(state, tracked.contains(path)), is_mechanical))
    };
    files.iter().filter_map(found).collect()
}

/// The files with the name of a database that git tracks and the work tree no longer has.
pub(crate) fn only_in_git<'a>(root: &Path, tracked: impl Iterator<Item = &'a PathBuf>) -> Vec<Finding> {
    let has_name = |path: &&PathBuf| {
        names::is_file_name(&file_name(&main_of(path).unwrap_or_else(|| path.to_path_buf())))
    };
    let is_gone = |path: &&PathBuf| {
        root.join(path).symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    tracked.filter(has_name).filter(is_gone).map(|path| finding(path, Fact::OnlyInGit, false)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_then_the_name() {
        use DatabaseState::{Companion, Database, Empty, Opaque};
        let (database, log): (_, &[u8]) = (DATABASE_START, &[0x37, 0x7f, 0x06, 0x82, 0, 0]);
        for (files, states) in [
            (vec![("a.db", database)], vec![Database]),
            (vec![("backup.bin", database)], vec![Database]),
            (vec![("thumbs.db", &b"other"[..])], vec![]),
            (vec![("empty.db", b"")], vec![]),
            (vec![("hyperpage.db", b"")], vec![Empty]),
            (vec![("x.sqlite3", b"\x8f\x11")], vec![Opaque]),
            (vec![("a.db", database), ("a.db-shm", b"\0")], vec![Database, Companion]),
            (vec![("a.db", b"text"), ("a.db-shm", b"\0")], vec![]),
            (vec![("gone.db-wal", b"")], vec![Companion]),
            (vec![("data-wal", log)], vec![Companion]),
            (vec![("my-journal", b"Dear diary")], vec![]),
        ] {
            let start = |bytes: &[u8]| Start { bytes: bytes.to_vec(), size: bytes.len() as u64 };
            let files = files.into_iter().map(|(name, bytes)| (name.into(), start(bytes))).collect();
            let found: Vec<_> =
                in_work_tree(&files, &BTreeSet::new()).into_iter().map(|each| each.fact).collect();
            let expected: Vec<_> = states.into_iter().map(|state| Fact::Database(state, false)).collect();
            assert_eq!(found, expected, "{files:?}");
        }
    }
}
