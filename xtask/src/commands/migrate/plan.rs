//! Chooses the plan of a migration: one that was reviewed, or one that is made for the source.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use migrate_core::mapping::Mapping;
use migrate_core::phase::Phase;
use migrate_core::plan::{Plan, PlannedColumn};
use migrate_core::planner::{self, ObstructedPlan, PlanningError};
use postgres_client::TargetUrl;
use row_mover::ledger::Run;
use row_mover::run;
use row_mover::source::{SourceConnection, introspect};

use super::MigrateArgs;
use crate::obstacles::Planning;
use crate::run_context::RunContext;
use crate::source_plan::ExistingTarget;
use crate::stop::Stopped;
use crate::{output, plan_folder, report, source_plan, workspace};

/// Where the plan comes from.
pub(super) enum PlanChoice {
    /// A folder that was reviewed.
    Reviewed(PathBuf, Box<Plan>),
    /// It is made for the source, and kept in the first folder. Where that has no decisions yet, those of the second one apply.
    Made(PathBuf, Option<PathBuf>),
}

/// A plan and where its files are.
pub(super) struct PlanToFollow {
    /// The plan.
    pub(super) plan: Plan,
    /// A person's decisions about it.
    pub(super) mapping: Mapping,
    /// The folder with its files.
    pub(super) folder: PathBuf,
    /// Keeps the folder of a dry run until the command ends.
    scratch: Option<tempfile::TempDir>,
    /// Whether it was made by this command, which reads the decisions in the folder again.
    is_made: bool,
}

impl PlanToFollow {
    /// The decisions that the same command reads again, if it made the plan.
    pub(super) fn decisions(&self) -> Option<&Mapping> {
        self.is_made.then_some(&self.mapping)
    }

    /// The folder that it was made in and that holds its decisions from now on; none in a dry run.
    pub(super) fn made_in(&self) -> Option<&Path> {
        (self.is_made && self.scratch.is_none()).then_some(self.folder.as_path())
    }
}

impl PlanChoice {
    /// Decides where the plan comes from.
    ///
    /// # Errors
    /// When the source or the plan cannot be read, or options contradict a reviewed plan.
    pub(super) fn new(args: &MigrateArgs, source: &Path) -> anyhow::Result<PlanChoice> {
        // Whatever is wrong with the source is reported before anything about plans.
        drop(SourceConnection::open_live(source)?);
        let folder = args.plan.clone().unwrap_or_else(workspace::plan_dir);
        let read = || plan_folder::read(&folder).map(Box::new);
        let shapes_plan = args.planning.shapes_plan() || args.rejects.shapes_plan();
        // A folder with decisions and no plan yet: planning stopped at obstacles before.
        let is_begun = |folder: &Path| {
            !folder.join("plan.json").exists() && (shapes_plan || folder.join("mapping.toml").exists())
        };
        if let Some(folder) = args.plan.as_ref().filter(|folder| is_begun(folder)) {
            return Ok(PlanChoice::Made(folder.clone(), None));
        }
        if args.plan.is_some() && shapes_plan {
            let plan = read()?;
            // A restart would take no notice of decisions that were changed since.
            if !args.restart && args.planning.repeats(&plan) && !args.rejects.shapes_plan() {
                return Ok(PlanChoice::Reviewed(folder, plan));
            }
            bail!(
                "the plan in {} is already made; give --faithful, --autoincrement, --into-existing and --on-reject text or bytea to `{}`",
                workspace::shown(&folder),
                plan_folder::generate_command(&folder)
            );
        }
        if args.sample || args.plan.is_some() {
            return Ok(PlanChoice::Reviewed(folder.clone(), read()?));
        }
        let plan = read()?;
        let schema = introspect::introspect_live(source)?;
        let is_meant = source_plan::is_meant_for(&plan, &schema);
        if !shapes_plan && is_meant {
            return Ok(PlanChoice::Reviewed(folder, plan));
        }
        // Units, documents and secrets are the same in tables that the app has created.
        let decided = (is_meant && args.planning.into_existing).then_some(folder);
        Ok(PlanChoice::Made(source_plan::folder(source), decided))
    }

