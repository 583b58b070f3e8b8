//! `cleanup --apply` changes an app's checkout only if the ledger has a finished cutover that has lasted.

use std::fs;

use migrate_core::cutover::{Archive, Event, Fence, Switch};
use test_database::TestDatabase;

use crate::place::{Output, Place, contents, output};
use crate::server::{execute, value};

/// The app's database.
const DATABASE: &str = "app/data/hyperpage.db";

/// Creates an app that still uses SQLite, next to the sample.
fn app() -> Place {
    let place = Place::new();
    place.sample();
    fs::create_dir_all(place.path().join("app/data")).unwrap();
    for (path, content) in [
        (
            "package.json",
            "{\n  \"dependencies\": {\n    \"better-sqlite3\": \"^12.0.0\",\n    \"next\": \"^15.0.0\"\n  }\n}\n",
        ),
        (".env", "SESSION_SECRET=x\nDATABASE_PATH=./data/hyperpage.db\n"),
    ] {
        fs::write(place.path().join("app").join(path), content).unwrap();
    }
    fs::copy(place.path().join("hyperpage.db"), place.path().join("app/data/hyperpage.db")).unwrap();
    place
}

#[track_caller]
fn cleanup(place: &Place, database: &TestDatabase, more: &[&str]) -> Output {
    place
        .run(["cleanup", "--app", "app", "--apply", "--yes", "--postgres", database.url()].iter().chain(more))
}

/// Records a cutover of the last run, the last event of which happened at that time before now.
fn cut_over(database: &TestDatabase, events: &[Event], ago: &str) {
    for event in events {
        let event = serde_json::to_string(event).unwrap().replace('\'', "''");
        execute(
            database,
            &format!(
                "INSERT INTO migration.cutover_events (run_id, event, recorded_at, recorded_by) \
                 SELECT max(id), '{event}', now() - interval '{ago}', 'test@host' FROM migration.runs"
            ),
        );
    }
}

/// The events of a cutover that has finished.
fn finished_cutover() -> [Event; 5] {
    [
        Event::CutoverBegun,
        Event::TargetComplete { sha256: "0".to_owned() },
        Event::SourceClosed { fence: Some(Fence::Triggers), pause_ms: Some(900) },
        Event::AppSwitched { switch: Switch::ByHand, share_percent: 100 },
        Event::CutoverFinished,
    ]
}

/// Runs `cleanup --apply`, which must refuse with this status and message and not change the app.
#[track_caller]
fn is_refused(place: &Place, database: &TestDatabase, name: &str) {
    let before = contents(&place.path().join("app"));
    for json in [&["--json"][..], &[]] {
        let refused = cleanup(place, database, json).expect(2);
        assert!(refused.stderr.contains("nothing was changed"), "{}", refused.stderr);
        assert!(contents(&place.path().join("app")) == before, "{name}: something was changed");
        if json.is_empty() {
            place.snapshot(&format!("cleanup-{name}"), &refused.stderr);
        } else {
            assert!(refused.json()["refused"].is_string(), "{}", refused.screen());
        }
    }
}

#[test]
fn it_asks_the_ledger_each_time() {
    let place = app();
    let database = TestDatabase::create();
    is_refused(&place, &database, "before");

    let migrate = |more: &[&str]| {
        let arguments = ["migrate", "--sqlite", DATABASE, "--postgres", database.url()];
        place.run(arguments.iter().chain(more)).expect(0)
    };
    migrate(&["--dry-run"]);
    is_refused(&place, &database, "before");
    migrate(&[]);

    execute(
        &database,
        "UPDATE public.users SET username = 'damaged' WHERE id = (SELECT min(id) FROM public.users)",
    );
    place.run(["validate", "--postgres", database.url()]).expect(1);
    is_refused(&place, &database, "after_failed_validation");

    execute(
        &database,
        "DELETE FROM migration.phases WHERE phase = 'constraints'; \
         INSERT INTO migration.phases (run_id, phase, seconds) VALUES (1, 'validate', 0)",
    );
    is_refused(&place, &database, "interrupted");
}

