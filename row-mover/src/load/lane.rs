//! One lane of the load: takes the next task of the schedule, runs it on connections of its own, and retries it after a transient
//! error. Only the ledger records what is done: it is read again after each lost connection.

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
use postgres_client::retry::Backoff;
use postgres_client::session::end_session;
use postgres_client::watch::check_stop;

/// One lane, with its connections.
pub(super) struct Lane<'a> {
    load: &'a Load<'a>,
    shared: &'a Shared<'a>,
    source: Option<SourceConnection>,
    target: Held<'a>,
    /// The process that served the connection that was abandoned last.
    abandoned: Option<Backend>,
    backoff: Backoff<'a>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(load: &'a Load<'a>, shared: &'a Shared<'a>) -> Lane<'a> {
        let backoff = Backoff::new(load.retry_max, load.observer, load.clock);
        let target = Held { connection: None, connected: &shared.connected };
        Lane { load, shared, source: None, target, abandoned: None, backoff }
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
                    self.backoff.reset();
                    self.shared.unblocked(task);
                    self.done(task)?;
                }
                Err(error) => {
                    let waiter = self.target.connection.as_ref().map(Connection::backend);
                    let error = (self.load.explain)(error, waiter);
                    self.count_lock_wait(task, &error);
                    self.schedule().release(task);
                    self.shared.changed.notify_all();
                    if !self.recover(error)? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts a wait for a lock for the task, whichever lane runs it and whatever else is done meanwhile.
    fn count_lock_wait(&mut self, task: Task, error: &Error) {
        match error.lock_wait() {
            Some(wait) => self.backoff.failing_since(self.shared.blocked(task, wait.waited)),
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
                let chunk = load.chunks.get(number).ok_or_else(|| unknown("chunk", number))?;
                let table = self.shared.sent.get(chunk.table.as_str());
                let table = table.ok_or_else(|| unknown("table of chunk", number))?;
                let source = self.source.as_ref().ok_or_else(|| unknown("source of chunk", number))?;
                move_chunk(load, table, chunk, source, target)
            }
            Task::Build(number) => {
                let build = load.builds.get(number).ok_or_else(|| unknown("build", number))?;
                run_build(load, number, build, target)
            }
        }
    }

    /// Waits after a transient error, connects again, and updates the schedule from the ledger. False if this lane gets no connection and
    /// the others continue without it.
    ///
    /// # Errors
    /// The fault, where it is permanent.
    fn recover(&mut self, error: Error) -> Result<bool> {
        let has_connected = self.target.connection.is_some();
        self.abandoned =
            self.target.set(None).map(|target| target.backend().clone()).or(self.abandoned.take());
        if let Err(error) = self.backoff.wait_or_fail(error) {
            return if has_connected { Err(error) } else { self.retire(error) };
        }
        loop {
            match self.settle() {
                Ok(()) => return Ok(true),
                Err(error) => {
                    let error = (self.load.explain)(error, None);
                    if let Err(error) = self.backoff.wait_or_fail(error) {
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
        if let Some(abandoned) = &self.abandoned {
            end_session(&mut target, abandoned)?;
            self.abandoned = None;
        }
        self.target.set(Some(target).filter(|_| !self.load.is_tight));
        let before = self.schedule().done_tasks();
        let ledger = (self.load.read_done)()?;
        self.schedule().settle(&before, &ledger);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Marks a task as done. With the last chunk the rows are in, which the ledger records before any build that needs them begins.
    fn done(&mut self, task: Task) -> Result<()> {
        let mut schedule = self.schedule();
        schedule.done(task);
        let is_news = schedule.are_rows_in() && !self.shared.are_rows_in.swap(true, Ordering::SeqCst);
        if is_news && self.load.is_tight {
            self.target.set(None);
        }
        let result = if is_news { (self.load.rows_are_in)() } else { Ok(()) };
        drop(schedule);
        self.shared.changed.notify_all();
        result
    }

    fn schedule(&self) -> MutexGuard<'a, Schedule> {
        self.shared.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error for a task that the run does not have.
fn unknown(what: &str, number: usize) -> Error {
    Error::new(format!("the schedule names {what} {number}, which the run does not have"))
}

/// A lane's connection, which counts as long as there is one.
struct Held<'a> {
    connection: Option<Connection>,
    /// How many lanes have a connection.
    connected: &'a AtomicUsize,
}

impl Held<'_> {
    /// Replaces the connection and returns the previous one.
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

/// Notifies the other lanes that this one has ended, even by a panic: they would wait for its task for ever.
struct End<'a> {
    shared: &'a Shared<'a>,
    has_failed: bool,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        // Under the lock, so that no lane begins to wait between its check and this notification.
        let _schedule = self.shared.schedule.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_failed {
            self.shared.has_failed.store(true, Ordering::SeqCst);
        }
        self.shared.changed.notify_all();
    }
}
