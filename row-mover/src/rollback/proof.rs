//! Proves that a SQLite file equals the sealed copy: the schema, and each row of each table, whether it was migrated or not.
//!
//! Rows are compared by type and bytes, in the order in which they are stored. Generated columns that are not stored follow from the others.

use std::path::Path;

use migrate_core::identifier::quote_sqlite;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};
use serde::Serialize;

use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::source::scan::rows_of;
use postgres_client::watch::check_stop;

/// Rows between two checks whether to stop.
const STOP_CHECK_ROWS: u64 = 10_000;

/// How a file differs from the sealed copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "differs_in", rename_all = "snake_case")]
pub enum Unequal {
    /// Objects of the schema are others.
    Schema {
        /// Their names.
        names: Vec<String>,
    },
    /// Rows of this table differ.
    Rows {
        /// The table.
        table: String,
    },
}

/// Returns how `file` differs from `sealed`; none if both are equal. Objects of the schema for which `is_fence` holds do not count. The
/// caller holds a transaction on `file`.
///
/// # Errors
/// When a file cannot be read, or the observer asks to stop.
pub(super) fn unequal(
    sealed: &Connection,
    file: &Connection,
    is_fence: &dyn Fn(&str) -> bool,
    observer: &dyn Observer,
) -> Result<Option<Unequal>> {
    let names = changed_objects(sealed, file, is_fence)?;
    if !names.is_empty() {
        return Ok(Some(Unequal::Schema { names }));
    }
    for table in tables(sealed)? {
        if !has_same_rows(sealed, file, &table, observer)? {
            return Ok(Some(Unequal::Rows { table }));
        }
    }
    Ok(None)
}

