//! One lane of the load: takes the next task of the schedule, carries it out on connections of its own, and tries again where a
//! fault passes. What was done is known from the ledger alone: after each lost connection it is read again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{MutexGuard, PoisonError};

use migrate_core::schedule::{Next, Schedule, Task};

use super::build::run_build;
use super::chunk::move_chunk;
use super::{Load, Shared};
use crate::error::{Error, Result};
use crate::observer::Note;
use crate::source::SourceConnection;
use postgres_client::connection::{Backend, Connection};
use postgres_client::retry::Patience;
use postgres_client::session::end_session;
use postgres_client::watch::check_stop;

/// One lane, with its connections.
pub(super) struct Lane<'a> {
    load: &'a Load<'a>,
    shared: &'a Shared,
    source: Option<SourceConnection>,
    target: Held<'a>,
    /// Who served the connection that was given up last.
    given_up: Option<Backend>,
    patience: Patience<'a>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(load: &'a Load<'a>, shared: &'a Shared) -> Lane<'a> {
        let patience = Patience::new(load.retry_max, load.observer, load.clock);
        let target = Held { connection: None, connected: &shared.connected };
        Lane { load, shared, source: None, target, given_up: None, patience }
    }

    /// Works until everything is done or a lane has failed.
    pub(super) fn run(mut self) -> Result<()> {
        let mut end = End { shared: self.shared, has_failed: true };
        let result = self.work();
        end.has_failed = result.is_err();
        result
    }

    fn work(&mut self) -> Result<()> {
        while let Some(task) = self.next_task() {
            match self.carry_out(task) {
                Ok(()) => {
                    self.patience.restore();
                    self.shared.unblocked(task);
                    self.done(task)?;
                }
                Err(error) => {
                    let waiter = self.target.connection.as_ref().map(Connection::backend);
                    let error = (self.load.explain)(error, waiter);
                    self.count_lock_wait(task, &error);
                    self.schedule().given_back(task);
                    self.shared.changed.notify_all();
                    if !self.recover(error)? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// A lock that keeps a task waiting lasts, whichever lane tries the task, and whatever else is done meanwhile.
    fn count_lock_wait(&mut self, task: Task, error: &Error) {
        match error.lock_wait() {
            Some(wait) => self.patience.lasts_since(self.shared.blocked(task, wait.waited)),
            None => self.shared.unblocked(task),
        }
    }

    /// The next task, once there is one; none when everything is done or a lane has failed.
    fn next_task(&self) -> Option<Task> {
        let mut schedule = self.schedule();
        loop {
            if self.shared.has_failed.load(Ordering::SeqCst) {
                return None;
            }
            match schedule.next_task() {
                Next::Do(task) => return Some(task),
                Next::Over => return None,
                Next::Wait => {
                    schedule = self.shared.changed.wait(schedule).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn carry_out(&mut self, task: Task) -> Result<()> {
        let load = self.load;
        check_stop(load.observer)?;
        if self.target.connection.is_none() {
            self.target.set(Some((load.open_target)()?));
        }
        let Some(target) = &mut self.target.connection else { return Ok(()) };
        match task {
            Task::Chunk(number) => {
                if self.source.is_none() {
                    self.source = Some((load.open_source)()?);
                }
                let (Some(chunk), Some(source)) = (load.chunks.get(number), &self.source) else {
                    return Ok(());
                };
                let table = load.plan.table(&chunk.table).ok_or_else(|| {
                    Error::new(format!("the ledger names table {}, which the plan has not", chunk.table))
                })?;
                move_chunk(load, &table.sent(), chunk, source, target)
            }
            Task::Build(number) => match load.builds.get(number) {
                Some(build) => run_build(load, number, build, target),
                None => Ok(()),
            },
        }
    }

    /// After a fault that may pass: waits, connects anew, and brings the schedule in line with the ledger. False where this lane gets
    /// no connection and others go on without it.
    ///
    /// # Errors
    /// The fault, where it does not pass.
    fn recover(&mut self, error: Error) -> Result<bool> {
        let has_connected = self.target.connection.is_some();
        self.given_up = self.target.set(None).map(|target| target.backend().clone()).or(self.given_up.take());
        if let Err(error) = self.patience.wait_or_fail(error) {
            return if has_connected { Err(error) } else { self.retire(error) };
        }
        loop {
            match self.settle() {
                Ok(()) => return Ok(true),
                Err(error) => {
                    let error = (self.load.explain)(error, None);
                    if let Err(error) = self.patience.wait_or_fail(error) {
                        return self.retire(error);
                    }
                }
            }
        }
    }

    /// Ends this lane, which gets no connection: as long as another one works, that is no reason to end all.
    fn retire(&self, error: Error) -> Result<bool> {
        if !error.is_transient()
            || self.load.observer.is_stopped()
            || self.shared.connected.load(Ordering::SeqCst) == 0
        {
            return Err(error);
        }
        self.load.observer.note(&Note::FewerConnections { fault: &error });
        Ok(false)
    }

    fn settle(&mut self) -> Result<()> {
        (self.load.hold_lock)()?;
        let mut target = (self.load.open_target)()?;
        if let Some(given_up) = &self.given_up {
            end_session(&mut target, given_up)?;
            self.given_up = None;
        }
        self.target.set(Some(target).filter(|_| !self.load.is_tight));
        let before = self.schedule().done_tasks();
        let ledger = (self.load.read_done)()?;
        self.schedule().settle(&before, &ledger);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Marks a task as done. With the last chunk the rows are in, which the ledger hears before what follows them begins.
    fn done(&mut self, task: Task) -> Result<()> {
        let mut schedule = self.schedule();
        schedule.done(task);
        let is_news = schedule.are_rows_in() && !self.shared.are_rows_in.swap(true, Ordering::SeqCst);
        if is_news && self.load.is_tight {
            self.target.set(None);
        }
        let told = if is_news { (self.load.rows_are_in)() } else { Ok(()) };
        drop(schedule);
        self.shared.changed.notify_all();
        told
    }

    fn schedule(&self) -> MutexGuard<'a, Schedule> {
        self.shared.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lane's connection, which counts as long as there is one.
struct Held<'a> {
    connection: Option<Connection>,
    /// How many lanes have a connection.
    connected: &'a AtomicUsize,
}

impl Held<'_> {
    /// Replaces the connection; gives the one before it.
    fn set(&mut self, connection: Option<Connection>) -> Option<Connection> {
        if connection.is_some() {
            self.connected.fetch_add(1, Ordering::SeqCst);
        }
        let before = std::mem::replace(&mut self.connection, connection);
        if before.is_some() {
            self.connected.fetch_sub(1, Ordering::SeqCst);
        }
        before
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.set(None);
    }
}

/// Tells the other lanes that this one has ended, however it did: after a panic they would wait for its task for ever.
struct End<'a> {
    shared: &'a Shared,
    has_failed: bool,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        // Under the lock, so that no lane begins to wait between its look and this word.
        let _schedule = self.shared.schedule.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_failed {
            self.shared.has_failed.store(true, Ordering::SeqCst);
        }
        self.shared.changed.notify_all();
    }
}
