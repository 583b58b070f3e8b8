//! Callbacks for the observer of a client's work: whether to stop, and which faults and shortages the client works around.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::{Error, Result};

/// Watches work on a server, from several threads.
pub trait Watch: Sync {
    /// Whether the work is to stop. Called between steps; unfinished work is rolled back.
    fn is_stopped(&self) -> bool {
        false
    }
    /// A transient fault: the work is tried again after `wait`.
    fn retrying(&self, _fault: &Error, _wait: Duration) {}
    /// Fewer connections are free than wanted: the work does with fewer workers.
    fn short_of_connections(&self, _shortage: &Shortage) {}
}

/// Returns an error where the work is to stop.
///
/// # Errors
/// [`Error::stopped`].
pub fn check_stop(watch: &(impl Watch + ?Sized)) -> Result<()> {
    if watch.is_stopped() { Err(Error::stopped()) } else { Ok(()) }
}

/// Fewer free connections than wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The limit that leaves the fewest.
    pub limit: Limit,
    /// The workers that were wanted.
    pub wanted: usize,
    /// The workers that the budget has.
    pub granted: usize,
}

/// A limit of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Whose connections it limits.
    pub of: LimitOf,
    /// How many there may be.
    pub max: usize,
    /// How many are in use, the one that counts them included.
    pub used: usize,
}

/// Whose connections are limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitOf {
    /// Those of a role.
    Role(String),
    /// Those to a database.
    Database(String),
    /// All connections of the server.
    Server,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (max, used) = (self.max, self.used);
        match &self.of {
            LimitOf::Role(name) => write!(f, "role {name} has CONNECTION LIMIT {max}, with {used}"),
            LimitOf::Database(name) => write!(f, "database {name} has CONNECTION LIMIT {max}, with {used}"),
            LimitOf::Server => write!(f, "the server accepts {max} connections from this role, with {used}"),
        }
    }
}

/// Signals all holders of a clone that the work is to stop.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Sets it, for good.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Watches without reporting anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {}
