//! Every hostile database through the engine with Hyperpage's own plan: refused in clear words with nothing changed, rejected
//! with exactly the values that cannot move, or moved and proven.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fixtures::hostile::{
    CASES, HOT_JOURNAL_JOBS, HostileCase, HostileDatabase, HostileKind, IN_USE_COMMITTED_JOBS,
};
use migrate_core::plan::Plan;
use migrate_core::value::SourceValue;
use row_mover::run::{self, Outcome, Silent};
use row_mover::source::scan::shown;

use crate::support::{Case, chain, hyperpage_plan, moved};

/// The case in a folder of its own, which its writer outlives.
#[track_caller]
fn build(case: &HostileCase, plan: &Plan) -> (Case, HostileDatabase) {
    let dir = tempfile::tempdir().unwrap();
    let built = case.build(dir.path()).unwrap_or_else(|error| panic!("{error:?}"));
    let source = built.path().to_owned();
    (Case::planned(dir, source, plan.clone()), built)
}

/// The database and what belongs to it, byte by byte. The `-shm` is no data: SQLite keeps its locks there.
fn content(source: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = source.file_name().unwrap().to_string_lossy().into_owned();
    (fs::read_dir(source.parent().unwrap()).unwrap())
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&name))
        .filter(|entry| !entry.file_name().to_string_lossy().ends_with("-shm"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()))
        .filter(|(_, content)| !content.is_empty())
        .collect()
}

#[track_caller]
fn assert_untouched(case: &Case, name: &str) {
    assert_eq!(case.target_objects(), [] as [&str; 0], "{name}");
    assert!(case.backups().is_empty(), "{name}: {:?}", case.backups());
}

#[test]
fn values_that_cannot_move_are_refused_and_nothing_is_changed() {
    let plan = hyperpage_plan();
    let mut words = String::new();
    for hostile in
        CASES.iter().filter(|case| !matches!(case.kind, HostileKind::BadValues(_) | HostileKind::Live))
    {
        let (case, _writer) = build(hostile, &plan);
        let before = content(&case.source);
        let said = match run::migrate(&case.request(), &Silent) {
            Err(error) => {
                assert_untouched(&case, hostile.name);
                chain(&error)
            }
            // An attack that misses is no refusal: everything must be proven then.
            Ok(Outcome::Moved(moved))
                if moved.validation.is_proven() && hostile.kind == HostileKind::Attack =>
            {
                "moved and proven".to_owned()
            }
            Ok(other) => panic!("{}: {}", hostile.name, serde_json::to_string_pretty(&other).unwrap()),
        };
        assert!(content(&case.source) == before, "{}: the source was changed", hostile.name);
        let said = said.replace(&case.dir.path().display().to_string(), "DIR");
        words.push_str(&format!("# {} ({:?})\n{said}\n\n", hostile.name, hostile.kind));
    }
    insta::assert_snapshot!("what_is_said_to_hostile_databases", words);
}

