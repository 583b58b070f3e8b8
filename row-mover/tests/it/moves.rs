//! Small sources of every awkward shape: planned, migrated and proven, undone by the plan's own down.sql, and migrated again.

use row_mover::observer::Silent;
use row_mover::run::{self, Outcome, Request};

use crate::support::{Case, chain, moved, sqlite};

mod inference;
mod planning;

/// Moves, checks the row counts with PostgreSQL itself, and hands the case on.
#[track_caller]
fn there(sql: &str, mapping: &str) -> Case {
    let case = Case::mapped(sql, mapping);
    let moved = case.moved();
    let source = rusqlite::Connection::open(&case.source).unwrap();
    for table in &case.plan.tables {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let rows: i64 = source
            .query_row(&format!("SELECT count(*) FROM {}", quoted(&table.source)), [], |row| row.get(0))
            .unwrap();
        let arrived = case.ask(&format!("SELECT count(*) FROM public.{}", quoted(&table.target)));
        assert_eq!(arrived, [rows.to_string()], "{}", table.source);
        let told = moved.tables.iter().find(|other| other.table == table.source).unwrap();
        assert_eq!(told.rows, rows.unsigned_abs(), "{}", table.source);
    }
    case
}

/// The plan's down.sql files leave nothing of the app; a run that finds that says so, and `restart` moves everything again.
#[track_caller]
fn and_back(case: &Case) {
    case.revert_migrations(&mut case.diesel());
    let left: Vec<String> =
        case.target_objects().into_iter().filter(|name| name.starts_with("public.")).collect();
    assert_eq!(left, ["public.__diesel_schema_migrations", "public.__diesel_schema_migrations_pkey"]);
    let refused = chain(&case.refused());
    assert!(refused.contains("undone") && refused.contains("next: ValidateOrRestart"), "{refused}");
    moved(run::migrate(&Request { restart: true, ..case.request() }, &Silent));
    let again = run::migrate(&case.request(), &Silent).unwrap();
    assert!(matches!(again, Outcome::AlreadyDone(_)), "{again:?}");
}

macro_rules! moves {
    ($($name:ident: $sql:expr $(, $mapping:expr)?;)*) => {
        $(#[test]
        fn $name() {
            and_back(&there($sql, concat!($($mapping)?)));
        })*
    };
}

