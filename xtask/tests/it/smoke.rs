//! `smoke` on migrated databases: it passes, says what fails, and leaves a database that `validate` proves, however it ends.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use test_database::TestDatabase;

use crate::place::{Place, output};
use crate::server::{connect, execute, lines, value};

/// The operations of the app on its eight tables.
const OPERATIONS: usize = 36;

struct Migrated {
    place: Place,
    database: TestDatabase,
}

impl Migrated {
    /// Hyperpage's sample.
    #[track_caller]
    fn hyperpage() -> Migrated {
        let place = Place::new();
        place.sample();
        Migrated::of(place, "hyperpage.db")
    }

    /// Another database.
    #[track_caller]
    fn music() -> Migrated {
        let place = Place::new();
        fixtures::music_store::create(&place.path().join("music.db"), 20).unwrap();
        Migrated::of(place, "music.db")
    }

    #[track_caller]
    fn of(place: Place, source: &str) -> Migrated {
        let migrated = Migrated { place, database: TestDatabase::create() };
        migrated.place.run(["migrate", "--sqlite", source, "--postgres", migrated.database.url()]).expect(0);
        migrated
    }

    fn command(&self) -> Command {
        self.place.command(["smoke", "--postgres", self.database.url()])
    }

    /// Every row version.
    fn versions(&self) -> Vec<String> {
        let tables = lines(
            &self.database,
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'migration') ORDER BY 1",
        );
        let of = |table: &String| {
            let rows = format!(
                "SELECT '{table}' || ctid::text || xmin::text || md5(t::text) FROM {table} AS t ORDER BY ctid"
            );
            lines(&self.database, &rows)
        };
        tables.iter().flat_map(of).collect()
    }

    #[track_caller]
    fn is_proven(&self) {
        self.place.run(["validate", "--no-report", "--postgres", self.database.url()]).expect(0);
    }
}

#[test]
fn the_operations_of_hyperpage_pass_and_leave_nothing() {
    let migrated = Migrated::hyperpage();
    let before = migrated.versions();
    assert!(before.len() > 100, "{}", before.len());
    let text = output(&mut migrated.command()).expect(0);
    assert!(text.stdout.contains("Passed: 36 of 36 operations of the app"), "{}", text.screen());
    assert!(text.stderr.contains("sequences may have advanced"), "{}", text.screen());
    let json = output(migrated.command().arg("--json")).expect(0);
    assert_eq!(json.stderr, "");
    let json = json.json();
    assert_eq!((&json["scope"], &json["passed"]), (&Value::from("hyperpage"), &Value::from(true)));
    let operations = json["operations"].as_array().unwrap();
    assert_eq!(operations.len(), OPERATIONS);
    assert!(operations.iter().all(|operation| operation["seconds"].as_f64().unwrap() > 0.0));
    assert_eq!(migrated.versions(), before);
    migrated.is_proven();
}

#[test]
fn the_tables_of_another_database_pass_and_leave_nothing() {
    let migrated = Migrated::music();
    let before = migrated.versions();
    let text = output(&mut migrated.command()).expect(0);
    assert!(text.stdout.contains("Passed: "), "{}", text.screen());
    assert!(text.stderr.contains("those of the last migration's plan"), "{}", text.screen());
    let json = output(migrated.command().arg("--json")).expect(0).json();
    assert_eq!(json["scope"], "plan");
    for table in json["tables"].as_array().unwrap() {
        assert!(table["aborted_transaction"].is_string(), "{table}");
        assert_eq!(table["operations"].as_array().unwrap().len(), 3);
    }
    assert_eq!(migrated.versions(), before);
    migrated.is_proven();
}

