//! Every combination of evidence, and every prefix of a story's events.

use std::path::PathBuf;

use super::*;
use crate::cutover::{Archive, Event, Progress, Switch};

const PLANS: [PlanFiles; 3] = [PlanFiles::Unreadable, PlanFiles::Stale, PlanFiles::Current];
const TARGETS: [TargetAnswer; 3] = [TargetAnswer::NotNamed, TargetAnswer::Failed, TargetAnswer::Answered];
const SCHEMAS: [Option<SchemaState>; 4] =
    [None, Some(SchemaState::Current), Some(SchemaState::Pending), Some(SchemaState::Edited)];
const ROWS: [Rows; 4] = [Rows::NotMoved, Rows::Moving, Rows::Moved, Rows::Validated];
const SWITCHOVERS: [Switchover; 7] = [
    Switchover::NotBegun,
    Switchover::CutoverBegun,
    Switchover::SourceClosed,
    Switchover::CutoverFinished,
    Switchover::RollbackBegun,
    Switchover::RolledBack,
    Switchover::CleanedUp,
];

/// Every combination of evidence.
fn all_evidence() -> Vec<Evidence> {
    let mut all = Vec::new();
    for is_app_searched in [false, true] {
        for has_manifests in [false, true] {
            for plan in PLANS {
                for target in TARGETS {
                    for schema in SCHEMAS {
                        for rows in ROWS {
                            all.extend(SWITCHOVERS.map(|switchover| Evidence {
                                is_app_searched,
                                plan,
                                has_manifests,
                                target,
                                schema,
                                rows,
                                switchover,
                            }));
                        }
                    }
                }
            }
        }
    }
    all
}

#[test]
fn one_stage_comes_next_until_everything_is_done() {
    let all = all_evidence();
    assert_eq!(all.len(), 2 * 2 * 3 * 3 * 4 * 4 * 7);
    for evidence in all {
        let list = checklist(&evidence);
        let next = list.stages.iter().filter(|(_, state)| *state == StageState::Next).count();
        let needs_schema = matches!(evidence.schema, Some(SchemaState::Pending | SchemaState::Edited));
        let is_over = evidence.switchover == Switchover::CleanedUp && !needs_schema;
        assert_eq!(next, usize::from(!is_over), "{evidence:?}");
        assert_eq!(list.next().is_none(), is_over, "{evidence:?}");
    }
}

#[test]
fn what_is_blocked_is_blocked_by_what_comes_next() {
    for evidence in all_evidence() {
        let list = checklist(&evidence);
        for (stage, state) in list.stages {
            if let StageState::Blocked { by } = state {
                assert_eq!(list.next(), Some(by), "{evidence:?} {stage:?}");
                assert_ne!(stage, by);
            }
        }
    }
}

/// The private PostgreSQL is started by the migration, so that nothing can be asked of it before.
#[test]
fn without_a_target_the_rows_are_moved_next() {
    for evidence in all_evidence().into_iter().filter(|evidence| evidence.target == TargetAnswer::NotNamed) {
        if (evidence.plan, evidence.switchover) == (PlanFiles::Current, Switchover::NotBegun) {
            let list = checklist(&evidence);
            assert_eq!(list.next(), Some(Stage::Migrate), "{evidence:?}");
            assert_eq!(list.state(Stage::Health), StageState::Blocked { by: Stage::Migrate });
        }
    }
}

/// Nothing irreversible or of consequence is proposed before what proves that it is safe.
#[test]
fn a_stage_comes_next_only_after_those_that_it_needs() {
    for evidence in all_evidence() {
        let list = checklist(&evidence);
        let has_begun = evidence.switchover != Switchover::NotBegun;
        match list.next() {
            Some(Stage::Cutover) if !has_begun => {
                for needed in [Stage::Generate, Stage::Health, Stage::Migrate, Stage::Validate] {
                    assert_eq!(list.state(needed), StageState::Done, "{evidence:?} {needed:?}");
                }
                assert!(evidence.schema.is_none_or(|schema| schema == SchemaState::Current));
            }
            Some(Stage::Cleanup) => assert_eq!(evidence.switchover, Switchover::CutoverFinished),
            Some(Stage::Health) => assert_eq!((evidence.target, has_begun), (TargetAnswer::Failed, false)),
            Some(Stage::Rollback) => assert_eq!(evidence.switchover, Switchover::RollbackBegun),
            Some(Stage::Validate) => assert_eq!((evidence.rows, has_begun), (Rows::Moved, false)),
            _ => {}
        }
    }
}

