//! `integrity_check`, as users meet it: not run by default, asked for by an option, and required by `cutover` and `cleanup`.

use rusqlite::Connection;
use serde_json::{Value, json};
use test_database::TestDatabase;

use crate::cutover::Case;
use crate::place::{Output, Place};
use crate::server::{connect, execute, value};

pub(crate) const SOURCE: &str = "PRAGMA journal_mode = WAL;
    CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, tag TEXT);
    INSERT INTO notes (body, tag) VALUES ('one', 'x'), ('two', 'y');
    CREATE INDEX by_body ON notes (body); CREATE INDEX by_tag ON notes (tag);";

/// Puts the two indexes in each other's place, as a damaged schema has them.
pub(crate) const SWAP_INDEXES: &str = "PRAGMA writable_schema = ON;
    CREATE TEMP TABLE roots AS SELECT name, rootpage FROM sqlite_schema WHERE type = 'index';
    UPDATE sqlite_schema SET rootpage = (SELECT r.rootpage FROM roots r WHERE r.name <> sqlite_schema.name)
    WHERE type = 'index';";

const NOT_RUN: &str = "integrity_check of the sealed copy: not run; `cargo xtask validate --integrity-check` runs it, and \
                       `cutover` and `cleanup` do where it is missing. The proof does not depend on it: every row was read by a scan of \
                       its table, never through an index.\n";

impl Case {
    /// A migrated source whose indexes are damaged.
    fn damaged() -> (Case, Output) {
        Case::migrated(&[SOURCE, SWAP_INDEXES])
    }

    /// A migrated source made by these statements.
    fn migrated(statements: &[&str]) -> (Case, Output) {
        let case = Case { place: Place::new(), database: TestDatabase::create() };
        for sql in statements {
            case.in_sqlite(sql).unwrap();
        }
        let moved = case.run(&["migrate", "--sqlite", "any.db"]);
        (case, moved)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.place.run(arguments.iter().chain(&["--postgres", self.database.url()]))
    }

    /// How many results of the check the ledger has for the last copy, and how many problems they name.
    fn checks(&self) -> String {
        let sql = "SELECT count(*) || ' ' || count(*) FILTER (WHERE problems <> '{}') FROM migration.checks";
        value(&self.database, sql)
    }

    fn events(&self) -> String {
        value(&self.database, "SELECT count(*) FROM migration.cutover_events")
    }
}

fn report(place: &Place) -> Value {
    let newest =
        std::fs::read_dir(place.path().join("reports")).unwrap().map(|entry| entry.unwrap().path()).max();
    serde_json::from_str(&std::fs::read_to_string(newest.unwrap().join("report.json")).unwrap()).unwrap()
}

fn check_of(report: &Value) -> &Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "integrity").unwrap()
}

#[test]
fn every_form_of_a_report_says_that_the_check_was_not_run_and_how_to_run_it() {
    let (case, moved) = Case::damaged();
    let moved = moved.expect(0);
    assert!(moved.stdout.contains(NOT_RUN), "{}", moved.screen());
    let check = check_of(&report(&case.place)).clone();
    assert_eq!([&check["is_done"], &check["problems"]], [&json!(false), &json!([])]);
    let reason = check["left_out"][0]["reason"].as_str().unwrap();
    assert!(NOT_RUN.contains(reason), "{reason}");
    let page = std::fs::read_dir(case.place.path().join("reports")).unwrap().next().unwrap().unwrap();
    let page = std::fs::read_to_string(page.path().join("report.html")).unwrap();
    assert!(page.contains("cargo xtask validate --integrity-check"), "the page");

    let validated = case.run(&["validate", "--github", "--junit", "junit.xml"]).expect(0);
    assert!(validated.stdout.contains(NOT_RUN), "{}", validated.screen());
    let notice = validated
        .screen()
        .lines()
        .find(|line| line.contains("::notice title=Migration proven"))
        .map(str::to_owned);
    assert!(
        notice.as_ref().is_some_and(|line| line.contains("%0Aintegrity: not run; `cargo xtask validate")),
        "{notice:?}"
    );
    let junit = std::fs::read_to_string(case.place.path().join("junit.xml")).unwrap();
    assert!(
        junit.contains("<skipped message=\"not run; `cargo xtask validate --integrity-check`"),
        "{junit}"
    );
    let json = case.run(&["validate", "--json", "--no-report"]).expect(0).json();
    let result = &json["result"];
    assert_eq!([&result["integrity_check"], &result["integrity"]], [&json!("not_run"), &json!(null)]);
    assert_eq!(case.checks(), "0 0");
}

