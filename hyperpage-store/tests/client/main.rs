//! Tests how the app reaches PostgreSQL: Diesel's queries on the client, kept statements, settings, the pool and poolers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

mod connection;
mod pool;
mod pooler;
mod retries;
mod settings;
mod statements;
mod support;
