//! Numbers for tables that an app has made: more digits than a column keeps, and what both databases compute.

use migrate_core::plan::Rounding;
use row_mover::run::{self, Outcome, Silent};

use crate::existing_types::case;
use crate::support::{Case, sqlite};

#[test]
fn too_many_digits_are_rejects_whose_remedy_is_to_round() {
    let remedy = |values: &[&str]| {
        let case = case(values, "numeric(4,2)", "").unwrap();
        match run::migrate(&case.request(), &Silent).unwrap() {
            Outcome::Rejected { findings, .. } => findings.tables[0].offenders[0].remedies.round,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(remedy(&["0.1 * 3", "1.5"]), Some(Rounding::Scale));
    // More digits before the point than there is room for.
    assert_eq!(remedy(&["0.1 * 3", "123.5"]), None);
}

#[test]
fn generated_numbers_are_compared_as_decimals() {
    for (declared, values, target, is_same) in [
        (
            "v NUMERIC AS (a * 3) STORED",
            "(0.1), (19.99), (1)",
            "v numeric(12,2) GENERATED ALWAYS AS (a * 3) STORED",
            true,
        ),
        (
            "v NUMERIC AS (a / 3) STORED",
            "(0.1), (19.99)",
            "v numeric(12,2) GENERATED ALWAYS AS (a / 3) STORED",
            true,
        ),
        // A cast makes an integer of a float without a fraction.
        (
            "v NUMERIC AS (CAST(a * 2147483 AS NUMERIC)) STORED",
            "(9999999999.99)",
            "v numeric(20,2) GENERATED ALWAYS AS (a * 2147483) STORED",
            true,
        ),
        ("v NUMERIC AS (a * 3) STORED", "(0.1)", "v numeric(12,2) GENERATED ALWAYS AS (a * 4) STORED", false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(
            &source,
            &format!(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, a NUMERIC, {declared}); INSERT INTO t (a) VALUES {values}"
            ),
        );
        let target = format!("CREATE TABLE t (id bigint PRIMARY KEY, a numeric, {target})");
        let case = Case::into_existing(dir, source, "", &target).unwrap_or_else(|words| panic!("{words}"));
        let _ = run::migrate(&case.request(), &Silent).unwrap();
        let (_, validation) = case.validated(false);
        assert_eq!(validation.is_proven(), is_same, "{declared}, {target}: {validation:?}");
    }
}
