//! When a user's operations are due. With think time they are due whether or not the database keeps up, so that a slow answer delays the
//! next operation and the delay is measured (no coordinated omission).

use std::time::{Duration, Instant};

use fixtures::prng::Prng;

/// Whether users pause between operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Pacing {
    /// The next operation begins when the last one has ended.
    NoThinkTime,
    /// Operations are due at random moments, independently of each other (exponential gaps).
    ThinkTime,
}

impl Pacing {
    /// Both.
    pub(crate) const ALL: [Pacing; 2] = [Pacing::NoThinkTime, Pacing::ThinkTime];

    /// Its name for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Pacing::NoThinkTime => "no_think_time",
            Pacing::ThinkTime => "think_time",
        }
    }

    /// Its name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Pacing::NoThinkTime => "no think time",
            Pacing::ThinkTime => "think time",
        }
    }
}

/// A gap of an exponential distribution with this mean. At most 40 times the mean, which is once in 10^17 draws.
pub(crate) fn exponential_gap(prng: &mut Prng, mean: Duration) -> Duration {
    // 53 random bits make a number in (0, 1]: its logarithm is finite.
    let uniform = ((prng.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    mean.mul_f64(-uniform.ln())
}

/// The window of a measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// When all users begin.
    pub(crate) begins: Instant,
    /// When the warm-up ends: what is due earlier is not counted.
    pub(crate) counts_from: Instant,
    /// When nothing begins any more.
    pub(crate) ends: Instant,
}

impl Window {
    /// Counted seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.ends.duration_since(self.counts_from).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_have_their_mean_and_repeat_with_their_seed() {
        let mean = Duration::from_millis(500);
        let draw = |seed| {
            let mut prng = Prng::new(seed);
            (0..20_000).map(|_| exponential_gap(&mut prng, mean).as_secs_f64()).collect::<Vec<_>>()
        };
        let gaps = draw(7);
        let average = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((0.48..0.52).contains(&average), "{average}");
        // Of an exponential distribution, 63 % are below the mean.
        let below = gaps.iter().filter(|gap| **gap < 0.5).count();
        assert!((12_300..13_000).contains(&below), "{below}");
        assert_eq!(gaps, draw(7));
        assert_ne!(gaps, draw(8));
    }
}
