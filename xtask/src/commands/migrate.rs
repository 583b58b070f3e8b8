//! `cargo xtask migrate`: moves a SQLite database into PostgreSQL, and proves that everything arrived.
//!
//! Here are the options and the order of the steps. `plan` chooses the plan, and `result` prints the result.

mod baseline;
mod plan;
mod result;
mod undo;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use migrate_core::phase::Phase;
use migrate_core::plan::Plan;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::run::{self, Outcome, Request};
use row_mover::status::{self, Standing};
use row_mover::target::migration::Migration;

use crate::exit::Exit;
use crate::plan_text::plan_text;
use crate::private::{IfAbsent, LastMigration};
use crate::report::{Target, counted};
use crate::run_context::{OutputArgs, RunContext};
use crate::source_plan::{PlanArgs, RejectArgs};
use crate::target::{self, TargetArgs};
use crate::{open_tables, output, private, source};
use plan::{PlanChoice, PlanToFollow};

/// The options of `migrate`.
#[derive(Args, Debug)]
#[command(
    next_help_heading = "Source and target",
    after_help = "Exit status: 0 moved and proven, 1 rejects, broken constraints or differences found,\n\
    2 could not run or refused, 130 or 143 stopped by SIGINT or SIGTERM. A run that was interrupted\n\
    resumes when the same command is given again.\n\n\
    Examples:\n  \
    cargo xtask migrate --sample                            try it with a generated database\n  \
    cargo xtask migrate --sqlite any.db --dry-run           print the plan, change nothing\n  \
    cargo xtask migrate --sqlite any.db                     into the private PostgreSQL\n  \
    cargo xtask migrate --sqlite any.db --integrity-check   also check the file's own indexes\n  \
    cargo xtask migrate --sqlite any.db --postgres postgres://app@db.example/shop\n\n\
    -h lists the common options, --help all of them."
)]
pub(crate) struct MigrateArgs {
    /// The SQLite file [default: DATABASE_PATH, else data/hyperpage.db]
    #[arg(long, value_name = "FILE", conflicts_with = "sample")]
    sqlite: Option<PathBuf>,

    /// Move a generated Hyperpage database, into the private PostgreSQL unless --postgres is given
    #[arg(long)]
    sample: bool,

