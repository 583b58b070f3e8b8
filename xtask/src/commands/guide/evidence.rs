//! Gathers the evidence: files of the plan and of the app, the ledger, and the migrations in the target.

use std::path::{Path, PathBuf};

use anyhow::Context;
use app_checkout::Area;
use migrate_core::cutover::{Event, Progress};
use migrate_core::phase::Phase;
use migrate_core::stage::{Evidence, PlanFiles, Rows, SchemaState, Switchover, TargetAnswer};
use migrate_core::{planner, render};
use postgres_client::{Connection, TargetUrl};
use row_mover::ledger::{self, RecordedEvent};
use row_mover::schema::{self, Entry, State};
use row_mover::status::{self, RunStatus, Standing};

use super::GuideArgs;
use crate::commands::schema::folder;
use crate::{output, plan_folder, private, source, source_plan, target, workspace};

/// The evidence, with what people want to see of it.
pub(super) struct Found {
    pub(super) evidence: Evidence,
    /// Places in the app that depend on SQLite; none where no app was named.
    pub(super) app_findings: Option<usize>,
    /// The folder of the plan, for people.
    pub(super) plan_folder: String,
    /// Files of the plan that are up to date, and all of them.
    pub(super) plan_files: Result<(usize, usize), String>,
    /// The manifests; none where no folder was named.
    pub(super) manifests: Option<usize>,
    /// The target, without a password.
    pub(super) url: Option<String>,
    /// Whether the command line names it.
    pub(super) is_url_named: bool,
    pub(super) app: Option<PathBuf>,
    /// What the target answered.
    pub(super) target: Result<TargetFound, String>,
}

/// What the target has.
#[derive(Default)]
pub(super) struct TargetFound {
    pub(super) server_version: i32,
    pub(super) run: Option<RunStatus>,
    pub(super) is_at_work: bool,
    pub(super) catch_ups: usize,
    pub(super) events: Vec<RecordedEvent>,
    progress: Progress,
    pub(super) schema: Vec<Entry>,
}

/// Gathers everything that can be known.
///
/// # Errors
/// When a folder that is named cannot be read.
pub(super) fn gather(args: &GuideArgs) -> anyhow::Result<Found> {
    let app_findings = args.app.as_deref().map(findings).transpose()?;
    let manifests = args.manifests.as_deref().map(manifests).transpose()?;
    let (url, remembered) = target_of(args)?;
    let folder = args.plan.clone().or(remembered).unwrap_or_else(workspace::plan_dir);
    let plan_files = plan_files(&folder).map_err(|error| format!("{error:#}"));
    let target = match &url {
        Ok(url) => ask(url, &folder).map_err(|error| format!("{error:#}")),
        Err(unknown) => Err(unknown.reason.clone()),
    };
    let evidence = Evidence {
        is_app_searched: app_findings.is_some(),
        plan: match plan_files {
            Err(_) => PlanFiles::Unreadable,
            Ok((current, all)) if current < all => PlanFiles::Stale,
            Ok(_) => PlanFiles::Current,
        },
        has_manifests: manifests.is_some_and(|files| files > 0),
        target: match (&url, &target) {
            (Err(unknown), _) => unknown.answer,
            (_, Err(_)) => TargetAnswer::Failed,
            (_, Ok(_)) => TargetAnswer::Answered,
        },
        schema: target.as_ref().ok().and_then(|found| schema_state(&found.schema)),
        rows: target.as_ref().map_or(Rows::NotMoved, rows),
        switchover: target.as_ref().map_or(Switchover::NotBegun, |found| Switchover::of(&found.progress)),
    };
    Ok(Found {
        evidence,
        app_findings,
        plan_folder: workspace::shown(&folder),
        plan_files,
        manifests,
        url: url.ok().map(|url| url.to_string()),
        is_url_named: args.target.postgres.is_some(),
        app: args.app.clone(),
        target,
    })
}

fn findings(app: &Path) -> anyhow::Result<usize> {
    let area = Area::new(app, Path::new("backups/app-cleanup"), &[])?;
    Ok(app_checkout::scan(&area).findings.len())
}

/// The number of files with manifests below a folder.
fn manifests(folder: &Path) -> anyhow::Result<usize> {
    let failed = || format!("{} cannot be read", folder.display());
    let mut files = 0;
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        if path.is_dir() {
            files += manifests(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files += 1;
        }
    }
    Ok(files)
}