#[test]
fn it_works_once_a_cutover_has_lasted() {
    let place = app();
    let database = TestDatabase::create();
    place.run(["migrate", "--sqlite", DATABASE, "--postgres", database.url()]).expect(0);
    is_refused(&place, &database, "no_cutover");
    let events = finished_cutover();
    cut_over(&database, &events[..3], "8 days");
    is_refused(&place, &database, "unfinished_cutover");
    cut_over(&database, &events[3..], "2 days 30 minutes");
    let before = place.state();
    let early = cleanup(&place, &database, &[]).expect(2).stderr;
    assert!(early.contains("too recent: 4 days and 23 hours are left of --soak"), "{early}");
    assert_eq!(place.state(), before);
    let dry_run = cleanup_dry_run(&place, &database);
    place.snapshot("cleanup-dry_run", &dry_run.screen());
    assert_eq!(place.state(), before);

    let done = cleanup(&place, &database, &["--soak", "36h", "--note", "moved"]).expect(0);
    place.snapshot("cleanup-applied", &hidden_hashes(&done.screen()));
    let app = place.path().join("app");
    assert!(!fs::read_to_string(app.join("package.json")).unwrap().contains("sqlite"));
    assert_eq!(fs::read_to_string(app.join(".env")).unwrap(), "SESSION_SECRET=x\n");
    assert!(!app.join("data/hyperpage.db").exists());
    let kept = contents(&place.path().join("backups/app-cleanup"));
    let original = fs::read(place.path().join("hyperpage.db")).unwrap();
    assert!(kept.iter().any(|(_, content)| *content == original), "the database lies in the backup folder");

    let checked = "SELECT problems FROM migration.checks";
    assert_eq!(value(&database, checked), "{}", "the last copy was checked");
    let recorded = "SELECT count(*) FROM migration.cutover_events WHERE event::json ->> 'event' = 'cleanup_finished' AND note = 'moved'";
    assert_eq!(value(&database, recorded), "1");
    // Once more, with nothing left, and on another checkout of the app.
    cleanup(&place, &database, &["--soak", "36h"]).expect(0);
    fs::write(app.join(".env"), "DATABASE_PATH=x.db\n").unwrap();
    let again = cleanup(&place, &database, &["--soak", "36h"]).expect(0).stderr;
    assert!(again.contains("verified the archive"), "{again}");
    assert_eq!(value(&database, recorded), "1", "a cleanup is recorded once");
}

#[test]
fn damaged_indexes_of_the_last_copy_are_found_before_anything_is_archived() {
    let place = app();
    let database = TestDatabase::create();
    let source = rusqlite::Connection::open(place.path().join(DATABASE)).unwrap();
    source
        .execute_batch(
            "PRAGMA writable_schema = ON;
             CREATE TEMP TABLE roots AS SELECT name, rootpage FROM sqlite_schema
             WHERE name IN ('sqlite_autoindex_users_1', 'sqlite_autoindex_user_sessions_1');
             UPDATE sqlite_schema SET rootpage = (SELECT r.rootpage FROM roots r WHERE r.name <> sqlite_schema.name)
             WHERE name IN (SELECT name FROM roots);",
        )
        .unwrap();
    source.close().unwrap();
    place.run(["migrate", "--quiet", "--sqlite", DATABASE, "--postgres", database.url()]).expect(0);
    cut_over(&database, &finished_cutover(), "8 days");
    let recorded = cleanup(&place, &database, &[]).expect(2).stderr;
    assert!(
        recorded.ends_with("; nothing was changed; only the result of the check was recorded\n"),
        "{recorded}"
    );
    // From then on by the result that the ledger has.
    is_refused(&place, &database, "damaged_indexes");
    assert_eq!(value(&database, "SELECT count(*) FROM migration.checks"), "1");
    assert!(!place.path().join("backups/archive").exists());
    let done = cleanup(&place, &database, &["--accept-damaged-indexes"]).expect(0).stderr;
    assert!(done.contains("accepted by --accept-damaged-indexes"), "{done}");
    assert!(place.path().join("backups/archive").exists());
}

