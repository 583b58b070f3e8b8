//! The options of a monitor.

use std::time::Duration;

/// The name under which probes show in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "hyperpage-health";

/// Deadlines and thresholds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a probe may take, connecting included.
    pub timeout: Duration,
    /// How long an answer is reused.
    pub freshness: Duration,
    /// How many connections must be left.
    pub connections_min: u32,
    /// The share of the disk that must be free, in percent.
    pub disk_free_min_percent: u32,
    /// The size of the server's disk in bytes, where it cannot be measured.
    pub disk_size_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            timeout: Duration::from_secs(2),
            freshness: Duration::from_secs(1),
            connections_min: 1,
            disk_free_min_percent: 5,
            disk_size_bytes: None,
        }
    }
}