#[test]
fn what_is_done_without_what_it_needs_is_flagged() {
    for evidence in all_evidence() {
        let list = checklist(&evidence);
        let is_done = |stage| list.state(stage) == StageState::Done;
        if is_done(Stage::Cutover) && evidence.rows != Rows::Validated {
            assert!(list.out_of_order.contains(&(Stage::Cutover, Stage::Validate)), "{evidence:?}");
        }
        if is_done(Stage::Cleanup) && evidence.rows != Rows::Validated {
            assert!(list.out_of_order.contains(&(Stage::Cleanup, Stage::Validate)), "{evidence:?}");
        }
        let is_in_order = evidence.plan == PlanFiles::Current
            && evidence.rows == Rows::Validated
            && evidence.schema.is_none_or(|schema| schema == SchemaState::Current);
        assert!(!is_in_order || list.out_of_order.is_empty(), "{evidence:?}");
    }
}

#[test]
fn rollback_is_offered_while_it_is_possible() {
    for evidence in all_evidence() {
        let state = checklist(&evidence).state(Stage::Rollback);
        let expected = match evidence.switchover {
            Switchover::NotBegun | Switchover::CutoverBegun | Switchover::CleanedUp => StageState::NotNeeded,
            Switchover::SourceClosed | Switchover::CutoverFinished => StageState::Optional,
            Switchover::RollbackBegun => StageState::Next,
            Switchover::RolledBack => StageState::Done,
        };
        assert_eq!(state, expected, "{evidence:?}");
    }
}

fn switch() -> Switch {
    Switch::EnvFile(PathBuf::from(".env"))
}

/// A cutover up to its end.
fn cutover() -> Vec<(Event, Switchover)> {
    vec![
        (Event::CutoverBegun, Switchover::CutoverBegun),
        (Event::TargetComplete { sha256: String::new() }, Switchover::CutoverBegun),
        (Event::SourceClosed { fence: None, pause_ms: None }, Switchover::SourceClosed),
        (Event::AppSwitched { switch: switch(), share_percent: 10 }, Switchover::SourceClosed),
        (Event::AppSwitched { switch: switch(), share_percent: 100 }, Switchover::SourceClosed),
        (Event::CutoverFinished, Switchover::CutoverFinished),
    ]
}

#[test]
fn the_events_are_summarised() {
    let rollback = vec![
        (Event::RollbackBegun { is_emergency: false, accepted_loss: 0 }, Switchover::RollbackBegun),
        (Event::TargetClosed, Switchover::RollbackBegun),
        (Event::TargetArchived { archive: Archive::Schemas(Vec::new()) }, Switchover::RollbackBegun),
        (Event::SourceOpened, Switchover::RollbackBegun),
        (Event::AppSwitchedBack { switch: switch() }, Switchover::RollbackBegun),
        (Event::RollbackFinished, Switchover::RolledBack),
    ];
    let cleanup = vec![(
        Event::CleanupFinished { archive: PathBuf::new(), sha256: String::new() },
        Switchover::CleanedUp,
    )];
    assert_eq!(Switchover::of(&Progress::default()), Switchover::NotBegun);
    for story in [[cutover(), rollback].concat(), [cutover(), cleanup].concat()] {
        for (index, (_, expected)) in story.iter().enumerate() {
            let events = story[..=index].iter().map(|(event, _)| event);
            assert_eq!(Switchover::of(&Progress::of(events).unwrap()), *expected, "after event {index}");
        }
    }
}
