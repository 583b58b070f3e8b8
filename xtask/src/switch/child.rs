//! Runs a program to its end with a time limit, and ends it with all of its descendants when the limit is over or the work is to stop.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::stop::Stop;

/// Interval at which a running program is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How long a pipe is read after the program has ended.
const PIPE_GRACE: Duration = Duration::from_secs(1);

/// The most that is kept of what a program prints.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a program printed, and how it ended.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Why a program did not end by itself.
#[derive(Debug)]
pub(crate) enum Unfinished {
    /// It cannot be started.
    NotStarted(io::Error),
    /// It has not ended in time.
    TimedOut,
    /// The work is to stop.
    Stopped,
}

/// Runs a program with this standard input.
pub(crate) fn run(
    mut command: Command,
    input: &str,
    timeout: Duration,
    stop: &Stop,
) -> Result<Finished, Unfinished> {
    let began = Instant::now();
    // A group of its own, so that what it starts ends with it.
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(Unfinished::NotStarted)?;
    let input = input.to_owned();
    let stdin = child.stdin.take();
    // A program that ends without reading its input has judged without it.
    let writer = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let ended = wait(&mut child, began, timeout, stop);
    if ended.is_err() {
        end(&mut child);
    }
    let status = ended?;
    drop(writer);
    // A descendant may hold the pipe open after the program has ended.
    let until = Instant::now() + PIPE_GRACE;
    let text = |reader: JoinHandle<Vec<u8>>| {
        while !reader.is_finished() && Instant::now() < until {
            thread::sleep(POLL_INTERVAL);
        }
        let bytes = if reader.is_finished() { reader.join().unwrap_or_default() } else { Vec::new() };
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(Finished { status, stdout: text(stdout), stderr: text(stderr) })
}

/// Runs a program whose output goes to standard error.
pub(crate) fn run_visibly(
    mut command: Command,
    timeout: Duration,
    stop: &Stop,
) -> Result<ExitStatus, Unfinished> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::from(io::stderr()))
        .stderr(Stdio::inherit())
        .process_group(0)
        .spawn()
        .map_err(Unfinished::NotStarted)?;
    let ended = wait(&mut child, Instant::now(), timeout, stop);
    if ended.is_err() {
        end(&mut child);
    }
    ended
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What was read before an error is kept.
            let _ = pipe.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes);
        }
        bytes
    })
}

fn wait(child: &mut Child, began: Instant, timeout: Duration, stop: &Stop) -> Result<ExitStatus, Unfinished> {
    loop {
        if let Some(status) = child.try_wait().map_err(Unfinished::NotStarted)? {
            return Ok(status);
        }
        if stop.is_asked() {
            return Err(Unfinished::Stopped);
        }
        if began.elapsed() >= timeout {
            return Err(Unfinished::TimedOut);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn end(child: &mut Child) {
    // It has not been waited for, so its process id cannot have been reused.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}