/// Why the URL of the target is not known.
struct UnknownTarget {
    answer: TargetAnswer,
    reason: String,
}

/// The target, and the folder of the plan of the last migration. A private PostgreSQL that nothing was moved into is not started.
///
/// # Errors
/// When the target that is named cannot be understood.
fn target_of(args: &GuideArgs) -> anyhow::Result<(Result<TargetUrl, UnknownTarget>, Option<PathBuf>)> {
    if let Some(url) = target::named(&args.target)? {
        return Ok((Ok(url), None));
    }
    let memory = private::remembered()?;
    let last = memory.begun.last.or(memory.last);
    let answer = if last.is_some() { TargetAnswer::Failed } else { TargetAnswer::NotNamed };
    Ok(match private::recall(last, args.target.pg_version, false, output::note) {
        Ok((url, folder)) => (Ok(url), folder),
        Err(error) => (Err(UnknownTarget { answer, reason: format!("{error:#}") }), None),
    })
}

/// The files of the plan that are up to date, and all of them, as `generate --check` compares them.
fn plan_files(folder: &Path) -> anyhow::Result<(usize, usize)> {
    if folder != workspace::plan_dir() {
        // The database that it was made for is not at hand: what is compared is whether the files belong together.
        let plan = plan_folder::read(folder)?;
        let differs = plan_folder::schema_difference(folder, &plan)?.is_some();
        let all = 2 + 2 * render::migration_names(&plan).len();
        return Ok((all - usize::from(differs), all));
    }
    let mapping = source_plan::mapping(folder, &source_plan::mapping_text(folder, false)?)?;
    let schema = source::legacy_schema()?;
    let plan = planner::plan(&schema, None, &mapping).context("no plan can be made")?;
    let files = plan_folder::files(folder, &plan, &schema, false);
    let is_current = |file: &&crate::generated::GeneratedFile| {
        std::fs::read_to_string(&file.path).is_ok_and(|text| text == file.content)
    };
    Ok((files.iter().filter(is_current).count(), files.len()))
}

/// Asks the target, which is only read.
fn ask(url: &TargetUrl, folder: &Path) -> anyhow::Result<TargetFound> {
    let settings = target::settings()?;
    let status = status::status(url, &settings)?;
    let mut connection = schema::open(url, &settings)?;
    let mut found = TargetFound {
        server_version: connection.server_version(),
        is_at_work: status.is_at_work,
        ..TargetFound::default()
    };
    if let Some(run) = &status.run {
        found.catch_ups = ledger::catch_ups(&mut connection, run.id)?.len();
        found.events = ledger::cutover_events(&mut connection, run.id)?;
        found.progress = Progress::of(found.events.iter().map(|recorded| &recorded.event))
            .context("the events of the cutover in the ledger cannot be followed")?;
    }
    found.run = status.run.filter(|_| status.standing != Standing::None);
    // Without a plan of our own the migrations are not known, which is no fault of the target.
    found.schema = folder_status(&mut connection, folder).unwrap_or_default();
    Ok(found)
}

fn folder_status(connection: &mut Connection, path: &Path) -> Option<Vec<Entry>> {
    let folder = folder::read(path).ok()?;
    schema::status(connection, &folder).ok()
}

fn schema_state(entries: &[Entry]) -> Option<SchemaState> {
    let has = |states: &[State]| entries.iter().any(|entry| states.contains(&entry.state));
    if entries.is_empty() {
        None
    } else if has(&[State::Edited, State::Missing]) {
        Some(SchemaState::Edited)
    } else if has(&[State::Pending]) {
        Some(SchemaState::Pending)
    } else {
        Some(SchemaState::Current)
    }
}

fn rows(found: &TargetFound) -> Rows {
    let Some(run) = &found.run else { return if found.is_at_work { Rows::Moving } else { Rows::NotMoved } };
    match run.next_phase {
        None => Rows::Validated,
        Some(Phase::Validate) => Rows::Moved,
        Some(_) => Rows::Moving,
    }
}

/// The last event of a kind.
pub(super) fn last(found: &TargetFound, is: impl Fn(&Event) -> bool) -> Option<&RecordedEvent> {
    found.events.iter().rfind(|recorded| is(&recorded.event))
}
