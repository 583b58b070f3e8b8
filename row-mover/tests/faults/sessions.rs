//! Sessions that an administrator terminates, and statements that they cancel.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use row_mover::run;
use test_database::chance::{Chance, rounds};

use crate::engine::session;
use crate::watch::Watch;
use crate::whole::{assert_recovered, case};

/// Approximate number of steps of an undisturbed run.
const STEPS: u64 = 90;

const OURS: &str =
    "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hyperpage-migration'";

/// Runs `sql` shortly after random steps. The run must recover by itself.
#[track_caller]
fn disturbed(sql: &str, times: usize) -> usize {
    let chance = Mutex::new(Chance::new());
    let seed = chance.lock().unwrap().seed();
    let mut tries = 0;
    for round in 0..rounds(1) {
        let what = format!("round {round}, {seed}");
        let case = case();
        let at: Vec<usize> =
            (0..times).map(|_| usize::try_from(chance.lock().unwrap().below(STEPS)).unwrap()).collect();
        let steps = AtomicUsize::new(0);
        let watch_hook = |_: crate::watch::Step<'_>| {
            let step = steps.fetch_add(1, Ordering::SeqCst);
            at.contains(&step).then(|| chance.lock().unwrap().time_below(Duration::from_millis(20)))
        };
        std::thread::scope(|scope| {
            let url = case.database.url();
            let hook = |step: crate::watch::Step<'_>| {
                if let Some(delay) = watch_hook(step) {
                    scope.spawn(move || {
                        std::thread::sleep(delay);
                        session(url).query(sql, &[]).unwrap();
                    });
                }
            };
            let watch = Watch::new(&hook);
            assert_recovered(&case, run::migrate(&case.request(), &watch), &what);
            tries += watch.tries().len();
        });
        assert!(steps.load(Ordering::SeqCst) > 40, "{what}");
    }
    tries
}

#[test]
fn all_sessions_end_at_once() {
    assert!(disturbed(&format!("SELECT pg_terminate_backend(pid) {OURS}"), 4) > 0);
}

#[test]
fn single_sessions_end() {
    disturbed(&format!("SELECT pg_terminate_backend(pid) {OURS} ORDER BY random() LIMIT 1"), 12);
}

#[test]
fn the_session_with_the_lock_ends() {
    let holds = "AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')";
    disturbed(&format!("SELECT pg_terminate_backend(pid) {OURS} {holds}"), 8);
}

#[test]
fn statements_are_cancelled() {
    disturbed(&format!("SELECT pg_cancel_backend(pid) {OURS} AND state = 'active'"), 12);
}
