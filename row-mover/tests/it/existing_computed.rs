//! Values that are finer than their column: those that both databases compute, SQLite with floats and PostgreSQL with decimals, and
//! those that a person lets be rounded.

use migrate_core::plan::Rounding;
use row_mover::run::{self, Outcome, Silent};

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

#[test]
fn what_a_column_would_round_is_refused_with_the_decision_that_rounds_it() {
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY, a NUMERIC, b TEXT, c TEXT);
        INSERT INTO t VALUES (1, 0.1 + 0.2, '2024-01-02 03:04:05.123456', '23:59:58.5'), (2, -2.345, '1999-12-31 23:59:59.9995', '00:00:00.4'),
                             (3, 99.995, '2024-01-02 03:04:05.123456789', NULL), (4, 7, NULL, NULL);";
    let target = "CREATE TABLE t (id int PRIMARY KEY, a numeric(6,2), b timestamp(3), c time(0))";
    let refused = Case::for_app(source, target, "");
    let Outcome::Rejected { findings, .. } = run::migrate(&refused.request(), &Silent).unwrap() else {
        panic!()
    };
    let offenders = &findings.tables[0].offenders;
    let rounds: Vec<_> = offenders.iter().map(|offenders| offenders.remedies.round).collect();
    assert_eq!(rounds, [Some(Rounding::Scale); 3]);

    let columns = ["a", "b", "c"].map(|name| format!("{name} = {{ round = \"scale\" }}"));
    let case = Case::for_app(source, target, &format!("[tables.t.columns]\n{}", columns.join("\n")));
    case.moved();
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven(), "{validation:?}");
    let found = case.ask("SELECT a, b, c FROM t ORDER BY id");
    let first = [
        "0.30|2024-01-02 03:04:05.123|23:59:59",
        "-2.35|1999-12-31 23:59:59.999|00:00:00",
        "100.00|2024-01-02 03:04:05.123|NULL",
        "7.00|NULL|NULL",
    ];
    assert_eq!(found, first);
    let casts =
        "SELECT -2.345::numeric(6,2), '1999-12-31 23:59:59.9995'::timestamp(3), '23:59:58.5'::time(0)";
    assert_eq!(case.ask(casts), ["-2.35|1999-12-31 23:59:59.999|23:59:59"]);
}
