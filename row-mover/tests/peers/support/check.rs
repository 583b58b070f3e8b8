//! Compares the result of each case with its expectation. A pending case that passes is an error, so that no mark outlives
//! its reason.

use std::panic::{AssertUnwindSafe, catch_unwind};

use postgres_client::connection::Connection;
use postgres_client::server_error::ServerError;

use super::case::{Ending, PeerCase, Probe};
use super::migrate::{Finished, migrate_any};
use super::oracle;
use crate::engine::{Case, ask, chain};
use crate::pending::pending;

/// Environment variable with a prefix of case names: runs and prints only these cases.
const ONLY_VARIABLE: &str = "PEERS_ONLY";

/// Runs all cases and fails with all errors.
#[track_caller]
pub fn check(cases: &[PeerCase]) {
    let only = std::env::var(ONLY_VARIABLE).ok();
    let mut wrong = Vec::new();
    for case in cases {
        if only.as_ref().is_some_and(|only| !case.id.starts_with(only.as_str())) {
            continue;
        }
        let found = catch_unwind(AssertUnwindSafe(|| check_one(case)))
            .unwrap_or_else(|panic| Err(vec![format!("panicked: {}", panic_words(panic.as_ref()))]));
        if only.is_some() {
            eprintln!("{}: {found:#?}", case.id);
        }
        match (found, pending(case.id)) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Ok(()), Some(why)) => {
                wrong.push(format!("{} has begun to pass: take it out of the list ({why})", case.id));
            }
            (Err(found), None) => wrong.push(format!("{}:\n  {}", case.id, found.join("\n  "))),
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// Returns the message of a panic.
pub fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Runs a case and returns its errors.
fn check_one(case: &PeerCase) -> Result<(), Vec<String>> {
    let finished = migrate_any(case);
    let mut wrong = Vec::new();
    if !case.endings.contains(&finished.ending) {
        wrong.push(format!("it ended {:?}, not {:?}: {}", finished.ending, case.endings, finished.words));
        return Err(wrong);
    }
    if let Some(expected) = &case.rejects {
        let mut found = finished.rejects.clone();
        let mut expected = expected.clone();
        found.sort();
        expected.sort();
        if found != expected {
            wrong.push(format!("the rejects are {found:?}, not {expected:?}"));
        }
    }
    check_told(case, &finished, &mut wrong);
    if let Some(engine) = &finished.case {
        let has_moved = matches!(finished.ending, Ending::Proven | Ending::Partly);
        if has_moved {
            let rejected = finished.rejects.iter().map(|(_, count)| count).sum();
            wrong.extend(oracle::differences(engine, rejected));
            check_target(case, engine, &mut wrong);
        } else if case.target_sql.is_empty() && !engine.target_objects().is_empty() {
            wrong.push(format!("it ended {:?} and left {:?}", finished.ending, engine.target_objects()));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// Checks types, probes and objects that are not migrated. Engine and oracle have proven the rows.
fn check_target(case: &PeerCase, engine: &Case, wrong: &mut Vec<String>) {
    let mut session = engine.session();
    ask(&mut session, "SET TimeZone = 'UTC'");
    for (column, expected) in &case.types {
        let found = column_type(&mut session, column);
        if !expected.split('|').any(|choice| found == choice) {
            wrong.push(format!("{column} is {found}, not {expected}"));
        }
    }
    let mut left: Vec<String> =
        engine.plan.left_behind.iter().map(|item| format!("{} {}", item.kind, item.name)).collect();
    for probe in &case.probes {
        wrong.extend(run_probe(&mut session, probe, &mut left));
    }
    for expected in &case.left {
        if !took(&mut left, expected) {
            wrong.push(format!("{expected} is not left behind"));
        }
    }
    if !left.is_empty() {
        wrong.push(format!("left behind, too: {left:?}"));
    }
    let breaches: Vec<String> =
        engine.plan.breaches.iter().map(|breach| format!("{} {}", breach.table, breach.constraint)).collect();
    for expected in &case.breaches {
        if !breaches.iter().any(|breach| breach.contains(expected.as_str())) {
            wrong.push(format!("{expected} is not among the breaches {breaches:?}"));
        }
    }
}

/// Runs a probe and returns its error. Removes an object from `left` if the probe expects it there.
fn run_probe(session: &mut Connection, probe: &Probe, left: &mut Vec<String>) -> Option<String> {
    match probe {
        Probe::Gives(sql, expected) => gives(session, sql, Some(expected)),
        Probe::Breaks(sql, sqlstates) => breaks(session, sql, sqlstates),
        Probe::LeftOrBreaks(expected, sql, sqlstates) => {
            if took(left, expected) {
                return None;
            }
            breaks(session, sql, sqlstates).map(|wrong| format!("{expected} is not left behind, and {wrong}"))
        }
        Probe::LeftOr(expected, statements, rows) => {
            if took(left, expected) {
                return None;
            }
            let last = statements.len().saturating_sub(1);
            (statements.iter().enumerate())
                .find_map(|(place, sql)| gives(session, sql, (place == last).then_some(rows)))
                .map(|wrong| format!("{expected} is not left behind, and {wrong}"))
        }
    }
}

/// Whether an object is in `left`; if so, removes it.
fn took(left: &mut Vec<String>, expected: &str) -> bool {
    let position = left.iter().position(|item| item.starts_with(expected));
    position.map(|position| left.remove(position)).is_some()
}

/// Returns the error if a statement does not fail as expected.
fn breaks(session: &mut Connection, sql: &str, sqlstates: &[String]) -> Option<String> {
    match session.query(sql, &[]) {
        Ok(_) => Some(format!("{sql} was not refused")),
        Err(error) => {
            let found = sqlstate(&error).unwrap_or_else(|| chain(&error));
            (!sqlstates.contains(&found)).then(|| format!("{sql}: {found}, not {sqlstates:?}"))
        }
    }
}

/// Returns the error if a statement does not return the expected rows; without any, it must only succeed.
fn gives(session: &mut Connection, sql: &str, expected: Option<&Vec<String>>) -> Option<String> {
    let rows = match session.query(sql, &[]) {
        Ok(rows) => rows,
        Err(error) => return Some(format!("{sql}: {}", chain(&error))),
    };
    let shown = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    let found: Vec<String> =
        rows.into_iter().map(|row| row.into_iter().map(shown).collect::<Vec<_>>().join("|")).collect();
    expected
        .filter(|expected| **expected != found)
        .map(|expected| format!("{sql} gives {found:?}, not {expected:?}"))
}

/// Returns the SQLSTATE of a server error.
pub fn sqlstate(error: &row_mover::Error) -> Option<String> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<ServerError>() {
            return error.sqlstate.clone();
        }
        cause = error.source();
    }
    None
}

/// Returns the type of `table.column` as PostgreSQL prints it, followed by `NOT NULL` if so.
pub fn column_type(session: &mut Connection, column: &str) -> String {
    let (table, column) = column.rsplit_once('.').unwrap();
    let found = session.query(
        "SELECT format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END FROM pg_attribute \
         WHERE attrelid = to_regclass(quote_ident($1)) AND attname = $2 AND attnum > 0 AND NOT attisdropped",
        &[Some(table), Some(column)],
    );
    let found = found.unwrap_or_else(|error| panic!("{}", chain(&error)));
    found.into_iter().flatten().flatten().next().unwrap_or_else(|| "not there".to_owned())
}

/// Checks that the required words are in the plan, the error or the rejects.
fn check_told(case: &PeerCase, finished: &Finished, wrong: &mut Vec<String>) {
    let mut told = vec![finished.words.clone()];
    if let Some(engine) = &finished.case {
        collect_words("", &serde_json::to_value(&engine.plan).unwrap(), &mut told);
    }
    for expected in &case.told {
        if !told.iter().any(|words| words.contains(expected.as_str())) {
            wrong.push(format!("nobody is told {expected:?}"));
        }
    }
}

/// Collects the sentences of a plan, without quotations of the source.
fn collect_words(key: &str, value: &serde_json::Value, told: &mut Vec<String>) {
    /// The fields with text for people.
    const WORDS: [&str; 10] = [
        "why",
        "reason",
        "notes",
        "suggestion",
        "becomes",
        "remedy",
        "constraint",
        "instead_of",
        "name",
        "first",
    ];
    match value {
        serde_json::Value::String(text) if WORDS.contains(&key) => told.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_words(key, item, told)),
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| collect_words(key, value, told));
        }
        _ => {}
    }
}
