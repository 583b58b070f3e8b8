//! The checks other than rows: how each is done, what it found, and what to do about that.

use migrate_core::finding::SchemaDifference;
use migrate_core::plan::Plan;
use report::model::{Check, INTEGRITY, NotCompared, Problem};
use report::words::{self, remedy};
use row_mover::validate::CheckResult;

use super::build::{DieselSchema, Subject};
use crate::display::shell_word;

/// The checks of a report, in the order in which a reader asks for them.
pub(super) fn checks(subject: &Subject<'_, '_>) -> Vec<Check> {
    let validation = subject.validation;
    let mut checks = vec![
        seal(subject),
        integrity(subject),
        schema(subject),
        diesel_schema(&subject.diesel_schema, subject.plan),
        sequences(subject),
        bookkeeping(subject),
        compared(
            "views",
            "Each view is asked in both databases, and the rows that they answer are compared.",
            "views",
            &validation.views,
            &|found| (words::view(found), remedy::Remedy::SkipView(found.view.clone())),
        ),
        compared(
            "defaults",
            "Each default is computed in both databases, by SQLite itself and by PostgreSQL from what stands there, and the two values \
                     are compared.",
            "defaults",
            &validation.defaults,
            &|found| (words::default(found), remedy::default(found, subject.plan)),
        ),
        compared(
            "behaviour",
            "A row that violates a constraint is inserted in each database, behind a savepoint that is rolled back: PostgreSQL has to \
             refuse it where SQLite does.",
            "constraints",
            &validation.behaviour,
            &|found| (words::constraint(found), remedy::constraint(found, &validation.schema, subject.plan)),
        ),
    ];
    if subject.plan.is_into_existing() {
        checks.push(derived(subject));
    }
    checks
}

/// What the app derives from rows in the target.
fn derived(subject: &Subject<'_, '_>) -> Check {
    compared(
        "derived",
        "Triggers of the app that fill columns are called for copies of the migrated rows, which are rolled back, and materialized views \
             are compared with their queries.",
        "things",
        &subject.validation.derived,
        &|found| (words::derived(found), remedy::derived(found, subject.plan)),
    )
}

fn check(name: &str, how: String, tried: u64, unit: &str, problems: Vec<Problem>) -> Check {
    Check {
        name: name.to_owned(),
        how,
        tried,
        unit: unit.to_owned(),
        problems,
        left_out: Vec::new(),
        is_done: true,
    }
}

/// A copy that differs is an error of its own, before there is a report.
fn seal(subject: &Subject<'_, '_>) -> Check {
    let folder = subject.seal.path.parent().unwrap_or(&subject.seal.path);
    let how = format!(
        "The SHA-256 of the sealed copy is the one that the ledger recorded. By hand: cd {} && sha256sum -c SHA256SUMS",
        shell_word(&folder.display().to_string())
    );
    check("seal", how, 1, "files", Vec::new())
}

fn integrity(subject: &Subject<'_, '_>) -> Check {
    let how = "PRAGMA integrity_check of the sealed copy: whether the source's own indexes agree with its tables. Every row is read by a \
               scan of its table, never through an index, so that damage there never hides one."
        .to_owned();
    let Some(found) = &subject.validation.integrity else {
        let reason = words::INTEGRITY_NOT_RUN.to_owned();
        let left_out = vec![NotCompared { what: "integrity_check".to_owned(), reason }];
        return Check { is_done: false, left_out, ..check(INTEGRITY, how, 0, "databases", Vec::new()) };
    };
    let problem = |what: &String| {
        Problem {
        what: what.clone(),
        next: "in the source: sqlite3 FILE 'REINDEX;', check what the app did through the damaged index, then cargo xtask catch-up, or \
               cargo xtask migrate --restart"
            .to_owned(),
    }
    };
    let left_out = found
        .left_out
        .iter()
        .map(|what| NotCompared { what: what.clone(), reason: "it cannot be checked".to_owned() });
    Check {
        left_out: left_out.collect(),
        ..check(INTEGRITY, how, 1, "databases", found.problems.iter().map(problem).collect())
    }
}

