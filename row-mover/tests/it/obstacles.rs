//! Obstacles of a plan for tables of an app: all are reported at once, and the printed lines of `mapping.toml` solve all that decisions
//! can solve.

use crate::support::{Case, moved};

/// Plans a source for tables of an app.
/// The words of the error without a plan.
#[track_caller]
fn refused(source_sql: &str, target_sql: &str, mapping: &str) -> String {
    match Case::planned_for_app(source_sql, target_sql, mapping) {
        Err(words) => words,
        Ok(case) => panic!("there is a plan: {:?}", case.plan),
    }
}

/// The lines for `mapping.toml` in an error, as they are printed.
#[track_caller]
fn lines(words: &str) -> &str {
    words.split_once("lines for mapping.toml:\n").unwrap_or_else(|| panic!("no lines in: {words}")).1
}

/// Follows the advice once; the rows must move and be proven.
#[track_caller]
fn follows(source_sql: &str, target_sql: &str, mapping: &str) -> Case {
    let words = refused(source_sql, target_sql, mapping);
    let advice = format!("{mapping}\n{}", lines(&words));
    let case = Case::planned_for_app(source_sql, target_sql, &advice)
        .unwrap_or_else(|again| panic!("{advice}\n{again}"));
    moved(row_mover::run::migrate(&case.request(), &row_mover::run::Silent));
    case
}

/// Several kinds at once, in several tables.
const SOURCE: &str = "
    CREATE TABLE Person (id INTEGER PRIMARY KEY, Nam TEXT, seen INTEGER, old TEXT);
    INSERT INTO Person VALUES (1, 'ann', 5, NULL), (2, 'bob', 7, 'x');
    CREATE TABLE \"a b\" (id INTEGER PRIMARY KEY, \"x.y\" TEXT, \"q\"\"z\" TEXT); INSERT INTO \"a b\" VALUES (1, 'p', 'r');
    CREATE TABLE item (id INTEGER PRIMARY KEY, ab TEXT, AB_ TEXT); INSERT INTO item VALUES (1, 'a', 'b');
    CREATE TABLE Tag (id INTEGER PRIMARY KEY); INSERT INTO Tag VALUES (3);";

