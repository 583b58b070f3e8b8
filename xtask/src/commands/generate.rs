//! `cargo xtask generate`: writes the plan, the migrations and the Diesel schemas from a SQLite schema and `mapping.toml`.
mod app_conflicts;
mod app_files;
mod drizzle_section;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use migrate_core::mapping::Mapping;
use migrate_core::plan::Plan;
use migrate_core::planner;
use migrate_core::source_schema::SourceSchema;
use postgres_client::TargetUrl;

use app_files::{App, AppArgs};

use crate::exit::Exit;
use crate::generated::{GeneratedFile, Mode, apply};
use crate::obstacles::Planning;
use crate::plan_text::plan_text;
use crate::source_plan::{ExistingTarget, PlanArgs, RejectArgs};
use crate::stop::Stop;
use crate::target::{self, TargetArgs};
use crate::{output, plan_folder, source, source_plan, workspace};

/// The name of standard output.
const STANDARD_OUTPUT: &str = "-";

/// The options of `generate`.
#[derive(Args, Debug)]
#[command(
    next_help_heading = "Source and target",
    after_help = "Exit status: 0 done, 1 a file is stale (--check), 2 could not run.\n\n\
    Examples:\n  \
    cargo xtask generate                                       after a change of mapping.toml\n  \
    cargo xtask generate --check                               is everything up to date? (CI)\n  \
    cargo xtask generate --sqlite other.db --out plans/other   a plan for another database\n  \
    cargo xtask generate --sqlite other.db --out plans/other --dry-run\n  \
    cargo xtask generate --drizzle ../hyperpage                the files of the app, too\n\n\
    -h lists the common options, --help all of them."
)]
pub(crate) struct GenerateArgs {
    /// The database to plan for [default: Hyperpage's legacy migrations, without data]
    #[arg(long, value_name = "FILE")]
    sqlite: Option<PathBuf>,

    /// The folder of the plan; it also holds mapping.toml [default: this workspace's schema crates]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    plan: PlanArgs,

    /// With --into-existing: plan for the target as it will be once the earlier migration is undone
    #[arg(long, requires = "into_existing", hide_short_help = true, help_heading = "Plan")]
    restart: bool,

    #[command(flatten)]
    rejects: RejectArgs,

    #[command(flatten)]
    app: AppArgs,

    /// Change nothing; print the plan and the names of the files that would change
    #[arg(long, help_heading = "Output")]
    dry_run: bool,

    /// With --dry-run: print every detail of the plan
    #[arg(long, short, requires = "dry_run", help_heading = "Output")]
    verbose: bool,

    /// Change nothing; print how stale files differ, and exit with 1 if there are any
    #[arg(long, conflicts_with = "dry_run", help_heading = "Output")]
    check: bool,

    /// Also write the schema as diagrams and the mapping of every column as Markdown, for a pull request; `-` is standard output
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = "Output")]
    markdown: Option<PathBuf>,
}

/// Runs `generate`.
pub(crate) fn run(args: &GenerateArgs) -> anyhow::Result<Exit> {
    Stop::listen()?;
    let is_printed = args.markdown.as_deref() == Some(Path::new(STANDARD_OUTPUT));
    if is_printed && args.check {
        bail!(
            "--check prints differences to standard output: name a file with --markdown, which is checked too"
        );
    }
    let folder = args.out.clone().unwrap_or_else(workspace::plan_dir);
    let app_folder = args.app.folder(args.out.as_deref())?;
    let mut mapping_text = source_plan::mapping_text(&folder, args.out.is_some())?;
    let mut mapping = source_plan::mapping(&folder, &mapping_text)?;
    let section = drizzle_section::missing(&args.app, &folder, &mapping_text, &mapping)?;
    if let Some(section) = &section {
        mapping_text.push_str(section);
        mapping = source_plan::mapping(&folder, &mapping_text)?;
    }
    args.plan.apply(&mut mapping);
    args.rejects.apply(&mut mapping);
    let planning = Planning {
        folder: &folder,
        mapping: &mapping,
        is_shown: mode(args) != Mode::Check && !is_printed,
        may_write: mode(args) == Mode::Write,
        is_verbose: args.verbose,
    };
    let (schema, plan) = make_plan(args, &mapping).map_err(|error| planning.explain(error))?;
    let markdown = || report::markdown::markdown(&plan, &report::outline::before(&schema, &plan));
    if is_printed {
        output::stdout(&markdown())?;
        if args.dry_run {
            return Ok(Exit::Done);
        }
    } else if args.dry_run {
        output::stdout(&plan_text(&plan, &mapping, args.verbose)?)?;
    }
    let mut files = plan_folder::files(&folder, &plan, &schema, args.out.is_some());
    if args.out.is_some() || section.is_some() {
        files.push(GeneratedFile { path: folder.join("mapping.toml"), content: mapping_text });
    }
    if let Some(path) = args.markdown.as_ref().filter(|_| !is_printed) {
        files.push(GeneratedFile { path: path.clone(), content: markdown() });
    }
    if let Some(folder) = &app_folder {
        files.extend(app_files(args, folder, &plan)?);
    }
    let mode = mode(args);
    if args.out.is_some() && mode == Mode::Write {
        plan_folder::remove_others(&folder, &plan)?;
    }
    let exit = apply(&files, mode)?;
    if section.is_some() {
        drizzle_section::note_added(&folder, mode);
    }
    Ok(exit)
}

/// The files for the app in `folder`.
fn app_files(args: &GenerateArgs, folder: &Path, plan: &Plan) -> anyhow::Result<Vec<GeneratedFile>> {
    let is_workspace_plan = args.out.is_none() && args.sqlite.is_none();
    App { args: &args.app, folder, plan, source: args.sqlite.as_deref(), is_workspace_plan }.files()
}

fn mode(args: &GenerateArgs) -> Mode {
    match (args.check, args.dry_run) {
        (true, _) => Mode::Check,
        (_, true) => Mode::DryRun,
        _ => Mode::Write,
    }
}

/// Makes the plan for the database that is named, else for the schema that the legacy migrations create.
fn make_plan(args: &GenerateArgs, mapping: &Mapping) -> anyhow::Result<(SourceSchema, Plan)> {
    let Some(path) = &args.sqlite else {
        let schema = source::legacy_schema()?;
        let plan = planner::plan(&schema, None, mapping).context("no plan can be made")?;
        return Ok((schema, plan));
    };
    let Some(url) = existing_target(args, mapping)? else {
        return source_plan::make(path, mapping, None, false);
    };
    let settings = target::settings()?;
    let existing = source_plan::target_schema(mapping, &url, &settings, args.restart)?;
    let existing = existing.as_ref().map(|schema| ExistingTarget { schema, url: &url, settings: &settings });
    source_plan::make(path, mapping, existing, false)
}

/// The target with the tables that the app has created, where rows go into these.
fn existing_target(args: &GenerateArgs, mapping: &Mapping) -> anyhow::Result<Option<TargetUrl>> {
    if !mapping.into_existing {
        return Ok(None);
    }
    let Some(url) = target::named(&args.target)? else {
        bail!(
            "--into-existing needs the target, whose tables are read: name it with --postgres or DATABASE_URL"
        );
    };
    Ok(Some(url))
}
