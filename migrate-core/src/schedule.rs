//! What a free worker does next while rows move and indexes are built: a table's builds begin once its own rows are in, while
//! those of other tables still move.
//!
//! Pure: knows which piece of work may run beside which, and which one is best begun first; does none of it. Foreign keys wait for
//! both of their tables, views and triggers for everything.

use std::collections::VecDeque;

use crate::mapping::IndexMethod;
use crate::plan::Plan;
use crate::render::{Build, BuildKind};

/// A chunk that is to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkToMove {
    /// The table, by source name.
    pub table: String,
    /// How large it is, in bytes or whatever tells chunks apart.
    pub size: u64,
    /// Whether it is done already.
    pub is_done: bool,
}

/// A piece of work, by its place among the chunks or builds that the schedule was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Move this chunk.
    Chunk(usize),
    /// Run this build.
    Build(usize),
}

/// What a free worker is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Do this, and say when it is done.
    Do(Task),
    /// Nothing can begin before something that runs is done.
    Wait,
    /// Everything is done.
    Over,
}

/// What is to be done and what runs.
#[derive(Clone, Debug)]
pub struct Schedule {
    lanes: u64,
    tables: Vec<TableWork>,
    chunk_tables: Vec<usize>,
    chunk_sizes: Vec<u64>,
    builds: Vec<BuildWork>,
}

/// Which chunks and builds are done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoneTasks {
    /// For each chunk whether it is done.
    pub chunks: Vec<bool>,
    /// For each build whether it is done.
    pub builds: Vec<bool>,
}

#[derive(Clone, Debug, Default)]
struct TableWork {
    waiting: VecDeque<usize>,
    /// The size of what waits.
    waiting_size: u64,
    running: Vec<usize>,
    /// The size of the whole table.
    size: u64,
    /// The builds that lock it.
    builds: Vec<usize>,
}

#[derive(Clone, Debug)]
struct BuildWork {
    /// The tables that it locks: its own and, for a foreign key, its parent.
    tables: Vec<usize>,
    /// Whether it locks the tables of everything else.
    is_alone: bool,
    group: Group,
    cost: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
}

/// The groups of builds of one table, each of which waits for those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Keys,
    Indexes,
    Checks,
    ForeignKeys,
    Objects,
}

impl Group {
    /// Whether several of them may run at once on one table: CREATE INDEX takes a lock that lets others do the same, ALTER TABLE
    /// one that does not (PostgreSQL manual, section 13.3.1).
    fn is_shared(self) -> bool {
        self == Group::Indexes
    }
}

impl Schedule {
    /// What is to be done of `chunks` and of `builds`, of which those are done that `is_built` says, by so many lanes.
    pub fn new(
        plan: &Plan,
        chunks: &[ChunkToMove],
        builds: &[Build],
        is_built: &[bool],
        lanes: usize,
    ) -> Schedule {
        let mut tables = vec![TableWork::default(); plan.tables.len()];
        let place = |name: &str| plan.tables.iter().position(|table| table.source == name);
        // A chunk of a table that the plan has not is found out when it is moved.
        let chunk_tables: Vec<usize> = chunks.iter().map(|chunk| place(&chunk.table).unwrap_or(0)).collect();
        for (number, (chunk, &table)) in chunks.iter().zip(&chunk_tables).enumerate() {
            let Some(table) = tables.get_mut(table) else { continue };
            table.size += chunk.size;
            if !chunk.is_done {
                table.waiting_size += chunk.size;
                table.waiting.push_back(number);
            }
        }
        let target_place = |name: &str| plan.tables.iter().position(|table| table.target == name);
        let work = |(number, build): (usize, &Build)| {
            let parent = match &build.kind {
                BuildKind::ForeignKey { parent } => parent.as_deref().and_then(target_place),
                _ => None,
            };
            let own = target_place(&build.table);
            let size = own.and_then(|own| tables.get(own)).map_or(0, |table| table.size);
            BuildWork {
                tables: own.into_iter().chain(parent.filter(|&parent| Some(parent) != own)).collect(),
                is_alone: matches!(build.kind, BuildKind::Objects | BuildKind::ForeignKey { parent: None }),
                group: group(&build.kind),
                cost: cost(&build.kind, size),
                state: if is_built.get(number) == Some(&true) { State::Done } else { State::Waiting },
            }
        };
        let builds: Vec<BuildWork> = builds.iter().enumerate().map(work).collect();
        for (number, build) in builds.iter().enumerate() {
            for &table in &build.tables {
                tables[table].builds.push(number);
            }
        }
        let chunk_sizes = chunks.iter().map(|chunk| chunk.size).collect();
        let lanes = u64::try_from(lanes).unwrap_or(1).max(1);
        Schedule { lanes, tables, chunk_tables, chunk_sizes, builds }
    }

