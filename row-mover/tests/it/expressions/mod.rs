//! Expressions: each is computed by SQLite and, translated, by PostgreSQL, over rows that hold what is easily got wrong, and must
//! come to the same, row by row: as a condition, as a value of each type, and in the order of an index. What is refused must be
//! refused, with the reason that the snapshot holds.
//!
//! `EXPRESSIONS=5000` makes up so many expressions more, `EXPRESSIONS_SEED=17` begins with that one.

mod cases;
mod judge;
#[path = "../../peers/random/prng.rs"]
mod prng;
mod random;
mod rows;
mod sides;

use judge::{Judge, Judgement};

/// Runs a test with both databases.
fn with_judge(test: impl FnOnce(&mut Judge<'_>)) {
    let case = rows::migrated();
    let scope = rows::scope(&case.plan);
    let source = sides::Source::open(&case.source);
    let mut session = case.session();
    test(&mut Judge { source: &source, session: &mut session, scope: &scope });
}

#[test]
fn translations_come_to_the_same() {
    with_judge(|judge| {
        let (mut wrong, mut lines) = (Vec::new(), Vec::new());
        for expression in cases::AGREEING {
            let Judgement { translations, reason, differences } = judge.judge(expression);
            if translations.is_empty() {
                wrong.push(format!("{expression} is refused: {reason}"));
            }
            wrong.extend(differences);
            let sql = translations
                .iter()
                .map(|found| found.sql.as_str())
                .min_by_key(|sql| sql.len())
                .unwrap_or_default();
            lines.push(format!("{expression}\n    {sql}"));
        }
        for (expression, told) in cases::TOLD {
            let found = judge.judge(expression);
            if !found
                .translations
                .iter()
                .all(|translated| translated.notes.iter().any(|note| note.contains(told)))
            {
                wrong.push(format!("{expression}: nobody is told that {told:?}"));
            }
            if found.differences.is_empty() {
                wrong.push(format!("{expression} has come to agree"));
            }
        }
        assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
        insta::assert_snapshot!(lines.join("\n"));
    });
}

#[test]
fn what_is_refused_and_why() {
    with_judge(|judge| {
        let mut lines = Vec::new();
        for expression in cases::REFUSED {
            let Judgement { translations, reason, .. } = judge.judge(expression);
            let found: Vec<&str> = translations.iter().map(|translated| translated.sql.as_str()).collect();
            assert!(found.is_empty(), "{expression} is translated: {found:?}");
            lines.push(format!("{expression}\n    {reason}"));
        }
        insta::assert_snapshot!(lines.join("\n"));
    });
}
