//! Rows that PostgreSQL cannot hold as planned: the policy of the plan holds for changes, too, and the ledger goes on to count right.

use std::fs;

use row_mover::ledger;

use super::{caught_up, counts, refused};
use crate::support::Case;

const SOURCE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, d TEXT);
    INSERT INTO t VALUES (1, 1, '2026-01-01'), (2, 'not a number', '2026-01-02'), (3, 3, 'no date');";

const MAPPING: &str = "
    [tables.t.columns]
    n = { as = \"bigint\", on_reject = \"skip\" }
    d = { as = \"date\", on_reject = \"null\" }";

#[test]
fn rows_are_rejected_and_accepted_as_they_change() {
    let case = Case::mapped(SOURCE, MAPPING);
    case.moved();
    let totals = |case: &Case| case.ask("SELECT sum(rows), sum(rejected), sum(nulled) FROM migration.chunks");
    assert_eq!(totals(&case), ["2|1|1"]);
    for (what, sql, expected, total) in [
        ("a rejected row that fits now", "UPDATE t SET n = 2 WHERE id = 2", "t +1 ~0 -0 !0", "3|0|1"),
        ("a row that no longer fits", "UPDATE t SET n = 'x' WHERE id = 1", "t +0 ~0 -1 !1", "2|1|1"),
        ("a rejected row that changes", "UPDATE t SET n = 'y' WHERE id = 1", "t +0 ~0 -0 !1", "2|1|1"),
        ("a new row that does not fit", "INSERT INTO t VALUES (4, 'z', NULL)", "t +0 ~0 -0 !1", "2|2|1"),
        ("a value that becomes NULL", "UPDATE t SET d = 'none' WHERE id = 2", "t +0 ~1 -0 !0", "2|2|2"),
        ("a value that is one again", "UPDATE t SET d = '2026-02-02' WHERE id = 3", "t +0 ~1 -0 !0", "2|2|1"),
    ] {
        let caught_up = caught_up(&case, sql);
        assert_eq!(counts(&caught_up), [expected], "{what}");
        assert_eq!(totals(&case), [total], "{what}");
        let lines: usize = caught_up
            .rejected
            .iter()
            .map(|table| fs::read_to_string(&table.file).unwrap().lines().count())
            .sum();
        let rejected: u64 = caught_up.rejected.iter().map(|table| table.skipped + table.nulled).sum();
        let numbers: Vec<u64> = total.split('|').map(|number| number.parse().unwrap()).collect();
        assert_eq!((rejected, lines as u64), (numbers[1] + numbers[2], numbers[1] + numbers[2]), "{what}");
    }
    assert_eq!(ledger::catch_ups(&mut case.session(), 1).unwrap().len(), 6);
}

#[test]
fn a_value_that_must_not_be_rejected_stops_with_the_words_of_a_load() {
    let case = Case::mapped(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 1)",
        "[tables.t.columns]\nn = { as = \"bigint\" }",
    );
    case.moved();
    let words = refused(&case, "INSERT INTO t VALUES (2, 'canary')");
    assert!(words.contains("t.n: a value cannot move"), "{words}");
    assert!(!words.contains("canary"), "{words}");
}

#[test]
fn the_limit_of_rejects_holds() {
    let case = Case::mapped(SOURCE, &format!("reject_limit = \"3\"\n{MAPPING}"));
    case.moved();
    caught_up(&case, "INSERT INTO t VALUES (5, 'x', NULL)");
    let words = refused(&case, "INSERT INTO t VALUES (6, 'x', NULL)");
    assert!(
        words.contains("4 of 5 rows of table t would be rejected, and 4 in all; the limit is 3"),
        "{words}"
    );
}
