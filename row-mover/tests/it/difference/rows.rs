//! Which rows differ, for each kind of table and value.

use postgres_client::watch::Watch;
use row_mover::error::is_stop;

use super::Changing;

/// What is changed, the source, the changes, and the difference.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str]);

#[track_caller]
fn check(cases: &[Case]) {
    for (what, setup, change, expected) in cases {
        let source = Changing::new(setup);
        assert_eq!(source.copies().words(&source.tables()), [""; 0], "{what}: nothing has changed");
        assert_eq!(source.changed(change).words(&source.tables()), **expected, "{what}");
    }
}

#[test]
fn values_that_sql_calls_equal_are_told_apart() {
    check(&[
        (
            "storage classes",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 1), (2, '1'), (3, 'a'), (4, NULL), (5, 5)",
            "UPDATE t SET v = 1.0 WHERE id = 1; UPDATE t SET v = 1 WHERE id = 2; UPDATE t SET v = x'61' WHERE id = 3; \
             UPDATE t SET v = '' WHERE id = 4; UPDATE t SET v = 5 WHERE id = 5",
            &[
                "-t 1|1",
                "-t 2|'1'",
                "-t 3|'a'",
                "-t 4|NULL",
                "+t 1|1.0",
                "+t 2|1",
                "+t 3|blob [61]",
                "+t 4|''",
            ],
        ),
        (
            "case under NOCASE, spaces under RTRIM",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b TEXT COLLATE RTRIM); INSERT INTO t VALUES (1, 'a', 'b')",
            "UPDATE t SET a = 'A', b = 'b '",
            &["-t 1|'a'|'b'", "+t 1|'A'|'b '"],
        ),
        (
            "zeros and a bit of a number",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 0.0), (2, 0.1), (3, 9007199254740993)",
            "UPDATE t SET v = -0.0 WHERE id = 1; UPDATE t SET v = 0.1 + 1e-17 WHERE id = 2; UPDATE t SET v = 9007199254740992 WHERE id = 3",
            &[
                "-t 1|0.0",
                "-t 2|0.1",
                "-t 3|9007199254740993",
                "+t 1|-0.0",
                "+t 2|0.10000000000000002",
                "+t 3|9007199254740992",
            ],
        ),
        (
            "text that is not UTF-8, and bytes after a NUL",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, CAST(x'61ff' AS TEXT)), (2, CAST(x'6100' AS TEXT))",
            "UPDATE t SET v = CAST(x'61fe' AS TEXT) WHERE id = 1; UPDATE t SET v = CAST(x'610062' AS TEXT) WHERE id = 2",
            &["-t 1|text [61, ff]", "-t 2|'a\0'", "+t 1|text [61, fe]", "+t 2|'a\0b'"],
        ),
        (
            "a value between two columns",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO t VALUES (1, 'xy', 'z'), (2, NULL, 'v')",
            "UPDATE t SET a = 'x', b = 'yz' WHERE id = 1; UPDATE t SET a = b, b = a WHERE id = 2",
            &["-t 1|'xy'|'z'", "-t 2|NULL|'v'", "+t 1|'x'|'yz'", "+t 2|'v'|NULL"],
        ),
    ]);
}

