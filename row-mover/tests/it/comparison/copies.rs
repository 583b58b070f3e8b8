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