    /// Returns the plan. One that is made is written to `plans/NAME`, in a dry run to a scratch folder.
    ///
    /// # Errors
    /// When a plan cannot be made or written.
    pub(super) fn plan(
        self,
        args: &MigrateArgs,
        source: &Path,
        target: &TargetUrl,
        context: &RunContext<'_>,
    ) -> anyhow::Result<PlanToFollow> {
        match self {
            PlanChoice::Reviewed(folder, mut plan) => {
                args.rejects.apply_to_plan(&mut plan);
                // Only shown: the plan holds all that was decided, and may be the only file in its folder.
                let text = source_plan::mapping_text(&folder, true)?;
                let mapping = source_plan::mapping(&folder, &text).unwrap_or_default();
                Ok(PlanToFollow { plan: *plan, mapping, folder, scratch: None, is_made: false })
            }
            PlanChoice::Made(folder, decided) => make(args, source, target, context, folder, decided),
        }
    }
}

fn make(
    args: &MigrateArgs,
    source: &Path,
    target: &TargetUrl,
    context: &RunContext<'_>,
    kept: PathBuf,
    decided: Option<PathBuf>,
) -> anyhow::Result<PlanToFollow> {
    let settings = &context.settings;
    let decided = decided.filter(|_| !kept.join("mapping.toml").exists());
    let mapping_text = source_plan::mapping_text(decided.as_ref().unwrap_or(&kept), true)?;
    let mut mapping = source_plan::mapping(&kept, &mapping_text)?;
    args.planning.apply(&mut mapping);
    args.rejects.apply(&mut mapping);
    let recorded = if args.restart { None } else { source_plan::recorded(source, target, settings)? };
    let is_recorded = recorded.is_some();
    let (schema, plan) = match recorded {
        Some(run) => (introspect::introspect_live(source)?, plan_of(run, args, &mapping)),
        None => {
            let existing = source_plan::target_schema(&mapping, target, settings, args.restart)?;
            let existing = existing.as_ref().map(|schema| ExistingTarget { schema, url: target, settings });
            let planning = Planning {
                folder: &kept,
                mapping: &mapping,
                is_shown: args.dry_run && !args.output.json && !args.output.quiet,
                may_write: !args.dry_run,
                is_verbose: args.verbose,
            };
            source_plan::make(source, &mapping, existing, args.output.quiet).map_err(|error| {
                match unfitting_values(args, source, target, context, &kept, &error) {
                    Err(stopped) if stopped.is::<Stopped>() => return stopped,
                    Err(unchecked) => output::note(&format!("{unchecked:#}")),
                    Ok(values) => output::note(&values),
                }
                planning.explain(error)
            })?
        }
    };
    let remark = output::remarks(args.output.quiet);
    if let Some(why) = replaced(&kept, &plan, is_recorded) {
        let verb = if args.dry_run { "would replace" } else { "replaced" };
        remark(&format!("plan      {verb} the plan in {}: {why}", workspace::shown(&kept)));
    }
    let scratch = match args.dry_run {
        true => Some(tempfile::tempdir().context("a scratch folder cannot be created")?),
        false => None,
    };
    let folder = scratch.as_ref().map_or(kept, |scratch| scratch.path().to_owned());
    source_plan::keep(&folder, &plan, &schema, mapping_text)?;
    if scratch.is_none() {
        remark(&format!(
            "plan      {0} holds the plan; to change it, edit {0}/mapping.toml",
            workspace::shown(&folder)
        ));
    }
    Ok(PlanToFollow { plan, mapping, folder, scratch, is_made: true })
}

