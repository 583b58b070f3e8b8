//! The sealed copy is read without its indexes: one that holds other rows than its table passes `quick_check`, and must change
//! nothing of what moves and of what is compared.

use std::path::Path;

use crate::support::Case;
use migrate_core::finding::{NotCompared, Reason, Subject};

/// Two tables of which each has an index with all of its columns.
const SOURCE: &str = "
    CREATE TABLE numbered (id INTEGER PRIMARY KEY, k TEXT, v TEXT);
    CREATE INDEX of_numbered ON numbered (v, k);
    CREATE TABLE named (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
    CREATE INDEX of_named ON named (v);
    CREATE TABLE loose (v TEXT, k TEXT);
    CREATE INDEX of_loose ON loose (v, k);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
      INSERT INTO numbered SELECT i, 'k' || i, 'v' || (1000 - i) FROM n;
    INSERT INTO named SELECT k, v FROM numbered; INSERT INTO loose SELECT v, k FROM numbered;";

/// Puts another index in the place of each, which has the same form, as many entries, and other values.
fn damage(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE other_numbered AS SELECT id, k, 'w' || id AS v FROM numbered;
             CREATE INDEX by_other_numbered ON other_numbered (v, k);
             CREATE TABLE other_named (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
             INSERT INTO other_named SELECT k, v FROM other_numbered; CREATE INDEX by_other_named ON other_named (v);
             CREATE TABLE other_loose AS SELECT v, k FROM other_numbered;
             CREATE INDEX by_other_loose ON other_loose (v, k);
             PRAGMA writable_schema = ON;
             CREATE TEMP TABLE roots AS SELECT name, rootpage FROM sqlite_schema WHERE type = 'index';
             UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM roots WHERE name = 'by_other_' || substr(sqlite_schema.name, 4))
               WHERE name IN ('of_numbered', 'of_named', 'of_loose');
             UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM roots WHERE name = 'of_' || substr(sqlite_schema.name, 10))
               WHERE name LIKE 'by_other_%';
             PRAGMA writable_schema = RESET;",
        )
        .unwrap();
    let checked: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    assert_eq!(checked, "ok");
    let checked: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).unwrap();
    assert_ne!(checked, "ok");
    // What a reader would be told that takes the index.
    for (table, order) in [("numbered", "v"), ("named", "v"), ("loose", "v")] {
        let sql = format!("SELECT v FROM {table} WHERE v > '' ORDER BY {order}");
        let lie: String = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert!(lie.starts_with('w'), "{table}: {lie}");
    }
}

#[test]
fn a_view_that_is_read_through_a_damaged_index_is_left_out_and_not_blamed() {
    let views = "CREATE VIEW least AS SELECT v FROM numbered WHERE v > '' ORDER BY v;
        CREATE VIEW above AS SELECT count(*) AS n FROM least WHERE v > 'v999';
        CREATE VIEW sound AS SELECT id, n FROM kept WHERE n > 1;
        CREATE TABLE kept (id INTEGER PRIMARY KEY, n INTEGER); CREATE INDEX of_kept ON kept (n);
        INSERT INTO kept VALUES (1, 1), (2, 2), (3, 3);";
    let case = Case::new(&format!("{SOURCE} {views}"));
    damage(&case.source);
    let plan = crate::support::plan(&case.source, "");
    let case = Case::planned(case.dir, case.source, plan);
    let told = case.moved().validation.views;
    assert_eq!((told.differences.as_slice(), told.compared), (&[][..], 1));
    let left_out: Vec<&Subject> = told.not_compared.iter().map(|left| &left.subject).collect();
    let view = |view: &str| Subject::View { view: view.to_owned() };
    assert_eq!(left_out, [&view("least"), &view("above")]);
    let is_damaged = |left: &NotCompared| matches!(&left.reason, Reason::DamagedIndex { table, .. } if table == "numbered");
    assert!(told.not_compared.iter().all(is_damaged), "{:?}", told.not_compared);

    // A view of a sound table that differs is a difference.
    case.execute("CREATE OR REPLACE VIEW sound AS SELECT id, n FROM kept WHERE n > 2");
    let (_, validation) = case.validated(false);
    assert_eq!(validation.views.differences.len(), 1, "{:?}", validation.views);
    assert!(!validation.is_proven());
}

#[test]
fn a_damaged_index_affects_neither_the_move_nor_the_comparison() {
    let case = Case::new(SOURCE);
    damage(&case.source);
    let plan = crate::support::plan(&case.source, "");
    let case = Case::planned(case.dir, case.source, plan);
    let told = case.moved();
    for table in ["numbered", "named", "loose"] {
        let of_table = told.validation.tables.iter().find(|found| found.table == table).unwrap();
        assert_eq!(of_table.equal, 500, "{table}");
        let sql = format!("SELECT count(*) FROM {table} WHERE v = 'v' || (1000 - substr(k, 2)::integer)");
        assert_eq!(case.ask(&sql), ["500"], "{table}");
    }
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven(), "{validation:?}");
}
