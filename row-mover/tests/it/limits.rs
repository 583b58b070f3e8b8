//! Schemas at SQLite's own limits move, on threads as the program has them; those beyond are refused with the limit, never as damaged.

use std::path::Path;

use migrate_core::source_sql::sql_extent;
use row_mover::observer::StopFlag;
use row_mover::source::integrity_check::integrity_check;
use row_mover::source::quick_check::quick_check;
use row_mover::source::schema_limits::VIEWS_MAX;
use row_mover::source::{SourceConnection, introspect};
use rusqlite::Connection;
use rusqlite::limits::Limit;

use crate::long_values::measured;
use crate::support::{Case, chain, plan, sqlite};

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n INTEGER";

fn nested(levels: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

fn chained(terms: usize, term: impl Fn(usize) -> String, operator: &str) -> String {
    (0..terms).map(term).collect::<Vec<_>>().join(operator)
}

/// Schemas at the limits of SQLite 3.53: one level more, and it does not make them.
fn at_the_limits() -> Vec<(&'static str, String)> {
    let a = |_| "a".to_owned();
    let with_check = |check: String| format!("{TABLE}, CHECK ({check}));");
    let with_view = |query: String| format!("{TABLE}); CREATE VIEW v AS {query};");
    let columns = chained(1997, |place| format!("c{place} INTEGER"), ", ");
    vec![
        (
            "1,000 texts joined in a generated column",
            format!("{TABLE}, b TEXT AS ({}));", chained(1000, a, " || ")),
        ),
        ("999 ORs", with_check(chained(999, |place| format!("n <> {place}"), " OR "))),
        ("999 ANDs", with_check(chained(999, |place| format!("n <> 1{place:04}"), " AND "))),
        ("2,490 brackets", with_check(nested(2490, "(", "n > 0", ")"))),
        ("829 calls", with_check(nested(829, "abs(", "n", ")"))),
        ("498 CASEs", with_check(nested(498, "CASE WHEN n > 0 THEN ", "n", " ELSE 1 END"))),
        ("798 NOTs", with_check(nested(798, "NOT ", "n > 0", ""))),
        (
            "829 calls in an index",
            format!("{TABLE}); CREATE INDEX i ON t ({});", nested(829, "abs(", "n", ")")),
        ),
        (
            "829 calls in a default",
            format!("{TABLE}, d INTEGER DEFAULT ({}));", nested(829, "abs(", "1", ")")),
        ),
        (
            "1,000 texts joined in a view",
            with_view(format!("SELECT {} AS x FROM t", chained(1000, a, " || "))),
        ),
        ("496 subqueries", with_view(format!("SELECT {} AS x", nested(496, "(SELECT ", "1", ")")))),
        (
            "354 EXISTS",
            with_view(format!(
                "SELECT id FROM t WHERE {}",
                nested(354, "EXISTS (SELECT 1 FROM t WHERE ", "n > 0", ")")
            )),
        ),
        ("413 queries in FROM", with_view(nested(413, "SELECT * FROM (", "SELECT id FROM t", ")"))),
        (
            "1,241 joins in brackets",
            with_view(format!("SELECT 1 AS x FROM {}", nested(1241, "(t JOIN ", "t", ")"))),
        ),
        ("500 terms", with_view(chained(500, |_| "SELECT id FROM t".to_owned(), " UNION ALL "))),
        ("496 WITHs", with_view(nested(496, "WITH c AS (", "SELECT 1 AS id", ") SELECT id FROM c"))),
        (
            "999 texts joined in a trigger",
            format!(
                "{TABLE}); CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = {} WHERE id = new.id; END;",
                chained(999, |_| "new.a".to_owned(), " || ")
            ),
        ),
        ("2,000 columns", format!("{TABLE}, {columns});")),
        ("a default of 2 MB", format!("{TABLE}, d TEXT DEFAULT '{}');", "x".repeat(2_000_000))),
        ("a comment of 2 MB", format!("{TABLE} /* {} */);", "word ".repeat(400_000))),
    ]
}

/// On the threads of this test, which have the 2 MiB of the standard library.
#[test]
fn schemas_at_sqlites_limits_are_read_and_planned() {
    for (name, sql) in at_the_limits() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, &format!("{sql} INSERT INTO t (id, a, n) VALUES (1, 'x', 5);"));
        let live =
            SourceConnection::open_live(&source).unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        introspect::introspect(&live).unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        quick_check(&live, &source, StopFlag::default())
            .unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        let integrity = integrity_check(&live, StopFlag::default())
            .unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        assert!(integrity.problems.is_empty() && integrity.left_out.is_empty(), "{name}: {integrity:?}");
        let mapping = migrate_core::mapping::Mapping::from_toml("format = 1\n").unwrap();
        let planned = row_mover::source::evidence::plan(&source, &mapping, 2, &|_| {});
        match planned {
            Ok((_, plan)) => assert_eq!(plan.tables.len(), 1, "{name}"),
            Err(error) => {
                assert_eq!(name, "2,000 columns", "{}", chain(&error));
                assert!(
                    chain(&error).contains("2000 columns, and PostgreSQL allows at most 1600"),
                    "{}",
                    chain(&error)
                );
            }
        }
    }
}

