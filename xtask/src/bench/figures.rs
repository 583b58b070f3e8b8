//! Figures of several rounds and their median, smallest and largest.

use serde::Serialize;

/// One thing that is measured in each round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Measured {
    /// The name: `floor.…`, `ours.…`, or that of a peer.
    pub(crate) name: String,
    /// Seconds, one figure for each round.
    pub(crate) seconds: Vec<f64>,
    /// The peak memory of its process in bytes, if it has a process of its own.
    pub(crate) peak_bytes: Vec<u64>,
}

/// All that was measured with one database, in the order in which it was first measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Figures(pub(crate) Vec<Measured>);

impl Figures {
    /// Adds a round's figure.
    pub(crate) fn add(&mut self, name: impl Into<String>, seconds: f64, peak_bytes: Option<u64>) {
        let name = name.into();
        let at = self.0.iter().position(|measured| measured.name == name).unwrap_or_else(|| {
            self.0.push(Measured { name, seconds: Vec::new(), peak_bytes: Vec::new() });
            self.0.len() - 1
        });
        if let Some(measured) = self.0.get_mut(at) {
            measured.seconds.push(seconds);
            measured.peak_bytes.extend(peak_bytes);
        }
    }

    /// Removes the figures of a name, for a peer that failed in a later round.
    pub(crate) fn remove(&mut self, prefix: &str) {
        self.0.retain(|measured| !measured.name.starts_with(prefix));
    }

    /// The median of the seconds.
    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        median(&self.0.iter().find(|measured| measured.name == name)?.seconds)
    }

    /// The most memory in any round, in bytes.
    pub(crate) fn peak_bytes(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|measured| measured.name == name)?.peak_bytes.iter().max().copied()
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
        let mut figures = Figures::default();
        for (name, seconds, peak) in [("a", 4.0, Some(7)), ("b", 2.0, None), ("a", 6.0, Some(5))] {
            figures.add(name, seconds, peak);
        }
        assert_eq!(
            (figures.median("a"), figures.peak_bytes("a"), figures.peak_bytes("b")),
            (Some(5.0), Some(7), None)
        );
        assert_eq!((figures.ratio("a", "b"), figures.ratio("a", "c")), (Some(2.5), None));
        figures.remove("a");
        assert_eq!(figures.median("a"), None);
    }
}
