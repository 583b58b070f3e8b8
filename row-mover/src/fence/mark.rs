//! The read-only mark: a write version in the file's header that SQLite does not know, so that every connection only reads.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ffi};

use crate::error::{Context, Error, Result};

/// The position of the write version in the header; the read version follows it.
const WRITE_VERSION_OFFSET: usize = 18;

/// The mark: SQLite writes files of version 1 and, with a log, 2.
const MARK: u8 = 3;

/// How long to wait for readers that keep the log from being written back.
const READERS_WAIT_MAX: Duration = Duration::from_secs(10);

const READERS_WAIT: Duration = Duration::from_millis(20);

/// Whether the file has the mark, in a transaction of its own or the caller's.
pub(super) fn is_set(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(first_page(connection)?.get(WRITE_VERSION_OFFSET).is_some_and(|version| *version >= MARK))
}

/// Sets the mark, in the transaction of the caller.
pub(super) fn set(connection: &Connection) -> rusqlite::Result<()> {
    let mut page = first_page(connection)?;
    if let Some(version) = page.get_mut(WRITE_VERSION_OFFSET) {
        *version = MARK;
    }
    connection.execute("UPDATE sqlite_dbpage SET data = ?1 WHERE pgno = 1", [page])?;
    Ok(())
}

/// Removes the mark. SQLite itself no longer writes to the file, so its log is written back first, and then the byte is written beneath
/// SQLite.
pub(super) fn remove(connection: &Connection) -> Result<()> {
    let failed = || "the read-only mark cannot be removed";
    // Without a read, the checkpoint would do nothing.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).context(failed)?;
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).context(failed)?;
    if mode == "wal" {
        write_back(connection)?;
    }
    connection.execute_batch("BEGIN").context(failed)?;
    let page = first_page(connection).context(failed)?;
    // Both versions are the same in a file without the mark.
    let version = page.get(WRITE_VERSION_OFFSET + 1).copied().unwrap_or(1);
    let written = write_byte(connection, version);
    connection.execute_batch("COMMIT").context(failed)?;
    written.map_err(|code| {
        Error::new(failed()).caused_by(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    })
}

/// Writes the log back to the file and empties it. Readers of an earlier state prevent that for as long as they read.
fn write_back(connection: &Connection) -> Result<()> {
    let failed = || "the log cannot be written back to the file";
    let until = Instant::now() + READERS_WAIT_MAX;
    loop {
        let (busy, pages): (bool, i64) = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .context(failed)?;
        if !busy && pages == 0 {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(Error::new(failed())
                .caused_by("a program has read it since before the cutover")
                .with_remedy_text(
                    "stop the programs that have the file open, and run the same command again",
                ));
        }
        std::thread::sleep(READERS_WAIT);
    }
}

fn first_page(connection: &Connection) -> rusqlite::Result<Vec<u8>> {
    connection.query_row("SELECT data FROM sqlite_dbpage WHERE pgno = 1", [], |row| row.get(0))
}

/// Writes the write version through SQLite's own handle of the file, and waits until it is on the disk. A descriptor of our own would, when
/// it is closed, drop the locks that SQLite holds on the file.
#[expect(unsafe_code, reason = "SQLite gives access to its handle only through C pointers")]
fn write_byte(connection: &Connection, version: u8) -> std::result::Result<(), i32> {
    let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
    // SAFETY: the connection is open while it is borrowed; SQLITE_FCNTL_FILE_POINTER stores a pointer where the last argument points.
    let code = unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            (&raw mut file).cast(),
        )
    };
    if code != ffi::SQLITE_OK || file.is_null() {
        return Err(ffi::SQLITE_ERROR);
    }
    // SAFETY: SQLite's pointer to its open file is valid for as long as the connection is open, and so is its table of methods.
    let (write, sync) = unsafe {
        let methods = (*file).pMethods;
        if methods.is_null() {
            return Err(ffi::SQLITE_ERROR);
        }
        ((*methods).xWrite, (*methods).xSync)
    };
    let (Some(write), Some(sync)) = (write, sync) else { return Err(ffi::SQLITE_ERROR) };
    // SAFETY: the methods belong to this file; the buffer is one byte long, as the call says.
    let codes = unsafe {
        let written = write(file, (&raw const version).cast(), 1, WRITE_VERSION_OFFSET as i64);
        [written, sync(file, ffi::SQLITE_SYNC_FULL)]
    };
    codes.into_iter().find(|code| *code != ffi::SQLITE_OK).map_or(Ok(()), Err)
}
