//! Columns that both databases compute: SQLite with floats, PostgreSQL with decimals.

use row_mover::run::{self, Silent};

use crate::support::Case;

const SOURCE: &str = "
    CREATE TABLE line (id INTEGER PRIMARY KEY, price NUMERIC, n INTEGER, worth NUMERIC GENERATED ALWAYS AS (price * n) STORED);
    CREATE TABLE entry (price NUMERIC, n INTEGER, worth NUMERIC AS (price * n));
    INSERT INTO line (price, n) VALUES (0.1, 3), (19.99, 3), (12.3, 3), (-0.1, 3), (5, 2), (NULL, 1);
    INSERT INTO entry SELECT price, n FROM line;";

const TARGET: &str = "
    CREATE TABLE line (id int PRIMARY KEY, price numeric(10,2), n int,
                       worth numeric(12,2) GENERATED ALWAYS AS (price * n) STORED);
    CREATE TABLE entry (price numeric(10,2), n int, worth numeric(12,2) GENERATED ALWAYS AS (price * n) STORED)";

#[test]
fn a_decimal_that_sqlite_computes_with_floats_is_compared_as_postgresql_rounds_it() {
    let case = Case::for_app(SOURCE, TARGET, "");
    case.moved();
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven(), "{validation:?}");
    assert_eq!(
        case.ask("SELECT worth FROM line ORDER BY id"),
        ["0.30", "59.97", "36.90", "-0.30", "10.00", "NULL"]
    );
    let why = &case.plan.table("line").unwrap().columns[3].why;
    assert!(why.ends_with("validation rounds SQLite's value to 2 digits behind the point"), "{why}");
}

#[test]
fn another_result_is_a_difference() {
    for worth in ["price * n + 0.01", "round(price * n, 1)"] {
        let target = TARGET.replace("(price * n)", &format!("({worth})"));
        let case = Case::for_app(SOURCE, &target, "");
        run::migrate(&case.request(), &Silent).unwrap();
        let (_, validation) = case.validated(false);
        assert!(!validation.is_proven(), "{worth}");
    }
}
