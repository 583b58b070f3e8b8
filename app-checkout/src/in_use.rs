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

    /// The signs for the database `a.db` of a folder, of which nothing may change.
    #[track_caller]
    fn signs(folder: &Path) -> Vec<Use> {
        let state = || {
            let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            let modified = |path: &Path| path.metadata().unwrap().modified().unwrap();
            let mut files: Vec<_> =
                paths.map(|path| (fs::read(&path).unwrap(), modified(&path), path)).collect();
            files.sort();
            files
        };
        let before = state();
        let found = in_use(folder, std::iter::once("a.db".into()));
        assert_eq!(state(), before, "the probe changed something");
        found.into_iter().map(|each| each.by).collect()
    }

    #[test]
    fn locks_and_logs_are_seen_and_nothing_is_written() {
        let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = folder.path().join("a.db");
        let app = Connection::open(&path).unwrap();
        app.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t (a)").unwrap();
        assert_eq!(signs(folder.path()), [Use::Log("-wal")]);
        app.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        assert_eq!(signs(folder.path()), [Use::Lock]);
        // As a copy of an open database leaves it: companions, and no connection.
        for suffix in ["", "-wal", "-shm"] {
            fs::copy(suffixed(&path, suffix), suffixed(&copy.path().join("a.db"), suffix)).unwrap();
        }
        assert_eq!(signs(copy.path()), []);
        app.execute_batch("PRAGMA journal_mode=DELETE; BEGIN IMMEDIATE").unwrap();
        assert_eq!(signs(folder.path()), [Use::Lock]);
        app.execute_batch("ROLLBACK").unwrap();
        app.close().unwrap();
        assert_eq!(signs(folder.path()), []);
        fs::write(&path, "no database").unwrap();
        assert_eq!(signs(folder.path()), []);
    }
}
