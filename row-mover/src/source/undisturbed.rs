//! Reads the live file again if another process wrote to it unnoticed by SQLite, and fails after a few attempts.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SourceConnection;
use super::live_file::Disturbance;
use crate::error::{Error, Result, is_stop};

/// How often the file is read before it is refused.
const TRIES_MAX: u32 = 5;

/// How long to wait before it is read again.
const PAUSE: Duration = Duration::from_millis(300);

/// The protection of the live file from changes while it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// SQLite's own locks.
    SqliteLocks,
    /// Nothing: it was read without locks, and was the same before and after.
    UnchangedFile,
}

/// How the live file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMethod {
    /// The protection from changes.
    pub protection: Protection,
    /// How often it was read until nothing disturbed it.
    pub attempts: u32,
}

/// Calls `read` with the live file until nothing disturbed it.
///
/// # Errors
/// When the file cannot be opened, `read` fails undisturbed, or something disturbed every try.
pub(crate) fn read_undisturbed<T>(
    path: &Path,
    read: &mut dyn FnMut(&SourceConnection) -> Result<T>,
) -> Result<(T, ReadMethod)> {
    let mut last = None;
    for attempts in 1..=TRIES_MAX {
        if last.is_some() {
            std::thread::sleep(PAUSE);
        }
        let source = match SourceConnection::open_live(path) {
            Ok(source) => source,
            // Whatever wrote to it may not have finished.
            Err(_) if last.is_some() && attempts < TRIES_MAX => continue,
            Err(error) => return Err(error),
        };
        let protection =
            if source.is_unlocked() { Protection::UnchangedFile } else { Protection::SqliteLocks };
        let outcome = read(&source);
        last = match (outcome, source.disturbance()) {
            (Err(error), _) if is_stop(&error) => return Err(error),
            (Ok(value), None) => return Ok((value, ReadMethod { protection, attempts })),
            (Err(error), None) => Some(disturbance_in(&error).ok_or(error)?),
            (_, Some(disturbance)) => Some(disturbance),
        };
    }
    let error = Error::new(format!(
        "{} was written to each time it was read, {TRIES_MAX} times in a row",
        path.display()
    ));
    let error = match last {
        Some(disturbance) => error.caused_by(disturbance),
        None => error,
    };
    Err(error.with_remedy_text("stop whatever copies over it, replaces it or writes to it, and try again"))
}

/// The disturbance that an error came of.
fn disturbance_in(error: &Error) -> Option<Disturbance> {
    std::error::Error::source(error)?.downcast_ref::<Disturbance>().copied()
}
