//! Data that an app derives from rows: columns that triggers fill, counters in other tables, materialized views. It is filled where the
//! mapping says so; else validation names it with SQL that fills it.

use migrate_core::plan::{DerivedDecision, Filler};
use row_mover::run::{self, Moved, Outcome, Silent, UndoRequest};
use row_mover::validate::CheckResult;

use crate::resume::{spawn, wait_for_its_sessions};
use crate::support::{Case, chain};

const SOURCE: &str = "
    CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT, body TEXT, changed TEXT);
    CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER REFERENCES posts, body TEXT);
    INSERT INTO posts VALUES (1, 'First Post', 'cats sleep', '2020-01-01 00:00:00'), (2, 'Second', NULL, '2020-01-02 00:00:00');
    INSERT INTO comments VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c');";

/// Every kind of derived data, and a trigger that would alter loaded values.
const TARGET: &str = "
    CREATE TABLE posts (id int PRIMARY KEY, title text NOT NULL, body text, changed timestamp, search tsvector, slug text,
                        comment_count int NOT NULL DEFAULT 0, note text, made timestamptz DEFAULT now(),
                        length int GENERATED ALWAYS AS (length(body)) STORED);
    CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts, body text);
    CREATE TRIGGER searched BEFORE INSERT OR UPDATE ON posts FOR EACH ROW
        EXECUTE FUNCTION tsvector_update_trigger(search, 'pg_catalog.simple', title, body);
    CREATE FUNCTION slugged() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.slug := coalesce(NEW.slug, replace(lower(NEW.title), ' ', '-')); NEW.changed := now(); NEW.title := upper(NEW.title);
        RETURN NEW; END $$;
    CREATE TRIGGER slugged BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION slugged();
    CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE posts SET comment_count = comment_count + 1 WHERE id = NEW.post_id; RETURN NULL; END $$;
    CREATE TRIGGER counted AFTER INSERT ON comments FOR EACH ROW EXECUTE FUNCTION counted();
    CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed := now(); RETURN NEW; END $$;
    CREATE TRIGGER touched BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION touched();
    CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS posts FROM posts;
    CREATE MATERIALIZED VIEW deeper AS SELECT posts + 1 AS more FROM totals WITH NO DATA;";

const ALL: [&str; 5] = ["posts.search", "posts.slug", "posts.comment_count", "totals", "deeper"];

fn decided(decision: &str) -> String {
    format!("[derived]\n{}", ALL.map(|name| format!("\"{name}\" = \"{decision}\"\n")).concat())
}

#[track_caller]
fn with(mapping: &str) -> Case {
    Case::for_app(SOURCE, TARGET, mapping)
}

/// Migrates, whether that is proven or not.
#[track_caller]
fn migrated(case: &Case) -> Moved {
    match run::migrate(&case.request(), &Silent) {
        Ok(Outcome::Moved(moved)) => *moved,
        Ok(other) => panic!("{other:?}"),
        Err(error) => panic!("{}", chain(&error)),
    }
}

fn words_of(open: &migrate_core::finding::NotCompared) -> String {
    use report::words::{reason, subject};
    format!("{}: {}", subject(&open.subject), reason(&open.reason))
}

fn named(found: &CheckResult<migrate_core::finding::DerivedDifference>) -> Vec<String> {
    found.differences.iter().map(report::words::derived).collect()
}

const DERIVED: &str = "SELECT id, title, changed, search, slug, comment_count FROM posts ORDER BY id";

const FILLED: [&str; 2] = [
    "1|First Post|2020-01-01 00:00:00|'cats':3 'first':1 'post':2 'sleep':4|first-post|2",
    "2|Second|2020-01-02 00:00:00|'second':1|second|1",
];

