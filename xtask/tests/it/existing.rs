//! `--into-existing`: rows are loaded into tables that an app has created, by a plan that can be reviewed first.

use std::fs;

use test_database::TestDatabase;

use crate::place::Place;
use crate::server::{execute, lines, value};

const APP: &str = "CREATE TABLE post (title varchar(20) NOT NULL, author_id int REFERENCES author, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)";

/// Creates a folder with `app.db`, and a database in which the app has created its tables.
fn prepared() -> (Place, TestDatabase) {
    let place = Place::new();
    let source = rusqlite::Connection::open(place.path().join("app.db")).unwrap();
    source
        .execute_batch(
            "CREATE TABLE Author (id INTEGER PRIMARY KEY, active INTEGER);
             CREATE TABLE Post (id INTEGER PRIMARY KEY, title TEXT, authorId INTEGER REFERENCES Author);
             CREATE TABLE schema_migrations (version TEXT PRIMARY KEY); INSERT INTO schema_migrations VALUES ('1');
             INSERT INTO Author VALUES (1, 1), (2, 0); INSERT INTO Post VALUES (5, 'a', 1), (6, 'b', 2);",
        )
        .unwrap();
    let database = TestDatabase::create();
    execute(&database, "CREATE TABLE author (active boolean, id int PRIMARY KEY)");
    execute(&database, APP);
    (place, database)
}

#[test]
fn rows_are_loaded_into_the_apps_tables_and_a_restart_removes_them() {
    let (place, database) = prepared();
    let run = |more: &[&str]| {
        let mut arguments = vec!["migrate", "--sqlite", "app.db", "--postgres", database.url()];
        arguments.extend_from_slice(more);
        place.run(arguments)
    };
    // Without the option it refuses, and keeps the plan that it would have used. Later runs are not affected by it.
    let refused = run(&[]).expect(2);
    assert!(refused.stderr.contains("--into-existing"), "{}", refused.stderr);
    let dry = run(&["--into-existing", "--dry-run"]).expect(0);
    assert!(dry.stdout.contains("Post -> post (2 rows, exists in PostgreSQL)\n"), "{}", dry.stdout);
    assert!(dry.stdout.contains("table schema_migrations: the list of the migrations"), "{}", dry.stdout);
    run(&["--into-existing"]).expect(0);
    let rows = || lines(&database, "SELECT id || ' ' || title || ' ' || author_id FROM post ORDER BY id");
    assert_eq!(rows(), ["5 a 1", "6 b 2"]);
    let again = run(&["--into-existing"]).expect(0);
    assert!(again.stdout.starts_with("Nothing to do"), "{}", again.stdout);
    // From another folder, where neither a plan nor a Diesel schema is known: the ledger has all that it takes.
    let elsewhere = Place::new();
    let validated = elsewhere.run(["validate", "--postgres", database.url()]).expect(0);
    assert!(validated.stdout.contains("Proven"), "{}", validated.screen());
    assert!(!validated.stderr.contains("Diesel"), "{}", validated.screen());
    let lists = "SELECT count(*) FROM pg_class WHERE relname = '__diesel_schema_migrations' AND relnamespace <> 'migration'::regnamespace";
    assert_eq!(value(&database, lists), "0");

    let source = rusqlite::Connection::open(place.path().join("app.db")).unwrap();
    source.execute_batch("UPDATE Post SET title = 'c' WHERE id = 6").unwrap();
    run(&["--into-existing", "--restart"]).expect(0);
    assert_eq!(rows(), ["5 a 1", "6 c 2"]);
    assert_eq!(value(&database, "SELECT nextval('post_id_seq')"), "7");
}

#[test]
fn a_key_that_rows_violated_is_restored_by_a_restart_and_each_run_is_validated() {
    let (place, database) = prepared();
    let source = rusqlite::Connection::open(place.path().join("app.db")).unwrap();
    source.execute_batch("PRAGMA foreign_keys = OFF; INSERT INTO Post VALUES (7, 'orphan', 99)").unwrap();
    let run = |more: &[&str]| {
        let mut arguments =
            vec!["migrate", "--sqlite", "app.db", "--postgres", database.url(), "--into-existing"];
        arguments.extend_from_slice(more);
        place.run(arguments)
    };
    let is_valid =
        || value(&database, "SELECT convalidated FROM pg_constraint WHERE conname = 'post_author_id_fkey'");
    let validated = || place.run(["validate", "--postgres", database.url()]);
    run(&["--accept-broken-constraints"]).expect(0);
    assert_eq!(is_valid(), "false");
    let output = validated();
    assert!(output.stdout.contains("Proven"), "{}", output.screen());
    source.execute_batch("DELETE FROM Post WHERE id = 7").unwrap();
    run(&["--restart"]).expect(0);
    assert_eq!(is_valid(), "true");
    let output = validated().expect(0);
    assert!(output.stdout.contains("Proven"), "{}", output.screen());
}

#[test]
fn the_plan_can_be_reviewed_before() {
    let (place, database) = prepared();
    let generate =
        ["generate", "--sqlite", "app.db", "--into-existing", "--out", "plan", "--postgres", database.url()];
    place.run(generate).expect(0);
    let up = |name: &str| {
        fs::read_to_string(place.path().join("plan/migrations").join(name).join("up.sql")).unwrap()
    };
    let open = up("2026-11-01-000003_open_tables");
    assert!(
        open.contains("ALTER TABLE public.post DROP CONSTRAINT IF EXISTS post_author_id_fkey;"),
        "{open}"
    );
    let close = up("2026-11-01-000004_close_tables");
    let definition =
        "ADD CONSTRAINT post_author_id_fkey FOREIGN KEY (author_id) REFERENCES public.author(id);";
    assert!(close.contains(definition), "{close}");
    place.run([&generate[..], &["--check"]].concat()).expect(0);
    place.run(["migrate", "--sqlite", "app.db", "--plan", "plan", "--postgres", database.url()]).expect(0);
    place.run(["validate", "--plan", "plan", "--postgres", database.url()]).expect(0);

    // Existing rows abort the migration, unless an option decides what happens to them.
    let (place, database) = prepared();
    execute(&database, "INSERT INTO author VALUES (true, 9)");
    let run = |more: &[&str]| {
        let mut arguments =
            vec!["migrate", "--sqlite", "app.db", "--into-existing", "--postgres", database.url()];
        arguments.extend_from_slice(more);
        place.run(arguments)
    };
    let refused = run(&[]).expect(2);
    let advice = "table author holds 1 row: 1 is not in the source (id=9); seeds = \"keep\" keeps them";
    assert!(refused.stderr.contains(advice), "{}", refused.stderr);
    let dry = run(&["--seeds", "replace", "--dry-run"]).expect(0);
    assert!(dry.stdout.contains("exists in PostgreSQL; 1 row there to be deleted"), "{}", dry.stdout);
    run(&["--seeds", "keep"]).expect(0);
    assert_eq!(lines(&database, "SELECT id FROM author ORDER BY id"), ["1", "2", "9"]);
}
