//! Existing tables of the app in the target: rows are loaded into them by name, their types and constraints take precedence, and nothing in
//! the app's schema is lost.

use crate::support::{Ending, PeerCase, case, check};

pub fn cases() -> Vec<PeerCase> {
    [names(), types(), values(), constraints(), seeds()]
        .concat()
        .into_iter()
        .map(PeerCase::into_existing)
        .collect()
}

fn names() -> Vec<PeerCase> {
    vec![
        case(
            "X1 names and order",
            "CREATE TABLE \"User\" (userId INTEGER PRIMARY KEY, \"Full Name\" TEXT, createdAt INTEGER, email TEXT);
             INSERT INTO \"User\" VALUES (7, 'Ada', 1704164645678, 'a@example.org'), (8, NULL, NULL, NULL);",
        )
        .target("CREATE TABLE \"user\" (created_at timestamptz, \"Email\" text, full_name text, user_id integer PRIMARY KEY)")
        .gives(
            "SELECT user_id, full_name, created_at, \"Email\" FROM \"user\" ORDER BY 1",
            &["7|Ada|2024-01-02 03:04:05.678+00|a@example.org", "8|NULL|NULL|NULL"],
        ),
        case(
            "X1 a view of the source reads it",
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'ann'), (2, 'bob');
             CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER REFERENCES users (id), published INTEGER);
             INSERT INTO posts VALUES (1, 1, 1), (2, 2, 0); CREATE TABLE notes (id INTEGER PRIMARY KEY, post INTEGER REFERENCES posts (id));
             INSERT INTO notes VALUES (5, 1);
             CREATE VIEW published_posts AS SELECT p.id, u.name FROM posts AS p JOIN users AS u ON u.id = p.author WHERE p.published = 1;",
        )
        .mapping("create = true")
        .target(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text);
             CREATE TABLE posts (id bigint PRIMARY KEY, author bigint REFERENCES users (id), published boolean)",
        )
        .gives("SELECT id, name FROM published_posts", &["1|ann"])
        .gives("SELECT post FROM notes", &["1"]),
        case("X1 exact comes first", "CREATE TABLE t (id INTEGER PRIMARY KEY, A TEXT); INSERT INTO t VALUES (1, 'x');")
            .target("CREATE TABLE t (id int PRIMARY KEY, a text, \"A\" text); CREATE TABLE \"T\" (id int)")
            .gives("SELECT a, \"A\" FROM t", &["NULL|x"]),
        case("X1 several", "CREATE TABLE t (id INTEGER PRIMARY KEY, AB TEXT);")
            .target("CREATE TABLE t (id int PRIMARY KEY, ab text, \"Ab\" text)")
            .ends(Ending::Refused)
            .tells("column t.AB can be ab or Ab"),
        case("X1 none", "CREATE TABLE t (id INTEGER PRIMARY KEY);")
            .target("CREATE TABLE other (id int)")
            .ends(Ending::Refused)
            .tells("no table with a name of the source's (t)"),
        case("X1 a view of that name", "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE u (id INTEGER PRIMARY KEY);")
            .mapping("create = true")
            .target("CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW u AS SELECT 1 AS id")
            .ends(Ending::Refused)
            .tells("table u would be created as u, and the target has something else of that name"),
        case("X2 a column too much", "CREATE TABLE t (id INTEGER PRIMARY KEY, titel TEXT); INSERT INTO t VALUES (1, 'x');")
            .target("CREATE TABLE t (id int PRIMARY KEY, title text)")
            .ends(Ending::Refused)
            .tells("column t.titel has no counterpart in the target's table t (the nearest name there is title)"),
        case("X2 renamed", "CREATE TABLE t (id INTEGER PRIMARY KEY, titel TEXT); INSERT INTO t VALUES (1, 'x');")
            .mapping("[tables.t.columns]\ntitel = { rename = \"title\" }")
            .target("CREATE TABLE t (id int PRIMARY KEY, title text)")
            .gives("SELECT title FROM t", &["x"]),
        case("X2 skipped", "CREATE TABLE t (id INTEGER PRIMARY KEY, old TEXT); INSERT INTO t VALUES (1, 'x');")
            .mapping("[tables.t.columns]\nold = { skip = \"not used\" }")
            .target("CREATE TABLE t (id int PRIMARY KEY)")
            .leaves("column t.old"),
        case("X3 columns that fill themselves", "CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('a'), ('b');")
            .target(
                "CREATE TABLE t (id bigserial PRIMARY KEY, v text, made timestamptz NOT NULL DEFAULT now(), note text, \
                 long int GENERATED ALWAYS AS (length(v)) STORED)",
            )
            .gives("SELECT id, v, note, long FROM t ORDER BY v", &["1|a|NULL|1", "2|b|NULL|1"]),
        case("X3 a column that does not", "CREATE TABLE t (id INTEGER PRIMARY KEY);")
            .target("CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL, b int NOT NULL, c int NOT NULL DEFAULT 1)")
            .ends(Ending::Refused)
            .tells("needs a value for a, b, which the source does not have"),
        case(
            "X4 a framework's list",
            "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);
             CREATE TABLE _prisma_migrations (id TEXT PRIMARY KEY, checksum TEXT); INSERT INTO _prisma_migrations VALUES ('1', 'x');
             CREATE TABLE migrations (id INTEGER PRIMARY KEY, migration TEXT, batch INTEGER); INSERT INTO migrations VALUES (1, 'm', 1);",
        )
        .target(
            "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE _prisma_migrations (id text PRIMARY KEY, checksum text, n int NOT NULL);
             INSERT INTO _prisma_migrations VALUES ('own', 'y', 1)",
        )
        .leaves("table _prisma_migrations")
        .leaves("table migrations")
        .gives("SELECT id FROM _prisma_migrations", &["own"]),
        case(
            "X5 a table that the app has not",
            "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);
             CREATE TABLE more (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t, v TEXT); INSERT INTO more VALUES (1, 1, 'x');
             CREATE INDEX t_pkey ON more (v);",
        )
        .mapping("[tables.more]\ncreate = true")
        .target("CREATE TABLE t (id int PRIMARY KEY)")
        .gives("SELECT t, v FROM more", &["1|x"])
        .breaks("INSERT INTO more VALUES (2, 9, 'y')", "23503"),
    ]
}

