//! The bookkeeping tables of frameworks, such as the list of applied migrations. A framework reads them with its own code and expects
//! its declared types, so that names and values prove nothing.

/// Their names.
const TABLES: &str = "\
    __diesel_schema_migrations __drizzle_migrations __efmigrationshistory __efmigrationslock _cf_kv \
    _prisma_migrations _sqlx_migrations alembic_version android_metadata ar_internal_metadata \
    atlas_schema_revisions databasechangelog databasechangeloglock django_migrations \
    doctrine_migration_versions flyway_schema_history goose_db_version gorp_migrations \
    knex_migrations knex_migrations_lock migratehistory migrations mikro_orm_migrations phinxlog \
    room_master_table schema_migrations seaql_migrations sequelizedata sequelizemeta \
    typeorm_metadata";

/// Whether a table is one of these.
pub(super) fn is_bookkeeping(table: &str) -> bool {
    TABLES.split_whitespace().any(|name| name.eq_ignore_ascii_case(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_found_in_any_case() {
        for (table, expected) in
            [("migrations", true), ("SequelizeMeta", true), ("__EFMigrationsHistory", true), ("users", false)]
        {
            assert_eq!(is_bookkeeping(table), expected, "{table}");
        }
    }
}
