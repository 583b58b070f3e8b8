//! The way of an app with Drizzle from `generate --drizzle` to the baseline, in each order of the commands, with the printed remedies
//! followed.

use std::fs;

use rusqlite::Connection;
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{execute, value};

const GENERATE: [&str; 6] = ["generate", "--sqlite", "any.db", "--out", "plans/any", "--drizzle"];
const ANY: [&str; 5] = ["generate", "--sqlite", "any.db", "--out", "plans/any"];
const LISTED: &str = "SELECT count(*) FROM drizzle.__drizzle_migrations";
const HAS_LIST: &str = "SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL";
const MAPPING: &str = "plans/any/mapping.toml";

fn prepared() -> (Place, TestDatabase) {
    let place = Place::new();
    let connection = Connection::open(place.path().join("any.db")).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, seen_at INTEGER); \
             INSERT INTO users (name, seen_at) VALUES ('a', 1700000000123), ('b', NULL)",
        )
        .unwrap();
    (place, TestDatabase::create())
}

fn migrate(place: &Place, database: &TestDatabase, options: &[&str]) -> Output {
    let common = ["migrate", "--sqlite", "any.db", "--postgres", database.url(), "--no-report"];
    place.run(common.iter().chain(options))
}

fn text(place: &Place, path: &str) -> String {
    fs::read_to_string(place.path().join(path)).unwrap()
}

fn edit(place: &Place, path: &str, from: &str, to: &str) {
    let before = text(place, path);
    assert!(before.contains(from), "{before}");
    fs::write(place.path().join(path), before.replacen(from, to, 1)).unwrap();
}

#[test]
fn the_options_for_drizzle_become_decisions() {
    for (options, section) in [
        (&[][..], "\n[drizzle]\n"),
        (&["--dates", "milliseconds"][..], "\n[drizzle]\ndates = \"milliseconds\"\n"),
    ] {
        let (place, database) = prepared();
        let generate = |more: &[&str]| place.run(GENERATE.iter().chain(options).chain(more));
        let before = place.state();
        let shown = generate(&["--dry-run"]).expect(0);
        let line =
            "would add [drizzle] to plans/any/mapping.toml, where migrate and every later command read it\n";
        assert!(shown.stderr.contains(line), "{}", shown.screen());
        let stale = generate(&["--check"]).expect(1);
        assert!(stale.stdout.contains("+[drizzle]\n"), "{}", stale.screen());
        assert!(!stale.stderr.contains("add [drizzle]"), "{}", stale.screen());
        assert_eq!(place.state(), before);

        let written = generate(&[]).expect(0);
        let line =
            "added [drizzle] to plans/any/mapping.toml, where migrate and every later command read it\n";
        assert!(written.stderr.contains(line), "{}", written.screen());
        assert!(text(&place, MAPPING).ends_with(section), "{}", text(&place, MAPPING));
        generate(&["--check"]).expect(0);
        place.run(GENERATE.iter().chain(&["--check"])).expect(0);
        place.run(ANY.iter().chain(&["--check"])).expect(0);
        assert!(!generate(&[]).expect(0).stderr.contains("[drizzle]"));

        let plan = text(&place, "plans/any/plan.json");
        let shown = migrate(&place, &database, &["--dry-run"]).expect(0);
        assert!(shown.stdout.contains("drizzle.__drizzle_migrations will list 2"), "{}", shown.screen());
        migrate(&place, &database, &[]).expect(0);
        assert_eq!(text(&place, "plans/any/plan.json"), plan);
        assert_eq!(value(&database, LISTED), "2");
    }
}

#[test]
fn a_decision_of_the_mapping_is_kept_and_one_that_contradicts_is_refused() {
    let (place, _) = prepared();
    place.run(ANY).expect(0);
    // The last line may have no end.
    let own = format!("{}# mine", text(&place, MAPPING));
    fs::write(place.path().join(MAPPING), &own).unwrap();
    place.run(GENERATE).expect(0);
    assert_eq!(text(&place, MAPPING), format!("{own}\n\n[drizzle]\n"));
    for (before, line) in [
        ("[drizzle]\n", "line 5: [drizzle] says nothing of dates, so that moments are dates"),
        ("[drizzle]\n# So it is.\ndates = \"date\"\n", "line 7: dates = \"date\""),
    ] {
        edit(&place, MAPPING, "[drizzle]\n", before);
        let before = place.state();
        for more in [&[][..], &["--check"], &["--dry-run"]] {
            let options = GENERATE.iter().chain(&["--dates", "milliseconds"]).chain(more);
            let refused = place.run(options).expect(2);
            assert!(refused.stderr.contains(&format!("{MAPPING}, {line}")), "{}", refused.screen());
            let remedy = "  next: leave out --dates, or say `dates = \"milliseconds\"` there\n";
            assert!(refused.stderr.ends_with(remedy), "{}", refused.screen());
            assert_eq!(place.state(), before);
        }
    }
    place.run(GENERATE).expect(0);
    edit(&place, MAPPING, "dates = \"date\"", "dates = \"milliseconds\"");
    place.run(GENERATE.iter().chain(&["--dates", "milliseconds"])).expect(0);
    place.run(GENERATE.iter().chain(&["--dates", "date"])).expect(2);
}