    /// What a worker that is free does next. What it is told counts as running until [`Schedule::done`] or
    /// [`Schedule::given_back`].
    pub fn next_task(&mut self) -> Next {
        let Some(task) = self.best() else {
            return if self.is_running() { Next::Wait } else { Next::Over };
        };
        match task {
            Task::Chunk(number) => {
                let size = self.chunk_sizes.get(number).copied().unwrap_or(0);
                if let Some(table) = self.table_of_chunk(number) {
                    table.waiting.pop_front();
                    table.waiting_size = table.waiting_size.saturating_sub(size);
                    table.running.push(number);
                }
            }
            Task::Build(number) => self.set(number, State::Running),
        }
        Next::Do(task)
    }

    /// A task is done, for good.
    pub fn done(&mut self, task: Task) {
        match task {
            Task::Chunk(number) => {
                if let Some(table) = self.table_of_chunk(number) {
                    table.running.retain(|&running| running != number);
                }
            }
            Task::Build(number) => self.set(number, State::Done),
        }
    }

    /// A task was not done, and waits again.
    pub fn given_back(&mut self, task: Task) {
        match task {
            Task::Chunk(number) => {
                let size = self.chunk_sizes.get(number).copied().unwrap_or(0);
                if let Some(table) = self.table_of_chunk(number) {
                    table.running.retain(|&running| running != number);
                    table.waiting_size += size;
                    table.waiting.push_front(number);
                }
            }
            Task::Build(number) => self.set(number, State::Waiting),
        }
    }

    /// What counts as done.
    pub fn done_tasks(&self) -> DoneTasks {
        let mut chunks = vec![true; self.chunk_sizes.len()];
        for &number in self.tables.iter().flat_map(|table| table.waiting.iter().chain(&table.running)) {
            chunks[number] = false;
        }
        DoneTasks { chunks, builds: self.builds.iter().map(|build| build.state == State::Done).collect() }
    }

    /// Brings the schedule in line with the ledger after a connection was lost: what waits and is done there is done, its commit
    /// went through without a word. What counted as done `before` the ledger was read and is not done there waits again, since a
    /// server that crashed forgets commits that it did not wait for the disk with. What runs is its worker's to tell.
    pub fn settle(&mut self, before: &DoneTasks, ledger: &DoneTasks) {
        let is = |list: &[bool], number: usize| list.get(number) == Some(&true);
        for number in 0..self.chunk_sizes.len() {
            let size = self.chunk_sizes[number];
            let Some(table) = self.table_of_chunk(number) else { continue };
            let waiting = table.waiting.iter().position(|&waiting| waiting == number);
            let is_running = table.running.contains(&number);
            match (waiting, is(&ledger.chunks, number)) {
                (Some(place), true) => {
                    table.waiting.remove(place);
                    table.waiting_size = table.waiting_size.saturating_sub(size);
                }
                (None, false) if !is_running && is(&before.chunks, number) => {
                    table.waiting.push_back(number);
                    table.waiting_size += size;
                }
                _ => {}
            }
        }
        for (number, build) in self.builds.iter_mut().enumerate() {
            match (build.state, is(&ledger.builds, number)) {
                (State::Waiting, true) => build.state = State::Done,
                (State::Done, false) if is(&before.builds, number) => build.state = State::Waiting,
                _ => {}
            }
        }
    }

    /// Whether all chunks are done.
    pub fn are_rows_in(&self) -> bool {
        self.tables.iter().all(TableWork::is_in)
    }

    /// How many tasks run.
    pub fn running(&self) -> usize {
        let builds = self.builds.iter().filter(|build| build.state == State::Running).count();
        self.tables.iter().map(|table| table.running.len()).sum::<usize>() + builds
    }

    fn is_running(&self) -> bool {
        self.running() > 0
    }

    /// The task with the most work behind it: the last one to end decides when everything is done. Two lanes on one table get into
    /// each other's way, so that a table which nobody loads goes first, unless what follows the rows of another takes so long that
    /// all would wait for it.
    fn best(&self) -> Option<Task> {
        let chunks = |is_wanted: &dyn Fn(usize, &TableWork) -> bool| {
            let tables = self.tables.iter().enumerate().filter(|(place, table)| is_wanted(*place, table));
            first_of_largest(tables.filter_map(|(place, table)| {
                Some((self.work_behind(place), Task::Chunk(*table.waiting.front()?)))
            }))
        };
        let left = self.left();
        let critical = chunks(&|place, _| self.path(place).saturating_mul(self.lanes) > left);
        let is_alone_running =
            self.builds.iter().any(|other| other.is_alone && other.state == State::Running);
        let builds = (self.builds.iter().enumerate())
            .filter(|(_, build)| !is_alone_running && self.is_ready(build))
            .map(|(number, build)| (self.work_behind_build(build), Task::Build(number)));
        let builds = first_of_largest(builds);
        let unloaded = chunks(&|_, table| table.running.is_empty());
        let with_work = |task: Option<Task>| task.map(|task| (self.work_behind_task(task), task));
        // Of what is critical the builds go first: they are behind the rows that are in.
        critical
            .filter(|_| builds.is_none_or(|build| self.work_behind_task(build) <= left / self.lanes.max(1)))
            .or_else(|| first_of_largest([with_work(unloaded), with_work(builds)].into_iter().flatten()))
            .or_else(|| chunks(&|_, _| true))
    }

