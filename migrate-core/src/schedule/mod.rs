//! The schedule of a load: chooses a free worker's next task. A table's builds begin once its own rows are loaded, while rows of other
//! tables still move.
//!
//! It is pure: it decides which tasks can run at the same time and which one starts first, and runs none. Foreign keys wait for both of
//! their tables, views and triggers for everything.
//!
//! Choosing a task needs time in the logarithm of the number of tables and builds: every table and every build that can start is in an
//! ordered set, by the work that waits for it. A build that starts or ends updates the other builds of its tables.

mod state;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::plan::Plan;
use crate::render::{Build, BuildKind};
use crate::terms::IndexMethod;
use state::{BuildWork, ChunkWork, GROUPS, Group, Ranked, State, TableWork};

/// A chunk of a table's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkToMove {
    /// The table, by source name.
    pub table: String,
    /// Its size, in bytes or any other unit that all chunks share.
    pub size: u64,
}

/// A unit of work, by its index among the chunks or builds of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Move this chunk.
    Chunk(usize),
    /// Run this build.
    Build(usize),
}

/// The answer to a free worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Run this task, and report its end.
    Do(Task),
    /// Nothing can start before a running task ends.
    Wait,
    /// Everything is done.
    Over,
}

/// The tasks that are done.
pub type DoneTasks = BTreeSet<Task>;

/// Why no schedule can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A chunk of a table that is not in the plan.
    #[error("table {table} has a chunk and is not in the plan")]
    UnknownTable {
        /// The table.
        table: String,
    },
    /// A task that is done and is not among the chunks and builds.
    #[error("{task:?} is done and does not exist")]
    UnknownTask {
        /// The task.
        task: Task,
    },
}

/// The tasks of a load: waiting, running and done.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    lanes: u64,
    tables: Vec<TableWork>,
    chunks: Vec<ChunkWork>,
    builds: Vec<BuildWork>,
    /// The size of all chunks that are not done and of all builds that wait.
    left: u64,
    /// Number of running tasks.
    running: usize,
    /// Number of tables with chunks that are not done.
    loading_tables: usize,
    /// Number of builds that are not done, by group.
    undone_builds: [usize; GROUPS],
    alone_running: usize,
    /// Tables with waiting chunks, by the work that waits for them.
    loadable: BTreeSet<Ranked>,
    /// Those of them of which no chunk is running.
    unloaded: BTreeSet<Ranked>,
    /// Tables with waiting chunks, by the work on them that cannot run in parallel.
    paths: BTreeSet<Ranked>,
    /// Builds that can start now, by the work that waits for them.
    ready: BTreeSet<Ranked>,
    /// Waiting builds that run alone.
    alone: BTreeSet<usize>,
}

impl Schedule {
    /// Schedules `chunks` and `builds`, except for those that are `done`, on a number of lanes.
    ///
    /// # Errors
    /// A [`ScheduleError`] where chunks, plan and `done` do not belong together.
    pub fn new(
        plan: &Plan,
        chunks: &[ChunkToMove],
        builds: &[Build],
        done: &DoneTasks,
        lanes: usize,
    ) -> Result<Schedule, ScheduleError> {
        let is_known = |task: &Task| match *task {
            Task::Chunk(number) => number < chunks.len(),
            Task::Build(number) => number < builds.len(),
        };
        if let Some(&task) = done.iter().find(|task| !is_known(task)) {
            return Err(ScheduleError::UnknownTask { task });
        }
        let index_of: HashMap<&str, usize> =
            plan.tables.iter().enumerate().map(|(index, table)| (table.source.as_str(), index)).collect();
        let chunk_work = |chunk: &ChunkToMove| match index_of.get(chunk.table.as_str()) {
            Some(&table) => Ok(ChunkWork { table, size: chunk.size, state: State::Done }),
            None => Err(ScheduleError::UnknownTable { table: chunk.table.clone() }),
        };
        let chunks = chunks.iter().map(chunk_work).collect::<Result<Vec<_>, _>>()?;
        let mut sizes = vec![0; plan.tables.len()];
        for chunk in &chunks {
            sizes[chunk.table] += chunk.size;
        }
        let mut tables = vec![TableWork::default(); plan.tables.len()];
        let index_of: HashMap<&str, usize> =
            plan.tables.iter().enumerate().map(|(index, table)| (table.target.as_str(), index)).collect();
        let build_work = |build: &Build| {
            let parent = match &build.kind {
                BuildKind::ForeignKey { parent } => parent.as_deref().and_then(|name| index_of.get(name)),
                _ => None,
            };
            let own = index_of.get(build.table.as_str());
            BuildWork {
                tables: own
                    .into_iter()
                    .chain(parent.filter(|&parent| Some(parent) != own))
                    .copied()
                    .collect(),
                is_alone: matches!(
                    build.kind,
                    BuildKind::Derived | BuildKind::Objects | BuildKind::ForeignKey { parent: None }
                ),
                group: group(&build.kind),
                cost: cost(&build.kind, own.map_or(0, |&own| sizes[own])),
                state: State::Done,
                rank: None,
            }
        };
        let builds: Vec<BuildWork> = builds.iter().map(build_work).collect();
        for (number, build) in builds.iter().enumerate() {
            for &table in &build.tables {
                tables[table].builds.push(number);
            }
        }
        // Everything counts as done at first, and the remaining tasks are set to wait.
        let mut schedule =
            Schedule { lanes: lanes.max(1) as u64, tables, chunks, builds, ..Schedule::default() };
        for task in schedule.tasks().filter(|task| !done.contains(task)) {
            schedule.set(task, State::Waiting);
        }
        Ok(schedule)
    }

