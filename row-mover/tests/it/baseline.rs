//! The baseline: the plan's migrations in the list of the app's own migrator. When it is written, what it consists of, how it is
//! validated, and that `--restart` and `--undo` remove what the run made and nothing of the app.

use std::sync::Mutex;
use std::time::Duration;

use migrate_core::phase::Phase;
use postgres_client::watch::Watch;
use postgres_client::{Connection, DbSettings, TargetUrl};
use report::words::{self, remedy};
use row_mover::remedy::Remedy;
use row_mover::run::{self, Observer, Purpose, Request, Silent, UndoRequest};
use row_mover::status::status;
use row_mover::validate::CompareOptions;
use test_database::TestDatabase;

use crate::resume::{spawn, wait_for_its_sessions};
use crate::support::dump::schema_dump;
use crate::support::{Case, ask, baseline, chain, moved, session};

const SOURCE: &str = "
    CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT NOT NULL); CREATE INDEX by_v ON a (v);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO a SELECT i, 'row ' || i FROM n;
    CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a); INSERT INTO b SELECT id, id FROM a;";

/// The statements of Drizzle's migrator, version 0.45.
const BY_DRIZZLE: &str = "CREATE SCHEMA IF NOT EXISTS \"drizzle\"; \
    CREATE TABLE IF NOT EXISTS \"drizzle\".\"__drizzle_migrations\" (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)";

const ROWS: &str = "SELECT id, left(hash, 2), created_at FROM drizzle.__drizzle_migrations ORDER BY id";
const WRITTEN: [&str; 2] = ["1|aa|1793491201000", "2|bb|1793491202000"];

const ADD_ONE: &str =
    "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('of the app', 1793491209000)";

/// Whether anything of the list exists.
const IS_THERE: &str = "SELECT to_regnamespace('drizzle') IS NOT NULL OR to_regclass('drizzle.__drizzle_migrations') IS NOT NULL";

fn case() -> Case {
    Case::new(SOURCE).with_baseline()
}

fn restart(case: &Case) -> Request<'_> {
    Request { restart: true, ..case.request() }
}

fn undo_request(case: &Case) -> UndoRequest {
    let Request { target, settings, workers, .. } = case.request();
    UndoRequest { target, settings, workers, discard: false, dry_run: false }
}

/// A run that stopped before it was validated, with its baseline.
fn unvalidated() -> Case {
    let case = case();
    case.moved();
    case.execute("DELETE FROM migration.phases WHERE phase = 'validate'");
    case
}

#[test]
fn the_list_is_the_one_that_drizzle_makes() {
    let case = case();
    case.moved();
    assert_eq!(case.ask(ROWS), WRITTEN);
    assert_eq!(case.ask("SELECT last_value, is_called FROM drizzle.__drizzle_migrations_id_seq"), ["2|t"]);
    let by_drizzle = Case { database: TestDatabase::create(), ..Case::new(SOURCE) };
    by_drizzle.execute(BY_DRIZZLE);
    assert_eq!(schema_dump(&case, &["drizzle"]), schema_dump(&by_drizzle, &["drizzle"]));
    case.moved_already();
    assert_eq!(case.ask(ROWS), WRITTEN);
    // Once more, Drizzle's own statements find everything in place.
    case.execute(BY_DRIZZLE);
    assert!(case.validated(false).1.is_proven());
}

#[test]
fn without_a_baseline_and_in_a_dry_run_nothing_is_written() {
    let case = case();
    let outcome = run::dry_run(&case.request(), &Silent).unwrap();
    assert!(matches!(outcome, run::Outcome::DryRun { baseline: Some(_), .. }), "{outcome:?}");
    assert_eq!(case.target_objects(), [""; 0]);
    let found = moved(run::migrate(&Request { baseline: None, ..case.request() }, &Silent)).validation;
    assert!(found.baseline.is_none());
    assert_eq!(case.ask(IS_THERE), ["f"]);
    assert!(case.validated(false).1.baseline.is_none());
}