#[test]
fn keys_of_every_kind() {
    check(&[
        (
            "no key, equal rows",
            "CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('a'), ('a'), ('b'), ('a')",
            "DELETE FROM t WHERE rowid = 2; INSERT INTO t VALUES ('c')",
            &["-t 'a'", "+t 'c'"],
        ),
        (
            "NULL as a key",
            "CREATE TABLE t (k TEXT PRIMARY KEY, v INT); INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('a', 3)",
            "UPDATE t SET v = 4 WHERE v = 2",
            &["-t NULL|2", "+t NULL|4"],
        ),
        (
            "swapped unique values",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')",
            "UPDATE t SET u = 'x' WHERE id = 1; UPDATE t SET u = 'a' WHERE id = 2; UPDATE t SET u = 'b' WHERE id = 1",
            &["-t 1|'a'", "-t 2|'b'", "+t 1|'b'", "+t 2|'a'"],
        ),
        (
            "REPLACE of the same row, and of another",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
            "REPLACE INTO t VALUES (1, 'a'); REPLACE INTO t VALUES (9, 'b')",
            &["-t 2|'b'", "+t 9|'b'"],
        ),
        (
            "the ends of all rowids",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (-9223372036854775808, 'a'), (0, 'b'), (9223372036854775807, 'c')",
            "UPDATE t SET v = 'x'",
            &[
                "-t -9223372036854775808|'a'",
                "-t 0|'b'",
                "-t 9223372036854775807|'c'",
                "+t -9223372036854775808|'x'",
                "+t 0|'x'",
                "+t 9223372036854775807|'x'",
            ],
        ),
        (
            "rows that VACUUM numbers again",
            "CREATE TABLE t (k TEXT); INSERT INTO t VALUES ('a'), ('b'), ('c'); CREATE TABLE n (id INTEGER PRIMARY KEY); \
             INSERT INTO n VALUES (1), (2), (3)",
            "DELETE FROM t WHERE k = 'a'; DELETE FROM n WHERE id = 1; VACUUM",
            &["-n 1", "-t 'a'", "-t 'b'", "-t 'c'", "+t 'b'", "+t 'c'"],
        ),
        (
            "rowids that no name reaches",
            "CREATE TABLE t (rowid TEXT, _rowid_ TEXT, oid TEXT); INSERT INTO t VALUES ('a', 1, 1), ('b', 1, 1), ('b', 1, 1), ('c', 1, 1)",
            "DELETE FROM t WHERE rowid = 'a'; UPDATE t SET oid = 2 WHERE rowid = 'c'; INSERT INTO t VALUES ('b', 1, 1)",
            &["-t 'a'|'1'|'1'", "-t 'c'|'1'|'1'", "+t 'c'|'1'|'2'", "+t 'b'|'1'|'1'"],
        ),
    ]);
}

#[test]
fn tables_without_rowids_in_every_order() {
    let first = "INSERT INTO t SELECT 'k' || i, i FROM (WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 99) SELECT i FROM n);";
    for (what, key) in [
        ("plain", "PRIMARY KEY (k)"),
        ("descending", "PRIMARY KEY (k DESC)"),
        ("NOCASE", "PRIMARY KEY (k COLLATE NOCASE)"),
        ("two columns", "PRIMARY KEY (v, k)"),
    ] {
        for encoding in ["UTF-8", "UTF-16le"] {
            let setup = format!(
                "PRAGMA encoding = '{encoding}'; CREATE TABLE t (k TEXT, v INT, {key}) WITHOUT ROWID; {first}"
            );
            let source = Changing::new(&setup);
            assert_eq!(source.copies().words(&source.tables()), [""; 0], "{what} {encoding}");
            let copies = source.changed(
                "INSERT INTO t VALUES ('A', 0), ('é', 0), ('z', 1000); DELETE FROM t WHERE k IN ('k10', 'k99'); \
                 UPDATE t SET v = -v WHERE k = 'k50'; UPDATE t SET k = 'K60' WHERE k = 'k60'",
            );
            let mut words = copies.words(&source.tables());
            words.sort_unstable();
            let expected = [
                "+t 'A'|0",
                "+t 'K60'|60",
                "+t 'k50'|-50",
                "+t 'z'|1000",
                "+t 'é'|0",
                "-t 'k10'|10",
                "-t 'k50'|50",
                "-t 'k60'|60",
                "-t 'k99'|99",
            ];
            assert_eq!(words, expected, "{what} {encoding}");
        }
    }
}

