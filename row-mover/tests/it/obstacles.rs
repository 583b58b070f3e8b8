//! Obstacles of a plan for tables of an app: all are reported at once, and the printed lines of `mapping.toml` solve all that decisions
//! can solve.

use crate::support::{Case, moved, sqlite};

/// Plans a source for tables of an app.
fn planned(source_sql: &str, target_sql: &str, mapping: &str) -> Result<Case, String> {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(&source, source_sql);
    Case::into_existing(dir, source, mapping, target_sql)
}

/// The words of the error without a plan.
#[track_caller]
fn refused(source_sql: &str, target_sql: &str, mapping: &str) -> String {
    match planned(source_sql, target_sql, mapping) {
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
    let case = planned(source_sql, target_sql, &advice).unwrap_or_else(|again| panic!("{advice}\n{again}"));
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
        "column Person.seen is timestamp with time zone in the target, and its numbers can be seconds or milliseconds",
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
    assert!(planned(source, target, "schemas = [\"app\"]").is_ok());
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
