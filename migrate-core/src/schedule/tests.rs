//! Schedules that do not fit their plan, and one of many tables.

use super::*;
use crate::plan::PlannedTable;

fn plan(tables: usize) -> Plan {
    let table = |number: usize| -> PlannedTable {
        let json = serde_json::json!({
            "source": format!("s{number}"), "target": format!("t{number}"), "without_rowid": false, "rowid": "rowid",
            "columns": [], "primary_key": null, "unique": [], "foreign_keys": [], "indexes": []
        });
        serde_json::from_value(json).unwrap()
    };
    Plan { tables: (0..tables).map(table).collect(), ..Plan::empty("public".to_owned()) }
}

fn build(table: usize, kind: BuildKind) -> Build {
    Build { table: format!("t{table}"), what: format!("{kind:?}"), statements: Vec::new(), kind }
}

#[test]
fn chunks_and_tasks_that_do_not_exist_are_errors() {
    let plan = plan(1);
    let chunk = |table: &str| ChunkToMove { table: table.to_owned(), size: 1 };
    let unknown = Schedule::new(&plan, &[chunk("t0")], &[], &DoneTasks::new(), 1).unwrap_err();
    assert_eq!(unknown.to_string(), "table t0 has a chunk and is not in the plan");
    for task in [Task::Chunk(1), Task::Build(0)] {
        let error = Schedule::new(&plan, &[chunk("s0")], &[], &[task].into(), 1).unwrap_err();
        assert_eq!(error, ScheduleError::UnknownTask { task });
    }
}

/// Number of tables and of chunks of each.
const TABLES: usize = 2_000;
const CHUNKS_EACH: usize = 10;

/// The state of one table while tasks start and end.
#[derive(Clone, Default)]
struct Seen {
    chunks_done: usize,
    builds_done: Vec<Group>,
    running: Vec<Group>,
}

#[test]
fn many_tables_are_loaded_and_built_in_order() {
    let plan = plan(TABLES);
    let chunks: Vec<ChunkToMove> = (0..TABLES * CHUNKS_EACH)
        .map(|number| ChunkToMove { table: format!("s{}", number % TABLES), size: (number % 97 + 1) as u64 })
        .collect();
    let hub = || BuildKind::ForeignKey { parent: Some("t0".to_owned()) };
    let builds: Vec<Build> = (0..TABLES)
        .flat_map(|table| {
            let index = || BuildKind::Index(IndexMethod::Btree);
            [BuildKind::Key, index(), index(), BuildKind::Check, hub()].map(|kind| build(table, kind))
        })
        .chain([build(TABLES, BuildKind::Objects)])
        .collect();
    // Every seventh chunk is done already.
    let done: DoneTasks = (0..chunks.len()).step_by(7).map(Task::Chunk).collect();
    let mut seen = vec![Seen::default(); TABLES];
    done.iter().for_each(|task| {
        if let Task::Chunk(number) = task {
            seen[number % TABLES].chunks_done += 1
        }
    });
    let mut schedule = Schedule::new(&plan, &chunks, &builds, &done, 8).unwrap();
    let locked = |number: usize| match &builds[number].kind {
        BuildKind::Objects => Vec::new(),
        BuildKind::ForeignKey { .. } if number >= 5 => vec![number / 5, 0],
        _ => vec![number / 5],
    };
    let (mut running, mut finished) = (std::collections::VecDeque::new(), done.len());
    loop {
        while running.len() < 8 {
            let Next::Do(task) = schedule.next_task() else { break };
            if let Task::Build(number) = task {
                let group = group(&builds[number].kind);
                if group == Group::Objects {
                    assert_eq!((finished, running.len()), (chunks.len() + builds.len() - 1, 0));
                }
                for table in locked(number) {
                    let seen = &mut seen[table];
                    assert_eq!(seen.chunks_done, CHUNKS_EACH);
                    let before = [Group::Keys, Group::Indexes, Group::Indexes, Group::Checks];
                    let needed = before.iter().filter(|earlier| **earlier < group);
                    assert_eq!(
                        seen.builds_done.iter().filter(|other| **other < group).count(),
                        needed.count()
                    );
                    assert!(seen.running.iter().all(|other| group.is_shared() && other.is_shared()));
                    seen.running.push(group);
                }
            }
            running.push_back(task);
        }
        let Some(task) = running.pop_front() else { break };
        finished += 1;
        match task {
            Task::Chunk(number) => seen[number % TABLES].chunks_done += 1,
            Task::Build(number) => {
                for table in locked(number) {
                    let group = seen[table].running.remove(0);
                    seen[table].builds_done.push(group);
                }
            }
        }
        schedule.done(task);
        assert_eq!(schedule.running(), running.len());
    }
    assert_eq!(schedule.next_task(), Next::Over);
    assert_eq!(finished, chunks.len() + builds.len());
    assert_eq!(schedule.done_tasks().len(), finished);
}
