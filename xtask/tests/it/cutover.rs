//! `cutover`: refusals, a rehearsal, a cutover with a fence, and one of a stopped app.

use rusqlite::Connection;
use serde_json::json;
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{connect, everything, execute, value};

const SOURCE: &str = "PRAGMA journal_mode = WAL;
    CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
    INSERT INTO notes (body) VALUES ('one'), ('two');";

struct Case {
    place: Place,
    database: TestDatabase,
}

impl Case {
    /// A migrated source, which the app has changed since.
    fn new() -> Case {
        let case = Case { place: Place::new(), database: TestDatabase::create() };
        case.in_sqlite(SOURCE).unwrap();
        case.place
            .run(["migrate", "--sqlite", "any.db", "--quiet", "--postgres", case.database.url()])
            .expect(0);
        case.in_sqlite("INSERT INTO notes (body) VALUES ('three')").unwrap();
        case
    }

    fn in_sqlite(&self, sql: &str) -> rusqlite::Result<()> {
        Connection::open(self.place.path().join("any.db")).unwrap().execute_batch(sql)
    }

    fn cutover(&self, more: &[&str]) -> Output {
        self.place.run(["cutover", "--postgres", self.database.url()].iter().chain(more))
    }

    fn notes(&self) -> String {
        value(&self.database, "SELECT string_agg(body, ' ' ORDER BY id) FROM notes")
    }
}

/// Switches by an env file; a session of the test stands for the app.
const SWITCH: [&str; 6] = ["--env-file", "app.env", "--restart-command", "true", "--switch-timeout", "30s"];

#[test]
fn without_a_migration_it_is_refused() {
    let place = Place::new();
    let database = TestDatabase::create();
    let refused = place.run(["cutover", "--postgres", database.url(), "--fence"]).expect(2);
    place.snapshot("cutover_without_migration", &refused.screen());
    let case = Case::new();
    execute(&case.database, "DELETE FROM migration.phases WHERE phase = 'validate'");
    case.place.snapshot("cutover_not_validated", &case.cutover(&["--fence"]).expect(2).screen());
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
    std::fs::write(case.place.path().join("app.env"), "DATABASE_PATH=any.db\n").unwrap();
    let app = connect(&case.database);
    let arguments: Vec<&str> = ["--fence", "--note", "tonight"].into_iter().chain(SWITCH).collect();
    let done = case.cutover(&arguments).expect(0);
    assert!(done.stdout.starts_with("done      the app works with "), "{}", done.screen());
    assert!(done.stdout.contains("\npause     writers waited "), "{}", done.screen());
    assert!(done.stderr.contains("any.db will be written to"), "{}", done.screen());
    assert_eq!(case.notes(), "one two three");
    let refused = case.in_sqlite("INSERT INTO notes (body) VALUES ('lost')").unwrap_err();
    assert_eq!(refused.to_string(), "moved to PostgreSQL");
    let env = std::fs::read_to_string(case.place.path().join("app.env")).unwrap();
    assert!(env.contains("DATABASE_URL="), "{env}");
    let events = "SELECT string_agg(event::json ->> 'event', ' ' ORDER BY id) FROM migration.cutover_events";
    let all = "cutover_begun target_complete source_closed app_switched cutover_finished";
    assert_eq!(value(&case.database, events), all);
    assert_eq!(value(&case.database, "SELECT DISTINCT note FROM migration.cutover_events"), "tonight");
    // The next number continues those of SQLite.
    execute(&case.database, "INSERT INTO notes (body) VALUES ('four')");
    assert_eq!(value(&case.database, "SELECT max(id) FROM notes"), "4");
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
    std::fs::write(case.place.path().join("app.env"), "DATABASE_PATH=any.db\n").unwrap();
    let app = connect(&case.database);
    let arguments: Vec<&str> = ["--watch", "0", "--json"].into_iter().chain(SWITCH).collect();
    let json = case.cutover(&arguments).expect(0).json();
    assert_eq!([&json["is_finished"], &json["fence"]], [&json!(true), &json!(null)]);
    assert_eq!(case.notes(), "one two three");
    case.in_sqlite("SELECT 1").unwrap();
    drop(app);
}
