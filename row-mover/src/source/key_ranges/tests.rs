//! Ranges of keys against complete scans, with keys of every kind.

use std::path::Path;

use fixtures::prng::Prng;
use rusqlite::Connection;
use rusqlite::types::ToSql;

use super::*;
use crate::source::owned_value::OwnedValue;
use crate::source::rows::Scan;

/// The columns and keys of tables, with the number of key columns that conditions can name in the order of the tree.
const TABLES: [(&str, usize); 12] = [
    ("a, b, v, PRIMARY KEY (a)", 1),
    ("a, b, v, PRIMARY KEY (a, b)", 2),
    ("a, b, v, PRIMARY KEY (b DESC, a DESC)", 2),
    ("a, b, v, PRIMARY KEY (a, b DESC)", 1),
    ("a, b, v, PRIMARY KEY (a, b, a)", 2),
    ("a INTEGER, b TEXT, v, PRIMARY KEY (b, a)", 2),
    ("a REAL, b BLOB, v, PRIMARY KEY (a, b)", 2),
    ("a NUMERIC, b TEXT COLLATE NOCASE, v, PRIMARY KEY (b, a)", 2),
    ("a TEXT COLLATE RTRIM, b TEXT COLLATE NOCASE, v, PRIMARY KEY (a, b)", 2),
    ("a TEXT COLLATE NOCASE, b, v, PRIMARY KEY (b, a COLLATE BINARY)", 1),
    ("v, c AS (typeof(a)), a, b, PRIMARY KEY (b, a)", 2),
    ("v, a, b, PRIMARY KEY (b, a COLLATE NOCASE, a)", 1),
];

/// A key of any class. Many are equal, or begin alike.
fn value(prng: &mut Prng, is_long: bool) -> OwnedValue {
    let text = |prng: &mut Prng| {
        let begin =
            *prng.pick(&[&b"k"[..], b"K ", "é".as_bytes(), b"\xff\xfe", b"a\0b", b"https://example.com/a/"]);
        let mut text = begin.to_vec();
        if is_long {
            text.extend(std::iter::repeat_n(b'x', usize::try_from(prng.below(3000)).unwrap()));
        }
        text.extend(prng.below(500).to_string().bytes());
        text
    };
    match prng.below(8) {
        0..2 => OwnedValue::Integer(prng.below(300).cast_signed() - 150),
        2 => OwnedValue::Integer(prng.next().cast_signed()),
        3 => OwnedValue::Real(prng.below(3000) as f64 / 8.0 - 100.0),
        4 => OwnedValue::Blob(text(prng)),
        _ => OwnedValue::Text(text(prng)),
    }
}

/// Makes a file with a table `t` and returns the rows that it has.
fn make(path: &Path, columns: &str, settings: &str, rows: usize, prng: &mut Prng, is_long: bool) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!("{settings}; CREATE TABLE t ({columns}) WITHOUT ROWID; BEGIN"))
        .unwrap();
    let mut insert = connection.prepare("INSERT OR IGNORE INTO t (a, b, v) VALUES (?1, ?2, ?3)").unwrap();
    // In half of the tables, all rows have one of two values in a column.
    let [first, second] = [value(prng, false), value(prng, false)];
    let is_giant = prng.one_in(2);
    for row in 0..rows {
        let a = if is_giant && prng.one_in(50) { first.clone() } else { value(prng, is_long) };
        let b = if is_giant { second.clone() } else { value(prng, false) };
        let values: [&dyn ToSql; 3] = [&a, &b, &i64::try_from(row).unwrap()];
        insert.execute(&values[..]).unwrap();
    }
    drop(insert);
    connection.execute_batch("COMMIT").unwrap();
}

/// The rows in a range, as they are read.
fn read(source: &SourceConnection, range: Option<RowRange>) -> Vec<Vec<OwnedValue>> {
    let mut rows = Vec::new();
    Scan::new("t", vec!["a", "b", "v"], None)
        .within(range)
        .each(source, &|| "t".to_owned(), &mut |row| {
            rows.push((0..3).map(|place| OwnedValue::of(row.held().get_ref_unwrap(place))).collect());
            Ok(())
        })
        .unwrap();
    rows
}

#[test]
fn ranges_have_each_row_exactly_once_whatever_the_keys_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut prng = Prng::new(7);
    for (number, (columns, named)) in TABLES.iter().enumerate() {
        for (settings, is_long) in [
            ("PRAGMA page_size = 512", false),
            ("PRAGMA page_size = 1024; PRAGMA encoding = 'UTF-16le'", false),
            ("PRAGMA page_size = 512; PRAGMA encoding = 'UTF-16be'", true),
            ("PRAGMA page_size = 4096", true),
        ] {
            let path = folder.path().join(format!("{number}-{is_long}-{}.db", settings.len()));
            make(&path, columns, settings, 1_500, &mut prng, is_long);
            let source = SourceConnection::open_sealed(&path).unwrap();
            let all = read(&source, None);
            for size in [(1, usize::MAX), (5_000, usize::MAX), (1, 3), (1 << 30, usize::MAX)] {
                let what = format!("{columns}, {settings}, {size:?}");
                let size = PartSize { bytes: size.0, parts_max: size.1 };
                let ranges = key_ranges(&source, "t", size).unwrap();
                assert!(ranges.len() <= size.parts_max, "{what}: {}", ranges.len());
                assert!(ranges.iter().all(|range| range.order.columns.len() == *named), "{what}");
                let mut found = Vec::new();
                for range in ranges {
                    let from = scan::rows_of(source.connection(), "t").unwrap();
                    if let Some(condition) = range.condition() {
                        let sql = format!("EXPLAIN QUERY PLAN SELECT v FROM {from} WHERE {condition}");
                        let plan: String = source
                            .connection()
                            .query_row(&sql, rusqlite::params_from_iter(range.parameters()), |row| row.get(3))
                            .unwrap();
                        assert!(plan.starts_with("SEARCH t USING PRIMARY KEY"), "{what}: {plan}");
                    }
                    let range = RowRange::Keys(range);
                    if let Some(stored) = range.stored() {
                        assert_eq!(stored_range(&source, "t", stored).unwrap(), range, "{what}");
                    }
                    let rows = read(&source, Some(range));
                    assert!(!rows.is_empty(), "{what}");
                    found.extend(rows);
                }
                assert_eq!(found.len(), all.len(), "{what}");
                assert!(found == all, "{what}");
            }
        }
    }
}

