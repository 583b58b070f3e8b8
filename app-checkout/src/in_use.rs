//! Decides whether an app still works with a database: by what SQLite left beside it, and by SQLite's own locks. A connection that
//! holds no lock, as an idle one without a write-ahead log, cannot be seen. Nothing is written.

use crate::database::suffixed;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a database must not be moved now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    /// The database, relative to the checkout.
    pub database: PathBuf,
    /// What shows it.
    pub by: Use,
}

/// A sign that a database is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// Its log or journal, with that suffix, is not empty.
    Log(&'static str),
    /// Another connection has it locked.
    Lock,
}

/// Checks databases; paths relative to `root`.
pub(crate) fn in_use(root: &Path, databases: impl Iterator<Item = PathBuf>) -> Vec<InUse> {
    let sign = |database: PathBuf| {
        let path = root.join(&database);
        // Without its database a log is no sign of a process.
        let size = |path: &Path| path.symlink_metadata().ok().map(|data| data.len());
        size(&path)?;
        let log = ["-wal", "-journal"].into_iter().find(|log| size(&suffixed(&path, log)) > Some(0));
        let by = log.map(Use::Log).or_else(|| is_locked(&path).then_some(Use::Lock))?;
        Some(InUse { database, by })
    };
    databases.filter_map(sign).collect()
}

/// Whether SQLite refuses an exclusive lock, which is released at once. In WAL mode every open connection holds a lock on the file,
/// and the exclusive mode neither creates nor reads the index of the log. A file that is no database counts as not locked.
fn is_locked(path: &Path) -> bool {
    let probe = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::ZERO)?;
        // With this, closing leaves an empty log where it is; without it, the log that SQLite creates is removed again.
        let has_log = suffixed(path, "-wal").exists();
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; ROLLBACK")
    };
    let code = probe().err().and_then(|error| error.sqlite_error_code());
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Every file of a folder with its content and time of change.
    fn state(folder: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let file = |path: PathBuf| {
            let modified = path.metadata().unwrap().modified().unwrap();
            (path.clone(), fs::read(path).unwrap(), modified)
        };
        let mut files: Vec<_> = paths.map(file).collect();
        files.sort();
        files
    }

    #[track_caller]
    fn check(folder: &Path, expected: Option<Use>) {
        let before = state(folder);
        let found = in_use(folder, std::iter::once("a.db".into()));
        assert_eq!(found.into_iter().map(|each| each.by).next(), expected);
        assert_eq!(state(folder), before, "the probe changed something");
    }

    #[test]
    fn locks_and_logs_are_seen_and_nothing_is_written() {
        for mode in ["WAL", "DELETE"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.db");
            let app = Connection::open(&path).unwrap();
            app.execute_batch(&format!("PRAGMA journal_mode={mode}; CREATE TABLE t (a)")).unwrap();
            if mode == "WAL" {
                check(folder.path(), Some(Use::Log("-wal")));
                app.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
                check(folder.path(), Some(Use::Lock));
                // As a copy of an open database leaves it: companions, and no connection.
                for suffix in ["", "-wal", "-shm"] {
                    fs::copy(suffixed(&path, suffix), suffixed(&folder.path().join("b.db"), suffix)).unwrap();
                }
                let before = state(folder.path());
                assert_eq!(in_use(folder.path(), std::iter::once("b.db".into())), []);
                assert_eq!(state(folder.path()), before);
            } else {
                app.execute_batch("BEGIN; SELECT * FROM t").unwrap();
                let mut reading = app.prepare("SELECT * FROM sqlite_schema").unwrap();
                let _rows = reading.query([]).unwrap().next().unwrap().is_some();
                check(folder.path(), Some(Use::Lock));
                drop(reading);
            }
            app.close().unwrap();
            check(folder.path(), None);
            fs::write(&path, "no database").unwrap();
            check(folder.path(), None);
        }
    }
}
