//! Which database is in charge, as a pure function of the events in the ledger: cutover, rollback and cleanup.
//!
//! This module does not read the ledger or the source; it only decides, so that tests can try every crash at every step.

mod event;

pub use event::{Archive, Event, Fence, Switch};

/// The database that takes the app's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// SQLite takes writes, PostgreSQL only catch-ups.
    Sqlite,
    /// Neither takes writes: a cutover or a rollback is between its steps.
    Neither,
    /// PostgreSQL takes writes, SQLite is closed.
    Postgres,
}
