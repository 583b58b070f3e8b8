//! Whether PostgreSQL is fit to serve: liveness, readiness, details for a person on call, metrics, and an HTTP server for probes.
//!
//! Every answer is a value; words for people are written elsewhere, except for the help texts of metrics. Every call ends within its
//! deadline, whatever the server does. One probe at a time asks the database, and concurrent ones share its answer, so that probes never
//! use up the connections that they count. The crate reads; it changes nothing in a database.

mod check;
mod deadline;
mod details;
mod expected;
mod flight;
pub mod http;
mod metrics;
mod monitor;
mod options;
mod readiness;
mod session;

pub use check::{
    Check, CheckResult, Disk, DiskSource, Fact, Failure, Grant, Limit, ListState, PoolState, Readiness,
    State, Unknown,
};
pub use details::{
    Autovacuum, Details, Found as DetailsFound, Freezing, Known, Latency, LockWait, ReplicationSlot,
    SessionState, Sessions, Standby, Statistics, Transaction,
};
pub use expected::{Expected, ExpectedList, ExpectedMigration};
pub use metrics::{CONTENT_TYPE, encode};
pub use monitor::Monitor;
pub use options::{APPLICATION_NAME, Options};

/// Whether this process is alive: it runs, since it returns. It never asks the database: a process that is restarted because its
/// database is down helps nobody.
pub fn is_live() -> bool {
    true
}
