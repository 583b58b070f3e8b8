//! Interrupts statements that run inside SQLite, when the work is to stop or their time is over. SQLite asks in a progress handler.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::Connection;

use postgres_client::watch::StopFlag;

/// Instructions between two calls of the progress handler: a short time, even if one of them calls a slow function.
const STEPS_BETWEEN_QUESTIONS: i32 = 1_000;

/// Interrupts the statements of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Control(Arc<Mutex<Ends>>);

#[derive(Debug, Default)]
struct Ends {
    stop: StopFlag,
    until: Option<Instant>,
}

impl Control {
    /// Installs the progress handler of `connection`, which has no other one.
    pub(super) fn install(connection: &Connection) -> rusqlite::Result<Control> {
        let control = Control::default();
        control.install_on(connection)?;
        Ok(control)
    }

    /// Interrupts statements of `connection`, too: an in-memory database that is used together with the file.
    pub(crate) fn install_on(&self, connection: &Connection) -> rusqlite::Result<()> {
        let asked = self.clone();
        connection.progress_handler(STEPS_BETWEEN_QUESTIONS, Some(move || asked.is_over()))
    }

    pub(super) fn stop_with(&self, stop: StopFlag) {
        self.ends().stop = stop;
    }

    /// Limits everything that runs from now on until `moment`; none removes the limit.
    pub(crate) fn set_deadline(&self, moment: Option<Instant>) {
        self.ends().until = moment;
    }

    fn is_over(&self) -> bool {
        let ends = self.ends();
        ends.stop.is_set() || ends.until.is_some_and(|until| Instant::now() >= until)
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
