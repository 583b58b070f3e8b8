//! What `migrate` prints and writes at its end, and its exit status.

use ::report::Report;
use ::report::model::Command;
use anyhow::bail;
use migrate_core::finding::SchemaDifference;
use migrate_core::plan::Plan;
use postgres_client::TargetUrl;
use row_mover::rejects::RejectedTable;
use row_mover::run::{Moved, Outcome, Request};
use row_mover::source::integrity_check::IntegrityState;

use super::MigrateArgs;
use super::plan::PlanToFollow;
use crate::exit::Exit;
use crate::report::{self, DieselSchema, ReportFiles, Subject, Target};
use crate::run_context::RunContext;
use crate::{output, plan_folder};

/// Prints the result and writes its report.
///
/// # Errors
/// When something cannot be written.
pub(super) fn publish(
    args: &MigrateArgs,
    context: RunContext<'_>,
    outcome: &mut Outcome,
    followed: &PlanToFollow,
    request: &Request<'_>,
    target: &Target,
) -> anyhow::Result<()> {
    // A report that cannot be written does not keep the result from the screen.
    let reported = match outcome {
        Outcome::Moved(moved) => report_of(args, moved, followed, request),
        _ => Ok((None, None)),
    };
    let files = reported.as_ref().ok().and_then(|(_, files)| files.as_ref());
    print(args, outcome, followed, &request.target, target, files)?;
    context.end_suppressed_output();
    if let Some(report) = reported?.0 {
        return args.output.ci.write(&report, args.output.json);
    }
    let is_bad = matches!(outcome, Outcome::Rejected { .. });
    let title = if is_bad { "Nothing was moved" } else { "No new migration" };
    let text = report::other_text(outcome, &request.target, situation(args, followed));
    args.output.ci.annotate_outcome(is_bad, title, &text, args.output.json)
}

/// Returns the exit status of a migration.
pub(super) fn exit(args: &MigrateArgs, outcome: &Outcome, plan: &Plan) -> Exit {
    let is_broken = !plan.breaches.is_empty() && !args.accept_broken_constraints;
    match outcome {
        Outcome::Rejected { .. } => Exit::Differences,
        Outcome::Moved(_) | Outcome::AlreadyDone(_) if is_broken => Exit::Differences,
        Outcome::Moved(moved) => {
            let validation = &moved.validation;
            let is_damaged = validation.integrity_state() == IntegrityState::Problems;
            let is_good = validation.is_proven() && !is_damaged && moved.rejected.is_empty();
            if is_good { Exit::Done } else { Exit::Differences }
        }
        Outcome::AlreadyDone(done)
            if done.rejected.is_any()
                || IntegrityState::of(done.integrity.as_ref()) == IntegrityState::Problems =>
        {
            Exit::Differences
        }
        _ => Exit::Done,
    }
}

fn situation<'a>(args: &'a MigrateArgs, followed: &'a PlanToFollow) -> report::Situation<'a> {
    report::Situation {
        plan: &followed.plan,
        mapping: followed.decisions(),
        folder: args.plan.as_deref(),
        made_in: followed.made_in(),
    }
}

fn print(
    args: &MigrateArgs,
    outcome: &Outcome,
    followed: &PlanToFollow,
    url: &TargetUrl,
    target: &Target,
    files: Option<&ReportFiles>,
) -> anyhow::Result<()> {
    let plan = &followed.plan;
    if args.output.json {
        let folder = files.map(|files| files.folder.as_path());
        return output::stdout(&report::migrate_json(outcome, plan, url, folder)?);
    }
    let mut end = files.map(ReportFiles::line).unwrap_or_default();
    if !args.output.quiet && matches!(outcome, Outcome::Moved(_) | Outcome::AlreadyDone(_)) {
        end.push_str(&report::how_to_connect(url, target));
    }
    output::stdout(&match outcome {
        Outcome::Moved(moved) => report::moved_text(moved, plan, &end),
        other => format!("{}{end}", report::other_text(other, url, situation(args, followed))),
    })
}

/// Builds the report of rows that moved and writes its files, where a report is wanted. Returns it for other forms, if any is wanted.
fn report_of<'p>(
    args: &MigrateArgs,
    moved: &Moved,
    followed: &'p PlanToFollow,
    request: &Request<'_>,
) -> anyhow::Result<(Option<Report<'p>>, Option<ReportFiles>)> {
    if !args.output.wants_report() {
        return Ok((None, None));
    }
    let tables: Vec<String> = moved.tables.iter().map(|done| done.table.clone()).collect();
    let file = |rejected: &RejectedTable| (rejected.table.clone(), rejected.file.display().to_string());
    let subject = Subject {
        command: Command::Migrate,
        run: moved.run,
        seal: &moved.seal,
        plan: &followed.plan,
        tables: &tables,
        validation: &moved.validation,
        reject_files: moved.rejected.iter().map(file).collect(),
        diesel_schema: DieselSchema::Same,
    };
    let report = report::build(&subject, &request.target, &request.settings)?;
    let files = args.output.report.write(&report, &moved.seal)?;
    // It is as large as the plan, and nothing else needs it.
    Ok((args.output.ci.is_wanted().then_some(report), files))
}

/// Refuses a Diesel schema in the plan's folder that is not the plan's: the app would compile against it.
///
/// # Errors
/// When it differs or cannot be read.
pub(super) fn check_diesel_schema(followed: &PlanToFollow) -> anyhow::Result<()> {
    match plan_folder::schema_difference(&followed.folder, &followed.plan)? {
        Some(SchemaDifference::DieselSchemaDiffers { file, command }) => {
            bail!("{file} is not the Diesel schema of its plan; `{command}` writes it again")
        }
        _ => Ok(()),
    }
}
