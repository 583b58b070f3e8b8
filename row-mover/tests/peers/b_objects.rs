//! Section B, continued: indexes, collations, generated columns, views and triggers.

use crate::support::{Ending, PeerCase, case, check};

pub fn cases() -> Vec<PeerCase> {
    [indexes(), collations(), generated(), views_and_triggers()].concat()
}

fn indexes() -> Vec<PeerCase> {
    vec![
        case(
            "B2",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, email TEXT, deleted INTEGER NOT NULL DEFAULT 0);
             CREATE UNIQUE INDEX u ON t (email) WHERE deleted = 0;
             INSERT INTO t VALUES (1, 'a@x', 1), (2, 'a@x', 1), (3, 'a@x', 0), (4, 'b@x', 0);",
        )
        .gives("SELECT count(*) FROM t", &["4"])
        .breaks("INSERT INTO t (email, deleted) VALUES ('a@x', '0')", "23505")
        .runs("INSERT INTO t (email, deleted) VALUES ('a@x', '1')"),
        case(
            "B3",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, note TEXT DEFAULT 'ask where it came from'); CREATE INDEX i ON t (a);
             INSERT INTO t (a) VALUES ('x');",
        )
        .gives("SELECT indpred IS NULL, indisunique FROM pg_index WHERE indexrelid = 'i'::regclass", &["t|f"])
        .gives("INSERT INTO t (a) VALUES ('y') RETURNING note", &["ask where it came from"]),
        case(
            "B4",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, first TEXT, last TEXT); CREATE UNIQUE INDEX u ON t (lower(first), last);
             INSERT INTO t VALUES (1, 'Ann', 'Lee'), (2, 'ann', 'lee');",
        )
        .gives("SELECT indisunique, indnkeyatts FROM pg_index WHERE indexrelid = 'u'::regclass", &["t|2"])
        .breaks("INSERT INTO t VALUES (3, 'ANN', 'Lee')", "23505")
        .runs("INSERT INTO t VALUES (3, 'ANN', 'LEE')"),
        case(
            "B16",
            "CREATE TABLE t (a INTEGER, b TEXT, PRIMARY KEY (a)) WITHOUT ROWID; CREATE INDEX t_pkey ON t (b);
             CREATE INDEX newest ON t (a DESC, b); INSERT INTO t VALUES (1, 'x');",
        )
        .gives(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p'",
            &["PRIMARY KEY (a)"],
        )
        .gives("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass", &["3"])
        .gives("SELECT pg_get_indexdef('newest'::regclass) LIKE '%(a DESC%', 1", &["t|1"]),
    ]
}

fn collations() -> Vec<PeerCase> {
    vec![
        case(
            "B5",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE); INSERT INTO t VALUES (1, 'Bob'), (2, 'É');",
        )
        .breaks("INSERT INTO t VALUES (3, 'BOB')", "23505")
        .runs("INSERT INTO t VALUES (4, 'é')")
        .gives("SELECT name FROM t WHERE id = 1", &["Bob"])
        .tells("NOCASE"),
        case(
            "B5 key",
            "CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v INTEGER) WITHOUT ROWID; INSERT INTO t VALUES ('b', 1), ('A', 2), ('c', 3);
             CREATE TABLE c (id INTEGER PRIMARY KEY, k TEXT REFERENCES t (k)); INSERT INTO c VALUES (1, 'b');",
        )
        .breaks("INSERT INTO t VALUES ('B', 4)", "23505")
        .tells("NOCASE")
        .leaves_or("foreign key c", &["SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated AND connamespace = 'public'::regnamespace"], &["1"]),
        case(
            "B5 index",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, w TEXT); CREATE UNIQUE INDEX u ON t (name COLLATE NOCASE);
             CREATE INDEX r ON t (w COLLATE RTRIM); INSERT INTO t VALUES (1, 'Bob', 'x');",
        )
        .breaks("INSERT INTO t VALUES (2, 'BOB', 'y')", "23505")
        .leaves_or("index r on t", &["SELECT count(*) FROM pg_class WHERE relname = 'r'"], &["1"]),
        case(
            "B22",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT COLLATE LOCALIZED, UNIQUE (name)); INSERT INTO t VALUES (1, 'b'), (2, 'A');",
        )
        .collation("LOCALIZED")
        .leaves("collation t.name")
        .leaves_or("unique t", &["SELECT count(*) FROM t"], &["2"])
        .gives("SELECT id, name FROM t ORDER BY id", &["1|b", "2|A"])
        .tells("a collation that only the app has"),
        case(
            "B22 key",
            "CREATE TABLE t (name TEXT COLLATE LOCALIZED PRIMARY KEY, v TEXT COLLATE LOCALIZED, g TEXT AS (v = 'B') VIRTUAL);
             CREATE INDEX i ON t (v DESC); INSERT INTO t VALUES ('a', 'b'), ('B', 'A'), ('c', NULL);
             CREATE TABLE without (k TEXT COLLATE LOCALIZED PRIMARY KEY) WITHOUT ROWID; INSERT INTO without VALUES ('a'), ('B'), ('c');",
        )
        .collation("LOCALIZED")
        .leaves("collation t.name")
        .leaves("collation t.v")
        .leaves("collation without.k")
        .leaves("generated column t.g")
        .gives("SELECT name, v FROM t ORDER BY name", &["B|A", "a|b", "c|NULL"])
        .gives("SELECT k FROM without ORDER BY k", &["B", "a", "c"]),
        case(
            "B5 key in another case",
            "CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v INTEGER); INSERT INTO t VALUES ('Bob', 1);
             CREATE TABLE c (id INTEGER PRIMARY KEY, k TEXT REFERENCES t (k)); INSERT INTO c VALUES (1, 'BOB'), (2, 'Bob');",
        )
        .ends(Ending::Partly)
        .breaches("c foreign key (k) to t")
        .tells("NOCASE")
        .gives("SELECT id, k FROM c ORDER BY id", &["1|BOB", "2|Bob"]),
    ]
}

