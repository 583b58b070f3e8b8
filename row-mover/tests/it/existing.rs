//! Loads into tables that an app has made: killed and gone on with, started over, damaged afterwards, and refused where the target
//! has changed since the plan was made.

use row_mover::run::{self, Outcome, Request, Silent};

use crate::resume::{spawn, wait_for_its_sessions};
use crate::support::{Case, chain, moved, sqlite, words};

const SOURCE: &str = "
    CREATE TABLE author (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, mentor INTEGER);
    CREATE TABLE book (id INTEGER PRIMARY KEY, author INTEGER, title TEXT, sold INTEGER);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
    INSERT INTO book SELECT i, 1 + i % 100, 'book ' || i, i % 2 FROM n;
    INSERT INTO author SELECT id, 'author ' || id, 101 - id FROM book WHERE id <= 100;";

/// The app's tables, with a row of its own and things that stand in the way of a load.
const TARGET: &str = "
    CREATE TABLE author (mentor int REFERENCES author, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(20) NOT NULL);
    CREATE TABLE book (title text UNIQUE, id bigint PRIMARY KEY, sold boolean, author int NOT NULL REFERENCES author ON DELETE CASCADE);
    CREATE INDEX book_author ON book (author);
    CREATE TABLE log (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (TG_OP); RETURN NULL; END $$;
    CREATE TRIGGER noted AFTER INSERT OR DELETE ON book FOR EACH ROW EXECUTE FUNCTION note();
    INSERT INTO author OVERRIDING SYSTEM VALUE VALUES (NULL, 1000, 'seed');
    CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now());
    INSERT INTO __diesel_schema_migrations (version) VALUES ('00000000000000')";

/// What has to be there whatever happened: constraints, triggers, the app's own row and its list of migrations.
const SCHEMA: &str = "
    SELECT (SELECT string_agg(conname || convalidated, ' ' ORDER BY conname) FROM pg_constraint
            WHERE contype IN ('f', 'p', 'u') AND conrelid IN ('author'::regclass, 'book'::regclass)),
           (SELECT tgenabled FROM pg_trigger WHERE tgname = 'noted'), (SELECT count(*) FROM log),
           (SELECT name FROM author WHERE id = 1000), (SELECT count(*) FROM __diesel_schema_migrations WHERE version = '00000000000000')";

const SCHEMA_IS: &str =
    "author_mentor_fkeytrue author_pkeytrue book_author_fkeytrue book_pkeytrue book_title_keytrue|O|0|seed|1";

fn case() -> Case {
    Case::for_app(SOURCE, TARGET, "seeds = \"keep\"")
}

#[track_caller]
fn check_moved(case: &Case, what: &str) {
    let rows = "SELECT (SELECT count(*) FROM author), (SELECT count(*) FROM book), (SELECT count(DISTINCT title) FROM book), \
                (SELECT count(*) FROM book WHERE sold)";
    assert_eq!(case.ask(rows), ["101|60000|60000|30000"], "{what}");
    assert_eq!(case.ask(SCHEMA), [SCHEMA_IS], "{what}");
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven(), "{what}: {validation:?}");
}

#[test]
fn a_run_that_is_killed_in_any_phase_resumes() {
    for stop in [
        "schema begins",
        "schema ends",
        "rows begins",
        "moved rows of book",
        "rows ends",
        "constraints ends",
        "validate begins",
    ] {
        let case = case();
        spawn(&case, stop).wait().unwrap();
        wait_for_its_sessions(&case);
        let outcome = run::migrate(&case.request(), &Silent)
            .unwrap_or_else(|error| panic!("{stop}: {}", chain(&error)));
        assert!(matches!(outcome, Outcome::Moved(_)), "{stop}: {outcome:?}");
        check_moved(&case, stop);
        assert_eq!(case.ask("INSERT INTO author (name) VALUES ('next') RETURNING id"), ["1001"], "{stop}");
    }
}

#[test]
fn restart_removes_exactly_the_rows_of_the_run() {
    for stop in ["rows begins", "moved rows of book", "validate begins", ""] {
        let case = case();
        spawn(&case, stop).wait().unwrap();
        wait_for_its_sessions(&case);
        sqlite(&case.source, "UPDATE book SET sold = 1 - sold");
        moved(run::migrate(&Request { restart: true, ..case.request() }, &Silent));
        check_moved(&case, stop);
        assert_eq!(case.ask("SELECT sold FROM book WHERE id = 2"), ["t"], "{stop}");
    }
}

