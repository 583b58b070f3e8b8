//! Migrates a source in the way of a user's two commands: a plan, then the run. The only module of these tests that uses the engine's
//! entry points.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use migrate_core::mapping::Mapping;
use migrate_core::plan::Plan;
use row_mover::observer::Silent;
use row_mover::rejects::RejectedTable;
use row_mover::run::{self, Outcome, Request};
use row_mover::source::evidence;
use row_mover::source::preflight::Findings;
use tempfile::TempDir;

use super::case::{Ending, PeerCase};
use crate::engine::{Case, chain};

/// The result of a migration.
pub struct Finished {
    pub ending: Ending,
    /// Output in addition to the plan: the error with its causes, or the rejects with their reasons.
    pub words: String,
    /// Values that PostgreSQL cannot hold: `table.column` and their number.
    pub rejects: Vec<(String, u64)>,
    /// The source, the plan and the target; none if planning failed.
    pub case: Option<Case>,
}

/// Migrates the database of a case.
pub fn migrate_any(case: &PeerCase) -> Finished {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    make_source(&source, case);
    if case.into_existing {
        return migrate_into(dir, source, &case.mapping, &case.target_sql);
    }
    migrate_file(dir, source, &case.mapping, &case.target_sql)
}

/// Migrates a database in `dir`.
pub fn migrate_file(dir: TempDir, source: PathBuf, mapping: &str, target_sql: &str) -> Finished {
    let plan = match plan(&source, mapping) {
        Ok(plan) => plan,
        Err(words) => return Finished::refused(words, None),
    };
    let case = Case::planned(dir, source, plan);
    if !target_sql.is_empty() {
        case.execute(target_sql);
    }
    run(case)
}

/// Migrates a database into existing tables of the target.
fn migrate_into(dir: TempDir, source: PathBuf, mapping: &str, target_sql: &str) -> Finished {
    match Case::into_existing(dir, source, mapping, target_sql) {
        Ok(case) => run(case),
        Err(words) => Finished::refused(words, None),
    }
}

fn run(case: Case) -> Finished {
    // What that check leaves out is among the words that a case expects.
    let request = Request { integrity_check: true, ..case.request() };
    match run::migrate(&request, &Silent) {
        Err(error) => Finished::refused(chain(&error), Some(case)),
        Ok(Outcome::Rejected { findings, over_limit }) => {
            let (rejects, words) = told(&findings);
            let words = format!("{}\n{words}", over_limit.unwrap_or_default());
            Finished { ending: Ending::Stopped, words, rejects, case: Some(case) }
        }
        Ok(Outcome::Moved(moved)) => {
            let ending = match () {
                () if !moved.validation.is_proven() => Ending::Differs,
                () if !case.plan.breaches.is_empty() || !moved.rejected.is_empty() => Ending::Partly,
                () => Ending::Proven,
            };
            let (rejects, lines) = written(&moved.rejected);
            let words = format!("{}\n{lines}", serde_json::to_string_pretty(&moved.validation).unwrap());
            Finished { ending, words, rejects, case: Some(case) }
        }
        Ok(other) => panic!("a fresh target, and yet: {other:?}"),
    }
}

/// Plans a file with a mapping, or returns why that failed.
pub fn plan(source: &Path, mapping: &str) -> Result<Plan, String> {
    let mapping = Mapping::from_toml(&format!("format = 1\n{mapping}")).map_err(|error| error.to_string())?;
    evidence::plan(source, &mapping, 2, &|_| {}).map(|(_, plan)| plan).map_err(|error| chain(&error))
}

impl Finished {
    fn refused(words: String, case: Option<Case>) -> Finished {
        Finished { ending: Ending::Refused, words, rejects: Vec::new(), case }
    }
}

/// Creates the SQLite file, with foreign keys off, as in most apps.
fn make_source(path: &Path, case: &PeerCase) {
    let connection = rusqlite::Connection::open(path).unwrap();
    for name in &case.collations {
        let folded = |text: &str| text.to_ascii_lowercase();
        connection.create_collation(*name, move |a, b| folded(a).cmp(&folded(b))).unwrap();
    }
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    connection.execute_batch(&case.sql).unwrap_or_else(|error| panic!("{}: {}: {error}", case.id, case.sql));
}

/// Returns the values that stopped a migration, or the rejects beyond the limit.
fn told(findings: &Findings) -> (Vec<(String, u64)>, String) {
    let mut rejects = Vec::new();
    for table in &findings.tables {
        for offenders in table.offenders.iter().chain(&table.rejects) {
            rejects.push((format!("{}.{}", table.table, offenders.column), offenders.count));
        }
    }
    (rejects, serde_json::to_string_pretty(findings).unwrap())
}

/// Counts the rejects in the files by column, and returns the keys of their rows, formatted as in errors.
fn written(rejected: &[RejectedTable]) -> (Vec<(String, u64)>, String) {
    let (mut counts, mut words) = (BTreeMap::new(), String::new());
    for table in rejected {
        for line in std::fs::read_to_string(&table.file).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            for reason in line["reasons"].as_array().unwrap() {
                let column = reason["column"].as_str().unwrap();
                *counts.entry(format!("{}.{column}", table.table)).or_default() += 1;
            }
            if let Some(id) = line["row"]["id"]["integer"].as_str() {
                words.push_str(&format!("id={id}\n"));
            }
            words.push_str(&format!("{}\n", line["reasons"]));
        }
    }
    (counts.into_iter().collect(), words)
}
