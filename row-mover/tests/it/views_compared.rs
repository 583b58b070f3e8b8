//! Validation asks views in both databases: what they answer counts, and not the words that they are made of.

use postgres_client::watch::Watch;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use postgres_client::DbSettings;
use row_mover::run::{self, Observer, Request, Silent, Validation};

use crate::support::{Case, chain, moved, words};
use crate::views::{MAPPING, TABLES};

#[test]
fn a_view_that_returns_other_rows_is_named() {
    let case = Case::mapped(
        &format!(
            "{TABLES}
             CREATE VIEW steady AS SELECT name, age, active, joined, doc FROM people;
             CREATE VIEW sums AS SELECT status, sum(amount) AS s, count(*) AS n FROM orders GROUP BY status;
             CREATE VIEW late AS SELECT id FROM orders WHERE at < datetime('now');
             CREATE VIEW later AS SELECT id FROM late;
             CREATE VIEW top AS SELECT id FROM people ORDER BY age LIMIT 1;"
        ),
        MAPPING,
    );
    let moved = case.moved();
    let left = left_out(&moved.validation);
    assert_eq!(
        left,
        [
            "view late: it returns another value each time: it depends on the clock or on chance",
            "view later: it returns another value each time: it depends on the clock or on chance"
        ]
    );
    assert_eq!(moved.validation.views.compared, 3);
    for (damage, found) in [
        (
            "SELECT name, age, active, joined, doc FROM people WHERE id > 1",
            "SQLite returns 5 rows, PostgreSQL 4",
        ),
        (
            "SELECT name, age, NOT active AS active, joined, doc FROM people",
            "both databases return 5 rows, and these differ",
        ),
        (
            "SELECT name, age, active, joined + interval '1 ms' AS joined, doc FROM people",
            "both databases return 5 rows, and these differ",
        ),
        (
            "SELECT name, age / 0 AS age, active, joined, doc FROM people",
            "PostgreSQL cannot read it: PostgreSQL 22012: division by zero",
        ),
    ] {
        case.execute(&format!("CREATE OR REPLACE VIEW steady AS {damage}"));
        let (_, validation) = case.validated(false);
        assert_eq!(words::views(&validation), [format!("view steady: {found}")], "{damage}");
        assert!(!validation.is_proven());
    }
}

/// How long all views together may take in these tests.
const BUDGET: Duration = Duration::from_secs(3);

/// A view that never ends, in SQLite and in PostgreSQL.
const ENDLESS: &str = "CREATE VIEW endless AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 - 1 FROM n) SELECT max(i) AS m FROM n;";

fn quick(case: &Case) -> Request<'_> {
    let request = case.request();
    Request { settings: DbSettings { views_timeout: BUDGET, ..request.settings }, ..request }
}

fn left_out(validation: &Validation) -> Vec<String> {
    words::not_compared(&validation.views)
}

#[test]
fn endless_views_share_one_span_of_time_and_the_others_are_compared() {
    let another = ENDLESS.replace("endless", "another");
    let case = Case::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'one'), (2, 'two');
         {ENDLESS} {another} CREATE VIEW steady AS SELECT id, v FROM t;"
    ));
    let began = Instant::now();
    let done = moved(run::migrate(&quick(&case), &Silent));
    // Without a limit it would never end.
    assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}", began.elapsed());
    let left = left_out(&done.validation);
    assert_eq!(done.validation.views.compared, 1, "{left:?}");
    assert_eq!(left.len(), 2, "{left:?}");
    // The plan has views in the order of their names.
    assert!(
        left[0].starts_with("view another: SQLite takes more than 1.5 seconds for it, and all views together have 3 (DB_VIEWS_TIMEOUT)"),
        "{left:?}"
    );
    assert!(left[1].starts_with("view endless: SQLite takes more than 0.7 seconds for it, "), "{left:?}");
}

#[test]
fn a_view_that_is_too_slow_only_in_postgresql_is_named() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT id FROM t;",
    );
    moved(run::migrate(&quick(&case), &Silent));
    case.execute("CREATE OR REPLACE VIEW v AS SELECT id FROM t, (SELECT pg_sleep(600)) AS slept");
    case.execute("DELETE FROM migration.phases WHERE phase = 'validate'");
    let began = Instant::now();
    let outcome = run::migrate(&quick(&case), &Silent).unwrap();
    assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}", began.elapsed());
    let run::Outcome::Moved(done) = outcome else { panic!("{outcome:?}") };
    let left = left_out(&done.validation);
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with("view v: PostgreSQL takes more than 1.5 seconds for it"), "{left:?}");
}

