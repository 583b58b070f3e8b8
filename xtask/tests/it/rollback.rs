//! `rollback`: what is printed and refused, each remedy followed, kills, and an emergency without PostgreSQL.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use migrate_core::cutover::{Event, Switch};
use postgres_client::Connection;
use row_mover::fence::{FenceId, MarkUse, WriteLock};
use row_mover::ledger::{self, Run};
use serde_json::json;
use test_database::TestDatabase;

use crate::integrity::{SOURCE, SWAP_INDEXES};
use crate::place::{Output, Place};
use crate::server::{execute, value};

/// The app's SQLite file and its PostgreSQL, after a cutover.
struct Story {
    place: Place,
    database: TestDatabase,
}

impl Story {
    /// A migration that is not cut over.
    fn migrated() -> Story {
        Story::migrated_from(&[
            "PRAGMA journal_mode = WAL; CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); \
             INSERT INTO notes VALUES (1, 'one'), (2, 'two'), (3, 'three')",
        ])
    }

    /// The same of a file made by these statements.
    fn migrated_from(statements: &[&str]) -> Story {
        let place = Place::new();
        for sql in statements {
            rusqlite::Connection::open(place.path().join("app.db")).unwrap().execute_batch(sql).unwrap();
        }
        let story = Story { place, database: TestDatabase::create() };
        story.migrate().expect(0);
        story
    }

    fn migrate(&self) -> Output {
        let url = self.database.url();
        self.place.run(["migrate", "--sqlite", "app.db", "--quiet", "--no-report", "--postgres", url])
    }

    /// The same after a cutover with a fence.
    fn new() -> Story {
        let story = Story::migrated();
        story.cut_over();
        story
    }

    fn session(&self) -> Connection {
        Connection::connect(self.database.url(), "test", Duration::from_secs(10)).unwrap()
    }

    fn run(&self) -> Run<'static> {
        ledger::last_run(&mut self.session()).unwrap().unwrap()
    }

    fn sqlite(&self) -> PathBuf {
        self.place.path().join("app.db")
    }

    fn cut_over(&self) {
        let run = self.run();
        let lock = WriteLock::acquire(&self.sqlite(), Duration::from_secs(5)).unwrap().unwrap();
        let fence = lock.put_up(&FenceId::of(&run.seal.sha256), MarkUse::WhereNeeded).unwrap();
        assert!(lock.commit(Instant::now() + Duration::from_secs(5)).unwrap());
        for event in [
            Event::CutoverBegun,
            Event::TargetComplete { sha256: run.seal.sha256.clone() },
            Event::SourceClosed { fence: Some(fence), pause_ms: Some(100) },
            Event::AppSwitched { switch: Switch::ByHand, share_percent: 100 },
            Event::CutoverFinished,
        ] {
            self.record(&event);
        }
    }

    fn record(&self, event: &Event) {
        ledger::record_cutover_event(&mut self.session(), self.run().id, event, "test@host", None).unwrap();
    }

    fn rollback(&self, more: &[&str]) -> Output {
        self.place.run(["rollback", "--postgres", self.database.url()].iter().chain(more))
    }

    /// Writes to PostgreSQL as the app does: three changed rows.
    fn write(&self) {
        execute(
            &self.database,
            "INSERT INTO notes VALUES (4, 'four'); UPDATE notes SET body = 'changed' WHERE id = 1; DELETE FROM notes WHERE id = 2",
        );
    }

    /// Whether SQLite takes writes.
    fn is_sqlite_open(&self) -> bool {
        let app = rusqlite::Connection::open(self.sqlite()).unwrap();
        app.execute("UPDATE notes SET body = body", []).is_ok()
    }

    /// Whether PostgreSQL takes writes.
    fn is_postgres_open(&self) -> bool {
        self.session().query("UPDATE public.notes SET body = body", &[]).is_ok()
    }
}

#[test]
fn a_rollback_is_rehearsed_refused_and_done_as_its_messages_say() {
    let story = Story::new();
    story.write();
    let before = story.place.state();
    let rehearsed = story.rollback(&["--dry-run", "--quiet"]).expect(0);
    story.place.snapshot("rollback-rehearsal", &rehearsed.screen());
    assert_eq!(story.place.state(), before);
    // Nobody can be asked here: the number is printed, and PostgreSQL stays open.
    let unanswered = story.rollback(&[]).expect(2);
    story.place.snapshot("rollback-not_accepted", &unanswered.screen());
    let wrong = story.rollback(&["--accept-loss", "2", "--quiet"]).expect(2);
    story.place.snapshot("rollback-wrong_number", &wrong.screen());
    assert_eq!(story.place.state(), before);
    assert_eq!((story.is_sqlite_open(), story.is_postgres_open()), (false, true));
    let done =
        story.rollback(&["--accept-loss", "3", "--export", "lost.jsonl", "--note", "a drill"]).expect(0);
    story.place.snapshot("rollback-done", &done.screen());
    assert_eq!((story.is_sqlite_open(), story.is_postgres_open()), (true, false));
    assert_eq!(fs::read_to_string(story.place.path().join("lost.jsonl")).unwrap().lines().count(), 3);
    let twice = story.rollback(&["--quiet"]).expect(2);
    story.place.snapshot("rollback-twice", &twice.screen());
    // As the refusal says: a new migration into the same database.
    story.migrate().expect(0);
    assert!(story.is_postgres_open());
}

