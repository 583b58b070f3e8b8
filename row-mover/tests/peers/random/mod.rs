//! Made-up databases, each from a seed: whatever ends as proven is the same by the oracle, too, and takes and refuses the same
//! new rows; whatever is refused leaves nothing behind. `PEERS_SEEDS=200` tries so many from the run's seed on,
//! `TEST_SEED=17 PEERS_SEEDS=1` tries that one and prints it; otherwise the same dozen is tried.

mod behaviour;
pub mod prng;
mod schema;
mod values;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;

use crate::support::Ending;
use crate::support::check::panic_words;
use crate::support::migrate::{Finished, migrate_file};
use crate::support::oracle;
use prng::Prng;

/// Number of seeds of an ordinary run.
const SEEDS: u64 = 12;

/// The first of them in an ordinary run.
const FIRST_SEED: u64 = 101;

/// Whether values that do not fit are handled as the mapping decides, so that only `stop` and `text` may stop.
const IS_POLICY_OBEYED: bool = true;

/// Reads a number from an environment variable.
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// Generates the SQL and the mapping of a seed.
fn database(seed: u64) -> (String, String) {
    let sql = schema::tables(seed).into_iter().map(|table| table.sql).collect();
    let policy = Prng::new(seed ^ 0xa5a5).pick(&["stop", "skip", "null", "text"]);
    (sql, format!("on_reject = \"{policy}\""))
}

fn migrated(sql: &str, mapping: &str) -> Finished {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    let source = Connection::open(&path).unwrap();
    source.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; BEGIN").unwrap();
    for statement in sql.split_inclusive(";\n") {
        // SQLite may refuse a row that breaks a constraint, but never the schema.
        match source.execute_batch(statement) {
            Err(error) if !statement.starts_with("INSERT") => panic!("{statement}: {error}"),
            _ => {}
        }
    }
    source.execute_batch("COMMIT").unwrap();
    drop(source);
    migrate_file(dir, path, mapping, "")
}

/// Returns the errors in the result of a seed.
fn problems(seed: u64, sql: &str, mapping: &str, endings: &mut BTreeMap<String, u32>) -> Vec<String> {
    let finished = migrated(sql, mapping);
    *endings.entry(format!("{:?}", finished.ending)).or_default() += 1;
    let told = || format!("{:?}: {}", finished.ending, finished.words);
    let may_stop = !IS_POLICY_OBEYED || mapping.contains("stop") || mapping.contains("text");
    match finished.ending {
        Ending::Differs => vec![told()],
        Ending::Proven | Ending::Partly => {
            let rejected = finished.rejects.iter().map(|(_, count)| count).sum();
            let case = finished.case.unwrap();
            let mut wrong = oracle::differences(&case, rejected);
            if finished.ending == Ending::Proven {
                wrong.extend(behaviour::disagreements(&case, seed));
            }
            wrong
        }
        Ending::Stopped | Ending::Refused => {
            let objects = finished.case.as_ref().map(|case| case.target_objects()).unwrap_or_default();
            let mut wrong =
                if objects.is_empty() { Vec::new() } else { vec![format!("it left {objects:?}")] };
            let is_unclear = finished.words.contains("no one type holds all values");
            if !may_stop || finished.ending == Ending::Refused && !is_unclear {
                wrong.push(told());
            }
            wrong
        }
    }
}

#[test]
fn made_up_databases() {
    let chosen = number("PEERS_SEEDS");
    let first = chosen.map_or(FIRST_SEED, |_| test_database::seed());
    let seeds = first..first + chosen.unwrap_or(SEEDS);
    let (mut wrong, mut endings) = (Vec::new(), BTreeMap::new());
    for seed in seeds {
        let (sql, mapping) = database(seed);
        let found = catch_unwind(AssertUnwindSafe(|| problems(seed, &sql, &mapping, &mut endings)))
            .unwrap_or_else(|panic| vec![format!("panicked: {}", panic_words(panic.as_ref()))]);
        if chosen == Some(1) {
            eprintln!("{mapping}\n{sql}\n{}", found.join("\n"));
        }
        if !found.is_empty() {
            wrong.push(format!("TEST_SEED={seed} PEERS_SEEDS=1: {}", found.join("\n  ")));
        }
    }
    eprintln!("{endings:?}");
    assert!(wrong.is_empty(), "{} seeds:\n{}", wrong.len(), wrong.join("\n"));
}
