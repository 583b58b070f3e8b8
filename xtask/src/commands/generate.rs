//! `cargo xtask generate`: writes the plan, the migrations and the Diesel schemas from a SQLite schema and `mapping.toml`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use migrate_core::mapping::Mapping;
use migrate_core::target_schema::TargetSchema;
use migrate_core::{planner, render};

use crate::display::printable_plan;
use crate::exit::Exit;
use crate::generated::{GeneratedFile, Mode, apply};
use crate::source_plan::PlanArgs;
use crate::stop::Stop;
use crate::target::{self, TargetArgs};
use crate::{output, plan_folder, source, source_plan, workspace};

/// What names standard output in place of a file.
const STANDARD_OUTPUT: &str = "-";

/// The options of `generate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    cargo xtask generate                                       after a change of mapping.toml\n  \
    cargo xtask generate --check                               is everything up to date? (CI)\n  \
    cargo xtask generate --sqlite other.db --out plans/other   a plan for another database\n  \
    cargo xtask generate --dry-run --markdown - | gh pr comment --body-file -")]
pub(crate) struct GenerateArgs {
    /// The database whose schema is read and whose values are counted. Default: the legacy migrations, without data
    #[arg(long, value_name = "FILE")]
    sqlite: Option<PathBuf>,

    /// The folder that gets plan.json, migrations/ and both schemas, and that holds mapping.toml. Default: this
    /// workspace's schema crates
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    plan: PlanArgs,

    #[command(flatten)]
    target: TargetArgs,

    /// Plan for --restart: the target as it will be once what the earlier migration brought is gone
    #[arg(long, requires = "into_existing")]
    restart: bool,

    /// Write the schema as diagrams and the mapping of every column as Markdown too, for a pull request; `-` is standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Change nothing; show how stale files differ, and end with 1 where one is
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,

    /// Change nothing; show the plan and what would be written
    #[arg(long)]
    dry_run: bool,
}

/// Runs `generate`.
pub(crate) fn run(args: &GenerateArgs) -> anyhow::Result<Exit> {
    Stop::listen()?;
    let is_printed = args.markdown.as_deref() == Some(Path::new(STANDARD_OUTPUT));
    if is_printed && args.check {
        bail!(
            "--check shows differences on standard output: name a file with --markdown, which is checked, too"
        );
    }
    let mode = match (args.check, args.dry_run) {
        (true, _) => Mode::Check,
        (_, true) => Mode::DryRun,
        _ => Mode::Write,
    };
    let folder = args.out.clone().unwrap_or_else(workspace::plan_dir);
    let mapping_text = source_plan::mapping_text(&folder, args.out.is_some())?;
    let mut mapping = source_plan::mapping(&folder, &mapping_text)?;
    args.plan.apply(&mut mapping);
    let (schema, plan) = match &args.sqlite {
        None => {
            let schema = source::legacy_schema()?;
            let plan = planner::plan(&schema, None, &mapping).context("no plan can be made")?;
            (schema, plan)
        }
        Some(path) => {
            let existing = existing_tables(args, &mapping)?;
            source_plan::make(path, &mapping, existing.as_ref(), false)?
        }
    };
    let markdown = || report::markdown::markdown(&plan, &report::outline::before(&schema, &plan));
    if is_printed {
        output::stdout(&markdown())?;
        if args.dry_run {
            return Ok(Exit::Done);
        }
    } else if args.dry_run {
        output::stdout(&render::plan_summary(&printable_plan(&plan)?))?;
    }
    let mut files = plan_folder::files(&folder, &plan, &schema, args.out.is_some());
    if args.out.is_some() {
        files.push(GeneratedFile { path: folder.join("mapping.toml"), content: mapping_text });
    }
    if let Some(path) = args.markdown.as_ref().filter(|_| !is_printed) {
        files.push(GeneratedFile { path: path.clone(), content: markdown() });
    }
    if args.out.is_some() && mode == Mode::Write {
        plan_folder::remove_others(&folder, &plan)?;
    }
    apply(&files, mode)
}

/// The tables that the app has made, where rows go into these; then the target has to be named.
fn existing_tables(args: &GenerateArgs, mapping: &Mapping) -> anyhow::Result<Option<TargetSchema>> {
    if !mapping.into_existing {
        return Ok(None);
    }
    let Some(url) = target::named(&args.target)? else {
        bail!(
            "which tables the app has made has to be looked at: name the target with --postgres or DATABASE_URL"
        );
    };
    source_plan::target_schema(mapping, &url, &target::settings()?, args.restart)
}
