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
    let moved = run(&["--seeds", "keep"]).expect(0);
    assert!(moved.stdout.contains("\nAuthor: 1 row was already there: kept\n"), "{}", moved.stdout);
    assert_eq!(lines(&database, "SELECT id FROM author ORDER BY id"), ["1", "2", "9"]);
}

/// A source with a table that the app has under another name, one that it does not have, and a column that it does not have.
fn obstructed() -> (Place, TestDatabase) {
    let place = Place::new();
    let source = rusqlite::Connection::open(place.path().join("app.db")).unwrap();
    source
        .execute_batch(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, nam TEXT); INSERT INTO users VALUES (1, 'a');
             CREATE TABLE extra (id INTEGER PRIMARY KEY); INSERT INTO extra VALUES (2);",
        )
        .unwrap();
    let database = TestDatabase::create();
    execute(&database, "CREATE TABLE \"user\" (id int PRIMARY KEY, name text)");
    execute(&database, "CREATE TABLE settings (id int)");
    (place, database)
}

/// A skeleton of which the comments with decisions are lines.
#[track_caller]
fn uncommented(skeleton: &str) -> String {
    let (head, decisions) = skeleton.split_once("decisions that solve it.\n").unwrap();
    let lines = decisions.lines().map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)));
    format!("{head}decisions that solve it.\n{}", lines.collect::<String>())
}

#[test]
fn a_dry_run_shows_the_plan_of_what_fits_and_all_obstacles() {
    let (place, database) = obstructed();
    let arguments =
        ["migrate", "--sqlite", "app.db", "--postgres", database.url(), "--into-existing", "--dry-run"];
    let dry = place.run(arguments).expect(2);
    assert!(dry.stdout.contains("users -> user (1 row, exists in PostgreSQL)"), "{}", dry.stdout);
    assert!(dry.stdout.contains("Only in PostgreSQL\n  settings\n"), "{}", dry.stdout);
    for part in [
        "there are 2 obstacles",
        "column users.nam has no counterpart",
        "table extra (1 row) has no counterpart",
        "plans/app/mapping.toml",
        "format = 1",
        "create = true",
    ] {
        assert!(dry.stderr.contains(part), "{part}: {}", dry.stderr);
    }
    assert!(!place.path().join("plans").exists());
}

#[test]
fn the_skeleton_of_mapping_toml_solves_all_obstacles_and_is_never_overwritten() {
    for folder in ["plans/app", "other"] {
        let (place, database) = obstructed();
        // Derived data is decided in the same round.
        execute(&database, "CREATE MATERIALIZED VIEW names AS SELECT name FROM \"user\"");
        let mut arguments =
            vec!["migrate", "--sqlite", "app.db", "--postgres", database.url(), "--into-existing"];
        if folder == "other" {
            arguments.extend(["--plan", folder]);
        }
        let refused = place.run(arguments.clone()).expect(2);
        assert!(refused.stderr.contains(&format!("{folder}/mapping.toml")), "{}", refused.stderr);
        let path = place.path().join(folder).join("mapping.toml");
        let skeleton = fs::read_to_string(&path).unwrap();
        place.run(arguments.clone()).expect(2);
        assert_eq!(fs::read_to_string(&path).unwrap(), skeleton);
        fs::write(&path, uncommented(&skeleton)).unwrap();
        place.run(arguments.clone()).expect(0);
        let again = place.run(arguments).expect(0);
        assert!(again.stdout.starts_with("Nothing to do"), "{}", again.screen());
        assert_eq!(lines(&database, "SELECT name FROM \"user\""), ["a"]);
        assert_eq!(lines(&database, "SELECT id FROM extra"), ["2"]);
        assert_eq!(lines(&database, "SELECT name FROM names"), ["a"]);
    }
}