moves! {
    a_composite_key_in_reversed_order:
        "CREATE TABLE t (a TEXT NOT NULL, b INTEGER NOT NULL, c REAL NOT NULL, PRIMARY KEY (c, b, a));
         INSERT INTO t VALUES ('z', 1, 2.5), ('a', 2, 2.5), ('é', 1, -0.5), ('Z', 1, 2.5), ('', -9, 1e300);";
    without_rowid:
        "CREATE TABLE t (k TEXT, n INTEGER, v BLOB, PRIMARY KEY (n DESC, k)) WITHOUT ROWID;
         INSERT INTO t VALUES ('b', 1, x'00'), ('B', 1, x''), ('b', -1, NULL), ('a', 9223372036854775807, x'ff');
         CREATE TABLE empty (k BLOB PRIMARY KEY) WITHOUT ROWID;";
    columns_that_hide_the_rowid:
        "CREATE TABLE one (rowid TEXT, v INTEGER); INSERT INTO one VALUES ('x', 1), ('y', 2), ('y', 2);
         CREATE TABLE two (ROWID TEXT, _RowId_ REAL, v INTEGER); INSERT INTO two VALUES ('x', 1.5, 1), ('y', 2.5, 2);
         CREATE TABLE three (oid TEXT, _rowid_ TEXT, rowid TEXT); INSERT INTO three VALUES ('1', '2', '3'), ('4', '5', '6');
         CREATE TABLE four (oid INTEGER PRIMARY KEY, rowid TEXT, _rowid_ TEXT); INSERT INTO four VALUES (7, 'a', 'b');";
    names_of_postgresqls_own_columns:
        "CREATE TABLE t (ctid INTEGER PRIMARY KEY, xmin TEXT, xmax TEXT, cmin TEXT, cmax TEXT, tableoid TEXT UNIQUE);
         INSERT INTO t VALUES (1, 'a', 'b', 'c', 'd', 'e');
         CREATE INDEX by_xmin ON t (xmin);
         CREATE TABLE child (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t (ctid)); INSERT INTO child VALUES (1, 1);";
    an_attack_by_name:
        "CREATE TABLE victim (id INTEGER PRIMARY KEY, \"y'); DROP TABLE victim; --\" TEXT DEFAULT 'z''); DROP TABLE victim; --');
         INSERT INTO victim DEFAULT VALUES;
         CREATE TABLE \"x\"\"; DROP TABLE victim; --\" (\"id\"\"); --\" INTEGER PRIMARY KEY AUTOINCREMENT, \"a\\b $1 %s ?1\" TEXT UNIQUE);
         INSERT INTO \"x\"\"; DROP TABLE victim; --\" VALUES (1, 'kept');
         CREATE INDEX \"i\"\"; DROP TABLE victim; --\" ON victim (\"y'); DROP TABLE victim; --\");";
    foreign_keys_in_circles:
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b (id) ON DELETE SET NULL);
         CREATE TABLE b (id INTEGER PRIMARY KEY, c TEXT REFERENCES c);
         CREATE TABLE c (code TEXT PRIMARY KEY, a INTEGER NOT NULL REFERENCES a ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE tree (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES tree (id), x INTEGER, y INTEGER,
                            px INTEGER, py INTEGER, UNIQUE (x, y), FOREIGN KEY (py, px) REFERENCES tree (y, x));
         INSERT INTO a VALUES (1, 1), (2, NULL); INSERT INTO b VALUES (1, 'c1'), (2, NULL); INSERT INTO c VALUES ('c1', 1);
         INSERT INTO tree VALUES (3, 2, 1, 2, NULL, NULL), (2, 1, 3, 4, 1, 2), (1, 1, 5, 6, 5, 6), (4, NULL, NULL, 6, NULL, 5);";
    foreign_keys_between_types_that_postgresql_does_not_compare:
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent TEXT REFERENCES parent, code BLOB REFERENCES parent (code));
         INSERT INTO parent VALUES (1, 'one'); INSERT INTO child VALUES (1, '1', NULL);";
    two_foreign_keys_on_one_column:
        "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY);
         CREATE TABLE c (x INTEGER REFERENCES a REFERENCES b); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); INSERT INTO c VALUES (1);";
    unique_constraints_that_sound_alike:
        "CREATE TABLE a (b_c TEXT UNIQUE, b TEXT, c TEXT, UNIQUE (b, c)); INSERT INTO a VALUES ('x', 'y', 'z'), ('y', 'y', 'y');";
    names_that_are_empty:
        "CREATE TABLE t (\"\" TEXT PRIMARY KEY, v TEXT UNIQUE); INSERT INTO t VALUES ('x', 'y');
         CREATE TABLE \"\" (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO \"\" VALUES (1, 'z');";
    a_foreign_key_to_a_key_without_case:
        "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE, other TEXT); CREATE UNIQUE INDEX by_code ON p (code);
         CREATE UNIQUE INDEX by_other ON p (other);
         CREATE TABLE c (code TEXT REFERENCES p (code), other TEXT REFERENCES p (other));
         INSERT INTO p VALUES (1, 'a', 'b'); INSERT INTO c VALUES ('a', 'b'), (NULL, NULL);";
    empty_tables:
        "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); CREATE TABLE b (x REAL, y BLOB);
         CREATE TABLE c (id TEXT PRIMARY KEY, a INTEGER REFERENCES a);";
    sparse_rowids:
        "CREATE TABLE t (v TEXT); INSERT INTO t (rowid, v) VALUES (-9223372036854775808, 'first'), (-5, 'a'), (0, 'zero'),
         (1000000000000, 'b'), (9223372036854775807, 'last');
         CREATE TABLE keyed (id INTEGER PRIMARY KEY, v TEXT);
         INSERT INTO keyed SELECT rowid, v FROM t WHERE rowid < 9223372036854775807;";
    the_highest_number_there_is:
        "CREATE TABLE plain (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO plain VALUES (9223372036854775807, 'last'), (-9223372036854775808, 'first');
         CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO counted VALUES (9223372036854775807, 'last');
         CREATE TABLE below (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO below VALUES (-3, 'a'), (0, 'b');";
    what_stays_behind:
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT COLLATE NOCASE CHECK (v <> 'x'), twice INTEGER AS (id * 2) STORED, w TEXT AS (v || v));
         CREATE INDEX some ON t (v) WHERE v IS NOT NULL; CREATE INDEX lowered ON t (lower(v)); CREATE UNIQUE INDEX both ON t (id, v COLLATE BINARY);
         CREATE VIEW seen AS SELECT * FROM t; CREATE TRIGGER fired AFTER INSERT ON t BEGIN DELETE FROM t; END;
         DROP TRIGGER fired; INSERT INTO t (v) VALUES ('a'), ('A'), (NULL);
         CREATE TRIGGER fired AFTER INSERT ON t BEGIN DELETE FROM t; END;";
    strict_and_any:
        "CREATE TABLE t (id INT PRIMARY KEY, a ANY, r REAL, b BLOB) STRICT;
         INSERT INTO t VALUES (3, 'text', 1, x'00'), (1, '1', 1.5, NULL), (2, NULL, -0.0, x'');";
    unique_with_nulls:
        "CREATE TABLE t (a TEXT UNIQUE, b INTEGER, UNIQUE (b, a)); CREATE UNIQUE INDEX u ON t (b DESC);
         INSERT INTO t VALUES (NULL, NULL), (NULL, NULL), ('', 1), ('NULL', 2);";
    a_key_of_numbers_without_a_type:
        "CREATE TABLE t (k NUMERIC PRIMARY KEY, v TEXT); INSERT INTO t VALUES (10, 'a'), (9, 'b'), (1.5, 'c'), (-3, 'd'), (1e300, 'e');",
        "[tables.t.columns]\nk = { as = \"double_precision\" }";
    keys_of_every_kind:
        "CREATE TABLE blobs (k BLOB PRIMARY KEY, v TEXT); INSERT INTO blobs VALUES (x'', 'a'), (x'00', 'b'), (x'ff', 'c'), (x'0000', 'd');
         CREATE TABLE times (k INTEGER NOT NULL, n TEXT NOT NULL, PRIMARY KEY (k, n)); INSERT INTO times VALUES (-1, 'b'), (0, 'a'), (0, 'A'), (1705312800123, '');
         CREATE TABLE flags (k INTEGER PRIMARY KEY DESC, b INTEGER, v TEXT); INSERT INTO flags VALUES (2, 1, 'x'), (1, 0, 'y');
         CREATE TABLE folded (k TEXT PRIMARY KEY COLLATE NOCASE, v TEXT); INSERT INTO folded VALUES ('b', 'x'), ('A', 'y'), ('C', 'z');",
        "[tables.times.columns]\nk = { as = \"timestamptz_from_epoch_ms\" }\n\
         [tables.flags.columns]\nb = { as = \"boolean\" }";
    more_rows_than_a_chunk:
        "CREATE TABLE keyed (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE loose (v REAL);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) INSERT INTO keyed SELECT i * 3, 'row ' || i FROM n;
         INSERT INTO loose SELECT id / 7.0 FROM keyed WHERE id <= 75003;";
}

