//! Opens a SQLite file hardened: read-only, defensive, untrusted schema, no triggers, no views, no extensions, limits set.
//!
//! The user's file is never written and never checkpointed. A sealed copy, to which nobody writes, is opened immutable.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::app_collations;
use super::control::Control;
use super::file_path::{check_length, is_nonempty, open_regular, sidecar, uri};
use super::live_file::{Disturbance, FileState, LiveFile, Unchanged};
use super::schema_limits::{self, Excess};
use super::table_kinds::{TableKind, TableKinds};
use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;
use postgres_client::watch::StopFlag;

/// How long to wait for a lock that the app holds.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);

/// The longest statement of a schema that is read. SQLite itself accepts 1 GB, whose syntax tree would need many times as much memory.
const SQL_LENGTH_MAX_BYTES: i32 = 16 << 20;

/// The longest value that is read: slightly more than PostgreSQL accepts in one field.
const VALUE_LENGTH_MAX_BYTES: i32 = 1 << 30;

/// How much of a sealed copy is mapped into memory at most, in bytes: all of it. SQLite was built to allow this (`.cargo/config.toml`).
const MAPPED_BYTES_MAX: i64 = 1 << 46;

/// SQLite below this can lose committed writes when one connection checkpoints while another writes.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// A hardened connection to a source file.
#[derive(Debug)]
pub struct SourceConnection {
    connection: Connection,
    file: SourceFile,
    /// The live file from outside SQLite. It is opened before the connection and closed after it: closing any descriptor of a
    /// file drops all POSIX locks that the process holds on it (SQLite manual, "How To Corrupt", section 2.2).
    live: Option<LiveFile>,
    control: Control,
    table_kinds: TableKinds,
}

/// A file and how it is opened, for further readers of it.
#[derive(Clone, Debug)]
pub struct SourceFile {
    path: PathBuf,
    real_path: PathBuf,
    access: Access,
}

/// The protection of a file from changes while it is read.
#[derive(Clone, Debug)]
enum Access {
    /// By SQLite's own locks.
    Locked,
    /// By nothing: this account cannot create the shared memory that SQLite's locks on a WAL database need. The file is read as
    /// immutable, and its state is compared with this one afterwards.
    Unlocked(Box<FileState>),
    /// It is a sealed copy in a folder of ours, which nobody writes. It is mapped into memory.
    Sealed,
    /// By agreement: nobody is to write to it, and whether somebody did is checked by other means. It is read as immutable.
    Unwritten,
}

impl SourceConnection {
    /// Opens the user's file, which another process may be writing.
    ///
    /// # Errors
    /// When there is no such file, it is not a SQLite database, or it cannot be read in its current state.
    pub fn open_live(path: &Path) -> Result<SourceConnection> {
        check_is_database(path)?;
        // SQLite follows links and keeps log and journal next to the real file, so they are searched for there.
        let real_path =
            std::fs::canonicalize(path).context(|| format!("{} cannot be read", path.display()))?;
        check_length(&real_path)
            .map_err(|error| error.with_remedy_text("move the file to a folder with a shorter path"))?;
        let live = LiveFile::open(&real_path).context(|| format!("{} cannot be read", path.display()))?;
        let has_journal = is_nonempty(&sidecar(&real_path, "-journal"));
        let open_as = |access| {
            open_and_read(SourceFile { path: path.to_owned(), real_path: real_path.clone(), access })
        };
        let locked = || open_as(Access::Locked);
        let opened = match locked() {
            // Without shared memory SQLite's locks do not work. Where the file is a WAL database without a log, every page is in
            // the file.
            Err(error) if is_cannot_open(&error) => match live.hold_unlocked() {
                Ok(Some(state)) => open_as(Access::Unlocked(Box::new(state))),
                // The process that has just opened it has created the shared memory.
                Ok(None) => locked(),
                Err(_) => Err(error),
            },
            opened => opened,
        };
        match opened {
            Ok(source) => Ok(SourceConnection { live: Some(live), ..source }),
            Err(error) => Err(explain_open(path, &real_path, has_journal, error)),
        }
    }