#[test]
fn values_that_do_not_fit_are_reported_in_the_same_round_as_obstacles() {
    let (place, database) = obstructed();
    let source = rusqlite::Connection::open(place.path().join("app.db")).unwrap();
    source
        .execute_batch(
            "CREATE TABLE reading (id INTEGER PRIMARY KEY, at TEXT, n INTEGER);
             INSERT INTO reading VALUES (1, '2026-01-01 08:00:00.1234567', 1), (2, '2026-01-02', 99999999999)",
        )
        .unwrap();
    execute(&database, "CREATE TABLE reading (id int PRIMARY KEY, at timestamptz, n int)");
    let refused = place
        .run(["migrate", "--sqlite", "app.db", "--postgres", database.url(), "--into-existing"])
        .expect(2);
    for part in ["reading.at: 1 of 2 rows", "reading.n: 1 of 2 rows", "no plan can be made", "next: "] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.screen());
    }
    assert_eq!(value(&database, "SELECT count(*) FROM reading"), "0");
}

#[test]
fn generate_writes_the_skeleton_and_names_schemas() {
    let (place, database) = obstructed();
    execute(&database, "CREATE SCHEMA app");
    execute(&database, "CREATE TABLE app.users (id int PRIMARY KEY, nam text)");
    execute(&database, "CREATE TABLE app.extra (id int PRIMARY KEY)");
    let arguments =
        ["generate", "--sqlite", "app.db", "--into-existing", "--out", "plan", "--postgres", database.url()];
    let refused = place.run(arguments).expect(2);
    assert!(refused.stdout.contains("users -> user"), "{}", refused.stdout);
    assert!(refused.stderr.contains("it resembles table extra in schema app"), "{}", refused.stderr);
    assert!(
        fs::read_to_string(place.path().join("plan/mapping.toml")).unwrap().contains("# [tables.extra]\n")
    );
    assert!(!place.path().join("plan/plan.json").exists());
    place.run([&arguments[..], &["--schema", "app"]].concat()).expect(0);
    let plan = fs::read_to_string(place.path().join("plan/plan.json")).unwrap();
    assert!(plan.contains("\"schema\": \"app\""), "{plan}");
    // Where no table matches, the schema is named with the option.
    let refused = place.run([&arguments[..], &["--schema", "pg_none"]].concat()).expect(2);
    assert!(refused.stderr.contains("the target has no schema pg_none"), "{}", refused.stderr);
}

