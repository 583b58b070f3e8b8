//! The program that writes during a cutover: this program once more, in a process of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use fixtures::writer::{self, LoggedWrite, Outcome};

/// The rest between two writes.
const REST: Duration = Duration::from_millis(2);

/// How long a program may take to begin, and to notice the fence.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Writes until the fence refuses a write: the work of that process.
///
/// # Errors
/// When the database fails otherwise.
pub(crate) fn write(database: &Path, log: &Path) -> anyhow::Result<()> {
    writer::write_until(database, log, "bench", REST, &|| false)
        .context("the database cannot be written to")?;
    Ok(())
}

/// A process that writes. Dropping it ends it.
pub(crate) struct Writer {
    child: Child,
    log: PathBuf,
}

/// What the program that writes saw.
#[derive(Debug)]
pub(crate) struct Written {
    /// The tokens of all writes that SQLite acknowledged.
    pub(crate) tokens: BTreeSet<String>,
    /// The longest wait for a write that was acknowledged, in seconds.
    pub(crate) longest_seconds: f64,
    /// How long the write that the fence refused had waited, in seconds.
    pub(crate) refused_seconds: f64,
    /// The writes that waited to the end of the busy timeout.
    pub(crate) busy: u64,
}

impl Writer {
    /// Starts one, and waits for its first write.
    ///
    /// # Errors
    /// When it cannot be started, or does not write.
    pub(crate) fn start(database: &Path, folder: &Path) -> anyhow::Result<Writer> {
        let log = folder.join("writes.log");
        let program = std::env::current_exe().context("this program's own file cannot be found")?;
        let child = Command::new(program)
            .args(["bench", "cutover", "--write-to"])
            .arg(database)
            .arg("--log")
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("the program that writes cannot be started")?;
        let mut writer = Writer { child, log };
        writer.wait_until("it does not write", |writer| Ok(!writer.log().is_ok_and(|log| log.is_empty())))?;
        Ok(writer)
    }

    /// Waits until the fence has ended it, and returns what it saw.
    ///
    /// # Errors
    /// When it goes on writing.
    pub(crate) fn refused(mut self) -> anyhow::Result<Written> {
        self.wait_until("the fence does not end it", |writer| Ok(writer.child.try_wait()?.is_some()))?;
        let log = self.log()?;
        let seconds = |is: fn(&Outcome) -> bool| {
            let waits = log.iter().filter(|write| is(&write.outcome)).map(|write| write.took.as_secs_f64());
            waits.fold(0.0, f64::max)
        };
        let token = |write: &LoggedWrite| match &write.outcome {
            Outcome::Written { token } => Some(token.clone()),
            _ => None,
        };
        if !log.iter().any(|write| write.outcome == Outcome::Refused) {
            bail!("the program that writes ended before the fence");
        }
        Ok(Written {
            tokens: log.iter().filter_map(token).collect(),
            longest_seconds: seconds(|outcome| matches!(outcome, Outcome::Written { .. })),
            refused_seconds: seconds(|outcome| *outcome == Outcome::Refused),
            busy: log.iter().filter(|write| write.outcome == Outcome::Busy).count() as u64,
        })
    }

    fn log(&self) -> anyhow::Result<Vec<LoggedWrite>> {
        writer::read_log(&self.log).with_context(|| format!("{} cannot be read", self.log.display()))
    }

    fn wait_until(
        &mut self,
        otherwise: &str,
        is_so: impl Fn(&mut Writer) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        while self.log().is_err() || !is_so(self)? {
            if started.elapsed() > WAIT_MAX {
                bail!("the program that writes: {otherwise}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
