//! The SQLite schema of Hyperpage, the source of the migration.
//!
//! Contains the two migrations that create it, as the legacy migrator runs them, and the Diesel schema of the result. This crate opens no
//! database, and nothing in it is specific to PostgreSQL.

#[allow(missing_docs)]
pub mod schema;

/// One migration of the legacy migrator: its name in `schema_migrations`, and its SQL.
#[derive(Debug, Clone, Copy)]
pub struct LegacyMigration {
    /// The name that the legacy migrator records in `schema_migrations.migration_name`.
    pub name: &'static str,
    /// Its SQL statements.
    pub up_sql: &'static str,
}

/// The migrations of the legacy migrator, in execution order.
///
/// The first one creates the table `schema_migrations`. The caller that applies the migrations must record each name in it.
pub const LEGACY_MIGRATIONS: &[LegacyMigration] = &[
    LegacyMigration {
        name: "001_initial_schema",
        up_sql: include_str!("../migrations/001_initial_schema/up.sql"),
    },
    LegacyMigration {
        name: "002_oauth_auth_tables",
        up_sql: include_str!("../migrations/002_oauth_auth_tables/up.sql"),
    },
];
