//! Databases with collations that only the app has: every table moves, no value and no constraint follows from an unknown order.

use crate::support::{Ending, PeerCase, case, check};

/// Returns the cases of this file.
pub fn cases() -> Vec<PeerCase> {
    [tables(), expressions()].concat()
}

#[test]
fn app_collations() {
    check(&cases());
}

fn tables() -> Vec<PeerCase> {
    vec![
        case(
            "collation of a key WITHOUT ROWID",
            "CREATE TABLE t (k TEXT COLLATE unicase, n INTEGER, v TEXT, PRIMARY KEY (k, n)) WITHOUT ROWID;
             INSERT INTO t VALUES ('b', 1, 'x'), ('A', 1, 'y'), ('a', 2, 'z'), ('C', 1, NULL), ('ä', 1, ''), ('Z', 9, 'w');",
        )
        .collation("unicase")
        .leaves("collation t.k")
        .tells("here values are unique byte by byte")
        .gives("SELECT k, n FROM t ORDER BY k, n", &["A|1", "C|1", "Z|9", "a|2", "b|1", "ä|1"])
        .runs("INSERT INTO t VALUES ('B', 1, 'weaker')")
        .breaks("INSERT INTO t VALUES ('b', 1, 'the same')", "23505"),
        case(
            "collation of a key with rowids, a UNIQUE constraint and a unique index",
            "CREATE TABLE t (name TEXT COLLATE unicase PRIMARY KEY, mail TEXT COLLATE LOCALIZED UNIQUE, v TEXT);
             CREATE UNIQUE INDEX by_v ON t (v COLLATE UNICODE); CREATE INDEX by_mail ON t (mail DESC, v);
             INSERT INTO t VALUES ('b', 'X', 'p'), ('A', 'y', 'Q'), ('c', 'Z', 'r');",
        )
        .collation("unicase")
        .collation("LOCALIZED")
        .collation("UNICODE")
        .leaves("collation t.name")
        .leaves("collation t.mail")
        .tells("the source compares it by unicase, a collation that only the app defines; here values are unique byte by byte")
        .tells("the source compares it by LOCALIZED, a collation that only the app defines; here values are unique byte by byte")
        .tells("the source compares it by UNICODE, a collation that only the app defines; here values are unique byte by byte")
        .gives("SELECT name, mail, v FROM t ORDER BY name", &["A|y|Q", "b|X|p", "c|Z|r"])
        .runs("INSERT INTO t VALUES ('B', 'x', 'P')")
        .breaks("INSERT INTO t VALUES ('d', 'x', 'new')", "23505"),
        case(
            "collation of a parent's key",
            "CREATE TABLE p (k TEXT COLLATE unicase PRIMARY KEY, v TEXT) WITHOUT ROWID;
             CREATE TABLE c (id INTEGER PRIMARY KEY, k TEXT REFERENCES p (k));
             INSERT INTO p VALUES ('b', '1'), ('A', '2'), ('c', '3'); INSERT INTO c VALUES (1, 'A'), (2, 'c'), (3, NULL), (4, 'b');",
        )
        .collation("unicase")
        .leaves("collation p.k")
        .gives("SELECT c.id, p.v FROM c JOIN p ON p.k = c.k ORDER BY c.id", &["1|2", "2|3", "4|1"])
        .breaks("INSERT INTO c VALUES (5, 'B')", "23503"),
        case(
            "a child in another case than its parent",
            "CREATE TABLE p (k TEXT COLLATE unicase PRIMARY KEY) WITHOUT ROWID;
             CREATE TABLE c (id INTEGER PRIMARY KEY, k TEXT REFERENCES p (k)); INSERT INTO p VALUES ('b'), ('A'); INSERT INTO c VALUES (1, 'a'), (2, 'A');",
        )
        .collation("unicase")
        .ends(Ending::Partly)
        .breaches("c foreign key (k) to p")
        .leaves("collation p.k")
        .gives("SELECT id, k FROM c ORDER BY id", &["1|a", "2|A"]),
        case(
            "collation of an integer's and a blob's key",
            "CREATE TABLE t (n INTEGER COLLATE unicase, b BLOB COLLATE unicase, PRIMARY KEY (n, b)) WITHOUT ROWID;
             INSERT INTO t VALUES (2, x'01'), (1, x'ff'), (1, x'00');",
        )
        .collation("unicase")
        .gives("SELECT n, b FROM t ORDER BY n, b", &["1|\\x00", "1|\\xff", "2|\\x01"]),
        case(
            "collation beside AUTOINCREMENT and long values",
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE unicase UNIQUE);
             INSERT INTO t VALUES (7, 'b'), (9, replace(hex(zeroblob(600)), '0', 'A'));
             CREATE TABLE w (k TEXT COLLATE unicase PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO w VALUES ('b', replace(hex(zeroblob(700000)), '0', 'x')), ('A', 'y');",
        )
        .collation("unicase")
        .leaves("collation t.name")
        .leaves("collation w.k")
        .gives("INSERT INTO t (name) VALUES ('new') RETURNING id", &["10"])
        .gives("SELECT k, length(v) FROM w ORDER BY k", &["A|1", "b|1400000"]),
    ]
}

