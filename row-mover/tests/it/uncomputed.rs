//! Generated columns and CHECKs of the source whose expression fails for a row: the row is a reject or a breach like any other.
//!
//! SQLite refuses to insert such a row where the column is there; a column that is added later does not see the rows before it.

use std::fs;

use migrate_core::reject::OnReject;
use row_mover::run::{self, Moved, Outcome, Silent};
use row_mover::source::preflight::Findings;

use crate::support::{Case, chain, plan, sqlite};

/// Tables of each shape, each with rows around those that fail.
const TABLES: &str = "
    CREATE TABLE docs (id INTEGER PRIMARY KEY, doc TEXT, name TEXT);
    INSERT INTO docs VALUES (1, '{\"kind\":\"a\"}', 'x'), (2, '{broken', 'y'), (3, '{\"kind\":\"b\"}', 'z'), (4, 'canary', 'v');
    ALTER TABLE docs ADD COLUMN kind TEXT AS (json_extract(doc, '$.kind'));
    ALTER TABLE docs ADD COLUMN again TEXT AS (json(doc));
    CREATE TABLE named (k TEXT PRIMARY KEY, doc TEXT);
    INSERT INTO named VALUES ('c', '{}'), ('a', '[1]'), ('b', 'canary'), ('d', '{\"n\":1}');
    ALTER TABLE named ADD COLUMN n INTEGER AS (json_extract(doc, '$.n'));
    CREATE TABLE pairs (k TEXT PRIMARY KEY, doc TEXT) WITHOUT ROWID;
    INSERT INTO pairs VALUES ('c', '{}'), ('a', '[1]'), ('b', 'canary'), ('d', '{\"n\":1}');
    ALTER TABLE pairs ADD COLUMN n INTEGER AS (json_extract(doc, '$.n'));
    CREATE TABLE loose (doc TEXT);
    INSERT INTO loose VALUES ('{}'), ('canary'), ('{\"n\":1}'), ('canary');
    ALTER TABLE loose ADD COLUMN n INTEGER AS (json_extract(doc, '$.n'));
    CREATE TABLE numbers (id INTEGER PRIMARY KEY, n INTEGER);
    INSERT INTO numbers VALUES (1, -5), (2, -9223372036854775808), (3, NULL);
    ALTER TABLE numbers ADD COLUMN a INTEGER AS (abs(n));
    CREATE TABLE stored (id INTEGER PRIMARY KEY, n INTEGER, a INTEGER AS (abs(n)) STORED);
    INSERT INTO stored (id, n) VALUES (1, -5);";

/// What stands in the way, as table, column, count, and the first keys.
fn offenders(outcome: &Outcome) -> Vec<String> {
    let Outcome::Rejected { findings, .. } = outcome else { panic!("{outcome:?}") };
    named(findings)
}

fn named(findings: &Findings) -> Vec<String> {
    let of_table = findings.tables.iter().flat_map(|table| {
        let lists = table.offenders.iter().chain(&table.rejects);
        lists.map(|offenders| {
            let first: Vec<String> =
                offenders.first.iter().map(|first| format!("{}: {}", first.key, first.reason)).collect();
            format!("{}.{} {}: {}", table.table, offenders.column, offenders.count, first.join("; "))
        })
    });
    of_table.collect()
}

fn counts(moved: &Moved) -> Vec<(&str, u64, u64, u64, u64)> {
    let tables = moved.validation.tables.iter();
    tables
        .map(|table| (table.table.as_str(), table.source_rows, table.equal, table.rejected, table.nulled))
        .collect()
}

const JSON: &str = "SQLite cannot compute it: malformed JSON";
const OVERFLOW: &str = "SQLite cannot compute it: integer overflow";

#[test]
fn a_row_that_sqlite_cannot_compute_stops_by_table_column_and_key() {
    let case = Case::new(TABLES);
    let expected = [
        format!("docs.kind 2: id=2: {JSON}; id=4: {JSON}"),
        format!("docs.again 2: id=2: {JSON}; id=4: {JSON}"),
        format!("loose.n 2: rowid=2: {JSON}; rowid=4: {JSON}"),
        format!("named.n 1: k='b': {JSON}"),
        format!("numbers.a 1: id=2: {OVERFLOW}"),
        format!("pairs.n 1: k='b': {JSON}"),
    ];
    for outcome in [run::dry_run(&case.request(), &Silent), run::migrate(&case.request(), &Silent)] {
        assert_eq!(offenders(&outcome.unwrap()), expected);
    }
    assert!(case.target_objects().is_empty());
    // What fails is no generated column of PostgreSQL, which would fail in its own way; what does not is.
    let is_generated = |table: &str, column: &str| {
        case.plan.table(table).unwrap().target_column(column).unwrap().generated.is_some()
    };
    assert!(!is_generated("numbers", "a"));
    assert!(is_generated("stored", "a"));
}

