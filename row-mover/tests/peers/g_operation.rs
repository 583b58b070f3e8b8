//! Section G: operation. Runs that are not the first, files that another process holds, and files that are not what they
//! seem. The engine's other tests cover live writers and killed processes.

use std::path::Path;
use std::time::{Duration, Instant};

use row_mover::observer::Silent;
use row_mover::run::{self, Outcome, Request};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::engine::{Case, chain, sqlite};
use crate::support::migrate::{Finished, migrate_file};
use crate::support::{Ending, PeerCase, case, check};

const TWO_TABLES: &str =
    "CREATE TABLE p (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO p VALUES (1, 'x'), (2, 'y');
    CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id)); INSERT INTO c VALUES (1, 1);";

/// The database that this makes in a folder of its own, with its path.
fn file(make: impl FnOnce(&Path)) -> (TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    make(&path);
    (dir, path)
}

fn migrated(make: impl FnOnce(&Path)) -> Finished {
    let (dir, path) = file(make);
    migrate_file(dir, path, "", "")
}

/// A case whose run has ended as it has to, with its target.
#[track_caller]
fn proven(sql: &str) -> Case {
    let finished = migrated(|path| sqlite(path, sql));
    assert_eq!(finished.ending, Ending::Proven, "{}", finished.words);
    finished.case.unwrap()
}

pub fn cases() -> Vec<PeerCase> {
    // Every thirtieth value, and so 3 in 100 rows, is none.
    let three_percent = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);
        WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000)
        INSERT INTO t SELECT i, CASE WHEN i <= 30 THEN 'bad' ELSE i END FROM c;";
    let limited = |id, limit: &str| {
        let mapping = format!("on_reject = \"skip\"\nreject_limit = \"{limit}\"");
        case(id, three_percent).mapping(&mapping).mapping("[tables.t.columns]\nn = { as = \"bigint\" }")
    };
    vec![
        limited("G16", "1%").ends(Ending::Stopped).rejects(&[("t.n", 30)]).tells("1%"),
        limited("G16 rows", "29").ends(Ending::Stopped).rejects(&[("t.n", 30)]).tells("29"),
        limited("G16 within", "3%")
            .ends(Ending::Partly)
            .rejects(&[("t.n", 30)])
            .gives("SELECT count(*) FROM t", &["970"]),
        limited("G16 within rows", "30")
            .ends(Ending::Partly)
            .rejects(&[("t.n", 30)])
            .gives("SELECT count(*) FROM t", &["970"]),
    ]
}

#[test]
fn section_g() {
    check(&cases());
}

#[test]
fn g1_proven_stopped_and_refused_runs_are_distinguished() {
    for (sql, ending) in [
        (TWO_TABLES, Ending::Proven),
        ("CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('a' || char(0));", Ending::Stopped),
        ("PRAGMA user_version = 1;", Ending::Refused),
    ] {
        let finished = migrated(|path| sqlite(path, sql));
        assert_eq!(finished.ending, ending, "{sql}: {}", finished.words);
        if ending != Ending::Proven {
            let objects = finished.case.map(|case| case.target_objects()).unwrap_or_default();
            assert_eq!(objects, [] as [&str; 0], "{sql}");
        }
    }
}

#[test]
fn g3_objects_of_a_used_target_are_not_dropped_without_a_request() {
    let case = proven(TWO_TABLES);
    case.execute(
        "CREATE VIEW report AS SELECT p.v, c.id FROM p JOIN c ON c.p = p.id; INSERT INTO p (v) VALUES ('newer');
         CREATE TABLE of_the_app (p bigint REFERENCES p (id)); INSERT INTO of_the_app VALUES (1);",
    );
    let kept = |case: &Case| {
        assert_eq!(case.ask("SELECT v FROM p ORDER BY id"), ["x", "y", "newer"]);
        assert_eq!(case.ask("SELECT v, id FROM report"), ["x|1"]);
        assert_eq!(case.ask("SELECT p FROM of_the_app"), ["1"]);
    };
    let again = run::migrate(&case.request(), &Silent).unwrap();
    assert!(matches!(again, Outcome::AlreadyDone(_)), "{again:?}");
    kept(&case);
    let restart = Request { restart: true, ..case.request() };
    let refused = chain(&run::migrate(&restart, &Silent).unwrap_err());
    assert!(refused.contains("p: 1 added") && refused.contains("next: ValidateOrDiscard"), "{refused}");
    kept(&case);
    // Even who gives up the newer rows keeps what is not the migration's, by name.
    let discard = Request { discard: true, ..restart };
    let refused = chain(&run::migrate(&discard, &Silent).unwrap_err());
    assert!(refused.contains("depend"), "{refused}");
    kept(&case);
}

#[test]
fn g4_a_second_run_duplicates_nothing() {
    let case = proven(TWO_TABLES);
    let again = run::migrate(&case.request(), &Silent).unwrap();
    assert!(matches!(again, Outcome::AlreadyDone(_)), "{again:?}");
    assert_eq!(case.ask("SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM c)"), ["2|1"]);
}

#[test]
fn g6_a_source_that_is_locked_is_waited_for_and_then_named() {
    let (dir, path) = file(|path| sqlite(path, TWO_TABLES));
    let owner = Connection::open(&path).unwrap();
    owner.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let release = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        owner.execute_batch("COMMIT").unwrap();
    });
    let finished = migrate_file(dir, path, "", "");
    release.join().unwrap();
    assert_eq!(finished.ending, Ending::Proven, "{}", finished.words);

    let (dir, path) = file(|path| sqlite(path, TWO_TABLES));
    let owner = Connection::open(&path).unwrap();
    owner.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let started = Instant::now();
    let finished = migrate_file(dir, path, "", "");
    assert_eq!(finished.ending, Ending::Refused, "{}", finished.words);
    assert!(finished.words.contains("lock"), "{}", finished.words);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn g8_a_file_whose_log_was_left_out_is_no_success() {
    let finished = migrated(|path| {
        let live = path.with_file_name("live.db");
        let app = Connection::open(&live).unwrap();
        app.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;").unwrap();
        app.execute_batch(TWO_TABLES).unwrap();
        std::fs::copy(&live, path).unwrap();
    });
    assert_eq!(finished.ending, Ending::Refused, "{}", finished.words);
    assert!(finished.words.contains("no table") && finished.words.contains("-wal"), "{}", finished.words);
}

#[test]
fn g9_a_damaged_page_is_found_before_anything_is_created() {
    let finished = migrated(|path| {
        sqlite(
            path,
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
             WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 2000)
             INSERT INTO t SELECT i, printf('%040d', i) FROM c;",
        );
        let mut bytes = std::fs::read(path).unwrap();
        let page = 4096 * 5;
        bytes[page..page + 64].fill(0xa5);
        std::fs::write(path, bytes).unwrap();
    });
    assert_eq!(finished.ending, Ending::Refused, "{}", finished.words);
    assert!(["damaged", "malformed"].iter().any(|word| finished.words.contains(word)), "{}", finished.words);
    let objects = finished.case.map(|case| case.target_objects()).unwrap_or_default();
    assert_eq!(objects, [] as [&str; 0]);
}
