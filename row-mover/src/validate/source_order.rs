//! The order in which the source's rows are read for the merge: the keys' own order, with text as UTF-8.
//!
//! SQLite's BINARY compares the bytes of the database's encoding (SQLite manual, "Datatypes In SQLite", section 7). In a
//! database in UTF-16 their order differs from that of the UTF-8 that both sides return.

use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::PlannedTable;

use crate::source::SourceConnection;

/// Compares text as UTF-8, whatever the encoding of the database.
const UTF8_ORDER: &str = "utf8_order";

/// The terms of `ORDER BY` that give the order of the columns at `key`, for this connection alone.
pub(crate) fn terms(
    table: &PlannedTable,
    key: &[usize],
    source: &SourceConnection,
) -> rusqlite::Result<Vec<String>> {
    let connection = source.connection();
    let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
    let collation = if encoding.eq_ignore_ascii_case("UTF-8") {
        "BINARY"
    } else {
        // SQLite itself turns the text of both sides into UTF-8 for the function.
        connection.create_collation(UTF8_ORDER, |left, right| left.as_bytes().cmp(right.as_bytes()))?;
        UTF8_ORDER
    };
    let columns = key.iter().filter_map(|&position| table.columns.get(position));
    Ok(columns.map(|column| format!("{} COLLATE {collation}", quote_sqlite(&column.source))).collect())
}
