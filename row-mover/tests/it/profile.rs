//! The profile: what a scan counts is the same whatever the number of threads, for tables of every kind.

use migrate_core::profile::Trials;
use row_mover::source::profile::{profile, profile_by_workers};
use row_mover::source::{SourceConnection, introspect};

use crate::support::sqlite;

#[test]
fn any_number_of_workers_counts_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(
        &path,
        "CREATE TABLE empty (a TEXT);
         CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
         INSERT INTO keyed VALUES ('a', 1), ('b', x'00'), ('c', NULL);
         CREATE TABLE sparse (id INTEGER PRIMARY KEY, at INTEGER, note TEXT);
         INSERT INTO sparse VALUES (-9223372036854775808, 0, ''), (9223372036854775807, 1700000000, '2024-05-06');
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO sparse SELECT i * 1000000007, 1700000000 + i, CASE WHEN i % 3 THEN 'word' ELSE '2024-05-06' END FROM n;
         CREATE TABLE big (at INTEGER, doc TEXT);
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 600000)
         INSERT INTO big SELECT 1700000000000 + i, '{\"i\": ' || i || '}' FROM n;
         CREATE TABLE hidden (rowid TEXT, oid TEXT, _rowid_ TEXT); INSERT INTO hidden VALUES ('a', 'b', 'c');",
    );
    let source = SourceConnection::open_live(&path).unwrap();
    let schema = introspect::introspect(&source).unwrap();
    let expected = profile(&source, &schema).unwrap();
    let file = source.file();
    for workers in [0, 1, 2, 7] {
        let scanned = std::sync::atomic::AtomicU64::new(0);
        let counted = |rows| {
            scanned.fetch_add(rows, std::sync::atomic::Ordering::Relaxed);
        };
        let found = profile_by_workers(&schema, &Trials::new(), workers, &|| file.open(), &counted).unwrap();
        assert_eq!(found, expected, "{workers} workers");
        assert_eq!(scanned.into_inner(), 600_000 + 3_002 + 3 + 1);
    }
    let column = |table: &str, column: &str| expected[table].columns[column];
    assert_eq!(expected["empty"].rows, 0);
    assert_eq!(column("keyed", "v").in_words(), "1 integer (1 0 or 1), 1 blob (1 bytes at most), 1 null");
    assert_eq!((column("sparse", "at").epoch_s, column("sparse", "at").zeros), (3_001, 1));
    assert_eq!((column("sparse", "note").dates, column("sparse", "note").texts_empty), (1_001, 1));
    assert_eq!((column("big", "at").epoch_ms, column("big", "doc").jsonb), (600_000, 600_000));
}

#[test]
fn a_table_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(&path, "CREATE TABLE t (a TEXT)");
    let source = SourceConnection::open_live(&path).unwrap();
    let schema = introspect::introspect(&source).unwrap();
    sqlite(&path, "DROP TABLE t");
    let file = source.file();
    let open = || file.open();
    for error in [
        profile(&source, &schema).unwrap_err(),
        profile_by_workers(&schema, &Trials::new(), 2, &open, &|_| {}).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "table t cannot be read");
    }
}
