//! The state of the tasks, and what follows from it for the tables and builds that are ranked.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Schedule, Task};

/// A size, and the index of the table or build that has it. Of equal sizes the first index ranks highest.
pub(super) type Ranked = (u64, Reverse<usize>);

#[derive(Clone, Copy, Debug)]
pub(super) struct ChunkWork {
    pub(super) table: usize,
    pub(super) size: u64,
    pub(super) state: State,
}

#[derive(Clone, Debug, Default)]
pub(super) struct TableWork {
    pub(super) waiting: BTreeSet<usize>,
    pub(super) waiting_size: u64,
    /// Number of running chunks.
    pub(super) running: usize,
    /// The size of the chunks that are not done.
    pub(super) size_left: u64,
    /// The builds that lock it.
    pub(super) builds: Vec<usize>,
    pub(super) undone_builds: [usize; GROUPS],
    /// Its running builds that share the table with others of their group, and those that do not.
    pub(super) running_shared: usize,
    pub(super) running_exclusive: usize,
    /// The costs of the waiting builds that lock it.
    pub(super) waiting_builds: [BTreeSet<(u64, usize)>; GROUPS],
    /// The costs of its own waiting builds: all, and those that are no index.
    pub(super) own_cost: u64,
    pub(super) own_serial_cost: u64,
    /// Its entries in the sets of the schedule.
    pub(super) ranks: Option<(Ranked, Ranked)>,
}

#[derive(Clone, Debug)]
pub(super) struct BuildWork {
    /// The tables that it locks: its own and, for a foreign key, its parent.
    pub(super) tables: Vec<usize>,
    /// Whether it locks the tables of everything else.
    pub(super) is_alone: bool,
    pub(super) group: Group,
    pub(super) cost: u64,
    pub(super) state: State,
    /// Its entry in the set of ready builds.
    pub(super) rank: Option<Ranked>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Running,
    Done,
}

/// The groups of builds of one table, each of which waits for those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Keys,
    Indexes,
    Checks,
    ForeignKeys,
    Derived,
    Objects,
}

/// The number of groups.
pub(super) const GROUPS: usize = Group::Objects as usize + 1;

impl Group {
    /// Whether several of them can run at once on one table: CREATE INDEX acquires a lock that does not conflict with itself, ALTER TABLE
    /// one that does (PostgreSQL manual, section 13.3.1).
    pub(super) fn is_shared(self) -> bool {
        self == Group::Indexes
    }
}

impl Schedule {
    pub(super) fn tasks(&self) -> impl Iterator<Item = Task> + use<> {
        let chunks = (0..self.chunks.len()).map(Task::Chunk);
        chunks.chain((0..self.builds.len()).map(Task::Build))
    }

    pub(super) fn state(&self, task: Task) -> Option<State> {
        match task {
            Task::Chunk(number) => self.chunks.get(number).map(|chunk| chunk.state),
            Task::Build(number) => self.builds.get(number).map(|build| build.state),
        }
    }

    pub(super) fn set(&mut self, task: Task, state: State) {
        let was = self.state(task);
        debug_assert!(was.is_some(), "{task:?} is not of this schedule");
        let Some(was) = was.filter(|was| *was != state) else { return };
        adjust(&mut self.running, was == State::Running, state == State::Running);
        match task {
            Task::Chunk(number) => self.set_chunk(number, was, state),
            Task::Build(number) => self.set_build(number, was, state),
        }
    }

    fn set_chunk(&mut self, number: usize, was: State, state: State) {
        let chunk = &mut self.chunks[number];
        chunk.state = state;
        let (index, size) = (chunk.table, chunk.size);
        let table = &mut self.tables[index];
        let was_loaded = table.is_loaded();
        if state == State::Waiting {
            table.waiting.insert(number);
        } else {
            table.waiting.remove(&number);
        }
        adjust(&mut table.running, was == State::Running, state == State::Running);
        adjust_by(size, &mut table.waiting_size, was == State::Waiting, state == State::Waiting);
        adjust_by(size, &mut table.size_left, was != State::Done, state != State::Done);
        adjust_by(size, &mut self.left, was != State::Done, state != State::Done);
        let is_loaded = table.is_loaded();
        adjust(&mut self.loading_tables, !was_loaded, !is_loaded);
        self.rank_table(index);
        if was_loaded != is_loaded {
            self.rank_builds(index);
        }
    }

