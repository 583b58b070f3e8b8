//! The app's operations on PostgreSQL under faults: sessions killed, connections cut and silent, a server that stops, restarts and has no
//! room, a pooler that restarts, locks and conflicts.
//!
//! After each fault every call ends in time with the right error, the same store works again by itself, and nothing is done twice. The
//! faults of the random test come from a seed that a failure names: `TEST_SEED=…` repeats it, `FAULTS_ROUNDS=…` sets the number of
//! rounds.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

mod boundaries;
mod client;
mod conflicts;
mod harness;
mod injector;
mod ledger;
mod operations;
mod pooler;
mod queue;
mod server;
mod silence;
