//! How much space the server has left.
//!
//! PostgreSQL has no SQL for it. Where the server runs on this machine its file systems are asked; elsewhere a stated size is compared
//! with what the databases and the write-ahead log use.

use std::path::{Path, PathBuf};

use postgres_client::{Connection, Result};
use rustix::io::Errno;
use rustix::process::Pid;

use super::Facts;
use crate::check::{Disk, DiskSource, Fact, Failure, State, Unknown};
use crate::options::Options;

/// Whether both ends of the connection have one address, or none, as on one machine. A forwarded port has another address than its
/// forwarder.
const PLACE_SQL: &str = "SELECT inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr(), \
    pg_backend_pid(), current_setting('data_directory', true)";

/// The sizes of all databases, where the role may see all of them.
const USED_SQL: &str = "SELECT sum(pg_database_size(oid))::bigint FROM pg_database";

const WAL_SQL: &str = "SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()";

const TABLESPACES_SQL: &str =
    "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE pg_tablespace_location(oid) <> ''";

/// Measures, and compares with what must be free.
///
/// # Errors
/// When a question is refused or the connection is lost.
pub(super) fn check(connection: &mut Connection, facts: &Facts, options: &Options) -> Result<State> {
    let found = match (measured(connection, facts)?, options.disk_size_bytes) {
        (Err(_), Some(size_bytes)) => stated(connection, facts, size_bytes)?,
        (measured, _) => measured,
    };
    let min_percent = options.disk_free_min_percent;
    Ok(match found {
        Err(unknown) => State::NotKnown(unknown),
        Ok(disk) if disk.free_percent() < f64::from(min_percent) => {
            State::Failed(Failure::DiskFull { disk, min_percent })
        }
        Ok(disk) => State::Ok(Fact::Disk(disk)),
    })
}

type Found = std::result::Result<Disk, Unknown>;

/// The fullest file system of the server.
fn measured(connection: &mut Connection, facts: &Facts) -> Result<Found> {
    if !facts.may_read_settings() {
        return Ok(Err(facts.monitor()));
    }
    let (is_near, pid, folder): (bool, i32, Option<String>) = connection.one(PLACE_SQL, &[])?;
    if !is_near || !is_running_here(pid) {
        return Ok(Err(Unknown::OnAnotherMachine));
    }
    let Some(folder) = folder.map(PathBuf::from) else { return Ok(Err(facts.monitor())) };
    let Some(data) = space(&folder, DiskSource::DataDirectory) else {
        return Ok(Err(Unknown::FolderNotVisible));
    };
    // The log is often a link to another file system. Without the right to enter the folder it cannot be seen.
    let log = space(&folder.join("pg_wal"), DiskSource::WriteAheadLog);
    let tablespaces: Vec<String> = connection.load(TABLESPACES_SQL, &[])?;
    let tablespaces = tablespaces.iter().filter_map(|path| space(Path::new(path), DiskSource::Tablespace));
    let fullest = std::iter::once(data.clone()).chain(log).chain(tablespaces);
    Ok(Ok(fullest.min_by(|one, other| one.free_percent().total_cmp(&other.free_percent())).unwrap_or(data)))
}

/// Whether a process of this number runs here: a pooler next to a distant server has the server's address too.
fn is_running_here(pid: i32) -> bool {
    let Some(pid) = Pid::from_raw(pid) else { return false };
    matches!(rustix::process::test_kill_process(pid), Ok(()) | Err(Errno::PERM))
}

/// The space of a file system that processes without further rights may use.
fn space(folder: &Path, source: DiskSource) -> Option<Disk> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Disk { free_bytes: bytes(found.f_bavail), size_bytes: bytes(found.f_blocks), source })
}

fn stated(connection: &mut Connection, facts: &Facts, size_bytes: u64) -> Result<Found> {
    if !facts.may_read_statistics() || !facts.may_list_log() {
        return Ok(Err(facts.monitor()));
    }
    let databases: u64 = connection.one(USED_SQL, &[])?;
    let log: u64 = connection.one(WAL_SQL, &[])?;
    let free_bytes = size_bytes.saturating_sub(databases.saturating_add(log));
    Ok(Ok(Disk { free_bytes, size_bytes, source: DiskSource::StatedSize }))
}