#[test]
fn long_values_are_compared_to_their_last_byte() {
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c TEXT); \
                 INSERT INTO t VALUES (1, zeroblob(3000000), zeroblob(2000000), 'c'), (2, zeroblob(3000000), NULL, 'c'), (3, printf('%.*c', 1500000, 'x'), NULL, 'c'), \
                 (4, zeroblob(100000), NULL, 'c'), (5, zeroblob(3000000), NULL, 'same'), (6, 1, 2, 'c')";
    check(&[
        (
            "a byte, a class, a length, a short value next to long ones",
            setup,
            "UPDATE t SET b = CAST(substr(b, 2) || x'01' AS BLOB) WHERE id = 1; UPDATE t SET c = 'd' WHERE id = 2; \
             UPDATE t SET a = CAST(a AS BLOB) WHERE id = 3; UPDATE t SET a = CAST(substr(a, 2) || x'02' AS BLOB) WHERE id = 4; UPDATE t SET a = 2 WHERE id = 6",
            &[
                "-t 1|Blob of 3000000 with sum 0|Blob of 2000000 with sum 0|'c'",
                "-t 2|Blob of 3000000 with sum 0|NULL|'c'",
                "-t 3|Text of 1500000 with sum 180000000|NULL|'c'",
                "-t 4|Blob of 100000 with sum 0|NULL|'c'",
                "-t 6|1|2|'c'",
                "+t 1|Blob of 3000000 with sum 0|Blob of 2000000 with sum 1|'c'",
                "+t 2|Blob of 3000000 with sum 0|NULL|'d'",
                "+t 3|Blob of 1500000 with sum 180000000|NULL|'c'",
                "+t 4|Blob of 100000 with sum 2|NULL|'c'",
                "+t 6|2|2|'c'",
            ],
        ),
        (
            "a long value that comes and one that goes",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 1), (2, zeroblob(2000000))",
            "UPDATE t SET a = zeroblob(1100000) WHERE id = 1; UPDATE t SET a = NULL WHERE id = 2",
            &["-t 1|1", "-t 2|Blob of 2000000 with sum 0", "+t 1|Blob of 1100000 with sum 0", "+t 2|NULL"],
        ),
        (
            "in UTF-16",
            "PRAGMA encoding = 'UTF-16be'; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO t VALUES (1, 'é', 'same'), (2, '😀', 'x')",
            "UPDATE t SET a = 'e' WHERE id = 1; UPDATE t SET a = '😁' WHERE id = 2",
            &["-t 1|'é'|'same'", "-t 2|'😀'|'x'", "+t 1|'e'|'same'", "+t 2|'😁'|'x'"],
        ),
    ]);
}

#[test]
fn generated_columns_count_as_they_are_read() {
    check(&[
        (
            "computed when read, and stored",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, v INT AS (a % 10), s INT AS (a * 2) STORED); INSERT INTO t (id, a) VALUES (1, 1), (2, 2)",
            "UPDATE t SET a = 11 WHERE id = 1",
            &["-t 1|1|1|2", "+t 1|11|1|22"],
        ),
        (
            "that cannot be computed",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, '{\"b\":1}'), (2, '{'), (3, '{'), (4, '{\"b\":4}'); \
             ALTER TABLE t ADD COLUMN v TEXT AS (json_extract(a, '$.b'))",
            "UPDATE t SET a = '{\"b\":2}' WHERE id = 2; DELETE FROM t WHERE id = 4",
            &["-t 2|'{'|uncomputed", "-t 4|'{\"b\":4}'|'4'", "+t 2|'{\"b\":2}'|'2'"],
        ),
    ]);
}

#[test]
fn virtual_tables_that_store_rows() {
    check(&[
        (
            "FTS5",
            "CREATE VIRTUAL TABLE t USING fts5 (a, b); INSERT INTO t VALUES ('one', 'x'), ('two', 'y'), ('three', 'z')",
            "DELETE FROM t WHERE rowid = 1; UPDATE t SET b = 'Y' WHERE rowid = 2; INSERT INTO t VALUES ('four', 'w')",
            &["-t 1|'one'|'x'", "-t 2|'two'|'y'", "+t 2|'two'|'Y'", "+t 4|'four'|'w'"],
        ),
        (
            "FTS5, rewritten without a change",
            "CREATE VIRTUAL TABLE t USING fts5 (a); INSERT INTO t VALUES ('one'), ('two')",
            "INSERT INTO t (t) VALUES ('optimize'); INSERT INTO t (t) VALUES ('rebuild')",
            &[],
        ),
        (
            "FTS4",
            "CREATE VIRTUAL TABLE t USING fts4 (a); INSERT INTO t VALUES ('one'), ('two')",
            "UPDATE t SET a = 'TWO' WHERE rowid = 2",
            &["-t 2|'two'", "+t 2|'TWO'"],
        ),
        (
            "R*Tree",
            "CREATE VIRTUAL TABLE t USING rtree (id, a, b); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) \
             INSERT INTO t SELECT i, i * 37 % 101, 200 FROM n",
            "DELETE FROM t WHERE id = 7; UPDATE t SET a = 0.5 WHERE id = 9; INSERT INTO t VALUES (1000, 1, 2)",
            &["-t 7|57.0|200.0", "-t 9|30.0|200.0", "+t 9|0.5|200.0", "+t 1000|1.0|2.0"],
        ),
    ]);
}