fn generated() -> Vec<PeerCase> {
    vec![
        case(
            "B18",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, p REAL, q INTEGER, tot INTEGER AS (p * q) STORED, d TEXT, \
             y AS (strftime('%Y', d)) VIRTUAL, after TEXT);
             INSERT INTO t (p, q, d, after) VALUES (1.5, 4, '2024-05-06', 'x'), (NULL, 1, NULL, NULL);",
        )
        .gives(
            "SELECT p, q, tot, d::text, y::text, after FROM t ORDER BY id",
            &["1.5|4|6|2024-05-06|2024|x", "NULL|1|NULL|NULL|NULL|NULL"],
        )
        .leaves_or("generated column t.tot", &["INSERT INTO t (p, q) VALUES (2, 8) RETURNING tot"], &["16"])
        .leaves_or("generated column t.y", &["INSERT INTO t (d) VALUES ('2025-01-01') RETURNING y::text"], &["2025"]),
        case(
            "B18 text",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, first TEXT, last TEXT, full TEXT GENERATED ALWAYS AS (first || ' ' || last), \
             n INTEGER AS (length(first)) STORED, UNIQUE (full)); CREATE INDEX by_n ON t (n);
             INSERT INTO t (first, last) VALUES ('Ann', 'Lee'), ('Bob', NULL);",
        )
        .gives("SELECT \"full\", n FROM t ORDER BY id", &["Ann Lee|3", "NULL|3"])
        .gives("INSERT INTO t (first, last) VALUES ('täg', 'x') RETURNING \"full\", n", &["täg x|3"])
        .breaks("INSERT INTO t (first, last) VALUES ('Ann', 'Lee')", "23505")
        .breaks("INSERT INTO t (first, n) VALUES ('x', 9)", "428C9"),
    ]
}

fn views_and_triggers() -> Vec<PeerCase> {
    vec![
        case(
            "B19",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); CREATE VIEW v AS SELECT id, n*2 AS m FROM t WHERE n>0;
             INSERT INTO t VALUES (1, 5), (2, -1);",
        )
        .gives("SELECT relkind FROM pg_class WHERE relname = 'v'", &["v"])
        .gives("SELECT * FROM v", &["1|10"]),
        case(
            "B19 join",
            "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT NOT NULL); CREATE TABLE c (id INTEGER PRIMARY KEY, pid INTEGER, x REAL);
             CREATE VIEW sums (who, total, most) AS SELECT p.name, coalesce(sum(c.x), 0), max(c.x) FROM p LEFT JOIN c ON c.pid = p.id \
             GROUP BY p.id HAVING count(*) > 0 ORDER BY p.name DESC LIMIT 10;
             CREATE VIEW over_it AS SELECT who || '!' AS loud, CASE WHEN total > 1 THEN 'much' ELSE ifnull(NULL, 'little') END AS words \
             FROM sums;
             INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO c VALUES (1, 1, 1.5), (2, 1, 2.5);",
        )
        .gives("SELECT who, total, most FROM sums ORDER BY who", &["a|4|2.5", "b|0|NULL"])
        .gives("SELECT loud, words FROM over_it ORDER BY 1", &["a!|much", "b!|little"]),
        case(
            "B19 untranslatable",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT); CREATE VIEW v AS SELECT sqlite_version() AS version, soundex(n) FROM t;
             INSERT INTO t VALUES (1, 'x');",
        )
        .leaves("view v")
        .gives("SELECT count(*) FROM pg_class WHERE relname = 'v'", &["0"]),
        case(
            "B20",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, changes INTEGER NOT NULL DEFAULT 0);
             CREATE TRIGGER count_changes AFTER UPDATE OF v ON t WHEN new.v IS NOT old.v BEGIN
               UPDATE t SET changes = changes + 1 WHERE id = new.id;
             END;
             INSERT INTO t (id, v) VALUES (1, 'x');",
        )
        .leaves_or("trigger count_changes", &["UPDATE t SET v = 'y' WHERE id = 1", "SELECT changes FROM t"], &["1"]),
        case(
            "B20 log",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT, t INTEGER);
             CREATE TRIGGER logged AFTER DELETE ON t BEGIN INSERT INTO log (what, t) VALUES ('deleted ' || old.v, old.id); END;
             CREATE TRIGGER guarded BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'too long') WHERE length(new.v) > 3; END;
             INSERT INTO t VALUES (1, 'x'), (2, 'y'); INSERT INTO log VALUES (7, 'began', NULL);",
        )
        .leaves_or("trigger logged", &["DELETE FROM t WHERE id = 1", "SELECT what, t FROM log ORDER BY id"], &["began|NULL", "deleted x|1"])
        .leaves_or("trigger guarded", &["INSERT INTO t VALUES (3, 'abc')", "SELECT count(*) FROM t WHERE id = 3"], &["1"]),
    ]
}

#[test]
fn section_b_objects() {
    check(&cases());
}
