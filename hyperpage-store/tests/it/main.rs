//! The operations of the store, each test once on SQLite and once on PostgreSQL.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod app_state;
mod exercise;
mod jobs;
mod support;
mod user_sessions;
