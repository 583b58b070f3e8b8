//! `cargo xtask migrate`: moves a SQLite database into PostgreSQL, and proves that everything arrived.

use std::path::{Path, PathBuf};

use ::report::Report;
use ::report::model::Command;
use anyhow::{Context, bail};
use clap::Args;
use diesel_migrations::FileBasedMigrations;
use migrate_core::phase::Phase;
use migrate_core::plan::Plan;
use migrate_core::render;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::rejects::RejectedTable;
use row_mover::run::{self, Outcome, Request};
use row_mover::source::{SourceConnection, introspect};
use row_mover::status::{self, Standing};

use crate::display::printable_plan;
use crate::exit::Exit;
use crate::private::{IfAbsent, LastMigration};
use crate::report::{self, CiArgs, DieselSchema, Muted, ReportArgs, ReportFiles, Subject, Target, counted};
use crate::screen::Screen;
use crate::source_plan::{self, PlanArgs};
use crate::stop::Stop;
use crate::target::{self, TargetArgs};
use crate::{output, plan_folder, private, source, workspace};

/// The options of `migrate`.
#[derive(Args, Debug)]
#[command(
    after_help = "Phases: preflight, seal, schema, rows, constraints, validate. A run that was interrupted goes on when the \
    same command is given again.\n\n\
    Exit status: 0 moved and proven, 1 rejects, broken constraints or differences found, 2 could not run or refused, \
    130 or 143 stopped by SIGINT or SIGTERM, in order.\n\n\
    Examples:\n  \
    cargo xtask migrate --sample\n  \
    cargo xtask migrate --sqlite data/hyperpage.db --dry-run\n  \
    cargo xtask migrate --sqlite any.db                     any other SQLite file\n  \
    cargo xtask migrate --sqlite any.db --into-existing     into the tables that the app made\n  \
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

    /// The folder with plan.json and migrations/. Default: schema-pg for Hyperpage's database; for any other one a plan is made
    /// from the file, and kept in plans/NAME
    #[arg(long, value_name = "DIR")]
    plan: Option<PathBuf>,

    #[command(flatten)]
    planning: PlanArgs,

    /// Move the rows of these tables alone; the others are created empty. A table that a foreign key points to must be named,
    /// too
    #[arg(long, value_name = "A,B", value_delimiter = ',',
          value_parser = clap::builder::NonEmptyStringValueParser::new())]
    tables: Vec<String>,

    /// Where sealed copies of the source go
    #[arg(long, value_name = "DIR", default_value = "backups")]
    backup_dir: PathBuf,

    /// Where rejected rows are written down, in a folder for each run
    #[arg(long, value_name = "DIR", default_value = "rejects")]
    rejects_dir: PathBuf,

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

    /// End with 0 even where rows break constraints of the source, which then come as NOT VALID or weaker
    #[arg(long)]
    accept_broken_constraints: bool,

    /// Show the values of differing fields; those of secret columns are never shown
    #[arg(long)]
    show_values: bool,

    #[command(flatten)]
    report: ReportArgs,

    #[command(flatten)]
    ci: CiArgs,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// Say nothing but the result
    #[arg(long, short)]
    quiet: bool,
}

/// Runs `migrate`.
pub(crate) fn run(args: &MigrateArgs) -> anyhow::Result<Exit> {
    args.ci.saying_errors(args.json, || run_to_its_end(args))
}