const TARGET: &str = "
    CREATE TABLE person (id int PRIMARY KEY, name text, seen timestamptz, \"box\" box);
    CREATE TABLE a_b (id int PRIMARY KEY, \"x.yy\" text);
    CREATE TABLE item (id int PRIMARY KEY, \"aB\" text, \"Ab\" text);
    CREATE TABLE tag (id int PRIMARY KEY); CREATE TABLE \"TAG\" (id int PRIMARY KEY)";

#[test]
fn all_obstacles_are_reported_at_once_by_table() {
    let words = refused(SOURCE, TARGET, "");
    for part in [
        "\ntable Person:\n",
        "column Person.Nam has no counterpart in the target's table person (the nearest name there is name)",
        "column Person.seen is timestamp with time zone in the target, and nothing shows whether its numbers are seconds",
        "column Person.old has no counterpart",
        "\ntable a b:\n",
        "column a b.x.y has no counterpart",
        "column item.ab can be aB or Ab in the target",
        "table Tag can be TAG or tag in the target",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert_eq!(words.matches("table Person:").count(), 1, "{words}");
}

#[test]
fn the_printed_lines_solve_all_obstacles_in_one_round() {
    let case = follows(SOURCE, TARGET, "");
    assert_eq!(case.ask("SELECT id, name, \"box\" FROM person ORDER BY id"), ["1|ann|NULL", "2|bob|NULL"]);
    assert_eq!(case.ask("SELECT id, \"x.yy\" FROM a_b"), ["1|p"]);
    assert_eq!(case.ask("SELECT count(*) FROM \"TAG\""), ["1"]);
}

#[test]
fn a_table_in_another_schema_is_named_with_the_flag() {
    let target =
        "CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY); CREATE TABLE public.other (id int)";
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);";
    let words = refused(source, target, "");
    assert!(words.contains("schema app has some: --schema app"), "{words}");
    assert!(Case::planned_for_app(source, target, "schemas = [\"app\"]").is_ok());
    let words = refused(source, "CREATE TABLE other (id int)", "");
    assert!(words.contains("let the app create its tables there first"), "{words}");
}

#[test]
fn what_only_a_change_of_the_target_solves_has_no_line() {
    let words = refused(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE u (id INTEGER PRIMARY KEY);",
        "CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL); CREATE TABLE u (id int PRIMARY KEY);
         CREATE RULE quiet AS ON DELETE TO u DO INSTEAD NOTHING",
        "",
    );
    assert!(words.contains("there are 2 obstacles") && words.contains("rule quiet"), "{words}");
    assert!(!words.contains("mapping.toml"), "{words}");
}

#[test]
fn a_table_without_a_counterpart_is_named_with_what_it_resembles() {
    let source = "
        CREATE TABLE job (id INTEGER PRIMARY KEY, kind_id INTEGER REFERENCES kinds); INSERT INTO job VALUES (1, 2);
        CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO kinds VALUES (1, 'a'), (2, 'b');
        CREATE TABLE job_seq (next_val INTEGER); INSERT INTO job_seq VALUES (2);
        CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, size INTEGER); INSERT INTO things VALUES (1, 'x', 3);
        CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO note VALUES (1, 'x');
        CREATE VIRTUAL TABLE note_fts USING fts5(body); INSERT INTO note_fts VALUES ('x');
        CREATE TABLE far (id INTEGER PRIMARY KEY); INSERT INTO far VALUES (1);
        CREATE TABLE own (id INTEGER PRIMARY KEY); INSERT INTO own VALUES (7);
        CREATE TABLE empty (id INTEGER PRIMARY KEY);
        CREATE VIEW names AS SELECT name FROM things; CREATE INDEX by_size ON things (size);
        CREATE TRIGGER touched AFTER INSERT ON things BEGIN UPDATE things SET size = 0 WHERE id = new.id; END;";
    let target = "
        CREATE TYPE kind AS ENUM ('a', 'b'); CREATE SEQUENCE job_seq;
        CREATE TABLE job (id int PRIMARY KEY, kind_id kind); CREATE TABLE note (id int PRIMARY KEY, body text);
        CREATE TABLE articles (id int PRIMARY KEY, name text, size int);
        CREATE TABLE settings (id int PRIMARY KEY); CREATE SCHEMA other; CREATE TABLE other.far (id int PRIMARY KEY)";
    let words = refused(source, target, "[tables.job.columns]\nkind_id = { skip = \"numbers there\" }");
    for part in [
        "table kinds (2 rows) has no counterpart in the target; it resembles the enum type",
        "table job_seq (1 row) has no counterpart in the target; it resembles sequence job_seq",
        "table things (1 row) has no counterpart in the target; it resembles table articles",
        "table note_fts (1 row) has no counterpart in the target; it resembles a full-text index (fts5)",
        "table far (1 row) has no counterpart in the target; it resembles table far in schema other",
        "table own (1 row) has no counterpart in the target\n",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!words.contains("empty"), "{words}");

    let case = follows(source, target, "[tables.job.columns]\nkind_id = { skip = \"numbers there\" }");
    assert_eq!(case.plan.only_in_target, ["settings"]);
    assert_eq!(case.ask("SELECT id, name, size FROM articles"), ["1|x|3"]);
    assert_eq!(case.ask("SELECT id FROM own"), ["7"]);
    assert_eq!(case.ask("SELECT id FROM other.far"), ["1"]);
    let left = |kind: &str, name: &str| {
        let found = case.plan.left_behind.iter().find(|item| item.kind == kind && item.name == name);
        found.unwrap_or_else(|| panic!("{kind} {name}: {:?}", case.plan.left_behind)).reason.clone()
    };
    assert_eq!(left("table", "empty"), "it has no rows, and the target has no such table");
    assert!(left("view", "names").contains("create = true"));
    left("trigger", "touched");
    let made =
        "SELECT count(*) FROM pg_class WHERE relname IN ('names', 'by_size', 'kinds', 'empty', 'note_fts')";
    assert_eq!(case.ask(made), ["0"]);
}

#[test]
fn names_that_differ_in_number_or_by_a_common_affix_are_found() {
    let case = Case::planned_for_app(
        "CREATE TABLE user (id INTEGER PRIMARY KEY, usr_name TEXT, usr_mail TEXT); INSERT INTO user VALUES (1, 'a', 'b');
         CREATE TABLE tbl_order (id INTEGER PRIMARY KEY, tag TEXT); INSERT INTO tbl_order VALUES (2, 'c');
         CREATE TABLE tbl_item (id INTEGER PRIMARY KEY); INSERT INTO tbl_item VALUES (3);
         CREATE TABLE entry (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO entry VALUES (4, 'd');",
        "CREATE TABLE users (id int PRIMARY KEY, name text, mail text); CREATE TABLE orders (id int PRIMARY KEY, tags text);
         CREATE TABLE item (id int PRIMARY KEY); CREATE TABLE blog_entries (id int PRIMARY KEY, title text)",
        "",
    )
    .unwrap_or_else(|words| panic!("{words}"));
    moved(row_mover::run::migrate(&case.request(), &row_mover::run::Silent));
    assert_eq!(case.ask("SELECT name, mail FROM users"), ["a|b"]);
    assert_eq!(case.ask("SELECT tags FROM orders"), ["c"]);
    assert_eq!(case.ask("SELECT count(*) FROM item"), ["1"]);
    assert_eq!(case.ask("SELECT title FROM blog_entries"), ["d"]);
    let notes: Vec<&String> = case.plan.tables.iter().flat_map(|table| &table.notes).collect();
    assert!(
        notes.iter().any(|note| *note == "goes into users: one name is the plural of the other"),
        "{notes:?}"
    );
    assert!(notes.iter().any(|note| note.contains("names in SQLite have the prefix tbl")), "{notes:?}");
}

#[test]
fn ambiguous_names_are_reported_with_their_candidates() {
    let source = "CREATE TABLE user (id INTEGER PRIMARY KEY); INSERT INTO user VALUES (1);
                  CREATE TABLE post (id INTEGER PRIMARY KEY); INSERT INTO post VALUES (1);";
    let target = "CREATE TABLE a_user (id int PRIMARY KEY); CREATE TABLE a_post (id int PRIMARY KEY);
                  CREATE TABLE b_user (id int PRIMARY KEY); CREATE TABLE b_post (id int PRIMARY KEY)";
    let words = refused(source, target, "");
    assert!(words.contains("table user can be a_user or b_user in the target"), "{words}");
    assert!(words.contains("# or: rename = \"b_user\""), "{words}");
    follows(source, target, "");
}

#[test]
fn lists_of_migrators_stay_and_tables_like_them_move() {
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);
                  CREATE TABLE applied_schema_deltas (version INTEGER, file TEXT); INSERT INTO applied_schema_deltas VALUES (1, 'a');
                  CREATE TABLE migrations (id INTEGER PRIMARY KEY, name TEXT, applied_at TEXT); INSERT INTO migrations VALUES (1, 'a', 'b');";
    let target = "CREATE TABLE t (id int PRIMARY KEY);
                  CREATE TABLE migrations (id int PRIMARY KEY, name text, applied_at text); INSERT INTO migrations VALUES (9, 'own', 'x')";
    let case = Case::planned_for_app(source, target, "").unwrap_or_else(|words| panic!("{words}"));
    case.moved();
    assert_eq!(case.ask("SELECT id FROM migrations"), ["9"]);
    let reason = |name: &str| {
        case.plan
            .left_behind
            .iter()
            .find(|item| item.name == name)
            .map(|item| item.reason.clone())
            .unwrap_or_default()
    };
    assert!(
        reason("migrations").contains("as its name and its columns id, name, applied_at say"),
        "{}",
        reason("migrations")
    );
    assert!(reason("applied_schema_deltas").contains("list of the migrations"));
    // The target's table holds nothing, so that it is no list of what made the target.
    let empty = target.split("; INSERT").next().unwrap_or_default();
    let case = Case::planned_for_app(source, empty, "").unwrap_or_else(|words| panic!("{words}"));
    case.moved();
    assert_eq!(case.ask("SELECT id FROM migrations"), ["1"]);
    // A human decides otherwise.
    let decided = Case::planned_for_app(
        source,
        target,
        "seeds = \"keep\"\n[tables.migrations]\nrename = \"migrations\"",
    );
    decided.unwrap_or_else(|words| panic!("{words}")).moved();
}

#[test]
fn generated_columns_are_no_reason_to_refuse() {
    let case = Case::planned_for_app(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT, tsv TEXT, long INTEGER, twice INTEGER AS (id * 2));
         INSERT INTO t VALUES (1, 'a b', 'x', 3);",
        "CREATE TABLE t (id int PRIMARY KEY, body text, tsv tsvector GENERATED ALWAYS AS (to_tsvector('simple', body)) STORED,
                         long int GENERATED ALWAYS AS (length(body)) STORED)",
        "",
    )
    .unwrap_or_else(|words| panic!("{words}"));
    case.moved();
    assert_eq!(case.ask("SELECT tsv, long FROM t"), ["'a':1 'b':2|3"]);
    for name in ["t.tsv", "t.twice"] {
        assert!(
            case.plan.left_behind.iter().any(|item| item.kind == "column" && item.name == name),
            "{name}"
        );
    }
}

