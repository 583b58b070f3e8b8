//! The legacy side: the SQLite database that Hyperpage writes today.
//!
//! Holds the two migrations that made it, as the old migrator ran them, and the Diesel schema that describes the result.
//! It knows nothing of PostgreSQL, and it opens no database.

#[allow(missing_docs)]
pub mod schema;

/// One migration of the legacy migrator: its name in `schema_migrations`, and its SQL.
#[derive(Debug, Clone, Copy)]
pub struct LegacyMigration {
    /// The name that the legacy migrator records in `schema_migrations.migration_name`.
    pub name: &'static str,
    /// The statements that it runs.
    pub up_sql: &'static str,
}

/// The migrations of the legacy migrator, in the order in which it runs them.
///
/// The first creates `schema_migrations`, the migrator's own bookkeeping; whoever applies them records each name there.
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
