//! `cutover`: refusals, a rehearsal, a cutover with a fence, and one of a stopped app.

use rusqlite::Connection;
use serde_json::json;
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{connect, everything, execute, value};

const SOURCE: &str = "PRAGMA journal_mode = WAL;
    CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
    INSERT INTO notes (body) VALUES ('one'), ('two');";

/// A migrated source and its target.
pub(crate) struct Case {
    pub(crate) place: Place,
    pub(crate) database: TestDatabase,
}

impl Case {
    /// A migrated source, which the app has changed since.
    pub(crate) fn new() -> Case {
        let case = Case { place: Place::new(), database: TestDatabase::create() };
        case.in_sqlite(SOURCE).unwrap();
        case.place
            .run(["migrate", "--sqlite", "any.db", "--quiet", "--postgres", case.database.url()])
            .expect(0);
        case.in_sqlite("INSERT INTO notes (body) VALUES ('three')").unwrap();
        case
    }

    pub(crate) fn in_sqlite(&self, sql: &str) -> rusqlite::Result<()> {
        Connection::open(self.place.path().join("any.db")).unwrap().execute_batch(sql)
    }

    pub(crate) fn cutover(&self, more: &[&str]) -> Output {
        self.place.run(["cutover", "--postgres", self.database.url()].iter().chain(more))
    }

    pub(crate) fn notes(&self) -> String {
        value(&self.database, "SELECT string_agg(body, ' ' ORDER BY id) FROM notes")
    }
}

/// Switched by hand: a session of the test stands for the app. (An env file gets no password, which the test's URL has.)
const SWITCH: [&str; 2] = ["--switch-timeout", "30s"];

#[test]
fn without_a_migration_it_is_refused() {
    let place = Place::new();
    let database = TestDatabase::create();
    let refused = place.run(["cutover", "--postgres", database.url(), "--fence"]).expect(2);
    assert!(refused.stderr.contains("holds no migration"), "{}", refused.screen());
    assert!(refused.stderr.contains("migrate first: `cargo xtask migrate`"), "{}", refused.screen());
    let case = Case::new();
    execute(&case.database, "DELETE FROM migration.phases WHERE phase = 'validate'");
    let refused = case.cutover(&["--fence"]).expect(2);
    assert!(refused.stderr.contains("run 1 is not validated"), "{}", refused.screen());
    assert!(refused.stderr.contains("`cargo xtask validate`"), "{}", refused.screen());
}

#[test]
fn a_rehearsal_prints_the_pause_and_changes_nothing() {
    let case = Case::new();
    let (before, files) = (everything(&case.database), case.place.state());
    let rehearsed = case.cutover(&["--dry-run", "--fence"]).expect(0);
    assert!(rehearsed.stdout.contains("changes   1 changed row since"), "{}", rehearsed.screen());
    assert!(rehearsed.stdout.contains("s to expect: copy "), "{}", rehearsed.screen());
    let json = case.cutover(&["--dry-run", "--fence", "--json"]).expect(0).json();
    assert_eq!(
        [&json["format"], &json["command"], &json["is_finished"]],
        [&json!(1), &json!("cutover"), &json!(false)]
    );
    assert_eq!((everything(&case.database), case.place.state()), (before, files));
    case.in_sqlite("INSERT INTO notes (body) VALUES ('four')").unwrap();
}

#[test]
fn the_app_is_switched_and_the_file_is_closed() {
    let case = Case::new();
    let app = connect(&case.database);
    let arguments: Vec<&str> = ["--fence", "--note", "tonight"].into_iter().chain(SWITCH).collect();
    let done = case.cutover(&arguments).expect(0);
    assert!(done.stdout.starts_with("done      the app works with "), "{}", done.screen());
    assert!(done.stdout.contains("\npause     writers waited "), "{}", done.screen());
    assert!(done.stderr.contains("any.db will be written to"), "{}", done.screen());
    assert_eq!(case.notes(), "one two three");
    let refused = case.in_sqlite("INSERT INTO notes (body) VALUES ('lost')").unwrap_err();
    assert_eq!(refused.to_string(), "moved to PostgreSQL");
    let events = "SELECT string_agg(event::json ->> 'event', ' ' ORDER BY id) FROM migration.cutover_events";
    let all = "cutover_begun target_complete source_closed app_switched cutover_finished";
    assert_eq!(value(&case.database, events), all);
    assert_eq!(value(&case.database, "SELECT DISTINCT note FROM migration.cutover_events"), "tonight");
    // The next number is past those of SQLite; the gates have used one.
    execute(&case.database, "INSERT INTO notes (body) VALUES ('four')");
    assert_eq!(value(&case.database, "SELECT max(id) > 3 FROM notes"), "true");
    // Once more: nothing is left to do.
    let again = case.cutover(&["--fence"]).expect(0);
    assert_eq!(again.stdout, done.stdout);
    let caught_up = case.place.run(["catch-up", "--postgres", case.database.url()]);
    assert_eq!(caught_up.code, Some(2), "{}", caught_up.screen());
    drop(app);
}

#[test]
fn a_stopped_app_needs_no_fence() {
    let case = Case::new();
    let app = connect(&case.database);
    let arguments: Vec<&str> = ["--watch", "0", "--json"].into_iter().chain(SWITCH).collect();
    let json = case.cutover(&arguments).expect(0).json();
    assert_eq!([&json["is_finished"], &json["fence"]], [&json!(true), &json!(null)]);
    assert_eq!(case.notes(), "one two three");
    case.in_sqlite("SELECT 1").unwrap();
    drop(app);
}
