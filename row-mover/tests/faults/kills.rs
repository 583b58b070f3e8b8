//! Repeated SIGKILL at random times.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use migrate_core::phase::Phase;
use test_database::chance::{Chance, rounds};

use crate::child::Child;
use crate::whole::{case, finish, wait_for_its_sessions};

/// How often one migration is killed before it may finish.
const KILLS_PER_ROUND: usize = 3;

/// The duration of each phase of a run without faults.
fn durations() -> BTreeMap<Phase, Duration> {
    let case = case();
    let mut child = Child::start(&case);
    child.succeed();
    let ended = Instant::now();
    let begun: Vec<(Instant, Phase)> =
        child.told.iter().filter_map(|(at, step)| Some((*at, Phase::from_name(step)?))).collect();
    assert_eq!(begun.len(), Phase::ALL.len(), "{:?}", child.told);
    let ends = begun.iter().skip(1).map(|(at, _)| *at).chain([ended]);
    begun.iter().zip(ends).map(|((at, phase), end)| (*phase, end - *at)).collect()
}

#[test]
fn a_run_that_is_killed_repeatedly_at_any_moment_resumes() {
    let mut chance = Chance::new();
    let durations = durations();
    let mut hits: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0..rounds(2) {
        let case = case();
        // Each phase is equally likely, and so is each time in it. In phase order, since a finished phase does not run again.
        let mut phases: Vec<Phase> = (0..KILLS_PER_ROUND)
            .map(|_| Phase::ALL[usize::try_from(chance.below(Phase::ALL.len() as u64)).unwrap()])
            .collect();
        phases.sort();
        for (kill, phase) in phases.into_iter().enumerate() {
            let delay = chance.time_below(durations[&phase]);
            let is_quick = chance.below(2) == 0;
            let what = format!("round {round}, kill {kill}, {}", chance.seed());
            let mut child = Child::start(&case);
            if child.wait_for(phase) {
                // A plain sleep: the test is about arbitrary times, which no condition can replace.
                std::thread::sleep(delay);
            }
            let is_killed = child.kill(&what);
            let on = child.phase().map_or("before any phase".to_owned(), |phase| phase.to_string());
            let place = match (is_killed, child.is_building()) {
                (false, _) => "after its end".to_owned(),
                (true, true) => format!("{on}, in a build"),
                (true, false) => on,
            };
            *hits.entry(place).or_default() += 1;
            // In half of the rounds, the next child starts while the server still works for the killed one.
            if !is_quick {
                wait_for_its_sessions(&case, &what);
            }
        }
        finish(&case, &format!("round {round}, {}", chance.seed()));
    }
    let kills: usize = hits.values().sum();
    eprintln!("{kills} kills ({}): {hits:?}", chance.seed());
}