fn types() -> Vec<PeerCase> {
    vec![
        case(
            "X6 types",
            "CREATE TABLE t (id TEXT PRIMARY KEY, b INTEGER, n INTEGER, s INTEGER, r REAL, d NUMERIC, c TEXT, v TEXT, e TEXT, j TEXT, day TEXT);
             INSERT INTO t VALUES ('0f8fad5b-d9cb-469f-a165-70867728950e', 1, -5, 7, 0.1, 12.5, 'ab', 'hello', 'open', '{\"b\": 1}', '2024-02-29'),
             ('1f8fad5b-d9cb-469f-a165-70867728950e', 0, 5, -7, 19.99, '3.50', 'abc', 'h', 'shut', '[]', NULL);",
        )
        .target(
            "CREATE TYPE state AS ENUM ('shut', 'open'); CREATE DOMAIN small AS smallint CHECK (VALUE < 100);
             CREATE TABLE t (id uuid PRIMARY KEY, b boolean NOT NULL, n integer, s small, r real, d numeric(6,2), c char(3), v varchar(5), \
             e state, j jsonb, day date)",
        )
        .gives(
            "SELECT b, n, s, r, d, c, v, e, j, day FROM t ORDER BY id",
            &["t|-5|7|0.1|12.50|ab |hello|open|{\"b\": 1}|2024-02-29", "f|5|-7|19.99|3.50|abc|h|shut|[]|NULL"],
        )
        .has("t.v", "character varying(5)")
        .has("t.d", "numeric(6,2)"),
        case(
            "X7 moments",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, ms INTEGER, s INTEGER, iso TEXT, z TEXT, at INTEGER, odd INTEGER);
             INSERT INTO t VALUES (1, 1704164645678, 1704164645, '2024-01-02 03:04:05', '2024-01-02T03:04:05.678Z', 1704164645000, 1704164645123);",
        )
        .target(
            "CREATE TABLE t (id int PRIMARY KEY, ms timestamp(3), s timestamp, iso timestamp, z timestamp(3), at timestamptz(0), odd timestamptz)",
        )
        .gives(
            "SELECT ms, s, iso, z, at, odd FROM t",
            &["2024-01-02 03:04:05.678|2024-01-02 03:04:05|2024-01-02 03:04:05|2024-01-02 03:04:05.678|2024-01-02 03:04:05+00|2024-01-02 03:04:05.123+00"],
        )
        .tells("by the clock of UTC"),
        case("X7 no unit", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 5);")
            .target("CREATE TABLE t (id int PRIMARY KEY, n timestamptz)")
            .ends(Ending::Refused)
            .tells("column t.n is timestamp with time zone in the target, and nothing shows whether its numbers are seconds"),
        case("X7 unit told", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 5);")
            .mapping("[tables.t.columns]\nn = { as = \"timestamptz_from_epoch_s\" }")
            .target("CREATE TABLE t (id int PRIMARY KEY, n timestamptz)")
            .gives("SELECT n FROM t", &["1970-01-01 00:00:05+00"]),
        case("X7 another type told", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 5);")
            .mapping("[tables.t.columns]\nn = { as = \"bigint\" }")
            .target("CREATE TABLE t (id int PRIMARY KEY, n boolean)")
            .ends(Ending::Refused)
            .tells("column t.n is boolean in the target, and its conversion bigint in mapping.toml produces bigint"),
        case("X8 a type that nothing gives", "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, '(1,2)');")
            .target("CREATE TABLE t (id int PRIMARY KEY, a point)")
            .ends(Ending::Refused)
            .tells("column t.a is point in the target, which no conversion produces"),
    ]
}

