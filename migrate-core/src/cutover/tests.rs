//! Every crash before and after every effect of a cutover and a rollback, in every order of commands, against a model of both databases.

use std::collections::{HashSet, VecDeque};

use super::*;

/// Both databases and the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct World {
    fence: Option<Mark>,
    /// Whether the app was stopped: it does not write to SQLite, fence or not.
    is_app_stopped: bool,
    /// Whether PostgreSQL equals what SQLite contains.
    is_target_equal: bool,
    /// The share of the app on PostgreSQL.
    share_percent: u8,
    is_target_closed: bool,
    events: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mark {
    Triggers,
    Both,
}

/// A command that a person may run next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Cutover { with_mark: bool },
    CutoverOfStoppedApp,
    Rollback { is_emergency: bool },
}

const COMMANDS: [Command; 5] = [
    Command::Cutover { with_mark: false },
    Command::Cutover { with_mark: true },
    Command::CutoverOfStoppedApp,
    Command::Rollback { is_emergency: false },
    Command::Rollback { is_emergency: true },
];

/// One thing that happens at once or not at all.
#[derive(Clone, Debug)]
enum Effect {
    Record(Event),
    CatchUp,
    /// The transaction of PostgreSQL that applies the last difference, while SQLite is locked or the app is stopped.
    Complete,
    StopApp,
    CloseFence(Mark),
    SwitchApp(u8),
    CloseTarget,
    /// Writes the header's byte.
    RemoveMark,
    RemoveTriggers,
    SwitchBack,
}

impl World {
    fn events(&self) -> Vec<Event> {
        self.events.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }

    fn progress(&self) -> Progress {
        Progress::of(&self.events()).unwrap_or_else(|illegal| panic!("{illegal}: {self:#?}"))
    }

    fn observed(&self) -> SourceState {
        match self.fence {
            None => SourceState::Open,
            Some(Mark::Triggers) => SourceState::Closed(Fence::Triggers),
            Some(Mark::Both) => SourceState::Closed(Fence::TriggersAndReadOnlyMark),
        }
    }

    fn sqlite_takes_writes(&self) -> bool {
        self.fence.is_none() && !self.is_app_stopped
    }

    fn postgres_takes_writes(&self) -> bool {
        self.share_percent > 0 && !self.is_target_closed
    }

    fn happen(&mut self, effect: &Effect) {
        match effect {
            Effect::Record(event) => self.events.push(serde_json::to_string(event).unwrap()),
            Effect::CatchUp | Effect::Complete => self.is_target_equal = true,
            Effect::StopApp => self.is_app_stopped = true,
            Effect::CloseFence(mark) => self.fence = Some(*mark),
            Effect::SwitchApp(share) => self.share_percent = *share,
            Effect::CloseTarget => self.is_target_closed = true,
            Effect::RemoveMark => self.fence = self.fence.map(|_| Mark::Triggers),
            Effect::RemoveTriggers => self.fence = None,
            Effect::SwitchBack => {
                self.share_percent = 0;
                self.is_app_stopped = false;
            }
        }
    }

