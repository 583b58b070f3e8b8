//! `cargo xtask validate`: reads everything back from PostgreSQL and compares it with the sealed copy.

use std::path::PathBuf;

use ::report::Report;
use ::report::model::Command;
use anyhow::Context;
use clap::Args;
use diesel_migrations::FileBasedMigrations;
use migrate_core::phase::Phase;
use postgres_client::{TargetUrl, pool};
use row_mover::ledger::{self, Run};
use row_mover::run::{self, Purpose, Validation, ValidationRequest};
use row_mover::validate::CompareOptions;

use crate::cleanup::MigrationProof;
use crate::commands::cleanup::CleanupArgs;
use crate::commands::migrate;
use crate::exit::Exit;
use crate::report::{CiArgs, DieselSchema, Muted, ReportArgs, ReportFiles, Subject, not_moved};
use crate::screen::Screen;
use crate::stop::Stop;
use crate::target::{self, TargetArgs};
use crate::{output, plan_folder, private, report, source, source_plan, workspace};

/// The options of `validate`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 everything holds, 1 not proven, 2 could not run. With --since-cutover: 0 nothing was written\n\
    since, 1 something was.\n\n\
    Examples:\n  \
    cargo xtask validate      what the last `migrate` moved into the private PostgreSQL\n  \
    cargo xtask validate --postgres postgres://app@db.example/hyperpage --json\n  \
    cargo xtask validate --since-cutover   what the app has written since"
)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// What the last `migrate --sample` moved into the private PostgreSQL, whatever the environment names
    #[arg(long, conflicts_with = "postgres")]
    sample_database: bool,

    /// Insert nothing, not even in a transaction that is rolled back: constraints are compared as they are declared alone, and not by
    /// what they refuse
    #[arg(long)]
    read_only: bool,

    /// Say what was added, changed and deleted in PostgreSQL since the migration; writes no report, and leaves the proof as it is
    #[arg(long, conflicts_with_all = ["report_dir", "no_report", "github", "junit"])]
    since_cutover: bool,

    /// The folder with the plan's migrations. Default: the one that was migrated by where that is remembered, else schema-pg
    #[arg(long, value_name = "DIR")]
    plan: Option<PathBuf>,

    /// End with 0 even where the plan knows of rows that break constraints
    #[arg(long)]
    accept_broken_constraints: bool,

    /// Show the values of differing fields; those of secret columns are never shown
    #[arg(long)]
    show_values: bool,

    /// How many tables are compared at once. Default: the processors, at most DB_POOL_MAX
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Option<u32>,

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

/// Runs `validate`.
pub(crate) fn run(args: &ValidateArgs) -> anyhow::Result<Exit> {
    args.ci.saying_errors(args.json, || run_to_its_end(args))
}

fn run_to_its_end(args: &ValidateArgs) -> anyhow::Result<Exit> {
    let stop = Stop::listen()?;
    if !args.since_cutover {
        args.report.check()?;
        args.ci.check()?;
    }
    let muted = Muted::begin(&args.ci, args.json)?;
    let settings = target::settings()?;
    let (url, remembered) = resolve_target(&args.target, args.sample_database, output::remarks(args.quiet))?;
    let is_told = args.plan.is_some() || remembered.is_some();
    let folder = args.plan.clone().or(remembered).unwrap_or_else(workspace::plan_dir);
    // A plan that was made for its source lies in no folder that is known here.
    let made = match is_told {
        true => None,
        // Whatever keeps the ledger from being read, validation says in its own words.
        false => source_plan::last(&url, &settings).ok().flatten(),
    };
    let made = made.map(|plan| plan_folder::migrations_of(&plan)).transpose()?;
    let place = made.as_ref().map_or_else(|| folder.join("migrations"), |made| made.path().to_owned());
    let migrations = FileBasedMigrations::from_path(&place).with_context(|| {
        format!(
            "the migrations in {} cannot be read; name the folder of the plan with --plan",
            workspace::shown(&folder)
        )
    })?;
    let request = ValidationRequest {
        target: url,
        settings,
        migrations: &migrations,
        options: CompareOptions {
            show_values: args.show_values,
            workers: migrate::workers(args.workers, settings.pool_max),
            read_only: args.read_only,
        },
        purpose: if args.since_cutover { Purpose::ChangesSince } else { Purpose::Proof },
    };
    let screen = Screen::new(args.quiet, stop.clone());
    let result = stop.in_order(&request.target, &settings, || run::validate(&request, &screen));
    screen.finish();
    let (run, mut validation) = result.map_err(|error| {
        stop.explain(error, || "Nothing was changed. Run the same command again.".to_owned())
    })?;
    if args.since_cutover {
        drop(muted);
        return say_changes(args, &run, &validation, &request.target);
    }
    // The database is as the plan says; the Diesel schema that the app compiles against must be so, too.
    let diesel_schema = if is_told || plan_folder::holds(&folder, &run.state.subject.plan_sha256)? {
        plan_folder::schema_difference(&folder, &run.plan)?.map_or(DieselSchema::Same, DieselSchema::Differs)
    } else {
        output::note(&format!(
            "warning: no Diesel schema was compared: run {} has another plan than {}; name the folder of its plan with --plan",
            run.id,
            workspace::shown(&folder)
        ));
        DieselSchema::NotCompared(
            "the run has another plan than the folder at hand: name its folder with --plan",
        )
    };
    let is_compared = !matches!(diesel_schema, DieselSchema::NotCompared(_));
    if let DieselSchema::Differs(difference) = &diesel_schema {
        validation.schema.push(difference.clone());
    }
    let reported = reported(args, &run, &validation, diesel_schema, &request);
    let files = reported.as_ref().ok().and_then(|(_, files)| files.as_ref());
    if args.json {
        let folder = files.map(|files| files.folder.as_path());
        output::stdout(&report::validate_json(&run, &validation, &request.target, is_compared, folder)?)?;
    } else {
        let end = files.map(ReportFiles::line).unwrap_or_default();
        output::stdout(&report::validation_text(&run, &validation, &request.target, &end))?;
    }
    drop(muted);
    if let Some(report) = reported?.0 {
        args.ci.say(&report, args.json)?;
    }
    let is_rejected = validation.tables.iter().any(|table| table.rejected + table.nulled > 0);
    let is_broken = !run.plan.breaches.is_empty() && !args.accept_broken_constraints;
    let is_found = !validation.is_proven() || !validation.is_source_sound();
    Ok(if is_found || is_broken || is_rejected { Exit::Differences } else { Exit::Done })
}