    /// Jobs in the generated database
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "sample", hide_short_help = true,
          value_parser = clap::value_parser!(u64).range(0..=50_000_000))]
    rows: u64,

    #[command(flatten)]
    target: TargetArgs,

    /// The role that the created tables belong to [default: the owner of the database or schema, if this role may become it]
    #[arg(long, value_name = "ROLE", hide_short_help = true, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    owner: Option<String>,

    /// Move the rows of these tables only; the other tables are created empty. Name the parents of foreign keys too
    #[arg(long, value_name = "A,B", value_delimiter = ',', hide_short_help = true,
          value_parser = clap::builder::NonEmptyStringValueParser::new())]
    tables: Vec<String>,

    /// The folder of a reviewed plan [default: schema-pg for Hyperpage's database, else plans/NAME]
    ///
    /// It holds plan.json and migrations/. Without it Hyperpage's database follows the plan in schema-pg; for any other database a plan
    /// is made from the file and kept in plans/NAME.
    #[arg(long, value_name = "DIR", help_heading = "Plan")]
    plan: Option<PathBuf>,

    #[command(flatten)]
    planning: PlanArgs,

    #[command(flatten)]
    rejects: RejectArgs,

    /// The folder for rejected rows; each run has a folder of its own in it
    #[arg(
        long,
        value_name = "DIR",
        default_value = "rejects",
        hide_short_help = true,
        help_heading = "Values that do not fit"
    )]
    rejects_dir: PathBuf,

    /// Exit with 0 although rows break constraints of the source, which are then NOT VALID or weaker in PostgreSQL
    #[arg(long, hide_short_help = true, help_heading = "Values that do not fit")]
    accept_broken_constraints: bool,

    /// Do not write the plan's migrations into the list of Drizzle's migrator
    ///
    /// Where the plan is for Drizzle, drizzle.__drizzle_migrations lists its migrations as applied once the schema is complete, so that
    /// the app's first start runs none of them. With this option Drizzle's migrator tries to create the tables again, and fails. The same
    /// command without it writes the list later.
    #[arg(long, hide_short_help = true, help_heading = "Running")]
    no_baseline: bool,

    /// Also run SQLite's integrity_check over the sealed copy, while the rows move
    ///
    /// It finds indexes of the source that do not agree with their tables, through which the app may have read wrong results. The proof
    /// does not depend on it: rows are read by a scan of their table. It takes about as long as moving the rows. `validate
    /// --integrity-check` runs it later, and `cutover` and `cleanup` run it themselves where the ledger has no result.
    #[arg(long, conflicts_with_all = ["dry_run", "undo"], hide_short_help = true, help_heading = "Running")]
    integrity_check: bool,

    /// Read source and target and print the plan, but change nothing
    #[arg(long, help_heading = "Running")]
    dry_run: bool,

    /// With --dry-run: print every detail of the plan, with what was counted in each column
    #[arg(long, short, requires = "dry_run", hide_short_help = true, help_heading = "Running")]
    verbose: bool,

    /// Drop what an earlier migration created in the target, and start over
    #[arg(long, group = "removal", help_heading = "Running")]
    restart: bool,

    /// Put the target back as it was before a migration that is not finished
    ///
    /// Rows that were loaded are deleted, foreign keys, triggers, rows and sequences of the app come back, and what the migration has
    /// created is dropped. With --dry-run it shows what it would do. Neither the source nor the plan is read.
    #[arg(long, group = "removal", help_heading = "Running")]
    undo: bool,

    /// With --restart or --undo: also drop rows that were written to the target since that migration
    #[arg(long, requires = "removal", hide_short_help = true, help_heading = "Running")]
    discard: bool,

    /// Connections that work at once [default: the number of processors, at most DB_POOL_MAX]
    #[arg(long, value_name = "N", hide_short_help = true, help_heading = "Running",
          value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Option<u32>,

    /// The folder for sealed copies of the source
    #[arg(
        long,
        value_name = "DIR",
        default_value = "backups",
        hide_short_help = true,
        help_heading = "Running"
    )]
    backup_dir: PathBuf,

    #[command(flatten)]
    output: OutputArgs,
}

/// Runs `migrate`.
pub(crate) fn run(args: &MigrateArgs) -> anyhow::Result<Exit> {
    args.output.with_annotated_errors(|| migrate(args))
}

fn migrate(args: &MigrateArgs) -> anyhow::Result<Exit> {
    let context = RunContext::begin(&args.output, true)?;
    if args.undo {
        return undo::undo(args, context);
    }
    let source = match args.sample {
        true => source::sample(args.rows, |text| context.remark(text))?,
        false => source::path(args.sqlite.as_deref()),
    };
    // A source or a plan that cannot be read is reported before a server is started for it.
    let choice = PlanChoice::new(args, &source)?;
    let (url, target) = resolve_target(args, &source, &context)?;
    let followed = choice.plan(args, &source, &url, &context)?;
    result::check_diesel_schema(&followed)?;
    let folder = followed.folder.join("migrations");
    let migrations = Migration::in_folder(&folder)
        .with_context(|| format!("the migrations in {} cannot be read", folder.display()))?;
    let request = request(args, source, url, &context.settings, &followed.plan, &migrations);
    let private = remembered(&target, &followed);
    if let (Some(begun), false) = (&private, args.dry_run) {
        private::remember_begun(begun.clone(), args.sample)?;
    }
    let mut outcome = execute(args, &context, &request, &followed)?;
    if let (Some(done), Outcome::Moved(_) | Outcome::AlreadyDone(_)) = (private, &outcome) {
        private::remember(done, args.sample)?;
    }
    result::publish(args, context, &mut outcome, &followed, &request, &target)?;
    Ok(result::exit(args, &outcome, &followed.plan))
}

fn request<'a>(
    args: &MigrateArgs,
    source: PathBuf,
    target: TargetUrl,
    settings: &DbSettings,
    plan: &'a Plan,
    migrations: &'a [Migration],
) -> Request<'a> {
    Request {
        source,
        target,
        settings: *settings,
        plan,
        migrations,
        tables: args.tables.clone(),
        backup_dir: args.backup_dir.clone(),
        rejects_dir: args.rejects_dir.clone(),
        workers: workers(args.workers, settings.pool_max),
        restart: args.restart,
        discard: args.discard,
        chunk_bytes: run::CHUNK_BYTES,
        integrity_check: args.integrity_check,
        show_values: args.output.show_values,
        baseline: (!args.no_baseline).then(|| baseline::of_plan(plan)).flatten(),
        owner: args.owner.clone(),
    }
}

