//! Reading a file once, as `sha256sum` does: the least that any program needs that knows what a file contains.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::child::{self, Interrupt};
use super::figures::Figures;

/// The program, and the name of its figures.
pub(crate) const PROGRAM: &str = "sha256sum";

/// Whether the program is there; else why it is not run.
///
/// # Errors
/// Where it is missing, in words for people.
pub(crate) fn check() -> Result<(), String> {
    let mut command = Command::new(PROGRAM);
    let ran = command.arg("--version").stdin(Stdio::null()).output();
    match ran {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(format!("not run: {PROGRAM} is not installed; it is a part of GNU coreutils")),
    }
}

/// Measures one reading of `path`.
///
/// # Errors
/// Where the program cannot be run, or the run is interrupted.
pub(crate) fn measure(
    path: &Path,
    folder: &Path,
    interrupt: &Interrupt,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir_in(folder).context("a scratch folder cannot be created")?;
    let ran = child::run(Command::new(PROGRAM).arg(path), scratch.path(), interrupt)?;
    if !ran.status.success() {
        bail!("{PROGRAM} ended with {}: {}", ran.status, ran.last_line());
    }
    figures.add_process(PROGRAM, &ran);
    Ok(())
}
