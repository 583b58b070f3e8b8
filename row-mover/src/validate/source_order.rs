//! The order in which the source's rows are read for the merge: the keys' own order, with text as UTF-8.
//!
//! SQLite's BINARY compares the bytes of the database's encoding (SQLite manual, "Datatypes In SQLite", section 7). In a
//! database in UTF-16 these are in another order than the UTF-8 that both sides give us.

use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::PlannedTable;

use crate::source::SourceConnection;
use crate::source::scan::{self, Order};

/// Compares text as UTF-8, whatever the encoding of the database.
const UTF8_ORDER: &str = "utf8_order";

/// `SELECT` of all planned columns in the order of the columns at `key`, for this connection alone.
pub(super) fn select(
    table: &PlannedTable,
    key: &[usize],
    source: &SourceConnection,
) -> rusqlite::Result<String> {
    let connection = source.connection();
    let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
    if encoding.eq_ignore_ascii_case("UTF-8") {
        return Ok(scan::select(table, false, Order::Key));
    }
    // SQLite itself turns the text of both sides into UTF-8 for the function.
    connection.create_collation(UTF8_ORDER, |left, right| left.as_bytes().cmp(right.as_bytes()))?;
    let columns: Vec<String> = table.columns.iter().map(|column| quote_sqlite(&column.source)).collect();
    let order: Vec<String> =
        key.iter().map(|&position| format!("{} COLLATE {UTF8_ORDER}", columns[position])).collect();
    Ok(format!(
        "SELECT {} FROM {} NOT INDEXED ORDER BY {}",
        columns.join(", "),
        quote_sqlite(&table.source),
        order.join(", ")
    ))
}
