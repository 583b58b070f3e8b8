//! What `migrate` and `validate` set up before their work and release afterwards: signals, settings, the screen, suppressed workflow
//! commands, and the options for output and reports.

use std::hash::{BuildHasher, Hasher, RandomState};

use clap::Args;
use postgres_client::{DbSettings, TargetUrl};

use crate::exit::Exit;
use crate::report::{CiArgs, ReportArgs, annotate};
use crate::screen::Screen;
use crate::stop::Stop;
use crate::{output, target};

/// The options for output and reports.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Print nothing but the result
    #[arg(long, short)]
    pub(crate) quiet: bool,

    /// Show the values of fields that differ; values of secret columns are never shown
    #[arg(long, hide_short_help = true)]
    pub(crate) show_values: bool,

    #[command(flatten)]
    pub(crate) report: ReportArgs,

    #[command(flatten)]
    pub(crate) ci: CiArgs,
}

impl OutputArgs {
    /// Runs a command; an error that ends it becomes an annotation too, where annotations are asked for.
    ///
    /// # Errors
    /// Those of the command.
    pub(crate) fn with_annotated_errors(
        &self,
        command: impl FnOnce() -> anyhow::Result<Exit>,
    ) -> anyhow::Result<Exit> {
        self.ci.annotating_errors(self.json, command)
    }

    /// Whether a report is to be written or annotated.
    pub(crate) fn wants_report(&self) -> bool {
        self.report.is_wanted() || self.ci.is_wanted()
    }
}

/// Everything that a command sets up before its work.
pub(crate) struct RunContext<'a> {
    /// Pool sizes and timeouts.
    pub(crate) settings: DbSettings,
    output: &'a OutputArgs,
    stop: Stop,
    suppressed_output: SuppressedOutput,
}

impl<'a> RunContext<'a> {
    /// Sets everything up. With `writes_report`, makes sure that the report can be written, before any work is done.
    ///
    /// # Errors
    /// When signals cannot be handled, a report cannot be written or a setting cannot be read.
    pub(crate) fn begin(output: &'a OutputArgs, writes_report: bool) -> anyhow::Result<RunContext<'a>> {
        let stop = Stop::listen()?;
        if writes_report {
            output.report.check()?;
            output.ci.check()?;
        }
        let suppressed_output = SuppressedOutput::begin(&output.ci, output.json)?;
        Ok(RunContext { settings: target::settings()?, output, stop, suppressed_output })
    }

    /// Prints a remark to standard error, unless `--quiet` is given.
    pub(crate) fn remark(&self, text: &str) {
        output::remarks(self.output.quiet)(text);
    }

    /// Does the work in a target: shows its progress and ends it in order when a signal arrives; `remedy` then completes the error.
    ///
    /// # Errors
    /// Those of the work.
    pub(crate) fn execute<T>(
        &self,
        target: &TargetUrl,
        work: impl FnOnce(&Screen) -> row_mover::Result<T>,
        remedy: impl FnOnce() -> String,
    ) -> anyhow::Result<T> {
        let screen = Screen::new(self.output.quiet, self.stop.clone());
        let result = self.stop.in_order(target, &self.settings, || work(&screen));
        screen.finish();
        result.map_err(|error| self.stop.explain(error, remedy))
    }

    /// Lets the runner read workflow commands again. Call it once all names of a database are printed.
    pub(crate) fn end_suppressed_output(self) {
        drop(self.suppressed_output);
    }
}

/// Makes GitHub's runner ignore workflow commands for as long as it exists: names of tables are printed meanwhile, and may look like
/// commands.
struct SuppressedOutput {
    token: Option<String>,
    is_json: bool,
}

impl SuppressedOutput {
    /// Begins where annotations are asked for; does nothing elsewhere.
    fn begin(ci: &CiArgs, is_json: bool) -> anyhow::Result<SuppressedOutput> {
        let random = || format!("migration-{:016x}", RandomState::new().build_hasher().finish());
        let token = ci.has_annotations().then(random);
        if let Some(token) = &token {
            annotate(&format!("::stop-commands::{token}\n"), is_json)?;
        }
        Ok(SuppressedOutput { token, is_json })
    }
}

impl Drop for SuppressedOutput {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            // Standard output is closed: there is no reader to inform.
            let _ = annotate(&format!("::{token}::\n"), self.is_json);
        }
    }
}
