//! `migrate --undo`: after a kill in any phase the target is as it was before, with its rows, its sequences and its schema to the byte.

use row_mover::remedy::Remedy;
use row_mover::run::{self, LeftOpen, Silent, UndoRequest, Undone};

use crate::existing_untouched;
use crate::resume::{spawn, wait_for_its_sessions};
use crate::support::dump::schema_dump;
use crate::support::{Case, chain, sqlite};

const SOURCE: &str = "
    CREATE TABLE author (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, mentor INTEGER);
    CREATE TABLE book (id INTEGER PRIMARY KEY AUTOINCREMENT, author INTEGER, title TEXT, sold INTEGER);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
    INSERT INTO book SELECT i, 1 + i % 100, 'book ' || i, i % 2 FROM n;
    INSERT INTO author SELECT id, 'author ' || id, 101 - id FROM book WHERE id <= 100;";

/// An app with rows and sequences of its own, and triggers that would tell of each row.
const TARGET: &str = "
    CREATE SEQUENCE free_seq START 5 INCREMENT 3; SELECT nextval('free_seq'); CREATE SEQUENCE alone; SELECT setval('alone', 40, false);
    CREATE SEQUENCE of_another; CREATE TABLE another (id int DEFAULT nextval('of_another'));
    CREATE TABLE author (mentor int REFERENCES author, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(20) NOT NULL,
        shout text GENERATED ALWAYS AS (upper(name)) STORED, place int NOT NULL DEFAULT nextval('free_seq'));
    CREATE TABLE book (title text UNIQUE, id bigserial PRIMARY KEY, sold boolean, author int NOT NULL REFERENCES author ON DELETE CASCADE);
    COMMENT ON CONSTRAINT book_author_fkey ON book IS 'who wrote it';
    CREATE TABLE log (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (TG_OP); RETURN NULL; END $$;
    CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON book FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER always AFTER INSERT OR UPDATE OR DELETE ON author FOR EACH ROW EXECUTE FUNCTION note();
    ALTER TABLE author ENABLE ALWAYS TRIGGER always;
    INSERT INTO author (id, name, mentor) OVERRIDING SYSTEM VALUE VALUES (50001, 'seed', NULL), (50002, 'second', 50001), (50003, 'third', 50002);
    INSERT INTO book (id, title, sold, author) VALUES (50001, 'seed', NULL, 50003); ALTER SEQUENCE book_id_seq RESTART WITH 17;";

const STOPS: [&str; 11] = [
    "preflight ends",
    "seal ends",
    "schema begins",
    "schema ends",
    "rows begins",
    "sent",
    "moved rows of author",
    "rows ends",
    "constraints ends",
    "validate begins",
    "compared",
];

#[track_caller]
fn with(mapping: &str) -> Case {
    Case::for_app(SOURCE, TARGET, mapping)
}

/// Everything in the schema `public`: definitions, rows and the positions of sequences.
#[track_caller]
fn content(case: &Case) -> Vec<String> {
    let mut all = vec![schema_dump(case, &["public"])];
    for table in case.ask(
        "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
    ) {
        all.extend(case.ask(&format!("SELECT '{table}', t::text FROM ONLY {table} AS t ORDER BY t::text COLLATE \"C\"")));
    }
    for sequence in case.ask("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace ORDER BY 1") {
        all.extend(case.ask(&format!("SELECT '{sequence}', last_value, is_called FROM {sequence}")));
    }
    all
}

fn request(case: &Case) -> UndoRequest {
    let run::Request { target, settings, workers, .. } = case.request();
    UndoRequest { target, settings, workers, discard: false, dry_run: false }
}

#[track_caller]
fn undo(case: &Case) -> Option<Undone> {
    run::undo(&request(case), &Silent).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

#[track_caller]
fn killed(case: &Case, stop: &str) {
    spawn(case, stop).wait().unwrap();
    wait_for_its_sessions(case);
}

#[track_caller]
fn check_as_before(case: &Case, before: &[String], what: &str) {
    assert_eq!(content(case), before, "{what}");
    assert_eq!(case.ask("SELECT to_regnamespace('migration')"), ["NULL"], "{what}");
    assert!(undo(case).is_none(), "{what}");
}

#[test]
fn a_run_that_is_killed_in_any_phase_is_undone() {
    for seeds in ["replace", "keep"] {
        for stop in STOPS {
            let case = with(&format!("seeds = \"{seeds}\""));
            let before = content(&case);
            killed(&case, stop);
            let left = content(&case);
            let shown = run::undo(&UndoRequest { dry_run: true, ..request(&case) }, &Silent).unwrap();
            assert_eq!(content(&case), left, "{seeds}, {stop}: a dry run changes nothing");
            let undone = undo(&case);
            assert_eq!(format!("{shown:?}"), format!("{undone:?}"), "{seeds}, {stop}");
            assert_eq!(undone.is_some(), !["preflight ends", "seal ends"].contains(&stop), "{seeds}, {stop}");
            if stop == "rows begins" {
                let open = undone.unwrap().open;
                assert_eq!(
                    open.foreign_keys,
                    ["public.author.author_mentor_fkey", "public.book.book_author_fkey"]
                );
                assert_eq!(open.triggers, ["public.author.always", "public.book.noted"]);
                assert_eq!(open.replaced.len(), if seeds == "replace" { 2 } else { 0 });
            }
            check_as_before(&case, &before, &format!("{seeds}, {stop}"));
        }
    }
}

#[test]
fn rows_that_were_merged_and_rows_without_a_key_are_undone() {
    // The app's rows are equal, overwritten, kept, and there in copies; each has a column that the source does not have.
    let source = "
        CREATE TABLE role (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO role VALUES (1, 'admin'), (2, 'editor'), (3, 'reader');
        CREATE TABLE setting (name TEXT, value TEXT);
        INSERT INTO setting VALUES ('a', '1'), ('a', '1'), ('b', '2');";
    let target = "
        CREATE TABLE role (id int PRIMARY KEY, name text, made timestamptz NOT NULL DEFAULT clock_timestamp());
        INSERT INTO role (id, name) VALUES (1, 'admin'), (2, 'author'), (9, 'own');
        CREATE TABLE setting (name text, value text, made timestamptz NOT NULL DEFAULT clock_timestamp());
        INSERT INTO setting (name, value) VALUES ('a', '1'), ('c', '3');";
    for decided in
        ["seeds = \"merge\"", "seeds = \"replace\"", "seeds = \"merge\"\n[tables.setting]\nseeds = \"keep\""]
    {
        for stop in ["schema ends", "rows ends", "constraints ends"] {
            let case = Case::for_app(source, target, decided);
            let (before, what) = (content(&case), format!("{decided}, {stop}"));
            killed(&case, stop);
            assert!(stop == "schema ends" || content(&case) != before, "{what}: rows have moved");
            assert!(undo(&case).is_some(), "{what}");
            check_as_before(&case, &before, &what);
            case.moved();
        }
    }
}

#[test]
fn a_run_into_any_apps_schema_is_undone_and_can_begin_again() {
    for (name, target_sql) in existing_untouched::apps() {
        let case = existing_untouched::case(name, target_sql);
        let before = content(&case);
        let stop = if name == "quoted" { "moved rows of author" } else { "moved rows of book" };
        killed(&case, stop);
        assert_ne!(content(&case), before, "{name}");
        undo(&case);
        check_as_before(&case, &before, name);
        case.moved();
    }
}

#[test]
fn an_undo_that_was_interrupted_resumes() {
    let case = with("seeds = \"replace\"");
    let before = content(&case);
    killed(&case, "moved rows of book");
    // As a removal in several transactions leaves it after the rows, and before foreign keys and triggers.
    case.execute(
        "UPDATE migration.runs SET removal_began_at = now(); DELETE FROM book; DELETE FROM author; \
         INSERT INTO author (mentor, id, name, place) OVERRIDING SYSTEM VALUE SELECT mentor, id, name, place FROM migration.seeds_author",
    );
    let refused = chain(&run::migrate(&case.request(), &Silent).unwrap_err());
    assert!(refused.contains("is being removed"), "{refused}");
    undo(&case);
    check_as_before(&case, &before, "resumed");
}

#[test]
fn a_finished_run_is_not_undone() {
    let case = with("seeds = \"replace\"");
    case.moved();
    let left = content(&case);
    let refused = run::undo(&request(&case), &Silent).unwrap_err();
    assert_eq!(refused.remedy_value(), Some(&Remedy::FinishedNotUndone));
    assert_eq!(content(&case), left);
    // As the remedy says.
    crate::support::moved(run::migrate(&run::Request { restart: true, ..case.request() }, &Silent));
}

#[test]
fn rows_that_the_app_has_written_since_are_not_lost() {
    let case = with("seeds = \"replace\"");
    let before = content(&case);
    case.moved();
    case.execute("DELETE FROM migration.phases WHERE phase = 'validate'; INSERT INTO book (title, author) VALUES ('new', 1)");
    let refused = chain(&run::undo(&request(&case), &Silent).unwrap_err());
    assert!(
        refused.contains("book: 1 added, 0 changed") && refused.contains("ValidateOrDiscard"),
        "{refused}"
    );
    run::undo(&UndoRequest { discard: true, ..request(&case) }, &Silent).unwrap();
    case.execute("DELETE FROM log WHERE ctid = (SELECT max(ctid) FROM log)");
    check_as_before(&case, &before, "discarded");
}

#[test]
fn what_a_run_created_is_dropped_with_its_schema() {
    let case = Case::mapped(SOURCE, "schema = \"shop\"");
    let before = case.target_objects();
    for stop in ["schema ends", "moved rows of book", "validate begins"] {
        killed(&case, stop);
        assert_eq!(undo(&case).unwrap().created, ["shop.author", "shop.book"], "{stop}");
        assert_eq!(case.target_objects(), before, "{stop}");
    }
    // A schema that was there stays, and so does one in which somebody has put something.
    case.execute("CREATE SCHEMA shop");
    killed(&case, "moved rows of book");
    undo(&case);
    assert_eq!(case.target_objects(), ["shop"]);
    case.execute("DROP SCHEMA shop");
    killed(&case, "moved rows of book");
    case.execute("CREATE TABLE shop.other ()");
    undo(&case);
    assert_eq!(case.target_objects(), ["shop", "shop.other"]);
}

#[test]
fn a_materialized_view_that_a_run_filled_shows_the_rows_from_before() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(
        &source,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 10), (2, 20)",
    );
    let target = "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (7, 7); \
                  CREATE MATERIALIZED VIEW sums AS SELECT sum(n) AS n FROM t";
    let mapping = "seeds = \"replace\"\n[derived]\n\"sums\" = \"fill\"";
    let case = Case::into_existing(dir, source, mapping, target).unwrap_or_else(|words| panic!("{words}"));
    case.moved();
    assert_eq!(case.ask("SELECT n FROM sums"), ["30"]);
    case.execute("DELETE FROM migration.phases WHERE phase = 'validate'");
    undo(&case);
    assert_eq!(case.ask("SELECT n FROM sums"), ["7"]);
}

#[test]
fn a_failure_says_in_which_state_it_leaves_the_tables() {
    let case = with("seeds = \"replace\"");
    let before = content(&case);
    killed(&case, "rows begins");
    case.execute("ALTER TABLE book ADD CONSTRAINT later CHECK (id < 100)");
    let failed = run::migrate(&case.request(), &Silent).unwrap_err();
    let causes = std::iter::successors(std::error::Error::source(&failed), |cause| cause.source());
    let left = causes.filter_map(|cause| cause.downcast_ref::<LeftOpen>()).next().expect("the state");
    let open = left.open.as_ref().unwrap();
    assert_eq!(open.foreign_keys, ["public.author.author_mentor_fkey", "public.book.book_author_fkey"]);
    assert_eq!(open.replaced, ["public.author", "public.book"]);
    case.execute("ALTER TABLE book DROP CONSTRAINT later");
    undo(&case);
    check_as_before(&case, &before, "after a failure");
    // A failure that changes nothing says nothing of the kind.
    case.execute("ALTER TABLE book ADD COLUMN more int");
    let refused = run::migrate(&case.request(), &Silent).unwrap_err();
    let mut causes = std::iter::successors(std::error::Error::source(&refused), |cause| cause.source());
    assert!(!causes.any(|cause| cause.is::<LeftOpen>()));
}
