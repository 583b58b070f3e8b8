//! `catch-up`: its output, its JSON, a dry run, repetition, and refusals whose remedies work.

use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{execute, value};

#[track_caller]
fn catch_up(place: &Place, database: &TestDatabase, more: &[&str]) -> Output {
    place.run(["catch-up", "--postgres", database.url()].iter().chain(more))
}

#[track_caller]
fn sqlite(place: &Place, sql: &str) {
    rusqlite::Connection::open(place.path().join("hyperpage.db")).unwrap().execute_batch(sql).unwrap();
}

#[track_caller]
fn migrated() -> (Place, TestDatabase) {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    let refused = catch_up(&place, &database, &[]).expect(2);
    assert!(refused.stderr.contains("holds no migration to catch up with"), "{}", refused.screen());
    assert!(refused.stderr.contains("`cargo xtask migrate`"), "{}", refused.screen());
    place.run(["migrate", "--sqlite", "hyperpage.db", "--quiet", "--postgres", database.url()]).expect(0);
    (place, database)
}

#[test]
fn changes_are_applied_shown_and_proven() {
    let (place, database) = migrated();
    let nothing = catch_up(&place, &database, &[]).expect(0);
    assert!(nothing.stdout.starts_with("nothing has changed: "), "{}", nothing.screen());
    sqlite(&place, "DELETE FROM job_history");
    let before = value(&database, "SELECT count(*)::text FROM job_history");
    let dry = catch_up(&place, &database, &["--dry-run"]).expect(0);
    assert!(
        dry.stdout.contains(&format!("{before} deleted")) && dry.stdout.contains("nothing was changed"),
        "{}",
        dry.screen()
    );
    assert_eq!(value(&database, "SELECT count(*)::text FROM job_history"), before);
    let json = catch_up(&place, &database, &["--json"]).expect(0).json();
    assert_eq!(json["changed"], true);
    assert_eq!(json["tables"][0]["table"], "job_history");
    assert_eq!(json["tables"][0]["deleted"].to_string(), before);
    assert_eq!(value(&database, "SELECT count(*)::text FROM job_history"), "0");
    assert_eq!(catch_up(&place, &database, &["--json"]).expect(0).json()["changed"], false);
    let status = place.run(["status", "--postgres", database.url()]).expect(0);
    assert!(status.stdout.contains("caught up   1 time, last at "), "{}", status.screen());
    place.run(["validate", "--no-report", "--postgres", database.url()]).expect(0);
    let watched = catch_up(&place, &database, &["--watch", "--until", "10", "--quiet"]).expect(0);
    assert!(watched.stdout.ends_with("nothing has changed\n"), "{}", watched.screen());
}

#[test]
fn a_changed_schema_is_refused_and_the_remedy_works() {
    let (place, database) = migrated();
    sqlite(&place, "CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT)");
    let refused = catch_up(&place, &database, &[]).expect(2);
    assert!(refused.stderr.contains("because: table notes is new"), "{}", refused.screen());
    assert!(refused.stderr.contains("`cargo xtask migrate --restart --plan DIR`"), "{}", refused.screen());
    place.run(["generate", "--sqlite", "hyperpage.db", "--out", "plan"]).expect(0);
    place
        .run([
            "migrate",
            "--sqlite",
            "hyperpage.db",
            "--restart",
            "--plan",
            "plan",
            "--quiet",
            "--no-report",
            "--postgres",
            database.url(),
        ])
        .expect(0);
    sqlite(&place, "INSERT INTO notes (words) VALUES ('new')");
    catch_up(&place, &database, &["--quiet"]).expect(0);
    assert_eq!(value(&database, "SELECT words FROM notes"), "new");
}

#[test]
fn a_closed_source_is_not_caught_up() {
    let (place, database) = migrated();
    catch_up(&place, &database, &[]).expect(0);
    for event in [
        r#"{"event":"cutover_begun"}"#,
        r#"{"event":"target_complete","sha256":"00"}"#,
        r#"{"event":"source_closed","fence":null,"pause_ms":null}"#,
    ] {
        execute(
            &database,
            &format!(
                "INSERT INTO migration.cutover_events (run_id, event, recorded_by) VALUES (1, '{event}', 'test')"
            ),
        );
    }
    let refused = catch_up(&place, &database, &[]).expect(2);
    assert!(refused.stderr.contains("SQLite is closed since the cutover"), "{}", refused.screen());
    assert!(refused.stderr.contains("`cargo xtask rollback`"), "{}", refused.screen());
}
