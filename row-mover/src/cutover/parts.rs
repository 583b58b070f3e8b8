//! What the parts of a pause cost.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// The parts of a pause, in their order.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct PauseParts {
    /// Copying the file.
    pub copy: Cost,
    /// Hashing the copy, writing it to the disk, and comparing it with the last one, at the same time.
    pub difference: Cost,
    /// Sealing the copy.
    pub seal: Cost,
    /// Applying the difference, reading it back, and recording it.
    pub apply: Cost,
    /// Committing in PostgreSQL.
    pub commit: Cost,
    /// Putting up the fence and committing it.
    pub fence: Cost,
}

impl PauseParts {
    /// The processor time of all parts.
    pub fn processor_seconds(&self) -> f64 {
        let parts = [self.copy, self.difference, self.seal, self.apply, self.commit, self.fence];
        parts.iter().map(|part| part.processor_seconds).sum()
    }
}

/// What a part cost.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Cost {
    /// How long it took.
    pub seconds: f64,
    /// The processor time of all threads of this process meanwhile, without that of the server.
    pub processor_seconds: f64,
}

/// Measures one part after the other.
#[derive(Debug)]
pub(super) struct Laps {
    began: Instant,
    processor: Duration,
}

impl Laps {
    /// Begins the first part.
    pub(super) fn begin() -> Laps {
        Laps { began: Instant::now(), processor: processor_time() }
    }

    /// Ends a part, and begins the next one.
    pub(super) fn next(&mut self) -> Cost {
        let ended = Laps::begin();
        let cost = Cost {
            seconds: ended.began.duration_since(self.began).as_secs_f64(),
            processor_seconds: ended.processor.saturating_sub(self.processor).as_secs_f64(),
        };
        *self = ended;
        cost
    }
}

fn processor_time() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.try_into().unwrap_or(0), spent.tv_nsec.try_into().unwrap_or(0))
}
