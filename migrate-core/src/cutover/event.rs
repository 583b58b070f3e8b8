//! The events that the ledger records of cutover, rollback and cleanup. What follows from them is decided elsewhere.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A step of a cutover, a rollback or a cleanup that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A cutover begins. SQLite is in charge.
    CutoverBegun,
    /// PostgreSQL equals the last sealed copy; recorded in the transaction of the last catch-up. SQLite may still be open.
    TargetComplete {
        /// SHA-256 of the sealed copy, in hex.
        sha256: String,
    },
    /// SQLite takes no more writes.
    SourceClosed {
        /// The fence; none where the app is stopped.
        fence: Option<Fence>,
        /// For how long writers waited, in milliseconds; none where the app was stopped.
        pause_ms: Option<u64>,
    },
    /// The app, or a part of it, was switched to PostgreSQL.
    AppSwitched {
        /// How.
        switch: Switch,
        /// The share of requests that reach PostgreSQL, in percent.
        share_percent: u8,
    },
    /// The gates hold with all of the app on PostgreSQL.
    CutoverFinished,
    /// A rollback begins.
    RollbackBegun {
        /// Whether the app comes before everything else.
        is_emergency: bool,
        /// The writes to PostgreSQL since the cutover that are given up.
        accepted_loss: u64,
    },
    /// PostgreSQL takes no more writes of the app.
    TargetClosed,
    /// What PostgreSQL contained is archived.
    TargetArchived {
        /// Where.
        archive: Archive,
    },
    /// SQLite takes writes again, and is equal to the last sealed copy.
    SourceOpened,
    /// The app was switched back to SQLite.
    AppSwitchedBack {
        /// How.
        switch: Switch,
    },
    /// The gate holds with the app on SQLite.
    RollbackFinished,
    /// What was left of SQLite is removed from the app; a rollback is no longer possible.
    CleanupFinished {
        /// The archive of the last sealed copy.
        archive: PathBuf,
        /// SHA-256 of the archive, in hex.
        sha256: String,
    },
}

/// What keeps writers from a SQLite file after a cutover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fence {
    /// Triggers on every ordinary table.
    Triggers,
    /// The same, and the read-only mark in the header of the file.
    TriggersAndReadOnlyMark,
}

/// What the app is switched by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// An env file.
    EnvFile(PathBuf),
    /// Kubernetes manifests, applied by `kubectl`.
    Manifests(PathBuf),
    /// A person, after being asked.
    ByHand,
}

/// Where a rollback keeps what PostgreSQL contained.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Archive {
    /// Schemas with other names, in the same database.
    Schemas(Vec<String>),
    /// A dump of `pg_dump`.
    Dump(PathBuf),
}