#[test]
fn each_policy_has_its_effect_and_is_proven() {
    for (policy, expected) in [
        (
            "skip",
            [
                ("docs", 4, 2, 2, 0),
                ("loose", 4, 2, 2, 0),
                ("named", 4, 3, 1, 0),
                ("numbers", 3, 2, 1, 0),
                ("pairs", 4, 3, 1, 0),
            ],
        ),
        (
            "null",
            [
                ("docs", 4, 4, 0, 4),
                ("loose", 4, 4, 0, 2),
                ("named", 4, 4, 0, 1),
                ("numbers", 3, 3, 0, 1),
                ("pairs", 4, 4, 0, 1),
            ],
        ),
    ] {
        let case = Case::mapped(TABLES, &format!("on_reject = \"{policy}\""));
        let moved = case.moved();
        let mut found = counts(&moved);
        found.retain(|(table, ..)| *table != "stored");
        assert_eq!(found, expected, "{policy}");
        let (_, validation) = case.validated(true);
        assert!(validation.is_proven(), "{policy}: {validation:?}");
        let written: u64 = moved.rejected.iter().map(|table| table.skipped + table.nulled).sum();
        assert_eq!(written, expected.iter().map(|(_, _, _, skipped, nulled)| skipped + nulled).sum::<u64>());
        let docs = moved.rejected.iter().find(|table| table.table == "docs").unwrap();
        let lines = fs::read_to_string(&docs.file).unwrap();
        assert!(lines.contains(r#""doc":{"text":"{broken"}"#), "{lines}");
        assert!(lines.contains(r#""kind":{"uncomputed":"malformed JSON"}"#), "{lines}");
        case.moved_already();
    }
}

#[test]
fn text_cannot_hold_a_missing_value() {
    let case = Case::mapped(TABLES, "on_reject = \"text\"");
    assert_eq!(offenders(&run::migrate(&case.request(), &Silent).unwrap()).len(), 6);
    assert!(OnReject::Text.in_words().contains("stops"));
}

#[test]
fn a_table_or_column_with_uncomputed_values_can_be_skipped() {
    let tables = "[leave_behind]\ndocs = \"broken\"\nloose = \"broken\"\nnamed = \"broken\"\nnumbers = \"broken\"\npairs = \"broken\"";
    let moved = Case::mapped(TABLES, tables).moved();
    assert_eq!(counts(&moved), [("stored", 1, 1, 0, 0)]);
    let skip =
        |table: &str, column: &str| format!("[tables.{table}.columns]\n{column} = {{ skip = \"broken\" }}\n");
    let columns = format!(
        "{}again = {{ skip = \"broken\" }}\n{}{}{}{}",
        skip("docs", "kind"),
        skip("loose", "n"),
        skip("named", "n"),
        skip("numbers", "a"),
        skip("pairs", "n")
    );
    let moved = Case::mapped(TABLES, &columns).moved();
    assert!(
        moved.validation.tables.iter().all(|table| table.equal == table.source_rows && table.rejected == 0)
    );
}

#[test]
fn many_rows_are_read_around_those_that_fail_in_every_chunk() {
    let case = Case::mapped(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70000)
         INSERT INTO t SELECT i, CASE WHEN i % 1000 = 7 THEN -9223372036854775808 ELSE -i END FROM n;
         ALTER TABLE t ADD COLUMN a INTEGER AS (abs(n));",
        "on_reject = \"skip\"",
    );
    assert_eq!(counts(&case.moved()), [("t", 70_000, 69_930, 70, 0)]);
}

#[test]
fn a_function_that_only_the_app_has_costs_its_column_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    let connection = rusqlite::Connection::open(&source).unwrap();
    let flags = rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC;
    for name in ["app_hash", "app_ok"] {
        connection.create_scalar_function(name, 1, flags, |_| Ok(1)).unwrap();
    }
    connection
        .execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT CHECK (app_ok(v)), h INTEGER AS (app_hash(v)), s INTEGER AS (app_hash(v)) STORED);
             CREATE TABLE other (id INTEGER PRIMARY KEY); INSERT INTO other VALUES (1);
             INSERT INTO t (id, v) VALUES (1, 'a'), (2, 'b');",
        )
        .unwrap();
    drop(connection);
    let plan = plan(&source, "");
    let case = Case::planned(dir, source, plan);
    let named: Vec<&str> = case.plan.left_behind.iter().map(|left| left.name.as_str()).collect();
    assert!(named.contains(&"t.h"), "{named:?}");
    assert_eq!(counts(&case.moved()), [("other", 1, 1, 0, 0), ("t", 2, 2, 0, 0)]);
}

