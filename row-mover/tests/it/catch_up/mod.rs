//! Catch-ups: what changed in SQLite is applied to PostgreSQL, and a complete validation proves it afterwards.

mod cases;
mod existing;
mod faults;
mod property;
mod refusals;
mod rejects;
mod repeated;

use postgres_client::{DbSettings, TargetUrl};
use row_mover::catch_up::{self, CatchUpOutcome, CatchUpRequest, CaughtUp};
use row_mover::observer::Silent;

use crate::support::{Case, chain, sqlite};

/// What catches a case up.
pub fn request(case: &Case) -> CatchUpRequest {
    CatchUpRequest {
        target: TargetUrl::parse(case.database.url()).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        backup_dir: case.backup_dir(),
        rejects_dir: case.dir.path().join("rejects"),
        dry_run: false,
        replace_equal_copy: false,
    }
}

/// Catches up after these statements in SQLite, and validates everything.
#[track_caller]
pub fn caught_up(case: &Case, sql: &str) -> CaughtUp {
    sqlite(&case.source, sql);
    let caught_up = match catch_up::catch_up(&request(case), &Silent) {
        Ok(CatchUpOutcome::Applied(caught_up)) => caught_up,
        Ok(CatchUpOutcome::Unchanged) => panic!("nothing has changed: {sql}"),
        Err(error) => panic!("{sql}\n{}", chain(&error)),
    };
    assert_proven(case, sql);
    caught_up
}

/// A complete validation finds no difference to the copy that the ledger names.
#[track_caller]
pub fn assert_proven(case: &Case, what: &str) {
    let (_, validation) = case.validated(true);
    assert!(validation.is_proven(), "{what}\n{}", serde_json::to_string_pretty(&validation).unwrap());
}

/// What was applied, by table: inserted, updated, deleted and rejected rows.
pub fn counts(caught_up: &CaughtUp) -> Vec<String> {
    let tables = caught_up.applied.tables.iter();
    tables
        .map(|table| {
            format!(
                "{} +{} ~{} -{} !{}",
                table.table, table.inserted, table.updated, table.deleted, table.rejected
            )
        })
        .collect()
}

/// Catches up after these statements, which must be refused without a change; returns the error.
#[track_caller]
pub fn refused(case: &Case, sql: &str) -> String {
    sqlite(&case.source, sql);
    match catch_up::catch_up(&request(case), &Silent) {
        Err(error) => chain(&error),
        Ok(outcome) => panic!("{sql}: {outcome:?}"),
    }
}