#[test]
fn an_unfinished_migration_is_undone_without_its_source() {
    let (place, database) = prepared();
    let run = |more: &[&str]| {
        let mut arguments = vec!["migrate", "--sqlite", "app.db", "--postgres", database.url()];
        arguments.extend_from_slice(more);
        place.run(arguments)
    };
    run(&["--into-existing"]).expect(0);
    let refused = run(&["--into-existing", "--undo"]).expect(2);
    assert!(refused.stderr.contains("is finished and validated"), "{}", refused.screen());
    assert!(refused.stderr.contains("give --restart; to go back"), "{}", refused.screen());

    execute(&database, "DELETE FROM migration.phases WHERE phase = 'validate'");
    fs::remove_file(place.path().join("app.db")).unwrap();
    let shown = run(&["--undo", "--dry-run"]).expect(0);
    assert!(
        shown.stdout.contains("would be undone") && shown.stdout.contains("Nothing was changed"),
        "{}",
        shown.screen()
    );
    assert_eq!(value(&database, "SELECT count(*) FROM post"), "2");
    let undone = run(&["--undo"]).expect(0);
    assert!(
        undone.stdout.contains("rows of the run deleted: 2 tables (public.author, public.post)"),
        "{}",
        undone.screen()
    );
    assert_eq!(value(&database, "SELECT count(*) FROM post"), "0");
    assert_eq!(value(&database, "SELECT to_regnamespace('migration') IS NULL"), "true");
    let again = run(&["--undo", "--json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(json["result"], serde_json::Value::Null, "{}", again.screen());
}

#[test]
fn derived_data_and_constraints_that_are_not_valid_are_named_in_the_plan_and_the_result() {
    let (place, database) = prepared();
    execute(
        &database,
        "ALTER TABLE post ADD slug text, ADD note text;
         CREATE FUNCTION slugged() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.slug := lower(NEW.title); RETURN NEW; END $$;
         CREATE TRIGGER slugged BEFORE INSERT ON post FOR EACH ROW EXECUTE FUNCTION slugged();
         CREATE MATERIALIZED VIEW titles AS SELECT title FROM post; CREATE SEQUENCE free;
         ALTER TABLE author ADD CONSTRAINT is_small CHECK (id < 100) NOT VALID;",
    );
    let run = |more: &[&str]| {
        let mut arguments =
            vec!["migrate", "--sqlite", "app.db", "--postgres", database.url(), "--into-existing"];
        arguments.extend_from_slice(more);
        place.run(arguments)
    };
    let dry = run(&["--dry-run"]).expect(0);
    for part in [
        "Derived data (2)",
        "post.slug: trigger slugged fills it",
        "materialized view titles",
        "[derived]\n      \"post.slug\" = \"fill\"  # or \"accept\"\n      titles = \"fill\"  # or \"accept\"",
        "post: note (nothing: NULL)",
        "public.free: no column is known to draw from it",
    ] {
        assert!(dry.stdout.contains(part), "{part}\n{}", dry.stdout);
    }
    let first = run(&[]).expect(1);
    for part in [
        "NOT proven",
        "post.slug: 2 migrated rows lack the value that trigger slugged fills it with",
        "not checked: sequence public.free",
        "not valid: author: is_small, as in the app",
    ] {
        assert!(first.stdout.contains(part), "{part}\n{}", first.stdout);
    }
    // The statements are followed to the letter.
    let fill: Vec<&str> =
        first.stdout.lines().filter_map(|line| Some(line.split_once("in psql: ")?.1)).collect();
    assert_eq!(fill.len(), 2, "{}", first.stdout);
    assert!(first.stdout.contains("[derived]: \"post.slug\" = \"fill\" or \"accept\""), "{}", first.stdout);
    execute(&database, &fill.concat());
    place.run(["validate", "--postgres", database.url()]).expect(0);

    let mapping = place.path().join("plans/app/mapping.toml");
    let text = fs::read_to_string(&mapping).unwrap();
    fs::write(&mapping, format!("{text}\n[derived]\n\"post.slug\" = \"fill\"\ntitles = \"fill\"\n")).unwrap();
    let second = run(&["--restart"]).expect(0);
    assert!(
        second.stdout.contains(
            "as planned, of which the app has some NOT VALID (listed above), 1 sequence ahead, 1 not checked"
        ),
        "{}",
        second.stdout
    );
    assert_eq!(lines(&database, "SELECT slug FROM post ORDER BY id"), ["a", "b"]);
    assert_eq!(lines(&database, "SELECT title FROM titles ORDER BY 1"), ["a", "b"]);
    place.run(["validate", "--postgres", database.url()]).expect(0);
}

#[test]
fn rows_that_the_apps_rules_refuse_are_named_with_the_sql_that_lets_them_in() {
    let (place, database) = prepared();
    execute(
        &database,
        "ALTER TABLE author ADD CONSTRAINT \"one of\" CHECK (id < 2); CREATE UNIQUE INDEX by_length ON post (length(title))",
    );
    let run =
        || place.run(["migrate", "--sqlite", "app.db", "--postgres", database.url(), "--into-existing"]);
    let refused = run().expect(1);
    for line in [
        "2 rows are refused by the app's tables; nothing was changed",
        "  Author, CHECK one of: 1 of 2 rows\n    id=2\n",
        "  Post, unique index by_length: 1 of 2 rows\n    id=6\n",
    ] {
        assert!(refused.stdout.contains(line), "{line}: {}", refused.screen());
    }
    assert_eq!(value(&database, "SELECT to_regnamespace('migration') IS NULL"), "true");
    // The advice is followed to the letter.
    let statements: Vec<&str> =
        refused.stdout.lines().filter_map(|line| Some(line.split_once("and run again: ")?.1)).collect();
    assert_eq!(statements.len(), 2, "{}", refused.screen());
    execute(&database, &statements.concat());
    run().expect(0);
}