/// A text without hashes, which depend on the time of the sealed copy's file name only by luck.
fn hidden_hashes(text: &str) -> String {
    let is_hash = |word: &str| word.len() == 64 && word.chars().all(|letter| letter.is_ascii_hexdigit());
    let line = |line: &str| {
        line.split(' ')
            .map(|word| if is_hash(word) { "[SHA256]" } else { word })
            .collect::<Vec<_>>()
            .join(" ")
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn a_rollback_takes_the_permission_away() {
    let place = app();
    let database = TestDatabase::create();
    place.run(["migrate", "--quiet", "--sqlite", DATABASE, "--postgres", database.url()]).expect(0);
    cut_over(&database, &finished_cutover(), "30 days");
    cut_over(&database, &[Event::RollbackBegun { is_emergency: false, accepted_loss: 0 }], "1 day");
    is_refused(&place, &database, "rollback_begun");
    let done = [
        Event::TargetClosed,
        Event::TargetArchived { archive: Archive::Schemas(vec!["public_before".to_owned()]) },
        Event::SourceOpened,
        Event::AppSwitchedBack { switch: Switch::ByHand },
        Event::RollbackFinished,
    ];
    cut_over(&database, &done, "1 hour");
    is_refused(&place, &database, "rolled_back");
}

#[test]
fn only_a_complete_migration_of_the_same_database_counts() {
    let place = app();
    let migrate = |source: &str, more: &[&str]| {
        let database = TestDatabase::create();
        let arguments = ["migrate", "--quiet", "--sqlite", source, "--postgres", database.url()];
        place.run(arguments.iter().chain(more)).expect(0);
        cut_over(&database, &finished_cutover(), "8 days");
        database
    };
    // The same bytes, but a different file.
    is_refused(&place, &migrate("hyperpage.db", &[]), "other_database");
    is_refused(&place, &migrate(DATABASE, &["--tables", "users"]), "some_tables");

    is_refused(&place, &migrate(DATABASE, &["--backup-dir", "app/sealed"]), "sealed_copy");
    fs::remove_dir_all(place.path().join("app/sealed")).unwrap();

    let database = migrate(DATABASE, &[]);
    let source = rusqlite::Connection::open(place.path().join(DATABASE)).unwrap();
    source.execute_batch("UPDATE users SET username = 'later'").unwrap();
    source.close().unwrap();
    is_refused(&place, &database, "written_since");
    cleanup(&place, &migrate(DATABASE, &[]), &[]).expect(0);
}

#[test]
fn a_sample_never_counts() {
    let place = app();
    fs::create_dir(place.path().join(".sample")).unwrap();
    let sample = ".sample/hyperpage-10.db";
    fs::copy(place.path().join("hyperpage.db"), place.path().join(sample)).unwrap();
    let database = TestDatabase::create();
    place.run(["migrate", "--quiet", "--sqlite", sample, "--postgres", database.url()]).expect(0);
    cut_over(&database, &finished_cutover(), "8 days");
    let options =
        ["cleanup", "--app", "app", "--apply", "--yes", "--exclude", "data/**", "--postgres", database.url()];
    let mut command = place.command(options);
    let refused = output(command.env("CARGO_MANIFEST_DIR", place.path().join("xtask"))).expect(2);
    place.snapshot("cleanup-sample", &refused.stderr);
}

fn cleanup_dry_run(place: &Place, database: &TestDatabase) -> Output {
    let arguments = ["cleanup", "--app", "app", "--apply", "--dry-run", "--postgres", database.url()];
    place.run(arguments).expect(1)
}

#[test]
fn a_ledger_that_cannot_be_asked_is_no_permission() {
    let place = app();
    let before = place.state();
    let unreachable =
        ["cleanup", "--app", "app", "--apply", "--yes", "--postgres", "postgres://me@127.0.0.1:1/d"];
    let started = std::time::Instant::now();
    let refused = place.run(unreachable).expect(2);
    // Half of the time for which a fault that may pass is retried.
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
    place.snapshot("cleanup-unreachable", &refused.stderr);

    let mut command = place.command(["cleanup", "--app", "app", "--apply", "--yes"]);
    let refused = output(command.env("CARGO_MANIFEST_DIR", place.path().join("xtask"))).expect(2);
    place.snapshot("cleanup-nothing_remembered", &refused.stderr);
    assert_eq!(place.state(), before);
}
