//! The files of a report: `report.json` and what is made of it, in a folder for each run.
//!
//! They name rows by their keys: mode 0600 in a folder of mode 0700. Crate `report` writes their content.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufWriter, IntoInnerError, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use report::Report;
use row_mover::source::seal::Seal;

use crate::display::printable;
use crate::workspace;

/// Where the report goes.
#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    /// The folder for reports; each run has a folder of its own in it
    #[arg(long, value_name = "DIR", default_value = "reports", hide_short_help = true)]
    report_dir: PathBuf,

    /// Write no report
    #[arg(long, conflicts_with = "report_dir", hide_short_help = true)]
    no_report: bool,
}

/// A report that was written.
#[derive(Debug)]
pub(crate) struct ReportFiles {
    /// The folder that holds its files.
    pub(crate) folder: PathBuf,
    /// The one that a person opens.
    shown: PathBuf,
}

impl ReportArgs {
    /// Whether a report is wanted.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.no_report
    }

    /// Checks whether a report could be written, before anything is done.
    ///
    /// # Errors
    /// When it could not, with the remedy.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.no_report {
            return Ok(());
        }
        let absolute = std::path::absolute(&self.report_dir).unwrap_or_else(|_| self.report_dir.clone());
        let existing = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
        can_write(existing).with_context(|| {
            format!(
                "no report can be written to {}; name another folder with --report-dir, or give --no-report",
                self.report_dir.display()
            )
        })
    }

    /// Writes the files of a report, each completely or not at all; nothing where none is wanted.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write(&self, report: &Report<'_>, seal: &Seal) -> anyhow::Result<Option<ReportFiles>> {
        let run = seal.path.parent().and_then(Path::file_name).unwrap_or(OsStr::new("run"));
        self.write_into(run, |folder| {
            write_in_pieces(&folder.join("report.json"), |file| report::write_json(report, file))?;
            let page = folder.join("report.html");
            write_in_pieces(&page, |file| {
                report::html::pieces(report, &mut |piece| file.write_all(piece.as_bytes()))
            })?;
            Ok(page)
        })
    }

    /// Writes files into a folder of this name, each completely or not at all; nothing where no report is wanted. A person opens the last.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write_files(
        &self,
        name: &OsStr,
        files: &[(&str, String)],
    ) -> anyhow::Result<Option<ReportFiles>> {
        self.write_into(name, |folder| {
            let mut shown = folder.to_owned();
            for (name, content) in files {
                shown = folder.join(name);
                write_atomically(&shown, content)?;
            }
            Ok(shown)
        })
    }

    /// Lets `write` write into a folder of this name and return the file that a person opens; nothing where no report is wanted.
    fn write_into(
        &self,
        name: &OsStr,
        write: impl FnOnce(&Path) -> anyhow::Result<PathBuf>,
    ) -> anyhow::Result<Option<ReportFiles>> {
        if self.no_report {
            return Ok(None);
        }
        let folder = self.report_dir.join(name);
        let failed = || format!("the report cannot be written to {}", folder.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(failed)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).with_context(failed)?;
        let shown = write(&folder).with_context(failed)?;
        Ok(Some(ReportFiles { folder, shown }))
    }
}

impl ReportFiles {
    /// Where it lies, in a line for people.
    pub(crate) fn line(&self) -> String {
        format!("Report: {}\n", printable(&workspace::shown(&self.shown)))
    }
}

/// Writes a file for this account alone: nobody ever sees a part of it.
pub(crate) fn write_atomically(path: &Path, content: &str) -> anyhow::Result<()> {
    write_in_pieces(path, |file| file.write_all(content.as_bytes()))
}

/// The same with a content that `write` writes in pieces, so that it is never held in memory.
fn write_in_pieces(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with mode 0600.
    let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Whether a file could be made in a folder; nothing of the attempt is left.
pub(super) fn can_write(folder: &Path) -> anyhow::Result<()> {
    if !folder.is_dir() {
        bail!("{} is no folder", folder.display());
    }
    tempfile::tempfile_in(folder).with_context(|| format!("no file can be made in {}", folder.display()))?;
    Ok(())
}
