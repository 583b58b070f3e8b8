//! The remedies that `cutover` prints, each followed word for word, and what a restart may not drop.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use rusqlite::Connection;

use crate::cutover::Case;
use crate::place::Output;
use crate::server::{connect, execute, value};

impl Case {
    fn rollback(&self, more: &[&str]) -> Output {
        self.place.run(["rollback", "--postgres", self.database.url()].iter().chain(more))
    }

    fn migrate(&self, more: &[&str]) -> Output {
        let url = self.database.url();
        let arguments = ["migrate", "--sqlite", "any.db", "--no-report", "--postgres", url];
        self.place.run(arguments.iter().chain(more))
    }

    fn record(&self, event: &str) {
        execute(
            &self.database,
            &format!(
                "INSERT INTO migration.cutover_events (run_id, event, recorded_by) VALUES (1, '{event}', 'test')"
            ),
        );
    }

    fn sqlite_bodies(&self) -> String {
        let app = Connection::open(self.place.path().join("any.db")).unwrap();
        app.query_row("SELECT group_concat(body, ' ') FROM notes", [], |row| row.get(0)).unwrap()
    }

    /// Writes the env file of an app with SQLite, and returns the URL without its password, which goes into a password file.
    fn env_file(&self) -> String {
        fs::write(self.place.path().join(".env"), "DATABASE_PATH=any.db\n").unwrap();
        let (user, rest) = self.database.url().strip_prefix("postgres://").unwrap().split_once('@').unwrap();
        let (user, password) = user.split_once(':').unwrap();
        let passwords = self.place.path().join("pgpass");
        fs::write(&passwords, format!("*:*:*:*:{password}\n")).unwrap();
        fs::set_permissions(&passwords, fs::Permissions::from_mode(0o600)).unwrap();
        format!("postgres://{user}@{rest}")
    }
}

/// Says `remedy` on standard error.
#[track_caller]
fn assert_says(refused: &Output, remedy: &str) {
    assert!(refused.stderr.contains(remedy), "{remedy}\n{}", refused.screen());
}

#[test]
fn a_gate_that_fails_after_the_switch_is_repaired_or_the_app_goes_back() {
    let case = Case::new();
    let _app = connect(&case.database);
    let broken = "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO gone VALUES (1); END$$; \
                  CREATE TRIGGER broken BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION broken()";
    let arguments = ["--fence", "--quiet"];
    // The last change arrives by a catch-up before, so that only the app's work fails: a table that it needs is gone.
    case.place.run(["catch-up", "--quiet", "--postgres", case.database.url()]).expect(0);
    execute(&case.database, broken);
    let failed = case.cutover(&arguments).expect(1);
    case.place.snapshot("cutover-gates_failed", &failed.screen());
    let json = case.cutover(&["--fence", "--quiet", "--json"]).expect(1).json();
    assert_eq!(
        (&json["is_finished"], json["failed"].as_array().unwrap().len()),
        (&false.into(), 1),
        "{json}"
    );
    assert!(case.in_sqlite("INSERT INTO notes (body) VALUES ('lost')").is_err());
    execute(&case.database, "DROP TRIGGER broken ON notes");
    assert!(case.cutover(&arguments).expect(0).stdout.starts_with("done"));
    let other = Case::new();
    let _app = connect(&other.database);
    other.place.run(["catch-up", "--quiet", "--postgres", other.database.url()]).expect(0);
    execute(&other.database, broken);
    other.cutover(&arguments).expect(1);
    other.rollback(&["--quiet"]).expect(0);
    other.in_sqlite("INSERT INTO notes (body) VALUES ('four')").unwrap();
    assert_eq!(other.sqlite_bodies(), "one two three four");
}