#[test]
fn tables_of_an_app_get_no_baseline() {
    let target = "CREATE TABLE a (id bigserial PRIMARY KEY, v text NOT NULL); CREATE INDEX by_v ON a (v); \
                  CREATE TABLE b (id bigint PRIMARY KEY, a bigint REFERENCES a)";
    let case = Case::for_app(SOURCE, target, "").with_baseline();
    case.moved();
    assert_eq!(case.ask(IS_THERE), ["f"]);
}

/// Notes at each event whether the list is visible to another session.
struct Visible<'a> {
    session: Mutex<&'a mut Connection>,
    seen: Mutex<Vec<(String, bool)>>,
}

impl Visible<'_> {
    fn note(&self, event: String) {
        let answer = ask(&mut self.session.lock().unwrap(), IS_THERE);
        self.seen.lock().unwrap().push((event, answer == ["t"]));
    }
}

impl Observer for Visible<'_> {
    fn phase_started(&self, phase: Phase) {
        self.note(format!("{phase} begins"));
    }
    fn phase_finished(&self, phase: Phase, _took: Duration) {
        self.note(format!("{phase} ends"));
    }
    fn build_finished(&self, table: &str, what: &str, _took: Duration) {
        self.note(format!("{what} of {table}"));
    }
}

impl Watch for Visible<'_> {}

#[test]
fn it_becomes_visible_once_rows_keys_and_sequences_are_there() {
    let case = case();
    let mut session = case.session();
    let visible = Visible { session: Mutex::new(&mut session), seen: Mutex::default() };
    moved(run::migrate(&case.request(), &visible));
    let seen = visible.seen.into_inner().unwrap();
    let first = seen.iter().position(|(_, is_there)| *is_there).unwrap();
    assert_eq!(seen[first].0, "constraints ends", "{seen:?}");
    assert!(seen[first..].iter().all(|(_, is_there)| *is_there), "{seen:?}");
    assert!(seen[..first].iter().any(|(event, _)| event.contains("foreign key")), "{seen:?}");
}

#[test]
fn a_run_that_is_killed_next_to_it_resumes_or_is_undone() {
    for stop in ["rows ends", "constraints begins", "constraints ends", "validate begins", "compared"] {
        let case = case();
        spawn(&case, stop).wait().unwrap();
        wait_for_its_sessions(&case);
        let undone =
            run::undo(&undo_request(&case), &Silent).unwrap_or_else(|error| panic!("{}", chain(&error)));
        let is_written = ["constraints ends", "validate begins", "compared"].contains(&stop);
        assert_eq!(undone.unwrap().baseline.is_some(), is_written, "{stop}");
        assert_eq!(case.target_objects(), [""; 0], "{stop}");
        spawn(&case, stop).wait().unwrap();
        wait_for_its_sessions(&case);
        case.moved();
        assert_eq!(case.ask(ROWS), WRITTEN, "{stop}");
    }
}

#[test]
fn an_interruption_after_the_commit_writes_it_once() {
    let case = case();
    case.moved();
    // As after a kill between the baseline's commit and the next entry in the ledger.
    case.execute("DELETE FROM migration.phases WHERE phase IN ('constraints', 'validate')");
    case.moved();
    assert_eq!(case.ask(ROWS), WRITTEN);
}

#[test]
fn a_restart_and_an_undo_remove_what_the_run_made() {
    let case = unvalidated();
    let shown = run::undo(&UndoRequest { dry_run: true, ..undo_request(&case) }, &Silent).unwrap().unwrap();
    assert!(shown.baseline.is_some_and(|written| written.made_schema && written.made_table));
    assert_eq!(case.ask(ROWS), WRITTEN);
    run::undo(&undo_request(&case), &Silent).unwrap().unwrap();
    assert_eq!(case.target_objects(), [""; 0]);
    case.moved();
    moved(run::migrate(&restart(&case), &Silent));
    assert_eq!(case.ask(ROWS), WRITTEN);
    moved(run::migrate(&Request { baseline: None, ..restart(&case) }, &Silent));
    assert_eq!(case.ask(IS_THERE), ["f"]);
}

