//! Some hundred small tables: they are migrated and proven like a few, and the work for each does not grow with their number.

use std::time::{Duration, Instant};

use fixtures::shapes::create_tables;

use crate::support::{Case, plan};

/// Tables that need one part of the schema comparison, and tables that need several.
const FEW: u64 = 40;
const MANY: u64 = 400;

#[test]
fn hundreds_of_tables_are_proven_and_each_costs_as_much_as_one_of_a_few() {
    let [few, many] = [FEW, MANY].map(catalog_rows_for_each);
    assert!(
        many < few * 1.3,
        "{many:.0} rows of the catalogs were read for each of {MANY} tables, {few:.0} of {FEW}"
    );
}

/// Migrates so many tables, and returns how many rows PostgreSQL has read of its catalogs and tables for each of them.
fn catalog_rows_for_each(tables: u64) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    create_tables(&source, tables, 7).unwrap();
    let plan = plan(&source, "");
    let case = Case::planned(dir, source, plan);
    let validation = case.moved().validation;
    assert!(validation.is_proven(), "{validation:?}");
    assert_eq!(validation.tables.len() as u64, tables);
    assert_eq!((validation.defaults.compared, validation.views.compared), (tables, 2));
    assert_eq!(validation.sequences.compared, tables);
    // The key, NOT NULL of three columns, and the foreign key of one table in four.
    let behaviour = &validation.behaviour;
    assert_eq!(behaviour.compared, tables * 4 + tables / 4, "{:?}", behaviour.not_compared.first());
    case.moved_already();
    rows_read(&case) / tables as f64
}

/// The rows that all sessions of the database have read. A session reports them at its end at the latest.
fn rows_read(case: &Case) -> f64 {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                  AND backend_type = 'client backend'";
    let deadline = Instant::now() + Duration::from_secs(30);
    while case.ask(others) != ["0"] {
        assert!(Instant::now() < deadline, "sessions do not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    let sql = "SELECT tup_returned FROM pg_stat_database WHERE datname = current_database()";
    case.ask(sql)[0].parse().unwrap()
}
