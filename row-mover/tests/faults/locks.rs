//! Statements that wait too long for somebody else's lock.

use std::sync::Mutex;
use std::time::Duration;

use migrate_core::phase::Phase;
use row_mover::run::{self, Request};
use row_mover::target::DbSettings;
use row_mover::target::bulk::BulkConnection;

use crate::chance::rounds;
use crate::watch::{Step, Watch};
use crate::whole::{assert_recovered, case};

/// Locks `table` when `phase` begins, until the run says that it tries again; gives those words.
#[track_caller]
fn locked_out(table: &str, phase: Phase) -> Vec<String> {
    let case = case();
    let locking: Mutex<Option<BulkConnection>> = Mutex::default();
    let hook = |step: Step<'_>| match step {
        Step::Begins(begun) if begun == phase => {
            let mut session = case.session();
            session.script(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).unwrap();
            locking.lock().unwrap().replace(session);
        }
        Step::TriesAgain => drop(locking.lock().unwrap().take()),
        _ => {}
    };
    let watch = Watch::new(&hook);
    let settings = DbSettings { statement_timeout: Duration::from_millis(500), ..case.request().settings };
    let result = run::migrate(&Request { settings, ..case.request() }, &watch);
    assert_recovered(&case, result, &format!("{table} is locked"));
    watch.tries()
}

#[test]
fn an_ordinary_statement_that_took_too_long_is_tried_again() {
    for (table, phase) in [("migration.phases", Phase::Schema), ("migration.chunks", Phase::Validate)] {
        let tries = locked_out(table, phase);
        let is_said = |note: &String| note.contains("canceling statement due to statement timeout");
        assert!(tries.iter().any(is_said), "{table}: {tries:?}");
    }
}

#[test]
fn a_lock_that_was_not_to_be_had_in_time_is_tried_again() {
    // Half a minute is what our sessions wait for a lock: only where there is time.
    if rounds(0) == 0 {
        eprintln!("not tried: a lock that is not to be had in time (set FAULTS_ROUNDS)");
        return;
    }
    let tries = locked_out("keyed", Phase::Rows);
    assert!(tries.iter().any(|note| note.contains("55P03")), "{tries:?}");
}