/// The plan of the run in the target. One that is done may become a plan for Drizzle, which gets the baseline that it lacks.
fn plan_of(run: Run<'_>, args: &MigrateArgs, mapping: &Mapping) -> Plan {
    let is_done = Phase::ALL.iter().all(|phase| run.state.done.contains(phase));
    let later = (is_done && !args.no_baseline).then(|| planner::for_drizzle(&run.plan, mapping)).flatten();
    later.unwrap_or_else(|| run.plan.into_owned())
}

/// What was decided otherwise in the plan that the folder holds; none where it holds no other one. `is_recorded` says that the plan is
/// the one of the run in the target.
fn replaced(folder: &Path, plan: &Plan, is_recorded: bool) -> Option<String> {
    let found = Plan::from_json(&std::fs::read_to_string(folder.join("plan.json")).ok()?).ok()?;
    let dates = |plan: &Plan| plan.drizzle.as_ref().map(|drizzle| drizzle.dates);
    let [is_other, has_section] = match is_recorded {
        true => ["the run in the target is not", "the run in the target is"],
        false => ["mapping.toml there has no [drizzle]", "mapping.toml there has [drizzle]"],
    };
    match (dates(&found), dates(plan)) {
        (Some(_), None) => Some(format!("the earlier one is for Drizzle, and {is_other}")),
        (None, Some(_)) => Some(format!("the earlier one is not for Drizzle, and {has_section}")),
        (Some(before), Some(now)) if before != now => Some(format!(
            "the earlier one has dates = \"{}\" for Drizzle, and this one \"{}\"",
            before.name(),
            now.name()
        )),
        _ => reshaped(&found, plan, &workspace::shown(folder)),
    }
}

/// The columns that get another type, or another numbering, than in the plan of the folder: it was made with options that `mapping.toml`
/// does not have, or the rows have changed.
fn reshaped(found: &Plan, plan: &Plan, folder: &str) -> Option<String> {
    let numbering = |column: &PlannedColumn| column.sequence.as_ref().map(|_| column.numbering);
    let mut names = Vec::new();
    for table in &plan.tables {
        let Some(before) = found.tables.iter().find(|before| before.source == table.source) else { continue };
        for column in &table.columns {
            let is_other = |before: &&PlannedColumn| {
                before.target_type != column.target_type || numbering(before) != numbering(column)
            };
            let before = before.columns.iter().find(|before| before.source == column.source);
            if before.filter(is_other).is_some() {
                names.push(format!("{}.{}", table.source, column.source));
            }
        }
    }
    let first = names.first()?;
    let count = report::counted(names.len() as u64, "column");
    Some(format!(
        "it had another type or numbering for {count}, such as {first}; --plan {folder} follows it as it is"
    ))
}

/// What else a run would stop at once the obstacles are gone: the rows of the tables that fit are checked, so that all decisions can be made
/// in one round. Empty where there is nothing.
///
/// # Errors
/// Why they could not be checked.
fn unfitting_values(
    args: &MigrateArgs,
    source: &Path,
    target: &TargetUrl,
    context: &RunContext<'_>,
    folder: &Path,
    error: &anyhow::Error,
) -> anyhow::Result<String> {
    let planning = error.chain().find_map(|cause| cause.downcast_ref::<PlanningError>());
    let Some(PlanningError::Obstructed(ObstructedPlan { fitting: Some(plan), .. })) = planning else {
        return Ok(String::new());
    };
    let request = super::request(args, source.to_owned(), target.clone(), &context.settings, plan, &[]);
    let work = |screen: &crate::screen::Screen| run::refused_values(&request, screen);
    let refused =
        context.execute(target, work, || "Nothing was changed. Run the same command again.".to_owned());
    let refused = refused.context("the values of the tables that fit could not be checked")?;
    let situation = report::Situation { plan, mapping: None, folder: None, made_in: Some(folder) };
    Ok(refused.map(|refused| report::other_text(&refused, target, situation)).unwrap_or_default())
}
