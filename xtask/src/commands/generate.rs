//! `cargo xtask generate`: writes the plan, the migrations and the Diesel schemas from a SQLite schema and `mapping.toml`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use migrate_core::mapping::Mapping;
use migrate_core::source_schema::SourceSchema;
use migrate_core::{planner, render};
use row_mover::source::profile::profile;
use row_mover::source::{SourceConnection, introspect};

use crate::display::printable_plan;
use crate::exit::Exit;
use crate::generated::{GeneratedFile, Mode, apply};
use crate::{output, source, workspace};

/// The folders of the two migrations. The app's own later migrations sort behind them.
const MIGRATIONS: [&str; 2] = ["2026-11-01-000001_create_tables", "2026-11-01-000002_add_constraints"];

/// What a new `mapping.toml` holds.
const EMPTY_MAPPING: &str =
    "# What a human decided. Everything else follows from the SQLite schema.\nformat = 1\n";

/// The options of `generate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    cargo xtask generate                                    after a change of mapping.toml\n  \
    cargo xtask generate --check                            is everything up to date? (CI)\n  \
    cargo xtask generate --sqlite other.db --out plans/other   a plan for another database")]
pub(crate) struct GenerateArgs {
    /// The database whose schema is read and whose values are counted. Default: the legacy migrations, without data
    #[arg(long, value_name = "FILE")]
    sqlite: Option<PathBuf>,

    /// The folder that gets plan.json, migrations/ and both schemas, and that holds mapping.toml. Default: this
    /// workspace's schema crates
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Change nothing; show how stale files differ, and end with 1 where one is
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,

    /// Change nothing; show the plan and what would be written
    #[arg(long)]
    dry_run: bool,
}

/// Runs `generate`.
pub(crate) fn run(args: &GenerateArgs) -> anyhow::Result<Exit> {
    let mode = match (args.check, args.dry_run) {
        (true, _) => Mode::Check,
        (_, true) => Mode::DryRun,
        _ => Mode::Write,
    };
    let (schema, profile) = match &args.sqlite {
        None => (source::legacy_schema()?, None),
        Some(path) => {
            let source = SourceConnection::open_live(path)?;
            let schema = introspect::introspect(&source)?;
            let profile = profile(&source, &schema)?;
            (schema, Some(profile))
        }
    };
    let folder = args.out.clone().unwrap_or_else(workspace::plan_dir);
    let mapping_path = folder.join("mapping.toml");
    let mapping_text = match std::fs::read_to_string(&mapping_path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && args.out.is_some() => {
            EMPTY_MAPPING.to_owned()
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", mapping_path.display()));
        }
    };
    let mapping = Mapping::from_toml(&mapping_text)
        .with_context(|| format!("{} cannot be used", workspace::shown(&mapping_path)))?;
    let plan = planner::plan(&schema, profile.as_ref(), &mapping).context("no plan can be made")?;
    if args.dry_run {
        output::stdout(&render::plan_summary(&printable_plan(&plan)?))?;
    }
    let mut files = plan_files(&folder, &plan, args.out.is_some(), &schema);
    if args.out.is_some() {
        files.push(GeneratedFile { path: mapping_path, content: mapping_text });
    }
    apply(&files, mode)
}

/// The files of a plan. With a folder of their own the Diesel schemas lie in it, else in the workspace's crates.
fn plan_files(
    folder: &Path,
    plan: &migrate_core::plan::Plan,
    is_apart: bool,
    schema: &SourceSchema,
) -> Vec<GeneratedFile> {
    let migrations = [render::create_tables(plan), render::create_constraints(plan)];
    let mut files = vec![GeneratedFile { path: folder.join("plan.json"), content: render::plan_json(plan) }];
    for (name, migration) in MIGRATIONS.into_iter().zip(migrations) {
        let folder = folder.join("migrations").join(name);
        files.push(GeneratedFile { path: folder.join("up.sql"), content: migration.up });
        files.push(GeneratedFile { path: folder.join("down.sql"), content: migration.down });
    }
    let (target_schema, source_schema) = if is_apart {
        (folder.join("schema.rs"), folder.join("source_schema.rs"))
    } else {
        (folder.join("src/schema.rs"), workspace::root().join("schema-sqlite/src/schema.rs"))
    };
    files.push(GeneratedFile { path: target_schema, content: render::target_diesel_schema(plan) });
    files.push(GeneratedFile { path: source_schema, content: render::source_diesel_schema(schema) });
    files
}