fn say_changes(
    args: &ValidateArgs,
    run: &Run,
    validation: &Validation,
    url: &TargetUrl,
) -> anyhow::Result<Exit> {
    output::stdout(&if args.json {
        report::changes_json(run, validation, url)?
    } else {
        report::changes_text(run, validation, url)
    })?;
    Ok(if report::has_changes(validation) { Exit::Differences } else { Exit::Done })
}

/// The report, where anybody wants it, and the files that it was written to.
fn reported<M>(
    args: &ValidateArgs,
    run: &Run,
    validation: &Validation,
    diesel_schema: DieselSchema,
    request: &ValidationRequest<'_, M>,
) -> anyhow::Result<(Option<Report>, Option<ReportFiles>)> {
    if !args.report.is_wanted() && !args.ci.is_wanted() {
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
    let files = args.report.write(&report, &run.seal)?;
    Ok((Some(report), files))
}

/// The target that is named, or where the last migration into the private PostgreSQL went, with the folder of its plan.
fn resolve_target(
    args: &TargetArgs,
    is_sample: bool,
    say: impl Fn(&str),
) -> anyhow::Result<(TargetUrl, Option<PathBuf>)> {
    if !is_sample && let Some(url) = target::named(args)? {
        return Ok((url, None));
    }
    let memory = private::remembered()?;
    private::recall(if is_sample { memory.sample } else { memory.last }, args.pg_version, is_sample, say)
}

/// Whether a validated migration stands in the ledger of the target that `cleanup` is to rely on.
pub(crate) fn migration_proof(args: &CleanupArgs) -> anyhow::Result<MigrationProof> {
    let named = TargetArgs { postgres: args.postgres.clone(), pg_version: None };
    let not_validated = |reason: String| MigrationProof::NotValidated {
        reason,
        next: "run `cargo xtask migrate` until it ends with its proof".to_owned(),
    };
    if target::named(&named)?.is_none() && private::remembered()?.last.is_none() {
        return Ok(not_validated("no migration has been made from this checkout".to_owned()));
    }
    let (url, _) = resolve_target(&named, false, output::note)?;
    let settings = target::settings()?;
    run::check_target(&url, &settings)?;
    let pool = pool::open(&url, &settings)?;
    let mut connection = pool::get(&pool)?;
    let last = ledger::last_run(&mut connection)?;
    let integrity = match &last {
        Some(run) => ledger::integrity(&mut connection, run.id)?,
        None => None,
    };
    let is_damaged = integrity.is_some_and(|found| !found.problems.is_empty());
    Ok(match last {
        None => not_validated(format!("{url} holds no migration")),
        Some(run) => match run.validated_at.filter(|_| run.state.done.contains(&Phase::Constraints)) {
            Some(_) if source::is_sample(&run.seal.source_path) => {
                not_validated(format!("run {} in {url} moved a sample, not the app's database", run.id))
            }
            Some(_) if not_moved(&run.plan, &run.state.subject.tables).next().is_some() => {
                not_validated(format!("run {} in {url} moved some of the tables alone", run.id))
            }
            Some(_) if is_damaged => not_validated(format!(
                "the indexes of the database that run {} moved do not agree with its tables (integrity_check)",
                run.id
            )),
            Some(finished_at) => MigrationProof::Validated {
                run: run.id.to_string(),
                finished_at,
                target: url.to_string(),
                seal: Box::new(run.seal),
            },
            None => not_validated(format!("run {} in {url} is not validated", run.id)),
        },
    })
}
