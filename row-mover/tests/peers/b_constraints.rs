//! Section B: constraints and keys. PostgreSQL refuses what SQLite refuses. Rows that SQLite accepted are migrated.

use crate::support::{Ending, PeerCase, case, check};

/// Each foreign key's table, definition, and whether all rows satisfy it.
const FOREIGN_KEYS: &str = "SELECT conrelid::regclass::text, pg_get_constraintdef(oid), convalidated FROM pg_constraint \
                            WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1, 2";

pub fn cases() -> Vec<PeerCase> {
    [keys(), checks(), foreign_keys(), broken()].concat()
}

fn keys() -> Vec<PeerCase> {
    let one_key = "SELECT pg_get_constraintdef(oid), (SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass) \
                   FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p'";
    vec![
        case("B1", "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL); INSERT INTO t VALUES (1, 'x');")
            .has("t.a", "text NOT NULL")
            .breaks("INSERT INTO t VALUES (2, NULL)", "23502"),
        case(
            "B7",
            "CREATE TABLE t (a TEXT NOT NULL, b INTEGER NOT NULL, PRIMARY KEY (b, a)); INSERT INTO t VALUES ('x', 1), ('x', 2);",
        )
        .gives(one_key, &["PRIMARY KEY (b, a)|1"])
        .breaks("INSERT INTO t VALUES ('x', 2)", "23505"),
        case(
            "B8",
            "CREATE TABLE t (a TEXT, b INTEGER, PRIMARY KEY (b, a)) WITHOUT ROWID; INSERT INTO t VALUES ('x', 1);",
        )
        .gives(one_key, &["PRIMARY KEY (b, a)|1"])
        .has("t.a", "text NOT NULL")
        .has("t.b", "bigint NOT NULL")
        .breaks("INSERT INTO t (a) VALUES ('y')", "23502"),
    ]
}

fn checks() -> Vec<PeerCase> {
    vec![
        case(
            "B6",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT CHECK (length(a) > 0), b INTEGER CHECK (b IN (0, 1)), \
             g TEXT CHECK (g GLOB '[a-z]*'));
             INSERT INTO t VALUES (1, 'x', 0, 'lower'), (2, NULL, NULL, NULL);",
        )
        .breaks("INSERT INTO t (id, a) VALUES (3, '')", "23514")
        .breaks("INSERT INTO t (id, b) VALUES (3, '2')", "23514|22P02")
        .breaks("INSERT INTO t (id, g) VALUES (3, 'Upper')", "23514")
        .breaks("INSERT INTO t (id, g) VALUES (3, '')", "23514")
        .runs("INSERT INTO t VALUES (3, 'y', '1', 'z9')"),
        case(
            "B6 json",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, j TEXT CHECK (json_valid(j)), k TEXT CHECK (json_type(k) = 'array'));
             INSERT INTO t VALUES (1, '{\"a\":1}', '[1]'), (2, NULL, NULL);",
        )
        .leaves_or_breaks("check t: CHECK (json_valid", "INSERT INTO t (id, j) VALUES (3, '{bad')", "23514|22P02")
        .leaves_or_breaks("check t: CHECK (json_type", "INSERT INTO t (id, k) VALUES (3, '{}')", "23514")
        .runs("INSERT INTO t (id, j) VALUES (4, '[]')"),
        case(
            "B6 table",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, low INTEGER, high REAL, kind TEXT COLLATE NOCASE, CONSTRAINT in_order CHECK \
             (low <= high AND (kind IS NOT NULL OR low IS NULL)), CHECK (kind LIKE 'a%' OR kind BETWEEN 'm' AND 'z'));
             INSERT INTO t VALUES (1, 1, 1.5, 'Apple'), (2, NULL, NULL, NULL), (3, 2, 2.0, 'Pear');",
        )
        .leaves_or("collation t.kind", &["SELECT 1"], &["1"])
        .breaks("INSERT INTO t VALUES (4, 2, 1, 'apple')", "23514")
        .breaks("INSERT INTO t VALUES (4, 1, 2, NULL)", "23514")
        .breaks("INSERT INTO t VALUES (4, 1, 2, 'Berry')", "23514")
        .runs("INSERT INTO t VALUES (4, 1, 2, 'aRROW')")
        .runs("INSERT INTO t VALUES (5, 1, 2, 'Quince')")
        .gives("SELECT count(*) FROM pg_constraint WHERE conname = 'in_order'", &["1"]),
    ]
}