#[test]
fn all_storage_classes() {
    let case = there(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, i INT, r DOUBLE, t VARCHAR(10), b BLOB, n DECIMAL(10, 2), u);
         INSERT INTO t VALUES (1, 1, 1, 'a', x'61', 7, 'x'), (2, -1, 0.1, '', x'', -7, ''), (3, NULL, NULL, NULL, NULL, NULL, NULL),
         (4, 9223372036854775807, 9e999, 'longer than ten letters', zeroblob(3), 9007199254740993, 'y');",
        "",
    );
    assert_eq!(
        case.ask("SELECT i, r, t, b, n, u FROM t ORDER BY id"),
        [
            "1|1|a|\\x61|7|x",
            "-1|0.1||\\x|-7|",
            "NULL|NULL|NULL|NULL|NULL|NULL",
            "9223372036854775807|Infinity|longer than ten letters|\\x000000|9007199254740993|y",
        ]
    );
    and_back(&case);
}

#[test]
fn rows_without_a_key_keep_their_number() {
    let case = there(
        "CREATE TABLE t (a TEXT, b INTEGER);
         INSERT INTO t VALUES ('x', 1), ('x', 1), ('x', 1), (NULL, NULL), (NULL, NULL), ('', 1), ('X', 1);",
        "",
    );
    let counts = case.ask("SELECT a, b, count(*) FROM t GROUP BY a, b ORDER BY 3 DESC, 1");
    assert_eq!(counts, ["x|1|3", "NULL|NULL|2", "|1|1", "X|1|1"]);
    and_back(&case);
}

