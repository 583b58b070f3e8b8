//! The final output, for any number of tables and problems: thirty lines or less, with problems first.

use std::borrow::Cow;
use std::path::PathBuf;

use migrate_core::finding::{
    ConstraintDifference, ConstraintKind, ConstraintName, ConstraintProblem, Reason, SchemaDifference,
    SchemaItem, SequenceBehind,
};
use migrate_core::phase::{Phase, RunState, RunSubject};
use migrate_core::plan::{LeftBehind, PlannedBreach};
use row_mover::ledger::Run;
use row_mover::rejects::RejectedTable;
use row_mover::run::{Moved, TableMoved, Validation};
use row_mover::source::seal::Seal;
use row_mover::source::undisturbed::{Protection, ReadMethod};
use row_mover::validate::{CheckResult, Difference, DifferenceKind, TableComparison};

use super::layout::{LINES_MAX, height};
use super::*;

#[test]
fn numbers_are_said_as_people_say_them() {
    for (shown, expected) in [
        (seconds(-0.0), "0.00"),
        (seconds(std::iter::empty::<f64>().sum()), "0.00"),
        (seconds(-0.001), "0.00"),
        (seconds(1.234), "1.23"),
        (counted(0, "row"), "0 rows"),
        (counted(1, "row"), "1 row"),
    ] {
        assert_eq!(shown, expected);
    }
}

fn name(place: usize) -> String {
    format!("table_{place:03}")
}

/// Tables of which the last `wrong` have differences.
fn validation(tables: usize, wrong: usize) -> Validation {
    let table = |place: usize| {
        let is_wrong = place >= tables - wrong;
        let rows = 10_000 - place as u64;
        let different = if is_wrong { 7 } else { 0 };
        let difference = |key: u64| Difference {
            key: format!("id={key}"),
            kind: DifferenceKind::Different,
            rows: 1,
            columns: vec!["payload".to_owned(), "a column with a longer name".to_owned()],
            values: vec![["1".to_owned(), "2".to_owned()], ["a".to_owned(), "b".to_owned()]],
        };
        TableComparison {
            table: name(place),
            source_rows: rows,
            target_rows: rows,
            equal: rows - different,
            different,
            first: (0..different.min(5)).map(difference).collect(),
            ..TableComparison::default()
        }
    };
    let index = |position: usize| SchemaDifference::ItemMissing {
        table: name(position),
        item: SchemaItem::parse("index i"),
        planned: "CREATE INDEX".to_owned(),
    };
    let sequence = |position: usize| SequenceBehind {
        sequence: format!("{}_seq", name(position)),
        table: name(position),
        column: "id".to_owned(),
        next: Some(1),
        highest: 7,
        is_given_by_sqlite_alone: false,
        repair: None,
    };
    let constraint = |position: usize| ConstraintDifference {
        constraint: ConstraintName {
            table: name(position),
            constraint_kind: ConstraintKind::Check,
            name: "c".to_owned(),
        },
        problem: ConstraintProblem::AcceptsViolation,
    };
    Validation {
        tables: (0..tables).map(table).collect(),
        schema: (0..wrong).map(index).collect(),
        sequences: CheckResult { differences: (0..wrong).map(sequence).collect(), ..CheckResult::default() },
        missing_migrations: Vec::new(),
        baseline: None,
        lacks_baseline: false,
        schema_not_compared: None,
        views: CheckResult::default(),
        defaults: CheckResult::default(),
        derived: CheckResult::default(),
        behaviour: CheckResult {
            differences: (0..wrong).map(constraint).collect(),
            ..CheckResult::default()
        },
        seeds: Vec::new(),
        integrity: None,
        seconds: 1.0,
    }
}

fn seal() -> Seal {
    Seal {
        path: PathBuf::from("/srv/migration/backups/shop-20261126T120000000Z/shop.db"),
        sha256: String::new(),
        bytes: 1,
        source_path: PathBuf::from("/srv/shop.db"),
        sealed_at: "2026-11-26T12:00:00.000Z".to_owned(),
        source_state: String::new(),
        read_method: None,
    }
}

fn moved(tables: usize, wrong: usize, rejected: usize) -> Moved {
    let table = |place: usize| TableMoved {
        table: name(place),
        rows: 10_000 - place as u64,
        bytes: 123_456,
        seconds: 0.5,
    };
    let reject = |place: usize| RejectedTable {
        table: name(place),
        skipped: 1,
        nulled: 2,
        file: PathBuf::from(format!("rejects/shop/{}.jsonl", name(place))),
    };
    Moved {
        run: 1,
        seal: seal(),
        phases: Vec::new(),
        tables: (0..tables).map(table).collect(),
        rejected: (0..rejected).map(reject).collect(),
        validation: validation(tables, wrong),
        source_changed_since: true,
    }
}

