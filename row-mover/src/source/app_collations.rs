//! Collations that only the app has: placeholders, without which SQLite does not read a table that names one.
//!
//! A placeholder compares byte by byte, which is not what the app's collation does. So nothing may follow from it: rows are read by scans
//! that compare nothing, orders name a collation of SQLite's own, and a value or condition for which SQLite asked a placeholder counts
//! as one that it cannot compute ([`certain`]).

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, ffi};

thread_local! {
    static COMPARISONS: Cell<u64> = const { Cell::new(0) };
}

/// Defines a placeholder for each collation that SQLite asks for.
pub(crate) fn define_when_needed(connection: &Connection) -> rusqlite::Result<()> {
    connection.collation_needed(|connection, name| {
        connection.create_collation(name, |left, right| {
            COMPARISONS.set(COMPARISONS.get() + 1);
            left.as_bytes().cmp(right.as_bytes())
        })
    })
}

/// How often statements of this thread have compared by a placeholder.
pub(super) fn comparisons() -> u64 {
    COMPARISONS.get()
}

/// Reads something for which SQLite may compare text by a collation that only the app has.
///
/// # Errors
/// Those of `read`, and one like that of an expression that fails where it did.
pub(super) fn certain<T>(read: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let before = COMPARISONS.get();
    let found = read()?;
    if COMPARISONS.get() == before {
        return Ok(found);
    }
    let words = "it compares text by a collation that only the app has";
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(words.to_owned())))
}

/// Whether SQLite has asked for a collation over this connection that only the app has.
pub(super) fn has_placeholders(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_collation_list WHERE upper(name) NOT IN ('BINARY', 'NOCASE', 'RTRIM'))";
    connection.query_row(sql, [], |row| row.get(0))
}

/// WITHOUT ROWID tables whose rows lie in the order of a collation that only the app has.
pub(super) fn tables_of_unknown_order(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let sql = "SELECT DISTINCT t.name FROM pragma_table_list AS t JOIN pragma_index_list(t.name) AS i ON i.origin = 'pk' \
               JOIN pragma_index_xinfo(i.name) AS k ON k.key = 1 \
               WHERE t.schema = 'main' AND t.wr AND upper(k.coll) NOT IN ('BINARY', 'NOCASE', 'RTRIM')";
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Indexes whose entries, or the choice of their rows, may depend on a collation that only the app has, and whether the choice may:
/// such an index has a column of one, that of the table's key among them, or one is named by the statement of a partial index, of one on
/// expressions, or of its table.
pub(super) fn indexes_of_unknown_order(connection: &Connection) -> rusqlite::Result<BTreeMap<String, bool>> {
    let sql = "WITH keys AS (SELECT t.name AS tbl, i.name, i.partial, k.cid, k.coll \
                   FROM pragma_table_list AS t JOIN pragma_index_list(t.name) AS i JOIN pragma_index_xinfo(i.name) AS k \
                   WHERE t.schema = 'main' AND k.coll IS NOT NULL), \
               unknown AS (SELECT lower(name) AS name FROM pragma_collation_list \
                   WHERE upper(name) NOT IN ('BINARY', 'NOCASE', 'RTRIM') \
                   UNION SELECT lower(coll) FROM keys WHERE upper(coll) NOT IN ('BINARY', 'NOCASE', 'RTRIM')), \
               named AS (SELECT DISTINCT keys.name FROM keys JOIN sqlite_schema AS s ON s.name IN (keys.name, keys.tbl) \
                   JOIN unknown AS u ON instr(lower(s.sql), u.name) > 0) \
               SELECT name, max(partial AND name IN (SELECT name FROM named)) FROM keys \
               WHERE lower(coll) IN (SELECT name FROM unknown) OR (partial OR cid = -2) AND name IN (SELECT name FROM named) GROUP BY name";
    connection.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