#[test]
fn a_plan_names_every_column_without_a_value_and_what_fills_it() {
    let case = with("");
    let filler = |name: &str| {
        let found = case.plan.unloaded.iter().find(|column| column.full_name() == name);
        found.map(|column| column.filled_by.clone()).unwrap_or_else(|| panic!("{name}"))
    };
    let triggers = |name: &str| {
        let found = case.plan.unloaded.iter().find(|column| column.full_name() == name);
        let seen = found
            .into_iter()
            .flat_map(|column| column.triggers())
            .map(|trigger| (trigger.name.clone(), trigger.is_seen));
        seen.collect::<Vec<_>>()
    };
    assert_eq!(triggers("posts.search"), [("searched".to_owned(), true)]);
    assert_eq!(triggers("posts.slug"), [("slugged".to_owned(), true)]);
    assert_eq!(triggers("posts.comment_count"), [("counted".to_owned(), false)]);
    assert_eq!(filler("posts.note"), Filler::Nothing);
    assert_eq!(filler("posts.made"), Filler::Default("now()".to_owned()));
    assert_eq!(filler("posts.length"), Filler::Generated);
    let views: Vec<&str> = case.plan.materialized_views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(views, ["totals", "deeper"], "each after those that it reads");
}

#[test]
fn derived_data_is_filled_where_the_mapping_says_so_and_no_loaded_value_is_altered() {
    let case = with(&decided("fill"));
    case.moved();
    assert_eq!(case.ask(DERIVED), FILLED);
    assert_eq!(case.ask("SELECT posts, more FROM totals, deeper"), ["2|3"]);
    assert_eq!(case.ask("SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'"), ["0"]);
    // Triggers of the app are as before for rows that it writes itself.
    assert_eq!(
        case.ask("INSERT INTO posts (id, title) VALUES (3, 'x y') RETURNING title, slug"),
        ["X Y|x-y"]
    );
    assert!(
        case.validated(false)
            .1
            .derived
            .differences
            .iter()
            .all(|found| !format!("{found:?}").contains("Column"))
    );
}

#[test]
fn without_a_decision_it_is_named_and_the_printed_sql_fills_it() {
    let case = with("");
    let moved = migrated(&case);
    assert!(!moved.validation.is_proven());
    assert_eq!(
        named(&moved.validation.derived),
        [
            "posts.search: 2 migrated rows lack the value that trigger searched fills it with",
            "posts.slug: 2 migrated rows lack the value that trigger slugged fills it with",
            "posts.comment_count: 2 migrated rows lack the value that trigger counted may fill it with",
            "materialized view totals is stale: it holds 1 row, and its query returns 1",
            "materialized view deeper is not populated",
        ]
    );
    for found in &moved.validation.derived.differences {
        let remedy = report::words::remedy::derived(found, &case.plan);
        case.execute(remedy.sql().unwrap_or_else(|| panic!("{remedy}")));
    }
    assert_eq!(case.ask(DERIVED), FILLED);
    assert_eq!(case.ask("SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'"), ["0"]);
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven(), "{validation:?}");
    // Damage is found again.
    case.execute("ALTER TABLE posts DISABLE TRIGGER USER; UPDATE posts SET slug = NULL WHERE id = 2; ALTER TABLE posts ENABLE TRIGGER USER");
    let (_, validation) = case.validated(false);
    assert_eq!(
        named(&validation.derived),
        ["posts.slug: 1 migrated row lacks the value that trigger slugged fills it with"]
    );
}

#[test]
fn accepted_data_stays_as_it_is() {
    let case = with(&decided("accept"));
    case.moved();
    assert_eq!(case.ask("SELECT count(slug), count(search), sum(comment_count) FROM posts"), ["0|0|0"]);
}

#[test]
fn a_column_that_must_not_be_null_is_filled_during_the_load() {
    let source =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'Ann'), (2, 'Bob')";
    let target = "CREATE TABLE t (id int PRIMARY KEY, name text, key text NOT NULL);
        CREATE FUNCTION keyed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.key := lower(NEW.name); RETURN NEW; END $$;
        CREATE TRIGGER keyed BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION keyed()";
    let refused = Case::planned_for_app(source, target, "").err().unwrap_or_default();
    assert!(refused.contains("column t.key of the target gets no value"), "{refused}");
    let lines = refused.split("lines for mapping.toml:\n").nth(1).unwrap_or_default();
    let case = Case::planned_for_app(source, target, lines).unwrap_or_else(|words| panic!("{words}"));
    case.moved();
    assert_eq!(case.ask("SELECT id, name, key FROM t ORDER BY id"), ["1|Ann|ann", "2|Bob|bob"]);
}

