//! Expressions: SQLite computes each one and PostgreSQL its translation, over rows full of edge cases. The results must be the same, row
//! by row: as a condition, as a value of each type, and in the order of an index. Two small snapshots show typical translations, and
//! each reason for a refusal.
//!
//! `EXPRESSIONS=5000` generates that many random expressions, `EXPRESSIONS_SEED=17` starts with that seed.

mod cases;
mod judge;
#[path = "../../peers/random/prng.rs"]
mod prng;
mod random;
mod rows;
mod sides;

use std::collections::BTreeSet;

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
fn translations_compute_the_same() {
    with_judge(|judge| {
        let (mut wrong, mut lines) = (Vec::new(), Vec::new());
        for (number, expression) in cases::SHOWN.iter().chain(cases::AGREEING).enumerate() {
            let Judgement { translations, reason, differences } = judge.judge(expression);
            if translations.is_empty() {
                wrong.push(format!("{expression} is refused: {reason}"));
            }
            wrong.extend(differences);
            if number < cases::SHOWN.len() {
                let sql = translations.iter().map(|found| found.sql.as_str()).min_by_key(|sql| sql.len());
                lines.push(format!("{expression}\n    {}", sql.unwrap_or_default()));
            }
        }
        for (expression, note) in cases::NOTED {
            let found = judge.judge(expression);
            if !found.translations.iter().all(|translated| translated.notes.contains(note)) {
                wrong.push(format!("{expression} has no note {note:?}"));
            }
            if found.differences.is_empty() {
                wrong.push(format!("{expression} computes the same now"));
            }
        }
        assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
        insta::assert_snapshot!(lines.join("\n"));
    });
}

#[test]
fn refusals_have_reasons() {
    with_judge(|judge| {
        let (mut seen, mut lines) = (BTreeSet::new(), Vec::new());
        for expression in cases::REFUSED {
            let Judgement { translations, reason, .. } = judge.judge(expression);
            let found: Vec<&str> = translations.iter().map(|translated| translated.sql.as_str()).collect();
            assert!(found.is_empty(), "{expression} is translated: {found:?}");
            assert!(!reason.is_empty(), "{expression} is refused without a reason");
            if seen.insert(reason.clone()) {
                lines.push(format!("{expression}\n    {reason}"));
            }
        }
        insta::assert_snapshot!(lines.join("\n"));
    });
}
