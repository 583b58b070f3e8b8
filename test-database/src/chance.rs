//! Repeatable moments of faults, and how many there are. For moments, kinds and counts, never for data that a seed must produce for ever.

use std::time::Duration;

use crate::{SEED_VARIABLE, seed};

/// The choices of one seed.
#[derive(Clone, Debug)]
pub struct Chance {
    seed: u64,
    numbers: fastrand::Rng,
}

/// A fault that is due at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned<T> {
    /// When it is due, from the beginning.
    pub at: Duration,
    /// What to do.
    pub fault: T,
}

impl Chance {
    /// Starts with the seed of this run.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "a seed is no default")]
    pub fn new() -> Chance {
        Chance::of(seed())
    }

    /// Starts with this seed.
    #[must_use]
    pub fn of(seed: u64) -> Chance {
        Chance { seed, numbers: fastrand::Rng::with_seed(seed) }
    }

    /// Returns the setting that repeats the choices of this run.
    #[must_use]
    pub fn seed(&self) -> String {
        format!("{SEED_VARIABLE}={}", self.seed)
    }

    /// Returns a number below `end`.
    ///
    /// # Panics
    /// When `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.numbers.u64(..end)
    }

    /// Returns a time below `end`, in microseconds.
    ///
    /// # Panics
    /// When `end` is shorter than a microsecond.
    pub fn time_below(&mut self, end: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(end.as_micros()).unwrap()))
    }

    /// Returns one of a list.
    ///
    /// # Panics
    /// When the list is empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.numbers.usize(..list.len())]
    }

    /// Plans this number of faults, each of the list equally likely, at times below `end`, the earliest first.
    ///
    /// # Panics
    /// When the list is empty.
    pub fn schedule<T: Clone>(&mut self, faults: &[T], count: usize, end: Duration) -> Vec<Planned<T>> {
        let mut planned: Vec<Planned<T>> = (0..count)
            .map(|_| Planned { at: self.time_below(end), fault: self.pick(faults).clone() })
            .collect();
        planned.sort_by_key(|one| one.at);
        planned
    }
}

/// Returns the number of rounds: `FAULTS_ROUNDS`, else `few`.
///
/// # Panics
/// When the variable is not a number.
#[must_use]
pub fn rounds(few: usize) -> usize {
    std::env::var("FAULTS_ROUNDS").map_or(few, |rounds| rounds.parse().unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_schedule() {
        let end = Duration::from_secs(1);
        let schedule = |seed| Chance::of(seed).schedule(&["kill", "cut"], 20, end);
        assert_eq!(schedule(7), schedule(7));
        assert_ne!(schedule(7), schedule(8));
        let times: Vec<Duration> = schedule(7).iter().map(|planned| planned.at).collect();
        assert!(times.is_sorted() && times.iter().all(|at| *at < end));
    }
}
