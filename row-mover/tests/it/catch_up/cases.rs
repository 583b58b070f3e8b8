//! What a change needs to be right, one case each: a schema with rows, statements in SQLite, and what is applied.

use super::{caught_up, counts};
use crate::support::Case;

/// A family of tables with a cascading foreign key, a self reference, a unique key and a cycle.
const FAMILY: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, code INTEGER NOT NULL UNIQUE);
    CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents (id) ON DELETE CASCADE, note TEXT);
    CREATE TABLE trees (id INTEGER PRIMARY KEY, up INTEGER REFERENCES trees (id) ON DELETE CASCADE, name TEXT UNIQUE);
    CREATE TABLE hens (id INTEGER PRIMARY KEY, egg INTEGER REFERENCES eggs (id) ON DELETE SET NULL);
    CREATE TABLE eggs (id INTEGER PRIMARY KEY, hen INTEGER NOT NULL REFERENCES hens (id) ON DELETE CASCADE);
    INSERT INTO parents VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', 30);
    INSERT INTO children VALUES (1, 1, 'x'), (2, 1, 'y'), (3, 2, 'z');
    INSERT INTO trees VALUES (1, NULL, 'root'), (2, 1, 'left'), (3, 1, 'right'), (4, 2, 'leaf');
    INSERT INTO hens VALUES (1, NULL), (2, NULL);
    INSERT INTO eggs VALUES (1, 1), (2, 2);
    UPDATE hens SET egg = id;";

#[test]
fn changes_of_a_family_are_applied_in_an_order_that_breaks_nothing() {
    for (what, sql, expected) in [
        (
            "insert, update and delete",
            "INSERT INTO parents VALUES (4, 'd', 40); UPDATE children SET note = NULL WHERE id = 1; DELETE FROM children WHERE id = 3",
            &["children +0 ~1 -1 !0", "parents +1 ~0 -0 !0"][..],
        ),
        (
            "two unique texts swapped",
            "UPDATE parents SET name = 'p' WHERE id = 1; UPDATE parents SET name = 'a' WHERE id = 2; UPDATE parents SET name = 'b' WHERE id = 1",
            &["parents +0 ~2 -0 !0"],
        ),
        (
            "unique numbers that move on",
            "UPDATE parents SET code = code + 1000; UPDATE parents SET code = code - 990",
            &["parents +0 ~3 -0 !0"],
        ),
        (
            "a value of a deleted row for a new one",
            "DELETE FROM parents WHERE id = 3; INSERT INTO parents VALUES (9, 'c', 30)",
            &["parents +1 ~0 -1 !0"],
        ),
        (
            "a child that leaves a parent which goes",
            "UPDATE children SET parent = 2 WHERE parent = 1; DELETE FROM parents WHERE id = 1",
            &["children +0 ~2 -0 !0", "parents +0 ~0 -1 !0"],
        ),
        (
            "a parent with its children",
            "DELETE FROM children WHERE parent = 1; DELETE FROM parents WHERE id = 1",
            &["children +0 ~0 -2 !0", "parents +0 ~0 -1 !0"],
        ),
        (
            "a key that changes with its children",
            "UPDATE parents SET id = 77 WHERE id = 1; UPDATE children SET parent = 77 WHERE parent = 1",
            &["children +0 ~2 -0 !0", "parents +1 ~0 -1 !0"],
        ),
        (
            "a row that replaces another one",
            "INSERT OR REPLACE INTO parents VALUES (2, 'again', 20)",
            &["parents +0 ~1 -0 !0"],
        ),
        ("a subtree that goes", "DELETE FROM trees WHERE id IN (2, 4)", &["trees +0 ~0 -2 !0"]),
        (
            "a leaf that moves before its branch goes",
            "UPDATE trees SET up = 3 WHERE id = 4; DELETE FROM trees WHERE id = 2",
            &["trees +0 ~1 -1 !0"],
        ),
        (
            "a branch turned around, with swapped names",
            "UPDATE trees SET up = NULL, name = 't' WHERE id = 2; UPDATE trees SET up = 2, name = 'left' WHERE id = 1; UPDATE trees SET name = 'root' WHERE id = 2",
            &["trees +0 ~2 -0 !0"],
        ),
        (
            "a new cycle",
            "INSERT INTO hens VALUES (5, 6); INSERT INTO eggs VALUES (6, 5)",
            &["eggs +1 ~0 -0 !0", "hens +1 ~0 -0 !0"],
        ),
        (
            "a cycle that goes",
            "DELETE FROM hens WHERE id = 1; DELETE FROM eggs WHERE id = 1",
            &["eggs +0 ~0 -1 !0", "hens +0 ~0 -1 !0"],
        ),
        (
            "partners exchanged in a cycle",
            "UPDATE hens SET egg = 3 - id; UPDATE eggs SET hen = 3 - hen",
            &["eggs +0 ~2 -0 !0", "hens +0 ~2 -0 !0"],
        ),
        (
            "an egg that is orphaned and saved",
            "UPDATE eggs SET hen = 2 WHERE id = 1; DELETE FROM hens WHERE id = 1",
            &["eggs +0 ~1 -0 !0", "hens +0 ~0 -1 !0"],
        ),
    ] {
        let case = Case::new(FAMILY);
        case.moved();
        assert_eq!(counts(&caught_up(&case, sql)), expected, "{what}");
    }
}

