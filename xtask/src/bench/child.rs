//! Runs a program and measures its time and its peak memory. Its output goes to files, so that nothing has to read it meanwhile. The
//! caller judges the exit code.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;

/// Interval at which a running program is checked, which is the precision of its time.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The result of a program.
#[derive(Debug)]
pub(crate) struct Ran {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// From its start to its end.
    pub(crate) seconds: f64,
    /// The most memory that it had at once, in bytes, where the system reports it.
    pub(crate) peak_bytes: Option<u64>,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// Returns the last line that is not empty, of standard error or else of standard output.
    pub(crate) fn last_line(&self) -> String {
        let last = |text: &str| text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned);
        last(&self.stderr).or_else(|| last(&self.stdout)).unwrap_or_else(|| "it printed nothing".to_owned())
    }
}

/// Whether the run was asked to end. While it exists, Ctrl-C and SIGTERM end the measured program, and this process can clean up.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where the system does not let signals be handled.
    pub(crate) fn listen() -> anyhow::Result<Interrupt> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            signal_hook::flag::register(signal.as_raw(), Arc::clone(&flag))
                .context("cannot handle signals")?;
        }
        Ok(Interrupt(flag))
    }

    /// Ends the run where it was asked to end.
    ///
    /// # Errors
    /// Where it was.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.0.load(Ordering::SeqCst) {
            bail!("interrupted; the databases and files of this run are removed");
        }
        Ok(())
    }
}

/// Runs `command` to its end, with its output in files of `folder`.
///
/// # Errors
/// Where it cannot be started, or the run is interrupted, which ends it.
pub(crate) fn run(command: &mut Command, folder: &Path, interrupt: &Interrupt) -> anyhow::Result<Ran> {
    let name = command.get_program().to_string_lossy().into_owned();
    let paths = ["stdout", "stderr"].map(|stream| folder.join(stream));
    let failed = || format!("the output of {name} cannot be written to {}", folder.display());
    let [stdout, stderr] = &paths;
    command
        .stdin(Stdio::null())
        .stdout(File::create(stdout).with_context(failed)?)
        .stderr(File::create(stderr).with_context(failed)?);
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
    let (status, peak_bytes) = match watch(&mut child, interrupt) {
        Ok(watched) => watched,
        Err(error) => {
            // It may have ended by itself; in either case no process may remain.
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    let text = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Ran {
        status,
        seconds,
        peak_bytes,
        stdout: text(stdout).with_context(failed)?,
        stderr: text(stderr).with_context(failed)?,
    })
}

/// Waits for the end, and remembers the high-water mark of memory.
///
/// The maximum that `wait4` reports is useless here: Linux includes the peak of the process that started the program.
fn watch(child: &mut Child, interrupt: &Interrupt) -> anyhow::Result<(ExitStatus, Option<u64>)> {
    let status_path = format!("/proc/{}/status", child.id());
    let mut peak_bytes = None;
    loop {
        // Before it is waited for, its number belongs to no other process. One that has just ended has no mark any more.
        if let Ok(status) = fs::read_to_string(&status_path) {
            peak_bytes = high_water_mark(&status).or(peak_bytes);
        }
        if let Some(status) = child.try_wait().context("the program that is measured cannot be waited for")? {
            return Ok((status, peak_bytes));
        }
        interrupt.check()?;
        std::thread::sleep(LOOK_EVERY);
    }
}

/// `VmHWM` of a `/proc/PID/status`, in bytes; a process that is over has none.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_measured_from_start_to_end() {
        let folder = tempfile::tempdir().unwrap();
        let interrupt = Interrupt(Arc::default());
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo first >&2; echo; sleep 0.2; echo last >&2; exit 3"]);
        let ran = run(&mut command, folder.path(), &interrupt).unwrap();
        assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(3), "out\n\n"));
        assert_eq!(ran.last_line(), "last");
        assert!(ran.seconds >= 0.2, "{}", ran.seconds);
        if cfg!(target_os = "linux") {
            // A shell needs at least some hundred kilobytes, and much less than this process.
            assert!(ran.peak_bytes.is_some_and(|bytes| (100_000..100_000_000).contains(&bytes)), "{ran:?}");
        }
    }

    #[test]
    fn an_interrupted_run_leaves_no_program_behind() {
        let folder = tempfile::tempdir().unwrap();
        let interrupt = Interrupt(Arc::new(AtomicBool::new(true)));
        let began = Instant::now();
        let error = run(Command::new("sleep").arg("60"), folder.path(), &interrupt).unwrap_err();
        assert!(error.to_string().starts_with("interrupted"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn the_high_water_mark_is_read_in_bytes() {
        for (status, bytes) in [
            ("Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 5 kB\n", Some(1234 * 1024)),
            ("Name:\tx\nState:\tZ (zombie)\n", None),
            ("VmHWM:\tmany kB\n", None),
        ] {
            assert_eq!(high_water_mark(status), bytes);
        }
    }
}