#[test]
fn long_chains_of_ordinary_schemas_move() {
    let columns = chained(26, |place| format!("c{place} TEXT"), ", ");
    let joined = chained(26, |place| format!("new.c{place}"), " || '|' || ");
    let case = Case::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER CHECK ({ors}), {columns});
         CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT);
         CREATE TRIGGER audit AFTER INSERT ON t BEGIN INSERT INTO log (what) VALUES ({joined}); END;
         CREATE VIEW v AS SELECT id FROM t WHERE {view_ors};
         CREATE VIEW w AS SELECT {all} AS x FROM t;
         INSERT INTO t (id, n, c0, c1) VALUES (1, 7, 'a', 'b');
         CREATE TABLE large (id INTEGER PRIMARY KEY, a TEXT /* {comment} */);",
        ors = chained(101, |place| format!("n = {place}"), " OR "),
        view_ors = chained(120, |place| format!("n = {place}"), " OR "),
        all = chained(900, |_| "c0".to_owned(), " || "),
        comment = "why this column is here. ".repeat(50_000),
    ));
    assert_eq!(case.plan.left_behind, []);
    let moved = case.moved();
    assert_eq!(moved.validation.views.compared, 2, "{:?}", moved.validation.views);
    let refused =
        case.ask("SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND conrelid = 't'::regclass");
    assert_eq!(refused, ["1"]);
    case.execute("INSERT INTO t SELECT 2, 7, 'z'");
    let c1_to_c25 = chained(25, |place| format!("c{} = ''", place + 1), ", ");
    case.execute(&format!(
        "INSERT INTO t (id, n, c0) VALUES (3, 8, 'q'); UPDATE t SET {c1_to_c25} WHERE id = 3"
    ));
    assert_eq!(case.ask("SELECT length(x) FROM w WHERE x LIKE 'z%'"), ["900"]);
}

/// Puts a statement into a schema in place of `v`, as an app does whose SQLite has larger limits.
fn with_statement(source: &Path, sql: &str) {
    let v =
        if sql.starts_with("CREATE TABLE") { "CREATE TABLE v (x)" } else { "CREATE VIEW v AS SELECT 1 AS x" };
    sqlite(source, &format!("{TABLE}); INSERT INTO t VALUES (1, 'x', 5); {v};"));
    let connection = Connection::open(source).unwrap();
    connection.execute_batch("PRAGMA writable_schema = ON").unwrap();
    connection.execute("UPDATE sqlite_schema SET sql = ?1 WHERE name = 'v'", [sql]).unwrap();
}

