//! Names in a schema that are not UTF-8, which SQLite takes and PostgreSQL cannot: refused, and the refusal says which.

use row_mover::source::introspect::introspect_live;

use crate::support::{chain, sqlite};

#[test]
fn a_name_that_is_not_utf8_is_refused_by_name() {
    for (placeholder, sql, named) in [
        ("t\u{1}x", "CREATE TABLE \"t\u{1}x\" (a INTEGER)", "table t\\xffx"),
        ("c\u{1}x", "CREATE TABLE t (id INTEGER, \"c\u{1}x\" INTEGER)", "table t"),
        ("i\u{1}x", "CREATE TABLE t (a INTEGER); CREATE INDEX \"i\u{1}x\" ON t (a)", "index i\\xffx"),
        ("v\u{1}x", "CREATE TABLE t (a INTEGER); CREATE VIEW \"v\u{1}x\" AS SELECT a FROM t", "view v\\xffx"),
        (
            "g\u{1}x",
            "CREATE TABLE t (a INTEGER); CREATE TRIGGER \"g\u{1}x\" AFTER INSERT ON t BEGIN SELECT 1; END",
            "trigger g\\xffx",
        ),
        ("d\u{1}x", "CREATE TABLE t (a TEXT DEFAULT 'd\u{1}x')", "table t"),
        (
            "f\u{1}x",
            "CREATE TABLE p (a PRIMARY KEY); CREATE TABLE t (a REFERENCES p (\"f\u{1}x\"))",
            "table t",
        ),
        ("o\u{1}x", "CREATE TABLE t (a TEXT COLLATE NOCASE, CHECK (a <> 'o\u{1}x'))", "table t"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("source.db");
        sqlite(&path, sql);
        // The letter in between becomes a byte that is no UTF-8, wherever it stands in the file.
        let (from, mut bytes) = (placeholder.as_bytes(), std::fs::read(&path).unwrap());
        for place in 0..bytes.len() - from.len() {
            if bytes[place..].starts_with(from) {
                bytes[place + 1] = 0xff;
            }
        }
        std::fs::write(&path, bytes).unwrap();
        let words = chain(&introspect_live(&path).unwrap_err());
        assert!(words.contains("is not UTF-8") && words.contains(named), "{sql}: {words}");
        // What it says to do works.
        sqlite(
            &path,
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET name = replace(name, CAST(x'ff' AS TEXT), '_'),
               tbl_name = replace(tbl_name, CAST(x'ff' AS TEXT), '_'), sql = replace(sql, CAST(x'ff' AS TEXT), '_');",
        );
        introspect_live(&path).unwrap();
    }
}
