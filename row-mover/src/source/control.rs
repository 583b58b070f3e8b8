//! Ends statements that run inside SQLite: once the work is to stop, once their time is over, or where they take too much memory. SQLite
//! asks in a progress handler.

#![allow(unsafe_code)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::Connection;

use crate::observer::StopFlag;

/// How many instructions SQLite runs between two questions: a moment, even where one of them calls a function that takes its time.
const STEPS_BETWEEN_QUESTIONS: i32 = 1_000;

/// The same for a statement that may gather long values in memory, each in a few instructions.
const STEPS_BETWEEN_CLOSE_QUESTIONS: i32 = 50;

/// What ends the statements of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Control(Arc<Mutex<Ends>>);

#[derive(Debug, Default)]
struct Ends {
    stop: StopFlag,
    until: Option<Instant>,
    /// How much memory all of SQLite may have.
    memory_until: Option<u64>,
    is_too_large: bool,
}

impl Control {
    /// Installs the progress handler of `connection`, which has no other one.
    pub(super) fn install(connection: &Connection) -> rusqlite::Result<Control> {
        let control = Control::default();
        control.ask_every(STEPS_BETWEEN_QUESTIONS, connection)?;
        Ok(control)
    }

    /// Asks more often from now on.
    pub(crate) fn watch_closely(&self, connection: &Connection) -> rusqlite::Result<()> {
        self.ask_every(STEPS_BETWEEN_CLOSE_QUESTIONS, connection)
    }

    fn ask_every(&self, steps: i32, connection: &Connection) -> rusqlite::Result<()> {
        let asked = self.clone();
        connection.progress_handler(steps, Some(move || asked.is_over()))
    }

    pub(super) fn stop_with(&self, stop: StopFlag) {
        self.ends().stop = stop;
    }

    /// Gives what runs from now on until `moment`; none gives it any time.
    pub(crate) fn set_deadline(&self, moment: Option<Instant>) {
        self.ends().until = moment;
    }

    /// Ends what runs from now on once SQLite has taken so many bytes more than it has; none lets it have any.
    pub(crate) fn set_memory_max(&self, bytes: Option<u64>) {
        let mut ends = self.ends();
        ends.memory_until = bytes.map(|bytes| memory_used().saturating_add(bytes));
        ends.is_too_large = false;
    }

    /// Whether that was what ended a statement.
    pub(crate) fn is_too_large(&self) -> bool {
        self.ends().is_too_large
    }

    fn is_over(&self) -> bool {
        let mut ends = self.ends();
        ends.is_too_large = ends.memory_until.is_some_and(|until| memory_used() > until);
        ends.is_too_large || ends.stop.is_set() || ends.until.is_some_and(|until| Instant::now() >= until)
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many bytes SQLite has in all of this process.
fn memory_used() -> u64 {
    // SAFETY: the function takes nothing, and may be called at any time from any thread. rusqlite has no safe form of it.
    let bytes = unsafe { rusqlite::ffi::sqlite3_memory_used() };
    u64::try_from(bytes).unwrap_or(0)
}
