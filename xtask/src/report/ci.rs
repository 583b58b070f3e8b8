//! Output for pipelines: annotations and a summary for GitHub Actions, a JUnit XML file for others.
//!
//! Crate `report` writes their content.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use report::comparison::ComparisonReport;
use report::{Report, github, junit};

use super::files::{can_write, write_atomically};
use crate::exit::Exit;
use crate::output;

/// The variable by which GitHub names the file of a step's summary.
const SUMMARY_VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// The output options for a pipeline.
#[derive(Args, Debug)]
pub(crate) struct CiArgs {
    /// Also print the findings as annotations of GitHub Actions, and add them to the summary of the step
    #[arg(long, hide_short_help = true)]
    github: bool,

    /// Also write the result as JUnit XML, with a case for each table and each check
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    junit: Option<PathBuf>,
}

impl CiArgs {
    /// Whether anything is asked for.
    pub(crate) fn is_wanted(&self) -> bool {
        self.github || self.junit.is_some()
    }

    /// Whether annotations are asked for.
    pub(crate) fn has_annotations(&self) -> bool {
        self.github
    }

    /// Whether the file could be written, asked before anything is done.
    ///
    /// # Errors
    /// When it could not, with the remedy.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Some(path) = &self.junit else { return Ok(()) };
        let check = || {
            if path.is_dir() {
                bail!("{} is a folder", path.display());
            }
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            can_write(folder.unwrap_or(Path::new(".")))
        };
        check().with_context(|| format!("--junit {} cannot be written", path.display()))
    }

    /// Writes the report in each requested format: JUnit XML, annotations and the summary.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write(&self, report: &Report<'_>, is_json: bool) -> anyhow::Result<()> {
        self.write_junit(|| junit::junit(report))?;
        self.write_to_github(is_json, || github::annotations(report), || github::summary(report))
    }

    /// The same for a comparison.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write_comparison(&self, report: &ComparisonReport, is_json: bool) -> anyhow::Result<()> {
        self.write_junit(|| report.junit())?;
        self.write_to_github(is_json, || report.annotations(), || report.markdown())
    }

    fn write_junit(&self, xml: impl FnOnce() -> std::io::Result<String>) -> anyhow::Result<()> {
        let Some(path) = &self.junit else { return Ok(()) };
        let failed = || format!("the JUnit XML cannot be written to {}", path.display());
        write_atomically(path, &xml().with_context(failed)?).with_context(failed)
    }

    fn write_to_github(
        &self,
        is_json: bool,
        annotations: impl FnOnce() -> String,
        summary: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        if !self.github {
            return Ok(());
        }
        annotate(&annotations(), is_json)?;
        let Some(path) = std::env::var_os(SUMMARY_VARIABLE).filter(|path| !path.is_empty()) else {
            return Ok(());
        };
        let append = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
            file.write_all(summary().as_bytes())
        };
        append().with_context(|| {
            format!(
                "the summary cannot be written to {}, which {SUMMARY_VARIABLE} names",
                Path::new(&path).display()
            )
        })
    }

    /// Runs a command and annotates its error, if it fails.
    ///
    /// # Errors
    /// The error of the command.
    pub(crate) fn annotating_errors(
        &self,
        is_json: bool,
        command: impl FnOnce() -> anyhow::Result<Exit>,
    ) -> anyhow::Result<Exit> {
        let result = command();
        if let Err(error) = &result {
            let next = crate::remedy::of(error).map(|next| format!("\nNext: {next}")).unwrap_or_default();
            // A failed annotation must not hide the error.
            let _ = self.annotate_outcome(true, "It could not run", &format!("{error:#}{next}"), is_json);
        }
        result
    }

    /// Annotates an outcome for which there is no report.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn annotate_outcome(
        &self,
        is_bad: bool,
        title: &str,
        words: &str,
        is_json: bool,
    ) -> anyhow::Result<()> {
        if !self.github {
            return Ok(());
        }
        annotate(&github::message(is_bad, title, words.trim_end()), is_json)
    }
}

/// Commands to GitHub's runner, which reads both streams: with JSON they go to standard error.
pub(crate) fn annotate(commands: &str, is_json: bool) -> anyhow::Result<()> {
    if is_json {
        commands.lines().for_each(output::note);
        return Ok(());
    }
    output::stdout(commands)
}