#[test]
fn a_rollback_that_has_begun_is_continued_and_followed_by_another_migration() {
    let case = Case::new();
    let _app = connect(&case.database);
    case.cutover(&["--fence", "--quiet"]).expect(0);
    case.record(r#"{"event":"rollback_begun","is_emergency":false,"accepted_loss":0}"#);
    for refused in [
        case.cutover(&["--fence"]).expect(2),
        case.migrate(&[]).expect(2),
        case.migrate(&["--dry-run"]).expect(2),
        case.migrate(&["--restart", "--discard"]).expect(2),
    ] {
        assert_says(&refused, "continue it: run the same `cargo xtask rollback` again");
    }
    case.rollback(&["--quiet"]).expect(0);
    let refused = case.cutover(&["--fence"]).expect(2);
    assert_says(&refused, "`cargo xtask migrate --sqlite FILE`, then run the same command again");
    case.migrate(&["--quiet"]).expect(0);
    case.cutover(&["--fence", "--quiet"]).expect(0);
    assert_eq!(case.notes(), "one two three");
}

#[test]
fn a_restart_does_not_drop_what_the_app_has_written() {
    let case = Case::new();
    let _app = connect(&case.database);
    case.cutover(&["--fence", "--quiet"]).expect(0);
    execute(&case.database, "INSERT INTO notes (body) VALUES ('four')");
    for more in [&["--restart"][..], &["--restart", "--discard"], &["--restart", "--discard", "--dry-run"]] {
        let refused = case.migrate(more).expect(2);
        assert_says(&refused, "run 1 was cut over: its tables take the app's writes");
        assert_says(&refused, "`cargo xtask rollback`");
    }
    assert_eq!(case.notes(), "one two three four");
    // Both remedies: the first has nothing left to do.
    case.cutover(&["--fence", "--quiet"]).expect(0);
    case.rollback(&["--accept-loss", "1", "--quiet"]).expect(0);
    case.migrate(&["--restart", "--quiet"]).expect(0);
    // The fence is in the file, and a kill kept the ledger from having it.
    case.cutover(&["--fence", "--quiet"]).expect(0);
    execute(
        &case.database,
        "DELETE FROM migration.cutover_events WHERE id >= (SELECT max(id) FROM migration.cutover_events WHERE event LIKE '%source_closed%')",
    );
    assert_says(
        &case.migrate(&["--restart"]).expect(2),
        "run 2 was cut over: its tables take the app's writes",
    );
    case.rollback(&["--quiet"]).expect(0);
    case.in_sqlite("INSERT INTO notes (body) VALUES ('five')").unwrap();
}

#[test]
fn a_lost_fence_leads_back_to_sqlite_and_its_writes_stay() {
    let case = Case::new();
    let _app = connect(&case.database);
    let kill = ["--fence", "--quiet", "--env-file", ".env", "--restart-command", "kill -9 $PPID"];
    case.env_file();
    let url = case.database.url();
    fs::write(case.place.path().join(".env"), format!("DATABASE_PATH=any.db\nDATABASE_URL={url}\n")).unwrap();
    assert_eq!(case.cutover(&kill).code, None);
    let app = Connection::open(case.place.path().join("any.db")).unwrap();
    let triggers: String = app
        .query_row(
            "SELECT group_concat('DROP TRIGGER \"' || name || '\"', ';') FROM sqlite_schema WHERE type = 'trigger'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    app.execute_batch(&format!("{triggers}; INSERT INTO notes (body) VALUES ('past the fence')")).unwrap();
    drop(app);
    let refused = case.cutover(&["--fence", "--quiet"]).expect(2);
    case.place.snapshot("cutover-fence_lost", &refused.screen());
    case.rollback(&["--quiet", "--env-file", ".env"]).expect(0);
    case.in_sqlite("INSERT INTO notes (body) VALUES ('after')").unwrap();
    assert_eq!(case.sqlite_bodies(), "one two three past the fence after");
}

#[test]
fn without_a_fence_writers_are_noticed() {
    for remedy in ["stop the app and run the same command again", "add --fence"] {
        let case = Case::new();
        let _app = connect(&case.database);
        let is_over = AtomicBool::new(false);
        let refused = scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    case.in_sqlite("INSERT INTO notes (body) VALUES ('more')").unwrap();
                    sleep(Duration::from_millis(50));
                }
            });
            let refused = case.cutover(&["--watch", "1"]);
            is_over.store(true, Ordering::Relaxed);
            refused
        })
        .expect(2);
        assert_says(&refused, "any.db is written to");
        assert_says(&refused, remedy);
        let last: &[&str] = if remedy == "add --fence" { &["--fence"] } else { &["--watch", "1"] };
        case.cutover(last).expect(0);
        assert_eq!(case.notes(), case.sqlite_bodies());
    }
}