    /// The groups of effects of the command's next step, each of which happens at once; empty when it is done or refused.
    fn next(&self, command: Command) -> Result<Vec<Vec<Effect>>, Refusal> {
        let one = |effects: &[Effect]| effects.iter().map(|effect| vec![effect.clone()]).collect::<Vec<_>>();
        let progress = self.progress();
        let is_emergency = match command {
            Command::Cutover { .. } | Command::CutoverOfStoppedApp => {
                return next_cutover_step(&progress, self.observed())
                    .map(|step| self.cutover(command, step, &progress));
            }
            Command::Rollback { is_emergency } => is_emergency,
        };
        Ok(match next_rollback_step(&progress, self.observed())? {
            RollbackStep::RecordClosed(fence) => one(&[Effect::Record(closed(Some(fence)))]),
            RollbackStep::Begin => {
                one(&[Effect::Record(Event::RollbackBegun { is_emergency, accepted_loss: 3 })])
            }
            RollbackStep::CloseTarget => one(&[Effect::CloseTarget, Effect::Record(Event::TargetClosed)]),
            RollbackStep::Archive => {
                let archive = Archive::Schemas(vec!["old".to_owned()]);
                one(&[Effect::Record(Event::TargetArchived { archive })])
            }
            RollbackStep::OpenSource => {
                one(&[Effect::RemoveMark, Effect::RemoveTriggers, Effect::Record(Event::SourceOpened)])
            }
            RollbackStep::RecordOpened => one(&[Effect::Record(Event::SourceOpened)]),
            RollbackStep::SwitchBack => {
                one(&[Effect::SwitchBack, Effect::Record(Event::AppSwitchedBack { switch: Switch::ByHand })])
            }
            RollbackStep::Finish => one(&[Effect::Record(Event::RollbackFinished)]),
            RollbackStep::Done => Vec::new(),
        })
    }

    fn cutover(&self, command: Command, step: CutoverStep, progress: &Progress) -> Vec<Vec<Effect>> {
        let complete = Effect::Record(Event::TargetComplete { sha256: format!("{:064}", self.events.len()) });
        match step {
            CutoverStep::Begin => vec![vec![Effect::Record(Event::CutoverBegun)]],
            CutoverStep::Freeze if command == Command::CutoverOfStoppedApp => vec![
                vec![Effect::StopApp],
                vec![Effect::Complete, complete],
                vec![Effect::Record(closed(None))],
            ],
            CutoverStep::Freeze => {
                let with_mark = matches!(command, Command::Cutover { with_mark: true });
                let (mark, fence) = match with_mark {
                    true => (Mark::Both, Fence::TriggersAndReadOnlyMark),
                    false => (Mark::Triggers, Fence::Triggers),
                };
                // A write between two of these groups comes after a crash: the lock is held from the catch-up to the fence.
                vec![
                    vec![Effect::CatchUp],
                    vec![Effect::Complete, complete],
                    vec![Effect::CloseFence(mark)],
                    vec![Effect::Record(closed(Some(fence)))],
                ]
            }
            CutoverStep::RecordClosed(fence) => vec![vec![Effect::Record(closed(Some(fence)))]],
            CutoverStep::Switch => {
                let share_percent = if progress.share_percent() < 10 { 10 } else { 100 };
                vec![
                    vec![Effect::SwitchApp(share_percent)],
                    vec![Effect::Record(Event::AppSwitched { switch: Switch::ByHand, share_percent })],
                ]
            }
            CutoverStep::Finish => vec![vec![Effect::Record(Event::CutoverFinished)]],
            CutoverStep::Done => Vec::new(),
        }
    }
}

fn closed(fence: Option<Fence>) -> Event {
    Event::SourceClosed { fence, pause_ms: Some(1) }
}

/// The states after a crash before and after each group of effects of the next step, each with and without a write of the app.
fn crashes_and_writes(world: &World, groups: &[Vec<Effect>]) -> Vec<World> {
    let mut now = world.clone();
    let mut states = Vec::new();
    for group in groups {
        for effect in group {
            now.happen(effect);
        }
        check(&now);
        let mut written = now.clone();
        if written.sqlite_takes_writes() {
            written.is_target_equal = false;
            states.push(written);
        }
        states.push(now.clone());
    }
    states
}

/// What must be true at every moment.
fn check(world: &World) {
    assert!(!(world.sqlite_takes_writes() && world.postgres_takes_writes()), "both take writes: {world:#?}");
    let progress = world.progress();
    match charge(&progress, world.observed()) {
        Charge::Sqlite => assert!(!world.postgres_takes_writes(), "{world:#?}"),
        Charge::Neither => assert!(!world.sqlite_takes_writes(), "{world:#?}"),
        Charge::Postgres => assert!(!world.sqlite_takes_writes(), "{world:#?}"),
    }
    if progress.is_source_closed() && progress.rollback().is_none() {
        assert!(world.is_target_equal, "a write is lost: {world:#?}");
    }
    assert!(!world.postgres_takes_writes() || !progress.allows_restart(), "{world:#?}");
    assert!(!world.postgres_takes_writes() || !progress.allows_catch_up(), "{world:#?}");
}