#[test]
fn a_schema_that_exceeds_a_limit_is_refused_with_the_limit() {
    let view = |query: String| format!("CREATE VIEW v AS {query}");
    let a = |_| "a".to_owned();
    for (sql, reason) in [
        (
            view(format!("SELECT {} AS x FROM t", chained(1040, a, " || "))),
            "an expression of view v has 1040 levels, and SQLite takes 1000",
        ),
        (
            view(chained(501, |_| "SELECT 1 AS x".to_owned(), " UNION ALL ")),
            "a compound SELECT of view v has 501 terms, and SQLite takes 500",
        ),
        (
            format!("CREATE TABLE v ({})", chained(2001, |place| format!("c{place}"), ", ")),
            "table v has 2001 columns, and SQLite takes 2000",
        ),
        (
            view(format!("SELECT max({}) AS x", chained(1001, |place| place.to_string(), ", "))),
            "a call in view v has 1001 arguments, and SQLite takes 1000",
        ),
        (
            view(format!("SELECT {} AS x", nested(2600, "(", "1", ")"))),
            "brackets or queries of view v are nested 2600 levels deep",
        ),
        (
            view(format!("SELECT {} AS x", nested(200_000, "(", "1", ")"))),
            "brackets or queries of view v are nested 200000 levels deep",
        ),
        (view(format!("SELECT 1 AS x /* {} */", "x".repeat(17 << 20))), "the SQL of view v has 17825"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        with_statement(&source, &sql);
        let refused =
            match SourceConnection::open_live(&source).and_then(|live| introspect::introspect(&live)) {
                Err(error) => chain(&error),
                Ok(_) => panic!("not refused, though: {reason}"),
            };
        assert!(refused.contains(reason), "{reason}: {refused}");
        assert!(refused.contains("exceeds a limit") && refused.contains("is not damaged"), "{refused}");
        // The remedy: a copy without it.
        let connection = Connection::open(&source).unwrap();
        connection
            .execute_batch("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'v'")
            .unwrap();
        drop(connection);
        assert_eq!(plan(&source, "").tables.len(), 1);
    }
}

#[test]
fn a_statement_of_another_sqlite_is_not_called_damage() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    with_statement(&source, "CREATE VIEW v AS SELECT 1 AS x WITH SOMETHING NEW");
    let refused = chain(&SourceConnection::open_live(&source).unwrap_err());
    assert!(refused.contains("has a schema that SQLite"), "{refused}");
    assert!(refused.contains("malformed database schema (v)"), "{refused}");
    assert!(!refused.contains("source.db is damaged"), "{refused}");
}

#[test]
fn more_views_than_are_read_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    let rows = format!(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {VIEWS_MAX}) \
         SELECT 'view', 'v' || i, 'v' || i, 0, 'CREATE VIEW v' || i || ' AS SELECT 1' FROM n"
    );
    sqlite(&source, &format!("{TABLE}); PRAGMA writable_schema = ON; INSERT INTO sqlite_schema {rows};"));
    let live = SourceConnection::open_live(&source).unwrap();
    let refused = chain(&introspect::introspect(&live).unwrap_err());
    assert!(refused.contains("the schema has 10001 views, and 10000 are read"), "{refused}");
}

#[test]
fn expressions_are_as_deep_as_sqlite_says() {
    for sql in [
        "CREATE VIEW v AS SELECT 1 AS x",
        "CREATE TABLE t (a, CHECK (a = 1 OR a = 2 OR a = 3))",
        "CREATE TABLE t (a, b AS (a || a || a || a))",
        "CREATE TABLE t (a, CHECK (abs(abs(a)) > 0))",
        "CREATE TABLE t (a, CHECK (((((a > 0))))))",
        "CREATE TABLE t (a, CHECK (a IN (1, 2 + 3 + 4)))",
        "CREATE TABLE t (a, CHECK (a LIKE 'x' ESCAPE '!' OR a GLOB 'y'))",
        "CREATE TABLE t (a, CHECK (CASE a WHEN 1 + 1 THEN 2 ELSE abs(3) END))",
        "CREATE TABLE t (a, CHECK (CAST(a AS INTEGER) IS NOT NULL))",
        "CREATE VIEW v AS SELECT (SELECT (SELECT 1 + 1 + 1))",
        "CREATE VIEW v AS SELECT 1 WHERE EXISTS (SELECT 1 WHERE 1 = 1 OR 2)",
    ] {
        let depth = i32::try_from(sql_extent("it", sql).unwrap().expression_depth).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, sql);
        // The schema is parsed when the file is first read.
        let takes = |most: i32| {
            let connection = Connection::open(&source).unwrap();
            connection.set_limit(Limit::SQLITE_LIMIT_EXPR_DEPTH, most).unwrap();
            connection.prepare("SELECT name FROM sqlite_schema").is_ok()
        };
        assert!(takes(depth), "{sql} has more than {depth} levels");
        assert!(depth == 1 || !takes(depth - 1), "{sql} has less than {depth} levels");
    }
}

