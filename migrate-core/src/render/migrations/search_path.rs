//! The search path of the migrations, and of the functions that they make: names without a schema mean PostgreSQL's own objects, and
//! nothing that somebody could put in their place, whatever the path of the session is that runs or fires them.
//!
//! Everything else is named with its schema, so that it goes where the plan says.

/// `pg_temp` comes last, since it comes first where it is not named (manual, "CREATE FUNCTION", "Writing SECURITY DEFINER Functions
/// Safely").
pub(super) const SAFE_PATH: &str = "pg_catalog, pg_temp";

/// The setting that keeps the session's own path while a migration runs.
const KEPT: &str = "'migration.search_path'";

/// A migration that runs with [`SAFE_PATH`] and then restores the path of the session. `SET LOCAL` was rejected: Diesel writes its list of
/// migrations in the same transaction, by a name without a schema, and psql may run the file without a transaction.
pub(super) fn around(migration: &str) -> String {
    let comments: usize =
        migration.split_inclusive('\n').take_while(|line| line.starts_with("--")).map(str::len).sum();
    let (header, statements) = migration.split_at(comments);
    format!(
        "{header}{NOTE}{}{statements}{}",
        set(KEPT, "pg_catalog.current_setting('search_path')")
            + &set("'search_path'", &format!("'{SAFE_PATH}'")),
        set("'search_path'", &format!("pg_catalog.current_setting({KEPT})"))
    )
}

const NOTE: &str = "-- Names without a schema mean PostgreSQL's own objects; the last statement restores the search_path of the session.\n";

fn set(setting: &str, value: &str) -> String {
    format!("SELECT pg_catalog.set_config({setting}, {value}, false);\n")
}