#[test]
fn a_view_of_the_name_and_tables_of_one_name_in_two_schemas_are_obstacles() {
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);
                  CREATE TABLE u (id INTEGER PRIMARY KEY); INSERT INTO u VALUES (2);
                  CREATE TABLE v (id INTEGER PRIMARY KEY); INSERT INTO v VALUES (3);
                  CREATE VIEW seen AS SELECT id FROM t;
                  CREATE TRIGGER by_view INSTEAD OF INSERT ON seen BEGIN INSERT INTO t VALUES (new.id); END;";
    let target = "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT 1 AS id;
                  CREATE SCHEMA b; CREATE TABLE b.t (id int PRIMARY KEY)";
    let mapping = "[tables.u]\nschema = \"b\"\nrename = \"t\"";
    let words = refused(source, target, mapping);
    assert!(words.contains("table t and table u would both be named t in PostgreSQL"), "{words}");
    let words = refused(source, target, "");
    assert!(
        words.contains(
            "table v (1 row) has no counterpart in the target; it resembles v, which is no table there"
        ),
        "{words}"
    );
    let case = follows(source, target, "");
    let left: Vec<&str> = case.plan.left_behind.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(left, ["v", "by_view", "seen"]);
    assert_eq!(case.ask("SELECT id FROM u"), ["2"]);
}

#[test]
fn a_table_of_another_name_and_the_same_columns_is_proposed_where_nothing_else_matches() {
    let source = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, age INTEGER); INSERT INTO people VALUES (1, 'a', 2);";
    let target = "CREATE TABLE accounts (id int PRIMARY KEY, name text, age int)";
    let case = follows(source, target, "");
    assert_eq!(case.ask("SELECT id, name, age FROM accounts"), ["1|a|2"]);
}