    /// Chooses the task of a free worker. It counts as running until [`Schedule::done`] or [`Schedule::release`].
    pub fn next_task(&mut self) -> Next {
        match self.best() {
            Some(task) => {
                self.set(task, State::Running);
                Next::Do(task)
            }
            None if self.running > 0 => Next::Wait,
            None => Next::Over,
        }
    }

    /// A task is done, for good.
    pub fn done(&mut self, task: Task) {
        self.set(task, State::Done);
    }

    /// A task was not done, and waits again.
    pub fn release(&mut self, task: Task) {
        self.set(task, State::Waiting);
    }

    /// The tasks that count as done.
    pub fn done_tasks(&self) -> DoneTasks {
        self.tasks().filter(|task| self.state(*task) == Some(State::Done)).collect()
    }

    /// Updates the schedule from the ledger after a connection was lost. A waiting task that is done in the ledger is done: its commit
    /// succeeded and the reply was lost. A task that counted as done `before` the ledger was read and is not done there waits again,
    /// since a server that crashed loses commits that were not flushed to disk. Running tasks are not changed: their workers handle them.
    pub fn settle(&mut self, before: &DoneTasks, ledger: &DoneTasks) {
        for &task in ledger {
            if self.state(task) == Some(State::Waiting) {
                self.set(task, State::Done);
            }
        }
        for &task in before.difference(ledger) {
            if self.state(task) == Some(State::Done) {
                self.set(task, State::Waiting);
            }
        }
    }

    /// Whether all chunks are done.
    pub fn are_rows_in(&self) -> bool {
        self.loading_tables == 0
    }

    /// The number of running tasks.
    pub fn running(&self) -> usize {
        self.running
    }

    /// The task with the most dependent work: the last one to end decides when everything is done. Two lanes on one table slow each other
    /// down, so a table which nobody loads goes first, unless the work after the rows of another takes so long that all would wait for
    /// it.
    fn best(&self) -> Option<Task> {
        // All paths together are no longer than the remaining work, so that fewer tables than lanes are critical.
        let critical = (self.paths.iter().rev())
            .take_while(|(path, _)| path.saturating_mul(self.lanes) > self.left)
            .filter_map(|(_, Reverse(table))| self.tables.get(*table)?.ranks.map(|(work, _)| work))
            .max();
        let builds =
            if self.alone_running > 0 { None } else { self.ready.last().copied().max(self.best_alone()) };
        let unloaded = self.unloaded.last().copied();
        // Of the critical tasks the builds come first: their rows are already loaded.
        let is_first = |_: &Ranked| builds.is_none_or(|(work, _)| work <= self.left / self.lanes);
        if let Some((_, Reverse(table))) = critical.filter(is_first) {
            return self.first_chunk(table);
        }
        match (unloaded, builds) {
            (Some((of_table, _)), Some((of_build, Reverse(build)))) if of_build > of_table => {
                Some(Task::Build(build))
            }
            (None, Some((_, Reverse(build)))) => Some(Task::Build(build)),
            (table, _) => table
                .or(self.loadable.last().copied())
                .and_then(|(_, Reverse(table))| self.first_chunk(table)),
        }
    }

    /// The best of the builds that run alone, if one can start.
    fn best_alone(&self) -> Option<Ranked> {
        if self.running > 0 || self.loading_tables > 0 {
            return None;
        }
        let is_ready =
            |build: &BuildWork| self.undone_builds[..build.group as usize].iter().all(|count| *count == 0);
        let alone = self.alone.iter().filter_map(|&number| Some((number, self.builds.get(number)?)));
        alone.filter(|(_, build)| is_ready(build)).map(|(number, build)| self.rank(number, build)).max()
    }

    fn first_chunk(&self, table: usize) -> Option<Task> {
        self.tables.get(table)?.waiting.first().copied().map(Task::Chunk)
    }
}

fn group(kind: &BuildKind) -> Group {
    match kind {
        BuildKind::Key => Group::Keys,
        BuildKind::Index(_) | BuildKind::PathIndex => Group::Indexes,
        BuildKind::Check => Group::Checks,
        BuildKind::ForeignKey { .. } => Group::ForeignKeys,
        BuildKind::Derived => Group::Derived,
        BuildKind::Objects => Group::Objects,
    }
}

/// The cost of a build in relation to loading a table of this size, as measured (`docs/performance.md`): exact enough to start with
/// the longest.
fn cost(kind: &BuildKind, size: u64) -> u64 {
    match kind {
        BuildKind::Key | BuildKind::Index(IndexMethod::Btree | IndexMethod::Hash) => size / 2,
        BuildKind::Index(IndexMethod::Gin) => size.saturating_mul(6),
        BuildKind::PathIndex => size.saturating_mul(5) / 2,
        BuildKind::Check | BuildKind::ForeignKey { .. } => size / 4,
        BuildKind::Derived => size,
        BuildKind::Objects => size / 20,
    }
}