#[test]
fn a_plan_that_is_replaced_is_said_to_be() {
    let (place, database) = prepared();
    place.run(GENERATE).expect(0);
    edit(&place, MAPPING, "\n[drizzle]\n", "");
    let line = "would replace the plan in plans/any: the earlier one is for Drizzle, and mapping.toml there has no [drizzle]\n";
    let shown = migrate(&place, &database, &["--dry-run"]).expect(0);
    assert!(shown.stderr.contains(line), "{}", shown.screen());
    let line = "replaced the plan in plans/any: the earlier one is for Drizzle, and mapping.toml there has no [drizzle]\n";
    let moved = migrate(&place, &database, &[]).expect(0);
    assert!(moved.stderr.contains(line), "{}", moved.screen());
    assert_eq!(value(&database, HAS_LIST), "false");
}

#[test]
fn a_plan_made_with_options_is_said_to_be_replaced_and_can_be_followed() {
    let (place, database) = prepared();
    place.run(ANY.iter().chain(&["--faithful", "--autoincrement", "serial"])).expect(0);
    let why = "replace the plan in plans/any: it had another type or numbering for 2 columns, such as users.id; --plan plans/any \
               follows it as it is\n";
    let shown = migrate(&place, &database, &["--dry-run"]).expect(0);
    assert!(shown.stderr.contains(why), "{}", shown.screen());
    let moved = migrate(&place, &database, &["--plan", "plans/any"]).expect(0);
    assert!(!moved.stderr.contains("replace"), "{}", moved.screen());
    let seen = "SELECT data_type FROM information_schema.columns WHERE column_name = 'seen_at'";
    assert_eq!(value(&database, seen), "bigint");
    let place = prepared().0;
    place.run(ANY).expect(0);
    let same = migrate(&place, &TestDatabase::create(), &["--dry-run"]).expect(0);
    assert!(!same.stderr.contains("replace"), "{}", same.screen());
}

const WRITTEN: &str = "Baseline: drizzle.__drizzle_migrations written: it lists 2 migrations, so that the app's first start runs \
                       none of them.\nNothing else to do: run 1 moved";

#[test]
fn a_baseline_that_was_left_out_is_written_later() {
    let (place, database) = prepared();
    place.run(GENERATE).expect(0);
    migrate(&place, &database, &["--no-baseline"]).expect(0);
    let lacks = "without a baseline: the plan is for Drizzle, and run 1 had --no-baseline; the same `cargo xtask migrate` without it writes one\n";
    let status = |option: &[&str]| {
        let common = ["status", "--postgres", database.url()];
        place.run(common.iter().chain(option)).expect(0)
    };
    let validate = |option: &[&str]| {
        let common = ["validate", "--plan", "plans/any", "--postgres", database.url(), "--no-report"];
        place.run(common.iter().chain(option)).expect(0)
    };
    assert!(status(&[]).stdout.contains(&format!("\nbaseline    {lacks}")), "{}", status(&[]).screen());
    assert!(validate(&[]).stdout.contains(lacks), "{}", validate(&[]).screen());
    assert_eq!(status(&["--json"]).json()["run"]["lacks_baseline"], true);
    assert_eq!(validate(&["--json"]).json()["result"]["lacks_baseline"], true);

    let again = migrate(&place, &database, &["--no-baseline"]).expect(0);
    assert!(again.stdout.starts_with("Nothing to do: run 1 moved"), "{}", again.screen());
    let shown = migrate(&place, &database, &["--dry-run", "--no-baseline"]).expect(0);
    assert!(!shown.stdout.contains("baseline"), "{}", shown.screen());
    let shown = migrate(&place, &database, &["--dry-run"]).expect(0);
    assert!(
        shown.stdout.contains("drizzle.__drizzle_migrations will list 2 migrations"),
        "{}",
        shown.screen()
    );
    assert!(
        shown.stdout.contains("next: write the baseline of run 1. Nothing was changed."),
        "{}",
        shown.screen()
    );
    assert_eq!(value(&database, HAS_LIST), "false");

    let written = migrate(&place, &database, &[]).expect(0);
    assert!(written.stdout.starts_with(WRITTEN), "{}", written.screen());
    assert_eq!(value(&database, LISTED), "2");
    assert!(!status(&[]).stdout.contains("without a baseline"));
    assert!(!validate(&[]).stdout.contains("without a baseline"));
    assert_eq!(validate(&["--json"]).json()["result"]["baseline"]["list"], "drizzle.__drizzle_migrations");
    let again = migrate(&place, &database, &["--json"]).expect(0);
    assert!(again.json()["result"].get("baseline").is_none(), "{}", again.screen());
    assert!(migrate(&place, &database, &[]).expect(0).stdout.starts_with("Nothing to do: run 1 moved"));
    let shown = migrate(&place, &database, &["--dry-run"]).expect(0);
    assert!(!shown.stdout.contains("will list"), "{}", shown.screen());
}