fn run_to_its_end(args: &MigrateArgs) -> anyhow::Result<Exit> {
    let stop = Stop::listen()?;
    args.report.check()?;
    args.ci.check()?;
    let muted = Muted::begin(&args.ci, args.json)?;
    let settings = target::settings()?;
    let source = if args.sample {
        source::sample(args.rows, output::remarks(args.quiet))?
    } else {
        source::path(args.sqlite.as_deref())
    };
    // A source or a plan that cannot be read is told before a server is started for it.
    let kind = plan_kind(args, &source)?;
    let (url, target) = resolve_target(args, &source)?;
    let Planned { plan, folder: plan_dir, scratch: _scratch } =
        planned(args, kind, &source, &url, &settings)?;
    let migrations = FileBasedMigrations::from_path(plan_dir.join("migrations"))
        .with_context(|| format!("the migrations in {} cannot be read", plan_dir.display()))?;
    let request = Request {
        source,
        target: url,
        settings,
        plan: &plan,
        migrations: &migrations,
        tables: args.tables.clone(),
        backup_dir: args.backup_dir.clone(),
        rejects_dir: args.rejects_dir.clone(),
        workers: workers(args.workers, settings.pool_max),
        restart: args.restart,
        discard: args.discard,
        chunk_bytes: run::CHUNK_BYTES,
        show_values: args.show_values,
    };
    let private = match &target {
        Target::Private { database, version } => {
            let plan = std::path::absolute(&plan_dir).unwrap_or_else(|_| plan_dir.clone());
            Some(LastMigration { database: database.clone(), pg_version: *version, plan: Some(plan) })
        }
        Target::Named => None,
    };
    if let (Some(begun), false) = (&private, args.dry_run) {
        private::remember_begun(begun.clone(), args.sample)?;
    }
    let screen = Screen::new(args.quiet, stop.clone());
    let outcome = if args.dry_run {
        if !args.json && !args.quiet {
            output::stdout(&render::plan_summary(&printable_plan(&plan)?))?;
        }
        stop.in_order(&request.target, &settings, || run::dry_run(&request, &screen))
    } else {
        stop.in_order(&request.target, &settings, || run::migrate(&request, &screen))
    };
    screen.finish();
    let outcome =
        outcome.map_err(|error| stop.explain(error, || how_to_go_on(args, &request.target, &settings)))?;
    if let (Some(done), Outcome::Moved(_) | Outcome::AlreadyDone(_)) = (private, &outcome) {
        private::remember(done, args.sample)?;
    }
    let reported = reported(args, &outcome, &plan, &request);
    say(
        args,
        &outcome,
        &plan,
        &request.target,
        &target,
        reported.as_ref().ok().and_then(|(_, files)| files.as_ref()),
    )?;
    drop(muted);
    match reported? {
        (Some(report), _) => args.ci.say(&report, args.json)?,
        (None, _) => {
            let is_bad = matches!(outcome, Outcome::Rejected { .. });
            let title = if is_bad { "Nothing was moved" } else { "No new migration" };
            let words = report::other_text(&outcome, &request.target, situation(args, &plan));
            args.ci.say_without_report(is_bad, title, &words, args.json)?;
        }
    }
    let is_broken = !plan.breaches.is_empty() && !args.accept_broken_constraints;
    Ok(match outcome {
        Outcome::Rejected { .. } => Exit::Differences,
        Outcome::Moved(_) | Outcome::AlreadyDone(_) if is_broken => Exit::Differences,
        Outcome::Moved(moved) if !moved.rejected.is_empty() => Exit::Differences,
        Outcome::AlreadyDone(done) if done.rejected.is_any() => Exit::Differences,
        Outcome::Moved(moved) if !(moved.validation.is_proven() && moved.validation.is_source_sound()) => {
            Exit::Differences
        }
        _ => Exit::Done,
    })
}

fn situation<'a>(args: &'a MigrateArgs, plan: &'a Plan) -> report::Situation<'a> {
    report::Situation { plan, folder: args.plan.as_deref() }
}

/// Prints the result, and where its report lies.
fn say(
    args: &MigrateArgs,
    outcome: &Outcome,
    plan: &Plan,
    url: &TargetUrl,
    target: &Target,
    files: Option<&ReportFiles>,
) -> anyhow::Result<()> {
    if args.json {
        return output::stdout(&report::migrate_json(
            outcome,
            plan,
            url,
            files.map(|files| files.folder.as_path()),
        )?);
    }
    let mut end = files.map(ReportFiles::line).unwrap_or_default();
    if !args.quiet && matches!(outcome, Outcome::Moved(_) | Outcome::AlreadyDone(_)) {
        end.push_str(&report::where_to_look(url, target));
    }
    output::stdout(&match outcome {
        Outcome::Moved(moved) => report::moved_text(moved, plan, &end),
        other => format!("{}{end}", report::other_text(other, url, situation(args, plan))),
    })
}

/// The report of what was moved and compared, where anybody wants it, and the files that it was written to.
fn reported<M>(
    args: &MigrateArgs,
    outcome: &Outcome,
    plan: &Plan,
    request: &Request<'_, M>,
) -> anyhow::Result<(Option<Report>, Option<ReportFiles>)> {
    let Outcome::Moved(moved) = outcome else { return Ok((None, None)) };
    if !args.report.is_wanted() && !args.ci.is_wanted() {
        return Ok((None, None));
    }
    let tables: Vec<String> = moved.tables.iter().map(|done| done.table.clone()).collect();
    let file = |rejected: &RejectedTable| (rejected.table.clone(), rejected.file.display().to_string());
    let subject = Subject {
        command: Command::Migrate,
        run: moved.run,
        seal: &moved.seal,
        plan,
        tables: &tables,
        validation: &moved.validation,
        reject_files: moved.rejected.iter().map(file).collect(),
        diesel_schema: DieselSchema::NotCompared("cargo xtask validate compares it"),
    };
    let report = report::build(&subject, &request.target, &request.settings)?;
    let files = args.report.write(&report, &moved.seal)?;
    Ok((Some(report), files))
}

