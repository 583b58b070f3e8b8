//! Chance that can be repeated, and how much of it there is.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A sequence of numbers that its seed gives (xorshift64).
pub struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// From `FAULTS_SEED`, else from the system's random source.
    pub fn new() -> Chance {
        let seed = match std::env::var("FAULTS_SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => RandomState::new().hash_one(()),
        };
        Chance { seed, state: seed | 1 }
    }

    /// What to set to see the same again.
    pub fn seed(&self) -> String {
        format!("FAULTS_SEED={}", self.seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        // The low bits are the poorest.
        (self.state >> 16) % end.max(1)
    }

    /// A time below `end`, in microseconds.
    pub fn time_below(&mut self, end: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(end.as_micros()).unwrap()))
    }
}

/// How many rounds there are: `FAULTS_ROUNDS`, else `few`.
pub fn rounds(few: usize) -> usize {
    std::env::var("FAULTS_ROUNDS").map_or(few, |rounds| rounds.parse().unwrap())
}
