//! Records when work was last done, by anyone: rows sent, compared or committed, or the progress of a build on the server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Remembers when work was last done.
#[derive(Debug)]
pub struct WorkClock {
    began: Instant,
    /// In milliseconds since then, and one more; zero where none was done yet.
    last: AtomicU64,
}

impl Default for WorkClock {
    fn default() -> WorkClock {
        WorkClock { began: Instant::now(), last: AtomicU64::new(0) }
    }
}

impl WorkClock {
    /// Work is done now.
    pub fn worked(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.fetch_max(now.saturating_add(1), Ordering::Relaxed);
    }

    /// The time from `moment` until work was last done; zero where none was done since.
    pub(crate) fn worked_since(&self, moment: Instant) -> Duration {
        match self.last.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            last => (self.began + Duration::from_millis(last - 1)).saturating_duration_since(moment),
        }
    }
}