#[test]
fn each_kind_of_table_is_caught_up() {
    let schema = "
        CREATE TABLE heap (a TEXT, n INTEGER, r REAL, d BLOB);
        INSERT INTO heap VALUES ('same', 1, 0.0, x'00'), ('same', 1, 0.0, x'00'), ('same', 1, 0.0, x'00'), ('other', NULL, -1.5, NULL), (NULL, NULL, NULL, NULL);
        CREATE TABLE pairs (a TEXT, b INTEGER, v REAL, PRIMARY KEY (a, b)) WITHOUT ROWID;
        INSERT INTO pairs VALUES ('x', 1, 1.5), ('x', 2, 2.5), ('it''s', 3, 3.5);
        CREATE TABLE sums (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, total INTEGER GENERATED ALWAYS AS (a + b) STORED);
        INSERT INTO sums (id, a, b) VALUES (1, 1, 2), (2, 3, 4);
        CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);
        INSERT INTO numbered (v) VALUES ('a'), ('b');
        CREATE TABLE texts (k TEXT NOT NULL UNIQUE, v TEXT);
        INSERT INTO texts VALUES ('k1', 'a'), ('k2', 'b');
        CREATE TABLE hidden (rowid TEXT, oid TEXT, _rowid_ TEXT);
        INSERT INTO hidden VALUES ('a', 'b', 'c'), ('d', 'e', 'f'), ('d', 'e', 'f');
        CREATE TABLE logs (id INTEGER PRIMARY KEY, what TEXT);
        CREATE TRIGGER logged AFTER INSERT ON numbered BEGIN INSERT INTO logs (what) VALUES ('new ' || NEW.id); END;";
    for (what, sql, expected) in [
        (
            "copies of one row",
            "DELETE FROM heap WHERE rowid = 2; INSERT INTO heap VALUES ('other', NULL, -1.5, NULL)",
            &["heap +1 ~0 -1 !0"][..],
        ),
        (
            "a row of NULLs, and floats that are equal and differ",
            "DELETE FROM heap WHERE a IS NULL; UPDATE heap SET r = 5.0 WHERE rowid = 1; INSERT INTO heap VALUES ('n', 2, 1e300, x'ff')",
            &["heap +2 ~0 -2 !0"],
        ),
        (
            "rows that only change their place",
            "CREATE TABLE aside AS SELECT * FROM heap ORDER BY a; DELETE FROM heap; INSERT INTO heap SELECT * FROM aside; DROP TABLE aside; UPDATE heap SET n = 7 WHERE a = 'other'",
            &["heap +1 ~0 -1 !0"],
        ),
        (
            "WITHOUT ROWID",
            "UPDATE pairs SET v = -v WHERE b = 1; DELETE FROM pairs WHERE b = 3; INSERT INTO pairs VALUES ('new', 9, 0.25)",
            &["pairs +1 ~1 -1 !0"],
        ),
        ("a part of a key", "UPDATE pairs SET b = 8 WHERE b = 2", &["pairs +1 ~0 -1 !0"]),
        (
            "generated columns",
            "UPDATE sums SET a = 100 WHERE id = 1; INSERT INTO sums (id, a, b) VALUES (3, 5, 6)",
            &["sums +1 ~1 -0 !0"],
        ),
        (
            "a trigger that SQLite has called already",
            "INSERT INTO numbered (v) VALUES ('c')",
            &["logs +1 ~0 -0 !0", "numbered +1 ~0 -0 !0"],
        ),
        (
            "a key that is no primary key",
            "UPDATE texts SET v = 'c' WHERE k = 'k1'; UPDATE texts SET k = 'k3' WHERE k = 'k2'",
            &["texts +1 ~1 -1 !0"],
        ),
        (
            "columns that hide the rowid",
            "DELETE FROM hidden WHERE rowid = 'a'; INSERT INTO hidden VALUES ('d', 'e', 'f')",
            &["hidden +1 ~0 -1 !0"],
        ),
    ] {
        let case = Case::new(schema);
        case.moved();
        assert_eq!(counts(&caught_up(&case, sql)), expected, "{what}");
    }
}

