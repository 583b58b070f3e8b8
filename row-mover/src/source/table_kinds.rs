//! What kind of table each is, for questions that are asked about one table after the other.
//!
//! SQLite answers none of them for one table alone: `pragma_table_list` goes through all tables, and `sqlite_schema` has no index. So
//! the answers for all tables are read at once, and again when the schema has changed. It decides nothing.

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::Connection;

use super::rows::HELD_MAX_BYTES;

/// The kind of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableKind {
    /// Whether its rows are in the file itself: it is neither a view nor a virtual table.
    pub(crate) is_stored: bool,
    /// Whether it is WITHOUT ROWID.
    pub(crate) is_without_rowid: bool,
    /// Whether it is STRICT.
    pub(crate) is_strict: bool,
    /// Whether its own SQL is longer than a value that is held in memory.
    pub(crate) has_long_sql: bool,
}

/// The kinds of all tables, once somebody has asked.
#[derive(Debug, Default)]
pub(super) struct TableKinds(RefCell<Option<Known>>);

/// The kinds by name in lower case, since SQLite ignores the case of ASCII letters, in one version of the schema.
#[derive(Debug)]
struct Known {
    version: i64,
    kinds: HashMap<String, TableKind>,
}

impl TableKinds {
    /// The kind of a table of the main database; none where there is no such table.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn of(&self, connection: &Connection, table: &str) -> rusqlite::Result<Option<TableKind>> {
        // SQLite changes the number with each change of the schema (SQLite manual, "PRAGMA schema_version").
        let mut version = connection.prepare_cached("PRAGMA schema_version")?;
        let version: i64 = version.query_row([], |row| row.get(0))?;
        let mut known = self.0.borrow_mut();
        let known = match known.take().filter(|known| known.version == version) {
            Some(current) => known.insert(current),
            None => known.insert(Known { version, kinds: read(connection)? }),
        };
        Ok(known.kinds.get(&table.to_ascii_lowercase()).copied())
    }
}

fn read(connection: &Connection) -> rusqlite::Result<HashMap<String, TableKind>> {
    let sql = "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'";
    let mut kinds: HashMap<String, TableKind> = (connection.prepare(sql)?)
        .query_map([], |row| {
            let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
            let kind = TableKind {
                is_stored: kind == "table" || kind == "shadow",
                is_without_rowid: row.get(2)?,
                is_strict: row.get(3)?,
                has_long_sql: false,
            };
            Ok((name.to_ascii_lowercase(), kind))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let sql = "SELECT name FROM sqlite_schema WHERE octet_length(sql) > ?1";
    let mut long = connection.prepare(sql)?;
    let mut long = long.query([HELD_MAX_BYTES])?;
    while let Some(row) = long.next()? {
        if let Some(kind) = kinds.get_mut(&row.get::<_, String>(0)?.to_ascii_lowercase()) {
            kind.has_long_sql = true;
        }
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_known_whatever_the_case_of_its_name() {
        let connection = Connection::open_in_memory().unwrap();
        let long = "x".repeat(HELD_MAX_BYTES as usize);
        connection
            .execute_batch(&format!(
                "CREATE TABLE plain (a); CREATE TABLE Keyed (a PRIMARY KEY) WITHOUT ROWID; CREATE TABLE strict_one (a INT) STRICT;
                 CREATE TABLE long (a DEFAULT '{long}'); CREATE VIEW seen AS SELECT 1 AS a;
                 CREATE VIRTUAL TABLE words USING fts5(a)"
            ))
            .unwrap();
        let kinds = TableKinds::default();
        let of = |table: &str| {
            let kind = kinds.of(&connection, table).unwrap()?;
            Some([kind.is_stored, kind.is_without_rowid, kind.is_strict, kind.has_long_sql])
        };
        assert_eq!(of("PLAIN"), Some([true, false, false, false]));
        assert_eq!(of("keyed"), Some([true, true, false, false]));
        assert_eq!(of("strict_one"), Some([true, false, true, false]));
        assert_eq!(of("long"), Some([true, false, false, true]));
        assert_eq!(of("seen"), Some([false, false, false, false]));
        assert_eq!(of("words"), Some([false, false, false, false]));
        assert_eq!(of("words_data").map(|kind| kind[0]), Some(true));
        assert_eq!(of("other"), None);
        connection.execute_batch("CREATE TABLE other (a)").unwrap();
        assert_eq!(of("other"), Some([true, false, false, false]), "the schema has changed");
    }
}
