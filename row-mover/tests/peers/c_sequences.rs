//! Section C: automatic numbers. The next row gets the number that SQLite would have assigned, or a later one.

use crate::support::{Ending, PeerCase, case, check};

const NEXT: &str = "INSERT INTO t (v) VALUES ('new') RETURNING id";

pub fn cases() -> Vec<PeerCase> {
    vec![
        case("C1", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (7, 'x');")
            .has("t.id", "bigint NOT NULL")
            .gives(NEXT, &["8"]),
        case("C2", "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);").gives(NEXT, &["1"]),
        case("C2 plain", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);").gives(NEXT, &["1"]),
        case(
            "C3",
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (100, 'gone');
             DELETE FROM t WHERE id = 100;",
        )
        .gives(NEXT, &["101"]),
        case(
            "C3 emptied",
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t VALUES (100, 'gone'); DELETE FROM t;",
        )
        .gives(NEXT, &["101"]),
        case("C4", "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t (v) VALUES ('x'), ('y');")
            .gives(NEXT, &["3"]),
        case("C5", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x');").gives(NEXT, &["2"]),
        case("C6", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (-5, 'x');").gives(NEXT, &["1"]),
        case(
            "C6 at the end",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (9223372036854775807, 'x');",
        )
        .gives("SELECT id FROM t", &["9223372036854775807"]),
        case(
            "C7",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (7, 'x');",
        )
        .target("CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)")
        .into_existing()
        .gives(NEXT, &["8"]),
        case(
            "C7 refused",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (7, 'x');",
        )
        .target("CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)")
        .ends(Ending::Refused)
        .tells("next: OtherDatabaseOrExisting"),
        case(
            "C8",
            "CREATE TABLE gone (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO gone VALUES (5);
             CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t VALUES (3, 'x');
             INSERT INTO sqlite_sequence (name, seq) VALUES ('nobody', 9), ('T', 50); DROP TABLE gone;",
        )
        .gives("SELECT count(*) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace", &["1"])
        .gives(NEXT, &["4"]),
        case(
            "C8 odd marks",
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t VALUES (3, 'x');
             UPDATE sqlite_sequence SET seq = 'abc'; CREATE TABLE u (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);
             INSERT INTO u VALUES (4, 'y'); UPDATE sqlite_sequence SET seq = NULL WHERE name = 'u';",
        )
        .gives(NEXT, &["4"])
        .gives("INSERT INTO u (v) VALUES ('z') RETURNING id", &["5"]),
        case(
            "C9 identity takes a number that is given",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (7, 'x');",
        )
        .gives("INSERT INTO t VALUES (20, 'given') RETURNING id", &["20"])
        .breaks("INSERT INTO t VALUES (7, 'again')", "23505"),
        case(
            "C9 serial",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (7, 'x');",
        )
        .mapping("autoincrement = \"serial\"")
        .gives(NEXT, &["8"])
        .gives("SELECT attidentity = '' FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'id'", &["t"]),
        // SQLite never uses the default of such a column.
        case(
            "C10 a default that is never taken",
            "CREATE TABLE t (id INTEGER PRIMARY KEY DEFAULT 5, v TEXT); INSERT INTO t (v) VALUES ('x'), ('y');",
        )
        .gives("SELECT count(*) FROM t WHERE id IN (1, 2)", &["2"])
        .gives(NEXT, &["3"]),
        case(
            "C10 of a key of its own",
            "CREATE TABLE t (id INT DEFAULT 5 PRIMARY KEY, v TEXT); INSERT INTO t (v) VALUES ('x'); INSERT INTO t VALUES (6, 'y');",
        )
        .breaks("INSERT INTO t (v) VALUES ('z')", "23505")
        .has("t.id", "bigint NOT NULL"),
    ]
}

#[test]
fn section_c() {
    check(&cases());
}
