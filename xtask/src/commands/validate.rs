//! `cargo xtask validate`: reads everything back from PostgreSQL and compares it with the sealed copy.
//!
//! Here are the options and the order of the steps; the engine compares, and `report` describes the findings.

mod comparison;

use std::path::PathBuf;

use ::report::Report;
use ::report::model::Command;
use anyhow::Context;
use clap::Args;
use migrate_core::plan::Plan;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::comparison::ComparisonSource;
use row_mover::ledger::Run;
use row_mover::run::{self, Purpose, Validation, ValidationRequest};
use row_mover::source::integrity_check::IntegrityState;
use row_mover::target::migration::Migration;
use row_mover::validate::CompareOptions;
use tempfile::TempDir;

use crate::commands::migrate;
use crate::exit::Exit;
use crate::report::{DieselSchema, ReportFiles, Subject};
use crate::run_context::{OutputArgs, RunContext};
use crate::target::{self, TargetArgs};
use crate::{output, plan_folder, private, report, source_plan, workspace};

/// The options of `validate`.
#[derive(Args, Debug)]
#[command(
    next_help_heading = "What to compare",
    after_help = "Exit status: 0 proven, 1 not proven, 2 could not run.\n\
    With --since-cutover: 0 nothing was written since, 1 something was.\n\
    With --sqlite: 0 equal (values may have another form), 1 different.\n\n\
    Examples:\n  \
    cargo xtask validate                     what the last `migrate` moved into the private PostgreSQL\n  \
    cargo xtask validate --postgres postgres://app@db.example/shop --json\n  \
    cargo xtask validate --integrity-check   also check the indexes of the sealed copy\n  \
    cargo xtask validate --since-cutover     what the app has written since\n  \
    cargo xtask validate --sqlite app.db --postgres postgres://app@db.example/shop\n\n\
    -h lists the common options, --help all of them."
)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Compare what the last `migrate --sample` moved into the private PostgreSQL, whatever the environment names
    #[arg(long, conflicts_with = "postgres")]
    sample_database: bool,

    /// Compare this SQLite file with a PostgreSQL that any tool may have filled; needs no ledger, and only the right to SELECT
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sample_database", "since_cutover"])]
    sqlite: Option<PathBuf>,

    /// With --sqlite: the schemas to search, in order [default: the role's search path]
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "sqlite", hide_short_help = true)]
    schema: Vec<String>,

    /// The folder with the plan's migrations [default: the folder of the last migration where it is known, else schema-pg]
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    plan: Option<PathBuf>,

    /// Where the sealed copy is now, if it was moved; its SHA-256 must be the one in the ledger. With --sqlite: a copy that is compared
    /// instead of a new one
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    sealed_copy: Option<PathBuf>,

    /// List what was added, changed and deleted in PostgreSQL since the migration; writes no report and keeps the proof
    #[arg(long, conflicts_with_all = ["report_dir", "no_report", "github", "junit"], help_heading = "Running")]
    since_cutover: bool,

    /// Insert nothing, not even in a transaction that is rolled back: constraints are compared by their declarations only
    #[arg(long, hide_short_help = true, help_heading = "Running")]
    read_only: bool,

    /// Also run SQLite's integrity_check over the sealed copy, unless the ledger has its result
    ///
    /// It finds indexes of the source that do not agree with their tables, through which the app may have read wrong results. The proof
    /// does not depend on it: rows are read by a scan of their table. It takes about as long as moving the rows. `cutover` and `cleanup`
    /// run it themselves where the ledger has no result.
    #[arg(long, conflicts_with_all = ["since_cutover", "sqlite"], help_heading = "Running")]
    integrity_check: bool,

    /// Exit with 0 although the plan knows of rows that break constraints
    #[arg(long, hide_short_help = true, help_heading = "Running")]
    accept_broken_constraints: bool,

    /// Tables that are compared at once [default: the number of processors, at most DB_POOL_MAX]
    #[arg(long, value_name = "N", hide_short_help = true, help_heading = "Running",
          value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Option<u32>,

    #[command(flatten)]
    output: OutputArgs,
}