fn plan(left_behind: usize, breaches: usize) -> Plan {
    let mut plan = Plan::empty("public".to_owned());
    let left = |place: usize| LeftBehind {
        kind: "view".to_owned(),
        name: format!("v{place}"),
        reason: "it cannot be translated: ".to_owned() + &"the function that only the app knows ".repeat(5),
        sql: None,
    };
    let breach = |place: usize| PlannedBreach {
        table: name(place),
        constraint: "foreign key (a) to b".to_owned(),
        rows: 9,
        first: vec!["id=1".to_owned()],
        becomes: "a foreign key that is NOT VALID".to_owned(),
        remedy: "SELECT 1; ".repeat(30),
    };
    plan.left_behind = (0..left_behind).map(left).collect();
    plan.breaches = (0..breaches).map(breach).collect();
    plan
}

const END: &str = "Report: reports/shop-20261126T120000000Z/report.html\nLook at it: psql 'postgres://app@db.example/shop'\n";

#[test]
fn a_copy_that_was_not_taken_at_once_under_locks_is_said_to_be_so() {
    let text = |read_method: Option<ReadMethod>| {
        let moved = Moved { seal: Seal { read_method, ..seal() }, ..moved(1, 0, 0) };
        moved_text(&moved, &plan(0, 0), "")
    };
    let method = |protection, attempts| Some(ReadMethod { protection, attempts });
    for usual in [None, method(Protection::SqliteLocks, 1)] {
        assert!(!text(usual).contains("was taken"), "{}", text(usual));
    }
    for (unusual, said) in [
        (
            method(Protection::SqliteLocks, 3),
            "under SQLite's locks; 3 attempts, as the file was written to during the others.",
        ),
        (
            method(Protection::UnchangedFile, 1),
            "without locks, from a file that was the same before and after.",
        ),
    ] {
        let said = format!("\nThe sealed copy was taken {said}\n");
        assert!(text(unusual).contains(&said), "{}", text(unusual));
    }
}

#[test]
fn two_hundred_tables_and_fifty_with_differences_take_thirty_lines() {
    let text = moved_text(&moved(200, 50, 0), &plan(0, 0), END);
    insta::assert_snapshot!("moved_200_50", text);
    assert!(height(&text) <= LINES_MAX, "{text}");
    let run = Run {
        id: 1,
        state: RunState {
            subject: RunSubject {
                source_path: String::new(),
                plan_sha256: String::new(),
                tables: (0..200).map(name).collect(),
            },
            done: Phase::ALL.into_iter().collect(),
        },
        plan: Cow::Owned(plan(0, 0)),
        list_schema: "public".to_owned(),
        seal: seal(),
        validated_at: None,
    };
    let url = TargetUrl::parse("postgres://app@db.example/shop").unwrap();
    let text = validation_text(&run, &validation(200, 50), &url, END);
    insta::assert_snapshot!("validated_200_50", text);
    assert!(height(&text) <= LINES_MAX, "{text}");
    let text = validation_text(&run, &validation(200, 0), &url, END);
    insta::assert_snapshot!("validated_200", text);
    assert!(text.contains("more tables, all equal\n"), "{text}");
    let reason = Some(Reason::Standby);
    let text =
        validation_text(&run, &Validation { schema_not_compared: reason, ..validation(2, 0) }, &url, END);
    assert!(text.contains("NOT proven: 19,999 rows of 2 tables equal the sealed copy"), "{text}");
    assert!(
        text.contains(
            "were not compared: the server is a standby, which accepts no writes; validate its primary."
        ),
        "{text}"
    );
}

#[test]
fn whatever_there_is_too_much_of_the_verdict_is_there_and_thirty_lines_are_enough() {
    for tables in [1, 8, 40, 300] {
        for many in [0, 1, 3, 150] {
            for (left, broken, rejected) in [(many, 0, 0), (0, many, 0), (0, 0, many), (many, many, many)] {
                for wrong in [0, tables] {
                    let text = moved_text(&moved(tables, wrong, rejected), &plan(left, broken), END);
                    let what = format!("{tables} tables, {left}, {broken}, {rejected}, {wrong}\n{text}");
                    assert!(height(&text) <= LINES_MAX, "{what}");
                    let verdict = if wrong == 0 { "\nProven: " } else { "\nNOT proven: " };
                    assert!(text.contains(verdict) && text.ends_with(END), "{what}");
                    for (count, noun) in
                        [(left, "not migrated"), (broken, "broken: "), (rejected, "rejected: ")]
                    {
                        assert_eq!(count > 0, text.contains(noun), "{what}");
                    }
                }
            }
        }
    }
    insta::assert_snapshot!("moved_all_of_it", moved_text(&moved(200, 50, 20), &plan(300, 100), END));
}
