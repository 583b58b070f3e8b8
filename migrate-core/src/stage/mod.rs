//! The stages of a migration from audit to cleanup: which are done by the evidence, and which one comes next.
//!
//! A pure function of the evidence. It does not read files or databases; the program words the result.

use serde::{Deserialize, Serialize};

use crate::cutover::Progress;

/// A stage, in the order in which a migration goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// What in the app depends on SQLite is listed.
    Audit,
    /// The plan and the migrations are written and up to date.
    Generate,
    /// The target answers.
    Health,
    /// The target has every migration of the schema, as the files contain them.
    Schema,
    /// The manifests are written.
    Deploy,
    /// The rows are moved.
    Migrate,
    /// The rows are proven.
    Validate,
    /// The app runs on PostgreSQL.
    Cutover,
    /// The app runs on SQLite again.
    Rollback,
    /// What was left of SQLite is removed.
    Cleanup,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Stage; 10] = [
        Stage::Audit,
        Stage::Generate,
        Stage::Health,
        Stage::Schema,
        Stage::Deploy,
        Stage::Migrate,
        Stage::Validate,
        Stage::Cutover,
        Stage::Rollback,
        Stage::Cleanup,
    ];

    /// The name, which is also that of its command.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Audit => "audit",
            Stage::Generate => "generate",
            Stage::Health => "health",
            Stage::Schema => "schema",
            Stage::Deploy => "deploy",
            Stage::Migrate => "migrate",
            Stage::Validate => "validate",
            Stage::Cutover => "cutover",
            Stage::Rollback => "rollback",
            Stage::Cleanup => "cleanup",
        }
    }

    /// The number of its phase in the plan of nine.
    pub fn phase_number(self) -> u8 {
        match self {
            Stage::Audit => 1,
            Stage::Generate => 2,
            Stage::Health => 3,
            Stage::Schema => 4,
            Stage::Deploy => 5,
            Stage::Migrate | Stage::Validate => 6,
            Stage::Cutover => 7,
            Stage::Rollback => 8,
            Stage::Cleanup => 9,
        }
    }
}

/// Whether the files of the plan are up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanFiles {
    /// They cannot be read.
    Unreadable,
    /// Some are stale.
    Stale,
    /// They are up to date.
    Current,
}

/// Whether the target could be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetAnswer {
    /// None is named, and nothing was moved from this checkout: `migrate` would start its private PostgreSQL.
    NotNamed,
    /// It does not answer.
    Failed,
    /// It answers.
    Answered,
}

/// The migrations of the schema in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// All are applied, as the files contain them.
    Current,
    /// Some are not applied.
    Pending,
    /// A file was edited after it was applied, or is gone.
    Edited,
}

/// How far the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// No run has begun.
    NotMoved,
    /// A run is not finished.
    Moving,
    /// A run is finished and not validated.
    Moved,
    /// A run is validated.
    Validated,
}

/// How far cutover, rollback and cleanup are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Switchover {
    /// The app runs on SQLite, and no cutover has begun.
    NotBegun,
    /// A cutover is not finished, and SQLite takes writes.
    CutoverBegun,
    /// A cutover is not finished, and SQLite takes no writes.
    SourceClosed,
    /// The app runs on PostgreSQL.
    CutoverFinished,
    /// A rollback is not finished.
    RollbackBegun,
    /// The app runs on SQLite again.
    RolledBack,
    /// Nothing of SQLite is left.
    CleanedUp,
}

impl Switchover {
    /// Summarises the events of a run.
    pub fn of(progress: &Progress) -> Switchover {
        match progress.rollback() {
            Some(rollback) if rollback.is_finished => Switchover::RolledBack,
            Some(_) => Switchover::RollbackBegun,
            None if progress.is_cleaned_up() => Switchover::CleanedUp,
            None if progress.is_finished() => Switchover::CutoverFinished,
            None if progress.is_source_closed() => Switchover::SourceClosed,
            None if progress.is_begun() => Switchover::CutoverBegun,
            None => Switchover::NotBegun,
        }
    }

    /// Whether the cutover is done, whatever followed it.
    fn has_cutover(self) -> bool {
        matches!(self, Switchover::CutoverFinished | Switchover::CleanedUp)
    }
}

/// What is known of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Whether a checkout of the app was named and searched.
    pub is_app_searched: bool,
    /// The files of the plan.
    pub plan: PlanFiles,
    /// Whether manifests are written.
    pub has_manifests: bool,
    /// The target.
    pub target: TargetAnswer,
    /// The migrations in it; none where they are not known.
    pub schema: Option<SchemaState>,
    /// The rows in it.
    pub rows: Rows,
    /// Cutover, rollback and cleanup.
    pub switchover: Switchover,
}

/// The state of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum StageState {
    /// It is done.
    Done,
    /// It is what to do next.
    Next,
    /// It follows another one, which comes first.
    Blocked {
        /// That one.
        by: Stage,
    },
    /// It can be done and need not be.
    Optional,
    /// It does not apply.
    NotNeeded,
}

