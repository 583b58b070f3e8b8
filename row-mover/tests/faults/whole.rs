//! The source of these tests, and the checks of its target after a fault.

use std::time::{Duration, Instant};

use row_mover::run::{self, Moved, Outcome, Silent};

use test_database::TestDatabase;

use crate::engine::{Case, ask, chain, session};
use crate::watch::Watch;

/// Keys, indexes, foreign keys, a view, a table without a key, where rows may be duplicated, and several chunks.
const SOURCE: &str = "
    CREATE TABLE keyed (id INTEGER PRIMARY KEY, v TEXT NOT NULL, n INTEGER); CREATE INDEX by_v ON keyed (v); CREATE INDEX by_n ON keyed (n);
    WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 90000)
    INSERT INTO keyed SELECT i, 'row ' || i || ' of the largest table', i * 7919 % 90001 FROM c;
    CREATE TABLE loose (v TEXT, n REAL); INSERT INTO loose SELECT v, id / 3.0 FROM keyed WHERE id <= 60000;
    CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, keyed INTEGER REFERENCES keyed, UNIQUE (keyed));
    INSERT INTO child (keyed) SELECT id FROM keyed WHERE id % 3 = 0;
    CREATE VIEW seen AS SELECT child.id, keyed.v FROM child JOIN keyed ON keyed.id = child.keyed;";

/// The rows of the tables, the distinct rows of `loose`, the rows of the view, the sums of the ledger's chunks, whether all chunks and
/// builds are done, the number of runs, and the rows of the baseline.
const COUNTS: &str = "SELECT (SELECT count(*) FROM keyed), (SELECT count(*) FROM loose), (SELECT count(DISTINCT v) FROM loose), \
     (SELECT count(*) FROM child), (SELECT count(*) FROM seen), \
     (SELECT string_agg(table_name || ' ' || rows, ', ' ORDER BY table_name) FROM (SELECT table_name, sum(rows) AS rows FROM migration.chunks \
      GROUP BY 1) AS sums), \
     (SELECT bool_and(done_at IS NOT NULL) FROM migration.chunks), (SELECT bool_and(done_at IS NOT NULL) FROM migration.builds), \
     (SELECT count(*) FROM migration.runs), (SELECT count(*) FROM drizzle.__drizzle_migrations)";

const COUNTED: &str = "90000|60000|60000|30000|30000|child 30000, keyed 90000, loose 60000|t|t|1|2";

/// Everything in the target that a migration may have created, by name.
const OBJECTS: &str = "SELECT n.nspname || '.' || c.relname || ' ' || c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname IN ('public', 'migration', 'drizzle') \
     UNION ALL SELECT conrelid::regclass::text || ' ' || conname || ' ' || convalidated::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' \
     UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' \
     UNION ALL SELECT 'invalid ' || indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1";

/// Creates a new case of the source, with a baseline.
#[track_caller]
pub fn case() -> Case {
    Case::new(SOURCE).with_baseline()
}

/// The same, with its target on the server of this URL.
#[track_caller]
pub fn on_server(url: &str) -> Case {
    let mut case = case();
    case.database = TestDatabase::create_on(url);
    case
}

/// Asserts that every row exists once, that the ledger agrees, that validation proves it, and that no other objects are left.
#[track_caller]
pub fn assert_whole(case: &Case, what: &str) {
    assert_eq!(case.ask(COUNTS), [COUNTED], "{what}");
    assert_eq!(case.ask(OBJECTS).join("\n"), objects(), "{what}");
    wait_for_its_sessions(case, what);
    assert!(case.validated(false).1.is_proven(), "{what}");
}

/// Returns the objects in the target of a run without faults.
fn objects() -> &'static str {
    static OBJECTS_OF_A_RUN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    OBJECTS_OF_A_RUN.get_or_init(|| {
        let case = case();
        case.moved();
        case.ask(OBJECTS).join("\n")
    })
}

/// Asserts that a run recovered by itself, and that the target is complete.
#[track_caller]
pub fn assert_recovered(case: &Case, result: row_mover::Result<Outcome>, what: &str) -> Moved {
    let moved = match result {
        Ok(Outcome::Moved(moved)) if moved.validation.is_proven() => *moved,
        Ok(other) => panic!("{what}: {other:?}"),
        Err(error) => panic!("{what}: {}", chain(&error)),
    };
    assert_whole(case, what);
    moved
}

/// Asserts that the target is complete, and that no retry was needed.
#[track_caller]
pub fn assert_recovered_quietly(case: &Case, result: row_mover::Result<Outcome>, watch: &Watch<'_>) {
    match result {
        Ok(Outcome::Moved(moved)) => assert!(moved.validation.is_proven(), "{:?}", moved.validation),
        Ok(other) => panic!("{other:?}"),
        Err(error) => panic!("{}", chain(&error)),
    }
    assert_eq!(watch.tries(), Vec::<String>::new());
    assert_eq!(case.ask(COUNTS), [COUNTED]);
}

/// Runs the same command again, and asserts that it finishes and that the target is complete.
#[track_caller]
pub fn finish(case: &Case, what: &str) {
    match run::migrate(&case.request(), &Silent) {
        Ok(Outcome::Moved(moved)) => assert!(moved.validation.is_proven(), "{what}: {:?}", moved.validation),
        // Killed after the last entry in the ledger.
        Ok(Outcome::AlreadyDone(_)) => {}
        Ok(other) => panic!("{what}: {other:?}"),
        Err(error) => panic!("{what}: {}", chain(&error)),
    }
    assert_whole(case, what);
}

/// Waits until our sessions have ended; the server needs a moment to notice that a process has ended.
#[track_caller]
pub fn wait_for_its_sessions(case: &Case, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hyperpage-migration'";
    let mut asking = session(case.database.url());
    while ask(&mut asking, sessions) != ["0"] {
        assert!(Instant::now() < deadline, "{what}: sessions of ours are left");
        std::thread::sleep(Duration::from_millis(5));
    }
}