#[test]
fn a_pause_that_is_too_short_is_prolonged() {
    let case = Case::new();
    let _app = connect(&case.database);
    // Only the transaction of the freeze writes this event.
    execute(
        &case.database,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(1.5); RETURN NEW; END$$; \
         CREATE TRIGGER slow BEFORE INSERT ON migration.cutover_events FOR EACH ROW \
         WHEN (NEW.event LIKE '%target_complete%') EXECUTE FUNCTION slow()",
    );
    let refused = case.cutover(&["--fence", "--pause-max", "1", "--attempts", "2"]).expect(2);
    assert_says(&refused, "attempt 1 of 2: writers would have waited too long");
    assert_says(&refused, "the source was not closed in 2 attempts; the app continues with SQLite");
    assert_says(&refused, "with a larger --pause-max");
    case.in_sqlite("INSERT INTO notes (body) VALUES ('four')").unwrap();
    case.cutover(&["--fence", "--pause-max", "10"]).expect(0);
    assert_eq!(case.notes(), "one two three four");
}

#[test]
fn a_reader_that_keeps_the_file_open_is_waited_for_and_named() {
    let case = Case::new();
    let _app = connect(&case.database);
    case.in_sqlite("PRAGMA journal_mode = DELETE").unwrap();
    let reader = Connection::open(case.place.path().join("any.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM notes").unwrap();
    let refused = case.cutover(&["--fence", "--pause-max", "1", "--attempts", "1"]).expect(2);
    assert_says(&refused, "attempt 1 of 1: readers kept the file from being closed");
    assert_says(&refused, "when fewer programs use the file");
    reader.execute_batch("COMMIT").unwrap();
    case.in_sqlite("INSERT INTO notes (body) VALUES ('four')").unwrap();
    case.cutover(&["--fence", "--pause-max", "10"]).expect(0);
    assert_eq!(case.notes(), "one two three four");
}

#[test]
fn a_password_that_would_be_written_to_the_env_file_is_noticed_before_anything_changes() {
    let case = Case::new();
    let _app = connect(&case.database);
    let without_password = case.env_file();
    let before = case.place.state();
    let more = ["--fence", "--quiet", "--env-file", ".env", "--restart-command", "true"];
    for more in [&more[..], &[&more[..], &["--dry-run"]].concat()] {
        let refused = case.cutover(more).expect(2);
        case.place.snapshot("cutover-password", &refused.screen());
        assert_eq!(case.place.state(), before);
    }
    assert_eq!(value(&case.database, "SELECT count(*) FROM migration.cutover_events"), "0");
    // The second remedy: a password file, and a URL without it.
    let mut command = case.place.command(["cutover", "--postgres", &without_password].iter().chain(&more));
    let done = crate::place::output(command.env("PGPASSFILE", case.place.path().join("pgpass"))).expect(0);
    assert!(done.stdout.starts_with("done"), "{}", done.screen());
    let env = fs::read_to_string(case.place.path().join(".env")).unwrap();
    assert!(env.contains(&format!("DATABASE_URL={without_password}")), "{env}");
    // The first one: the variable with the password is there already.
    let case = Case::new();
    let _app = connect(&case.database);
    let url = case.database.url();
    let env = format!("DATABASE_PATH=any.db\nDATABASE_URL={url}\n");
    fs::write(case.place.path().join(".env"), &env).unwrap();
    case.cutover(&more).expect(0);
    case.rollback(&["--quiet", "--env-file", ".env"]).expect(0);
    assert_eq!(fs::read_to_string(case.place.path().join(".env")).unwrap(), env);
}