fn expressions() -> Vec<PeerCase> {
    vec![
        case(
            "a generated column that compares by an unknown collation",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE unicase, is_x BOOLEAN AS (a = 'X') VIRTUAL, kept TEXT AS (a || '!') VIRTUAL,
                             stored INTEGER AS (a < 'm') STORED);
             INSERT INTO t VALUES (1, 'x'), (2, 'X'), (3, 'b'), (4, NULL);",
        )
        .collation("unicase")
        .leaves("collation t.a")
        .leaves("generated column t.is_x")
        .leaves("generated column t.stored")
        // The file has them, as the app's collation decided.
        .gives("SELECT id, a, kept, stored FROM t ORDER BY id", &["1|x|x!|0", "2|X|X!|0", "3|b|b!|1", "4|NULL|NULL|NULL"])
        .breaks("SELECT is_x FROM t", "42703"),
        case(
            "the same in a table without rowids",
            "CREATE TABLE t (k TEXT COLLATE unicase PRIMARY KEY, n INTEGER, is_x INTEGER AS (k = 'X') VIRTUAL, twice INTEGER AS (n * 2) VIRTUAL) WITHOUT ROWID;
             INSERT INTO t VALUES ('{\"a\": \"x\"}', 1), ('[1', 2), ('[\"B\"]', 3);",
        )
        .collation("unicase")
        .leaves("collation t.k")
        .leaves("generated column t.is_x")
        .gives("SELECT n, twice FROM t ORDER BY n", &["1|2", "2|4", "3|6"]),
        case(
            "conditions, CHECKs and views that compare by an unknown collation",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE unicase CHECK (a <> 'FORBIDDEN'), n INTEGER CHECK (n > 0));
             CREATE INDEX partial ON t (n) WHERE a = 'x'; CREATE INDEX keyed ON t (n, a COLLATE LOCALIZED) WHERE n > 5;
             CREATE VIEW v AS SELECT id FROM t WHERE a = 'x'; CREATE VIEW sorted AS SELECT a FROM t ORDER BY a;
             CREATE VIEW plain AS SELECT id, n FROM t WHERE n > 1;
             INSERT INTO t VALUES (1, 'x', 1), (2, 'X', 2), (3, 'y', 7);",
        )
        .collation("unicase")
        .collation("LOCALIZED")
        .leaves("collation t.a")
        .leaves("check t")
        .leaves("index partial")
        .leaves("view v")
        .leaves("view sorted")
        .gives("SELECT id, n FROM plain ORDER BY id", &["2|2", "3|7"])
        .breaks("INSERT INTO t VALUES (4, 'z', 0)", "23514"),
        case(
            "an unknown collation in a table of the app",
            "CREATE TABLE t (k TEXT COLLATE unicase PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO t VALUES ('b', 'x'), ('A', 'y');",
        )
        .collation("unicase")
        .target("CREATE TABLE t (k text PRIMARY KEY, v text)")
        .into_existing()
        .gives("SELECT k, v FROM t ORDER BY k COLLATE \"C\"", &["A|y", "b|x"]),
    ]
}