#[test]
fn restart_refuses_where_the_app_has_written_since() {
    let case = case();
    case.moved();
    case.execute("INSERT INTO book VALUES ('new', 70000, true, 1)");
    let restart = || Request { restart: true, ..case.request() };
    let refused = chain(&run::migrate(&restart(), &Silent).unwrap_err());
    assert!(refused.contains("book: 1 added, 0 changed"), "{refused}");
    assert_eq!(case.ask("SELECT count(*) FROM book"), ["60001"]);
    moved(run::migrate(&Request { discard: true, ..restart() }, &Silent));
    assert_eq!(case.ask("SELECT count(*) FROM book"), ["60000"]);
}

#[test]
fn validation_finds_what_is_damaged() {
    let case = case();
    case.moved();
    for (damage, mend, part) in [
        (
            "UPDATE book SET sold = NOT sold WHERE id = 17",
            "UPDATE book SET sold = NOT sold WHERE id = 17",
            "\"different\":1",
        ),
        (
            "ALTER TABLE book DISABLE TRIGGER noted",
            "ALTER TABLE book ENABLE TRIGGER noted",
            "book: trigger noted is",
        ),
        (
            "ALTER TABLE author DROP CONSTRAINT author_mentor_fkey",
            "ALTER TABLE author ADD FOREIGN KEY (mentor) REFERENCES author",
            "author: constraint author_mentor_fkey is gone",
        ),
        (
            "DROP INDEX book_author",
            "CREATE INDEX book_author ON book (author)",
            "book: index book_author is gone",
        ),
        (
            "UPDATE author SET name = 'other' WHERE id = 5; ALTER TABLE author ALTER id RESTART",
            "UPDATE author SET name = 'author 5' WHERE id = 5; SELECT setval('author_id_seq', 1000)",
            "its next number is 1, which author.id has passed",
        ),
        (
            "DELETE FROM author WHERE id = 1000",
            "INSERT INTO author OVERRIDING SYSTEM VALUE VALUES (NULL, 1000, 'seed')",
            "author: of the rows to be kept, 1 of 1 are missing",
        ),
    ] {
        case.execute(damage);
        let (_, validation) = case.validated(false);
        let rows = serde_json::to_string(&validation.tables).unwrap();
        let found =
            [vec![rows], words::schema(&validation), words::sequences(&validation)].concat().join("\n");
        assert!(!validation.is_proven() && found.contains(part), "{damage}: {found}");
        case.execute(mend);
        let (_, validation) = case.validated(false);
        assert!(validation.is_proven(), "{mend}: {validation:?}");
    }
}

#[test]
fn a_target_that_has_changed_since_the_plan_is_refused_untouched() {
    for (change, part) in [
        ("ALTER TABLE book ADD COLUMN pages int", "book: column pages is not in the plan"),
        ("INSERT INTO author (name) VALUES ('later')", "table author in "),
        ("DROP TABLE book", "table book is gone"),
    ] {
        let case = case();
        case.execute(change);
        let before = case.target_objects();
        let refused = chain(&case.refused());
        assert!(refused.contains(part) && refused.contains("next: PlanAgain"), "{change}: {refused}");
        assert_eq!(case.target_objects(), before, "{change}");
    }
}

#[test]
fn a_row_that_the_apps_check_refuses_is_reported_with_the_remedy() {
    let case = Case::for_app(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 5), (2, 500)",
        // What a function reads that is not IMMUTABLE may change, so that the load is the first to call it.
        "CREATE FUNCTION fits(n int) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT n < 100'; \
         CREATE TABLE t (id int PRIMARY KEY, n int CONSTRAINT t_n_check CHECK (fits(n))); CREATE TABLE c (t int REFERENCES t)",
        "",
    );
    let refused = chain(&case.refused());
    assert!(refused.contains("t_n_check") && refused.contains("next: RepairRowOrTable"), "{refused}");
    sqlite(&case.source, "UPDATE t SET n = 50 WHERE id = 2");
    moved(run::migrate(&Request { restart: true, ..case.request() }, &Silent));
    assert_eq!(case.ask("SELECT id, n FROM t ORDER BY id"), ["1|5", "2|50"]);
}

/// Tables of an app in two schemas, of which the first hides a table of the second; the database's search path has both.
const TWO_SCHEMAS: &str = "
    CREATE SCHEMA app; CREATE SCHEMA \"Archive 1\";
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = app, \"Archive 1\"', current_database()); END $$;
    CREATE TABLE app.author (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text NOT NULL, mentor int REFERENCES app.author);
    CREATE TABLE \"Archive 1\".author (id int, other text);
    CREATE TABLE public.author (nothing int);
    CREATE TABLE \"Archive 1\".book (id bigserial PRIMARY KEY, author int REFERENCES app.author ON DELETE CASCADE, title text, sold int);
    INSERT INTO app.author VALUES (1000, 'seed', NULL)";

