//! `status`: its exit statuses, its output and its JSON, at each stage of a run.

use serde_json::json;
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{everything, execute};

#[track_caller]
fn status(place: &Place, database: &TestDatabase, more: &[&str]) -> Output {
    place.run(["status", "--postgres", database.url()].iter().chain(more))
}

#[test]
fn the_exit_code_depends_on_the_state_of_the_run() {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    let before = everything(&database);
    let none = status(&place, &database, &[]).expect(2);
    assert!(none.stdout.starts_with("no run in "), "{}", none.screen());
    assert_eq!(everything(&database), before);

    place.run(["migrate", "--sqlite", "hyperpage.db", "--quiet", "--postgres", database.url()]).expect(0);
    let before = everything(&database);
    let done = status(&place, &database, &[]).expect(0);
    assert!(done.stdout.contains("\nnext: nothing: validated at "), "{}", done.screen());
    let watched = status(&place, &database, &["--watch"]).expect(0);
    assert_eq!(watched.stdout, done.stdout, "what is done is looked at once");
    let json = status(&place, &database, &["--json"]).expect(0).json();
    assert_eq!(
        json.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["format", "command", "target", "standing", "run", "is_at_work", "sessions", "estimate", "next"]
    );
    assert_eq!([&json["format"], &json["command"]], [&json!(1), &json!("status")]);
    assert_eq!([&json["standing"], &json["is_at_work"]], [&json!("validated"), &json!(false)]);
    assert_eq!(json["run"]["phases"].as_array().unwrap().len(), 6);
    assert_eq!(everything(&database), before, "status only looks");

    execute(&database, "DELETE FROM migration.phases WHERE phase = 'validate'");
    let unproven = status(&place, &database, &[]).expect(1);
    assert!(unproven.stdout.contains("\nnext: `cargo xtask validate`"), "{}", unproven.screen());
    execute(
        &database,
        "DELETE FROM migration.phases WHERE phase IN ('rows', 'constraints'); DELETE FROM migration.builds; \
         UPDATE migration.chunks SET planned_rows = rows, planned_bytes = bytes; \
         UPDATE migration.chunks SET rows = NULL, bytes = NULL, seconds = NULL, done_at = NULL WHERE table_name = 'job_history'",
    );
    let half = status(&place, &database, &[]).expect(1);
    assert!(half.stdout.contains("it resumes at rows"), "{}", half.screen());
    assert!(half.stdout.contains("rows        not done, "), "{}", half.screen());
    assert_eq!(status(&place, &database, &["--json"]).expect(1).json()["run"]["next_phase"], "rows");
}

#[test]
fn a_target_that_cannot_be_read_is_no_status() {
    let place = Place::new();
    let refused = place.run(["status", "--postgres", "postgres://nobody@127.0.0.1:1/nowhere"]).expect(2);
    assert_eq!(refused.stdout, "");
    assert!(refused.stderr.contains("cannot be reached"), "{}", refused.screen());
    let database = TestDatabase::create();
    execute(&database, "CREATE SCHEMA migration; CREATE TABLE migration.runs (id int)");
    let foreign = status(&place, &database, &[]).expect(2);
    assert!(foreign.stderr.contains("the ledger cannot be read"), "{}", foreign.screen());
}
