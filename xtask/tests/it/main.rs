//! `cargo xtask` as its users use it: the built program as a child process, in an environment that each test controls.
//!
//! What the program says is kept in `snapshots/`, with what differs from run to run masked. Accept a change with
//! `INSTA_UPDATE=always cargo test -p xtask --test it`, and read what it wrote.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod any_file;
mod bench;
mod changes_since;
mod cleanup_gate;
mod existing;
mod generate;
mod help;
mod migrate;
mod place;
mod private;
mod refusals;
mod refused_targets;
mod remedies;
mod report;
mod server;
mod status;
mod stop;
mod validate;