#[test]
fn tables_are_found_as_the_apps_search_path_finds_them() {
    let case = Case::for_app(SOURCE, TWO_SCHEMAS, "seeds = \"replace\"");
    case.moved();
    let counts = "SELECT (SELECT count(*) FROM app.author), (SELECT count(*) FROM \"Archive 1\".book), \
                  (SELECT count(*) FROM \"Archive 1\".author), (SELECT count(*) FROM public.author)";
    assert_eq!(case.ask(counts), ["100|60000|0|0"]);
    let keys = "SELECT conname::text, convalidated FROM pg_constraint \
                WHERE contype = 'f' AND connamespace <> 'migration'::regnamespace ORDER BY 1";
    assert_eq!(case.ask(keys), ["author_mentor_fkey|t", "book_author_fkey|t"]);
    assert_eq!(case.ask("INSERT INTO \"Archive 1\".book (title) VALUES ('next') RETURNING id"), ["60001"]);
    case.execute("DELETE FROM \"Archive 1\".book WHERE id = 60001");
    assert!(case.validated(false).1.is_proven());
    case.execute("ALTER TABLE \"Archive 1\".book DROP CONSTRAINT book_author_fkey");
    let (_, validation) = case.validated(false);
    let found = words::schema(&validation).join("\n");
    assert!(found.contains("book: constraint book_author_fkey is gone"), "{found}");
}

#[test]
fn rows_of_tables_in_another_schema_are_removed_by_a_restart() {
    let case = Case::for_app(SOURCE, TWO_SCHEMAS, "seeds = \"keep\"");
    spawn(&case, "rows ends").wait().unwrap();
    wait_for_its_sessions(&case);
    sqlite(&case.source, "UPDATE book SET sold = 1 - sold");
    moved(run::migrate(&Request { restart: true, ..case.request() }, &Silent));
    let counts =
        "SELECT (SELECT count(*) FROM app.author), (SELECT count(*) FROM \"Archive 1\".book WHERE sold = 1)";
    assert_eq!(case.ask(counts), ["101|30000"]);
}

#[test]
fn schemas_that_the_mapping_names_replace_the_search_path() {
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2);";
    let target = "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE public.t (x int); CREATE TABLE a.t (id int PRIMARY KEY); \
                  CREATE TABLE b.t (id int PRIMARY KEY)";
    for (mapping, found) in [
        ("schemas = [\"a\", \"public\"]", "a"),
        ("schemas = [\"b\", \"a\"]", "b"),
        ("schema = \"b\"", "b"),
        ("[tables.t]\nschema = \"a\"", "a"),
    ] {
        let case = Case::for_app(source, target, mapping);
        case.moved();
        assert_eq!(case.ask(&format!("SELECT count(*) FROM {found}.t")), ["2"], "{mapping}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(&path, source);
    let refused = Case::into_existing(dir, path, "schemas = [\"c\"]", target).err().unwrap();
    assert!(refused.contains("no schema c") && refused.contains("a, b, public"), "{refused}");
}

#[test]
fn a_default_that_reads_the_clock_proves_the_unit() {
    // In the years 1811 and 2286, where no unit is plausible.
    let values = "-5000000000000), (9999999999999";
    for (default, conversion, target_type) in [
        ("unixepoch() * 1000", "timestamptz_from_epoch_ms", "timestamptz"),
        ("CAST(unixepoch('subsec') * 1000 AS INTEGER)", "timestamp_from_epoch_ms", "timestamp"),
        ("unixepoch()", "timestamptz_from_epoch_s", "timestamptz"),
    ] {
        let values = if default == "unixepoch()" { "-5000000000), (9999999999" } else { values };
        let case = Case::for_app(
            &format!("CREATE TABLE t (made INTEGER DEFAULT ({default})); INSERT INTO t VALUES ({values})"),
            &format!("CREATE TABLE t (made {target_type})"),
            "",
        );
        assert_eq!(case.plan.tables[0].columns[0].conversion.name(), conversion);
        case.moved();
        assert_eq!(case.ask("SELECT extract(year FROM made) FROM t ORDER BY made"), ["1811", "2286"]);
    }
    // A default of another unit than the values proves nothing.
    let source =
        "CREATE TABLE t (made INTEGER DEFAULT (unixepoch())); INSERT INTO t VALUES (9999999999999999)";
    let refused = Case::planned_for_app(source, "CREATE TABLE t (made timestamptz)", "");
    assert!(refused.is_err_and(|words| words.contains("made")));
}
