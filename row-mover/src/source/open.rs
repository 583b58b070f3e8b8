//! Opens a SQLite file hardened: read-only, defensive, its schema untrusted, no triggers, no views, no extensions, limits set.
//!
//! The user's file is never written and never checkpointed. A sealed copy, which nobody writes, is opened immutable.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema_limits::{self, Excess};
use crate::error::{Context, Error, Result};

/// How long to wait for a lock that the app holds.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);

/// The longest statement of a schema that is read. SQLite itself takes 1 GB, whose syntax tree would take many times as much memory.
const SQL_LENGTH_MAX_BYTES: i32 = 16 << 20;

/// The longest value that is read: what PostgreSQL takes in one field, and a little.
const VALUE_LENGTH_MAX_BYTES: i32 = 1 << 30;

/// SQLite below this can lose committed writes when one connection checkpoints while another writes.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// A hardened connection to a source file.
#[derive(Debug)]
pub struct SourceConnection {
    connection: Connection,
    path: PathBuf,
    real_path: PathBuf,
    is_immutable: bool,
}

impl SourceConnection {
    /// Opens the user's file, which another process may be writing.
    ///
    /// # Errors
    /// When there is no such file, it is no SQLite database, or it cannot be read as it stands.
    pub fn open_live(path: &Path) -> Result<SourceConnection> {
        check_is_database(path)?;
        SourceConnection::open_another(path)
    }

    /// Opens the user's file once more, for a second reader beside the first.
    ///
    /// Unlike [`SourceConnection::open_live`] it leaves the file itself to SQLite: a process that closes any descriptor of a
    /// file loses all its POSIX locks on it, those of its other readers too (SQLite manual, "How To Corrupt", section 2.2).
    ///
    /// # Errors
    /// When the file cannot be read as it stands.
    pub fn open_another(path: &Path) -> Result<SourceConnection> {
        // SQLite follows links and keeps log and journal beside the real file, so that is where to look for them.
        let real_path =
            std::fs::canonicalize(path).context(|| format!("{} cannot be read", path.display()))?;
        let has_sidecar = ["-wal", "-journal"].iter().any(|suffix| sidecar(&real_path, suffix).exists());
        let has_journal = is_nonempty(&sidecar(&real_path, "-journal"));
        match open(path, &real_path, false).and_then(|source| source.touch().map(|()| source)) {
            Ok(source) => Ok(source),
            // Where neither log nor journal is there and the folder is closed to us, no page can be anywhere but in the file.
            Err(error) if !has_sidecar && is_cannot_open(&error) => {
                open(path, &real_path, true).and_then(|source| {
                    source.touch()?;
                    Ok(source)
                })
            }
            Err(error) => Err(error),
        }
        .map_err(|error| explain_open(path, &real_path, has_journal, error))
    }

    /// Opens a sealed copy, which nobody writes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_sealed(path: &Path) -> Result<SourceConnection> {
        check_is_database(path)?;
        open(path, path, true).map_err(|error| explain_open(path, path, false, error))
    }

    /// The connection, for the modules that read.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The file, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file itself, where the name is a link: log and journal lie beside it.
    pub fn real_path(&self) -> &Path {
        &self.real_path
    }

    /// Makes sure that what was read was all there was: a file that is read without locks must not have been written.
    ///
    /// # Errors
    /// When a log or journal has come since the file was opened.
    pub fn check_undisturbed(&self) -> Result<()> {
        let has_come = |suffix: &&str| sidecar(&self.real_path, suffix).exists();
        if self.is_immutable && ["-wal", "-journal"].iter().any(has_come) {
            return Err(Error::new(format!("{} was opened by another process while it was read", self.path.display()))
                .next("its folder is closed to this account, so that no lock could be taken: run as the account that owns it, or stop the app"));
        }
        Ok(())
    }

    /// Reads the schema once, so that whatever keeps the file from being read shows at once.
    fn touch(&self) -> std::result::Result<(), rusqlite::Error> {
        self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
    }
}

/// The path with `suffix` behind its file name, as SQLite names its log and journal.
pub(crate) fn sidecar(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
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
        .because(error)
        .next(
            "if the app still opens the file, its SQLite knows more than this one: let it drop what is named here in a copy, and \
             migrate the copy; else the file is damaged: restore it from a backup",
        ),
        _ => damaged(path, error.to_string()),
    }
}