#[test]
fn a_check_that_fails_for_a_row_is_not_valid_and_names_it() {
    let case = Case::new(
        "PRAGMA ignore_check_constraints = ON;
         CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER CHECK (abs(n) >= 0));
         CREATE TABLE w (k TEXT PRIMARY KEY, n INTEGER CHECK (abs(n) >= 0)) WITHOUT ROWID;
         INSERT INTO t VALUES (1, -1), (2, -9223372036854775808), (3, 5); INSERT INTO w SELECT 'k' || id, n FROM t;",
    );
    let breaches: Vec<(&str, u64, &[String])> = case
        .plan
        .breaches
        .iter()
        .map(|breach| (breach.table.as_str(), breach.rows, breach.first.as_slice()))
        .collect();
    assert_eq!(
        breaches,
        [("t", 1, ["id=2".to_owned()].as_slice()), ("w", 1, ["k='k2'".to_owned()].as_slice())]
    );
    assert!(case.plan.tables.iter().all(|table| table.checks.iter().all(|check| check.not_valid)));
    case.moved();
}

#[test]
fn a_row_that_fails_since_the_plan_was_made_is_found_before_anything_moves() {
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, a INTEGER AS (abs(n)))";
    let case = Case::new(&format!("{sql}; INSERT INTO t (id, n) VALUES (1, -1);"));
    assert!(case.plan.tables[0].columns[2].generated.is_some());
    fs::remove_file(&case.source).unwrap();
    sqlite(
        &case.source,
        &format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, -1), (2, -9223372036854775808);
             PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = '{sql}' WHERE name = 't'"
        ),
    );
    let outcome = run::migrate(&case.request(), &Silent).map_err(|error| chain(&error));
    assert_eq!(offenders(&outcome.unwrap()), [format!("t.a 1: id=2: {OVERFLOW}")]);
}

#[test]
fn damage_of_another_table_is_still_found() {
    let case = Case::new(&format!(
        "{TABLES} CREATE TABLE big (id INTEGER PRIMARY KEY, v TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO big SELECT i, 'row ' || i FROM n;"
    ));
    let connection = rusqlite::Connection::open(&case.source).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
    let root = number("SELECT rootpage FROM sqlite_schema WHERE name = 'big'");
    let at = (root - 1) * number("PRAGMA page_size");
    drop(connection);
    let mut bytes = fs::read(&case.source).unwrap();
    // Its first child is a page that is not there.
    let at = usize::try_from(at).unwrap();
    let cell = at + 12;
    let cell = at + usize::from(u16::from_be_bytes([bytes[cell], bytes[cell + 1]]));
    bytes[cell..cell + 4].copy_from_slice(&[0x7f; 4]);
    fs::write(&case.source, bytes).unwrap();
    let words = chain(&case.refused());
    assert!(words.contains("is damaged"), "{words}");
}

/// Where the key's order is unknown, a row is found by its bytes.
#[test]
fn values_that_cannot_be_computed_are_found_where_only_the_app_knows_the_order() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    let connection = rusqlite::Connection::open(&source).unwrap();
    connection
        .create_collation("unicase", |left, right| right.to_lowercase().cmp(&left.to_lowercase()))
        .unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (k TEXT COLLATE unicase PRIMARY KEY, doc TEXT) WITHOUT ROWID;
             INSERT INTO t VALUES ('b', '{\"a\": 1}'), ('A', 'none'), ('c', '{\"a\": 3}'), ('D', '{\"a\": 4}');
             ALTER TABLE t ADD COLUMN part INTEGER AS (json_extract(doc, '$.a')) VIRTUAL;",
        )
        .unwrap();
    drop(connection);
    let plan = plan(&source, "[tables.t.columns]\npart = { on_reject = \"null\" }");
    let case = Case::planned(dir, source, plan);
    case.moved();
    assert_eq!(case.ask("SELECT k, part FROM t ORDER BY k"), ["A|NULL", "D|4", "b|1", "c|3"]);
}
