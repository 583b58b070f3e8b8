//! The trial of rows that may exceed the limits of PostgreSQL's pages: it depends on nothing that an app made, refuses nothing by
//! itself, and takes no other failure for a row that fits.

use row_mover::run::{self, Outcome, Silent};
use row_mover::source::page_limits::Exceeded;
use test_database::TestDatabase;

use crate::loud::loud_server;
use crate::support::{Case, chain, sqlite};

/// The keys that are too long, as table, index and the keys of the first rows; none where all rows fit.
#[track_caller]
fn exceeding(case: &Case) -> Vec<String> {
    let outcome = run::dry_run(&case.request(), &Silent).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let findings = match outcome {
        Outcome::Rejected { findings, .. } => findings,
        Outcome::DryRun { .. } => return Vec::new(),
        other => panic!("{other:?}"),
    };
    let of_table = findings.tables.iter().flat_map(|table| {
        table.exceeding.iter().map(|exceeding| match &exceeding.limit {
            Exceeded::Row { columns } => format!("{} row of {columns} columns", table.table),
            Exceeded::Key { name, .. } => format!("{} {name}: {}", table.table, exceeding.first.join("; ")),
        })
    });
    of_table.collect()
}

/// A file that `source` makes, and a database in which an app has made tables.
#[track_caller]
fn into_existing_on(database: TestDatabase, source: &str, target: &str) -> Case {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(&path, source);
    Case::into_existing_on(database, dir, path, "into_existing = true", target).unwrap()
}

#[track_caller]
fn into_existing(source: &str, target: &str) -> Case {
    into_existing_on(TestDatabase::create(), source, target)
}

/// Text that nothing compresses, of so many bytes.
fn random(bytes: u32) -> String {
    format!("substr(hex(randomblob({})), 1, {bytes})", bytes / 2 + 1)
}

#[test]
fn an_index_that_needs_the_apps_search_path_is_not_tried() {
    let source = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, c TEXT); INSERT INTO t VALUES (1, {0}, 'c'), (2, 'v', substr({0}, 1, 99))",
        random(4000)
    );
    let case = into_existing(
        &source,
        "CREATE EXTENSION citext SCHEMA public;
         CREATE FUNCTION my_norm(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN left($1, 9); END';
         CREATE COLLATION mine (provider = libc, locale = 'C');
         CREATE OPERATOR CLASS mine_ops FOR TYPE text USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=,
           OPERATOR 5 >, FUNCTION 1 bttextcmp(text, text);
         CREATE TABLE t (id bigint PRIMARY KEY, v text, c citext);
         CREATE INDEX by_norm ON t (my_norm(v)); CREATE INDEX by_collation ON t (left(v, 9) COLLATE mine);
         CREATE INDEX by_class ON t (left(v, 9) mine_ops); CREATE INDEX by_citext ON t ((left(v, 9)::citext));
         CREATE INDEX by_c ON t (c); CREATE INDEX \"x USING btree (v); SELECT 1/0; --\" ON t (id, c)",
    );
    assert_eq!(exceeding(&case), Vec::<String>::new());
    assert!(case.moved().validation.is_proven());
}

#[test]
fn an_index_that_is_not_valid_refuses_nothing() {
    let source = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, {})",
        random(4000)
    );
    let target = "CREATE TABLE t (id bigint PRIMARY KEY, v text); CREATE INDEX by_v ON t (v);
                  UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'by_v'::regclass";
    assert_eq!(exceeding(&into_existing(&source, target)), Vec::<String>::new());
}

