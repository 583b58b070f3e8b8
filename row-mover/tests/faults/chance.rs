//! Repeatable moments of faults, and how many there are.

use std::time::Duration;

use fixtures::prng::Prng;

/// The choices of one seed.
pub struct Chance {
    seed: u64,
    numbers: Prng,
}

impl Chance {
    /// Starts with the seed of this run.
    pub fn new() -> Chance {
        let seed = test_database::seed();
        Chance { seed, numbers: Prng::new(seed) }
    }

    /// Returns the setting that repeats these choices.
    pub fn seed(&self) -> String {
        format!("{}={}", test_database::SEED_VARIABLE, self.seed)
    }

    /// Returns a number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.numbers.below(end)
    }

    /// Returns a time below `end`, in microseconds.
    pub fn time_below(&mut self, end: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(end.as_micros()).unwrap()))
    }
}

/// Returns the number of rounds: `FAULTS_ROUNDS`, else `few`.
pub fn rounds(few: usize) -> usize {
    std::env::var("FAULTS_ROUNDS").map_or(few, |rounds| rounds.parse().unwrap())
}