#[test]
fn what_does_not_pass_decides_the_exit_status() {
    let migrated = Migrated::hyperpage();
    execute(
        &migrated.database,
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
         CREATE TRIGGER t BEFORE UPDATE ON app_state FOR EACH ROW EXECUTE FUNCTION keep()",
    );
    let failed = output(&mut migrated.command()).expect(1);
    assert!(
        failed.stdout.contains("set_state: failed: what is stored is not what was written"),
        "{}",
        failed.screen()
    );
    assert!(failed.stdout.contains("state: not tried: it needs set_state"), "{}", failed.screen());

    let database = TestDatabase::create();
    let place = Place::new();
    let smoke = |more: &[&str]| output(place.command(["smoke", "--postgres", database.url()]).args(more));
    let empty = smoke(&["--json"]).expect(2);
    assert!(empty.stdout.is_empty() && empty.stderr.contains("has no table to try"), "{}", empty.screen());
    execute(&database, "CREATE TABLE odd (v text NOT NULL CONSTRAINT \"odd check\" CHECK (v = 'only'))");
    let untried = smoke(&[]).expect(1);
    assert!(
        untried.stdout.contains("insert: not tried: no made-up row was accepted"),
        "{}",
        untried.screen()
    );
    assert!(untried.stdout.contains("odd check"), "{}", untried.screen());
    // Where nothing passed, nothing is proven, whatever is accepted.
    let nothing = smoke(&["--accept-untried", "--json"]).expect(1).json();
    assert_eq!(nothing["passed"], false);
    execute(&database, "CREATE TABLE even (v int)");
    smoke(&[]).expect(1);
    smoke(&["--accept-untried"]).expect(0);
    execute(
        &database,
        "CREATE TABLE behind (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY); INSERT INTO behind OVERRIDING SYSTEM VALUE VALUES (1)",
    );
    let failed = smoke(&["--accept-untried"]).expect(1);
    assert!(failed.stdout.contains("public.behind, insert: failed: PostgreSQL 23505"), "{}", failed.screen());
}

#[test]
fn a_database_that_takes_no_writes_is_refused_once() {
    for migrated in [Migrated::hyperpage(), Migrated::music()] {
        let name = migrated.database.name();
        execute(&migrated.database, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
        for more in [&[][..], &["--accept-untried", "--json"]] {
            let refused = output(migrated.command().args(more)).expect(2);
            assert_eq!(refused.stdout, "");
            let error = format!(
                "error: database {name} takes no writes: default_transaction_read_only is on\n  \
                 next: set it off for this database or role, if that is meant to be\n"
            );
            assert!(refused.stderr.ends_with(&error), "{}", refused.screen());
        }
    }
}

#[test]
fn a_database_with_other_columns_than_schema_pg_is_tried_by_its_tables_and_reported() {
    let migrated = Migrated::hyperpage();
    execute(&migrated.database, "ALTER TABLE jobs ADD COLUMN extra text");
    let tables = output(&mut migrated.command()).expect(0);
    assert!(
        tables
            .stderr
            .contains("not as schema-pg has them: jobs.extra differs; the app's operations are not tried"),
        "{}",
        tables.screen()
    );
    assert!(tables.stdout.contains("Passed: 24 of 24 operations on 8 tables"), "{}", tables.screen());
    assert_eq!(output(migrated.command().arg("--json")).expect(0).json()["scope"], "plan");
}

/// `migrate` translates RAISE(ABORT) itself, so that `smoke` must know it for a refusal on purpose.
#[test]
fn a_trigger_of_sqlite_that_refuses_is_no_failure() {
    let place = Place::new();
    let source = rusqlite::Connection::open(place.path().join("audit.db")).unwrap();
    source
        .execute_batch(
            "CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT); INSERT INTO audit VALUES (1, 'first');
             CREATE TRIGGER kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is kept'); END",
        )
        .unwrap();
    drop(source);
    let migrated = Migrated::of(place, "audit.db");
    let refused = output(&mut migrated.command()).expect(1);
    assert!(
        refused.stdout.contains(
            "public.audit, delete: refused: a function or trigger of the database raised an exception"
        ),
        "{}",
        refused.screen()
    );
    output(migrated.command().arg("--accept-untried")).expect(0);
    migrated.is_proven();
}

/// The app's role has no right to the ledger and to the lists of migrations, and needs none.
#[test]
fn a_role_with_the_rights_of_the_app_is_enough() {
    let migrated = Migrated::music();
    let role = format!("{}_app", migrated.database.name());
    execute(
        &migrated.database,
        &format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'app';
             DO $$ DECLARE t record; BEGIN
             FOR t IN SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') LOOP
             IF t.relkind = 'S' THEN EXECUTE format('GRANT USAGE ON SEQUENCE public.%I TO {role}', t.relname);
             ELSIF t.relname NOT LIKE '\\_\\_%' THEN
             EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO {role}', t.relname);
             END IF; END LOOP; END $$"
        ),
    );
    let (_, server) = migrated.database.url().rsplit_once('@').unwrap();
    let url = format!("postgres://{role}:app@{server}");
    let passed = output(&mut migrated.place.command(["smoke", "--postgres", &url]));
    execute(&migrated.database, &format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    let passed = passed.expect(0);
    assert!(!passed.stdout.contains("not tried:"), "{}", passed.screen());
}

#[test]
fn a_lock_is_reported_with_its_holder() {
    let migrated = Migrated::hyperpage();
    let mut holder = connect(&migrated.database);
    holder.batch_execute("SET application_name = 'the holder'; BEGIN; LOCK TABLE rate_limits").unwrap();
    let blocked = output(&mut migrated.command()).expect(1);
    drop(holder);
    assert!(
        blocked.stdout.contains("save_rate_limit: blocked: public.rate_limits is locked by"),
        "{}",
        blocked.screen()
    );
    assert!(blocked.stdout.contains("the holder"), "{}", blocked.screen());
    migrated.is_proven();
}

const ONE_WAITS: &str = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                         AND application_name = 'hyperpage-migration' AND wait_event_type = 'Lock')";