#[test]
fn no_code_of_the_app_runs_for_the_trial() {
    let source = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, d TEXT); INSERT INTO t VALUES (1, {}, 'd')",
        random(4000)
    );
    // Each leaves a trace that no transaction takes back.
    let case = into_existing(
        &source,
        "CREATE SEQUENCE calls;
         CREATE FUNCTION traced(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
           'BEGIN PERFORM nextval(''public.calls''); RETURN left($1, 9); END';
         CREATE SCHEMA app; CREATE FUNCTION app.traced(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT public.traced($1)';
         CREATE FUNCTION seen(text) RETURNS boolean LANGUAGE plpgsql STABLE AS
           'BEGIN PERFORM nextval(''public.calls''); RETURN true; END';
         CREATE DOMAIN watched AS text CHECK (public.seen(VALUE));
         CREATE TABLE t (id bigint PRIMARY KEY, v text, d watched);
         CREATE INDEX by_traced ON t (traced(v)); CREATE INDEX by_app ON t (app.traced(v)); CREATE INDEX by_d ON t (v, d)",
    );
    let called = case.ask("SELECT last_value, is_called FROM calls");
    assert_eq!(exceeding(&case), ["t by_d: id=1"]);
    assert_eq!(case.ask("SELECT last_value, is_called FROM calls"), called);
}

#[test]
fn a_domain_of_the_app_neither_ends_the_trial_nor_hides_a_key() {
    let server = loud_server();
    let canary = "canary-4d2b";
    let source = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, needed TEXT NOT NULL, kind TEXT, short TEXT);
         INSERT INTO t VALUES (1, '{canary}' || replace(hex(zeroblob(4000)), '00', 'a'), 'x', 'a', '{canary}'),
           (2, '@' || {}, 'x', 'b', 's');",
        random(4000)
    );
    let case = into_existing_on(
        server.database(),
        &source,
        "CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%'); CREATE DOMAIN longer_mail AS mail CHECK (length(VALUE) > 3);
         CREATE DOMAIN needed AS text NOT NULL; CREATE DOMAIN short AS varchar(20) COLLATE \"C\"; CREATE TYPE kind AS ENUM ('a', 'b');
         CREATE TABLE t (id bigint PRIMARY KEY, v longer_mail, needed needed, kind kind NOT NULL, short short);
         ALTER TABLE t ALTER v SET STORAGE EXTENDED, ALTER short SET STORAGE MAIN, ALTER short SET COMPRESSION pglz;
         CREATE INDEX by_v ON t (v); CREATE INDEX by_kind ON t (kind, v) WHERE id > 1",
    );
    assert_eq!(exceeding(&case), ["t by_kind: id=2", "t by_v: id=2"]);
    case.execute("DROP INDEX by_v, by_kind");
    let outcome = run::migrate(&case.request(), &Silent);
    assert!(!matches!(outcome, Ok(Outcome::Moved(_))), "{outcome:?}");
    let log = server.log();
    assert!(log.contains("ready to accept connections"));
    assert!(!log.contains(canary), "{log}");
}

#[test]
fn columns_may_have_any_name_and_occur_twice_in_an_index() {
    let names = [
        "row_on_trial",
        "number of the row on trial",
        "found",
        "state",
        "words",
        "trial_number_0",
        "trial_row_0",
    ];
    let columns: Vec<String> = names.iter().map(|name| format!("\"{name}\" TEXT")).collect();
    let indexes: String =
        names.iter().map(|name| format!("CREATE INDEX \"by {name}\" ON t (\"{name}\", found);")).collect();
    let case = Case::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, {}); {indexes} INSERT INTO t (id, found) VALUES (1, {});",
        columns.join(", "),
        random(4000)
    ));
    let mut expected: Vec<String> = names.iter().map(|name| format!("t by {name}: id=1")).collect();
    expected.sort();
    let mut found = exceeding(&case);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_trial_that_fails_for_another_reason_does_not_count_as_a_fit() {
    let server = loud_server();
    let canary = "canary-5e3c";
    // `timezone` is a unit that date_trunc() knows and does not support: class 0A, which no value of text has to do with.
    let source = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, unit TEXT, v TEXT);
         INSERT INTO t VALUES (7, 'timezone', '{canary}' || {})",
        random(4000)
    );
    let case = into_existing_on(
        server.database(),
        &source,
        "CREATE TABLE t (id bigint PRIMARY KEY, unit text, v text);
         CREATE INDEX by_unit ON t (date_trunc(unit, timestamp '2000-01-01'), left(v, 9))",
    );
    let refused = chain(&run::dry_run(&case.request(), &Silent).unwrap_err());
    assert!(
        refused.contains("table t: the row with the key id=7 cannot be tried for the index by_unit"),
        "{refused}"
    );
    assert!(refused.contains("PostgreSQL 0A000: "), "{refused}");
    for text in [&refused, &server.log()] {
        assert!(!text.contains(canary), "{text}");
    }
}

#[test]
fn trials_of_processes_with_the_same_number_do_not_wait_for_each_other() {
    let case = Case::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE); INSERT INTO t VALUES (1, {})",
        random(4000)
    ));
    let mut other = case.session();
    other.script(&format!("BEGIN; CREATE SCHEMA migration_scratch_trial_{}", std::process::id())).unwrap();
    assert_eq!(exceeding(&case), ["t t_v_key: id=1"]);
    other.script("ROLLBACK").unwrap();
}

#[test]
fn keys_that_a_generated_column_or_a_function_lengthens_are_tried() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let long: String =
        connection.query_row(&format!("SELECT {}", random(4000)), [], |row| row.get(0)).unwrap();
    let case = Case::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, g TEXT AS (replace(v, 'a', '{long}')) STORED);
         CREATE INDEX by_g ON t (g); INSERT INTO t (id, v) VALUES (1, 'a'), (2, 'b');"
    ));
    assert_eq!(exceeding(&case), ["t by_g: id=1"]);
    let case = into_existing(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, ''), (2, NULL), (3, 'v')",
        &format!(
            "CREATE TABLE t (id bigint PRIMARY KEY, v text);
             CREATE INDEX by_pad ON t (rpad(v, 4000, '{long}')); CREATE INDEX by_repeat ON t (repeat(v, 4000))"
        ),
    );
    assert_eq!(exceeding(&case), ["t by_pad: id=1; id=3"]);
}