/// SQLite holds a value of an index twice while it looks it up.
#[test]
fn an_index_of_long_values_is_named_as_not_checked() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(
        &source,
        "CREATE TABLE long (k TEXT PRIMARY KEY); INSERT INTO long VALUES (hex(zeroblob(3000000)));
         CREATE TABLE other (k TEXT PRIMARY KEY, b TEXT CHECK (length(b) > 0));
         INSERT INTO other VALUES ('a', hex(zeroblob(3000000)));",
    );
    let live = SourceConnection::open_live(&source).unwrap();
    let found = integrity_check(&live, StopFlag::default()).unwrap();
    assert_eq!(found.problems, [] as [&str; 0]);
    assert_eq!(found.left_out, ["table long: an index of it holds a value of more than 4 MiB"]);
}

/// Each level of these writes its operand three times in PostgreSQL.
#[test]
fn a_translation_that_multiplies_itself_is_refused() {
    let query = (0..24).fold("j".to_owned(), |inner, _| format!("(({inner} ->> 'a') || '')"));
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(
        &source,
        &format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, j TEXT); CREATE VIEW v AS SELECT {query} AS x FROM t;"
        ),
    );
    let plan = plan(&source, "");
    let reasons: Vec<&str> = plan.left_behind.iter().map(|left| left.reason.as_str()).collect();
    assert_eq!(reasons, ["it cannot be translated: its translation is longer than 8 MiB"]);
}

/// PostgreSQL would refuse the view once the rows have moved: "stack depth limit exceeded".
#[test]
fn a_view_of_more_rows_than_postgresqls_stack_holds_is_not_translated() {
    let values = |rows: usize| chained(rows, |row| format!("({row}, 'name {row}')"), ", ");
    let case = Case::new(&format!(
        "{TABLE}); INSERT INTO t VALUES (1, 'x', 5);
         CREATE VIEW few (id, name) AS VALUES {};
         CREATE VIEW many (id, name) AS VALUES {};",
        values(2000),
        values(40_000)
    ));
    let reasons: Vec<(&str, &str)> =
        case.plan.left_behind.iter().map(|left| (left.name.as_str(), left.reason.as_str())).collect();
    let reason = "it cannot be translated: it combines 40000 SELECTs or rows of VALUES, and at most 2000 are translated";
    assert_eq!(reasons, [("many", reason)]);
    case.moved();
    assert_eq!(case.ask("SELECT count(*), max(id) FROM few"), ["2000|1999"]);
}

/// It took 3.5 GB when each value of the list was tried.
#[test]
fn a_check_of_100000_values_needs_little_memory() {
    const RESIDENT_MAX_KB: u64 = 200 << 10;
    let values = chained(100_000, |value| value.to_string(), ", ");
    let case = Case::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER CHECK (a IN ({values}))); INSERT INTO t VALUES (1, 5);"
    ));
    let [rows, before, planning, peak] = measured(&case);
    assert_eq!(rows, 1);
    assert!(peak < RESIDENT_MAX_KB, "{before} kB before, {planning} kB after planning, {peak} kB at the end");
}

#[test]
fn a_table_of_2000_columns_moves_without_those_that_are_skipped() {
    let columns = chained(1998, |place| format!("c{place} INTEGER"), ", ");
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(
        &source,
        &format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, {columns}); INSERT INTO t (id, c1, c1997) VALUES (1, 2, 3);"
        ),
    );
    let skipped = chained(1900, |place| format!("c{} = {{ skip = \"not used\" }}", place + 50), "\n");
    let plan = plan(&source, &format!("[tables.t.columns]\n{skipped}"));
    let case = Case::planned(dir, source, plan);
    case.moved();
    assert_eq!(case.ask("SELECT id, c1, c1997 FROM t"), ["1|2|3"]);
}