const SESSIONS: &str = "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() \
                        AND application_name = 'hyperpage-migration'";

#[track_caller]
fn wait_for(migrated: &Migrated, query: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while value(&migrated.database, query) != "true" {
        assert!(Instant::now() < deadline, "{query}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Starts `smoke`, does `disturb` while it waits in the middle of its transaction, and returns its exit status.
#[track_caller]
fn disturbed(migrated: &Migrated, lock: &str, disturb: impl FnOnce(&Child)) -> (Option<i32>, String) {
    let mut holder = connect(&migrated.database);
    holder.batch_execute(&format!("BEGIN; {lock}")).unwrap();
    let child = migrated.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(migrated, ONE_WAITS);
    disturb(&child);
    let output = child.wait_with_output().unwrap();
    drop(holder);
    wait_for(migrated, SESSIONS);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
                         AND application_name = 'hyperpage-migration' AND wait_event_type = 'Lock'";

#[test]
fn a_smoke_test_that_ends_in_the_middle_leaves_nothing() {
    for (migrated, lock) in [
        (Migrated::hyperpage(), "LOCK TABLE user_sessions"),
        (
            Migrated::music(),
            "DO $$ BEGIN EXECUTE (SELECT format('LOCK TABLE %s', oid::regclass) FROM pg_class \
          WHERE relkind = 'r' AND lower(relname) = 'track'); END $$",
        ),
    ] {
        let before = migrated.versions();
        let send = |signal| move |child: &Child| kill_process(Pid::from_child(child), signal).unwrap();
        let (code, _) = disturbed(&migrated, lock, send(Signal::KILL));
        assert_eq!(code, None);
        assert_eq!(migrated.versions(), before);
        let (code, stderr) = disturbed(&migrated, lock, send(Signal::INT));
        assert_eq!(code, Some(130), "{stderr}");
        assert!(stderr.contains("Stopped by SIGINT. Nothing was changed."), "{stderr}");
        assert_eq!(migrated.versions(), before);
        let (code, stderr) = disturbed(&migrated, lock, |_| {
            assert_eq!(value(&migrated.database, TERMINATE), "1");
        });
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("nothing was changed"), "{stderr}");
        assert_eq!(migrated.versions(), before);
        migrated.is_proven();
    }
}
