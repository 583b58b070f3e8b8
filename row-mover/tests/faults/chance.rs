//! Repeatable random numbers, and the number of rounds.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A random number generator with a seed (xorshift64).
pub struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// Takes the seed from `FAULTS_SEED`, else from the system's random source.
    pub fn new() -> Chance {
        let seed = match std::env::var("FAULTS_SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => RandomState::new().hash_one(()),
        };
        Chance { seed, state: seed | 1 }
    }

    /// Returns the setting that repeats the run.
    pub fn seed(&self) -> String {
        format!("FAULTS_SEED={}", self.seed)
    }

    /// Returns a number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        // The low bits are the least random.
        (self.state >> 16) % end.max(1)
    }

    /// Returns a duration below `end`, with microsecond resolution.
    pub fn time_below(&mut self, end: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(end.as_micros()).unwrap()))
    }
}

/// Returns the number of rounds: `FAULTS_ROUNDS`, else `few`.
pub fn rounds(few: usize) -> usize {
    std::env::var("FAULTS_ROUNDS").map_or(few, |rounds| rounds.parse().unwrap())
}