#[test]
fn names_are_unchanged() {
    let long = |end: &str| format!("{}_{end}", "long".repeat(20));
    let case = there(
        &format!(
            "CREATE TABLE \"Order Lines\" (\"Id\" INTEGER PRIMARY KEY AUTOINCREMENT, \"select\" TEXT NOT NULL DEFAULT 'x', \"Mixed Case\" TEXT,
                                           \"naïve 日本\" TEXT UNIQUE, \"user\" TEXT, \"1st\" TEXT, \"a.b\" TEXT, \"\t\" TEXT);
             INSERT INTO \"Order Lines\" VALUES (5, 'a', 'b', 'c', 'd', 'e', 'f', 'g');
             CREATE TABLE \"order\" (\"Id\" INTEGER REFERENCES \"Order Lines\" (\"Id\")); INSERT INTO \"order\" VALUES (5);
             CREATE TABLE \"ORDERS\" (id TEXT PRIMARY KEY); CREATE INDEX \"Index 1\" ON \"ORDERS\" (id DESC);
             CREATE TABLE {one} ({one} INTEGER PRIMARY KEY, {two} TEXT UNIQUE); INSERT INTO {one} VALUES (1, 'x');
             CREATE TABLE {two} ({one} INTEGER REFERENCES {one}, {two} TEXT PRIMARY KEY REFERENCES {one} ({two}));
             INSERT INTO {two} VALUES (1, 'x'); CREATE INDEX {three} ON {two} ({one});",
            one = long("one"),
            two = long("two"),
            three = long("three"),
        ),
        "",
    );
    assert_eq!(
        case.ask("SELECT \"Id\", \"select\", \"Mixed Case\", \"naïve 日本\", \"user\", \"1st\", \"a.b\", \"\t\" FROM \"Order Lines\""),
        ["5|a|b|c|d|e|f|g"]
    );
    assert_eq!(case.ask("INSERT INTO \"Order Lines\" DEFAULT VALUES RETURNING \"Id\", \"select\""), ["6|x"]);
    case.execute("DELETE FROM \"Order Lines\" WHERE \"Id\" = 6");
    and_back(&case);
}