#[test]
fn values_that_cannot_move_are_named_and_no_others() {
    let plan = hyperpage_plan();
    let mut words = String::new();
    for hostile in CASES {
        let HostileKind::BadValues(expected) = hostile.kind else { continue };
        let (case, _writer) = build(hostile, &plan);
        let before = content(&case.source);
        let Outcome::Rejected { findings, .. } = run::migrate(&case.request(), &Silent)
            .unwrap_or_else(|error| panic!("{}: {}", hostile.name, chain(&error)))
        else {
            panic!("{} is not rejected", hostile.name);
        };
        let key_column =
            |table: &str| plan.table(table).unwrap().primary_key.as_ref().unwrap().columns[0].clone();
        let mut wanted: Vec<(String, String, String)> = expected
            .iter()
            .map(|offender| {
                let table = plan.table(offender.table).unwrap();
                let key = table.target_column(&key_column(offender.table)).unwrap();
                let (is_text, is_secret) = (key.declared == "TEXT", key.secret);
                let key = match offender.key {
                    Some(key) if is_secret => {
                        let hash = shown(SourceValue::Text(key.as_bytes()), true);
                        assert!(!hash.contains(key));
                        format!("{}={hash}", key_column(offender.table))
                    }
                    Some(key) if is_text => format!("{}='{key}'", key_column(offender.table)),
                    Some(key) => format!("{}={key}", key_column(offender.table)),
                    None => "rowid=".to_owned(),
                };
                (offender.table.to_owned(), offender.column.to_owned(), key)
            })
            .collect();
        let mut found = Vec::new();
        words.push_str(&format!("# {}\n", hostile.name));
        for table in &findings.tables {
            for column in &table.offenders {
                assert_eq!(column.count, column.first.len() as u64, "{}", hostile.name);
                for offender in &column.first {
                    let key = if offender.key.starts_with("rowid=") { "rowid=" } else { &offender.key };
                    found.push((table.table.clone(), column.column.clone(), key.to_owned()));
                    words.push_str(&format!(
                        "{}.{} {}: {}\n",
                        table.table, column.column, offender.key, offender.reason
                    ));
                }
            }
        }
        words.push('\n');
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted, "{}", hostile.name);
        assert_untouched(&case, hostile.name);
        assert!(content(&case.source) == before, "{}: the source was changed", hostile.name);
        // What a dry run finds is the same.
        let Outcome::Rejected { findings: dry, .. } = run::dry_run(&case.request(), &Silent).unwrap() else {
            panic!("{} is not rejected by a dry run", hostile.name);
        };
        assert_eq!(serde_json::to_value(&dry).unwrap(), serde_json::to_value(&findings).unwrap());
    }
    insta::assert_snapshot!("what_is_said_to_bad_values", words);
}

#[test]
fn rows_that_are_only_in_the_log_move() {
    let hostile = HostileCase::named("in-use-by-a-writer").unwrap();
    let (case, built) = build(hostile, &hyperpage_plan());
    let sizes = || {
        let size = |suffix: &str| fs::metadata(format!("{}{suffix}", case.source.display())).unwrap().len();
        (size(""), size("-wal"))
    };
    let before = sizes();
    assert!(before.1 > 0);
    moved(run::migrate(&case.request(), &Silent));
    assert_eq!(sizes(), before, "the log was checkpointed");
    let jobs = case.ask("SELECT count(*), count(*) FILTER (WHERE id = 'not-committed') FROM jobs");
    assert_eq!(jobs, [format!("{IN_USE_COMMITTED_JOBS}|0")]);
    // The writer never noticed.
    built.writer().unwrap().execute_batch("COMMIT").unwrap();
}

#[test]
fn a_transaction_that_broke_off_is_not_moved() {
    let hostile = HostileCase::named("hot-rollback-journal").unwrap();
    let (case, _built) = build(hostile, &hyperpage_plan());
    let before = content(&case.source);
    // A read-only connection cannot roll the journal back, and nothing else would be true to the file.
    let refused = chain(&case.refused()).replace(&case.dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!("what_is_said_to_a_hot_journal", refused);
    assert_untouched(&case, hostile.name);
    assert!(content(&case.source) == before);
    // Rolled back as the message advises, it moves.
    let connection = rusqlite::Connection::open(&case.source).unwrap();
    let rows: i64 = connection.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0)).unwrap();
    drop(connection);
    assert_eq!(rows.unsigned_abs(), HOT_JOURNAL_JOBS);
    moved(run::migrate(&case.request(), &Silent));
    assert_eq!(
        case.ask("SELECT count(*) FILTER (WHERE name = 'before'), count(*) FROM jobs"),
        [format!("{HOT_JOURNAL_JOBS}|{HOT_JOURNAL_JOBS}")]
    );
}

#[test]
fn every_case_is_tried() {
    let live: Vec<&str> =
        (CASES.iter()).filter(|case| case.kind == HostileKind::Live).map(|case| case.name).collect();
    assert_eq!(live, ["in-use-by-a-writer", "hot-rollback-journal"]);
}