#[test]
fn parts_are_about_as_large_as_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, v) WITHOUT ROWID; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 \
             FROM n WHERE i < 60000) INSERT INTO t SELECT i, printf('%.*c', 60, 'x'), i FROM n",
        )
        .unwrap();
    drop(connection);
    let source = SourceConnection::open_sealed(&path).unwrap();
    for (bytes, parts_max, parts) in [
        (1 << 20, usize::MAX, 3..=7),
        (64 << 10, usize::MAX, 50..=110),
        (1, 8, 6..=8),
        (1 << 30, usize::MAX, 1..=1),
    ] {
        let ranges = key_ranges(&source, "t", PartSize { bytes, parts_max }).unwrap();
        assert!(parts.contains(&ranges.len()), "{bytes}, {parts_max}: {}", ranges.len());
        let rows = ranges.into_iter().map(|range| read(&source, Some(RowRange::Keys(range))).len());
        let largest = rows.max().unwrap();
        assert!(largest < 3 * 60_000 / parts.start(), "{bytes}, {parts_max}: {largest}");
    }
}

#[test]
fn small_tables_tables_with_rowids_and_orders_of_the_app_are_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sql, expected) in [
        ("empty", "CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID", Some(1)),
        ("one", "CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES ('x')", Some(1)),
        ("rowids", "CREATE TABLE t (a PRIMARY KEY)", None),
        ("own", "CREATE TABLE t (a TEXT, b TEXT COLLATE OWN, PRIMARY KEY (a, b)) WITHOUT ROWID", None),
    ] {
        let path = folder.path().join(name);
        let connection = Connection::open(&path).unwrap();
        connection.create_collation("OWN", |left, right| right.cmp(left)).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let source = SourceConnection::open_sealed(&path).unwrap();
        let size = PartSize { bytes: 1, parts_max: usize::MAX };
        let found = key_bounds(&source, "t", size).unwrap();
        assert_eq!(found.map(|(_, bounds)| bounds.len() + 1), expected, "{name}");
    }
}

#[test]
fn damaged_pages_give_an_error_or_bounds_that_ascend() {
    let folder = tempfile::tempdir().unwrap();
    let (path, damaged) = (folder.path().join("whole.db"), folder.path().join("damaged.db"));
    let mut prng = Prng::new(11);
    make(&path, "a, b, v, PRIMARY KEY (a, b)", "PRAGMA page_size = 512", 2_000, &mut prng, false);
    let whole = std::fs::read(&path).unwrap();
    let root: u32 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 't'", [], |row| row.get(0))
        .unwrap();
    let size = PartSize { bytes: 1, parts_max: usize::MAX };
    let mut kept = 0;
    for round in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..=prng.below(8) {
            // Every third round in the root.
            let start = if round % 3 == 0 { (root as usize - 1) * 512 } else { 512 };
            let end = if round % 3 == 0 { start + 512 } else { bytes.len() };
            let place = start + usize::try_from(prng.below((end - start) as u64)).unwrap();
            bytes[place] = prng.below(256) as u8;
        }
        std::fs::write(&damaged, &bytes).unwrap();
        let Ok(source) = SourceConnection::open_sealed(&damaged) else { continue };
        let Ok(Some((order, bounds))) = key_bounds(&source, "t", size) else { continue };
        kept += bounds.len();
        // Whatever they are, they divide all keys: each is above the one before.
        assert_eq!(ascending(&source, "t", &order, bounds.clone()).unwrap_or(bounds.clone()), bounds);
        for bound in bounds {
            let stored = StoredRange::Keys { after: bound.cell, until: None };
            assert!(stored_range(&source, "t", stored).is_ok());
        }
    }
    assert!(kept > 1_000, "{kept}");
}

#[test]
fn a_range_that_the_copy_does_not_have_is_refused() {
    use crate::source::row_range::CellLocation;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.db");
    let mut prng = Prng::new(13);
    make(&path, "a, b, v, PRIMARY KEY (a, b)", "PRAGMA page_size = 512", 500, &mut prng, false);
    let source = SourceConnection::open_sealed(&path).unwrap();
    for (page, cell) in [(0, 0), (1, 0), (2, 9_999), (9_999, 0)] {
        let stored = StoredRange::Keys { after: None, until: Some(CellLocation { page, cell }) };
        let refused = stored_range(&source, "t", stored).unwrap_err();
        assert!(refused.to_string().contains("no row where the ledger says"), "{page}, {cell}: {refused}");
    }
}