/// All states that any sequence of commands, crashes and writes reaches. Copies are told apart by the events' names only.
fn reachable() -> Vec<World> {
    let key = |world: &World| World { events: vec![format!("{:?}", shape(world))], ..world.clone() };
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    let mut queue = VecDeque::from([World::default()]);
    while let Some(world) = queue.pop_front() {
        if !seen.insert(key(&world)) {
            continue;
        }
        for command in COMMANDS {
            queue.extend(crashes_and_writes(&world, &world.next(command).unwrap_or_default()));
        }
        // Whoever stopped the app may start it again after a crash, unless the source counts as closed.
        if world.is_app_stopped && !world.progress().is_source_closed() {
            queue.push_back(World { is_app_stopped: false, ..world.clone() });
        }
        all.push(world);
    }
    all
}

/// The progress without the hash of the copy.
fn shape(world: &World) -> (Progress, bool) {
    let events = world.events().into_iter().map(|event| match event {
        Event::TargetComplete { .. } => Event::TargetComplete { sha256: String::new() },
        other => other,
    });
    let events: Vec<Event> = events.collect();
    (Progress::of(&events).unwrap(), events.is_empty())
}

/// Runs a command to its end without a crash.
fn run(mut world: World, command: Command) -> Result<World, Refusal> {
    for _ in 0..30 {
        let groups = world.next(command)?;
        if groups.is_empty() {
            return Ok(world);
        }
        for effect in groups.iter().flatten() {
            world.happen(effect);
        }
        check(&world);
    }
    panic!("{command:?} does not end: {world:#?}");
}

#[test]
fn no_crash_leaves_both_databases_open_or_loses_a_write() {
    let all = reachable();
    // `check` ran in each of them.
    assert!(all.len() > 100, "{}", all.len());
    let ends =
        all.iter().filter(|world| world.progress().is_finished() && world.progress().rollback().is_none());
    assert!(ends.count() > 3);
}

#[test]
fn the_same_command_continues_after_every_crash() {
    for world in reachable() {
        for command in [Command::Cutover { with_mark: true }, Command::CutoverOfStoppedApp] {
            match run(world.clone(), command) {
                Ok(end) => {
                    assert!(end.progress().is_finished(), "{end:#?}");
                    assert_eq!(charge(&end.progress(), end.observed()), Charge::Postgres);
                    assert!(end.postgres_takes_writes());
                }
                Err(refusal) => {
                    assert!(world.progress().rollback().is_some(), "{refusal:?} {world:#?}");
                    assert!(matches!(refusal, Refusal::RollbackUnderWay | Refusal::RolledBack));
                }
            }
        }
    }
}

#[test]
fn a_rollback_is_possible_after_every_crash_and_ends_with_sqlite() {
    for world in reachable() {
        for is_emergency in [false, true] {
            match run(world.clone(), Command::Rollback { is_emergency }) {
                Ok(end) => {
                    assert!(
                        end.progress().rollback().is_some_and(|rollback| rollback.is_finished),
                        "{end:#?}"
                    );
                    assert_eq!(charge(&end.progress(), end.observed()), Charge::Sqlite);
                    assert!(end.sqlite_takes_writes() && !end.postgres_takes_writes(), "{end:#?}");
                }
                // SQLite never stopped to be in charge.
                Err(refusal) => {
                    assert_eq!(refusal, Refusal::NothingToRollBack, "{world:#?}");
                    assert_eq!(charge(&world.progress(), world.observed()), Charge::Sqlite, "{world:#?}");
                }
            }
        }
    }
}

