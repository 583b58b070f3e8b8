//! Triggers have the same effect in PostgreSQL as in SQLite: a script runs on both sides, and the tables are compared.

use diesel::connection::SimpleConnection;
use migrate_core::render;
use rusqlite::types::Value;

use crate::support::{Case, ask, plan, sqlite};

/// A schema with triggers, a script of statements that both databases accept or both refuse, and queries to compare.
struct Script {
    name: &'static str,
    schema: &'static str,
    statements: &'static [&'static str],
    queries: &'static [&'static str],
}

const SCRIPTS: &[Script] = &[
    Script {
        name: "touch",
        schema: "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INTEGER NOT NULL DEFAULT 0, seen TEXT);
                 CREATE TRIGGER touch AFTER UPDATE OF v ON t FOR EACH ROW WHEN NEW.v IS NOT OLD.v BEGIN
                   UPDATE t SET n = n + 1, seen = OLD.v || '>' || NEW.v WHERE id = NEW.id; END;
                 INSERT INTO t (id, v) VALUES (1, 'a'), (2, NULL), (3, 'c');",
        statements: &[
            "UPDATE t SET v = 'b' WHERE id = 1",
            "UPDATE t SET v = v",
            "UPDATE t SET v = 'x'",
            "UPDATE t SET n = 7 WHERE id = 3",
            "UPDATE t SET id = 9, v = 'moved' WHERE id = 3",
        ],
        queries: &["SELECT id, v, n, seen FROM t ORDER BY id"],
    },
    Script {
        name: "touch by the old key, and by rowid",
        schema: "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INTEGER NOT NULL DEFAULT 0);
                 CREATE TABLE u (v TEXT, w TEXT);
                 CREATE TRIGGER tt AFTER UPDATE ON t BEGIN UPDATE t SET n = OLD.n + 10 WHERE id = OLD.id AND v <> 'keep'; END;
                 CREATE TRIGGER uu AFTER INSERT ON u BEGIN UPDATE u SET w = upper(NEW.v) WHERE rowid = NEW.rowid; END;
                 INSERT INTO t (id, v) VALUES (1, 'a'), (2, 'keep');",
        statements: &[
            "UPDATE t SET v = v || '!' WHERE id = 1",
            "UPDATE t SET n = 3",
            "UPDATE t SET id = 5 WHERE id = 1",
            "INSERT INTO u (v) VALUES ('x'), (NULL), ('yz')",
        ],
        queries: &["SELECT id, v, n FROM t ORDER BY id", "SELECT v, w FROM u ORDER BY coalesce(v, '')"],
    },
    Script {
        name: "touch beside others",
        schema: "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INTEGER NOT NULL DEFAULT 0);
                 CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT);
                 CREATE TRIGGER a_touch AFTER UPDATE ON t BEGIN UPDATE t SET n = n + 1 WHERE id = NEW.id; END;
                 CREATE TRIGGER b_log AFTER UPDATE ON t BEGIN INSERT INTO log (what) VALUES (OLD.n || '>' || NEW.n); END;
                 INSERT INTO t (id, v) VALUES (1, 'a'), (2, 'b');",
        statements: &["UPDATE t SET v = 'x' WHERE id = 1", "UPDATE t SET v = 'y'"],
        queries: &["SELECT id, v, n FROM t ORDER BY id", "SELECT what FROM log ORDER BY what"],
    },
    Script {
        name: "counters",
        schema: "CREATE TABLE lists (id INTEGER PRIMARY KEY, items INTEGER NOT NULL DEFAULT 0, total REAL);
                 CREATE TABLE items (id INTEGER PRIMARY KEY, list INTEGER, price REAL);
                 CREATE TRIGGER ins AFTER INSERT ON items BEGIN UPDATE lists SET items = items + 1 WHERE id = NEW.list; END;
                 CREATE TRIGGER del AFTER DELETE ON items BEGIN UPDATE lists SET items = items - 1 WHERE id = OLD.list; END;
                 CREATE TRIGGER upd AFTER UPDATE OF list, price ON items BEGIN
                   UPDATE lists SET items = (SELECT count(*) FROM items WHERE list = lists.id) WHERE id IN (NEW.list, OLD.list);
                   UPDATE lists SET total = (SELECT sum(price) FROM items WHERE list = lists.id);
                 END;
                 INSERT INTO lists (id) VALUES (1), (2); INSERT INTO items VALUES (1, 1, 2.5);",
        statements: &[
            "INSERT INTO items (list, price) VALUES (1, 1.5), (2, NULL), (NULL, 3)",
            "UPDATE items SET list = 2 WHERE id = 1",
            "DELETE FROM items WHERE list = 2 AND price IS NULL",
            "UPDATE items SET price = price + 1",
        ],
        queries: &["SELECT id, items, total FROM lists ORDER BY id", "SELECT id, list, price FROM items ORDER BY id"],
    },
    Script {
        name: "audit",
        schema: "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, x REAL);
                 CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, t INTEGER NOT NULL, op TEXT NOT NULL, old TEXT, new TEXT,
                                   mark TEXT NOT NULL DEFAULT 'm');
                 CREATE TRIGGER ai AFTER INSERT ON t BEGIN INSERT INTO log VALUES (NULL, NEW.id, 'I', NULL, NEW.v, 'k'); END;
                 CREATE TRIGGER au AFTER UPDATE ON t WHEN OLD.v <> NEW.v OR OLD.x IS NOT NEW.x BEGIN
                   INSERT INTO log (t, op, old, new) SELECT NEW.id, 'U', OLD.v, coalesce(NEW.v, '?') WHERE NEW.id < 100; END;
                 CREATE TRIGGER ad BEFORE DELETE ON t BEGIN INSERT INTO log (t, op, old) VALUES (OLD.id, 'D' || 'el', OLD.v);
                   DELETE FROM log WHERE t = OLD.id AND op = 'I'; END;
                 INSERT INTO t VALUES (1, 'one', 1.5);",
        statements: &[
            "INSERT INTO t (v) VALUES ('two'), (NULL)",
            "UPDATE t SET v = 'zwei' WHERE v = 'two'",
            "UPDATE t SET x = 2",
            "INSERT INTO t VALUES (100, 'far', NULL)",
            "UPDATE t SET v = 'farther' WHERE id = 100",
            "DELETE FROM t WHERE id IN (2, 3)",
        ],
        queries: &["SELECT t, op, old, new, mark FROM log ORDER BY t, op, old, new", "SELECT id, v, x FROM t ORDER BY id"],
    },
    Script {
        name: "guards",
        schema: "CREATE TABLE p (id INTEGER PRIMARY KEY, open INTEGER NOT NULL); CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER, v TEXT);
                 CREATE TRIGGER g1 BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'too long, it''s') WHERE length(NEW.v) > 3; END;
                 CREATE TRIGGER g2 BEFORE INSERT ON t BEGIN SELECT CASE WHEN NEW.p IS NOT NULL AND (SELECT id FROM p WHERE id = NEW.p) IS NULL
                   THEN RAISE(FAIL, 'no such p') WHEN NEW.v = 'no' THEN RAISE(ROLLBACK, 'no') END; END;
                 CREATE TRIGGER g3 BEFORE UPDATE OF p ON t FOR EACH ROW WHEN NEW.p <> OLD.p BEGIN
                   SELECT RAISE(ABORT, 'closed') FROM p WHERE id = NEW.p AND open = 0; END;
                 CREATE TRIGGER g4 BEFORE DELETE ON t WHEN OLD.v = 'kep' BEGIN SELECT RAISE(IGNORE); END;
                 CREATE TRIGGER g5 AFTER INSERT ON t WHEN (SELECT count(*) FROM t) > 6 BEGIN SELECT RAISE(ABORT, 'full'); END;
                 INSERT INTO p VALUES (1, 1), (2, 0); INSERT INTO t VALUES (1, 1, 'a'), (2, 1, 'kep');",
        statements: &[
            "INSERT INTO t (p, v) VALUES (1, 'abcd')",
            "INSERT INTO t (id, p, v) VALUES (3, 1, 'abc'), (4, NULL, NULL)",
            "INSERT INTO t (id, p, v) VALUES (50, 7, 'x')",
            "INSERT INTO t (id, p, v) VALUES (51, 1, 'no')",
            "UPDATE t SET p = 2 WHERE id = 1",
            "UPDATE t SET p = 1",
            "DELETE FROM t WHERE id IN (1, 2)",
            "INSERT INTO t (id, p, v) VALUES (60, 1, 'x'), (61, 1, 'x'), (62, 1, 'x')",
            "INSERT INTO t (id, p, v) VALUES (63, 1, 'x')",
        ],
        queries: &["SELECT id, p, v FROM t ORDER BY id"],
    },
    Script {
        name: "a tree, where a trigger does not fire itself",
        schema: "CREATE TABLE t (id INTEGER PRIMARY KEY, parent INTEGER, depth INTEGER NOT NULL DEFAULT 0);
                 CREATE TRIGGER gone AFTER DELETE ON t BEGIN DELETE FROM t WHERE parent = OLD.id; END;
                 CREATE TRIGGER moved AFTER UPDATE OF depth ON t BEGIN UPDATE t SET depth = NEW.depth + 1 WHERE parent = NEW.id; END;
                 INSERT INTO t VALUES (1, NULL, 0), (2, 1, 1), (3, 2, 2), (4, 3, 3), (5, 1, 1), (6, 5, 2);",
        statements: &["UPDATE t SET depth = 10 WHERE id = 1", "DELETE FROM t WHERE id = 2", "DELETE FROM t WHERE id IN (5)"],
        queries: &["SELECT id, parent, depth FROM t ORDER BY id"],
    },
    Script {
        name: "two triggers that would go round and round",
        schema: "CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER NOT NULL); CREATE TABLE b (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
                 CREATE TRIGGER ab AFTER UPDATE ON a BEGIN UPDATE b SET n = NEW.n + 1 WHERE id = NEW.id; END;
                 CREATE TRIGGER ba AFTER UPDATE ON b BEGIN UPDATE a SET n = NEW.n + 1 WHERE id = NEW.id; END;
                 INSERT INTO a VALUES (1, 0), (2, 0); INSERT INTO b VALUES (1, 0), (2, 0);",
        statements: &["UPDATE a SET n = 10 WHERE id = 1", "UPDATE b SET n = 100", "UPDATE a SET n = n"],
        queries: &["SELECT id, n FROM a ORDER BY id", "SELECT id, n FROM b ORDER BY id"],
    },
    Script {
        name: "upserts and what is ignored",
        schema: "CREATE TABLE words (w TEXT NOT NULL); CREATE TABLE counts (w TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL DEFAULT 0);
                 CREATE TABLE seen (w TEXT NOT NULL UNIQUE);
                 CREATE TRIGGER ai AFTER INSERT ON words BEGIN
                   INSERT INTO counts (w, n) VALUES (NEW.w, 1) ON CONFLICT (w) DO UPDATE SET n = n + excluded.n WHERE n < 3;
                   INSERT OR IGNORE INTO seen (w) VALUES (NEW.w);
                 END;",
        statements: &["INSERT INTO words VALUES ('a'), ('b'), ('a')", "INSERT INTO words VALUES ('a'), ('a'), ('ä')"],
        queries: &["SELECT w, n FROM counts ORDER BY w", "SELECT w FROM seen ORDER BY w"],
    },
    Script {
        name: "instead of",
        schema: "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT NOT NULL); CREATE TABLE c (id INTEGER PRIMARY KEY, pid INTEGER, v TEXT);
                 CREATE VIEW pairs AS SELECT c.id, p.name, c.v FROM c JOIN p ON p.id = c.pid;
                 CREATE TRIGGER bi INSTEAD OF INSERT ON pairs WHEN NEW.v IS NOT NULL BEGIN
                   INSERT INTO p (name) SELECT NEW.name WHERE NOT EXISTS (SELECT 1 FROM p WHERE name = NEW.name);
                   INSERT INTO c (pid, v) SELECT max(id), NEW.v FROM p WHERE name = NEW.name; END;
                 CREATE TRIGGER bu INSTEAD OF UPDATE ON pairs BEGIN UPDATE c SET v = NEW.v WHERE id = OLD.id; END;
                 CREATE TRIGGER bd INSTEAD OF DELETE ON pairs BEGIN DELETE FROM c WHERE id = OLD.id; END;
                 INSERT INTO p VALUES (1, 'x'); INSERT INTO c VALUES (1, 1, 'one'), (2, 1, 'two');",
        statements: &[
            "UPDATE pairs SET v = upper(v) WHERE name = 'x'",
            "INSERT INTO pairs (name, v) VALUES ('y', 'abc')",
            "INSERT INTO pairs (name, v) VALUES ('z', NULL)",
            "DELETE FROM pairs WHERE id = 2",
        ],
        queries: &["SELECT id, name FROM p ORDER BY id", "SELECT id, pid, v FROM c ORDER BY id"],
    },
    Script {
        name: "names",
        schema: "CREATE TABLE \"My Table\" (\"Id\" INTEGER PRIMARY KEY, \"a b\" TEXT, \"new\" TEXT, found INTEGER);
                 CREATE TABLE old (v TEXT); CREATE TABLE new (v TEXT, x TEXT);
                 CREATE TRIGGER \"Tr 1\" AFTER INSERT ON \"My Table\" BEGIN INSERT INTO old (v) VALUES (NEW.[a b] || NEW.\"new\");
                   UPDATE new SET x = 'line
two' || NEW.found WHERE v = NEW.\"new\"; END;
                 CREATE TRIGGER now AFTER DELETE ON old BEGIN DELETE FROM new WHERE v = OLD.v; END;
                 INSERT INTO new VALUES ('n', NULL), ('an', NULL);",
        statements: &["INSERT INTO \"My Table\" (\"a b\", \"new\", found) VALUES ('a', 'n', 3)", "DELETE FROM old"],
        queries: &["SELECT v, x FROM new ORDER BY v", "SELECT v FROM old"],
    },
];