/// Asks to stop once a view is read.
#[derive(Default)]
struct StopsAtView {
    is_asked: AtomicBool,
    view: Mutex<Option<(String, Instant)>>,
}

impl Observer for StopsAtView {
    fn view_started(&self, view: &str) {
        *self.view.lock().unwrap() = Some((view.to_owned(), Instant::now()));
        self.is_asked.store(true, Ordering::SeqCst);
    }
}

impl Watch for StopsAtView {
    fn is_stopped(&self) -> bool {
        self.is_asked.load(Ordering::SeqCst)
    }
}

#[test]
fn an_endless_view_stops_when_it_is_asked_to() {
    let case = Case::new(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY); {ENDLESS}"));
    let watch = StopsAtView::default();
    // With minutes of time for views.
    let error = run::migrate(&case.request(), &watch).unwrap_err();
    assert!(error.is_stop(), "{}", chain(&error));
    let (view, asked) = watch.view.into_inner().unwrap().unwrap();
    assert_eq!(view, "endless");
    // The view itself has two minutes.
    assert!(asked.elapsed() < Duration::from_secs(60), "it took {:?}", asked.elapsed());
    moved(run::migrate(&quick(&case), &Silent));
}

/// What would take hundreds of megabytes is refused by SQLite itself, and named.
#[test]
fn a_view_with_long_values_is_named() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, short TEXT, long TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO t SELECT i, hex(zeroblob(10)), CASE i WHEN 7 THEN hex(zeroblob(1000000)) END FROM n;
         CREATE VIEW ids AS SELECT id, short FROM t;
         CREATE VIEW numbers AS SELECT count(*) AS n FROM t;
         CREATE VIEW whole AS SELECT id, long FROM t;
         CREATE VIEW joined AS SELECT group_concat(a.short, '') AS v FROM t a, t b WHERE a.id <= 100;
         CREATE VIEW sorted AS SELECT id, long FROM t ORDER BY long;",
    );
    let done = moved(run::migrate(&quick(&case), &Silent));
    let left = left_out(&done.validation);
    let reason = "a value of it in SQLite is longer than 1 MiB";
    assert_eq!(left, ["joined", "sorted", "whole"].map(|view| format!("view {view}: {reason}")));
    assert_eq!(done.validation.views.compared, 2);
}

#[test]
fn a_row_that_is_long_in_postgresql_alone_is_not_taken() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x'); CREATE VIEW v AS SELECT id, v FROM t;",
    );
    case.moved();
    case.execute("CREATE OR REPLACE VIEW v AS SELECT id, repeat(v, 50000000) AS v FROM t");
    let (_, validation) = case.validated(false);
    assert_eq!(left_out(&validation), ["view v: a row of it in PostgreSQL is longer than 4 MiB"]);
}

/// The text of an error quotes the value that caused it: it must not come into the server's log.
#[test]
fn an_error_of_a_view_reaches_no_log() {
    // The log has what earlier runs left in it.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let (canary, control) = (format!("canary-{now}"), format!("control-{now}"));
    let case = Case::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, '{canary}'); CREATE VIEW v AS SELECT id FROM t;"
    ));
    case.moved();
    // As a server logs by default; that of the tests is quieter.
    let database = case.ask("SELECT quote_ident(current_database())").remove(0);
    for setting in
        ["log_min_messages = warning", "log_min_error_statement = error", "log_error_verbosity = default"]
    {
        case.execute(&format!("ALTER DATABASE {database} SET {setting}"));
    }
    case.execute("CREATE OR REPLACE VIEW v AS SELECT id FROM t WHERE v::integer > 0");
    let (_, validation) = case.validated(false);
    let problems = words::views(&validation);
    let [problem] = problems.as_slice() else { panic!("{validation:?}") };
    assert!(problem.starts_with("view v: PostgreSQL cannot read it: PostgreSQL 22P02: "), "{problem}");
    assert!(!problem.contains(&canary), "{problem}");
    case.session().query(&format!("SELECT '{control}'::integer"), &[]).unwrap_err();
    // Standard error of the server is its log; that of a server on another machine cannot be read.
    let pid = case.ask("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)").remove(0);
    let Ok(log) = std::fs::read(format!("/proc/{pid}/fd/2")) else { return };
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains(&control), "this is no log of the server's errors");
    assert!(!log.contains(&canary), "the server's log holds a value");
}
