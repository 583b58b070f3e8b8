//! Validation asks views in both databases: what they answer counts, and not the words that they are made of.

use crate::support::Case;
use crate::views::{MAPPING, TABLES};

#[test]
fn a_view_that_answers_other_rows_is_named_whatever_its_words_are() {
    let case = Case::mapped(
        &format!(
            "{TABLES}
             CREATE VIEW steady AS SELECT name, age, active, joined, doc FROM people;
             CREATE VIEW sums AS SELECT status, sum(amount) AS s, count(*) AS n FROM orders GROUP BY status;
             CREATE VIEW late AS SELECT id FROM orders WHERE at < datetime('now');
             CREATE VIEW later AS SELECT id FROM late;
             CREATE VIEW top AS SELECT id FROM people ORDER BY age LIMIT 1;"
        ),
        MAPPING,
    );
    let moved = case.moved();
    let left: Vec<String> = moved
        .validation
        .views
        .left_out
        .iter()
        .map(|left| format!("{}: {}", left.what, left.reason))
        .collect();
    assert_eq!(
        left,
        [
            "view late: it answers otherwise each time: it asks the clock or for chance",
            "view later: it answers otherwise each time: it asks the clock or for chance"
        ]
    );
    assert_eq!(moved.validation.views.tried, 3);
    for (damage, found) in [
        (
            "SELECT name, age, active, joined, doc FROM people WHERE id > 1",
            "SQLite answers 5 rows, PostgreSQL 4",
        ),
        (
            "SELECT name, age, NOT active AS active, joined, doc FROM people",
            "the 5 rows that it answers are not the same",
        ),
        (
            "SELECT name, age, active, joined + interval '1 ms' AS joined, doc FROM people",
            "the 5 rows that it answers are not the same",
        ),
        (
            "SELECT name, age / 0 AS age, active, joined, doc FROM people",
            "PostgreSQL cannot read it: PostgreSQL 22012: division by zero",
        ),
    ] {
        case.execute(&format!("CREATE OR REPLACE VIEW steady AS {damage}"));
        let (_, validation) = case.validated(false);
        assert_eq!(validation.views.problems, [format!("view steady: {found}")], "{damage}");
        assert!(!validation.is_proven());
    }
}
