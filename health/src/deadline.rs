//! The deadline of a probe: a moment, and a flag that ends the waits of its connection when the moment has passed.

use std::time::{Duration, Instant};

use postgres_client::watch::StopFlag;

use crate::check::millis;

/// The deadline of one probe.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    began: Instant,
    timeout: Duration,
    /// Set by whoever waits for the probe, when the moment has passed.
    pub(crate) is_given_up: StopFlag,
}

impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Deadline {
        Deadline { began: Instant::now(), timeout, is_given_up: StopFlag::default() }
    }

    /// How long the probe has run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// How long it may still run.
    pub(crate) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.elapsed())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_given_up.is_set() || self.left().is_zero()
    }

    pub(crate) fn timeout_ms(&self) -> u64 {
        millis(self.timeout)
    }
}