#[test]
fn the_ledger_holds_names_with_any_character() {
    let name = "a\tb\\c\\N\nd\re\"f'g{},h\\.";
    let case = there(&format!("CREATE TABLE \"{}\" (id INTEGER PRIMARY KEY)", name.replace('"', "\"\"")), "");
    let (run, validation) = case.validated(false);
    assert!(validation.is_proven(), "{validation:?}");
    assert_eq!(run.state.subject.tables, [name]);
    assert_eq!(*run.plan, case.plan);
}

#[test]
fn numbers_go_on_past_the_mark() {
    let case = there(
        "CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);
         INSERT INTO counted VALUES (1, 'a'), (500, 'b'); DELETE FROM counted WHERE id = 500;
         CREATE TABLE gone (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO gone VALUES (77, 'x'); DELETE FROM gone;
         CREATE TABLE plain (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO plain VALUES (41, 'x'), (-1, 'y');
         CREATE TABLE fresh (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);
         CREATE TABLE below (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO below VALUES (-5, 'x');",
        "",
    );
    for (table, next) in [("counted", 501), ("gone", 78), ("plain", 42), ("fresh", 1), ("below", 1)] {
        let given = case.ask(&format!("INSERT INTO {table} (v) VALUES ('new') RETURNING id"));
        assert_eq!(given, [next.to_string()], "{table}");
        case.execute(&format!("DELETE FROM {table} WHERE v = 'new'"));
    }
    and_back(&case);
}

#[test]
fn one_row_of_thirty_megabytes() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, t TEXT, b BLOB, j TEXT);
         INSERT INTO t VALUES (1, 'small', x'00', '[]'),
           (2, replace(hex(zeroblob(7500000)), '00', 'é'), zeroblob(14000000), '\"' || hex(zeroblob(500000)) || '\"'), (3, '', NULL, NULL);",
    );
    case.moved();
    assert_eq!(
        case.ask(
            "SELECT octet_length(t), octet_length(b), md5(t) = md5(repeat('é', 7500000)) FROM t WHERE id = 2"
        ),
        ["15000000|14000000|t"]
    );
}

#[test]
fn defaults_have_the_same_effect() {
    let case = there(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, t TEXT DEFAULT 'it''s', e TEXT NOT NULL DEFAULT '', bs TEXT DEFAULT 'a\\b', i INTEGER DEFAULT -5,
           n TEXT DEFAULT NULL, r REAL DEFAULT 1.5, b BLOB DEFAULT x'00ff', f INTEGER NOT NULL DEFAULT 1, j TEXT DEFAULT '{\"a\": 1}',
           ms INTEGER NOT NULL DEFAULT (unixepoch() * 1000), s INTEGER DEFAULT (unixepoch()), w TEXT DEFAULT CURRENT_TIMESTAMP,
           d TEXT DEFAULT 007, h INTEGER DEFAULT 0x10, dq TEXT DEFAULT \"dq\");
         INSERT INTO t (id) VALUES (1);",
        "[tables.t.columns]\nf = { as = \"boolean\" }\nj = { as = \"jsonb\" }\nms = { as = \"timestamptz_from_epoch_ms\" }\ns = { as = \"bigint\" }\nw = { as = \"text\" }",
    );
    let source = rusqlite::Connection::open(&case.source).unwrap();
    let expected: String = source
        .query_row(
            "SELECT concat_ws('|', t, e, bs, i, coalesce(n, 'NULL'), r, hex(b), f, j, d, h, dq) FROM t",
            [],
            |row| row.get(0),
        )
        .unwrap();
    case.execute("SET TimeZone = 'America/New_York'; INSERT INTO t (id) VALUES (2)");
    let shown = "SELECT concat_ws('|', t, e, bs, i, coalesce(n, 'NULL'), r, upper(encode(b, 'hex')), f::int, j, d, h, dq) FROM t ORDER BY id";
    assert_eq!(case.ask(shown), [expected.clone(), expected]);
    let clocks = "SELECT abs(extract(epoch FROM now() - ms)) < 60, abs(extract(epoch FROM now()) - s) < 60, \
                  abs(extract(epoch FROM now() - (w || '+00')::timestamptz)) < 60, w ~ '^....-..-.. ..:..:..$' FROM t";
    assert_eq!(case.ask(clocks), ["t|t|t|t", "t|t|t|t"]);
    case.execute("DELETE FROM t WHERE id = 2");
    and_back(&case);
}