#[test]
fn tables_that_grow_shrink_and_stay_empty_and_numbers_that_are_used_up() {
    check(&[
        (
            "filled and emptied",
            "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY); CREATE TABLE c (k TEXT PRIMARY KEY) WITHOUT ROWID; \
             INSERT INTO b VALUES (1), (5)",
            "INSERT INTO a VALUES (-7), (7); DELETE FROM b; INSERT INTO c VALUES ('k')",
            &["+a -7", "+a 7", "-b 1", "-b 5", "+c 'k'"],
        ),
        (
            "numbers of AUTOINCREMENT",
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); CREATE TABLE u (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (1, 'a')",
            "INSERT INTO t (v) VALUES ('b'); DELETE FROM t WHERE v = 'b'",
            &["t numbers"],
        ),
        (
            "what is not a row",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE INDEX i ON t (v); INSERT INTO t VALUES (1, 'a')",
            "PRAGMA user_version = 7; ANALYZE; REINDEX; UPDATE t SET v = v; PRAGMA auto_vacuum = 1; VACUUM",
            &[],
        ),
    ]);
}

#[test]
fn every_row_of_a_large_table_is_compared_once() {
    let source = Changing::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) INSERT INTO t SELECT i * 3, 'v' || i FROM n; \
         CREATE TABLE k (k INT PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO k SELECT * FROM t WHERE id < 60000",
    );
    let sql = "UPDATE t SET v = v || '!' WHERE id % 777 = 0; DELETE FROM t WHERE id % 778 = 0; \
               INSERT INTO t SELECT id + 1, 'new' FROM t WHERE id % 5 = 0; INSERT INTO t VALUES (-5, 'first'), (2000000, 'last'); \
               DELETE FROM k WHERE k BETWEEN 3000 AND 3300; INSERT INTO k VALUES (-1, 'first')";
    let copies = source.changed(sql);
    let found = copies.rows(&source.tables());
    // What SQL itself finds, as these values differ in no way that it would not see.
    let connection = rusqlite::Connection::open(copies.base.path()).unwrap();
    let newer = copies.newer.path().to_str().unwrap();
    connection.execute("ATTACH ?1 AS newer", [newer]).unwrap();
    for changed in &found.tables {
        let name = &changed.table;
        let count = |from: &str, without: &str| {
            let sql = format!(
                "SELECT count(*) FROM (SELECT * FROM {from}.{name} EXCEPT SELECT * FROM {without}.{name})"
            );
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!(i64::try_from(changed.removed.rows()).unwrap(), count("main", "newer"), "{name}");
        assert_eq!(i64::try_from(changed.added.rows()).unwrap(), count("newer", "main"), "{name}");
    }
    let words = copies.words(&source.tables());
    let unique: std::collections::BTreeSet<&String> = words.iter().collect();
    assert_eq!(unique.len(), words.len());
    assert_eq!(found.tables.len(), 2);
    for word in [
        "+t -5|'first'",
        "+t 2000000|'last'",
        "-t 777|'v259'",
        "+t 777|'v259!'",
        "+k -1|'first'",
        "-k 3000|'v1000'",
    ] {
        assert!(words.iter().any(|found| found == word), "{word}");
    }
}

struct Stopped;

impl Watch for Stopped {
    fn is_stopped(&self) -> bool {
        true
    }
}

#[test]
fn a_comparison_stops_when_it_is_asked_to() {
    let source = Changing::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    let stopped = source.copies().difference(&source.tables(), &Stopped);
    assert!(is_stop(&stopped.unwrap_err()));
}