fn schema(subject: &Subject<'_, '_>) -> Check {
    let how = "The plan's migrations run in a scratch schema that is rolled back, and PostgreSQL describes both schemas by the same \
               functions: tables, columns, types, NOT NULL, defaults, keys, constraints, indexes, views, triggers."
        .to_owned();
    // The Diesel schema is a check of its own.
    let is_other =
        |difference: &SchemaDifference| !matches!(difference, SchemaDifference::DieselSchemaDiffers { .. });
    let found = &subject.validation.schema;
    let problems = (found.iter().zip(remedy::schema(found, subject.plan)))
        .filter(|(difference, _)| is_other(difference))
        .map(|(difference, remedy)| problem(words::schema(difference), &remedy))
        .collect();
    let Some(reason) = &subject.validation.schema_not_compared else {
        return check("schema", how, objects(subject.plan), "objects", problems);
    };
    let left_out = vec![NotCompared { what: "schema".to_owned(), reason: words::reason(reason) }];
    Check { is_done: false, left_out, ..check("schema", how, 0, "objects", problems) }
}

/// The things that the plan makes: tables, columns, keys, constraints, indexes, views and triggers.
fn objects(plan: &Plan) -> u64 {
    let of_tables = plan.tables.iter().map(|table| {
        1 + table.columns.len()
            + table.searches.len()
            + usize::from(table.primary_key.is_some())
            + table.unique.len()
            + table.foreign_keys.len()
            + table.checks.len()
            + table.indexes.len()
    });
    (of_tables.sum::<usize>() + plan.views.len() + plan.triggers.len()) as u64
}

fn diesel_schema(found: &DieselSchema, plan: &Plan) -> Check {
    let how =
        "The Diesel schema that the app compiles against is the one that the plan renders, byte for byte."
            .to_owned();
    let problems = match found {
        DieselSchema::Differs(difference) => remedy::schema(std::slice::from_ref(difference), plan)
            .iter()
            .map(|remedy| problem(words::schema(difference), remedy))
            .collect(),
        _ => Vec::new(),
    };
    let check = check("diesel_schema", how, 1, "files", problems);
    match found {
        DieselSchema::NotCompared(reason) => {
            let left_out = vec![NotCompared { what: "schema.rs".to_owned(), reason: (*reason).to_owned() }];
            Check { tried: 0, left_out, is_done: false, ..check }
        }
        _ => check,
    }
}

fn sequences(subject: &Subject<'_, '_>) -> Check {
    compared(
        "sequences",
        "The next number of each sequence is past all that SQLite ever gave and past all that PostgreSQL holds, in the direction in which \
         the sequence counts.",
        "sequences",
        &subject.validation.sequences,
        &|found| (words::sequence(found), remedy::sequence(found, subject.plan)),
    )
}

fn bookkeeping(subject: &Subject<'_, '_>) -> Check {
    let mut how =
        "__diesel_schema_migrations lists the plan's migrations, so that Diesel never runs them again."
            .to_owned();
    let mut problems: Vec<Problem> = (subject.validation.missing_migrations.iter())
        .map(|found| problem(words::missing_migration(found), &remedy::missing_migration(found)))
        .collect();
    let mut tried = 2;
    if let Some(compared) = &subject.validation.baseline {
        let list = compared.baseline.name();
        how.push_str(&format!(" {list} lists them for the app's own migrator, with their hashes and times."));
        tried += compared.baseline.rows.len() as u64;
        let differences = compared.differences.iter();
        problems.extend(differences.map(|found| problem(words::baseline(found), &remedy::baseline(found))));
    }
    check("bookkeeping", how, tried, "migrations", problems)
}

fn problem(what: String, remedy: &remedy::Remedy) -> Problem {
    Problem { what, next: remedy.to_string() }
}

/// A check that compares the behaviour of the two databases; it may have had nothing to compare, or may have been disabled.
fn compared<D>(
    name: &str,
    how: &str,
    unit: &str,
    found: &CheckResult<D>,
    worded: &dyn Fn(&D) -> (String, remedy::Remedy),
) -> Check {
    let problems = found.differences.iter().map(|difference| {
        let (what, remedy) = worded(difference);
        problem(what, &remedy)
    });
    let left_out = found
        .not_compared
        .iter()
        .map(|left| NotCompared { what: words::subject(&left.subject), reason: words::reason(&left.reason) });
    let check = Check {
        left_out: left_out.collect(),
        ..check(name, how.to_owned(), found.compared, unit, problems.collect())
    };
    // A check that was not tried is not called a success. If nothing is listed as not compared either, there was nothing to try.
    let is_done = check.tried > 0 || !check.problems.is_empty() || check.left_out.is_empty();
    Check { is_done, ..check }
}