fn values() -> Vec<PeerCase> {
    const TOO_LONG: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, d NUMERIC); INSERT INTO t VALUES (1, 'short', 1), (2, 'longer', 2), (3, 'x', 0.125);";
    const TARGET: &str = "CREATE TABLE t (id int PRIMARY KEY, v varchar(5), d numeric(5,2))";
    vec![
        case("X9 beyond the limits", TOO_LONG).target(TARGET).ends(Ending::Stopped).tells("longer than the 5 characters"),
        case("X9 skipped", TOO_LONG)
            .mapping("on_reject = \"skip\"")
            .target(TARGET)
            .ends(Ending::Partly)
            .rejects(&[("t.d", 1), ("t.v", 1)])
            .gives("SELECT v, d FROM t", &["short|1.00"]),
        case("X9 NULL", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, NULL), (2, 'x');")
            .target("CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL)")
            .ends(Ending::Stopped)
            .tells("NULL in a column that is NOT NULL"),
        case("X9 keys", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, NULL), (4, 'a');")
            .target("CREATE TABLE t (id int PRIMARY KEY, v text UNIQUE)")
            .ends(Ending::Stopped)
            .tells("a row before it has the same key"),
        case(
            "X9 NULL where SQLite takes none",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, NULL), (2, 'x');
             PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'v TEXT', 'v TEXT NOT NULL'); PRAGMA writable_schema = OFF;",
        )
        .target("CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL)")
        .ends(Ending::Stopped)
        .tells("NULL in a column that is NOT NULL"),
        case(
            "X9 a key that the target's type has once",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE); INSERT INTO t VALUES (1, '1.0'), (2, '1.00');",
        )
        .target("CREATE TABLE t (id int PRIMARY KEY, v numeric UNIQUE)")
        .ends(Ending::Stopped)
        .tells("a row before it has the same key"),
        case("X9 CHECK", "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 5), (2, 500);")
            .target("CREATE TABLE t (id int PRIMARY KEY, v int CONSTRAINT is_small CHECK (v < 100))")
            .ends(Ending::Stopped)
            .tells("is_small"),
    ]
}

