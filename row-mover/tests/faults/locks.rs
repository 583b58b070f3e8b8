//! Statements that wait too long for the lock of another session.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use migrate_core::phase::Phase;
use postgres_client::connection::Connection;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::run::{self, Outcome, Purpose, Request, Silent, ValidationRequest};
use row_mover::status::status;
use row_mover::validate::CompareOptions;

use crate::engine::{Case, ask, chain, sqlite};
use crate::language::{plain_url, start_durable};
use crate::watch::{Step, Watch};
use crate::whole::{assert_recovered, assert_whole, case, finish, on_server};

/// Locks `table` when `phase` begins, until the run reports a retry. Returns these reports.
#[track_caller]
fn locked_out(table: &str, phase: Phase, set: impl Fn(&mut DbSettings)) -> Vec<String> {
    let case = case();
    let locking: Mutex<Option<Connection>> = Mutex::default();
    let hook = |step: Step<'_>| match step {
        Step::Begins(begun) if begun == phase => {
            let mut session = case.session();
            session.script(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).unwrap();
            locking.lock().unwrap().replace(session);
        }
        Step::TriesAgain => drop(locking.lock().unwrap().take()),
        _ => {}
    };
    let watch = Watch::new(&hook);
    let mut settings = case.request().settings;
    set(&mut settings);
    let result = run::migrate(&Request { settings, ..case.request() }, &watch);
    assert_recovered(&case, result, &format!("{table} is locked"));
    watch.tries()
}

#[test]
fn a_lock_wait_is_reported_as_one_with_any_statement_timeout() {
    for (table, phase) in [("migration.phases", Phase::Schema), ("migration.chunks", Phase::Validate)] {
        let half = Duration::from_millis(500);
        let tries = locked_out(table, phase, |settings| settings.statement_timeout = half);
        let is_said = |note: &String| note.contains("55P03");
        assert!(tries.iter().any(is_said), "{table}: {tries:?}");
    }
}

/// How long a fault is retried in these tests. A lock wait is reported four times as often.
const RETRY: Duration = Duration::from_millis(1000);

fn patient(case: &Case) -> Request<'_> {
    let request = case.request();
    Request { settings: DbSettings { retry_timeout: RETRY, ..request.settings }, ..request }
}

#[test]
fn a_lock_that_was_not_to_be_had_in_time_is_tried_again() {
    let tries = locked_out("keyed", Phase::Rows, |settings| settings.retry_timeout = RETRY);
    let is_said =
        |note: &String| note.contains("55P03") && note.contains("public.keyed is locked by process ");
    assert!(tries.iter().any(is_said), "{tries:?}");
}

