//! Faithful copies, in whatever form: nothing may be found.

use super::Pair;

const SOURCE: &str = "
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born TEXT, is_alive INTEGER);
    CREATE TABLE book (isbn TEXT PRIMARY KEY, author INTEGER REFERENCES author, price REAL, sold_at INTEGER, cover BLOB, facts TEXT);
    CREATE TABLE visit (page TEXT, at INTEGER, ms REAL);
    INSERT INTO author VALUES (1, 'Ada', '1815-12-10', 0), (2, 'Zoë', NULL, 1), (3, '', '2000-01-01', 1);
    INSERT INTO book VALUES ('b', 1, 9.5, 1700000000000, x'00ff', '{\"a\": 1, \"b\": [true]}'), ('B', 2, 0.1, 1700000000123, NULL, NULL),
        ('a', NULL, NULL, NULL, x'', '[]');
    INSERT INTO visit VALUES ('/', 1, 0.5), ('/', 1, 0.5), ('/a', 2, NULL), (NULL, NULL, NULL);";

#[test]
fn a_faithful_copy_is_equal() {
    let pair = Pair::new(
        SOURCE,
        "CREATE TABLE author (id bigint PRIMARY KEY, name text NOT NULL, born date, is_alive boolean);
         CREATE TABLE book (isbn text PRIMARY KEY, author bigint, price double precision, sold_at timestamptz, cover bytea, facts jsonb);
         CREATE TABLE visit (page text, at int, ms float8);
         INSERT INTO author VALUES (1, 'Ada', '1815-12-10', false), (2, 'Zoë', NULL, true), (3, '', '2000-01-01', true);
         INSERT INTO book VALUES ('b', 1, 9.5, '2023-11-14 22:13:20Z', '\\x00ff', '{\"b\":[true],\"a\":1}'),
            ('B', 2, 0.1, '2023-11-14 22:13:20.123Z', NULL, NULL), ('a', NULL, NULL, NULL, '', '[]');
         INSERT INTO visit VALUES (NULL, NULL, NULL), ('/', 1, 0.5), ('/a', 2, NULL), ('/', 1, 0.5)",
    );
    assert_eq!(pair.equal(), Vec::<String>::new());
}

#[test]
fn lost_added_and_changed_rows_are_named() {
    let pair = Pair::new(
        SOURCE,
        "CREATE TABLE author (id bigint, name text, born date, is_alive boolean);
         CREATE TABLE book (isbn text, author bigint, price double precision, sold_at timestamptz, cover bytea, facts jsonb);
         CREATE TABLE visit (page text, at int, ms float8);
         INSERT INTO author VALUES (1, 'Ada', '1815-12-10', false), (1, 'Ada', '1815-12-10', false), (3, 'x', '2000-01-01', true),
            (9, 'new', NULL, NULL);
         INSERT INTO book VALUES ('b', 1, 9.5, '2023-11-14 22:13:20Z', '\\x00ff', '{\"b\":[true],\"a\":1}'),
            ('B', 2, 0.1, '2023-11-14 22:13:20.123Z', NULL, NULL), ('a', NULL, NULL, NULL, '', '[]');
         INSERT INTO visit VALUES (NULL, NULL, NULL), ('/', 1, 0.5), ('/', 1, 0.5), ('/', 1, 0.5), ('/b', 2, NULL)",
    );
    insta::assert_debug_snapshot!(pair.findings());
}

/// Large tables are compared in parts, by several workers; keys may be NULL.
#[test]
fn parts_of_large_tables() {
    let mut pair = Pair::new(
        "CREATE TABLE numbered (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE named (k TEXT PRIMARY KEY, v INTEGER);
         CREATE TABLE nulls (k TEXT PRIMARY KEY, v INTEGER); CREATE TABLE loose (a INTEGER, b TEXT, c REAL);
         WITH RECURSIVE n (i) AS (SELECT -20000 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO numbered SELECT i, 'v' || i FROM n;
         INSERT INTO named SELECT printf('%x', id * 7919), id FROM numbered;
         INSERT INTO nulls SELECT CASE WHEN id % 20000 <> 0 THEN printf('%x', id * 7919) END, id FROM numbered;
         INSERT INTO loose SELECT id / 3, 'v' || (id / 2), id / 8.0 FROM numbered",
        "CREATE TABLE numbered (id bigint, v text); CREATE TABLE named (k text, v bigint); CREATE TABLE nulls (k text, v bigint);
         CREATE TABLE loose (a int, b text, c float8);
         INSERT INTO numbered SELECT i, 'v' || i FROM generate_series(-20000, 60000) AS i ORDER BY random();
         INSERT INTO named SELECT to_hex(id * 7919), id FROM numbered;
         INSERT INTO nulls SELECT CASE WHEN id % 20000 <> 0 THEN to_hex(id * 7919) END, id FROM numbered;
         INSERT INTO loose SELECT id / 3, 'v' || (id / 2), id / 8.0 FROM numbered",
    );
    pair.workers = 3;
    let found = pair.equal();
    assert!(found.is_empty(), "{found:?}");
    pair.execute(
        "DELETE FROM numbered WHERE id IN (-20000, 0, 16384, 60000); UPDATE numbered SET v = 'x' WHERE id IN (-1, 1, 50000);
         INSERT INTO numbered VALUES (-20001, 'v'), (60001, 'v'), (60001, 'v'), (7, 'v7'), (NULL, 'v');
         DELETE FROM named WHERE v = 30000; UPDATE named SET v = 0 WHERE v = 40000; INSERT INTO named VALUES ('zzz', 1), (NULL, 1);
         DELETE FROM nulls WHERE v = 20000; UPDATE nulls SET v = 5 WHERE v = 40000;
         DELETE FROM loose WHERE ctid IN (SELECT ctid FROM loose WHERE a = 100 LIMIT 1); UPDATE loose SET b = 'x' WHERE c = 1.5",
    );
    let compared = pair.compared();
    let counts = |name: &str| {
        let table = compared.tables.iter().find(|table| table.table == name).unwrap();
        [table.missing, table.extra, table.duplicates, table.different]
    };
    assert_eq!(counts("numbered"), [4, 4, 1, 3]);
    assert_eq!(counts("named"), [1, 2, 0, 1]);
    assert_eq!(counts("nulls"), [1, 0, 0, 1]);
    assert_eq!(counts("loose"), [1, 0, 0, 1]);
}
