//! A schema that has changed is named, and no rows are compared then.

use postgres_client::watch::Silent;
use row_mover::difference::{Difference, SchemaChange};

use super::Changing;

fn words(change: &SchemaChange) -> String {
    match change {
        SchemaChange::Created { kind, name } => format!("+{kind} {name}"),
        SchemaChange::Dropped { kind, name } => format!("-{kind} {name}"),
        SchemaChange::Altered { kind, name } => format!("~{kind} {name}"),
        SchemaChange::Encoding { before, after } => format!("{before} {after}"),
    }
}

#[test]
fn what_has_changed_is_named() {
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE INDEX i ON t (v); CREATE VIEW w AS SELECT v FROM t; \
                 CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END; CREATE TABLE other (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1, 'a')";
    for (change, expected) in [
        ("ALTER TABLE t ADD COLUMN n INT DEFAULT 5", &["~table t"][..]),
        ("ALTER TABLE t RENAME COLUMN v TO u", &["~table t", "~index i", "~view w"]),
        ("CREATE TABLE new (id INT); DROP TABLE other", &["+table new", "-table other"]),
        ("DROP INDEX i; CREATE INDEX i ON t (v DESC)", &["~index i"]),
        ("DROP INDEX i; CREATE UNIQUE INDEX j ON t (v)", &["-index i", "+index j"]),
        ("DROP VIEW w; DROP TRIGGER g", &["-view w", "-trigger g"]),
        (
            "CREATE VIRTUAL TABLE f USING fts5 (a)",
            &[
                "+table f",
                "+table f_config",
                "+table f_content",
                "+table f_data",
                "+table f_docsize",
                "+table f_idx",
            ],
        ),
        ("CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT)", &["+table numbered"]),
    ] {
        let source = Changing::new(setup);
        let found = source.changed(change).difference(&source.tables(), &Silent);
        let Ok(Difference::Schema(changes)) = found else { panic!("{change}: {found:?}") };
        assert_eq!(changes.iter().map(words).collect::<Vec<_>>(), expected, "{change}");
    }
}

#[test]
fn another_encoding_is_another_schema() {
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a')";
    let source = Changing::new(setup);
    std::fs::remove_file(source.source()).unwrap();
    let found = source
        .changed(&format!("PRAGMA encoding = 'UTF-16le'; {setup}"))
        .difference(&source.tables(), &Silent);
    let Ok(Difference::Schema(changes)) = found else { panic!("{found:?}") };
    assert_eq!(changes.iter().map(words).collect::<Vec<_>>(), ["UTF-8 UTF-16le"]);
}