fn constraints() -> Vec<PeerCase> {
    const COUNTED: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t VALUES (7, 'x'), (100, 'gone');
         DELETE FROM t WHERE id = 100;";
    const NEXT: &str = "INSERT INTO t (v) VALUES ('new') RETURNING id";
    vec![
        case("X10 identity", COUNTED)
            .target("CREATE TABLE t (v text, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
            .gives(NEXT, &["101"])
            .breaks("INSERT INTO t (id) VALUES (200)", "428C9"),
        case("X10 serial", COUNTED).target("CREATE TABLE t (id smallserial PRIMARY KEY, v text)").gives(NEXT, &["101"]),
        case("X10 a default alone", COUNTED)
            .target("CREATE SEQUENCE odd INCREMENT 10; CREATE TABLE t (id bigint PRIMARY KEY DEFAULT nextval('odd'), v text)")
            .gives(NEXT, &["111"]),
        case("X10 never backwards", COUNTED)
            .target("CREATE TABLE t (id bigserial PRIMARY KEY, v text); SELECT setval('t_id_seq', 500)")
            .gives(NEXT, &["501"]),
        case(
            "X11 foreign keys",
            "CREATE TABLE a (id INTEGER PRIMARY KEY, up INTEGER, b INTEGER); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER);
             INSERT INTO a VALUES (1, 3, 1), (2, 1, NULL), (3, 2, 2); INSERT INTO b VALUES (1, 3), (2, 1);",
        )
        .target(
            "CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a ON DELETE CASCADE, b int);
             CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);
             ALTER TABLE a ADD CONSTRAINT \"to B\" FOREIGN KEY (b) REFERENCES b",
        )
        .gives(
            "SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1",
            &[
                "a_up_fkey|FOREIGN KEY (up) REFERENCES a(id) ON DELETE CASCADE|t",
                "b_a_fkey|FOREIGN KEY (a) REFERENCES a(id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED|t",
                "to B|FOREIGN KEY (b) REFERENCES b(id)|t",
            ],
        )
        .breaks("INSERT INTO a VALUES (9, 99, NULL)", "23503"),
        case(
            "X11 orphans",
            "CREATE TABLE a (id INTEGER PRIMARY KEY, up INTEGER); INSERT INTO a VALUES (1, NULL), (2, 1), (3, 77);",
        )
        .target("CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a)")
        .ends(Ending::Partly)
        .breaches("foreign key (up) to a")
        .gives("SELECT convalidated FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace", &["f"]),
        case("X12 triggers", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y');")
            .target(
                "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE log (what text);
                 CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (TG_NAME); RETURN NEW; END $$;
                 CREATE TRIGGER each_row BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note();
                 CREATE TRIGGER always AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION note(); ALTER TABLE t ENABLE ALWAYS TRIGGER always;
                 CREATE TRIGGER off AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION note(); ALTER TABLE t DISABLE TRIGGER off",
            )
            .gives("SELECT count(*) FROM log", &["0"])
            .runs("INSERT INTO t VALUES (3, 'z')")
            .gives("SELECT what FROM log ORDER BY 1", &["always", "each_row"])
            .gives("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1", &["always|A", "each_row|O", "off|D"]),
        case("X13 rules", "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);")
            .target("CREATE TABLE t (id int PRIMARY KEY); CREATE RULE quiet AS ON DELETE TO t DO INSTEAD NOTHING")
            .ends(Ending::Refused)
            .tells("table t has rule quiet"),
    ]
}

fn seeds() -> Vec<PeerCase> {
    const SOURCE: &str =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y');";
    const SEEDED: &str =
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (2, 'seed'), (9, 'seed')";
    vec![
        case("X14 stop", SOURCE)
            .target(SEEDED)
            .ends(Ending::Refused)
            .tells("table t holds 2 rows: 1 has the key of a row of the source and other values (id=2: v); 1 is not in the source (id=9)")
            .tells("[tables.t]\nseeds = \"merge\""),
        case("X14 equal", SOURCE)
            .target("CREATE TABLE t (id int PRIMARY KEY, v text, n int); INSERT INTO t VALUES (2, 'y', 5)")
            .gives("SELECT id, v, n FROM t ORDER BY id", &["1|x|NULL", "2|y|5"]),
        case("X14 replace", SOURCE)
            .mapping("seeds = \"replace\"")
            .target(SEEDED)
            .gives("SELECT id, v FROM t ORDER BY id", &["1|x", "2|y"]),
        case("X14 replace what others point to", SOURCE)
            .mapping("seeds = \"replace\"")
            .target(&format!("{SEEDED}; CREATE TABLE other (t int REFERENCES t ON DELETE CASCADE); INSERT INTO other VALUES (9)"))
            .ends(Ending::Refused)
            .tells("foreign keys of other, which holds rows that stay, reference it"),
        case("X14 keep, and a key clashes", SOURCE)
            .mapping("seeds = \"keep\"")
            .target(SEEDED)
            .ends(Ending::Refused)
            .tells("(id=2: v)"),
        case("X14 merge", SOURCE)
            .mapping("[tables.t]\nseeds = \"merge\"")
            .target("CREATE TABLE t (id int PRIMARY KEY, v text, n int); INSERT INTO t VALUES (2, 'seed', 5)")
            .gives("SELECT id, v, n FROM t ORDER BY id", &["1|x|NULL", "2|y|5"]),
        case("X14 keep without a key", SOURCE)
            .mapping("seeds = \"keep\"")
            .target("CREATE TABLE t (id int, v text, n int); INSERT INTO t VALUES (2, 'y', 5)")
            .gives("SELECT id, v, n FROM t ORDER BY id", &["1|x|NULL", "2|y|5"]),
    ]
}

#[test]
fn section_existing() {
    check(&cases());
}
