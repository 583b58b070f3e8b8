//! The triggers of a fence: three for each ordinary table. Their names and statements are made and found here.
//!
//! Shadow tables get none: connections in defensive mode, which is the default of some drivers, refuse to read a database in which a
//! shadow table has a trigger.

use rusqlite::Connection;

use super::{FenceId, MESSAGE};

/// The beginning of their names.
const PREFIX: &str = "moved_to_postgresql_";

const EVENTS: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// A trigger in the schema of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trigger {
    pub(super) name: String,
    pub(super) sql: String,
}

impl Trigger {
    /// Whether it is one of this fence, as its name shows.
    pub(super) fn is_of(&self, id: &FenceId) -> bool {
        let rest = self.name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(id.as_str()));
        rest.is_some_and(|rest| rest.starts_with('_'))
    }
}

/// The triggers that the fence has on the tables of this file.
pub(super) fn expected(connection: &Connection, id: &FenceId) -> rusqlite::Result<Vec<Trigger>> {
    let mut triggers = Vec::new();
    for (number, table) in ordinary_tables(connection)?.iter().enumerate() {
        for event in EVENTS {
            let name = format!("{PREFIX}{}_{number}_{}", id.as_str(), event.to_lowercase());
            let sql = format!(
                "CREATE TRIGGER {name} BEFORE {event} ON {} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
                quoted(table)
            );
            triggers.push(Trigger { name, sql });
        }
    }
    triggers.sort();
    Ok(triggers)
}

/// The triggers of any fence in this file.
pub(super) fn found(connection: &Connection) -> rusqlite::Result<Vec<Trigger>> {
    let sql = "SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE type = 'trigger' AND substr(name, 1, length(?1)) = ?1 ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([PREFIX], |row| Ok(Trigger { name: row.get(0)?, sql: row.get(1)? }))?;
    let mut triggers = rows.collect::<rusqlite::Result<Vec<Trigger>>>()?;
    triggers.retain(|trigger| trigger.sql.contains(MESSAGE));
    triggers.sort();
    Ok(triggers)
}

/// Whether an object of the schema has a name as triggers of a fence have.
pub(crate) fn has_name_of_fence(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// The statement that drops a trigger.
pub(super) fn drop_sql(trigger: &Trigger) -> String {
    format!("DROP TRIGGER {}", quoted(&trigger.name))
}

/// Whether the file has tables whose writes pass triggers.
pub(super) fn has_virtual_tables(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND rootpage = 0)",
        [],
        |row| row.get(0),
    )
}

/// All tables but virtual ones and what may be their storage. SQLite knows the shadow tables of the modules that it has; for the others the
/// name decides.
fn ordinary_tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT t.name FROM pragma_table_list AS t WHERE t.schema = 'main' AND t.type = 'table' \
               AND lower(substr(t.name, 1, 7)) <> 'sqlite_' \
               AND NOT EXISTS (SELECT 1 FROM sqlite_schema AS v WHERE v.type = 'table' AND v.rootpage = 0 \
                   AND lower(substr(t.name, 1, length(v.name) + 1)) = lower(v.name) || '_') \
               ORDER BY t.name";
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
