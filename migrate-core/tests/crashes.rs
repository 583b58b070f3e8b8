//! A migration that dies at every point there is, and goes on: phases, ledger and schedule together, against a model of the target
//! in which a transaction is there whole or not at all, and in which the answer to a commit can be lost.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use migrate_core::mapping::IndexMethod;
use migrate_core::phase::{
    Decision, LoadProgress, Phase, Progress, RunState, RunSubject, Step, decide, next_step,
};
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::render::{Build, BuildKind};
use migrate_core::schedule::{ChunkToMove, DoneTasks, Next, Schedule, Task};

/// What is durable: the target with its ledger, and the files beside it.
#[derive(Clone, Debug, Default, PartialEq)]
struct World {
    sealed_copies: usize,
    runs: usize,
    progress: Progress,
    has_tables: bool,
    /// How often each chunk's rows are there.
    rows: Vec<usize>,
    /// How often each build was made.
    built: Vec<usize>,
    has_sequences: bool,
    has_rejects: bool,
}

/// What becomes of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The migrator dies before its commit arrives.
    DiesBefore,
    /// The migrator dies after its commit arrived.
    DiesAfter,
    /// The connection is lost before the commit arrives.
    LostBefore,
    /// The connection is lost after the commit arrived.
    LostAfter,
}

const FAULTS: [Fault; 4] = [Fault::DiesBefore, Fault::DiesAfter, Fault::LostBefore, Fault::LostAfter];

/// The migrator is dead.
struct Dead;

/// The transactions of one story, and what befalls them.
struct Story {
    count: usize,
    faults: Vec<(usize, Fault)>,
}

impl Story {
    /// Commits `change`; whether the answer came.
    fn commit(&mut self, world: &mut World, change: impl FnOnce(&mut World)) -> Result<bool, Dead> {
        let number = self.count;
        self.count += 1;
        let fault = self.faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
        if !matches!(fault, Some(Fault::DiesBefore | Fault::LostBefore)) {
            change(world);
        }
        match fault {
            Some(Fault::DiesBefore | Fault::DiesAfter) => Err(Dead),
            Some(_) => Ok(false),
            None => Ok(true),
        }
    }

    /// Commits until the answer comes: what may be done twice.
    fn commit_surely(&mut self, world: &mut World, change: impl Fn(&mut World)) -> Result<(), Dead> {
        while !self.commit(world, &change)? {}
        Ok(())
    }
}

/// Two tables of three and two chunks, with builds of every kind.
struct Subject {
    plan: Plan,
    chunks: Vec<(&'static str, u64)>,
    builds: Vec<Build>,
}

impl World {
    fn done(&self) -> DoneTasks {
        self.progress.load.clone().unwrap_or_default().done
    }

    /// Marks a task as done; returns whether it was not.
    fn finish(&mut self, task: Task) -> bool {
        self.progress.load.as_mut().unwrap().done.insert(task)
    }
}

fn table(name: &str) -> PlannedTable {
    let json = serde_json::json!({
        "source": name, "target": name, "without_rowid": false, "rowid": "rowid", "columns": [],
        "primary_key": null, "unique": [], "foreign_keys": [], "indexes": []
    });
    serde_json::from_value(json).unwrap()
}

fn subject() -> Subject {
    let build = |table: &str, kind: BuildKind| Build {
        table: table.to_owned(),
        what: format!("{kind:?}"),
        statements: Vec::new(),
        kind,
    };
    Subject {
        plan: Plan { tables: vec![table("parents"), table("children")], ..Plan::empty(String::new()) },
        chunks: vec![("parents", 5), ("parents", 5), ("parents", 5), ("children", 9), ("children", 7)],
        builds: vec![
            build("parents", BuildKind::Key),
            build("parents", BuildKind::Index(IndexMethod::Btree)),
            build("parents", BuildKind::Index(IndexMethod::Gin)),
            build("parents", BuildKind::Check),
            build("children", BuildKind::Key),
            build("children", BuildKind::ForeignKey { parent: Some("parents".to_owned()) }),
            build("", BuildKind::Objects),
            build("", BuildKind::Objects),
        ],
    }
}

impl Subject {
    fn schedule(&self, done: &DoneTasks) -> Schedule {
        let chunks: Vec<ChunkToMove> =
            self.chunks.iter().map(|&(table, size)| ChunkToMove { table: table.to_owned(), size }).collect();
        Schedule::new(&self.plan, &chunks, &self.builds, done, 2).unwrap()
    }