    fn set_build(&mut self, number: usize, was: State, state: State) {
        let build = &mut self.builds[number];
        build.state = state;
        let (group, cost, tables) = (build.group, build.cost, build.tables.clone());
        if build.is_alone {
            adjust(&mut self.alone_running, was == State::Running, state == State::Running);
            if state == State::Waiting {
                self.alone.insert(number);
            } else {
                self.alone.remove(&number);
            }
        }
        adjust(&mut self.undone_builds[group as usize], was != State::Done, state != State::Done);
        let (was_waiting, is_waiting) = (was == State::Waiting, state == State::Waiting);
        adjust_by(cost, &mut self.left, was_waiting, is_waiting);
        for (position, &index) in tables.iter().enumerate() {
            let table = &mut self.tables[index];
            adjust(&mut table.undone_builds[group as usize], was != State::Done, state != State::Done);
            let running =
                if group.is_shared() { &mut table.running_shared } else { &mut table.running_exclusive };
            adjust(running, was == State::Running, state == State::Running);
            let waiting = &mut table.waiting_builds[group as usize];
            if is_waiting {
                waiting.insert((cost, number));
            } else {
                waiting.remove(&(cost, number));
            }
            if position == 0 {
                adjust_by(cost, &mut table.own_cost, was_waiting, is_waiting);
                if group != Group::Indexes {
                    adjust_by(cost, &mut table.own_serial_cost, was_waiting, is_waiting);
                }
            }
        }
        self.rank_build(number);
        for index in tables {
            self.rank_table(index);
            self.rank_builds(index);
        }
    }

    /// A build with the work of it and of those that wait for it.
    pub(super) fn rank(&self, number: usize, build: &BuildWork) -> Ranked {
        let behind = |table: &usize| {
            let later = self.tables[*table].waiting_builds[build.group as usize + 1..].iter();
            later.filter_map(|costs| costs.last().map(|(cost, _)| *cost)).max()
        };
        (build.cost + build.tables.iter().filter_map(behind).max().unwrap_or(0), Reverse(number))
    }

    /// Whether a build that does not run alone can start.
    fn is_ready(&self, build: &BuildWork) -> bool {
        let is_free = |table: &usize| {
            let table = &self.tables[*table];
            table.is_loaded()
                && table.undone_builds[..build.group as usize].iter().all(|count| *count == 0)
                && table.running_exclusive == 0
                && (build.group.is_shared() || table.running_shared == 0)
        };
        build.state == State::Waiting && !build.is_alone && build.tables.iter().all(is_free)
    }

    /// Updates the places of a table in the ordered sets.
    fn rank_table(&mut self, index: usize) {
        let table = &mut self.tables[index];
        let index = Reverse(index);
        let indexes = table.waiting_builds[Group::Indexes as usize].last().map_or(0, |(cost, _)| *cost);
        let work = (table.waiting_size + table.own_cost, index);
        let path = (table.size_left + indexes + table.own_serial_cost, index);
        if let Some((work, path)) = table.ranks.take() {
            self.loadable.remove(&work);
            self.unloaded.remove(&work);
            self.paths.remove(&path);
        }
        if table.waiting.is_empty() {
            return;
        }
        table.ranks = Some((work, path));
        self.loadable.insert(work);
        self.paths.insert(path);
        if table.running == 0 {
            self.unloaded.insert(work);
        }
    }

    fn rank_builds(&mut self, table: usize) {
        let builds = std::mem::take(&mut self.tables[table].builds);
        for &number in &builds {
            self.rank_build(number);
        }
        self.tables[table].builds = builds;
    }

    /// Updates the place of a build in the ordered set.
    fn rank_build(&mut self, number: usize) {
        let build = &self.builds[number];
        let rank = self.is_ready(build).then(|| self.rank(number, build));
        let was = std::mem::replace(&mut self.builds[number].rank, rank);
        if was != rank {
            was.map(|was| self.ready.remove(&was));
            self.ready.extend(rank);
        }
    }
}

impl TableWork {
    fn is_loaded(&self) -> bool {
        self.waiting.is_empty() && self.running == 0
    }
}

/// Counts tasks that have ended or begun.
fn adjust(count: &mut usize, was: bool, is: bool) {
    *count = (*count + usize::from(is)).saturating_sub(usize::from(was));
}

/// The same for a sum of sizes.
fn adjust_by(size: u64, sum: &mut u64, was: bool, is: bool) {
    *sum = sum.saturating_add(size * u64::from(is)).saturating_sub(size * u64::from(was));
}
