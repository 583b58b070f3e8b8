//! Tests the two generated Diesel schemas against real databases: typed rows of every table are inserted and loaded unchanged.
//!
//! A column with a wrong type or name in either `schema.rs` does not compile here, or does not load.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod postgres;
mod sqlite;

/// Inserts rows into a table through Diesel, loads them in key order, and compares.
macro_rules! round_trip {
    ($connection:expr, $table:ident, $key:ident, $rows:expr) => {{
        let rows = $rows;
        let inserted = diesel::insert_into($table::table).values(&rows).execute($connection).unwrap();
        assert_eq!(inserted, rows.len());
        let query = $table::table.order($table::$key).select(selection_of(&rows));
        assert_eq!(query.load($connection).unwrap(), rows, stringify!($table));
    }};
}
pub(crate) use round_trip;