    /// Opens a sealed copy of ours, which nobody writes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_sealed(path: &Path) -> Result<SourceConnection> {
        SourceConnection::open_immutable(path, Access::Sealed)
    }

    /// Opens a file that is not ours and that nobody is to write, such as a copy that a person names. It is never mapped into memory.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_unwritten(path: &Path) -> Result<SourceConnection> {
        SourceConnection::open_immutable(path, Access::Unwritten)
    }

    fn open_immutable(path: &Path, access: Access) -> Result<SourceConnection> {
        check_is_database(path)?;
        let file = SourceFile { path: path.to_owned(), real_path: path.to_owned(), access };
        open(file).map_err(|error| explain_open(path, path, false, error))
    }

    /// The same; once the flag is set, whatever SQLite is at ends within moments.
    #[must_use]
    pub(crate) fn stopped_by(self, stop: StopFlag) -> SourceConnection {
        self.stop_with(stop);
        self
    }

    /// The same for a connection that somebody else has opened.
    pub(crate) fn stop_with(&self, stop: StopFlag) {
        self.control.stop_with(stop);
    }

    /// Interrupts statements of this connection.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// The connection, for the modules that read.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The kind of a table; none where there is no such table.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn table_kind(&self, table: &str) -> rusqlite::Result<Option<TableKind>> {
        self.table_kinds.of(&self.connection, table)
    }

    /// The file, as it was named.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// The file itself, if the name is a link: log and journal are next to it.
    pub(crate) fn real_path(&self) -> &Path {
        &self.file.real_path
    }

    /// The file, for further readers of it: they may be in other threads.
    pub fn file(&self) -> &SourceFile {
        &self.file
    }

    /// Whether SQLite holds text in UTF-8 in this file, and lends it without a conversion.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn is_utf8(&self) -> Result<bool> {
        let encoding = self.connection.query_row("PRAGMA encoding", [], |row| row.get::<_, String>(0));
        let encoding = encoding.context(|| format!("{} cannot be read", self.path().display()))?;
        Ok(encoding.eq_ignore_ascii_case("UTF-8"))
    }

    /// The folder of a sealed copy of ours, which only this account may read; none for any other file.
    pub(super) fn private_folder(&self) -> Option<&Path> {
        self.file.real_path.parent().filter(|_| matches!(self.file.access, Access::Sealed))
    }

    /// Whether the file is read without SQLite's locks.
    pub(crate) fn is_unlocked(&self) -> bool {
        matches!(self.file.access, Access::Unlocked(_))
    }

    /// The state of the file under the locks of a read transaction that the caller holds; none if it is not read under locks.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn locked_state(&self) -> std::io::Result<Option<FileState>> {
        match (&self.live, &self.file.access) {
            (Some(live), Access::Locked) => {
                let state = live.state()?;
                Ok(Some(if state.is_wal() { state } else { live.settled_state()? }))
            }
            _ => Ok(None),
        }
    }

    /// Returns a change of the file since [`SourceConnection::locked_state`] that the locks should have prevented.
    pub(crate) fn disturbance_since(&self, locked: Option<&FileState>) -> Option<Disturbance> {
        let unchanged =
            |state: &FileState| if state.is_wal() { Unchanged::WalDatabase } else { Unchanged::File };
        let changed = locked
            .zip(self.live.as_ref())
            .and_then(|(state, live)| live.change_since(state, unchanged(state)));
        changed.or_else(|| self.disturbance())
    }

    /// Returns a change of the file since it was opened that its reader cannot have noticed: any write if it is read without locks,
    /// otherwise another file in its place.
    pub(crate) fn disturbance(&self) -> Option<Disturbance> {
        let live = self.live.as_ref()?;
        match &self.file.access {
            Access::Unlocked(before) => live.change_since(before, Unchanged::Everything),
            Access::Locked => live.replaced(),
            Access::Sealed | Access::Unwritten => None,
        }
    }
}