/// Takes a lock with these statements at a step and holds it. The run must soon end with an error that names the table and the
/// holder. Following its remedy must release the lock, so that the same command finishes.
#[track_caller]
fn held(
    case: &Case,
    lock: &str,
    at: &(dyn Fn(Step<'_>) -> bool + Sync),
    table: &str,
    restart: bool,
) -> String {
    let holding: Mutex<Option<Connection>> = Mutex::default();
    let pid = Mutex::new(String::new());
    let hook = |step: Step<'_>| {
        let mut holding = holding.lock().unwrap();
        if holding.is_none() && at(step) {
            let mut session = case.session();
            session.script(&format!("BEGIN; {lock}")).unwrap();
            *pid.lock().unwrap() = ask(&mut session, "SELECT pg_backend_pid()").remove(0);
            holding.replace(session);
        }
    };
    let watch = Watch::new(&hook);
    let began = Instant::now();
    let error = match run::migrate(&Request { restart, ..patient(case) }, &watch) {
        Err(error) => error,
        Ok(outcome) => panic!("{lock}: {outcome:?}"),
    };
    // Far less than without a limit, even on a slow machine.
    assert!(began.elapsed() < Duration::from_secs(60), "{lock}: it took {:?}", began.elapsed());
    let (words, pid) = (chain(&error), pid.lock().unwrap().clone());
    assert_ne!(pid, "", "{lock}: no lock was taken: {words}");
    let named = format!("{table} is locked by process {pid} (application test, user ");
    assert!(words.contains(&named) && words.contains("query started 2"), "{lock}: {words}");
    assert!(watch.tries().iter().all(|note| !note.contains("LOCK TABLE")), "{:?}", watch.tries());
    // The remedy, word for word.
    let remedy =
        words.split("or end it with ").nth(1).and_then(|rest| rest.split(';').next()).unwrap_or_default();
    assert_eq!(remedy, format!("SELECT pg_terminate_backend({pid})"), "{words}");
    assert_eq!(case.ask(remedy), ["t"]);
    assert!(words.ends_with("then run the same command again: it resumes here"), "{words}");
    words
}

fn begins(phase: Phase) -> impl Fn(Step<'_>) -> bool + Sync {
    move |step| step == Step::Begins(phase)
}

#[test]
fn a_lock_that_is_held_for_good_ends_the_run_and_is_named() {
    for (lock, phase, table) in [
        // The ledger, before anything is created.
        ("LOCK TABLE migration.phases", Phase::Schema, "migration.phases"),
        // Chunks, which wait for the table.
        ("LOCK TABLE keyed", Phase::Rows, "public.keyed"),
        // Keys and indexes, which wait for readers of the table.
        ("LOCK TABLE keyed IN ACCESS SHARE MODE", Phase::Rows, "public.keyed"),
        // Rows of the ledger that another session has claimed, such as one that has lost its client.
        ("SELECT FROM migration.chunks FOR UPDATE", Phase::Rows, "migration.chunks"),
        ("SELECT FROM migration.builds FOR UPDATE", Phase::Rows, "migration.builds"),
        // Comparison and statistics.
        ("LOCK TABLE keyed", Phase::Validate, "public.keyed"),
        ("LOCK TABLE loose IN SHARE UPDATE EXCLUSIVE MODE", Phase::Validate, "public.loose"),
    ] {
        let case = case();
        held(&case, lock, &begins(phase), table, false);
        finish(&case, lock);
    }
}

/// Several lanes share one time limit for the same lock.
#[test]
fn more_lanes_do_not_wait_for_longer() {
    let case = case();
    let holding: Mutex<Option<Connection>> = Mutex::default();
    let hook = |step: Step<'_>| {
        if step == Step::Begins(Phase::Rows) {
            let mut session = case.session();
            session.script("BEGIN; LOCK TABLE child IN ACCESS SHARE MODE").unwrap();
            holding.lock().unwrap().replace(session);
        }
    };
    let watch = Watch::new(&hook);
    let error = run::migrate(&Request { workers: 8, ..patient(&case) }, &watch).unwrap_err();
    assert!(chain(&error).contains("public.child is locked by process "), "{}", chain(&error));
    let tries = watch.tries().into_iter().filter(|note| note.contains("public.child is locked")).count();
    assert!(tries <= 4, "{tries} tries of a quarter of the time each");
    drop(holding);
    finish(&case, "let go");
}

#[test]
fn a_restart_that_cannot_drop_for_a_lock_names_it() {
    let case = case();
    case.moved();
    let words =
        held(&case, "LOCK TABLE loose IN ACCESS SHARE MODE", &begins(Phase::Seal), "public.loose", true);
    assert!(words.starts_with("what the earlier run made cannot be dropped"), "{words}");
    assert_whole(&case, "nothing was dropped");
    let again = run::migrate(&Request { restart: true, ..case.request() }, &Silent);
    assert_recovered(&case, again, "restarted");
}

