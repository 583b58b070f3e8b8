//! One server process: seen, started, probed, healed, stopped. The caller holds the cluster's lock for all that changes
//! something. Does not choose the folder or the programs.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::SUPERUSER;
use crate::account::{self, Account, tail};
use crate::error::{Error, at};
use crate::files;
use crate::layout::Layout;
use crate::process;

/// How long a start may take; recovery after a crash is part of it.
const START_SECONDS: u64 = 300;
/// How long a stop may take; the last checkpoint is part of it.
const STOP_SECONDS: u64 = 300;
/// How long leftover processes get to end by themselves before they are killed.
const ORPHAN_GRACE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(10);
/// A log beyond this size, in bytes, is set aside at the next start.
const LOG_MAX: u64 = 16 << 20;

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Waits until the last client has left.
    Smart,
    /// Ends the clients' sessions; committed data is written to disk.
    Fast,
    /// Stops at once; the next start recovers.
    Immediate,
}

impl StopMode {
    fn signal(self) -> Signal {
        match self {
            Self::Smart => Signal::TERM,
            Self::Fast => Signal::INT,
            Self::Immediate => Signal::QUIT,
        }
    }
}

/// A postmaster that is alive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Postmaster {
    pub(crate) pid: Pid,
    /// Unknown in the first moments of a start.
    pub(crate) port: Option<u16>,
    pub(crate) phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Ready,
    Stopping,
}

impl Postmaster {
    /// The process id as a plain number.
    pub(crate) fn number(self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }
}

/// The postmaster of the data folder, if one is alive. A stale `postmaster.pid` names none, nor does one whose process id
/// belongs to another program by now.
pub(crate) fn observe(layout: &Layout) -> Result<Option<Postmaster>, Error> {
    let path = layout.data().join("postmaster.pid");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::Io { action: "read", path, source: error }),
    };
    let Some(postmaster) = parse_pid_file(&text) else { return Ok(None) };
    Ok(process::serves(postmaster.pid, &layout.data()).then_some(postmaster))
}

/// Reads `postmaster.pid`: the process id in line 1, the port in line 4, the phase in line 8. It grows as the server starts.
fn parse_pid_file(text: &str) -> Option<Postmaster> {
    let mut lines = text.lines();
    // A single-user server writes its process id as a negative number.
    let pid = Pid::from_raw(lines.next()?.trim().parse::<i32>().ok()?.checked_abs()?)?;
    let port = lines.nth(2).and_then(|line| line.trim().parse().ok());
    let phase = match lines.nth(3).map(str::trim) {
        Some("ready") => Phase::Ready,
        Some("stopping") => Phase::Stopping,
        _ => Phase::Starting,
    };
    Some(Postmaster { pid, port, phase })
}

/// Waits until the server accepts connections.
///
/// # Errors
/// [`Error::Start`] if it ends instead, [`Error::Timeout`] if it takes too long.
pub(crate) fn wait_until_ready(layout: &Layout, log_start: u64) -> Result<(), Error> {
    let deadline = Instant::now() + Duration::from_secs(START_SECONDS);
    loop {
        let Some(postmaster) = observe(layout)? else { return Err(start_error(layout, log_start)) };
        if let (Phase::Ready, Some(port)) = (postmaster.phase, postmaster.port)
            && accepts(port)
        {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(timeout(layout, postmaster, "does not accept connections", START_SECONDS));
        }
        sleep(POLL);
    }
}

fn timeout(layout: &Layout, postmaster: Postmaster, what: &'static str, seconds: u64) -> Error {
    Error::Timeout { pid: postmaster.number(), what, seconds, log: layout.log() }
}

/// Whether a server answers a client's first message by asking for a password. One that is still recovering answers with the error 57P03;
/// any other error (too many clients, for example) comes from a server that works.
pub(crate) fn accepts(port: u16) -> bool {
    first_answer(port).is_ok_and(|answer| match answer.first() {
        Some(b'R') => true,
        Some(b'E') => !answer.windows(5).any(|code| code == b"57P03"),
        _ => false,
    })
}