/// What the stored statements exceed; an error where they cannot even be read.
fn stored_statements(real_path: &Path) -> rusqlite::Result<Option<Excess>> {
    schema_limits::excess(&lenient(real_path)?)
}

/// Whether it is the schema alone that SQLite does not take.
fn is_of_schema(real_path: &Path) -> bool {
    let checked = lenient(real_path)
        .and_then(|lenient| lenient.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)));
    checked.is_ok_and(|found| found == "ok")
}

/// A connection that takes a schema that it cannot parse, for reading the statements and nothing else.
fn lenient(real_path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(real_path, false), flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_LENGTH_MAX_BYTES)?;
    connection.execute_batch("PRAGMA query_only = 1; PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0")?;
    Ok(connection)
}

pub(crate) fn damaged(path: &Path, finds: String) -> Error {
    Error::new(format!("{} is damaged", path.display())).because(finds).next(
        "restore it from a backup, or recover what is left with `sqlite3 FILE .recover`, and migrate that",
    )
}

fn open(
    path: &Path,
    real_path: &Path,
    is_immutable: bool,
) -> std::result::Result<SourceConnection, rusqlite::Error> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(real_path, is_immutable), flags)?;
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
    connection.execute_batch("PRAGMA query_only = 1; PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0")?;
    Ok(SourceConnection { connection, path: path.to_owned(), real_path: real_path.to_owned(), is_immutable })
}

/// The path as a `file:` URI, in which SQLite reads `%`, `?` and `#` as its own (SQLite manual, "URI Filenames").
fn uri(path: &Path, is_immutable: bool) -> PathBuf {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut uri = b"file:".to_vec();
    for &byte in absolute.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            _ => uri.push(byte),
        }
    }
    uri.extend_from_slice(if is_immutable { b"?mode=ro&immutable=1" } else { b"?mode=ro" });
    PathBuf::from(std::ffi::OsString::from_vec(uri))
}

/// Refuses what is no SQLite database before SQLite sees it, so that each case has its own words.
fn check_is_database(path: &Path) -> Result<()> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(Error::new(format!(
            "this program is linked with SQLite {}, which can lose writes",
            rusqlite::version()
        ))
        .next("build it with the SQLite that Cargo.lock names"));
    }
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| {
        let error_text = match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no file {shown}"),
            _ => format!("{shown} cannot be read"),
        };
        Error::new(error_text)
            .because(error)
            .next("name the SQLite file with --sqlite or DATABASE_PATH; for a first look try `cargo xtask migrate --sample`")
    })?;
    if !metadata.is_file() {
        return Err(Error::new(format!("{shown} is no file")).next("name the SQLite file itself"));
    }
    if metadata.len() == 0 {
        return Err(Error::new(format!("{shown} is empty: 0 bytes, no table"))
            .next("an app creates such a file when its path is wrong; look for the real one"));
    }
    let mut header = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    // A file that is shorter than the header is told by what it lacks.
    if read.as_ref().is_err_and(|error| error.kind() != std::io::ErrorKind::UnexpectedEof) {
        return read.context(|| format!("{shown} cannot be read"));
    }
    if &header != b"SQLite format 3\0" {
        return Err(Error::new(format!("{shown} is no SQLite database: its first bytes are not SQLite's"))
            .next("if it is encrypted (SQLCipher), decrypt it to a plain file first"));
    }
    Ok(())
}

pub(crate) fn is_nonempty(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
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
            Error::new(format!("{shown} is locked by another process")).because(error).next(format!(
                "waited {} seconds; stop what holds an exclusive lock on it and try again",
                LOCK_WAIT_MAX.as_secs()
            ))
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) if has_journal => Error::new(format!(
            "{shown} was left by a crash: its -journal must be rolled back first"
        ))
        .because(error)
        .next(
            "open it once with the app or with `sqlite3 FILE .tables`, which rolls it back, then try again",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => Error::new(format!(
            "{shown} cannot be opened for reading"
        ))
        .because(error)
        .next("a database in WAL mode needs a folder that this account may write to, for SQLite's -shm file"),
        _ => Error::new(format!("{shown} cannot be opened")).because(error),
    }
}
