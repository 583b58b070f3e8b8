//! Migrations under faults: killed, disconnected, cancelled, without connections, on servers that stop and disks that fill up.
//!
//! What passes must pass without anybody's help, what lasts must be said at once, and after each fault the target holds every row
//! once. Moments are chosen by chance from a seed that every failure names: `TEST_SEED=…` chooses the same again, `FAULTS_ROUNDS=…`
//! sets how many rounds there are (few by default).
//!
//! `FAULTS_LANGUAGE=de cargo test -p row-mover --test faults another_language -- --ignored` runs the suite on servers that answer in
//! German, as a role that cannot change that; `FAULTS_TESTS='locks cuts'` chooses tests. `language.rs` lists those that stay in English.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a long run says what it hit, and a test that cannot run says why")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

mod child;
mod commits;
mod connections;
mod cutover;
mod cuts;
mod disk;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "the other tests of the engine use all of it")]
mod engine;
mod kept;
mod kills;
mod language;
mod lasting;
mod locks;
mod many_tables;
mod pooler;
mod rivals;
mod server;
mod sessions;
mod torn;
mod watch;
mod whole;
