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