#[test]
fn triggers_do_the_same() {
    let mut wrong = Vec::new();
    for script in SCRIPTS {
        let case = Case::new(script.schema);
        if !case.plan.left_behind.is_empty() {
            wrong.push(format!("{}: {:?}", script.name, case.plan.left_behind));
            continue;
        }
        case.moved();
        let source = rusqlite::Connection::open(&case.source).unwrap();
        source.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = OFF;").unwrap();
        let mut target = case.diesel();
        for statement in script.statements {
            let there = source.execute_batch(statement);
            let here = target.batch_execute(statement);
            if there.is_ok() != here.is_ok() {
                wrong.push(format!("{}: {statement}: SQLite {there:?}, PostgreSQL {here:?}", script.name));
            }
        }
        for query in script.queries {
            let (expected, found) = (sqlite_rows(&source, query), ask(&mut case.session(), query));
            if expected != found {
                let bodies: Vec<&str> =
                    case.plan.triggers.iter().map(|trigger| trigger.body.as_str()).collect();
                wrong.push(format!(
                    "{}: {query}\n  SQLite {expected:?}\n  PostgreSQL {found:?}\n{}",
                    script.name,
                    bodies.join("\n")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the rows as PostgreSQL prints them.
fn sqlite_rows(source: &rusqlite::Connection, query: &str) -> Vec<String> {
    let mut statement = source.prepare(query).unwrap();
    let columns = statement.column_count();
    let shown = |value: Value| match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        Value::Text(text) => text,
        Value::Blob(_) => panic!("no script has a blob"),
    };
    let row = |row: &rusqlite::Row<'_>| {
        Ok((0..columns).map(|place| shown(row.get(place).unwrap())).collect::<Vec<_>>().join("|"))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// Triggers that may mean something else in PostgreSQL, and a part of the reason.
const REFUSED: &[(&str, &str)] = &[
    (
        "BEFORE UPDATE ON t BEGIN UPDATE t SET v = 'x' WHERE id = NEW.id; END",
        "its own table before the row is changed",
    ),
    ("AFTER INSERT ON t BEGIN INSERT OR REPLACE INTO u (id, v) VALUES (1, 'x'); END", "OR REPLACE"),
    ("AFTER INSERT ON t BEGIN INSERT OR IGNORE INTO u (id, v) VALUES (1, NEW.v); END", "OR IGNORE"),
    ("AFTER INSERT ON t BEGIN UPDATE OR IGNORE u SET v = 'x'; END", "UPDATE OR IGNORE"),
    ("AFTER INSERT ON t BEGIN INSERT INTO ft (rowid, v) VALUES (NEW.id, NEW.v); END", "virtual table ft"),
    ("AFTER INSERT ON t BEGIN SELECT app_function(NEW.v); END", "a SELECT that does something else"),
    ("AFTER INSERT ON t BEGIN INSERT INTO u (v) SELECT v FROM t; END", "reads from its own table"),
    ("AFTER DELETE ON t BEGIN SELECT RAISE(IGNORE); END", "RAISE(IGNORE) after"),
    ("AFTER INSERT ON t BEGIN UPDATE u SET v = soundex(NEW.v); END", "the function soundex"),
    ("AFTER INSERT ON t BEGIN UPDATE u SET v = x.v FROM t x WHERE x.id = u.id; END", "UPDATE with FROM"),
    ("AFTER INSERT ON t BEGIN INSERT INTO u (id, v) VALUES (NEW.maybe, 'x'); END", "a key that may be NULL"),
    (
        "AFTER INSERT ON t BEGIN INSERT INTO u (id) VALUES (NEW.id) ON CONFLICT (v) DO NOTHING; END",
        "ON CONFLICT of columns",
    ),
    ("AFTER INSERT ON t BEGIN UPDATE u SET maybe = NEW.v; END", "no unambiguous form"),
    ("BEFORE INSERT ON g BEGIN SELECT RAISE(ABORT, 'x') WHERE NEW.twice > 3; END", "generated column twice"),
];

#[test]
fn triggers_with_an_uncertain_meaning_are_not_migrated_and_get_a_skeleton() {
    let triggers: String = (REFUSED.iter().enumerate())
        .map(|(number, (body, _))| format!("CREATE TRIGGER refused_{number} {body};\n"))
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(
        &path,
        &format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, maybe INTEGER); CREATE TABLE u (id INTEGER PRIMARY KEY, v TEXT NOT NULL, maybe INTEGER);
             INSERT INTO t VALUES (1, 'a', 5); INSERT INTO u VALUES (1, 'a', 5); CREATE VIRTUAL TABLE ft USING fts5(v, content='');
             CREATE TABLE g (n INTEGER, twice INTEGER AS (length(n)) STORED); {triggers}"
        ),
    );
    let plan = plan(&path, "");
    assert!(plan.triggers.is_empty(), "{:?}", plan.triggers);
    for (number, (body, reason)) in REFUSED.iter().enumerate() {
        let name = format!("refused_{number}");
        let left = plan.left_behind.iter().find(|item| item.kind == "trigger" && item.name == name).unwrap();
        assert!(left.reason.contains(reason), "{body}: {}", left.reason);
        assert!(left.sql.as_ref().is_some_and(|sql| sql.contains(body)), "{left:?}");
    }
    let files = render::create_constraints(&plan);
    let is_comment = |line: &&str| line.starts_with("--");
    let end = files.up.rfind("SELECT pg_catalog.set_config(").unwrap();
    let stubs = files.up.get(files.up.find("-- The trigger").unwrap()..end).unwrap();
    assert!(stubs.lines().filter(|line| !line.is_empty()).all(|line| is_comment(&line)), "{stubs}");
    assert!(stubs.contains("--     CREATE TRIGGER refused_0 BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.refused_0_function();"), "{stubs}");
}

#[test]
fn nothing_fires_while_rows_are_loaded_and_down_undoes_all() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT);
         INSERT INTO t VALUES (1, 'x'), (2, 'y');
         CREATE TRIGGER logged AFTER INSERT ON t BEGIN INSERT INTO log (what) VALUES (NEW.v); END;",
    );
    case.moved();
    assert_eq!(case.ask("SELECT count(*) FROM log"), ["0"]);
    case.moved_already();
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven(), "{validation:?}");
    case.execute("CREATE OR REPLACE FUNCTION logged_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
    let (_, validation) = case.validated(false);
    assert!(!validation.is_proven(), "a changed function is not found");
    case.execute(&render::create_constraints(&case.plan).down);
    assert_eq!(case.ask("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"), ["0"]);
    assert_eq!(case.ask("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), ["0"]);
}

#[test]
fn typical_triggers_in_sql() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(
        &path,
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, list INTEGER, done BOOLEAN NOT NULL DEFAULT 0, updated_at INTEGER);
         CREATE TABLE lists (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0); CREATE TABLE log (at TEXT, what TEXT, note INTEGER);
         INSERT INTO notes VALUES (1, 'x', 1, 0, 1700000000000); INSERT INTO lists (id) VALUES (1);
         CREATE TRIGGER touch AFTER UPDATE OF body, done ON notes BEGIN
           UPDATE notes SET updated_at = unixepoch() * 1000 WHERE id = NEW.id; END;
         CREATE TRIGGER counted AFTER INSERT ON notes BEGIN UPDATE lists SET n = n + 1 WHERE id = NEW.list; END;
         CREATE TRIGGER logged AFTER DELETE ON notes WHEN OLD.done = 1 BEGIN
           INSERT INTO log VALUES (datetime('now'), 'deleted ' || OLD.body, OLD.id); END;
         CREATE TRIGGER cleared AFTER DELETE ON lists BEGIN DELETE FROM notes WHERE list = OLD.id; END;
         CREATE TRIGGER guarded BEFORE INSERT ON notes BEGIN
           SELECT RAISE(ABORT, 'no such list') WHERE NOT EXISTS (SELECT 1 FROM lists WHERE id = NEW.list); END;
         CREATE TRIGGER cased BEFORE DELETE ON lists BEGIN SELECT CASE WHEN OLD.n > 0 THEN RAISE(ABORT, 'not empty') END; END;
         CREATE TRIGGER pruned AFTER INSERT ON log BEGIN DELETE FROM log WHERE rowid <= NEW.note - 100; END;
         CREATE TRIGGER looped AFTER UPDATE ON lists BEGIN UPDATE lists SET n = 0 WHERE n < 0; END;",
    );
    let plan = plan(&path, "[tables.notes.columns]\nupdated_at = { as = \"timestamptz_from_epoch_ms\" }");
    let up = render::create_constraints(&plan).up;
    insta::assert_snapshot!("typical_triggers", up.get(up.find("CREATE FUNCTION").unwrap()..).unwrap());
}