/// Moves everything, or prints the plan and checks source and target.
fn execute(
    args: &MigrateArgs,
    context: &RunContext<'_>,
    request: &Request<'_>,
    followed: &PlanToFollow,
) -> anyhow::Result<Outcome> {
    if args.dry_run && !args.output.json && !args.output.quiet {
        output::stdout(&plan_text(&followed.plan, &followed.mapping, args.verbose)?)?;
    }
    let work = |screen: &crate::screen::Screen| match args.dry_run {
        true => run::dry_run(request, screen),
        false => run::migrate(request, screen),
    };
    context.execute(&request.target, work, || how_to_resume(args, &request.target, &context.settings))
}

/// Records a migration into the private PostgreSQL, for commands that name no target.
fn remembered(target: &Target, followed: &PlanToFollow) -> Option<LastMigration> {
    let Target::Private { database, version } = target else { return None };
    let plan = std::path::absolute(&followed.folder).unwrap_or_else(|_| followed.folder.clone());
    Some(LastMigration { database: database.clone(), pg_version: *version, plan: Some(plan) })
}

/// Describes what a stopped migration has done, and how to resume it. The command itself is not repeated: it may contain a password.
fn how_to_resume(args: &MigrateArgs, target: &TargetUrl, settings: &DbSettings) -> String {
    let status = status::status(target, settings).ok();
    let run = status.filter(|status| status.standing == Standing::Unfinished).and_then(|status| status.run);
    let Some(run) = run.filter(|_| !args.dry_run) else {
        return "Nothing was changed. Run the same command again.".to_owned();
    };
    let done = match (run.chunks(), run.next_phase) {
        ((_, 0), _) | (_, Some(Phase::Preflight | Phase::Seal | Phase::Schema)) => String::new(),
        ((done, all), Some(Phase::Rows)) => format!("{done} of {} are moved. ", counted(all, "chunk")),
        _ => "All rows are moved. ".to_owned(),
    };
    let open = run::open_tables(target, settings).ok().flatten();
    let state = open.map_or_else(String::new, |open| format!("State: {}. ", open_tables::text(Some(&open))));
    let without = if args.restart { ", without --restart" } else { "" };
    let from = run.next_phase.map_or_else(String::new, |phase| format!(" from {phase}"));
    format!("{done}{state}Run the same command again{without}: it resumes{from}.")
}

/// Returns the target that is named, or a database of the private PostgreSQL. A sample never goes where the environment points, which
/// may be production.
fn resolve_target(
    args: &MigrateArgs,
    source: &Path,
    context: &RunContext<'_>,
) -> anyhow::Result<(TargetUrl, Target)> {
    let may_use_environment = !args.sample || args.target.postgres.is_some();
    if may_use_environment && let Some(url) = target::named(&args.target)? {
        return Ok((url, Target::Named));
    }
    if args.sample
        && args.target.pg_version.is_none()
        && let Some(variable) = target::variable()
    {
        context.remark(&format!(
            "{variable} is set and not used: the sample goes to the private PostgreSQL; validate it with `cargo xtask validate \
             --sample-database`"
        ));
    }
    let cluster = private::cluster(args.target.pg_version, |text| context.remark(text))?;
    let database =
        if args.sample { format!("hyperpage_sample_{}", args.rows) } else { private::database_name(source) };
    let if_absent = if args.dry_run { IfAbsent::StandIn } else { IfAbsent::Create };
    let url = TargetUrl::parse(&private::database_url(&cluster, &database, if_absent)?)?;
    Ok((url, Target::Private { database, version: args.target.pg_version }))
}

/// Returns the number of workers: as many as asked for or as there are processors, and never more than the pool may have.
pub(crate) fn workers(asked: Option<u32>, pool_max: u32) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let limit = usize::try_from(pool_max).unwrap_or(usize::MAX);
    asked.and_then(|workers| usize::try_from(workers).ok()).unwrap_or(processors).min(limit).max(1)
}
