//! `integrity_check` of the sealed copy, where it is asked for: an index that does not agree with its table is reported, and never used.

use std::path::Path;

use migrate_core::phase::Phase;
use postgres_client::{DbSettings, TargetUrl, pool};
use row_mover::ledger;
use row_mover::observer::StopFlag;
use row_mover::run::{self, Moved, Outcome, Request, Silent};
use row_mover::source::SourceConnection;
use row_mover::source::integrity_check::{Integrity, IntegrityState, integrity_check};
use row_mover::source::quick_check::quick_check;

use crate::support::{Case, plan, sqlite};

const SOURCE: &str = "
    CREATE TABLE a (k TEXT PRIMARY KEY, v TEXT); INSERT INTO a VALUES ('a1', 'one'), ('a2', 'two');
    CREATE TABLE b (k TEXT PRIMARY KEY, v TEXT); INSERT INTO b VALUES ('b1', 'one'), ('b2', 'two');";

/// Puts the indexes of the two primary keys in each other's place, as a damaged schema has them.
const SWAP_INDEXES: &str = "
    PRAGMA writable_schema = ON;
    CREATE TEMP TABLE roots AS SELECT name, rootpage FROM sqlite_schema WHERE name LIKE 'sqlite_autoindex%';
    UPDATE sqlite_schema SET rootpage = (SELECT r.rootpage FROM roots r WHERE r.name <> sqlite_schema.name)
    WHERE name LIKE 'sqlite_autoindex%';";

fn damaged_case() -> Case {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(&source, SOURCE);
    let plan = plan(&source, "");
    sqlite(&source, SWAP_INDEXES);
    Case::planned(dir, source, plan)
}

#[track_caller]
fn moved_at_all(case: &Case) -> Moved {
    match run::migrate(&Request { integrity_check: true, ..case.request() }, &Silent) {
        Ok(Outcome::Moved(moved)) => *moved,
        other => panic!("{other:?}"),
    }
}

fn checked(path: &Path) -> Integrity {
    integrity_check(&SourceConnection::open_sealed(path).unwrap(), StopFlag::default()).unwrap()
}

#[test]
fn swapped_indexes_are_reported_and_rows_are_migrated_correctly() {
    let case = damaged_case();
    quick_check(&SourceConnection::open_live(&case.source).unwrap(), &case.source, StopFlag::default())
        .unwrap();
    let moved = moved_at_all(&case);
    // It says nothing against what moved, and nothing is to be built on it.
    assert!(moved.validation.is_proven());
    assert_eq!(moved.validation.integrity_state(), IntegrityState::Problems);
    let integrity = moved.validation.integrity.unwrap();
    assert!(
        integrity.problems.iter().any(|find| find == "row 1 missing from index sqlite_autoindex_a_1"),
        "{integrity:?}"
    );
    assert!(moved.validation.tables.iter().all(|table| table.is_equal() && table.source_rows == 2));
    assert_eq!(case.ask("SELECT k, v FROM a ORDER BY k"), ["a1|one", "a2|two"]);
    let (_, validation) = case.validated(false);
    assert_eq!(validation.integrity_state(), IntegrityState::Problems);
    assert_eq!(validation.integrity.unwrap().problems, integrity.problems);
}

#[test]
fn the_integrity_check_runs_where_it_is_asked_for() {
    let case = damaged_case();
    let moved = case.moved();
    assert_eq!(moved.validation.integrity_state(), IntegrityState::NotRun);
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven() && validation.integrity.is_none());
    assert_eq!(case.ask("SELECT count(*) FROM migration.checks"), ["0"]);
    // Later, and from then on its result is known.
    let (_, validation) = case.validated_with_check();
    assert!(validation.is_proven());
    assert_eq!(validation.integrity_state(), IntegrityState::Problems);
    let (_, validation) = case.validated(false);
    assert_eq!(validation.integrity_state(), IntegrityState::Problems);
}

#[test]
fn the_integrity_check_runs_once() {
    let case = Case::new(SOURCE);
    let moved = case.moved_with_check();
    assert_eq!(moved.validation.integrity_state(), IntegrityState::Sound);
    case.execute("UPDATE migration.checks SET problems = '{from the ledger}'");
    let (_, validation) = case.validated_with_check();
    assert_eq!(validation.integrity.unwrap().problems, ["from the ledger"]);
    // A ledger of an older version has no such table: the check runs again, and is recorded.
    case.execute("DROP TABLE migration.checks; DELETE FROM migration.__diesel_schema_migrations WHERE version = '0004'");
    let (_, validation) = case.validated_with_check();
    assert!(validation.is_proven());
    assert_eq!(case.ask("SELECT check_name, problems FROM migration.checks"), ["integrity|{}"]);
}

#[test]
fn a_resumed_run_has_the_result_of_the_ledger() {
    let case = Case::new(SOURCE);
    case.moved_with_check();
    // As if the run had been killed after the check, and before it was validated.
    case.execute(
        "UPDATE migration.checks SET problems = '{from the ledger}'; DELETE FROM migration.phases WHERE phase = 'validate'",
    );
    let resumed = case.moved();
    assert_eq!(resumed.validation.integrity.unwrap().problems, ["from the ledger"]);
    assert_eq!(case.ask("SELECT problems FROM migration.checks"), ["{\"from the ledger\"}"]);
}