fn first_answer(port: u16) -> io::Result<Vec<u8>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    // The startup message: its length, the protocol 3.0, then names and values, each closed by a zero.
    let parameters = format!("user\0{SUPERUSER}\0database\0postgres\0\0");
    let length = u32::try_from(parameters.len() + 8).map_err(io::Error::other)?;
    let message = [&length.to_be_bytes()[..], &[0, 3, 0, 0], parameters.as_bytes()].concat();
    stream.write_all(&message)?;
    let mut answer = vec![0; 512];
    let read = stream.read(&mut answer)?;
    answer.truncate(read);
    Ok(answer)
}

/// Cleans up after a dead server: busy backends, a stale `postmaster.pid`, a stale socket. There is no postmaster.
///
/// # Errors
/// [`Error::Elsewhere`] where a process that cannot be ended from here still uses the data folder.
pub(crate) fn heal(layout: &Layout, account: &Account) -> Result<(), Error> {
    end_orphans(layout, account)?;
    let log = files::open_private(&layout.log())?;
    // Every process of a server inherits the log, and with it the lock on it: also one that cannot be seen from here.
    let deadline = Instant::now() + ORPHAN_GRACE;
    while !files::try_lock(&log).map_err(at("lock", layout.log()))? {
        if Instant::now() > deadline {
            return Err(Error::Elsewhere { data: layout.data() });
        }
        sleep(POLL);
    }
    files::delete(&layout.data().join("postmaster.pid"))?;
    make_socket_dir(layout, account)
}

/// Ends the backends that outlived their postmaster. Nothing is lost by it: their transactions can never commit.
fn end_orphans(layout: &Layout, account: &Account) -> Result<(), Error> {
    let list = || process::orphans(&layout.data(), &layout.cluster_name(), account.uid);
    for signal in [Signal::QUIT, Signal::KILL] {
        for pid in list() {
            // It may have ended since it was listed; one that has not is found below.
            let _ = kill_process(pid, signal);
        }
        let deadline = Instant::now() + ORPHAN_GRACE;
        while Instant::now() < deadline {
            if list().is_empty() {
                return Ok(());
            }
            sleep(POLL);
        }
    }
    Err(Error::Elsewhere { data: layout.data() })
}

/// Creates the socket's folder anew, without stale sockets and their locks.
fn make_socket_dir(layout: &Layout, account: &Account) -> Result<(), Error> {
    let folder = layout.socket_dir();
    if let Ok(found) = fs::symlink_metadata(&folder) {
        // In /tmp anybody can make a folder of this name; only the account's own is replaced.
        if found.uid() != account.uid {
            return Err(Error::OtherOwner { path: folder, owner: account::name(found.uid()) });
        }
        files::delete(&folder)?;
    }
    fs::DirBuilder::new().create(&folder).map_err(at("create", &folder))?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
        .map_err(at("set the mode of", &folder))?;
    account.give(&folder)
}

/// The result of one attempt to start.
pub(crate) enum Launched {
    /// The server accepts connections.
    Ready,
    /// Another process took the port in the meantime.
    PortTaken,
}