fn foreign_keys() -> Vec<PeerCase> {
    vec![
        case(
            "B9",
            "CREATE TABLE p (a INTEGER, b TEXT, PRIMARY KEY (a, b)); CREATE TABLE c (id INTEGER PRIMARY KEY, x INTEGER, y TEXT, \
             FOREIGN KEY (x, y) REFERENCES p (a, b) ON DELETE CASCADE);
             INSERT INTO p VALUES (1, 'one'), (2, 'two'); INSERT INTO c VALUES (1, 1, 'one'), (2, 2, 'two'), (3, NULL, 'x');",
        )
        .gives(FOREIGN_KEYS, &["c|FOREIGN KEY (x, y) REFERENCES p(a, b) ON DELETE CASCADE|t"])
        .runs("DELETE FROM p WHERE a = 1")
        .gives("SELECT id FROM c ORDER BY id", &["2", "3"]),
        case(
            "B10",
            "CREATE TABLE p (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE c (id INTEGER PRIMARY KEY, pid INTEGER REFERENCES p);
             INSERT INTO p VALUES (1, 'x'); INSERT INTO c VALUES (1, 1);",
        )
        .gives(FOREIGN_KEYS, &["c|FOREIGN KEY (pid) REFERENCES p(id)|t"])
        .breaks("INSERT INTO c VALUES (2, 9)", "23503"),
        case(
            "B11",
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, \
             pid INTEGER REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED); INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 1);",
        )
        .gives(FOREIGN_KEYS, &["c|FOREIGN KEY (pid) REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED|t"])
        .runs("BEGIN")
        .runs("INSERT INTO c VALUES (2, 2)")
        .runs("INSERT INTO p VALUES (2)")
        .runs("COMMIT"),
        case(
            "B13",
            "CREATE TABLE n (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES n (id)); INSERT INTO n VALUES (1, 2), (2, NULL);
             CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b (id)); CREATE TABLE b (id INTEGER PRIMARY KEY, \
             a INTEGER REFERENCES a (id)); INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1);",
        )
        .gives(
            FOREIGN_KEYS,
            &[
                "a|FOREIGN KEY (b) REFERENCES b(id)|t",
                "b|FOREIGN KEY (a) REFERENCES a(id)|t",
                "n|FOREIGN KEY (parent) REFERENCES n(id)|t",
            ],
        ),
        case(
            "B14",
            "CREATE TABLE c (id INTEGER PRIMARY KEY, x INTEGER REFERENCES nope (id)); INSERT INTO c VALUES (1, 5);",
        )
        .leaves("foreign key c")
        .tells("nope")
        .gives("SELECT id, x FROM c", &["1|5"]),
        case(
            "B15",
            "CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, pid INTEGER REFERENCES p (id));
             INSERT INTO p VALUES ('1'); INSERT INTO c VALUES (1, 1);",
        )
        .leaves("foreign key c(pid) to p")
        .tells("text"),
    ]
}

/// Constraints that the data violates: the rows are migrated, and the constraint applies to new ones.
fn broken() -> Vec<PeerCase> {
    vec![
        case(
            "B12",
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, pid INTEGER REFERENCES p (id));
             INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 1), (2, 99), (3, NULL);",
        )
        .ends(Ending::Partly)
        .breaches("c foreign key")
        .tells("id=2")
        .gives("SELECT id, pid FROM c ORDER BY id", &["1|1", "2|99", "3|NULL"])
        .gives(FOREIGN_KEYS, &["c|FOREIGN KEY (pid) REFERENCES p(id) NOT VALID|f"])
        .breaks("INSERT INTO c VALUES (4, 98)", "23503"),
        case(
            "B17",
            "CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER); INSERT INTO t VALUES ('a', 1), (NULL, 2), (NULL, 3);",
        )
        .ends(Ending::Partly)
        .breaches("t primary key")
        .gives("SELECT count(*), count(k) FROM t", &["3|1"])
        .breaks("INSERT INTO t VALUES ('a', 4)", "23505"),
        case(
            "B6 broken",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER CHECK (a > 0)); PRAGMA ignore_check_constraints = ON;
             INSERT INTO t VALUES (1, 5), (2, -5);",
        )
        .ends(Ending::Partly)
        .breaches("t CHECK")
        .tells("id=2")
        .gives("SELECT id, a FROM t ORDER BY id", &["1|5", "2|-5"])
        .breaks("INSERT INTO t VALUES (3, -1)", "23514"),
        case(
            "B1 broken",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x'), (2, NULL); PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL)' WHERE name = 't';",
        )
        .ends_in(&[Ending::Partly, Ending::Stopped, Ending::Refused])
        .tells("NULL")
        .gives("SELECT count(*), count(a) FROM t", &["2|1"]),
    ]
}

#[test]
fn section_b_constraints() {
    check(&cases());
}
