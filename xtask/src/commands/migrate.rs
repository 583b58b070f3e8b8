//! `cargo xtask migrate`: moves a SQLite database into PostgreSQL, and proves that everything arrived.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use diesel_migrations::FileBasedMigrations;
use migrate_core::render;
use row_mover::run::{self, Outcome, Request};
use row_mover::target::TargetUrl;

use crate::display::printable_plan;
use crate::exit::Exit;
use crate::private::{IfAbsent, LastMigration};
use crate::report::{self, Target};
use crate::screen::Screen;
use crate::target::{self, TargetArgs};
use crate::{output, plan_folder, private, source, workspace};

/// The options of `migrate`.
#[derive(Args, Debug)]
#[command(
    after_help = "Phases: preflight, seal, schema, rows, constraints, validate. A run that was interrupted goes on when the \
    same command is given again.\n\n\
    Exit status: 0 moved and proven, 1 values that cannot move or differences found, 2 could not run or refused.\n\n\
    Examples:\n  \
    cargo xtask migrate --sample\n  \
    cargo xtask migrate --sqlite data/hyperpage.db --dry-run\n  \
    cargo xtask migrate --postgres 'postgres://app@db.example/hyperpage?sslmode=verify-full'"
)]
pub(crate) struct MigrateArgs {
    /// The SQLite file. Default: DATABASE_PATH, else data/hyperpage.db
    #[arg(long, value_name = "FILE", conflicts_with = "sample")]
    sqlite: Option<PathBuf>,

    /// Move a made-up Hyperpage database; goes to the private PostgreSQL unless --postgres says otherwise
    #[arg(long)]
    sample: bool,

    /// How many jobs the sample has
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "sample",
          value_parser = clap::value_parser!(u64).range(0..=50_000_000))]
    rows: u64,

    #[command(flatten)]
    target: TargetArgs,

    /// The folder with plan.json and migrations/. Default: schema-pg
    #[arg(long, value_name = "DIR")]
    plan: Option<PathBuf>,

    /// Move the rows of these tables alone; the others are created empty. A table that a foreign key points to must be named,
    /// too
    #[arg(long, value_name = "A,B", value_delimiter = ',',
          value_parser = clap::builder::NonEmptyStringValueParser::new())]
    tables: Vec<String>,

    /// Where sealed copies of the source go
    #[arg(long, value_name = "DIR", default_value = "backups")]
    backup_dir: PathBuf,

    /// How many connections work at once. Default: the processors, at most DB_POOL_MAX
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Option<u32>,

    /// Look at source and target and print the plan, but change nothing
    #[arg(long)]
    dry_run: bool,

    /// Drop what an earlier migration of ours made in the target, and start over with a new copy of the source
    #[arg(long)]
    restart: bool,

    /// With --restart: also drop rows that were written to the target since that migration
    #[arg(long, requires = "restart")]
    discard: bool,

    /// Show the values of differing fields; those of secret columns are never shown
    #[arg(long)]
    show_values: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// Say nothing but the result
    #[arg(long, short)]
    quiet: bool,
}

/// Runs `migrate`.
pub(crate) fn run(args: &MigrateArgs) -> anyhow::Result<Exit> {
    let settings = target::settings()?;
    let plan_dir = args.plan.clone().unwrap_or_else(workspace::plan_dir);
    let plan = plan_folder::read(&plan_dir)?;
    let migrations = FileBasedMigrations::from_path(plan_dir.join("migrations"))
        .with_context(|| format!("the migrations in {} cannot be read", plan_dir.display()))?;
    let source = if args.sample {
        source::sample(args.rows, output::remarks(args.quiet))?
    } else {
        source::path(args.sqlite.as_deref())
    };
    // A source that cannot be read is told before a server is started for it.
    drop(row_mover::source::SourceConnection::open_live(&source)?);
    let (url, target) = resolve_target(args, &source)?;
    let request = Request {
        source,
        target: url,
        settings,
        plan: &plan,
        migrations: &migrations,
        tables: args.tables.clone(),
        backup_dir: args.backup_dir.clone(),
        workers: workers(args.workers, settings.pool_max),
        restart: args.restart,
        discard: args.discard,
        show_values: args.show_values,
    };
    let screen = Screen::new(args.quiet);
    let outcome = if args.dry_run {
        if !args.json && !args.quiet {
            output::stdout(&render::plan_summary(&printable_plan(&plan)?))?;
        }
        run::dry_run(&request, &screen)
    } else {
        run::migrate(&request, &screen)
    };
    screen.finish();
    let outcome = outcome?;
    if let (Target::Private { database, version }, Outcome::Moved(_) | Outcome::AlreadyDone(_)) =
        (&target, &outcome)
    {
        let plan = std::path::absolute(&plan_dir).unwrap_or(plan_dir);
        let last = LastMigration { database: database.clone(), pg_version: *version, plan: Some(plan) };
        private::remember(last, args.sample)?;
    }
    if args.json {
        output::stdout(&report::migrate_json(&outcome, &plan, &request.target)?)?;
    } else {
        let mut text = report::migrate_text(&outcome, &plan, &request.target);
        if !args.quiet && matches!(outcome, Outcome::Moved(_) | Outcome::AlreadyDone(_)) {
            text.push_str(&report::where_to_look(&request.target, &target));
        }
        output::stdout(&text)?;
    }
    Ok(match outcome {
        Outcome::Rejected { .. } => Exit::Differences,
        Outcome::Moved(moved) if !moved.validation.is_proven() => Exit::Differences,
        _ => Exit::Done,
    })
}

/// The target that is named, or a database of the private PostgreSQL. A sample never goes where the environment points:
/// that may be production.
fn resolve_target(args: &MigrateArgs, source: &Path) -> anyhow::Result<(TargetUrl, Target)> {
    let is_free_to_look_around = !args.sample || args.target.postgres.is_some();
    if is_free_to_look_around && let Some(url) = target::named(&args.target)? {
        return Ok((url, Target::Named));
    }
    let say = output::remarks(args.quiet);
    if args.sample
        && args.target.pg_version.is_none()
        && let Some(variable) = target::variable()
    {
        say(&format!(
            "{variable} is set and not used: the sample goes to the private PostgreSQL; validate it with `cargo xtask validate \
             --sample`"
        ));
    }
    let cluster = private::cluster(args.target.pg_version, say)?;
    let database =
        if args.sample { format!("hyperpage_sample_{}", args.rows) } else { private::database_name(source) };
    let if_absent = if args.dry_run { IfAbsent::StandIn } else { IfAbsent::Create };
    let url = TargetUrl::parse(&private::database_url(&cluster, &database, if_absent)?)?;
    Ok((url, Target::Private { database, version: args.target.pg_version }))
}

/// As many as are asked for, else as there are processors, never more than the pool may have.
pub(crate) fn workers(asked: Option<u32>, pool_max: u32) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let limit = usize::try_from(pool_max).unwrap_or(usize::MAX);
    asked.and_then(|workers| usize::try_from(workers).ok()).unwrap_or(processors).min(limit).max(1)
}