/// What a migration that was stopped leaves, and how it goes on. The command itself is not repeated: a password may stand in it.
fn how_to_go_on(args: &MigrateArgs, target: &TargetUrl, settings: &DbSettings) -> String {
    let status = status::status(target, settings).ok();
    let run = status.filter(|status| status.standing == Standing::Unfinished).and_then(|status| status.run);
    let Some(run) = run.filter(|_| !args.dry_run) else {
        return "Nothing was changed. Run the same command again.".to_owned();
    };
    let stays = match (run.chunks(), run.next_phase) {
        ((_, 0), _) | (_, Some(Phase::Preflight | Phase::Seal | Phase::Schema)) => String::new(),
        ((done, all), Some(Phase::Rows)) => {
            format!("What is done stays done: {done} of {}. ", counted(all, "chunk"))
        }
        _ => "What is done stays done: all rows are moved. ".to_owned(),
    };
    let without = if args.restart { ", without --restart" } else { "" };
    let from = run.next_phase.map_or_else(String::new, |phase| format!(" from {phase}"));
    format!("{stays}Run the same command again{without}: it goes on{from}.")
}

/// Whose plan a migration follows.
enum PlanKind {
    /// The one in a folder that was reviewed.
    Reviewed(PathBuf, Box<Plan>),
    /// One that is made for the source.
    Made,
}

/// A plan and where its files are.
struct Planned {
    plan: Plan,
    folder: PathBuf,
    /// Where the files are in a folder of their own that goes with the command.
    scratch: Option<tempfile::TempDir>,
}

fn plan_kind(args: &MigrateArgs, source: &Path) -> anyhow::Result<PlanKind> {
    // Whatever is wrong with the source is said before anything about plans.
    drop(SourceConnection::open_live(source)?);
    let folder = args.plan.clone().unwrap_or_else(workspace::plan_dir);
    let read = || plan_folder::read(&folder).map(Box::new);
    if args.plan.is_some() && args.planning.shapes_plan() {
        bail!(
            "a plan in a folder has decided already; give --faithful, --autoincrement, --into-existing and --on-reject text to `{}`",
            plan_folder::generate_command(&folder)
        );
    }
    if args.sample || args.plan.is_some() {
        return Ok(PlanKind::Reviewed(folder.clone(), read()?));
    }
    let plan = read()?;
    let schema = introspect::introspect_live(source)?;
    if !args.planning.shapes_plan() && source_plan::is_meant_for(&plan, &schema) {
        return Ok(PlanKind::Reviewed(folder, plan));
    }
    Ok(PlanKind::Made)
}

/// The plan to follow. One that is made is written to `plans/NAME`, or where nothing may change to a folder that goes again.
fn planned(
    args: &MigrateArgs,
    kind: PlanKind,
    source: &Path,
    target: &TargetUrl,
    settings: &DbSettings,
) -> anyhow::Result<Planned> {
    if let PlanKind::Reviewed(folder, mut plan) = kind {
        args.planning.apply_to_plan(&mut plan);
        return Ok(Planned { plan: *plan, folder, scratch: None });
    }
    let kept = source_plan::folder(source);
    let mapping_text = source_plan::mapping_text(&kept, true)?;
    let mut mapping = source_plan::mapping(&kept, &mapping_text)?;
    args.planning.apply(&mut mapping);
    let recorded = if args.restart { None } else { source_plan::recorded(source, target, settings)? };
    let (schema, plan) = match recorded {
        Some(plan) => (introspect::introspect_live(source)?, plan),
        None => {
            let existing = source_plan::target_schema(&mapping, target, settings, args.restart)?;
            source_plan::make(source, &mapping, existing.as_ref(), args.quiet)?
        }
    };
    let scratch =
        if args.dry_run { Some(tempfile::tempdir().context("no scratch folder can be made")?) } else { None };
    let folder = scratch.as_ref().map_or(kept, |scratch| scratch.path().to_owned());
    source_plan::keep(&folder, &plan, &schema, mapping_text)?;
    if scratch.is_none() {
        output::remarks(args.quiet)(&format!(
            "plan      {} says what each column becomes and why; decide otherwise in its mapping.toml",
            workspace::shown(&folder)
        ));
    }
    Ok(Planned { plan, folder, scratch })
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
             --sample-database`"
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
