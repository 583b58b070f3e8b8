//! Hands out the comparison of tables to workers: a table is cut into parts by the worker that takes it, and each part goes to the next
//! worker that is free. It neither cuts nor compares.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The work that is left.
pub(super) struct WorkQueue<P> {
    state: Mutex<State<P>>,
    changed: Condvar,
}

struct State<P> {
    /// The tables that are not cut yet, by index.
    tables: VecDeque<usize>,
    parts: VecDeque<P>,
    /// How many tables are being cut.
    cutting: usize,
    has_failed: bool,
}

/// A worker's next task.
pub(super) enum Work<'q, P> {
    /// To cut a table into parts.
    Cut(Cut<'q, P>),
    /// To compare a part.
    Compare(P),
}

impl<P> WorkQueue<P> {
    /// With these tables, in the order in which they are to be taken.
    pub(super) fn new(tables: impl IntoIterator<Item = usize>) -> WorkQueue<P> {
        let tables = tables.into_iter().collect();
        let state = State { tables, parts: VecDeque::new(), cutting: 0, has_failed: false };
        WorkQueue { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The next task, once there is one: parts before tables, so that few tables are cut at a time. None when there is nothing left to do,
    /// or a worker has failed.
    pub(super) fn next(&self) -> Option<Work<'_, P>> {
        let mut state = self.lock();
        loop {
            if state.has_failed {
                return None;
            }
            if let Some(part) = state.parts.pop_front() {
                return Some(Work::Compare(part));
            }
            if let Some(table) = state.tables.pop_front() {
                state.cutting += 1;
                return Some(Work::Cut(Cut { queue: self, table, is_done: false }));
            }
            if state.cutting == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the work of all.
    pub(super) fn fail(&self) {
        self.lock().has_failed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A table that a worker is to cut. A worker that does not, even by a panic, ends the work of all: the others would wait for its parts.
pub(super) struct Cut<'q, P> {
    queue: &'q WorkQueue<P>,
    /// The table, by index.
    pub(super) table: usize,
    is_done: bool,
}

impl<P> Cut<'_, P> {
    /// Adds the parts of the table to the work that is left.
    pub(super) fn into(mut self, parts: impl IntoIterator<Item = P>) {
        let mut state = self.queue.lock();
        state.parts.extend(parts);
        state.cutting -= 1;
        drop(state);
        self.is_done = true;
        self.queue.changed.notify_all();
    }
}

impl<P> Drop for Cut<'_, P> {
    fn drop(&mut self) {
        if !self.is_done {
            self.queue.fail();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn workers_wait_for_the_parts_of_a_table_that_another_one_cuts() {
        let queue = WorkQueue::new([3]);
        let compared = [AtomicUsize::new(0), AtomicUsize::new(0)];
        std::thread::scope(|scope| {
            let Some(Work::Cut(cut)) = queue.next() else { panic!("the table is not cut") };
            assert_eq!(cut.table, 3);
            for count in &compared {
                let queue = &queue;
                scope.spawn(move || {
                    while let Some(Work::Compare(())) = queue.next() {
                        count.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(20));
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(20));
            cut.into([(); 20]);
        });
        let [one, other] = compared.map(AtomicUsize::into_inner);
        assert!(one > 0 && other > 0 && one + other == 20, "{one} {other}");
        assert!(queue.next().is_none());
    }

    #[test]
    fn tables_come_in_order_and_parts_before_them() {
        let queue = WorkQueue::new([7, 1]);
        let Some(Work::Cut(cut)) = queue.next() else { panic!("no table") };
        assert_eq!(cut.table, 7);
        cut.into(["a", "b"]);
        for expected in ["a", "b"] {
            assert!(matches!(queue.next(), Some(Work::Compare(part)) if part == expected));
        }
        let Some(Work::Cut(cut)) = queue.next() else { panic!("no table") };
        assert_eq!(cut.table, 1);
        cut.into([]);
        assert!(queue.next().is_none());
    }

    #[test]
    fn a_worker_that_fails_or_stops_in_the_middle_ends_the_work_of_all() {
        let queue: WorkQueue<()> = WorkQueue::new([0, 1]);
        drop(queue.next());
        assert!(queue.next().is_none());
        let queue: WorkQueue<()> = WorkQueue::new([0]);
        queue.fail();
        assert!(queue.next().is_none());
    }
}