    fn work_behind_task(&self, task: Task) -> u64 {
        match task {
            Task::Chunk(number) => self.chunk_tables.get(number).map_or(0, |&table| self.work_behind(table)),
            Task::Build(number) => self.builds.get(number).map_or(0, |build| self.work_behind_build(build)),
        }
    }

    /// What is still to be done of everything.
    fn left(&self) -> u64 {
        let builds = self.builds.iter().filter(|build| build.state == State::Waiting).map(|build| build.cost);
        self.tables.iter().map(|table| self.size_left(table)).sum::<u64>() + builds.sum::<u64>()
    }

    /// What of a table can only be done one after the other: its rows, its keys, the longest of its indexes, and the rest.
    fn path(&self, place: usize) -> u64 {
        let Some(table) = self.tables.get(place) else { return 0 };
        let own = || {
            self.builds_of(&table.builds)
                .filter(|build| build.tables.first() == Some(&place) && build.state == State::Waiting)
        };
        let index = own().filter(|build| build.group == Group::Indexes).map(|build| build.cost).max();
        let others = own().filter(|build| build.group != Group::Indexes).map(|build| build.cost);
        self.size_left(table) + index.unwrap_or(0) + others.sum::<u64>()
    }

    /// The size of what waits and of what runs.
    fn size_left(&self, table: &TableWork) -> u64 {
        let running = table.running.iter().filter_map(|&number| self.chunk_sizes.get(number));
        table.waiting_size + running.sum::<u64>()
    }

    /// What is still to be done of a table, its builds among it.
    fn work_behind(&self, place: usize) -> u64 {
        let Some(table) = self.tables.get(place) else { return 0 };
        let own = self.builds_of(&table.builds).filter(|build| build.tables.first() == Some(&place));
        let waiting = own.filter(|build| build.state == State::Waiting).map(|build| build.cost);
        table.waiting_size + waiting.sum::<u64>()
    }

    /// A build and those that wait for it.
    fn work_behind_build(&self, build: &BuildWork) -> u64 {
        let behind =
            self.beside(build).filter(|other| other.state == State::Waiting && other.group > build.group);
        build.cost + behind.map(|other| other.cost).max().unwrap_or(0)
    }

    fn is_ready(&self, build: &BuildWork) -> bool {
        if build.state != State::Waiting {
            return false;
        }
        let is_done = |other: &BuildWork| other.group >= build.group || other.state == State::Done;
        if build.is_alone {
            return self.running() == 0 && self.are_rows_in() && self.builds.iter().all(is_done);
        }
        let is_in = |&table: &usize| self.tables.get(table).is_some_and(TableWork::is_in);
        let stands_aside = |other: &BuildWork| other.state != State::Running || !conflict(build, other);
        build.tables.iter().all(is_in)
            && self.beside(build).all(|other| is_done(other) && stands_aside(other))
    }

    /// The builds that lock a table which `build` locks, itself among them.
    fn beside<'a>(&'a self, build: &'a BuildWork) -> impl Iterator<Item = &'a BuildWork> {
        let tables = build.tables.iter().filter_map(|&table| self.tables.get(table));
        tables.flat_map(|table| self.builds_of(&table.builds))
    }

    fn builds_of<'a>(&'a self, numbers: &'a [usize]) -> impl Iterator<Item = &'a BuildWork> {
        numbers.iter().filter_map(|&number| self.builds.get(number))
    }

    fn table_of_chunk(&mut self, number: usize) -> Option<&mut TableWork> {
        let table = *self.chunk_tables.get(number)?;
        self.tables.get_mut(table)
    }

    fn set(&mut self, number: usize, state: State) {
        if let Some(build) = self.builds.get_mut(number) {
            build.state = state;
        }
    }
}

impl TableWork {
    fn is_in(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }
}

/// Whether one would wait for the other's locks on a table that both lock.
fn conflict(one: &BuildWork, other: &BuildWork) -> bool {
    !(one.group.is_shared() && other.group.is_shared())
}

fn group(kind: &BuildKind) -> Group {
    match kind {
        BuildKind::Key => Group::Keys,
        BuildKind::Index(_) => Group::Indexes,
        BuildKind::Check => Group::Checks,
        BuildKind::ForeignKey { .. } => Group::ForeignKeys,
        BuildKind::Objects => Group::Objects,
    }
}

/// What a build costs beside moving a table of this size, as was measured (`docs/performance.md`): good enough to begin with the
/// longest.
fn cost(kind: &BuildKind, size: u64) -> u64 {
    match kind {
        BuildKind::Key | BuildKind::Index(IndexMethod::Btree | IndexMethod::Hash) => size / 2,
        BuildKind::Index(IndexMethod::Gin) => size.saturating_mul(6),
        BuildKind::Check | BuildKind::ForeignKey { .. } => size / 4,
        BuildKind::Objects => size / 20,
    }
}

/// The first of those with the largest number.
fn first_of_largest(tasks: impl Iterator<Item = (u64, Task)>) -> Option<Task> {
    tasks.reduce(|best, other| if other.0 > best.0 { other } else { best }).map(|(_, task)| task)
}
