//! The PostgreSQL schema of Hyperpage, the target of the migration.
//!
//! `cargo xtask generate` generates the migrations, the plan and [`schema`] from the legacy schema and `mapping.toml`. Nothing in
//! this crate is specific to SQLite.

#[allow(missing_docs)]
pub mod schema;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// The two migrations: the tables, then keys, indexes and foreign keys.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// The reviewed plan, as JSON.
pub const PLAN_JSON: &str = include_str!("../plan.json");