#[test]
fn scripts_get_json() {
    let story = Story::new();
    story.write();
    let rehearsed = story.rollback(&["--dry-run", "--json", "--quiet"]).expect(0).json();
    assert_eq!([&rehearsed["dry_run"], &rehearsed["lost_rows"]], [&json!(true), &json!(3)]);
    let done = story.rollback(&["--accept-loss", "3", "--json", "--quiet"]).expect(0).json();
    let table = &done["loss"]["tables"][0];
    let counts = ["table", "inserted", "changed", "deleted"].map(|name| table[name].clone());
    assert_eq!(counts, [json!("notes"), json!(1), json!(1), json!(1)]);
    assert_eq!(done["opened"]["by"], "proved");
    assert_eq!(done["switch"], "by_hand");
    let schema = done["archive"]["schemas"][0].as_str().unwrap();
    assert_eq!(value(&story.database, &format!("SELECT count(*)::text FROM {schema}.notes")), "3");
}

#[test]
fn what_cannot_be_rolled_back_is_refused() {
    let story = Story::migrated();
    let nothing = story.rollback(&["--quiet"]).expect(2);
    story.place.snapshot("rollback-nothing", &nothing.screen());
    story.cut_over();
    story.record(&Event::CleanupFinished { archive: "backups/app.db.zst".into(), sha256: "0".repeat(64) });
    let cleaned = story.rollback(&["--quiet"]).expect(2);
    story.place.snapshot("rollback-cleaned_up", &cleaned.screen());
    let down = story.place.run(["rollback", "--quiet", "--postgres", "postgres://127.0.0.1:1/app"]).expect(2);
    assert!(down.stderr.contains("127.0.0.1"), "{}", down.screen());
}