#[test]
fn a_trigger_that_cannot_be_tried_may_fill_what_its_function_assigns() {
    let case = Case::planned_for_app(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, mail TEXT); INSERT INTO t VALUES (1, 'a@b')",
        "CREATE TABLE t (id int PRIMARY KEY, mail text, domain text);
         CREATE FUNCTION split() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF strpos(NEW.mail, '@') = 0 THEN RAISE EXCEPTION 'no address'; END IF;
             NEW.domain := split_part(NEW.mail, '@', 2); RETURN NEW; END $$;
         CREATE TRIGGER split BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION split()",
        "",
    )
    .unwrap_or_else(|words| panic!("{words}"));
    let found = case.plan.unloaded.iter().find(|column| column.column == "domain").unwrap();
    assert_eq!(found.triggers().iter().map(|trigger| trigger.is_seen).collect::<Vec<_>>(), [false]);
    // For the migrated rows it can be called.
    assert_eq!(
        named(&migrated(&case).validation.derived),
        ["t.domain: 1 migrated row lacks the value that trigger split fills it with"]
    );
}

#[test]
fn decisions_about_unknown_names_are_refused() {
    for (mapping, part) in [
        ("[derived]\n\"posts.serch\" = \"fill\"", "neither a column without a value"),
        ("[derived]\n\"posts.note\" = \"fill\"", "posts.note, which no trigger fills"),
        ("[derived]\ntotal = \"fill\"", "(the nearest name is totals)"),
    ] {
        let refused = Case::planned_for_app(SOURCE, TARGET, mapping).err().unwrap_or_default();
        assert!(refused.contains(part), "{mapping}: {refused}");
    }
    let accepted = with("[derived]\n\"posts.note\" = \"accept\"");
    let note = accepted.plan.unloaded.iter().find(|column| column.column == "note").unwrap();
    assert_eq!(note.decision, Some(DerivedDecision::Accept));
}

#[test]
fn undo_takes_back_what_was_filled() {
    let target = format!(
        "{TARGET} CREATE SCHEMA seqs; CREATE SEQUENCE seqs.notes;
        CREATE FUNCTION next_note() RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('seqs.notes') $$;
        ALTER TABLE comments ALTER id SET DEFAULT next_note(); REFRESH MATERIALIZED VIEW deeper"
    );
    let case =
        Case::planned_for_app(SOURCE, &target, &decided("fill")).unwrap_or_else(|words| panic!("{words}"));
    let held = || {
        case.ask("SELECT t.posts, d.more, n.last_value, n.is_called FROM totals t, deeper d, seqs.notes n")
    };
    let before = held();
    spawn(&case, "validate begins").wait().unwrap();
    wait_for_its_sessions(&case);
    assert_eq!(held(), ["2|3|3|t"]);
    let undone = run::undo(
        &UndoRequest {
            target: case.request().target,
            settings: case.request().settings,
            dry_run: false,
            discard: false,
            workers: 2,
        },
        &Silent,
    );
    assert!(undone.is_ok(), "{undone:?}");
    assert_eq!(held(), before);
    assert_eq!(case.ask("SELECT count(*) FROM posts"), ["0"]);
}

