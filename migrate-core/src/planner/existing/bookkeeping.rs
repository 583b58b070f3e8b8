//! Tables in which migrators record applied migrations: their rows are about SQLite. In a target that the app made they would list
//! migrations that never ran there.
//!
//! A table is one if a well-known migrator gives it its name, or if both its name and all of its columns say so. Neither alone is enough:
//! a table of the app's data may be named `migrations`, and many have a name and a date.

use super::name_forms::snake_case;
use crate::source_schema::{SourceSchema, SourceTable};
use crate::target_schema::TargetTable;

/// The tables by name, without regard to ASCII case, and whose they are.
const NAMES: [(&str, &str); 21] = [
    ("__diesel_schema_migrations", "Diesel"),
    ("__drizzle_migrations", "Drizzle"),
    ("__efmigrationshistory", "Entity Framework"),
    ("__efmigrationslock", "Entity Framework"),
    ("_prisma_migrations", "Prisma"),
    ("_sqlx_migrations", "SQLx"),
    ("alembic_version", "Alembic"),
    ("android_metadata", "Android"),
    ("ar_internal_metadata", "Active Record"),
    ("databasechangelog", "Liquibase"),
    ("databasechangeloglock", "Liquibase"),
    (DJANGOS, "Django"),
    ("flyway_schema_history", "Flyway"),
    ("goose_db_version", "goose"),
    ("knex_migrations", "Knex"),
    ("knex_migrations_lock", "Knex"),
    ("room_master_table", "Room"),
    ("schema_migrations", "the app's migrator"),
    ("seaql_migrations", "SeaORM"),
    ("sequelizemeta", "Sequelize"),
    ("typeorm_metadata", "TypeORM"),
];

/// Whose list of migrations a table of this name is, if it is a well-known migrator's.
pub fn known_list(table: &str) -> Option<&'static str> {
    NAMES.iter().find(|(name, _)| table.eq_ignore_ascii_case(name)).map(|(_, migrator)| *migrator)
}

/// Words of which one is in the name of a list of migrations.
const NAME_WORDS: [&str; 7] =
    ["migration", "migrations", "evolution", "evolutions", "migratehistory", "phinxlog", "pgmigrations"];

/// Words that make a name one of a list of migrations where it is about a schema or database, too.
const SCHEMA_WORDS: [&str; 13] = [
    "info",
    "version",
    "versions",
    "history",
    "delta",
    "deltas",
    "change",
    "changes",
    "changelog",
    "patches",
    "upgrades",
    "updates",
    "revisions",
];

/// Names that apps also give to other tables: such a table is a list only if the target has one of that name, with rows.
const WEAK_NAMES: [&str; 6] = ["version", "versions", "changelog", "changesets", "upgrades", "patches"];

/// Django's list.
const DJANGOS: &str = "django_migrations";

/// Columns by which a list identifies a migration, or what it locks.
const IDENTITY: [&str; 24] = [
    "version",
    "version_id",
    "migration",
    "migration_name",
    "migration_id",
    "name",
    "filename",
    "file_name",
    "file",
    "script",
    "script_name",
    "revision",
    "version_num",
    "hash",
    "tag",
    "key",
    "delta",
    "patch",
    "identifier",
    "lock",
    "is_locked",
    "locked",
    "upgrade",
    "current_version",
];

/// What else a list records of a migration.
const RECORDED: [&str; 64] = [
    "id",
    "applied",
    "applied_at",
    "applied_on",
    "run_at",
    "run_on",
    "run_time",
    "executed_at",
    "executed_on",
    "execution_time",
    "execution_time_ms",
    "installed_at",
    "installed_on",
    "installed_by",
    "installed_rank",
    "migrated_at",
    "migration_time",
    "timestamp",
    "time",
    "date",
    "created_at",
    "updated_at",
    "inserted_at",
    "started_at",
    "finished_at",
    "completed_at",
    "start_time",
    "end_time",
    "batch",
    "group_id",
    "checksum",
    "md5sum",
    "digest",
    "signature",
    "dirty",
    "success",
    "successful",
    "is_applied",
    "breakpoint",
    "description",
    "comment",
    "type",
    "kind",
    "direction",
    "duration",
    "duration_ms",
    "app",
    "app_name",
    "module",
    "module_name",
    "component",
    "plugin",
    "scope",
    "namespace",
    "state",
    "error",
    "error_message",
    "last_problem",
    "apply_script",
    "revert_script",
    "rolled_back_at",
    "applied_steps_count",
    "upgraded",
    "tstamp",
];

/// The evidence that a list is more than names: when a migration was applied, or what it was.
const PROOF: [&str; 12] = [
    "checksum",
    "md5sum",
    "hash",
    "digest",
    "dirty",
    "success",
    "batch",
    "group_id",
    "is_applied",
    "breakpoint",
    "lock",
    "locked",
];

