//! Migrations under faults: killed, disconnected, cancelled, without connections, on servers that stop and disks that fill up.
//!
//! The run must recover from transient faults by itself, and report permanent ones at once. After each fault the target must hold every
//! row once. Times are random, from a seed that every failure names: `FAULTS_SEED=…` repeats them, `FAULTS_ROUNDS=…` sets the number of
//! rounds (few by default).
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a long run says what it hit, and a test that cannot run says why")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

mod chance;
mod child;
mod commits;
mod connections;
mod cuts;
mod disk;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "the other tests of the engine use all of it")]
mod engine;
mod kept;
mod kills;
mod lasting;
mod locks;
mod many_tables;
mod proxy;
mod rivals;
mod server;
mod sessions;
mod torn;
mod watch;
mod whole;
