//! The target side: the PostgreSQL schema that Hyperpage moves to.
//!
//! The migrations, the plan and [`schema`] are generated from the legacy schema and `mapping.toml` by `cargo xtask generate`.
//! It knows nothing of SQLite.

#[allow(missing_docs)]
pub mod schema;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// The migrations: tables first, then keys, indexes and foreign keys.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
