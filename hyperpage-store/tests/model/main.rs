//! Random sequences of operations on SQLite, on PostgreSQL and on a model in memory: all three return the same and contain the same.
//!
//! `MODEL_CASES=1000` tries so many sequences, `TEST_SEED=N` repeats those of a run.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "how many operations ran is wanted, whether they passed or not")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

mod both;
mod comparison;
mod coverage;
mod databases;
mod flaw;
mod flawed;
mod generate;
mod json;
mod keys;
mod migrated;
mod model;
mod operation;
mod outcome;
mod property;
mod rows;