    /// What must be so for a task to be right to begin.
    fn check_begin(&self, world: &World, task: Task, running: &[Task]) {
        assert!(world.has_tables);
        let Task::Build(number) = task else { return };
        let build = &self.builds[number];
        let mut tables = vec![build.table.as_str()];
        if let BuildKind::ForeignKey { parent: Some(parent) } = &build.kind {
            tables.push(parent);
        }
        let is_about = |name: &str| build.kind == BuildKind::Objects || tables.contains(&name);
        for (chunk, (table, _)) in self.chunks.iter().enumerate() {
            assert!(
                !is_about(table) || world.done().contains(&Task::Chunk(chunk)),
                "{build:?} before the rows"
            );
        }
        let is_index = |build: &Build| matches!(build.kind, BuildKind::Index(_));
        for other in running {
            let Task::Build(other) = other else { continue };
            let other = &self.builds[*other];
            let (one_table, both_indexes) = (is_about(&other.table), is_index(build) && is_index(other));
            assert!(!one_table || both_indexes, "{build:?} beside {other:?}");
        }
    }
}

/// One life of the migrator, from its start to its end or its death. `swap` is which of two running tasks ends first.
fn live(subject: &Subject, world: &mut World, story: &mut Story, swap: bool) -> Result<(), Dead> {
    let about =
        RunSubject { source_path: "/a.db".into(), plan_sha256: "f".into(), tables: vec!["parents".into()] };
    let state = |world: &World| {
        (world.runs > 0).then(|| RunState { subject: about.clone(), done: world.progress.phases.clone() })
    };
    match decide(state(world).as_ref(), &about) {
        Decision::Begin => {
            assert_eq!(world.runs, 0, "a second run of the same");
            world.sealed_copies += 1;
            let begin = |world: &mut World| {
                // Whoever is not answered looks whether his own sealed copy is in the ledger.
                if world.runs == 0 {
                    world.runs = 1;
                    world.progress.phases = vec![Phase::Preflight, Phase::Seal];
                }
            };
            story.commit_surely(world, begin)?;
        }
        Decision::Resume(_) => {}
        Decision::AlreadyDone => return Ok(()),
        Decision::Refuse(words) => panic!("{words:?}"),
    }
    let finish = |phase: Phase| {
        move |world: &mut World| {
            if !world.progress.phases.contains(&phase) {
                world.progress.phases.push(phase);
            }
        }
    };
    for _ in 0..100 {
        match next_step(&world.progress) {
            Step::CreateTables => {
                story.commit_surely(world, |world| world.has_tables = true)?;
                story.commit_surely(world, finish(Phase::Schema))?;
            }
            Step::PlanBuilds => story.commit_surely(world, |world| {
                let tasks = subject.chunks.len() + subject.builds.len();
                world.progress.load.get_or_insert_with(|| LoadProgress { tasks, done: DoneTasks::new() });
            })?,
            Step::MoveAndBuild => load(subject, world, story, swap)?,
            Step::FinishRows => story.commit_surely(world, finish(Phase::Rows))?,
            Step::SetSequences => {
                story.commit_surely(world, |world| world.has_sequences = true)?;
                story.commit_surely(world, finish(Phase::Constraints))?;
            }
            Step::Validate => {
                world.has_rejects = true;
                story.commit_surely(world, finish(Phase::Validate))?;
            }
            Step::Nothing => return Ok(()),
        }
    }
    panic!("it goes round in circles: {world:?}")
}

/// The load by two lanes, each of which tries again after a lost connection.
fn load(subject: &Subject, world: &mut World, story: &mut Story, swap: bool) -> Result<(), Dead> {
    let mut schedule = subject.schedule(&world.done());
    let mut running: Vec<Task> = Vec::new();
    loop {
        while running.len() < 2 {
            let Next::Do(task) = schedule.next_task() else { break };
            subject.check_begin(world, task, &running);
            running.push(task);
        }
        let Some(last) = running.len().checked_sub(1) else {
            assert_eq!(schedule.next_task(), Next::Over, "it waits for nothing: {world:?}");
            return Ok(());
        };
        let task = running.remove(if swap { last } else { 0 });
        let is_answered = story.commit(world, |world| {
            // A claim that finds it done does nothing.
            let is_first = usize::from(world.finish(task));
            match task {
                Task::Chunk(number) => world.rows[number] += is_first,
                Task::Build(number) => world.built[number] += is_first,
            }
        })?;
        if is_answered {
            schedule.done(task);
        } else {
            schedule.release(task);
            let before = schedule.done_tasks();
            schedule.settle(&before, &world.done());
        }
    }
}

/// Lives again and again until one comes to its end; how many transactions there were in all.
fn to_the_end(subject: &Subject, faults: Vec<(usize, Fault)>, swap: bool) -> (World, usize) {
    let mut world = World {
        rows: vec![0; subject.chunks.len()],
        built: vec![0; subject.builds.len()],
        ..World::default()
    };
    let mut story = Story { count: 0, faults };
    for _ in 0..10 {
        if live(subject, &mut world, &mut story, swap).is_ok() {
            return (world, story.count);
        }
    }
    panic!("it never ends: {world:?}")
}

fn assert_whole(subject: &Subject, world: &World, what: &dyn Fn() -> String) {
    assert_eq!(world.rows, vec![1; subject.chunks.len()], "{}", what());
    assert_eq!(world.built, vec![1; subject.builds.len()], "{}", what());
    assert!(world.has_tables && world.has_sequences && world.has_rejects && world.runs == 1, "{}", what());
    assert_eq!(next_step(&world.progress), Step::Nothing, "{}", what());
}

#[test]
fn whatever_befalls_any_two_transactions_everything_is_there_once() {
    let subject = subject();
    for swap in [false, true] {
        let (world, count) = to_the_end(&subject, Vec::new(), swap);
        assert_whole(&subject, &world, &|| "without a fault".to_owned());
        assert!(count >= 20, "{count}");
        // A fault adds transactions, so that the second may strike after what was the end.
        for first in 0..count {
            for second in first + 1..count + 3 {
                for one in FAULTS {
                    for other in FAULTS {
                        let faults = vec![(first, one), (second, other)];
                        let (world, _) = to_the_end(&subject, faults, swap);
                        let what = || format!("{one:?} at {first}, {other:?} at {second}, swapped: {swap}");
                        assert_whole(&subject, &world, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn a_server_that_forgets_commits_gets_them_again() {
    let subject = subject();
    let mut schedule = subject.schedule(&DoneTasks::new());
    let mut done = Vec::new();
    while done.len() < 3 {
        let Next::Do(task) = schedule.next_task() else { panic!("nothing to do") };
        schedule.done(task);
        done.push(task);
    }
    let before = schedule.done_tasks();
    assert_eq!(before, done.into_iter().collect());
    schedule.settle(&before, &DoneTasks::new());
    assert_eq!(schedule.done_tasks(), DoneTasks::new());
    // Each is handed out again, once.
    let mut handed_out = Vec::new();
    loop {
        match schedule.next_task() {
            Next::Do(task) => {
                assert!(!handed_out.contains(&task), "{task:?} twice");
                handed_out.push(task);
                schedule.done(task);
            }
            Next::Wait => panic!("it waits for nothing"),
            Next::Over => break,
        }
    }
    assert_eq!(handed_out.len(), 5 + 8);
}

#[test]
fn the_longest_work_begins_first() {
    let mut subject = subject();
    let mut schedule = subject.schedule(&DoneTasks::new());
    // A GIN index makes the small table the one that all would wait for, so that both lanes load it.
    assert_eq!(schedule.next_task(), Next::Do(Task::Chunk(0)));
    assert_eq!(schedule.next_task(), Next::Do(Task::Chunk(1)));
    schedule.done(Task::Chunk(0));
    assert_eq!(schedule.next_task(), Next::Do(Task::Chunk(2)));
    schedule.done(Task::Chunk(1));
    assert_eq!(schedule.next_task(), Next::Do(Task::Chunk(3)));
    schedule.done(Task::Chunk(2));
    // The key before the indexes, which then run at once, the longest first.
    assert_eq!(schedule.next_task(), Next::Do(Task::Build(0)));
    schedule.done(Task::Build(0));
    assert_eq!(schedule.next_task(), Next::Do(Task::Build(2)));
    schedule.done(Task::Chunk(3));
    assert_eq!(schedule.next_task(), Next::Do(Task::Chunk(4)));
    schedule.done(Task::Chunk(4));
    // Where nothing takes that long, a table that nobody loads goes first.
    let third = (0..3).map(|_| ("others", 20));
    subject.plan.tables.push(table("others"));
    subject.chunks.extend(third);
    subject.builds.remove(2);
    let mut schedule = subject.schedule(&DoneTasks::new());
    assert_eq!(schedule.next_task(), Next::Do(Task::Chunk(5)));
    assert_eq!(schedule.next_task(), Next::Do(Task::Chunk(0)));
    assert_eq!(schedule.next_task(), Next::Do(Task::Chunk(3)));
}
