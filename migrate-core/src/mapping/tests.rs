//! What a mapping may say, and what it is told where it says something else.

use super::*;

#[test]
fn a_naive_zone_is_utc_unless_it_is_named() {
    for (written, zone) in [
        ("\"timestamptz_from_iso8601\"", "UTC"),
        ("{ timestamptz_from_iso8601 = \"Europe/Berlin\" }", "Europe/Berlin"),
    ] {
        let text = format!("format = 1\n[tables.t.columns]\na = {{ as = {written} }}");
        let mapping = Mapping::from_toml(&text).unwrap();
        let Some(Conversion::TimestamptzFromIso8601(found)) = &mapping.tables["t"].columns["a"].conversion
        else {
            panic!("it is no such conversion")
        };
        assert_eq!(found.to_string(), zone);
    }
}

#[test]
fn unknown_keys_and_conversions_are_errors() {
    for (text, part) in [
        ("", "missing field `format`"),
        ("format = 2", "format = 2 is not known"),
        ("format = 1\nfoo = 1", "unknown field `foo`"),
        ("format = 1\nfaithfull = true", "did you mean `faithful`?"),
        ("format = 1\n[tables.jobs.columns]\na = { ass = \"jsonb\" }", "unknown field `ass`"),
        ("format = 1\n[tables.jobs.columns]\na = { ass = \"jsonb\" }", "did you mean `as`?"),
        ("format = 1\n[tables.jobs]\nschemo = \"a\"", "did you mean `schema`?"),
        ("format = 1\n[[columns]]\ndeclarde = \"a\"", "did you mean `declared`?"),
        ("format = 1\n[[tables_matching]]\ntable = \"a\"\nshema = \"a\"", "did you mean `schema`?"),
        ("format = 1\n[tables.jobs.columns]\na = { as = \"jsonn\" }", "unknown variant `jsonn`"),
        ("format = 1\n[tables.jobs.columns]\na = { as = \"jsonn\" }", "did you mean `json`?"),
        ("format = 1\n[tables.jobs.columns]\na = { as = \"biginteger\" }", "did you mean `integer`?"),
        ("format = 1\n[tables.jobs.columns]\na = { on_reject = \"skipp\" }", "did you mean `skip`?"),
        ("format = 1\nautoincrement = \"seriel\"", "did you mean `serial`?"),
        ("format = 1\nnames = \"snakes\"", "did you mean `snake`?"),
        ("format = 1\n[tables.t.columns]\na = { as = { timestamptz_from_iso8601 = \"Mars\" } }", "Mars"),
        ("format = [", "TOML parse error"),
        (
            "format = 1\n[[tables.t.indexes]]\nname = \"i\"\ncolumns = []\nwhy = \"\"",
            "index i: it has no columns",
        ),
        (
            "format = 1\n[[tables.t.indexes]]\nname = \"i\"\nmethod = \"gin\"\ncolumns = [\"a\"]\ndescending = [\"a\"]\nwhy = \"\"",
            "a gin index has no order",
        ),
        (
            "format = 1\n[[tables.t.indexes]]\nname = \"i\"\ncolumns = [\"a\"]\nops = { b = \"text_ops\" }\nwhy = \"\"",
            "index i: `ops` names a column that is not among its `columns`",
        ),
        (
            "format = 1\n[[tables.t.indexes]]\nname = \"i\"\ncolumns = [\"a\"]\nops = \"text_ops\"\nwhy = \"\"",
            "expected operator classes by column, such as { payload = \"jsonb_path_ops\" }",
        ),
        (
            "format = 1\n[tables.t.index_ops]\ni = \"text_ops\"",
            "expected operator classes by column, such as { payload = \"jsonb_path_ops\" }",
        ),
        (
            "format = 1\n[tables.t.index_ops]\ni = { a = \"gin trgm ops\" }",
            "\"gin trgm ops\" is not the name of an operator class, such as jsonb_path_ops",
        ),
        ("format = 1\nschema = \"pg_x\"", "schema pg_x: schemas of that name are PostgreSQL's own"),
        (
            "format = 1\n[tables.t]\nschema = \"migration\"",
            "schema migration: the migration keeps its ledger",
        ),
        ("format = 1\n[[tables_matching]]\ntable = \"*\"\nschema = \"\"", "schema : it is empty"),
        ("format = 1\n[tables.t]\nrename = \"\"", "a name cannot be empty"),
        ("format = 1\n[tables.t.columns]\na = { rename = \"a\\u0000\" }", "a name cannot hold a NUL"),
        ("format = 1\n[tables.t.rename_indexes]\ni = \"\"", "a name cannot be empty"),
    ] {
        let error = Mapping::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text:?} gave {error}");
    }
}

/// The page that explains the file: its examples are read as they stand there, and all keys are in it.
const PAGE: &str = include_str!("../../../docs/mapping.md");

#[test]
fn the_examples_of_the_page_can_be_used() {
    let examples: Vec<&str> = (PAGE.split("```toml\n").skip(1))
        .map(|rest| rest.split_once("```").map_or(rest, |(example, _)| example))
        .collect();
    assert!(examples.len() >= 5);
    for example in &examples {
        assert!(Mapping::from_toml(example).is_ok(), "{example}\n{:?}", Mapping::from_toml(example));
    }
}

#[test]
fn what_was_expected_is_not_named_by_a_type_of_the_program() {
    for (text, expected) in [
        ("drizzle = true", "expected the section [drizzle]"),
        ("drizzle = \"date\"", "expected the section [drizzle]"),
        ("tables.jobs = 1", "expected the section of a table"),
        ("tables.jobs.columns.a = \"jsonb\"", "expected the section of a column, such as { as = \"jsonb\" }"),
        ("tables.jobs.indexes = [1]", "expected an index with name, columns and why"),
        ("columns = [1]", "expected a rule for columns"),
        ("tables_matching = [\"a\"]", "expected a rule for tables"),
        ("create = 1", "expected a boolean"),
        ("schema = 1", "expected a string"),
    ] {
        let error = Mapping::from_toml(&format!("format = 1\n{text}")).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("struct"), "{text}: {error}");
    }
}

#[test]
fn the_page_has_every_key() {
    // serde lists the keys of a struct itself, so that a new one cannot be forgotten here.
    for (place, text) in [
        ("the whole", "format = 1\nx = 1"),
        ("a table", "format = 1\n[tables.t]\nx = 1"),
        ("a column", "format = 1\n[tables.t.columns]\nc = { x = 1 }"),
        ("an index", "format = 1\n[[tables.t.indexes]]\nx = 1"),
        ("a rule for columns", "format = 1\n[[columns]]\nx = 1"),
        ("a rule for tables", "format = 1\n[[tables_matching]]\nx = 1"),
    ] {
        let error = Mapping::from_toml(text).unwrap_err().to_string();
        let (_, expected) = error.split_once("expected one of ").unwrap();
        for key in expected.split('`').skip(1).step_by(2) {
            assert!(PAGE.contains(key), "the page lacks {key} of {place}");
        }
    }
}