#[test]
fn the_option_runs_it_and_the_ledger_has_its_result_from_then_on() {
    let (case, moved) = Case::damaged();
    moved.expect(0);
    let words = "the sealed copy's indexes do not agree with its tables";
    let checked = case.run(&["validate", "--integrity-check"]).expect(1);
    assert!(checked.stdout.contains(words) && checked.stdout.contains("Proven: "), "{}", checked.screen());
    assert_eq!(case.checks(), "1 1");
    // Without the option, too.
    for command in [&["validate"][..], &["migrate", "--sqlite", "any.db"]] {
        let again = case.run(command).expect(1);
        assert!(again.stdout.contains(words), "{}", again.screen());
    }
    let json = case.run(&["validate", "--json", "--no-report"]).expect(1).json();
    assert_eq!([&json["proven"], &json["result"]["integrity_check"]], [&json!(true), &json!("problems")]);
    assert!(json["result"]["integrity"]["problems"][0].is_string(), "{json}");

    // The remedy: the next copy is sound.
    case.in_sqlite("REINDEX").unwrap();
    case.run(&["catch-up", "--quiet"]).expect(0);
    assert_eq!(case.checks(), "0 0");
    let checked = case.run(&["migrate", "--sqlite", "any.db", "--integrity-check"]).expect(0);
    assert!(checked.stdout.contains("integrity_check of the sealed copy: sound.\n"), "{}", checked.screen());
    assert_eq!(case.checks(), "1 0");
    let json = case.run(&["migrate", "--sqlite", "any.db", "--json"]).expect(0).json();
    assert_eq!(json["result"]["integrity_check"], json!("sound"));
    // The other one.
    let (case, _) = Case::damaged();
    case.in_sqlite("REINDEX").unwrap();
    let restart = ["migrate", "--sqlite", "any.db", "--restart", "--integrity-check", "--json", "--quiet"];
    let json = case.run(&restart).expect(0).json();
    assert_eq!(json["result"]["validation"]["integrity_check"], json!("sound"));
}

#[test]
fn a_cutover_is_refused_before_anything_and_its_remedy_works() {
    let (case, _) = Case::damaged();
    case.in_sqlite("INSERT INTO notes (body) VALUES ('three')").unwrap();
    let _app = connect(&case.database);
    let rehearsed = case.cutover(&["--dry-run", "--fence"]).expect(2);
    assert!(rehearsed.stderr.contains("any.db do not agree with its tables"), "{}", rehearsed.screen());
    assert_eq!((case.checks(), case.events()), ("0 0".to_owned(), "0".to_owned()));

    let refused = case.cutover(&["--fence"]).expect(2);
    assert!(
        refused.stderr.contains("check     integrity_check of the newest copy, while the app works"),
        "{}",
        refused.screen()
    );
    assert!(refused.stderr.contains("any.db do not agree with its tables"), "{}", refused.screen());
    assert_eq!((case.checks(), case.events()), ("1 1".to_owned(), "0".to_owned()));
    // The result is known.
    let again = case.cutover(&["--fence"]).expect(2);
    assert!(!again.stderr.contains("integrity_check of the newest copy"), "{}", again.screen());
    case.in_sqlite("INSERT INTO notes (body) VALUES ('four')").unwrap();

    // `sqlite3 FILE 'REINDEX'`, as it stands there.
    let (_, command) = refused.stderr.split_once("`sqlite3 ").unwrap();
    let (command, _) = command.split_once('`').unwrap();
    let (file, sql) = command.split_once(' ').unwrap();
    Connection::open(file).unwrap().execute_batch(sql.trim_matches('\'')).unwrap();
    let done = case.cutover(&["--fence"]).expect(0);
    assert!(done.stderr.contains("checked   sound"), "{}", done.screen());
    assert_eq!(case.notes(), "one two three four");
}

