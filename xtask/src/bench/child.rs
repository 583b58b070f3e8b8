//! Runs a program and measures its time and what it uses. Its output goes to files, so that nothing has to read it meanwhile. The
//! caller judges the exit code.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;

use super::usage::{Sampler, Usage};

/// Interval at which a running program is sampled, which is the precision of its time.
const SAMPLE_EVERY: Duration = Duration::from_millis(5);

/// The result of a program.
#[derive(Debug)]
pub(crate) struct Ran {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// From its start to its end.
    pub(crate) seconds: f64,
    /// Its processor time and memory.
    pub(crate) usage: Usage,
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
    let (status, usage) = match watch(&mut child, started, interrupt) {
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
        usage,
        stdout: text(stdout).with_context(failed)?,
        stderr: text(stderr).with_context(failed)?,
    })
}

/// Waits for the end, and samples meanwhile.
///
/// The maximum of memory that `wait4` reports is useless here: Linux includes the peak of the process that started the program.
fn watch(child: &mut Child, started: Instant, interrupt: &Interrupt) -> anyhow::Result<(ExitStatus, Usage)> {
    let mut sampler = Sampler::new(child.id(), started);
    loop {
        sampler.sample();
        if let Some(status) = child.try_wait().context("the program that is measured cannot be waited for")? {
            return Ok((status, sampler.usage()));
        }
        interrupt.check()?;
        std::thread::sleep(SAMPLE_EVERY);
    }
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
            // A shell needs at least some ten kilobytes of its own, and much less than this process.
            let usage = &ran.usage;
            assert!(
                usage.private_bytes.is_some_and(|bytes| (10_000..100_000_000).contains(&bytes)),
                "{ran:?}"
            );
            assert!(usage.peak_bytes > usage.private_bytes, "{ran:?}");
            assert!(usage.samples.len() >= 10, "{ran:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn processor_time_is_work_and_not_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let interrupt = Interrupt(Arc::default());
        let processor_seconds = |script: &str| {
            let ran = run(Command::new("sh").args(["-c", script]), folder.path(), &interrupt).unwrap();
            assert!(ran.status.success(), "{ran:?}");
            ran.usage.processor_seconds.unwrap()
        };
        let working = processor_seconds("i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done");
        let waiting = processor_seconds("sleep 0.5");
        assert!(working > 0.05 && waiting < 0.05, "{working} {waiting}");
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
}