impl SourceFile {
    /// Opens the file once more; whatever ends the statements of the connection that `control` belongs to ends those of this one.
    ///
    /// # Errors
    /// As [`SourceFile::open`].
    pub(crate) fn open_under(&self, control: &Control) -> Result<SourceConnection> {
        let source = SourceConnection { control: control.clone(), ..self.open()? };
        control
            .install_on(source.connection())
            .context(|| format!("{} cannot be opened", self.path.display()))?;
        Ok(source)
    }

    /// Opens the file once more, in the same way.
    ///
    /// Unlike [`SourceConnection::open_live`] it leaves the file itself to SQLite, so that no reader loses its locks.
    ///
    /// # Errors
    /// When the file cannot be read in its current state.
    pub fn open(&self) -> Result<SourceConnection> {
        let has_journal = is_nonempty(&sidecar(&self.real_path, "-journal"));
        open_and_read(self.clone())
            .map_err(|error| explain_open(&self.path, &self.real_path, has_journal, error))
    }
}

/// The error for a file that SQLite calls corrupt: its schema may only exceed a limit, or be one of another SQLite's.
pub(super) fn corrupt(path: &Path, real_path: &Path, error: rusqlite::Error) -> Error {
    match stored_statements(real_path) {
        Ok(Some(excess)) => excess.refusal(&path.display()),
        // The pages of the schema can be read, and a statement in them is none to this SQLite.
        Ok(None) if is_of_schema(real_path) => Error::new(format!(
            "{} has a schema that SQLite {} cannot read",
            path.display(),
            rusqlite::version()
        ))
        .caused_by(error)
        .with_remedy_text(
            "if the app still opens the file, its SQLite knows more than this one: let it drop what is named here in a copy, and \
             migrate the copy; else the file is damaged: restore it from a backup",
        ),
        _ => damaged(path, error.to_string()),
    }
}

/// The limit that the stored statements exceed; an error if they cannot even be read.
fn stored_statements(real_path: &Path) -> rusqlite::Result<Option<Excess>> {
    schema_limits::excess(&lenient(real_path)?)
}

/// Whether it is the schema alone that SQLite does not take.
fn is_of_schema(real_path: &Path) -> bool {
    let checked = lenient(real_path)
        .and_then(|lenient| lenient.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)));
    checked.is_ok_and(|found| found == "ok")
}

/// A connection that accepts a schema that it cannot parse, only for reading the statements.
fn lenient(real_path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(real_path, false), flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_LENGTH_MAX_BYTES)?;
    app_collations::define_when_needed(&connection)?;
    connection.execute_batch("PRAGMA query_only = 1; PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0")?;
    Ok(connection)
}

pub(crate) fn damaged(path: &Path, finds: String) -> Error {
    Error::new(format!("{} is damaged", path.display())).caused_by(finds).with_remedy_text(
        "restore it from a backup, or recover what is left with `sqlite3 FILE .recover`, and migrate that",
    )
}

/// Opens a file and reads its schema once, so that any obstacle to reading it shows at once.
fn open_and_read(file: SourceFile) -> std::result::Result<SourceConnection, rusqlite::Error> {
    let source = open(file)?;
    source.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(source)
}