/// Runs `validate`.
pub(crate) fn run(args: &ValidateArgs) -> anyhow::Result<Exit> {
    args.output.with_annotated_errors(|| validate(args))
}

fn validate(args: &ValidateArgs) -> anyhow::Result<Exit> {
    let context = RunContext::begin(&args.output, !args.since_cutover)?;
    let remark = |text: &str| context.remark(text);
    let (url, remembered) = resolve_target(&args.target, args.sample_database, remark)?;
    if let Some(file) = &args.sqlite {
        let source = args.sealed_copy.as_deref();
        let source = source.map_or(ComparisonSource::Live(file), ComparisonSource::Sealed);
        return comparison::run(args, context, source, url);
    }
    let folder = PlanFolder::find(args, remembered, &url, &context.settings)?;
    let migrations = folder.migrations()?;
    let request = request(args, url, &context.settings, &migrations);
    let remedy = || "Nothing was changed. Run the same command again.".to_owned();
    let work = |screen: &crate::screen::Screen| {
        run::validate_with_copy(&request, args.sealed_copy.as_deref(), screen)
    };
    let (run, mut validation) = context.execute(&request.target, work, remedy)?;
    if args.since_cutover {
        context.end_suppressed_output();
        return print_changes(args, &run, &validation, &request.target);
    }
    // The database is as the plan describes it; the Diesel schema that the app compiles against must be too.
    let diesel_schema = folder.compare_diesel_schema(&run)?;
    if let DieselSchema::Differs(difference) = &diesel_schema {
        validation.schema.push(difference.clone());
    }
    publish(args, context, &run, &validation, diesel_schema, &request)?;
    Ok(exit(args, &run, &validation))
}

fn request<'a>(
    args: &ValidateArgs,
    target: TargetUrl,
    settings: &DbSettings,
    migrations: &'a [Migration],
) -> ValidationRequest<'a> {
    ValidationRequest {
        target,
        settings: *settings,
        migrations,
        options: CompareOptions {
            show_values: args.output.show_values,
            workers: migrate::workers(args.workers, settings.pool_max),
            read_only: args.read_only,
        },
        integrity_check: args.integrity_check,
        purpose: if args.since_cutover { Purpose::ChangesSince } else { Purpose::Proof },
    }
}

fn exit(args: &ValidateArgs, run: &Run, validation: &Validation) -> Exit {
    let is_rejected = validation.tables.iter().any(|table| table.rejected + table.nulled > 0);
    let is_broken = !run.plan.breaches.is_empty() && !args.accept_broken_constraints;
    let is_damaged = validation.integrity_state() == IntegrityState::Problems;
    if validation.is_proven() && !is_damaged && !is_broken && !is_rejected {
        Exit::Done
    } else {
        Exit::Differences
    }
}

/// The folder of the plan that was migrated.
struct PlanFolder {
    path: PathBuf,
    /// Whether it is the run's folder: named by the user, or remembered.
    is_known: bool,
    /// Whether the run loads into tables of an app, which has a schema of its own to compile against.
    is_into_existing: bool,
    /// The migrations of the ledger's plan, where it was made for its source and its folder is not known, or for tables of an app.
    rendered: Option<TempDir>,
}

impl PlanFolder {
    fn find(
        args: &ValidateArgs,
        remembered: Option<PathBuf>,
        url: &TargetUrl,
        settings: &DbSettings,
    ) -> anyhow::Result<PlanFolder> {
        let is_known = args.plan.is_some() || remembered.is_some();
        let path = args.plan.clone().or(remembered).unwrap_or_else(workspace::plan_dir);
        // Validation reports why the ledger cannot be read.
        let recorded = source_plan::last(url, settings).ok().flatten();
        let is_into_existing = recorded.as_ref().is_some_and(Plan::is_into_existing);
        let recorded = recorded.filter(|_| !is_known || is_into_existing);
        let rendered = recorded.map(|plan| plan_folder::migrations_of(&plan)).transpose()?;
        Ok(PlanFolder { path, is_known, is_into_existing, rendered })
    }

