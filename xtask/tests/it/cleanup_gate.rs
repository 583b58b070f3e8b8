//! `cleanup --apply` changes an app's checkout only if the ledger has a validated migration.

use std::fs;

use test_database::TestDatabase;

use crate::place::{Output, Place, contents, output};
use crate::server::execute;

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
fn it_works_after_a_validated_migration() {
    let place = app();
    let database = TestDatabase::create();
    place.run(["migrate", "--sqlite", DATABASE, "--postgres", database.url()]).expect(0);
    let before = place.state();
    let dry_run = cleanup_dry_run(&place, &database);
    place.snapshot("cleanup-dry_run", &dry_run.screen());
    assert_eq!(place.state(), before);

    let done = cleanup(&place, &database, &[]).expect(0);
    place.snapshot("cleanup-applied", &done.screen());
    let app = place.path().join("app");
    assert!(!fs::read_to_string(app.join("package.json")).unwrap().contains("sqlite"));
    assert_eq!(fs::read_to_string(app.join(".env")).unwrap(), "SESSION_SECRET=x\n");
    assert!(!app.join("data/hyperpage.db").exists());
    let kept = contents(&place.path().join("backups/app-cleanup"));
    let original = fs::read(place.path().join("hyperpage.db")).unwrap();
    assert!(kept.iter().any(|(_, content)| *content == original), "the database lies in the backup folder");
}

#[test]
fn only_a_complete_migration_of_the_same_database_counts() {
    let place = app();
    let migrate = |source: &str, more: &[&str]| {
        let database = TestDatabase::create();
        let arguments = ["migrate", "--quiet", "--sqlite", source, "--postgres", database.url()];
        place.run(arguments.iter().chain(more)).expect(0);
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
    place
        .run(["migrate", "--quiet", "--restart", "--sqlite", DATABASE, "--postgres", database.url()])
        .expect(0);
    cleanup(&place, &database, &[]).expect(0);
}

#[test]
fn a_sample_never_counts() {
    let place = app();
    fs::create_dir(place.path().join(".sample")).unwrap();
    let sample = ".sample/hyperpage-10.db";
    fs::copy(place.path().join("hyperpage.db"), place.path().join(sample)).unwrap();
    let database = TestDatabase::create();
    place.run(["migrate", "--quiet", "--sqlite", sample, "--postgres", database.url()]).expect(0);
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
