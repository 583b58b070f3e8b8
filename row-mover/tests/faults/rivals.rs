//! Two migrations into one target.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use migrate_core::phase::Phase;
use row_mover::run;
use test_database::chance::{Chance, rounds};

use crate::child::Child;
use crate::engine::chain;
use crate::watch::{Step, Watch};
use crate::whole::{assert_recovered, case};

#[test]
fn the_second_is_refused_and_takes_over_once_the_first_is_killed() {
    let mut chance = Chance::new();
    for round in 0..rounds(1) {
        let what = format!("round {round}, {}", chance.seed());
        let case = case();
        let mut first = Child::start(&case);
        assert!(first.wait_for(Phase::Rows), "{what}");
        std::thread::sleep(chance.time_below(Duration::from_millis(200)));
        // While suspended, the first holds its lock, and the second waits for it.
        first.stop();
        let refused = chain(&case.refused());
        assert!(refused.starts_with("another migration is at work on "), "{what}: {refused}");
        assert!(first.kill(&what), "{what}: it ended while it was stopped");
        let begun: Mutex<Option<Instant>> = Mutex::default();
        let hook = |step: Step<'_>| {
            if matches!(step, Step::Begins(_)) {
                begun.lock().unwrap().get_or_insert_with(Instant::now);
            }
        };
        let watch = Watch::new(&hook);
        let killed = Instant::now();
        let result = run::migrate(&case.request(), &watch);
        assert_recovered(&case, result, &what);
        let waited = begun.lock().unwrap().unwrap() - killed;
        // A guard against a wait until the server notices by itself.
        assert!(waited < Duration::from_secs(60), "{what}: the lock was to be had after {waited:?}");
    }
}