    fn migrations(&self) -> anyhow::Result<Vec<Migration>> {
        let folder = self
            .rendered
            .as_ref()
            .map_or_else(|| self.path.join("migrations"), |made| made.path().to_owned());
        Migration::in_folder(&folder).with_context(|| {
            format!(
                "the migrations in {} cannot be read; name the folder of the plan with --plan",
                workspace::shown(&self.path)
            )
        })
    }

    fn compare_diesel_schema(&self, run: &Run) -> anyhow::Result<DieselSchema> {
        if self.is_into_existing {
            return Ok(DieselSchema::NotCompared("the app's tables are its own, and so is its schema.rs"));
        }
        if self.is_known || plan_folder::holds(&self.path, &run.state.subject.plan_sha256)? {
            let difference = plan_folder::schema_difference(&self.path, &run.plan)?;
            return Ok(difference.map_or(DieselSchema::Same, DieselSchema::Differs));
        }
        output::note(&format!(
            "warning: the Diesel schema was not compared: run {} has another plan than {}; name the folder of its plan with --plan",
            run.id,
            workspace::shown(&self.path)
        ));
        Ok(DieselSchema::NotCompared("the run has another plan than schema-pg: name its folder with --plan"))
    }
}

/// Prints the result and writes its report.
fn publish(
    args: &ValidateArgs,
    context: RunContext<'_>,
    run: &Run,
    validation: &Validation,
    diesel_schema: DieselSchema,
    request: &ValidationRequest<'_>,
) -> anyhow::Result<()> {
    let is_compared = !matches!(diesel_schema, DieselSchema::NotCompared(_));
    // A report that cannot be written does not keep the result from the screen.
    let reported = report_of(args, run, validation, diesel_schema, request);
    let files = reported.as_ref().ok().and_then(|(_, files)| files.as_ref());
    if args.output.json {
        let folder = files.map(|files| files.folder.as_path());
        output::stdout(&report::validate_json(run, validation, &request.target, is_compared, folder)?)?;
    } else {
        let end = files.map(ReportFiles::line).unwrap_or_default();
        output::stdout(&report::validation_text(run, validation, &request.target, &end))?;
    }
    context.end_suppressed_output();
    match reported?.0 {
        Some(report) => args.output.ci.write(&report, args.output.json),
        None => Ok(()),
    }
}

fn print_changes(
    args: &ValidateArgs,
    run: &Run,
    validation: &Validation,
    url: &TargetUrl,
) -> anyhow::Result<Exit> {
    output::stdout(&if args.output.json {
        report::changes_json(run, validation, url)?
    } else {
        report::changes_text(run, validation, url)
    })?;
    Ok(if report::has_changes(validation) { Exit::Differences } else { Exit::Done })
}

/// Builds the report and writes its files, where a report is wanted.
fn report_of<'p>(
    args: &ValidateArgs,
    run: &'p Run<'_>,
    validation: &Validation,
    diesel_schema: DieselSchema,
    request: &ValidationRequest<'_>,
) -> anyhow::Result<(Option<Report<'p>>, Option<ReportFiles>)> {
    if !args.output.wants_report() {
        return Ok((None, None));
    }
    let subject = Subject {
        command: Command::Validate,
        run: run.id,
        seal: &run.seal,
        plan: &run.plan,
        tables: &run.state.subject.tables,
        validation,
        reject_files: Vec::new(),
        diesel_schema,
    };
    let report = report::build(&subject, &request.target, &request.settings)?;
    let files = args.output.report.write(&report, &run.seal)?;
    Ok((Some(report), files))
}

/// Returns the target that is named, or that of the last migration into the private PostgreSQL with the folder of its plan.
pub(crate) fn resolve_target(
    args: &TargetArgs,
    is_sample: bool,
    remark: impl Fn(&str),
) -> anyhow::Result<(TargetUrl, Option<PathBuf>)> {
    if !is_sample && let Some(url) = target::named(args)? {
        return Ok((url, None));
    }
    let memory = private::remembered()?;
    // The last one that began, as for `status`: a run that was interrupted is not proven by the one before it.
    let (begun, done) = match is_sample {
        true => (memory.begun.sample, memory.sample),
        false => (memory.begun.last, memory.last),
    };
    private::recall(begun.or(done), args.pg_version, is_sample, remark)
}
