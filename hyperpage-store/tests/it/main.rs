//! The operations of the store, each test once on SQLite and once on PostgreSQL.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod app_state;
mod atomicity;
mod exercise;
mod jobs;
mod oauth_tokens;
mod plans;
mod rate_limits;
mod sqlite;
mod support;
mod tool_configs;
mod user_sessions;
mod users;
