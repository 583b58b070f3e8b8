//! Scans a table: the statements that read its rows, and how a row's values are lent.
//!
//! Tables are read `NOT INDEXED`, because a damaged index can pass `quick_check`. SQLite obeys that for tables with rowids alone. In a
//! table WITHOUT ROWID it reads any index that holds all columns, unless the statement names the primary key's index, which holds the
//! rows themselves.

use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::PlannedTable;
use migrate_core::printable::printable;
use migrate_core::value::SourceValue;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

/// A range of a table's rowids, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowidRange {
    /// The first rowid.
    pub first: i64,
    /// The last rowid.
    pub last: i64,
}

impl RowidRange {
    /// All rowids that there can be.
    pub(crate) const ALL: RowidRange = RowidRange { first: i64::MIN, last: i64::MAX };
}

/// A table as `FROM` names it, so that SQLite reads the rows themselves and no other index.
pub(crate) fn rows_of(connection: &Connection, table: &str) -> rusqlite::Result<String> {
    // In a table with rowids, the last column of each index is the rowid, with the number -1 (SQLite manual, "PRAGMA index_xinfo").
    // `pragma_table_list`, which tells the same, goes through all tables of the file.
    let sql = "SELECT l.name FROM pragma_index_list(?1, 'main') AS l WHERE l.origin = 'pk' AND NOT EXISTS \
               (SELECT 1 FROM pragma_index_xinfo(l.name, 'main') WHERE cid = -1)";
    let mut statement = connection.prepare_cached(sql)?;
    let key: Option<String> = statement.query_row([table], |row| row.get(0)).optional()?;
    let table = quote_sqlite(table);
    Ok(match key {
        Some(key) => format!("{table} INDEXED BY {}", quote_sqlite(&key)),
        None => format!("{table} NOT INDEXED"),
    })
}

/// The value that SQLite lends.
pub fn value(lent: ValueRef<'_>) -> SourceValue<'_> {
    match lent {
        ValueRef::Null => SourceValue::Null,
        ValueRef::Integer(integer) => SourceValue::Integer(integer),
        ValueRef::Real(real) => SourceValue::Real(real),
        ValueRef::Text(text) => SourceValue::Text(text),
        ValueRef::Blob(blob) => SourceValue::Blob(blob),
    }
}

/// Describes a row's key, such as `id=17`, so that people can find the row. Values of secret columns are hashed, long values are cut, and
/// control characters are escaped.
pub fn describe_key(table: &PlannedTable, positions: &[usize], key: &[SourceValue<'_>]) -> String {
    let parts = positions.iter().zip(key).map(|(&position, value)| {
        let column = &table.columns[position];
        format!("{}={}", column.source, shown(*value, column.secret))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// A value as a report may show it.
pub fn shown(value: SourceValue<'_>, is_secret: bool) -> String {
    const SHOWN_LENGTH_MAX_CHARS: usize = 80;
    if is_secret {
        return format!("(secret, sha256 {})", short_hash(value));
    }
    match value {
        SourceValue::Null => "NULL".to_owned(),
        SourceValue::Integer(integer) => integer.to_string(),
        SourceValue::Real(real) => format!("{real:?}"),
        SourceValue::Text(text) => {
            let text = String::from_utf8_lossy(text);
            let cut: String = text.chars().take(SHOWN_LENGTH_MAX_CHARS).collect();
            let mut out = printable(&cut);
            if text.chars().nth(SHOWN_LENGTH_MAX_CHARS).is_some() {
                out.push('…');
            }
            format!("'{out}'")
        }
        SourceValue::Blob(blob) => {
            let digits: String = blob.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}{}'", if blob.len() > 16 { "…" } else { "" })
        }
    }
}

fn short_hash(value: SourceValue<'_>) -> String {
    use sha2::{Digest, Sha256};
    let digest = match value {
        SourceValue::Null => Sha256::digest(b""),
        SourceValue::Integer(integer) => Sha256::digest(integer.to_string()),
        SourceValue::Real(real) => Sha256::digest(real.to_bits().to_string()),
        SourceValue::Text(bytes) | SourceValue::Blob(bytes) => Sha256::digest(bytes),
    };
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_value_is_short_and_harmless() {
        for (value, text) in [
            (SourceValue::Text(b"a\x1b[31mb\n"), "'a\\u{1b}[31mb\\n'"),
            (SourceValue::Text("\u{202e}x".as_bytes()), "'\\u{202e}x'"),
            (SourceValue::Integer(-1), "-1"),
            (SourceValue::Null, "NULL"),
            (SourceValue::Blob(&[0, 255]), "x'00ff'"),
        ] {
            assert_eq!(shown(value, false), text);
        }
        assert_eq!(shown(SourceValue::Text(&[b'x'; 200]), false).chars().count(), 83);
        assert!(!shown(SourceValue::Text(b"canary"), true).contains("canary"));
    }
}
