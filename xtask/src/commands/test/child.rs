//! Child commands: prints and runs them, and ends them with all their descendants when the run is interrupted. The caller judges the
//! exit codes.

use std::cell::Cell;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use xshell::Cmd;

use crate::output;

/// How often a running child is polled.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// Runs child commands, one at a time. While it exists, Ctrl-C, SIGTERM and SIGHUP end the child and not this process, which
/// has to stop a server.
#[derive(Debug)]
pub(crate) struct Children {
    signalled: Arc<AtomicBool>,
    interrupted: Cell<bool>,
    keep_stdout_clear: bool,
}

impl Children {
    /// Handles signals from now on. With `keep_stdout_clear`, children print to standard error only.
    ///
    /// # Errors
    /// When signals cannot be handled.
    pub(crate) fn new(keep_stdout_clear: bool) -> anyhow::Result<Self> {
        let signalled = Arc::new(AtomicBool::new(false));
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            signal_hook::flag::register(signal.as_raw(), Arc::clone(&signalled))
                .context("cannot handle signals")?;
        }
        Ok(Self { signalled, interrupted: Cell::new(false), keep_stdout_clear })
    }

    /// Returns whether the run has been interrupted.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.get() || self.signalled.load(Ordering::SeqCst)
    }

    /// Prints the command to standard error, runs it and waits for it.
    ///
    /// # Errors
    /// When it cannot be started, or the run is interrupted.
    pub(crate) fn run(&self, command: Cmd<'_>) -> anyhow::Result<ExitStatus> {
        output::note(&format!("$ {command}"));
        if self.is_interrupted() {
            bail!("interrupted");
        }
        let text = command.to_string();
        let mut command = Command::from(command);
        if self.keep_stdout_clear {
            command.stdout(Stdio::from(io::stderr()));
        }
        // A group of its own, so that a signal reaches the test processes as well as cargo.
        let mut child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{text}`"))?;
        let status = self.wait(&mut child).with_context(|| format!("cannot wait for `{text}`"))?;
        if self.is_interrupted() {
            bail!("interrupted");
        }
        Ok(status)
    }

    fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if self.signalled.swap(false, Ordering::SeqCst) {
                // The second signal kills.
                let signal = if self.interrupted.replace(true) { Signal::KILL } else { Signal::TERM };
                // It has not been waited for, so its process id cannot have been reused.
                if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                    kill_process_group(group, signal)?;
                }
            }
            thread::sleep(POLL_EVERY);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use xshell::{Shell, cmd};

    use super::*;

    fn children() -> Children {
        Children { signalled: Arc::default(), interrupted: Cell::new(false), keep_stdout_clear: true }
    }

    #[test]
    fn the_exit_code_is_returned() {
        let shell = Shell::new().unwrap();
        assert_eq!(children().run(cmd!(shell, "sh -c 'exit 7'")).unwrap().code(), Some(7));
        let error = children().run(cmd!(shell, "no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
    }

    #[test]
    fn an_interrupt_ends_the_child_and_its_children_and_all_later_ones() {
        let folder = tempfile::tempdir().unwrap();
        let shell = Shell::new().unwrap();
        shell.change_dir(folder.path());
        let children = children();
        let signalled = Arc::clone(&children.signalled);
        let ready = folder.path().join("ready");
        let watcher = thread::spawn(move || {
            while !ready.exists() {
                thread::sleep(Duration::from_millis(2));
            }
            signalled.store(true, Ordering::SeqCst);
        });
        // The grandchild holds the pipe: the reader ends only when it is gone as well.
        let script = "sleep 600 & echo $! > pid; touch ready; wait";
        let error = children.run(cmd!(shell, "sh -c {script}")).unwrap_err();
        watcher.join().unwrap();
        assert_eq!(error.to_string(), "interrupted");
        let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
        let stat = format!("/proc/{}/stat", pid.trim());
        let is_gone = || fs::read_to_string(&stat).map_or(true, |text| text.contains(") Z "));
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while !is_gone() {
            assert!(std::time::Instant::now() < deadline, "the grandchild is still running");
            thread::sleep(Duration::from_millis(2));
        }
        assert!(children.run(cmd!(shell, "true")).is_err(), "nothing may start after an interrupt");
    }
}