#[test]
fn a_fence_that_is_gone_stops_a_cutover_and_not_a_rollback() {
    for world in reachable() {
        let progress = world.progress();
        if progress.fence().is_none() || progress.rollback().is_some() || progress.is_finished() {
            continue;
        }
        for state in [SourceState::Open, SourceState::Damaged] {
            assert_eq!(next_cutover_step(&progress, state), Err(Refusal::FenceLost));
            assert_eq!(next_rollback_step(&progress, state), Ok(RollbackStep::Begin));
        }
        // The file is closed and out of reach, on the volume of a pod for instance.
        assert!(next_cutover_step(&progress, SourceState::Unknown).is_ok());
    }
}

#[test]
fn a_fence_of_another_cutover_and_a_file_out_of_reach_stop_both() {
    let begun = Progress::of(&[Event::CutoverBegun]).unwrap();
    for progress in [Progress::default(), begun] {
        for state in [SourceState::OtherFence, SourceState::Closed(Fence::Triggers)] {
            assert_eq!(next_cutover_step(&progress, state), Err(Refusal::OtherFence));
            assert_eq!(next_rollback_step(&progress, state), Err(Refusal::OtherFence));
        }
        assert_eq!(next_cutover_step(&progress, SourceState::Unknown), Err(Refusal::SourceUnknown));
    }
}

#[test]
fn sequences_that_no_command_writes_are_illegal() {
    let complete = || Event::TargetComplete { sha256: "00".to_owned() };
    let switched = |share_percent| Event::AppSwitched { switch: Switch::ByHand, share_percent };
    let begun = || Event::RollbackBegun { is_emergency: false, accepted_loss: 0 };
    let to_closed = || vec![Event::CutoverBegun, complete(), closed(None)];
    let to_finished = || [to_closed(), vec![switched(100), Event::CutoverFinished]].concat();
    let cleaned = || Event::CleanupFinished { archive: "a".into(), sha256: "00".to_owned() };
    let cases: [(Vec<Event>, &str); 15] = [
        (vec![complete()], "target_complete"),
        (vec![Event::CutoverBegun, Event::CutoverBegun], "cutover_begun"),
        (vec![Event::CutoverBegun, closed(None)], "source_closed"),
        ([to_closed(), vec![closed(None)]].concat(), "source_closed"),
        ([to_closed(), vec![complete()]].concat(), "target_complete"),
        (vec![Event::CutoverBegun, complete(), switched(100)], "app_switched"),
        ([to_closed(), vec![switched(0)]].concat(), "app_switched"),
        ([to_closed(), vec![switched(10), Event::CutoverFinished]].concat(), "cutover_finished"),
        (vec![Event::CutoverBegun, begun()], "rollback_begun"),
        ([to_closed(), vec![begun(), begun()]].concat(), "rollback_begun"),
        ([to_closed(), vec![begun(), Event::SourceOpened]].concat(), "source_opened"),
        ([to_closed(), vec![begun(), Event::TargetClosed, Event::SourceOpened]].concat(), "source_opened"),
        ([to_closed(), vec![begun(), switched(100)]].concat(), "app_switched"),
        ([to_closed(), vec![cleaned()]].concat(), "cleanup_finished"),
        ([to_finished(), vec![cleaned(), begun()]].concat(), "rollback_begun"),
    ];
    for (events, name) in cases {
        let illegal = Progress::of(&events).unwrap_err();
        assert_eq!((illegal.index, illegal.event.name()), (events.len() - 1, name), "{events:#?}");
    }
    let cleaned_up = Progress::of(&[to_finished(), vec![cleaned()]].concat()).unwrap();
    assert_eq!(next_rollback_step(&cleaned_up, SourceState::Open), Err(Refusal::CleanedUp));
}

#[test]
fn the_name_of_an_event_is_the_one_in_the_ledger() {
    for world in reachable() {
        for (event, json) in world.events().iter().zip(&world.events) {
            assert!(json.starts_with(&format!("{{\"event\":\"{}\"", event.name())), "{json}");
        }
    }
}