/// The app's tables: dropping foreign keys, disabling triggers and deleting existing rows wait for the app's locks.
#[test]
fn a_lock_on_a_table_of_the_app_ends_the_run_and_is_named() {
    const TARGET: &str = "
        CREATE TABLE author (id bigint PRIMARY KEY, name text NOT NULL);
        CREATE TABLE book (id bigint PRIMARY KEY, author bigint NOT NULL REFERENCES author, title text);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER noted AFTER INSERT ON book FOR EACH ROW EXECUTE FUNCTION note();
        INSERT INTO author VALUES (1000, 'seed')";
    for (seeds, lock, phase, table) in [
        ("keep", "LOCK TABLE book IN ROW EXCLUSIVE MODE", Phase::Schema, "public.book"),
        ("replace", "LOCK TABLE author IN ACCESS SHARE MODE", Phase::Schema, "public.author"),
        ("keep", "LOCK TABLE author IN ACCESS EXCLUSIVE MODE", Phase::Rows, "public.author"),
        ("keep", "LOCK TABLE author IN ROW EXCLUSIVE MODE", Phase::Constraints, "public.author"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(
            &source,
            "CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO author VALUES (1, 'one');
             CREATE TABLE book (id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES author, title TEXT);
             INSERT INTO book VALUES (1, 1, 'title');",
        );
        let case = Case::into_existing(dir, source, &format!("seeds = \"{seeds}\""), TARGET).unwrap();
        held(&case, lock, &begins(phase), table, false);
        case.moved();
    }
}

#[test]
fn a_validation_and_a_status_that_wait_for_a_lock_end_and_name_it() {
    let case = case();
    case.moved();
    let settings = DbSettings { retry_timeout: RETRY, ..case.request().settings };
    for (table, is_status) in [("public.keyed", false), ("migration.runs", false), ("migration.runs", true)] {
        let mut holder = case.session();
        holder.script(&format!("BEGIN; LOCK TABLE {table}")).unwrap();
        let target = case.request().target;
        let began = Instant::now();
        let error = if is_status {
            status(&target, &settings).map(|_| ()).unwrap_err()
        } else {
            let options = CompareOptions { workers: 2, ..CompareOptions::default() };
            let migrations = &case.migrations;
            let request = ValidationRequest {
                target,
                settings,
                migrations,
                options,
                purpose: Purpose::Proof,
                integrity_check: false,
            };
            run::validate(&request, &Silent).map(|_| ()).unwrap_err()
        };
        assert!(began.elapsed() < Duration::from_secs(60), "{table}: it took {:?}", began.elapsed());
        let words = chain(&error);
        assert!(words.contains(&format!("{table} is locked by process ")), "{words}");
        assert!(words.contains("or end it with SELECT pg_terminate_backend("), "{words}");
        assert!(words.ends_with("; then run the same command again"), "{words}");
    }
    assert_whole(&case, "validated again");
}

/// A role that may not see other sessions is told so, with what it may know.
#[test]
fn a_role_without_monitoring_rights_sees_the_process_id() {
    let case = case();
    let role = format!("limited_{}", case.ask("SELECT current_database()")[0]);
    case.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'limited'; GRANT ALL ON DATABASE {} TO {role}; GRANT ALL ON SCHEMA public TO {role}",
        case.ask("SELECT quote_ident(current_database())")[0]
    ));
    let (scheme, rest) = case.database.url().split_once("://").unwrap();
    let url = format!("{scheme}://{role}:limited@{}", rest.split_once('@').unwrap().1);
    let holding: Mutex<Option<Connection>> = Mutex::default();
    let hook = |step: Step<'_>| {
        if step == Step::Begins(Phase::Rows) {
            let mut session = case.session();
            session.script("BEGIN; LOCK TABLE keyed").unwrap();
            holding.lock().unwrap().replace(session);
        }
    };
    let request = Request { target: TargetUrl::parse(&url).unwrap(), ..patient(&case) };
    let words = chain(&run::migrate(&request, &Watch::new(&hook)).unwrap_err());
    assert!(words.contains("public.keyed is locked by process "), "{words}");
    assert!(words.contains("this role may not see more: it takes pg_read_all_stats"), "{words}");
    drop(holding);
    let again = run::migrate(&Request { settings: case.request().settings, ..request }, &Silent);
    assert!(matches!(again, Ok(Outcome::Moved(moved)) if moved.validation.is_proven()));
    case.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// A prepared transaction holds its locks without a session.
#[test]
fn a_prepared_transaction_that_holds_a_lock_is_named_by_its_identifier() {
    let server = start_durable(&["max_prepared_transactions = 5"]);
    let case = on_server(&plain_url(&server));
    let taken = Mutex::new(false);
    let hook = |step: Step<'_>| {
        if step == Step::Begins(Phase::Rows) && !std::mem::replace(&mut *taken.lock().unwrap(), true) {
            case.session()
                .script("BEGIN; LOCK TABLE keyed IN SHARE MODE; PREPARE TRANSACTION 'left over'")
                .unwrap();
        }
    };
    let words = chain(&run::migrate(&patient(&case), &Watch::new(&hook)).unwrap_err());
    assert!(words.contains("public.keyed is locked by the prepared transaction left over"), "{words}");
    let remedy = "ROLLBACK PREPARED 'left over'";
    assert!(words.contains(&format!("COMMIT PREPARED 'left over' or {remedy}")), "{words}");
    case.session().script(remedy).unwrap();
    finish(&case, "rolled back");
}

#[test]
fn a_rival_that_holds_the_lock_of_migrations_is_named() {
    let case = case();
    let mut rival = case.session();
    let pid = ask(&mut rival, "SELECT pg_backend_pid() FROM (SELECT pg_advisory_lock(7237971062)) AS held")
        .remove(0);
    let words = chain(&run::migrate(&case.request(), &Silent).unwrap_err());
    assert!(words.starts_with("another migration is at work on "), "{words}");
    assert!(words.contains(&format!("because: it is process {pid} (application test, user ")), "{words}");
}