/// Whose list of migrations a table is, if it is one, and why; `counterpart` is the target's table of that name.
pub(super) fn list_of(
    table: &SourceTable,
    schema: &SourceSchema,
    counterpart: Option<&TargetTable>,
) -> Option<String> {
    let by_name = NAMES.iter().find(|(name, _)| table.name.eq_ignore_ascii_case(name));
    if let Some((_, framework)) = by_name {
        return Some((*framework).to_owned());
    }
    let columns: Vec<String> = table.columns.iter().map(|column| snake_case(&column.name)).collect();
    let has = |names: &[&str]| columns.iter().any(|column| names.contains(&column.as_str()));
    let is_known =
        |column: &String| IDENTITY.contains(&column.as_str()) || RECORDED.contains(&column.as_str());
    let has_moment = columns.iter().any(|column| {
        ["_at", "_on", "_time"].iter().any(|end| column.ends_with(end))
            || ["timestamp", "time", "date", "tstamp", "applied", "upgraded"].contains(&column.as_str())
    });
    let is_shaped = has(&IDENTITY)
        && columns.iter().all(is_known)
        && (columns.len() <= 2 || has_moment || has(&PROOF))
        && !is_related(table, schema);
    let snake = snake_case(&table.name);
    let has_word = |words: &[&str]| snake.split('_').any(|word| words.contains(&word));
    let is_named =
        has_word(&NAME_WORDS) || has_word(&["schema", "db", "database"]) && has_word(&SCHEMA_WORDS);
    // The migrations that made the target's tables are in its list. An empty one is for data.
    let is_list_there = counterpart.map(|table| table.rows > 0);
    let is_list = match is_named {
        true => is_list_there.unwrap_or(true),
        false => WEAK_NAMES.contains(&snake.as_str()) && is_list_there == Some(true),
    };
    let found = || format!("the app's migrator (as its name and its columns {} say)", columns.join(", "));
    (is_shaped && is_list).then(found)
}

/// Whether Django made the tables of a source: they include its list.
pub(in crate::planner) fn is_djangos(schema: &SourceSchema) -> bool {
    schema.tables.iter().any(|table| table.name == DJANGOS)
}

/// Whether foreign keys tie the table to others, as no migrator does.
fn is_related(table: &SourceTable, schema: &SourceSchema) -> bool {
    let mut keys = schema.tables.iter().flat_map(|other| &other.foreign_keys);
    !table.foreign_keys.is_empty() || keys.any(|key| key.parent_table.eq_ignore_ascii_case(&table.name))
}

/// The reason why such a table is not migrated.
pub(super) fn reason(migrator: &str, is_there: bool) -> String {
    let own = if is_there {
        "the target's has the rows that are true there"
    } else {
        "the target has a list of its own, or none"
    };
    format!("the list of the migrations that {migrator} applied to SQLite; {own}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_schema::SourceColumn;

    fn table(name: &str, columns: &str) -> SourceTable {
        let column = |name: &str| SourceColumn { name: name.to_owned(), ..SourceColumn::default() };
        SourceTable {
            name: name.to_owned(),
            columns: columns.split(' ').map(column).collect(),
            ..SourceTable::default()
        }
    }

    fn counterpart(rows: u64) -> TargetTable {
        TargetTable { rows, ..TargetTable::default() }
    }

    #[test]
    fn lists_of_migrators_are_known_by_name_and_columns() {
        for (name, columns) in [
            ("migrations", "id migration batch"),
            ("migrations", "id timestamp name"),
            ("schema_migration", "version"),
            ("schema_version", "version"),
            ("schema_info", "version"),
            ("typeorm_metadata", "type database schema table name value"),
            ("refinery_schema_history", "version name applied_on checksum"),
            ("schema_migrations", "version dirty"),
            ("applied_schema_deltas", "version file"),
            ("play_evolutions", "id hash applied_at apply_script revert_script state last_problem"),
            ("kysely_migration", "name timestamp"),
            ("kysely_migration_lock", "id is_locked"),
            ("doctrineMigrationVersions", "version executedAt executionTime"),
            ("pgmigrations", "id name run_on"),
            ("d1_migrations", "id name applied_at"),
            ("phinxlog", "version migration_name start_time end_time breakpoint"),
        ] {
            let table = table(name, columns);
            assert!(list_of(&table, &SourceSchema::default(), None).is_some(), "{name}");
            assert!(list_of(&table, &SourceSchema::default(), Some(&counterpart(3))).is_some(), "{name}");
        }
        let version = table("version", "id version");
        assert!(list_of(&version, &SourceSchema::default(), Some(&counterpart(1))).is_some());
    }

    #[test]
    fn tables_of_data_are_no_lists() {
        for (name, columns) in [
            ("migrations", "id species from_place to_place started_at"),
            ("files", "id name created_at checksum"),
            ("versions", "id version created_at"),
            ("bird_migration", "id name season started_at"),
            ("migrations", "id description comment"),
            ("changelog", "id version description created_at"),
            ("changesets", "id name created_at"),
            ("version_history", "id version created_at"),
            ("evolutions", "id name description type kind"),
        ] {
            assert_eq!(list_of(&table(name, columns), &SourceSchema::default(), None), None, "{name}");
        }
        // The target's table of that name holds nothing: its rows are data.
        let list = table("migrations", "id name applied_at");
        assert_eq!(list_of(&list, &SourceSchema::default(), Some(&counterpart(0))), None);
    }
}