#[test]
fn a_list_that_an_early_start_of_the_app_made_is_used_and_kept() {
    let case = case();
    case.execute(BY_DRIZZLE);
    case.execute("CREATE TABLE drizzle.of_the_app (id int)");
    case.moved();
    assert_eq!(case.ask(ROWS), WRITTEN);
    case.execute("DELETE FROM migration.phases WHERE phase = 'validate'");
    let undone = run::undo(&undo_request(&case), &Silent).unwrap().unwrap();
    assert!(undone.baseline.is_some_and(|written| !written.made_schema && !written.made_table));
    assert_eq!(case.ask(ROWS), [""; 0]);
    assert_eq!(case.ask("SELECT count(*) FROM drizzle.of_the_app"), ["0"]);
    case.moved();
    moved(run::migrate(&restart(&case), &Silent));
    assert_eq!(case.ask("SELECT count(*) FROM drizzle.__drizzle_migrations"), ["2"]);
}

#[test]
fn what_somebody_creates_next_to_the_list_is_kept() {
    let case = unvalidated();
    case.execute("CREATE TABLE drizzle.of_the_app (id int)");
    run::undo(&undo_request(&case), &Silent).unwrap().unwrap();
    assert_eq!(case.target_objects(), ["drizzle", "drizzle.of_the_app"]);
    let case = unvalidated();
    case.execute("CREATE VIEW listed AS SELECT * FROM drizzle.__drizzle_migrations");
    let refused = run::undo(&undo_request(&case), &Silent).unwrap_err();
    assert!(chain(&refused).contains("rule _RETURN on view public.listed"), "{}", chain(&refused));
    assert_eq!(case.ask(ROWS), WRITTEN);
}

#[test]
fn migrations_that_the_app_ran_since_are_not_dropped_unasked() {
    let case = unvalidated();
    case.execute(ADD_ONE);
    let discarded = |error: row_mover::Error| {
        assert_eq!(error.remedy_value(), Some(&Remedy::DiscardMigrations), "{}", chain(&error));
        assert!(chain(&error).contains("lists 1 migration that the app has run since"), "{}", chain(&error));
    };
    discarded(run::undo(&undo_request(&case), &Silent).unwrap_err());
    discarded(run::migrate(&restart(&case), &Silent).unwrap_err());
    discarded(run::dry_run(&restart(&case), &Silent).unwrap_err());
    assert_eq!(case.ask("SELECT count(*) FROM drizzle.__drizzle_migrations"), ["3"]);
    moved(run::migrate(&Request { discard: true, ..restart(&case) }, &Silent));
    assert_eq!(case.ask(ROWS), WRITTEN);
}

