//! Measures progress: what is done, the recent rate, and the time left. The caller provides the clock: times are relative to any fixed
//! moment.

use std::collections::VecDeque;
use std::time::Duration;

/// Over how much of the past a rate is taken.
const WINDOW: Duration = Duration::from_secs(10);

/// The shortest time from which a rate is computed.
const RATE_AFTER: Duration = Duration::from_secs(1);

/// The interval between two samples.
const SAMPLE_EVERY: Duration = Duration::from_millis(200);

/// The progress of an activity.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    /// The completed amount.
    pub(super) done: u64,
    /// The total; none if it was not counted.
    pub(super) all: Option<u64>,
    /// Completed amounts at earlier times, the oldest first.
    samples: VecDeque<(Duration, u64)>,
}

impl Meter {
    /// A meter of which some is done already, which counts for no rate.
    pub(super) fn new(done: u64, all: Option<u64>, now: Duration) -> Meter {
        Meter { done, all, samples: VecDeque::from([(now, done)]) }
    }

    /// So much more is done.
    pub(super) fn add(&mut self, more: u64) {
        self.done = self.done.saturating_add(more);
    }

    /// So much was done in vain.
    pub(super) fn take_back(&mut self, lost: u64) {
        self.done = self.done.saturating_sub(lost);
    }

    /// Records the current amount.
    pub(super) fn sample(&mut self, now: Duration) {
        if self.samples.back().is_none_or(|(then, _)| now.saturating_sub(*then) >= SAMPLE_EVERY) {
            self.samples.push_back((now, self.done));
        }
        // The oldest that is kept is the last one outside of the window, so that a rate covers all of it.
        while self.samples.get(1).is_some_and(|(then, _)| now.saturating_sub(*then) >= WINDOW) {
            self.samples.pop_front();
        }
    }

    /// The recent rate for each second; none while too little is known.
    pub(super) fn rate(&self, now: Duration) -> Option<f64> {
        let (then, before) = *self.samples.front()?;
        let took = now.saturating_sub(then);
        let more = self.done.checked_sub(before).filter(|more| *more > 0)?;
        (took >= RATE_AFTER).then(|| more as f64 / took.as_secs_f64())
    }

    /// The seconds that are left at that rate; none where either is not known, or nothing is left.
    pub(super) fn seconds_left(&self, now: Duration) -> Option<f64> {
        let left = self.all?.checked_sub(self.done).filter(|left| *left > 0)?;
        Some(left as f64 / self.rate(now)?)
    }

    /// The share that is done, from 0 to 1; none if the total was not counted.
    pub(super) fn share(&self) -> Option<f64> {
        match self.all? {
            0 => None,
            all => Some((self.done as f64 / all as f64).min(1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_rate_is_of_the_last_seconds_and_comes_only_with_something_to_go_on() {
        let mut meter = Meter::new(1_000, Some(101_000), at(0));
        assert_eq!(
            (meter.rate(at(5_000)), meter.seconds_left(at(5_000))),
            (None, None),
            "nothing is done yet"
        );
        meter.add(500);
        assert_eq!(meter.rate(at(999)), None, "too early to tell");
        assert_eq!(meter.rate(at(1_000)), Some(500.0), "what was done before counts for nothing");
        assert_eq!(meter.seconds_left(at(1_000)), Some(199.0));
        // Twenty seconds at 100, then twenty at 1,000: the first are forgotten.
        let mut meter = Meter::new(0, Some(100_000), at(0));
        for second in 1..=40 {
            meter.add(if second <= 20 { 100 } else { 1_000 });
            meter.sample(at(second * 1_000));
        }
        assert_eq!(meter.rate(at(40_000)), Some(1_000.0));
        assert_eq!(meter.seconds_left(at(40_000)), Some(78.0));
        // It stalls: the rate falls, and then there is none.
        meter.sample(at(45_000));
        assert!(meter.rate(at(45_000)).unwrap() < 1_000.0);
        (46..=60).for_each(|second| meter.sample(at(second * 1_000)));
        assert_eq!((meter.rate(at(60_000)), meter.seconds_left(at(60_000))), (None, None));
    }

    #[test]
    fn what_was_sent_in_vain_is_taken_back() {
        let mut meter = Meter::new(0, Some(1_000), at(0));
        meter.add(600);
        meter.sample(at(1_000));
        meter.take_back(600);
        assert_eq!((meter.done, meter.rate(at(2_000)), meter.share()), (0, None, Some(0.0)));
        meter.take_back(1);
        assert_eq!(meter.done, 0);
    }

    #[test]
    fn without_a_count_there_is_neither_share_nor_time() {
        let mut meter = Meter::new(0, None, at(0));
        meter.add(10);
        assert_eq!((meter.share(), meter.seconds_left(at(2_000))), (None, None));
        assert_eq!(meter.rate(at(2_000)), Some(5.0));
        // Rows may be larger than they were counted: no share is above one.
        let mut meter = Meter::new(0, Some(10), at(0));
        meter.add(11);
        assert_eq!((meter.share(), meter.seconds_left(at(2_000))), (Some(1.0), None));
    }

    #[test]
    fn it_keeps_few_samples_however_often_it_is_looked_at() {
        let mut meter = Meter::new(0, None, at(0));
        (0..1_000_000).for_each(|millisecond| meter.sample(at(millisecond)));
        assert!(meter.samples.len() <= 53, "{}", meter.samples.len());
    }
}