/// A search table and a count that only triggers write, and a table of which a trigger keeps nothing.
const WRITTEN: &str = "
    CREATE TABLE posts (id int PRIMARY KEY, title text, body text, changed timestamp);
    CREATE TABLE comments (id int PRIMARY KEY, post_id int, body text);
    CREATE TABLE found (post_id int PRIMARY KEY REFERENCES posts, words tsvector NOT NULL);
    CREATE TABLE counts (name text PRIMARY KEY, n int NOT NULL); INSERT INTO counts VALUES ('comments', 0);
    CREATE TABLE other (id int);
    CREATE FUNCTION indexed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO found VALUES (NEW.id, to_tsvector('simple', NEW.title)); RETURN NULL; END $$;
    CREATE TRIGGER indexed AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION indexed();
    CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE counts SET n = n + 1 WHERE name = 'comments'; RETURN NULL; END $$;
    CREATE TRIGGER counted AFTER INSERT ON comments FOR EACH ROW EXECUTE FUNCTION counted();";

#[test]
fn a_table_that_only_triggers_write_is_named_and_the_printed_sql_fills_it() {
    let case = Case::planned_for_app(SOURCE, WRITTEN, "").unwrap_or_else(|words| panic!("{words}"));
    let moved = migrated(&case);
    assert!(!moved.validation.is_proven());
    let words = "table found has no rows: trigger indexed writes it, and the load does not";
    assert_eq!(named(&moved.validation.derived), [words]);
    // Whether a table that holds rows lacks some is not known, and is said.
    let open: Vec<String> = moved.validation.derived.not_compared.iter().map(words_of).collect();
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(open.iter().all(|words| words.contains("table counts") && words.contains("counted")), "{open:?}");
    for found in &moved.validation.derived.differences {
        let remedy = report::words::remedy::derived(found, &case.plan);
        case.execute(remedy.sql().unwrap_or_else(|| panic!("{remedy}")));
    }
    assert_eq!(case.ask("SELECT * FROM found ORDER BY 1"), ["1|'first':1 'post':2", "2|'second':1"]);
    assert!(case.validated(false).1.is_proven());
}

#[test]
fn a_table_that_only_triggers_write_can_be_accepted_and_not_filled() {
    let accepted = "[derived]\nfound = \"accept\"\n\"public.counts\" = \"accept\"";
    let case = Case::planned_for_app(SOURCE, WRITTEN, accepted).unwrap_or_else(|words| panic!("{words}"));
    case.moved();
    assert!(case.validated(false).1.derived.not_compared.is_empty());
    let words =
        Case::planned_for_app(SOURCE, WRITTEN, "[derived]\nfound = \"fill\"").err().unwrap_or_default();
    assert!(words.contains("only after the migration"), "{words}");
}

#[test]
fn a_table_or_column_that_is_gone_is_a_finding_and_no_error() {
    for (target, damage, finding) in [
        (WRITTEN, "ALTER TABLE comments RENAME TO renamed", "table comments is gone"),
        (WRITTEN, "ALTER TABLE posts RENAME TO renamed", "table posts is gone"),
        (TARGET, "ALTER TABLE comments RENAME TO renamed", "table comments is gone"),
        (TARGET, "ALTER TABLE posts RENAME TO renamed", "table posts is gone"),
        (TARGET, "ALTER TABLE posts DROP COLUMN slug", "posts: column slug is gone: text"),
        (
            TARGET,
            "ALTER TABLE posts RENAME COLUMN search TO renamed",
            "posts: column search is gone: tsvector",
        ),
        (
            TARGET,
            "ALTER TABLE posts RENAME COLUMN comment_count TO renamed",
            "posts: column comment_count is gone: integer NOT NULL DEFAULT 0",
        ),
        (
            TARGET,
            "ALTER TABLE posts RENAME COLUMN title TO renamed",
            "posts: column title is gone: text NOT NULL",
        ),
    ] {
        let mapping =
            if target == TARGET { decided("fill") } else { "[derived]\nfound = \"accept\"".to_owned() };
        let case = Case::planned_for_app(SOURCE, target, &mapping)
            .unwrap_or_else(|words| panic!("{damage}: {words}"));
        case.moved();
        case.execute(damage);
        let (_, found) = case.validated(false);
        let said: Vec<String> = found.schema.iter().map(report::words::schema).collect();
        assert!(!found.is_proven() && said.iter().any(|line| line == finding), "{damage}: {said:#?}");
    }
}
