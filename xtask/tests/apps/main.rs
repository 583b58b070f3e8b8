//! Tests with other people's tools: Node, Python and Ruby programs make schemas, fill SQLite and read PostgreSQL, and `cargo xtask`
//! moves the rows in between. Engine tests that need PostgreSQL alone are elsewhere.
//!
//! Each test is ignored, so that a plain `cargo test` needs none of these tools. The step "apps" of `cargo xtask test` runs them, as does
//! `cargo test -p xtask --test apps -- --include-ignored`. Packages are installed once, below `target/apps`; only that needs the
//! network. A new module is listed with the tools that it needs in `xtask/src/commands/test/apps.rs`.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

// How a test runs `cargo xtask`, and asks PostgreSQL.
#[path = "../it/place.rs"]
#[allow(dead_code, reason = "the tests of the commands use all of it")]
mod place;
#[path = "../it/server.rs"]
#[allow(dead_code, reason = "the tests of the commands use all of it")]
mod server;
#[allow(dead_code, unused_imports, reason = "each module of tests uses some of it")]
mod support;

mod active_record;
mod alembic;
mod connection;
mod databases;
mod django;
mod documents;
mod drizzle_kit;
mod dumps;
mod harness;
mod hyperpage;
mod hyperpage_aligned;
mod knex;
mod manifests;
mod moved_by_others;
mod nested;
mod sequel;
mod typecheck;
mod typeorm;