#[test]
fn a_finished_run_is_checked_when_it_is_asked_for_again() {
    let case = damaged_case();
    case.moved();
    let again = |integrity_check| match run::migrate(&Request { integrity_check, ..case.request() }, &Silent)
    {
        Ok(Outcome::AlreadyDone(done)) => IntegrityState::of(done.integrity.as_ref()),
        other => panic!("{other:?}"),
    };
    assert_eq!(again(false), IntegrityState::NotRun);
    assert_eq!(again(true), IntegrityState::Problems);
    assert_eq!(again(false), IntegrityState::Problems);
    // Only what was sealed is checked.
    case.execute("DELETE FROM migration.checks");
    let seal = ledger::last_run(&mut case.session()).unwrap().unwrap().seal;
    std::fs::remove_file(&seal.path).unwrap();
    let error = run::migrate(&Request { integrity_check: true, ..case.request() }, &Silent).unwrap_err();
    assert!(error.to_string().ends_with("is gone"), "{error}");
}

#[test]
fn an_order_that_only_the_app_knows_is_left_out_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.create_collation("LOCALIZED", |left, right| right.cmp(left)).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT COLLATE LOCALIZED, n INTEGER);
             CREATE INDEX by_name ON t (name); CREATE INDEX by_n ON t (n); CREATE INDEX some ON t (n) WHERE name > 'b';
             CREATE TABLE u (k TEXT COLLATE LOCALIZED PRIMARY KEY, n INTEGER) WITHOUT ROWID; CREATE INDEX of_u ON u (n);
             INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'aa', 4), (5, 'ab', 4), (6, 'A', 4);
             INSERT INTO u SELECT name, n FROM t;",
        )
        .unwrap();
    drop(connection);
    let found = checked(&path);
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(
        found.left_out,
        ["by_name", "of_u", "some", "sqlite_autoindex_u_1"].map(|index| format!(
            "the order of index {index}, which is that of a collation that only the app has"
        ))
    );
}

#[test]
fn an_integrity_check_that_nobody_waits_for_is_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(
        &path,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE);
         INSERT INTO t SELECT value, 'v' || value FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 50000) SELECT value FROM n);",
    );
    let is_over = StopFlag::default();
    is_over.set();
    let error = integrity_check(&SourceConnection::open_sealed(&path).unwrap(), is_over).unwrap_err();
    assert!(error.is_stop(), "{error:?}");
}

#[test]
fn the_ledger_has_the_times_of_a_run() {
    let case = Case::new(
        "CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO p VALUES (1, 'a');
         CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id)); INSERT INTO c VALUES (1, 1);
         CREATE INDEX by_p ON c (p);",
    );
    case.moved_with_check();
    let url = TargetUrl::parse(case.database.url()).unwrap();
    let pool = pool::open(&url, &DbSettings::default()).unwrap();
    let history = ledger::history(&mut pool::get(&pool).unwrap(), 1).unwrap();
    let of = |kind: &str| -> Vec<&str> {
        let of_kind = history.spans.iter().filter(|span| span.kind == kind);
        of_kind.map(|span| span.name.as_str()).collect()
    };
    assert_eq!(of("phase"), Phase::ALL.map(Phase::name));
    assert_eq!(of("check"), ["integrity"]);
    let mut rows = of("rows");
    rows.sort_unstable();
    assert_eq!(rows, ["c", "p"]);
    assert!(of("build").len() >= 4, "{history:?}");
    assert_eq!(history.spans[0].begin_seconds, 0.0);
    let begin = |name: &str| history.spans.iter().find(|span| span.name == name).unwrap().begin_seconds;
    // Rows and builds lie within the phases that they belong to, on the same clock.
    let constraints = history.spans.iter().find(|span| span.name == "constraints").unwrap();
    let end = constraints.begin_seconds + constraints.seconds;
    // It runs beside them from the first.
    let check = history.spans.iter().find(|span| span.kind == "check").unwrap();
    assert!(check.begin_seconds < end, "{history:?}");
    for span in history.spans.iter().filter(|span| ["rows", "build"].contains(&span.kind.as_str())) {
        assert!(
            span.begin_seconds >= begin("schema") && span.begin_seconds + span.seconds <= end + 0.05,
            "{span:?} {history:?}"
        );
    }
}

#[test]
fn the_duration_of_rows_excludes_interruptions() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    case.moved();
    // As if a first part had moved a chunk in three seconds, and the resumed run two at once in one second, a hundred seconds later.
    case.execute(
        "UPDATE migration.chunks SET done_at = now() - interval '100 s', seconds = 3;
         INSERT INTO migration.chunks (run_id, table_name, chunk, rows, bytes, seconds, done_at)
         SELECT 1, name, number, 1, 10, 1, now() FROM (VALUES ('t', 1), ('u', 0)) AS chunk (name, number);
         UPDATE migration.phases SET seconds = 0.01, finished_at = now() WHERE phase = 'rows'",
    );
    let history = ledger::history(&mut case.session(), 1).unwrap();
    let took = |kind: &str, name: &str| {
        let span = history.spans.iter().find(|span| span.kind == kind && span.name == name).unwrap();
        (span.seconds * 1000.0).round()
    };
    assert_eq!((took("phase", "rows"), took("rows", "t"), took("rows", "u")), (4000.0, 4000.0, 1000.0));
}