#[test]
fn a_list_in_use_stays_as_it_is_and_an_empty_one_is_filled() {
    let (place, database) = prepared();
    place.run(GENERATE).expect(0);
    migrate(&place, &database, &["--no-baseline"]).expect(0);
    execute(
        &database,
        "CREATE SCHEMA drizzle; \
         CREATE TABLE drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint); \
         INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('of the app', 1)",
    );
    let again = migrate(&place, &database, &[]).expect(0);
    assert!(again.stdout.starts_with("Nothing to do: run 1 moved"), "{}", again.screen());
    assert_eq!(value(&database, LISTED), "1");
    execute(&database, "TRUNCATE drizzle.__drizzle_migrations");
    let written = migrate(&place, &database, &["--json"]).expect(0);
    assert_eq!(written.json()["result"]["baseline"]["table"], "__drizzle_migrations");
    assert_eq!(value(&database, LISTED), "2");
    execute(&database, "DROP SCHEMA drizzle CASCADE");
    // What the run wrote and somebody removed is for validation to report.
    assert!(migrate(&place, &database, &[]).expect(0).stdout.starts_with("Nothing to do: run 1 moved"));
}

#[test]
fn a_migration_that_was_not_for_drizzle_gets_its_baseline_once_the_plan_numbers_alike() {
    for folder in [&[][..], &["--plan", "plans/any"]] {
        let (place, database) = prepared();
        migrate(&place, &database, &[]).expect(0);
        let validated = || {
            let validate =
                ["validate", "--plan", "plans/any", "--postgres", database.url(), "--no-report", "--json"];
            place.run(validate).expect(0).json()["result"].clone()
        };
        assert!(validated().get("lacks_baseline").is_none());
        place.run(GENERATE).expect(0);
        for options in [&["--dry-run"][..], &[]] {
            let refused = migrate(&place, &database, &[folder, options].concat()).expect(2);
            let because = "  because: its tables number new rows by identity columns, and the plan for Drizzle by bigserial\n";
            assert!(refused.stderr.contains(because), "{}", refused.screen());
            let next = "  next: write `autoincrement = \"identity\"` into the plan's mapping.toml, above its first section";
            assert!(refused.stderr.contains(next), "{}", refused.screen());
        }
        edit(&place, MAPPING, "format = 1\n", "format = 1\nautoincrement = \"identity\"\n");
        place.run(GENERATE).expect(0);
        let plan = text(&place, "plans/any/plan.json");
        let shown = migrate(&place, &database, &[folder, &["--dry-run"]].concat()).expect(0);
        assert!(shown.stdout.contains("next: write the baseline of run 1."), "{}", shown.screen());
        assert_eq!(value(&database, HAS_LIST), "false");
        let written = migrate(&place, &database, folder).expect(0);
        assert!(written.stdout.starts_with(WRITTEN), "{}", written.screen());
        assert_eq!(value(&database, LISTED), "2");
        assert_eq!(text(&place, "plans/any/plan.json"), plan);
        let again = migrate(&place, &database, folder).expect(0);
        assert!(again.stdout.starts_with("Nothing to do: run 1 moved"), "{}", again.screen());
        assert_eq!(validated()["baseline"]["problems"], serde_json::json!([]));
        // How the app sees moments is no part of the database.
        fs::write(place.path().join(MAPPING), format!("{}dates = \"milliseconds\"\n", text(&place, MAPPING)))
            .unwrap();
        place.run(GENERATE).expect(0);
        let again = migrate(&place, &database, folder).expect(0);
        assert!(again.stdout.starts_with("Nothing to do: run 1 moved"), "{}", again.screen());
        assert_eq!(validated()["baseline"]["problems"], serde_json::json!([]));
    }
}

#[test]
fn a_source_that_was_written_to_since_does_not_keep_the_baseline_away() {
    let (place, database) = prepared();
    migrate(&place, &database, &["--autoincrement", "serial"]).expect(0);
    let connection = Connection::open(place.path().join("any.db")).unwrap();
    connection.execute("INSERT INTO users (name, seen_at) VALUES ('c', 1700000000999)", []).unwrap();
    drop(connection);
    place.run(GENERATE).expect(0);
    let written = migrate(&place, &database, &["--plan", "plans/any"]).expect(0);
    assert!(written.stdout.starts_with(WRITTEN), "{}", written.screen());
    assert!(written.stdout.contains("But the source was written to since"), "{}", written.screen());
}