#[test]
fn each_damage_is_found_and_each_remedy_repairs_it() {
    let case = case();
    case.moved();
    let list = "drizzle.__drizzle_migrations";
    for (damage, expected) in [
        ("DROP TABLE drizzle.__drizzle_migrations", "is gone, so that"),
        ("DROP SCHEMA drizzle CASCADE", "is gone, so that"),
        (
            "DELETE FROM drizzle.__drizzle_migrations",
            "does not list the migration with created_at 1793491201000",
        ),
        (
            "DELETE FROM drizzle.__drizzle_migrations WHERE created_at = 1793491202000",
            "does not list the migration with created_at 1793491202000",
        ),
        (
            "UPDATE drizzle.__drizzle_migrations SET hash = 'x' WHERE created_at = 1793491202000",
            "the migration with created_at 1793491202000 has another hash",
        ),
        (
            "UPDATE drizzle.__drizzle_migrations SET created_at = 5 WHERE created_at = 1793491202000",
            "created_at of a migration is 5, and was 1793491202000",
        ),
        (
            "UPDATE drizzle.__drizzle_migrations SET created_at = NULL WHERE created_at = 1793491201000",
            "created_at of a migration is NULL, and was 1793491201000",
        ),
        ("INSERT INTO drizzle.__drizzle_migrations (hash) VALUES ('x')", "has a row without created_at"),
        ("ALTER TABLE drizzle.__drizzle_migrations RENAME COLUMN hash TO h", "is not a table that"),
        ("ALTER TABLE drizzle.__drizzle_migrations ENABLE ROW LEVEL SECURITY", "is not a table that"),
        (
            "DROP TABLE IF EXISTS drizzle.__drizzle_migrations_before; DROP TABLE drizzle.__drizzle_migrations; \
             CREATE VIEW drizzle.__drizzle_migrations AS SELECT 'x'::text AS hash, 1::bigint AS created_at",
            "is not a table that",
        ),
    ] {
        case.execute("DROP TABLE IF EXISTS drizzle.__drizzle_migrations_before");
        case.execute(damage);
        let found = case.validated(false).1;
        assert!(!found.is_proven(), "{damage}");
        let differences = found.baseline.unwrap().differences;
        let words: Vec<String> = differences.iter().map(words::baseline).collect();
        assert!(
            words.iter().any(|words| words.starts_with(list) && words.contains(expected)),
            "{damage}: {words:?}"
        );
        for difference in &differences {
            case.execute(remedy::baseline(difference).sql().unwrap());
        }
        let again = case.validated(false).1;
        assert!(again.is_proven(), "{damage}: {:?}", again.baseline);
    }
}

#[test]
fn what_the_app_adds_to_the_list_is_no_difference() {
    let case = case();
    case.moved();
    case.execute(ADD_ONE);
    // Drizzle 1.0 adds two columns.
    case.execute("ALTER TABLE drizzle.__drizzle_migrations ADD COLUMN name text, ADD COLUMN applied_at timestamptz DEFAULT now()");
    assert!(case.validated(false).1.is_proven());
    let options = CompareOptions { read_only: true, workers: 1, ..CompareOptions::default() };
    assert!(case.validated_for(Purpose::ChangesSince, options).1.is_equal());
}

#[test]
fn the_status_names_it() {
    let case = case();
    case.moved();
    let url = TargetUrl::parse(case.database.url()).unwrap();
    let run = status(&url, &DbSettings::default()).unwrap().run.unwrap();
    assert_eq!(run.baseline, Some(baseline()));
}

#[test]
fn an_app_that_creates_the_schema_at_the_same_moment_is_waited_for() {
    let case = case();
    let url = case.database.url().to_owned();
    let at_once = AtOnce { other: Mutex::new(None), url };
    moved(run::migrate(&case.request(), &at_once));
    assert_eq!(case.ask("SELECT count(*) FROM drizzle.__drizzle_migrations"), ["2"]);
    assert!(at_once.other.into_inner().unwrap().is_some(), "nothing was created at the same moment");
}

/// Creates the list in a transaction that is open when the run writes its own, and commits while it waits.
struct AtOnce {
    other: Mutex<Option<std::thread::JoinHandle<()>>>,
    url: String,
}

impl Observer for AtOnce {
    fn build_finished(&self, _table: &str, _what: &str, _took: Duration) {
        let mut other = self.other.lock().unwrap();
        if other.is_some() {
            return;
        }
        let mut app = session(&self.url);
        app.script(&format!("BEGIN; {BY_DRIZZLE}")).unwrap();
        let url = self.url.clone();
        *other = Some(std::thread::spawn(move || {
            let mut asking = session(&url);
            let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            while ask(&mut asking, waits) == ["0"] {
                std::thread::sleep(Duration::from_millis(5));
            }
            app.script("COMMIT").unwrap();
        }));
    }
}

impl Watch for AtOnce {}
