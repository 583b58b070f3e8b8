//! Figures of several rounds and their median, smallest and largest.

use serde::Serialize;

use super::child::Ran;
use super::usage::{MemorySample, curve};

/// One thing that is measured in each round.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Measured {
    /// The name: `floor.…`, `ours.…`, or that of another program.
    pub(crate) name: String,
    /// Seconds, one figure for each round.
    pub(crate) seconds: Vec<f64>,
    /// Processor time of its process in seconds, if it has a process of its own.
    pub(crate) processor_seconds: Vec<f64>,
    /// The peak of its process's private memory in bytes.
    pub(crate) private_bytes: Vec<u64>,
    /// The peak of its process's resident memory in bytes.
    pub(crate) peak_bytes: Vec<u64>,
    /// The private memory of its process over time, in each round; of `migrate` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) memory_curve: Vec<Vec<CurvePoint>>,
}

/// A point of a memory curve: seconds since the start, and private memory in megabytes.
pub(crate) type CurvePoint = (f64, f64);

/// All that was measured with one database, in the order in which it was first measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Figures(pub(crate) Vec<Measured>);

impl Figures {
    /// Adds a round's seconds.
    pub(crate) fn add(&mut self, name: impl Into<String>, seconds: f64) {
        self.update(&name.into(), |measured| measured.seconds.push(seconds));
    }

    /// Adds a round's figures of a process.
    pub(crate) fn add_process(&mut self, name: &str, ran: &Ran) {
        self.update(name, |measured| {
            measured.seconds.push(ran.seconds);
            measured.processor_seconds.extend(ran.usage.processor_seconds);
            measured.private_bytes.extend(ran.usage.private_bytes);
            measured.peak_bytes.extend(ran.usage.peak_bytes);
        });
    }

    /// Adds a round's memory curve.
    pub(crate) fn add_memory_curve(&mut self, name: &str, samples: &[MemorySample]) {
        let rounded = |figure: f64| (figure * 1e3).round() / 1e3;
        // Far below 2^53, so that it is exact.
        let point = |sample: MemorySample| (rounded(sample.seconds), rounded(sample.bytes as f64 / 1e6));
        let points: Vec<CurvePoint> = curve(samples).into_iter().map(point).collect();
        if !points.is_empty() {
            self.update(name, |measured| measured.memory_curve.push(points));
        }
    }

    /// Adds figures of another plan for the same file, which were measured once for both.
    pub(crate) fn share(&mut self, others: &Figures, is_shared: impl Fn(&str) -> bool) {
        self.0.extend(others.0.iter().filter(|measured| is_shared(&measured.name)).cloned());
    }

    fn update(&mut self, name: &str, change: impl FnOnce(&mut Measured)) {
        if let Some(measured) = self.0.iter_mut().find(|measured| measured.name == name) {
            change(measured);
        } else {
            let mut measured = Measured { name: name.to_owned(), ..Measured::default() };
            change(&mut measured);
            self.0.push(measured);
        }
    }

    /// The figures of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Measured> {
        self.0.iter().find(|measured| measured.name == name)
    }

    /// Removes the figures of a name, for a peer that failed in a later round.
    pub(crate) fn remove(&mut self, prefix: &str) {
        self.0.retain(|measured| !measured.name.starts_with(prefix));
    }

    /// The median of the seconds.
    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        median(&self.get(name)?.seconds)
    }

    /// The most private memory in any round, in bytes.
    pub(crate) fn private_bytes(&self, name: &str) -> Option<u64> {
        self.get(name)?.private_bytes.iter().max().copied()
    }

    /// The median of one by that of another.
    pub(crate) fn ratio(&self, above: &str, below: &str) -> Option<f64> {
        let (above, below) = (self.median(above)?, self.median(below)?);
        (below > 0.0).then(|| above / below)
    }
}

/// The figure in the middle, or the mean of the two in the middle.
pub(crate) fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (below, above) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(f64::midpoint(*below, *above))
}

/// The smallest and the largest figure.
pub(crate) fn spread(figures: &[f64]) -> Option<(f64, f64)> {
    Some((figures.iter().copied().min_by(f64::total_cmp)?, figures.iter().copied().max_by(f64::total_cmp)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::usage::Usage;

    #[test]
    fn the_median_is_in_the_middle() {
        for (figures, expected) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[3.0, 1.0], Some(2.0)),
            (&[9.0, 1.0, 2.0], Some(2.0)),
            (&[4.0, 1.0, 3.0, 2.0], Some(2.5)),
        ] {
            assert_eq!(median(figures), expected);
        }
        assert_eq!((spread(&[2.0, 1.0, 3.0]), spread(&[])), (Some((1.0, 3.0)), None));
    }

    #[test]
    fn figures_of_one_name_stand_together() {
        let ran = |seconds, bytes| Ran {
            status: std::process::ExitStatus::default(),
            seconds,
            usage: Usage { private_bytes: Some(bytes), processor_seconds: Some(0.5), ..Usage::default() },
            stdout: String::new(),
            stderr: String::new(),
        };
        let mut figures = Figures::default();
        figures.add_process("a", &ran(4.0, 7));
        figures.add("b", 2.0);
        figures.add_process("a", &ran(6.0, 5));
        figures.add_memory_curve("a", &[MemorySample { seconds: 0.5004, bytes: 7_000_400 }]);
        figures.add_memory_curve("b", &[]);
        assert_eq!(
            (figures.median("a"), figures.private_bytes("a"), figures.private_bytes("b")),
            (Some(5.0), Some(7), None)
        );
        let a = figures.get("a").unwrap();
        assert_eq!((&a.processor_seconds, &a.memory_curve), (&vec![0.5; 2], &vec![vec![(0.5, 7.0)]]));
        assert_eq!((figures.ratio("a", "b"), figures.ratio("a", "c")), (Some(2.5), None));
        let mut other = Figures::default();
        other.share(&figures, |name| name == "b");
        assert_eq!((other.median("a"), other.median("b")), (None, Some(2.0)));
        figures.remove("a");
        assert_eq!(figures.median("a"), None);
    }
}