#[test]
fn a_file_that_differs_is_restored_as_the_error_says() {
    let story = Story::new();
    // Somebody has removed the fence of one table, and written.
    let app = rusqlite::Connection::open(story.sqlite()).unwrap();
    let trigger: String = app
        .query_row(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '%update'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    app.execute_batch(&format!("DROP TRIGGER \"{trigger}\"; UPDATE notes SET body = 'past the fence'"))
        .unwrap();
    drop(app);
    let refused = story.rollback(&["--quiet"]).expect(2);
    story.place.snapshot("rollback-differs", &refused.screen());
    assert_eq!((story.is_sqlite_open(), story.is_postgres_open()), (true, false), "one trigger was gone");
    let restored = story.rollback(&["--restore-copy", "--quiet"]).expect(0);
    story.place.snapshot("rollback-restored", &restored.screen());
    let app = rusqlite::Connection::open(story.sqlite()).unwrap();
    let body: String = app.query_row("SELECT body FROM notes WHERE id = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(body, "one");
}

#[test]
fn in_an_emergency_the_app_comes_first() {
    let story = Story::new();
    story.write();
    let done = story.rollback(&["--emergency", "--quiet"]).expect(0);
    story.place.snapshot("rollback-emergency", &done.screen());
    assert_eq!((story.is_sqlite_open(), story.is_postgres_open()), (true, false));
    let order = value(
        &story.database,
        "SELECT string_agg(event::json ->> 'event', ' ' ORDER BY id) FROM migration.cutover_events WHERE id > 5",
    );
    let expected =
        "rollback_begun target_closed source_opened app_switched_back target_archived rollback_finished";
    assert_eq!(order, expected);
}

#[test]
fn an_emergency_works_while_postgresql_is_down_and_the_rest_follows() {
    let story = Story::new();
    story.write();
    let down = ["rollback", "--emergency", "--postgres", "postgres://127.0.0.1:1/app"];
    let unnamed = story.place.run(down).expect(2);
    assert!(unnamed.stderr.contains("--sqlite"), "{}", unnamed.screen());
    let done = story.place.run(down.iter().chain(&["--sqlite", "app.db"])).expect(0);
    story.place.snapshot("rollback-offline", &done.screen());
    assert!(story.is_sqlite_open());
    let app = rusqlite::Connection::open(story.sqlite()).unwrap();
    app.execute("INSERT INTO notes VALUES (5, 'after the emergency')", []).unwrap();
    drop(app);
    // PostgreSQL is back.
    story.rollback(&["--accept-loss", "3", "--quiet"]).expect(0);
    assert!(!story.is_postgres_open());
    let app = rusqlite::Connection::open(story.sqlite()).unwrap();
    let rows: i64 = app.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 4, "what was written after the emergency stays");
}

#[test]
fn a_command_that_is_killed_is_continued() {
    let rounds: u64 = std::env::var("FAULTS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6);
    for round in 0..rounds {
        let story = Story::new();
        let arguments = ["rollback", "--quiet", "--accept-loss", "3", "--postgres", story.database.url()];
        story.write();
        let mut command = story.place.command(arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Spread over the time that a rollback of this size takes.
        std::thread::sleep(Duration::from_millis(40 + round * 900 / rounds));
        child.kill().unwrap();
        let was_done = child.wait().unwrap().success();
        // Never are both open.
        assert!(!(story.is_sqlite_open() && story.is_postgres_open()), "round {round}");
        let again = story.place.run(arguments);
        let is_done = again.stderr.contains("rolled back already");
        assert!(
            again.code == Some(0) || (again.code == Some(2) && is_done),
            "round {round}: {}",
            again.screen()
        );
        assert!(!was_done || is_done, "round {round}");
        assert_eq!((story.is_sqlite_open(), story.is_postgres_open()), (true, false), "round {round}");
        let events = ledger::cutover_events(&mut story.session(), story.run().id).unwrap();
        assert_eq!(events.last().unwrap().event, Event::RollbackFinished);
    }
}

#[test]
fn postgresql_that_a_killed_command_has_closed_is_open_again_where_the_loss_is_not_accepted() {
    let story = Story::new();
    story.write();
    // What a command leaves that is killed before the rollback has begun.
    execute(
        &story.database,
        "CREATE FUNCTION migration.refuse_write() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'closed'; END$$; \
         CREATE TRIGGER migration_closed BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON public.notes \
         FOR EACH STATEMENT EXECUTE FUNCTION migration.refuse_write()",
    );
    assert!(!story.is_postgres_open());
    let refused = story.rollback(&["--quiet"]).expect(2);
    assert!(refused.stderr.contains("PostgreSQL is open to the app"), "{}", refused.screen());
    assert!(story.is_postgres_open());
}

/// The restart command kills the program that has started it, in the middle of the switch.
#[test]
fn a_kill_while_the_app_is_switched_is_continued() {
    let story = Story::new();
    let env = story.place.path().join(".env");
    fs::write(&env, "DATABASE_PATH=app.db\n").unwrap();
    let killed = story.rollback(&["--env-file", ".env", "--restart-command", "kill -9 $PPID", "--quiet"]);
    assert_eq!(killed.code, None, "{}", killed.screen());
    let done = story.rollback(&["--env-file", ".env", "--restart-command", "true", "--quiet"]).expect(0);
    assert!(done.stdout.contains("switched to SQLite"), "{}", done.screen());
}

/// A final copy whose indexes were damaged after the check of the cutover.
#[test]
fn damaged_indexes_are_accepted_as_the_error_says_and_repaired_as_the_result_says() {
    let story = Story::migrated_from(&[SOURCE, SWAP_INDEXES]);
    story.cut_over();
    for arguments in [&["--quiet"][..], &["--quiet", "--dry-run"], &["--quiet", "--restore-copy"]] {
        let refused = story.rollback(arguments).expect(2);
        assert!(refused.stderr.contains("add --accept-damaged-indexes, "), "{}", refused.screen());
        assert_eq!((story.is_sqlite_open(), story.is_postgres_open()), (false, true));
    }
    story.place.snapshot("rollback-damaged_indexes", &story.rollback(&["--quiet"]).expect(2).screen());
    let accepted = ["--quiet", "--accept-damaged-indexes"];
    let rehearsed = story.rollback(&[&accepted[..], &["--dry-run"]].concat()).expect(0);
    assert!(rehearsed.stdout.contains(", accepted by --accept-damaged-indexes"), "{}", rehearsed.screen());
    let done = story.rollback(&accepted).expect(0);
    story.place.snapshot("rollback-accepted_damage", &done.screen());
    assert!(!story.is_postgres_open());
    reindex(&story, &done);
}

#[test]
fn damaged_indexes_are_accepted_while_postgresql_is_down() {
    let story = Story::migrated_from(&[SOURCE, SWAP_INDEXES]);
    story.cut_over();
    let down = [
        "rollback",
        "--emergency",
        "--postgres",
        "postgres://127.0.0.1:1/app",
        "--sqlite",
        "app.db",
        "--quiet",
    ];
    let refused = story.place.run(down).expect(2);
    assert!(refused.stderr.contains("add --accept-damaged-indexes, "), "{}", refused.screen());
    assert!(!story.is_sqlite_open());
    let done = story.place.run(down.iter().chain(&["--accept-damaged-indexes"])).expect(0);
    reindex(&story, &done);
    story.rollback(&["--quiet", "--accept-damaged-indexes"]).expect(0);
}

/// Builds the indexes again as the result says: the rows are those of the cutover.
#[track_caller]
fn reindex(story: &Story, done: &Output) {
    let (_, command) = done.stdout.split_once("`sqlite3 ").unwrap_or_else(|| panic!("{}", done.screen()));
    let (command, _) = command.split_once('`').unwrap();
    let (file, sql) = command.rsplit_once(' ').unwrap();
    let app = rusqlite::Connection::open(story.place.path().join(file)).unwrap();
    let text = |sql: &str| app.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_ne!(text("PRAGMA integrity_check(1)"), "ok");
    app.execute_batch(sql.trim_matches('\'')).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(text("SELECT group_concat(body) FROM notes NOT INDEXED"), "one,two");
    drop(app);
    assert!(story.is_sqlite_open());
}
