//! Introspects, profiles, plans and renders a source made from arbitrary text, without a panic and within a time limit. SQLite executes
//! as much of the text as it accepts, or the text replaces a stored statement. Used by the fuzzer and by an ordinary test.

use std::path::Path;
use std::time::{Duration, Instant};

use migrate_core::mapping::Mapping;
use migrate_core::plan::Plan;
use migrate_core::{planner, render, schema_diff};
use row_mover::source::profile::profile;
use row_mover::source::{SourceConnection, introspect};
use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::limits::Limit;

/// Limit for creating the source, in thousands of SQLite's VM steps: an endless query in the input is not a find.
const STEPS_MAX: u32 = 200;

/// Time limit for planning and rendering one input.
const TIME_MAX: Duration = Duration::from_secs(10);

/// Maximum length of an input, in bytes.
const INPUT_BYTES_MAX: usize = 20_000;

/// Checks one input: a byte for the mode, then SQL.
pub fn check(data: &[u8]) {
    let [mode, sql @ ..] = data else { return };
    if sql.len() > INPUT_BYTES_MAX {
        return;
    }
    let sql = String::from_utf8_lossy(sql);
    let Ok(dir) = tempfile::tempdir() else { return };
    let path = dir.path().join("source.db");
    if make(&path, *mode, &sql).is_err() {
        return;
    }
    let started = Instant::now();
    plan_and_render(&path, *mode);
    let took = started.elapsed();
    assert!(took < TIME_MAX, "{took:?} for {} bytes of SQL", sql.len());
}

/// Creates a source from the SQL, or a small source with the SQL as one of its stored statements.
fn make(path: &Path, mode: u8, sql: &str) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LENGTH, 200_000),
        (Limit::SQLITE_LIMIT_VDBE_OP, 50_000),
        (Limit::SQLITE_LIMIT_COLUMN, 200),
    ] {
        connection.set_limit(limit, value)?;
    }
    let mut steps = 0;
    connection.progress_handler(
        1000,
        Some(move || {
            steps += 1;
            steps > STEPS_MAX
        }),
    )?;
    connection.execute_batch(
        "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;",
    )?;
    // Seed files are pure SQL and begin with `-`, which selects the other branch.
    if mode % 4 == 3 {
        connection.execute_batch(
            "CREATE TABLE p (id INTEGER PRIMARY KEY, v TEXT DEFAULT 'x'); INSERT INTO p VALUES (1, 'a');
             CREATE TABLE c (a INTEGER, b TEXT REFERENCES p (v)); CREATE INDEX i ON c (a) WHERE b > 'x';
             CREATE VIEW w AS SELECT a, b FROM c; CREATE TRIGGER t AFTER INSERT ON c BEGIN DELETE FROM p; END;
             INSERT INTO c VALUES (1, 'a'), (NULL, x'00'); PRAGMA writable_schema = ON;",
        )?;
        let name = ["p", "c", "i", "w", "t"][usize::from(mode / 16) % 5];
        connection.execute("UPDATE sqlite_schema SET sql = ?1 WHERE name = ?2", [sql, name])?;
        return Ok(());
    }
    // After a statement that SQLite rejects, execution continues on the next line.
    for part in sql.split_inclusive(";\n") {
        let mut batch = rusqlite::Batch::new(&connection, part);
        while let Ok(Some(mut statement)) = batch.next() {
            let Ok(mut rows) = statement.query([]) else { break };
            while let Ok(Some(_)) = rows.next() {}
        }
    }
    Ok(())
}

fn plan_and_render(path: &Path, mode: u8) {
    let Ok(source) = SourceConnection::open_live(path) else { return };
    let Ok(schema) = introspect::introspect(&source) else { return };
    let _ = render::source_diesel_schema(&schema);
    let profile = profile(&source, &schema).ok();
    let policy = ["stop", "skip", "null", "text"][usize::from(mode / 4) % 4];
    let mapping = format!("format = 1\non_reject = \"{policy}\"");
    let mapping = Mapping::from_toml(&mapping).unwrap_or_else(|error| panic!("{mapping}: {error}"));
    let Ok(plan) = planner::plan(&schema, profile.as_ref(), &mapping) else { return };
    for files in [render::create_tables(&plan), render::create_constraints(&plan)] {
        assert!(!files.up.contains('\0') && !files.down.contains('\0'), "SQL with a NUL");
    }
    let _ = render::target_diesel_schema(&plan);
    let json = render::plan_json(&plan);
    let again = Plan::from_json(&json).unwrap_or_else(|error| panic!("a plan cannot be read back: {error}"));
    assert!(again == plan, "a plan changed when it was written and read back");
    if let Ok(differences) = schema_diff::differences(&plan, &schema) {
        assert_eq!(differences, [] as [&str; 0], "a plan differs from its own schema");
    }
}
