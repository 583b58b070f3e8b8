//! Hands out the parts of a scan of all rows to threads: the rows of a child only once those of its parents are scanned, so that the
//! parents' keys are known.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::foreign_keys::ForeignKeys;
use super::row_range::RowRange;

/// A part of the scan. Tables are named by their places in the plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Task {
    /// The rows of a table; in a range where there is one.
    Rows(usize, Option<RowRange>),
    /// The keys of rows that were scanned before those of their parents.
    LateKeys(usize, Option<RowRange>),
}

/// The tasks of a scan.
#[derive(Debug)]
pub(super) struct Schedule<'k, 'a> {
    keys: &'k ForeignKeys<'a>,
    tasks: Vec<Task>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The tasks that nobody has taken, by number.
    waiting: VecDeque<usize>,
    /// How many parts of each table's rows are not scanned yet.
    left: Vec<usize>,
    is_over: bool,
}

impl<'k, 'a> Schedule<'k, 'a> {
    /// Schedules the parts of tables, `order` first.
    pub(super) fn new(
        keys: &'k ForeignKeys<'a>,
        order: &[usize],
        parts: &[Vec<Option<RowRange>>],
    ) -> Schedule<'k, 'a> {
        let parts_of = |table: usize| parts.get(table).into_iter().flatten().cloned();
        let rows = order.iter().flat_map(|&table| parts_of(table).map(move |part| Task::Rows(table, part)));
        let late = order.iter().filter(|&&table| keys.has_late(table));
        let late = late.flat_map(|&table| parts_of(table).map(move |part| Task::LateKeys(table, part)));
        let tasks: Vec<Task> = rows.chain(late).collect();
        let state = State {
            waiting: (0..tasks.len()).collect(),
            left: parts.iter().map(Vec::len).collect(),
            is_over: false,
        };
        Schedule { keys, tasks, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// How many tasks there are.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Takes the next task, with its number, and waits for it if necessary; none if all are taken or the scan is over.
    pub(super) fn next(&self) -> Option<(usize, Task)> {
        let mut state = self.lock();
        loop {
            if state.is_over || state.waiting.is_empty() {
                return None;
            }
            let ready = state.waiting.iter().position(|&number| self.is_ready(number, &state.left));
            if let Some(number) = ready.and_then(|place| state.waiting.remove(place)) {
                return self.tasks.get(number).map(|task| (number, task.clone()));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_ready(&self, number: usize, left: &[usize]) -> bool {
        let (table, is_late) = match self.tasks.get(number) {
            Some(&Task::Rows(table, _)) => (table, false),
            Some(&Task::LateKeys(table, _)) => (table, true),
            None => return false,
        };
        self.keys.scanned_before(table, is_late).all(|parent| left.get(parent) == Some(&0))
    }

    /// Records that a task is done.
    pub(super) fn finished(&self, task: &Task) {
        let Task::Rows(table, _) = *task else { return };
        let mut state = self.lock();
        let Some(left) = state.left.get_mut(table) else { return };
        *left -= 1;
        if *left == 0 {
            self.keys.complete(table);
            self.changed.notify_all();
        }
    }

    /// Ends the scan for all threads: one of them has failed.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a scan, unless the thread that has it comes to a good end: no other thread waits for one that has stopped.
pub(super) struct EndOnFailure<'s, 'k, 'a> {
    pub(super) schedule: &'s Schedule<'k, 'a>,
    pub(super) is_done: bool,
}

impl Drop for EndOnFailure<'_, '_, '_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.schedule.end();
        }
    }
}