#[test]
fn a_sequence_follows_a_number_whose_row_is_gone() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t (v) VALUES ('a')",
    );
    case.moved();
    caught_up(&case, "INSERT INTO t VALUES (500, 'x'); DELETE FROM t WHERE id = 500");
    case.execute("INSERT INTO t (v) VALUES ('new')");
    assert_eq!(case.ask("SELECT max(id) FROM t"), ["501"]);
}

#[test]
fn rows_that_break_a_constraint_which_is_not_valid_stay_as_they_are_in_sqlite() {
    let case = Case::new(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY); INSERT INTO parents VALUES (1), (2);
         CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id) ON DELETE CASCADE, n INTEGER);
         INSERT INTO children VALUES (1, 1, 1), (2, 99, 2), (3, 2, 3)",
    );
    case.moved();
    assert!(case.plan.tables.iter().flat_map(|table| &table.foreign_keys).all(|key| key.not_valid));
    // The new orphan and the one that loses its parent are rows of the source like any other.
    let sql = "UPDATE children SET n = 20 WHERE id = 2; INSERT INTO children VALUES (4, 98, 4); DELETE FROM parents WHERE id = 2";
    assert_eq!(counts(&caught_up(&case, sql)), ["children +1 ~1 -0 !0", "parents +0 ~0 -1 !0"]);
    assert_eq!(
        case.ask(
            "SELECT convalidated FROM pg_constraint WHERE contype = 'f' AND conrelid = 'children'::regclass"
        ),
        ["f"]
    );
}

#[test]
fn long_values_and_wide_tables_are_caught_up() {
    let columns: Vec<String> = (0..40).map(|number| format!("c{number} INTEGER")).collect();
    let case = Case::new(&format!(
        "CREATE TABLE long (id INTEGER PRIMARY KEY, t TEXT, b BLOB); CREATE TABLE heap (b BLOB); \
         INSERT INTO long VALUES (1, hex(zeroblob(700000)), zeroblob(1500000)), (2, 'short', NULL); INSERT INTO heap VALUES (zeroblob(1200000)), (x'01'); \
         CREATE TABLE wide (id INTEGER PRIMARY KEY, {}); INSERT INTO wide (id, c0, c39) VALUES (1, 1, 39), (2, 2, 78)",
        columns.join(", ")
    ));
    case.moved();
    let sql = "UPDATE long SET t = 'now short' WHERE id = 1; UPDATE long SET t = hex(zeroblob(600000)) || 'x', b = zeroblob(1100000) WHERE id = 2; \
               DELETE FROM heap WHERE length(b) > 1; INSERT INTO heap VALUES (zeroblob(1300000)); \
               UPDATE wide SET c38 = 38 WHERE id = 1; DELETE FROM wide WHERE id = 2; INSERT INTO wide (id, c20) VALUES (3, 3)";
    assert_eq!(counts(&caught_up(&case, sql)), ["heap +1 ~0 -1 !0", "long +0 ~2 -0 !0", "wide +1 ~1 -1 !0"]);
}

#[test]
fn a_unique_key_with_an_expression_or_a_condition_lets_values_move() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, place INTEGER NOT NULL, is_open INTEGER NOT NULL);
         CREATE UNIQUE INDEX lowered ON t (lower(name)); CREATE UNIQUE INDEX open_places ON t (place) WHERE is_open = 1;
         INSERT INTO t VALUES (1, 'A', 1, 1), (2, 'B', 2, 1), (3, 'C', 1, 0)",
    );
    case.moved();
    let before = case.ask("SELECT indexdef FROM pg_indexes WHERE tablename = 't' ORDER BY 1");
    let sql = "UPDATE t SET name = 'x', is_open = 0 WHERE id = 1; UPDATE t SET name = 'A', place = 1 WHERE id = 2; \
               UPDATE t SET name = 'b', place = 2, is_open = 1 WHERE id = 1";
    assert_eq!(counts(&caught_up(&case, sql)), ["t +0 ~2 -0 !0"]);
    assert_eq!(case.ask("SELECT indexdef FROM pg_indexes WHERE tablename = 't' ORDER BY 1"), before);
}
