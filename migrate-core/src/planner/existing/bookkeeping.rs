//! Tables in which frameworks record applied migrations: their rows are about SQLite. In a target that the app made they would list
//! migrations that never ran there.

use crate::source_schema::SourceTable;

/// The tables by name, without regard to ASCII case, and whose they are.
const NAMES: [(&str, &str); 18] = [
    ("__diesel_schema_migrations", "Diesel"),
    ("__drizzle_migrations", "Drizzle"),
    ("__efmigrationshistory", "Entity Framework"),
    ("__efmigrationslock", "Entity Framework"),
    ("_prisma_migrations", "Prisma"),
    ("_sqlx_migrations", "SQLx"),
    ("alembic_version", "Alembic"),
    ("ar_internal_metadata", "Active Record"),
    ("databasechangelog", "Liquibase"),
    ("databasechangeloglock", "Liquibase"),
    ("django_migrations", "Django"),
    ("flyway_schema_history", "Flyway"),
    ("goose_db_version", "goose"),
    ("knex_migrations", "Knex"),
    ("knex_migrations_lock", "Knex"),
    ("schema_migrations", "the app's migrator"),
    ("seaql_migrations", "SeaORM"),
    ("sequelizemeta", "Sequelize"),
];

/// A name that an app may use for its own things, and the columns by which it is a framework's.
const SHAPES: [(&str, &[&str], &str); 2] = [
    ("migrations", &["id", "migration", "batch"], "Laravel"),
    ("migrations", &["id", "timestamp", "name"], "TypeORM"),
];

/// Whose bookkeeping a table is, if it is any framework's.
pub(super) fn framework(table: &SourceTable) -> Option<&'static str> {
    let is_named = |name: &str| table.name.eq_ignore_ascii_case(name);
    let by_name = NAMES.iter().find(|(name, _)| is_named(name)).map(|(_, framework)| *framework);
    let has_columns = |columns: &[&str]| {
        columns.len() == table.columns.len()
            && columns.iter().all(|name| table.columns.iter().any(|column| column.name == **name))
    };
    by_name.or_else(|| {
        let shape = SHAPES.iter().find(|(name, columns, _)| is_named(name) && has_columns(columns));
        shape.map(|(.., framework)| *framework)
    })
}

/// The reason why such a table is not migrated.
pub(super) fn reason(framework: &str, is_there: bool) -> String {
    let own = if is_there {
        "the target's has the rows that are true there"
    } else {
        "the target has a list of its own, or none"
    };
    format!("the list of the migrations that {framework} applied to SQLite; {own}")
}