/// Runs `pg_ctl start` once. The settings file is in its place.
///
/// # Errors
/// [`Error::Start`] with the end of the log.
pub(crate) fn launch(
    layout: &Layout,
    account: &Account,
    bindir: &Path,
    port: u16,
) -> Result<Launched, Error> {
    let path = layout.log();
    if fs::metadata(&path).is_ok_and(|found| found.len() > LOG_MAX) {
        fs::rename(&path, path.with_extension("log.old")).map_err(at("rename", &path))?;
    }
    let log = files::open_private(&path)?;
    let log_start = log.metadata().map_err(at("read", &path))?.len();
    if !files::try_lock(&log).map_err(at("lock", &path))? {
        return Err(Error::Elsewhere { data: layout.data() });
    }
    let output = || log.try_clone().map(Stdio::from).map_err(at("open", &path));
    // The server inherits nothing else of the caller's: a pipe that the command writes to ends with the command.
    let mut command = account.command(bindir.join("pg_ctl"), &layout.state);
    command
        .args(["start", "--pgdata=data", "--wait", "--silent"])
        .arg(format!("--timeout={START_SECONDS}"))
        .stdout(output()?)
        .stderr(output()?);
    let status = command.status().map_err(|source| Error::Spawn {
        program: bindir.join("pg_ctl").display().to_string(),
        as_account: format!(" as the account {}", account.name),
        source,
    })?;
    if status.success() || observe(layout)?.is_some() {
        return wait_until_ready(layout, log_start).map(|()| Launched::Ready);
    }
    let taken = log_since(layout, log_start).contains("could not bind") || !is_free(port);
    if taken { Ok(Launched::PortTaken) } else { Err(start_error(layout, log_start)) }
}

fn start_error(layout: &Layout, log_start: u64) -> Error {
    Error::Start { log: layout.log(), tail: tail(&log_since(layout, log_start), 20) }
}

/// Returns the server's output after a position in its log, in bytes, or why the log cannot be read.
fn log_since(layout: &Layout, start: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(layout.log())?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(1 << 20).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_else(|error| format!("(the log cannot be read: {error})"))
}

/// Asks the postmaster to stop, and waits until it and all its processes have ended.
///
/// # Errors
/// [`Error::Timeout`] where they have not: with [`StopMode::Smart`] the server waits for all clients.
pub(crate) fn stop(layout: &Layout, postmaster: Postmaster, mode: StopMode) -> Result<(), Error> {
    match kill_process(postmaster.pid, mode.signal()) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => {
            return Err(Error::Io {
                action: "stop the server of",
                path: layout.data(),
                source: error.into(),
            });
        }
    }
    wait_until_gone(layout)
}

/// Waits until no postmaster is alive.
pub(crate) fn wait_until_gone(layout: &Layout) -> Result<(), Error> {
    let deadline = Instant::now() + Duration::from_secs(STOP_SECONDS);
    while let Some(postmaster) = observe(layout)? {
        if Instant::now() > deadline {
            return Err(timeout(layout, postmaster, "is still running", STOP_SECONDS));
        }
        sleep(POLL);
    }
    Ok(())
}

/// Returns whether a server could use the port.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Returns a port that is free at this moment.
pub(crate) fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(at("find a free port on", "127.0.0.1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_read_at_every_stage_of_a_start() {
        let complete = "812\n/data\n1700000000\n40123\n/socket\n127.0.0.1\n  1234  5\nready   \n";
        for (text, expected) in [
            (complete, Some((812, Some(40123), Phase::Ready))),
            (&complete.replace("ready   ", "stopping"), Some((812, Some(40123), Phase::Stopping))),
            (&complete.replace("ready   ", "starting"), Some((812, Some(40123), Phase::Starting))),
            ("812\n/data\n1700000000\n40123\n", Some((812, Some(40123), Phase::Starting))),
            ("812\n", Some((812, None, Phase::Starting))),
            ("-812\n/data\n", Some((812, None, Phase::Starting))),
            ("0\n", None),
            ("-2147483648\n", None),
            ("no number\n", None),
            ("", None),
        ] {
            let read = parse_pid_file(text).map(|found| (found.number(), found.port, found.phase));
            assert_eq!(read, expected, "{text:?}");
        }
    }

    #[test]
    fn only_a_server_accepts() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(port));
        let answers: [&[u8]; 3] = [b"HTTP/1.1 400\r\n", b"E\0\0\0\x10SFATAL\0C57P03\0\0", b""];
        let talker = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 64];
                assert!(stream.read(&mut request).unwrap() > 8);
                stream.write_all(answer).unwrap();
            }
        });
        for answer in answers {
            assert!(!accepts(port), "{answer:?}");
        }
        talker.join().unwrap();
        assert!(is_free(port));
        assert!(!accepts(port));
    }
}
