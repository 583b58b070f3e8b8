//! Reads the rows of a difference from a sealed copy, always in the same order.

use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::PlannedTable;
use rusqlite::types::Value;

use crate::difference::RowSet;
use crate::error::{Context, Result};
use crate::source::SourceConnection;
use crate::source::rows::{Scan, SourceRow};

/// Keys in one statement: SQLite's parser has no limit for them, and a statement of this many is far below its limit of bytes.
const KEYS_OF_STATEMENT: usize = 200;

/// Hands each of the rows to `visit`.
pub(super) fn each_row(
    table: &PlannedTable,
    rows: &RowSet,
    source: &SourceConnection,
    visit: &mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
) -> Result<()> {
    let failed = || unreadable(table);
    match rows {
        RowSet::Rowids(ranges) => Scan::of(table).each_of_ranges(ranges, source, &failed, visit),
        RowSet::Keys(keys) => {
            let names = key_columns(table, source)?;
            keys.chunks(KEYS_OF_STATEMENT).try_for_each(|keys| {
                Scan::of(table).filtered(Some(condition(&names, keys))).each(source, &failed, visit)
            })
        }
    }
}

/// Whether there is none.
pub(super) fn is_empty(rows: &RowSet) -> bool {
    match rows {
        RowSet::Rowids(ranges) => ranges.is_empty(),
        RowSet::Keys(keys) => keys.is_empty(),
    }
}

pub(super) fn unreadable(table: &PlannedTable) -> String {
    format!("table {} of the sealed copy cannot be read", table.source)
}

/// The columns of the primary key of a table WITHOUT ROWID, in the key's order.
fn key_columns(table: &PlannedTable, source: &SourceConnection) -> Result<Vec<String>> {
    let failed = || unreadable(table);
    let sql = "SELECT name FROM pragma_table_xinfo(?1) WHERE pk > 0 ORDER BY pk";
    let mut statement = source.connection().prepare_cached(sql).context(failed)?;
    let names = statement.query_map([&table.source], |row| row.get(0)).context(failed)?;
    names.collect::<rusqlite::Result<Vec<String>>>().context(failed)
}

fn condition(names: &[String], keys: &[Vec<Value>]) -> String {
    let names: Vec<String> = names.iter().map(|name| quote_sqlite(name)).collect();
    let keys = keys.iter().map(|key| {
        let values: Vec<String> = key.iter().map(literal).collect();
        format!("({})", values.join(", "))
    });
    let keys: Vec<String> = keys.collect();
    match names.as_slice() {
        [name] => format!("{name} IN ({})", keys.join(", ")),
        _ => format!("({}) IN (VALUES {})", names.join(", "), keys.join(", ")),
    }
}

/// A value in SQLite's SQL, with its storage class.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) if real.is_infinite() => if *real > 0.0 { "9e999" } else { "-9e999" }.to_owned(),
        // The shortest decimal that reads back as the same float.
        Value::Real(real) => format!("{real:?}"),
        Value::Text(text) if text.contains('\0') => format!("CAST({} AS TEXT)", hex(text.as_bytes())),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Blob(blob) => hex(blob),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{digits}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_the_value_with_its_storage_class() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for value in [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Integer(i64::MAX),
            Value::Real(0.1),
            Value::Real(-1e300),
            Value::Real(5.0),
            Value::Real(f64::INFINITY),
            Value::Real(f64::NEG_INFINITY),
            Value::Text("it's".to_owned()),
            Value::Text("a\0b".to_owned()),
            Value::Text(String::new()),
            Value::Blob(vec![0, 255]),
        ] {
            let read: Value =
                connection.query_row(&format!("SELECT {}", literal(&value)), [], |row| row.get(0)).unwrap();
            assert_eq!(read, value);
        }
    }
}
