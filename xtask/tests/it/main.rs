//! Tests of `cargo xtask` as users run it: the program as a child process, in an environment that each test controls.
//!
//! `snapshots/` contains the program's output, with the parts that differ between runs masked. Accept a change with
//! `INSTA_UPDATE=always cargo test -p xtask --test it`, and review the diff.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod any_file;
mod audit;
mod baseline;
mod bench;
mod bench_app;
mod bench_cutover;
mod catch_up;
mod changes_since;
mod cleanup_gate;
mod comparison;
mod cutover;
mod cutover_kills;
mod cutover_remedies;
mod deploy_cluster;
mod deploy_render;
mod drizzle_flow;
mod existing;
mod generate;
mod generate_drizzle;
mod guide;
mod health;
mod help;
mod integrity;
mod migrate;
mod place;
mod plan_text;
mod private;
mod refusals;
mod refused_targets;
mod remedies;
mod remedy_table;
mod report;
mod rollback;
mod runbook;
mod schema;
mod server;
mod smoke;
mod status;
mod stop;
mod validate;