/// The objects of the schema that only one of two files has, or with another statement, and the numbers of its header that an app sets.
fn changed_objects(
    sealed: &Connection,
    file: &Connection,
    is_fence: &dyn Fn(&str) -> bool,
) -> Result<Vec<String>> {
    let objects = |connection: &Connection| -> Result<Vec<(String, String, Option<String>)>> {
        let failed = || "the schema of the SQLite file cannot be read";
        let sql = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name";
        let mut statement = connection.prepare(sql).context(failed)?;
        let rows =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).context(failed)?;
        rows.collect::<rusqlite::Result<Vec<_>>>().context(failed)
    };
    let (before, now) = (objects(sealed)?, objects(file)?);
    let removed = before.iter().filter(|object| !now.contains(object));
    let added = now.iter().filter(|object| !before.contains(object));
    let mut names: Vec<String> =
        removed.chain(added).map(|(_, name, _)| name.clone()).filter(|name| !is_fence(name)).collect();
    for number in ["user_version", "application_id"] {
        let read = |connection: &Connection| {
            connection
                .query_row(&format!("PRAGMA {number}"), [], |row| row.get::<_, i64>(0))
                .context(|| format!("{number} of the SQLite file cannot be read"))
        };
        if read(sealed)? != read(file)? {
            names.push(number.to_owned());
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// The tables of a file that hold rows themselves, also those in which virtual tables keep their contents, and SQLite's own.
fn tables(connection: &Connection) -> Result<Vec<String>> {
    let failed = || "the tables of the sealed copy cannot be listed";
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name";
    let mut statement = connection.prepare(sql).context(failed)?;
    let names = statement.query_map([], |row| row.get(0)).context(failed)?;
    names.collect::<rusqlite::Result<_>>().context(failed)
}

/// Whether a table has the same rows in both files.
fn has_same_rows(
    sealed: &Connection,
    file: &Connection,
    table: &str,
    observer: &dyn Observer,
) -> Result<bool> {
    let failed = || format!("table {table} cannot be compared");
    let sql = select_sql(sealed, table).context(failed)?;
    let (mut one, mut other): (Statement<'_>, Statement<'_>) =
        (sealed.prepare(&sql).context(failed)?, file.prepare(&sql).context(failed)?);
    let columns = one.column_count();
    let (mut one, mut other) = (one.query([]).context(failed)?, other.query([]).context(failed)?);
    let mut number = 0_u64;
    loop {
        number += 1;
        if number.is_multiple_of(STOP_CHECK_ROWS) {
            check_stop(observer)?;
        }
        let (left, right) = match (one.next().context(failed)?, other.next().context(failed)?) {
            (None, None) => return Ok(true),
            (Some(left), Some(right)) => (left, right),
            _ => return Ok(false),
        };
        for column in 0..columns {
            if !is_same(left.get_ref(column).context(failed)?, right.get_ref(column).context(failed)?) {
                return Ok(false);
            }
        }
    }
}

/// The statement that reads the stored columns of a table, with the rowid where there is one.
fn select_sql(connection: &Connection, table: &str) -> rusqlite::Result<String> {
    // Columns with these numbers in `hidden` are computed when they are read (SQLite manual, "PRAGMA table_xinfo").
    let mut columns =
        connection.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden NOT IN (1, 2)")?;
    let columns = columns.query_map([table], |row| row.get::<_, String>(0))?;
    let mut terms: Vec<String> =
        columns.map(|name| name.map(|name| quote_sqlite(&name))).collect::<rusqlite::Result<_>>()?;
    let from = rows_of(connection, table)?;
    // A column may have the name `rowid`; then it hides the rowid, or is one.
    if connection.prepare(&format!("SELECT rowid FROM {from}")).is_ok() {
        terms.push("rowid".to_owned());
    }
    Ok(format!("SELECT {} FROM {from}", terms.join(", ")))
}

/// Whether two values are the same, by type and bytes.
fn is_same(one: ValueRef<'_>, other: ValueRef<'_>) -> bool {
    match (one, other) {
        (ValueRef::Real(one), ValueRef::Real(other)) => one.to_bits() == other.to_bits(),
        (one, other) => one == other,
    }
}

impl Unequal {
    /// As an error about a file.
    pub(super) fn into_error(self, path: &Path) -> Error {
        let shown = path.display();
        Error::new(match self {
            Unequal::Schema { names } => {
                format!("{shown} does not equal the sealed copy: its schema differs in {}", names.join(", "))
            }
            Unequal::Rows { table } => {
                format!("{shown} does not equal the sealed copy: rows of table {table} differ")
            }
        })
        .with_remedy_value(Remedy::RestoreCopy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observer::Silent;

    const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE w (a TEXT PRIMARY KEY, b) WITHOUT ROWID; \
        CREATE TABLE plain (v); CREATE VIRTUAL TABLE f USING fts5(body); \
        INSERT INTO t VALUES (1, 1), (2, 'x'), (3, x'00'), (4, NULL); INSERT INTO w VALUES ('k', 1); \
        INSERT INTO plain VALUES ('a'), ('a'); INSERT INTO f VALUES ('hello world')";

    fn file(more: &str) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("{SCHEMA}; {more}")).unwrap();
        connection
    }

    fn found(more: &str) -> Option<Unequal> {
        unequal(&file(""), &file(more), &|name| name.starts_with("fence_"), &Silent).unwrap()
    }

    #[test]
    fn equal_files_are_equal_whatever_the_fence_is() {
        assert_eq!(found(""), None);
        let fence = "CREATE TRIGGER fence_t BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'closed'); END";
        assert_eq!(found(fence), None);
    }

    #[test]
    fn every_kind_of_change_is_found() {
        for (change, table) in [
            ("UPDATE t SET v = 1.0 WHERE id = 1", "t"),
            ("UPDATE t SET v = 'X' WHERE id = 2", "t"),
            ("UPDATE t SET v = '' WHERE id = 4", "t"),
            ("DELETE FROM t WHERE id = 4", "t"),
            ("INSERT INTO w VALUES ('l', 1)", "w"),
            ("UPDATE w SET b = 2", "w"),
            ("DELETE FROM plain WHERE rowid = 1", "plain"),
            ("INSERT INTO f VALUES ('more')", "f_content"),
        ] {
            assert_eq!(found(change), Some(Unequal::Rows { table: table.to_owned() }), "{change}");
        }
        for (change, name) in [
            ("CREATE INDEX i ON t (v)", "i"),
            ("ALTER TABLE t ADD COLUMN z", "t"),
            ("DROP TABLE w", "w"),
            ("PRAGMA user_version = 7", "user_version"),
            ("PRAGMA application_id = 7", "application_id"),
            ("CREATE TRIGGER mine AFTER INSERT ON t BEGIN SELECT 1; END", "mine"),
        ] {
            match found(change) {
                Some(Unequal::Schema { names }) => {
                    assert!(names.contains(&name.to_owned()), "{change}: {names:?}")
                }
                other => panic!("{change}: {other:?}"),
            }
        }
    }
}
