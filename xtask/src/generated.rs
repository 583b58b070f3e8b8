//! Generated files: the one function through which each is written, checked or only shown.

use std::path::PathBuf;

use ::report::figures::counted;
use anyhow::Context;
use similar::TextDiff;

use crate::display::printable_lines;
use crate::exit::Exit;
use crate::{output, workspace};

/// The mode for generated files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Writes those that are stale.
    Write,
    /// Prints how those that are stale differ, and fails.
    Check,
    /// Lists those that are stale, and changes nothing.
    DryRun,
}

/// A file and its expected content.
#[derive(Debug)]
pub(crate) struct GeneratedFile {
    /// Its path.
    pub(crate) path: PathBuf,
    /// The expected content.
    pub(crate) content: String,
}

/// Writes, checks or shows `files`; reports the result on standard error, and prints diffs as data.
pub(crate) fn apply(files: &[GeneratedFile], mode: Mode) -> anyhow::Result<Exit> {
    let mut stale = 0;
    for file in files {
        let shown = workspace::shown(&file.path);
        let found = match std::fs::read_to_string(&file.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
        };
        if found == file.content {
            continue;
        }
        stale += 1;
        match mode {
            Mode::Write => {
                write(file).with_context(|| format!("{shown} cannot be written"))?;
                output::note(&format!("wrote {shown}"));
            }
            Mode::DryRun => output::note(&format!("would write {shown}")),
            Mode::Check => {
                let diff = TextDiff::from_lines(&found, &file.content);
                output::stdout(&printable_lines(
                    &diff.unified_diff().header(&shown, &format!("{shown} (generated)")).to_string(),
                ))?;
            }
        }
    }
    let all = counted(files.len() as u64, "file");
    let is = |number: u64| if number == 1 { "is" } else { "are" };
    match (stale, mode) {
        (0, _) => output::note(&format!("{all} {} up to date", is(files.len() as u64))),
        (_, Mode::Write | Mode::DryRun) => {}
        (_, Mode::Check) => {
            let remedy = "run the same command without --check";
            output::note(&format!("{stale} of {all} {} stale; {remedy}", is(stale)));
            return Ok(Exit::Differences);
        }
    }
    Ok(Exit::Done)
}

/// Writes those of `files` that are stale, and prints nothing.
pub(crate) fn write_stale(files: &[GeneratedFile]) -> anyhow::Result<()> {
    for file in files {
        if std::fs::read_to_string(&file.path).is_ok_and(|found| found == file.content) {
            continue;
        }
        write(file).with_context(|| format!("{} cannot be written", workspace::shown(&file.path)))?;
    }
    Ok(())
}

/// Writes to a temporary file and renames it, so that a killed run leaves no partial file.
fn write(file: &GeneratedFile) -> std::io::Result<()> {
    let folder = file.path.parent().unwrap_or(std::path::Path::new("."));
    workspace::create_folder(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut temporary, file.content.as_bytes())?;
    #[cfg(unix)]
    std::fs::set_permissions(temporary.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    temporary.persist(&file.path).map(|_| ()).map_err(|error| error.error)
}