#[test]
fn some_tables_of_many() {
    let case = Case::new(
        "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a);
         CREATE TABLE c (v TEXT); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1, 1); INSERT INTO c VALUES ('x');",
    );
    let only = |names: &[&str]| Request {
        tables: names.iter().map(|name| (*name).to_owned()).collect(),
        ..case.request()
    };
    for (names, words) in
        [(&["b"][..], "b points to a, which is not selected"), (&["a", "d"], "the plan has no table d")]
    {
        assert_eq!(run::migrate(&only(names), &Silent).unwrap_err().to_string(), words);
    }
    assert_eq!(case.target_objects(), [] as [&str; 0]);
    let moved = moved(run::migrate(&only(&["b", "a"]), &Silent));
    assert_eq!(moved.validation.tables.len(), 2);
    assert_eq!(
        case.ask("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), (SELECT count(*) FROM c)"),
        ["1|1|0"]
    );
}

#[test]
fn the_source_may_be_written_while_it_is_sealed() {
    let case = Case::new(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO t SELECT i, hex(zeroblob(100)) FROM n;",
    );
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let moved = std::thread::scope(|scope| {
        let (path, is_over) = (&case.source, &is_over);
        let writer = scope.spawn(move || {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
            let mut written = 0_u64;
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                // Both rows or neither: a copy that tears a transaction apart has an odd number.
                connection
                    .execute_batch(
                        "BEGIN; INSERT INTO t (v) VALUES ('x'); INSERT INTO t (v) VALUES ('y'); COMMIT",
                    )
                    .unwrap();
                written += 2;
            }
            written
        });
        let moved = case.moved();
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
        moved
    });
    assert_eq!(moved.tables[0].rows % 2, 0);
    assert!(moved.tables[0].rows >= 20_000);
    let again = run::migrate(&case.request(), &Silent).unwrap();
    assert!(matches!(again, Outcome::AlreadyDone(done) if done.source_changed_since));
}

#[test]
fn orphans_written_after_the_plan_stop_the_migration() {
    let long = format!("{}_parent", "long".repeat(20));
    let case = Case::new(&format!(
        "CREATE TABLE {long} (id INTEGER PRIMARY KEY); INSERT INTO {long} VALUES (1);
         CREATE TABLE child (id INTEGER PRIMARY KEY, one INTEGER REFERENCES {long}, two INTEGER REFERENCES {long});
         INSERT INTO child VALUES (1, 1, 1), (3, NULL, 1);"
    ));
    sqlite(&case.source, "INSERT INTO child VALUES (2, 1, 9)");
    let Outcome::Rejected { findings, .. } = run::migrate(&case.request(), &Silent).unwrap() else {
        panic!("not rejected");
    };
    let offenders: Vec<_> = findings.tables.iter().flat_map(|table| &table.offenders).collect();
    assert_eq!(offenders.len(), 1, "{offenders:?}");
    assert_eq!((offenders[0].column.as_str(), offenders[0].first[0].key.as_str()), ("two", "id=2"));
    assert_eq!(case.target_objects(), [] as [&str; 0]);
}

#[test]
fn a_plan_of_another_schema_is_refused() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    sqlite(&case.source, "ALTER TABLE t ADD COLUMN w TEXT; CREATE TABLE more (x TEXT)");
    let refused = chain(&case.refused());
    assert!(refused.contains("t.w: in the source, not in the plan"), "{refused}");
    assert!(refused.contains("table more: in the source, not in the plan"), "{refused}");
    assert_eq!(case.target_objects(), [] as [&str; 0]);
}
