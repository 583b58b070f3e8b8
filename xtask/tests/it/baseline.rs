//! The baseline for Drizzle on the screen: what a migration, `status`, `validate` and `--undo` print about it, and that the printed
//! remedies help.

use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{execute, lines, value};

const IS_THERE: &str = "SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL";

fn prepared() -> (Place, TestDatabase) {
    let place = Place::new();
    place.sample();
    (place, TestDatabase::create())
}

fn migrate(place: &Place, database: &TestDatabase, options: &[&str]) -> Output {
    let common = ["migrate", "--sqlite", "hyperpage.db", "--postgres", database.url(), "--no-report"];
    place.run(common.iter().chain(options))
}

#[test]
fn it_is_printed_validated_and_repaired() {
    let (place, database) = prepared();
    let moved = migrate(&place, &database, &[]).expect(0);
    let line = "drizzle.__drizzle_migrations lists 2 migrations: the app's first start runs none of them.\n";
    assert!(moved.stdout.contains(line), "{}", moved.screen());
    let status = place.run(["status", "--postgres", database.url()]).expect(0);
    assert!(
        status.stdout.contains("\nbaseline    drizzle.__drizzle_migrations lists 2 migrations\n"),
        "{}",
        status.screen()
    );
    execute(&database, "DELETE FROM drizzle.__drizzle_migrations WHERE created_at = 1793491202000");
    let validate = ["validate", "--postgres", database.url(), "--no-report"];
    let found = place.run(validate).expect(1);
    let line = "  drizzle.__drizzle_migrations does not list the migration with created_at 1793491202000\n";
    assert!(found.stdout.contains(line), "{}", found.screen());
    let found = place.run(validate.iter().chain(&["--json"])).expect(1).json();
    let [finding] = found["result"]["findings"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!((&finding["check"], &finding["problem"]), (&"bookkeeping".into(), &"row_missing".into()));
    execute(&database, finding["sql"].as_str().unwrap());
    place.run(validate).expect(0);
}

#[test]
fn a_list_that_is_in_use_is_refused_and_each_way_out_works() {
    let (place, database) = prepared();
    execute(
        &database,
        "CREATE SCHEMA drizzle; \
         CREATE TABLE drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint); \
         INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('of an earlier try', 1)",
    );
    for options in [&[][..], &["--dry-run"]] {
        let refused = migrate(&place, &database, options).expect(2);
        place.snapshot("baseline-refused", &refused.stderr);
    }
    migrate(&place, &database, &["--no-baseline"]).expect(0);
    assert_eq!(lines(&database, "SELECT hash FROM drizzle.__drizzle_migrations"), ["of an earlier try"]);
    execute(&database, "TRUNCATE drizzle.__drizzle_migrations");
    migrate(&place, &database, &["--restart"]).expect(0);
    assert_eq!(value(&database, "SELECT count(*) FROM drizzle.__drizzle_migrations"), "2");
}

#[test]
fn an_undo_names_what_it_removes() {
    let (place, database) = prepared();
    migrate(&place, &database, &[]).expect(0);
    execute(&database, "DELETE FROM migration.phases WHERE phase = 'validate'");
    let undo = ["migrate", "--undo", "--postgres", database.url()];
    let line = "\n  the list of the app's migrator dropped: drizzle.__drizzle_migrations\n";
    let shown = place.run(undo.iter().chain(&["--dry-run"])).expect(0);
    assert!(shown.stdout.contains(line), "{}", shown.screen());
    assert_eq!(value(&database, IS_THERE), "true");
    let undone = place.run(undo).expect(0);
    assert!(undone.stdout.contains(line), "{}", undone.screen());
    assert_eq!(value(&database, IS_THERE), "false");
    // The app has run a migration of its own before the next one.
    migrate(&place, &database, &[]).expect(0);
    execute(&database, "DELETE FROM migration.phases WHERE phase = 'validate'");
    execute(
        &database,
        "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('of the app', 1793491209000)",
    );
    let refused = place.run(undo).expect(2);
    place.snapshot("baseline-undo_refused", &refused.stderr);
    place.run(undo.iter().chain(&["--discard"])).expect(0);
    assert_eq!(value(&database, IS_THERE), "false");
}