fn open(file: SourceFile) -> std::result::Result<SourceConnection, rusqlite::Error> {
    let is_immutable = !matches!(file.access, Access::Locked);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(&file.real_path, is_immutable), flags)?;
    for (config, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    ] {
        connection.set_db_config(config, value)?;
    }
    // All other limits are SQLite's own defaults, which files of most apps keep to.
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, VALUE_LENGTH_MAX_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_LENGTH_MAX_BYTES),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    connection.busy_timeout(LOCK_WAIT_MAX)?;
    // A sealed copy is ours and nobody writes to it. Any other file may be truncated while it is read, and reading a mapped page that is
    // no longer there ends the process (SQLite manual, "Memory-Mapped I/O").
    let mapped_bytes = match file.access {
        Access::Sealed => MAPPED_BYTES_MAX,
        Access::Locked | Access::Unlocked(_) | Access::Unwritten => 0,
    };
    connection.execute_batch("PRAGMA query_only = 1; PRAGMA cell_size_check = 1")?;
    connection.pragma_update(None, "mmap_size", mapped_bytes)?;
    app_collations::define_when_needed(&connection)?;
    let control = Control::install(&connection)?;
    Ok(SourceConnection { connection, file, live: None, control, table_kinds: TableKinds::default() })
}

/// Refuses a file that is no SQLite database before SQLite sees it, so that each case has its own message.
fn check_is_database(path: &Path) -> Result<()> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(Error::new(format!(
            "this program is linked with SQLite {}, which can lose writes",
            rusqlite::version()
        ))
        .with_remedy_text("build it with the SQLite that Cargo.lock names"));
    }
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| {
        let error_text = match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no file {shown}"),
            _ => format!("{shown} cannot be read"),
        };
        Error::new(error_text).caused_by(error).with_remedy_value(Remedy::NameSource)
    })?;
    if !metadata.is_file() {
        return Err(Error::new(format!("{shown} is not a regular file"))
            .with_remedy_text("name the SQLite file itself"));
    }
    if metadata.len() == 0 {
        return Err(Error::new(format!("{shown} is empty: 0 bytes, no table"))
            .with_remedy_text("an app creates such a file when its path is wrong; look for the real one"));
    }
    let mut header = [0; 16];
    let read = open_regular(path).and_then(|mut file| file.read_exact(&mut header));
    // The message for a file that is shorter than the header says what is missing.
    if read.as_ref().is_err_and(|error| error.kind() != std::io::ErrorKind::UnexpectedEof) {
        return read.context(|| format!("{shown} cannot be read"));
    }
    if &header != b"SQLite format 3\0" {
        return Err(Error::new(format!(
            "{shown} is not a SQLite database: its first bytes are not SQLite's"
        ))
        .with_remedy_text("if it is encrypted (SQLCipher), decrypt it to a plain file first"));
    }
    Ok(())
}

fn is_cannot_open(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn explain_open(path: &Path, real_path: &Path, has_journal: bool, error: rusqlite::Error) -> Error {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => damaged(path, error.to_string()),
        Some(ErrorCode::DatabaseCorrupt) => corrupt(path, real_path, error),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::new(format!("{shown} is locked by another process")).caused_by(error).with_remedy_text(
                format!(
                    "waited {} seconds; stop what holds an exclusive lock on it and try again",
                    LOCK_WAIT_MAX.as_secs()
                ),
            )
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) if has_journal => Error::new(format!(
            "{shown} was left by a crash: its -journal must be rolled back first"
        ))
        .caused_by(error)
        .with_remedy_text(
            "open it once with the app or with `sqlite3 FILE .tables`, which rolls it back, then try again",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => Error::new(format!(
            "{shown} cannot be opened for reading"
        ))
        .caused_by(error)
        .with_remedy_text(
            "a database in WAL mode needs a folder that this account may write to, for SQLite's -shm file",
        ),
        _ => Error::new(format!("{shown} cannot be opened")).caused_by(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another process may truncate any other file, which would end this one.
    #[test]
    fn only_a_sealed_copy_of_ours_is_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
        let mapped_bytes = |source: Result<SourceConnection>| -> i64 {
            let source = source.unwrap();
            source.connection().query_row("PRAGMA mmap_size", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(mapped_bytes(SourceConnection::open_sealed(&path)), MAPPED_BYTES_MAX);
        assert_eq!(mapped_bytes(SourceConnection::open_unwritten(&path)), 0);
        assert_eq!(mapped_bytes(SourceConnection::open_live(&path)), 0);
    }
}