#[test]
fn the_check_of_a_cutover_ends_before_the_app_waits() {
    let case = Case::new();
    let _app = connect(&case.database);
    // What was recorded of the cutover when the result of a check was.
    execute(
        &case.database,
        "CREATE SCHEMA spy; CREATE TABLE spy.seen (events bigint); \
         CREATE FUNCTION spy.note() RETURNS trigger LANGUAGE plpgsql AS \
         $$BEGIN INSERT INTO spy.seen SELECT count(*) FROM migration.cutover_events; RETURN NEW; END$$; \
         CREATE TRIGGER note BEFORE INSERT ON migration.checks FOR EACH ROW EXECUTE FUNCTION spy.note()",
    );
    let done = case.cutover(&["--fence"]).expect(0);
    assert!(done.stderr.contains("checked   sound"), "{}", done.screen());
    assert_eq!(value(&case.database, "SELECT string_agg(events::text, ' ') FROM spy.seen"), "0");
    // The final copy is another one.
    assert_eq!(case.checks(), "0 0");
}

#[test]
fn an_app_that_is_stopped_does_not_wait_for_a_check_that_was_made_before() {
    let case = Case::new();
    let _app = connect(&case.database);
    case.run(&["catch-up", "--quiet"]).expect(0);
    case.run(&["validate", "--integrity-check", "--quiet"]).expect(0);
    assert_eq!(case.checks(), "1 0");
    let done = case.cutover(&["--watch", "0"]).expect(0);
    assert!(!done.stderr.contains("integrity_check"), "{}", done.screen());
    assert_eq!(case.notes(), "one two three");
    // Where the app has written since the last copy, the check is announced.
    let case = Case::new();
    let _app = connect(&case.database);
    case.run(&["validate", "--integrity-check", "--quiet"]).expect(0);
    let done = case.cutover(&["--watch", "0"]).expect(0);
    assert!(
        done.stderr.contains("`cargo xtask validate --integrity-check` does it before"),
        "{}",
        done.screen()
    );
}

/// Damage that changes no row is in no copy that an earlier command made.
#[test]
fn a_cutover_checks_the_file_as_it_is_now() {
    let watched = ["--watch", "0"];
    for (is_checked, options) in
        [(true, &["--fence", "--yes"][..]), (false, &["--fence", "--yes"]), (true, &watched)]
    {
        let (case, moved) = Case::migrated(&[SOURCE]);
        moved.expect(0);
        let _app = connect(&case.database);
        if is_checked {
            case.run(&["validate", "--integrity-check", "--quiet"]).expect(0);
        }
        case.in_sqlite(SWAP_INDEXES).unwrap();
        for options in [&["--fence", "--dry-run"], options] {
            let refused = case.cutover(options).expect(2);
            assert!(refused.stderr.contains("any.db do not agree with its tables"), "{}", refused.screen());
            assert_eq!(case.events(), "0");
        }
        assert_eq!(case.checks(), "1 1");
        case.in_sqlite("INSERT INTO notes (body) VALUES ('still open'); REINDEX").unwrap();
        let done = case.cutover(options).expect(0);
        assert!(done.stderr.contains("checked   sound"), "{}", done.screen());
        assert_eq!(case.notes(), "one two still open");
    }
}

#[test]
fn a_file_that_was_repaired_since_its_migration_is_sound() {
    let (case, moved) = Case::damaged();
    moved.expect(0);
    case.in_sqlite("REINDEX").unwrap();
    let _app = connect(&case.database);
    let rehearsed = case.cutover(&["--dry-run", "--fence"]).expect(0);
    assert!(rehearsed.stdout.contains("check     sound"), "{}", rehearsed.screen());
    let done = case.cutover(&["--fence"]).expect(0);
    assert!(done.stderr.contains("checked   sound"), "{}", done.screen());
}

#[test]
fn the_result_is_printed_next_to_differences() {
    let (case, moved) = Case::migrated(&[SOURCE]);
    moved.expect(0);
    execute(&case.database, "UPDATE notes SET body = 'changed' WHERE id = 1");
    let line = "integrity_check of the sealed copy: ";
    let differs = case.run(&["validate", "--no-report"]).expect(1);
    assert!(!differs.stdout.contains(line), "{}", differs.screen());
    let checked = case.run(&["validate", "--no-report", "--integrity-check"]).expect(1);
    assert!(checked.stdout.contains(&format!("{line}sound.\n")), "{}", checked.screen());
}
