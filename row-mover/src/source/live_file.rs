//! Observes the user's file from outside SQLite, to notice writes that SQLite's locks do not report: by an app where no lock can be
//! taken, and by `cp` or a rename, which take none.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;

use super::file_path::{open_regular, sidecar};

/// The header of a database: change counter, page count and the version that they are valid for are in it.
const HEADER_BYTES: usize = 100;

/// The header of a log: its salts change when it is begun anew.
const LOG_HEADER_BYTES: usize = 32;

/// Two writes within this time may leave the same time stamp: the kernel's clock ticks at least a hundred times a second.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// The same on a file system with a resolution of one or two seconds.
const COARSE_CLOCK_TICK: Duration = Duration::from_millis(2_100);

/// A descriptor of the file. While it is held without SQLite's locks it holds a read lock of its own.
#[derive(Debug)]
pub(crate) struct LiveFile {
    file: File,
    path: PathBuf,
}

/// The state of the file at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    identity: Identity,
    bytes: u64,
    /// When its content changed, and when anything about it did.
    times: [(i64, i64); 2],
    header: Vec<u8>,
    log: Option<LogState>,
    has_journal: bool,
}

/// Device and inode.
type Identity = (u64, u64);

#[derive(Clone, Debug, PartialEq, Eq)]
struct LogState {
    identity: Identity,
    bytes: u64,
    header: Vec<u8>,
}

/// What must not change while the file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unchanged {
    /// Everything: nothing excludes writers.
    Everything,
    /// The file: SQLite's shared lock excludes every writer of a database without a log. A journal may appear, because a writer creates
    /// it before it waits for the lock.
    File,
    /// That it is the same WAL database with the same log: commits go to the log, and a checkpoint may write to the file.
    WalDatabase,
}

/// A change of a file that its reader could not notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// Another file is at its path, or none.
    Replaced,
    /// It has another size.
    Resized { before: u64, after: u64 },
    /// Its times differ.
    Modified,
    /// Its header differs.
    Header,
    /// Another process has opened it and written a log.
    Log,
    /// Another process has written a rollback journal.
    Journal,
    /// This page was not the same when it was read again.
    Page(u32),
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Disturbance::Replaced => f.write_str("another file took its place"),
            Disturbance::Resized { before, after } => {
                write!(f, "it had {before} bytes before and {after} bytes after")
            }
            Disturbance::Modified => f.write_str("it was modified"),
            Disturbance::Header => f.write_str("its header changed"),
            Disturbance::Log => f.write_str("another process opened it: its -wal changed"),
            Disturbance::Journal => f.write_str("another process wrote to it: it has a -journal"),
            Disturbance::Page(number) => write!(f, "page {number} changed"),
        }
    }
}

impl std::error::Error for Disturbance {}

impl LiveFile {
    pub(crate) fn open(path: &Path) -> io::Result<LiveFile> {
        Ok(LiveFile { file: open_regular(path)?, path: path.to_owned() })
    }

    /// Acquires the read lock that keeps an existing log from being removed, and returns the state of a WAL database that has no log;
    /// none for any other file.
    ///
    /// The last process that closes a WAL database needs an exclusive lock to remove the log. While this lock is held, anyone who writes
    /// through SQLite therefore leaves a log, which [`LiveFile::change_since`] finds. Commits and checkpoints do not need that lock, so
    /// nobody waits for it.
    pub(crate) fn hold_unlocked(&self) -> io::Result<Option<FileState>> {
        let locked = fcntl_lock(&self.file, FlockOperation::NonBlockingLockShared);
        // On a file system without locks the state has to do.
        if matches!(locked, Err(Errno::ACCESS | Errno::AGAIN)) {
            return Ok(None);
        }
        let state = self.settled_state()?;
        if state.is_wal() && state.log.is_none() && !state.has_journal {
            return Ok(Some(state));
        }
        // It covers the bytes that writers lock.
        fcntl_lock(&self.file, FlockOperation::NonBlockingUnlock)?;
        Ok(None)
    }

    /// The state now.
    pub(crate) fn state(&self) -> io::Result<FileState> {
        let metadata = fs::metadata(&self.path)?;
        let log_path = sidecar(&self.path, "-wal");
        let log = match fs::metadata(&log_path) {
            Ok(metadata) => Some(LogState {
                identity: identity(&metadata),
                bytes: metadata.len(),
                header: open_regular(&log_path)
                    .and_then(|log| beginning(&log, LOG_HEADER_BYTES))
                    .unwrap_or_default(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(FileState {
            identity: identity(&metadata),
            bytes: metadata.len(),
            times: [(metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec())],
            header: beginning(&self.file, HEADER_BYTES)?,
            log,
            has_journal: sidecar(&self.path, "-journal").exists(),
        })
    }

    /// The state once its time stamps are older than a tick of the clock, so that a write after this leaves another one.
    pub(crate) fn settled_state(&self) -> io::Result<FileState> {
        let deadline = std::time::Instant::now() + 2 * COARSE_CLOCK_TICK;
        loop {
            let state = self.state()?;
            let [_, (seconds, nanoseconds)] = state.times;
            let tick = if nanoseconds == 0 { COARSE_CLOCK_TICK } else { CLOCK_TICK };
            let changed_at =
                Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanoseconds).unwrap_or(0));
            let age = (SystemTime::UNIX_EPOCH.elapsed().unwrap_or(Duration::MAX)).checked_sub(changed_at);
            // A stamp of the future is waited for as long as one of now; beyond that the clocks differ, and pages are compared anyway.
            if age.is_some_and(|age| age > tick) || std::time::Instant::now() > deadline {
                return Ok(state);
            }
            std::thread::sleep(CLOCK_TICK / 4);
        }
    }

    /// Whether another file is at the path by now.
    pub(crate) fn replaced(&self) -> Option<Disturbance> {
        let identity_of = |metadata: io::Result<Metadata>| metadata.as_ref().ok().map(identity);
        let is_same = identity_of(fs::metadata(&self.path)) == identity_of(self.file.metadata());
        (!is_same).then_some(Disturbance::Replaced)
    }

    /// A change since `before` that should not have happened.
    pub(crate) fn change_since(&self, before: &FileState, unchanged: Unchanged) -> Option<Disturbance> {
        let Ok(now) = self.state() else { return Some(Disturbance::Replaced) };
        let is_everything = unchanged == Unchanged::Everything;
        if before.identity != now.identity || self.replaced().is_some() {
            return Some(Disturbance::Replaced);
        }
        if unchanged == Unchanged::WalDatabase {
            let log_of = |state: &FileState| state.log.as_ref().map(|log| log.identity);
            // Format and page size.
            let is_same_header = before.header.get(..24) == now.header.get(..24);
            return match log_of(before) == log_of(&now) {
                false => Some(Disturbance::Log),
                true => (!is_same_header).then_some(Disturbance::Header),
            };
        }
        match () {
            () if is_everything && before.log != now.log => Some(Disturbance::Log),
            () if is_everything && before.has_journal != now.has_journal => Some(Disturbance::Journal),
            () if before.bytes != now.bytes => {
                Some(Disturbance::Resized { before: before.bytes, after: now.bytes })
            }
            () if before.header != now.header => Some(Disturbance::Header),
            () if before.times != now.times => Some(Disturbance::Modified),
            () => None,
        }
    }
}

impl FileState {
    /// Whether the header says that changes go to a log.
    pub(crate) fn is_wal(&self) -> bool {
        self.header.get(19) == Some(&2)
    }
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// The first bytes of a file, fewer where it is shorter.
fn beginning(file: &File, bytes: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; bytes];
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}
