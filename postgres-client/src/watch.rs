//! What a client asks of whoever watches its work: whether to stop. And what it reports: faults and shortages that it works around.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::budget::Shortage;
use crate::error::{Error, Result};

/// Watches work on a server, from several threads.
pub trait Watch: Sync {
    /// Whether the work is to stop. Asked between steps; what is half done is rolled back.
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

/// Tells whoever holds a clone of it that the work is to stop.
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