/// The stages with their states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checklist {
    /// All stages, in their order.
    pub stages: [(Stage, StageState); 10],
    /// Stages that are done without one before them, with that one.
    pub out_of_order: Vec<(Stage, Stage)>,
}

impl Checklist {
    /// The stage that comes next; none where everything is done.
    pub fn next(&self) -> Option<Stage> {
        self.stages.iter().find(|(_, state)| *state == StageState::Next).map(|(stage, _)| *stage)
    }

    /// The state of a stage.
    pub fn state(&self, stage: Stage) -> StageState {
        let found = self.stages.iter().find(|(other, _)| *other == stage);
        found.map_or(StageState::NotNeeded, |(_, state)| *state)
    }
}

/// Decides which stages are done, and which one comes next.
pub fn checklist(evidence: &Evidence) -> Checklist {
    let next = next_stage(evidence);
    let stages = Stage::ALL.map(|stage| (stage, state(evidence, stage, next)));
    Checklist { stages, out_of_order: out_of_order(evidence) }
}

/// The stage that comes next. What has begun is finished first; after a cutover the rows are no longer those of the source, so that the
/// stages before it are not repeated.
fn next_stage(evidence: &Evidence) -> Option<Stage> {
    let needs_schema = evidence.schema.is_some_and(|schema| schema != SchemaState::Current);
    match evidence.switchover {
        Switchover::CutoverBegun | Switchover::SourceClosed => Some(Stage::Cutover),
        Switchover::RollbackBegun => Some(Stage::Rollback),
        Switchover::CutoverFinished if !needs_schema => Some(Stage::Cleanup),
        Switchover::CleanedUp if !needs_schema => None,
        Switchover::CutoverFinished | Switchover::CleanedUp => Some(Stage::Schema),
        Switchover::RolledBack => Some(Stage::Migrate),
        Switchover::NotBegun => Some(match evidence {
            Evidence { plan: PlanFiles::Unreadable | PlanFiles::Stale, .. } => Stage::Generate,
            Evidence { target: TargetAnswer::Failed, .. } => Stage::Health,
            // Before that there is no server that could be asked.
            Evidence { target: TargetAnswer::NotNamed, .. } => Stage::Migrate,
            Evidence { rows: Rows::NotMoved | Rows::Moving, .. } => Stage::Migrate,
            _ if needs_schema => Stage::Schema,
            Evidence { rows: Rows::Moved, .. } => Stage::Validate,
            Evidence { rows: Rows::Validated, .. } => Stage::Cutover,
        }),
    }
}

fn state(evidence: &Evidence, stage: Stage, next: Option<Stage>) -> StageState {
    if next == Some(stage) {
        return StageState::Next;
    }
    if is_done(evidence, stage) {
        return StageState::Done;
    }
    match (stage, evidence.switchover, next) {
        (Stage::Audit | Stage::Deploy, ..) => StageState::Optional,
        (Stage::Rollback, Switchover::SourceClosed | Switchover::CutoverFinished, _) => StageState::Optional,
        (Stage::Rollback, ..) | (_, _, None) => StageState::NotNeeded,
        (_, _, Some(by)) => StageState::Blocked { by },
    }
}

fn is_done(evidence: &Evidence, stage: Stage) -> bool {
    let switchover = evidence.switchover;
    match stage {
        Stage::Audit => evidence.is_app_searched,
        Stage::Generate => evidence.plan == PlanFiles::Current,
        Stage::Health => evidence.target == TargetAnswer::Answered,
        Stage::Schema => evidence.schema == Some(SchemaState::Current),
        Stage::Deploy => evidence.has_manifests,
        Stage::Migrate => {
            matches!(evidence.rows, Rows::Moved | Rows::Validated) && switchover != Switchover::RolledBack
        }
        Stage::Validate => evidence.rows == Rows::Validated && switchover != Switchover::RolledBack,
        Stage::Cutover => switchover.has_cutover(),
        Stage::Rollback => switchover == Switchover::RolledBack,
        Stage::Cleanup => switchover == Switchover::CleanedUp,
    }
}

/// What is done although a stage that it needs is not.
fn out_of_order(evidence: &Evidence) -> Vec<(Stage, Stage)> {
    let needs = [
        (Stage::Schema, Stage::Generate),
        (Stage::Migrate, Stage::Generate),
        (Stage::Cutover, Stage::Schema),
        (Stage::Cutover, Stage::Validate),
        (Stage::Cleanup, Stage::Validate),
    ];
    // What is not known is not missing.
    let is_known = |stage| stage != Stage::Schema || evidence.schema.is_some();
    let is_missing = |(done, needed): &(Stage, Stage)| {
        is_done(evidence, *done) && is_known(*needed) && !is_done(evidence, *needed)
    };
    needs.into_iter().filter(is_missing).collect()
}

#[cfg(test)]
mod tests;
