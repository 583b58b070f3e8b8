//! Compares two databases by content: the schema, and every stored value by storage class and bytes. Which page holds a row does not count.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::error::{Context, Result};
use crate::source::SourceConnection;

/// Whether two databases have the same schema, the same rows in every table, shadow tables included, and the same numbers of their own.
///
/// # Errors
/// When one cannot be read.
pub(super) fn has_same_content(one: &SourceConnection, other: &SourceConnection) -> Result<bool> {
    let failed = || format!("{} cannot be compared with {}", one.path().display(), other.path().display());
    compare(one.connection(), other.connection()).context(failed)
}

fn compare(one: &Connection, other: &Connection) -> rusqlite::Result<bool> {
    for query in [
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name",
        "PRAGMA user_version",
        "PRAGMA application_id",
    ] {
        if !has_same_rows(one, other, query)? {
            return Ok(false);
        }
    }
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage <> 0";
    let tables: Vec<String> =
        one.prepare(tables)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for table in tables {
        // In the order of the table itself: that of its rowids, or its key.
        let query = format!("SELECT * FROM \"{}\" NOT INDEXED", table.replace('"', "\"\""));
        if !has_same_rows(one, other, &query)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has_same_rows(one: &Connection, other: &Connection, query: &str) -> rusqlite::Result<bool> {
    let (mut one, mut other) = (one.prepare(query)?, other.prepare(query)?);
    let columns = one.column_count();
    if columns != other.column_count() {
        return Ok(false);
    }
    let (mut one, mut other) = (one.query([])?, other.query([])?);
    loop {
        match (one.next()?, other.next()?) {
            (None, None) => return Ok(true),
            (Some(left), Some(right)) if is_same_row(left, right, columns)? => {}
            _ => return Ok(false),
        }
    }
}

fn is_same_row(left: &Row<'_>, right: &Row<'_>, columns: usize) -> rusqlite::Result<bool> {
    for column in 0..columns {
        let is_same = match (left.get_ref(column)?, right.get_ref(column)?) {
            // A number that is not equal to itself is stored as NULL, and two zeros differ by their sign.
            (ValueRef::Real(left), ValueRef::Real(right)) => left.to_bits() == right.to_bits(),
            (left, right) => left == right,
        };
        if !is_same {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_counts() {
        let base = "CREATE TABLE a (x, y); INSERT INTO a VALUES (1, 'é'), (2.0, NULL), (x'00', '');";
        let open = |sql: &str| {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(sql).unwrap();
            connection
        };
        let one = open(base);
        assert!(compare(&one, &open(base)).unwrap());
        // The same after pages have moved.
        assert!(compare(&one, &open(&format!("CREATE TABLE z (q); {base} DROP TABLE z; VACUUM"))).unwrap());
        for change in [
            "UPDATE a SET x = 1.0 WHERE x = 1",
            "UPDATE a SET x = '1' WHERE x = 1",
            "UPDATE a SET y = x'' WHERE y = ''",
            "UPDATE a SET x = 2 WHERE x = 2.0",
            "DELETE FROM a WHERE y IS NULL",
            "INSERT INTO a VALUES (NULL, NULL)",
            "CREATE TABLE b (c)",
            "CREATE INDEX i ON a (x)",
            "CREATE TRIGGER t INSERT ON a BEGIN SELECT 1; END",
            "ALTER TABLE a ADD COLUMN z",
            "PRAGMA user_version = 3",
            "PRAGMA application_id = 3",
        ] {
            let changed = open(&format!("{base} {change}"));
            assert!(!compare(&one, &changed).unwrap(), "{change}");
            assert!(!compare(&changed, &one).unwrap(), "{change}");
        }
    }
}
