//! How a property of sequences is tried: the number of cases, the seed, shortening, and what a failure prints.

use std::sync::OnceLock;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::generate::sequences;
use crate::operation::Operation;

/// The number of cases in an ordinary run.
const CASES: usize = 60;

/// Returns the number of cases: `MODEL_CASES`, else an ordinary one.
fn cases() -> usize {
    std::env::var("MODEL_CASES").map_or(CASES, |cases| cases.parse().unwrap())
}

/// Returns the sequences of this run, which follow from its seed.
pub fn all_sequences() -> &'static [Vec<Operation>] {
    static ALL: OnceLock<Vec<Vec<Operation>>> = OnceLock::new();
    ALL.get_or_init(|| {
        let rng_seed = RngSeed::Fixed(test_database::seed());
        let mut runner = TestRunner::new(Config { rng_seed, ..Config::default() });
        (0..cases()).map(|_| sequences().new_tree(&mut runner).unwrap().current()).collect()
    })
}

/// A sequence for which a property does not hold.
pub struct Failing {
    pub operations: Vec<Operation>,
    pub reason: String,
}

impl Failing {
    /// Returns how to repeat it, the operations, and what happened.
    pub fn text(&self) -> String {
        let lines = self.operations.iter().enumerate();
        let lines: Vec<_> =
            lines.map(|(index, operation)| format!("{:>4} {operation:?}", index + 1)).collect();
        format!("{}, shortened to:\n{}\n{}", seed(), lines.join("\n"), self.reason)
    }
}

/// Returns the setting that repeats the choices of this run.
pub fn seed() -> String {
    format!("{}={}", test_database::SEED_VARIABLE, test_database::seed())
}

/// Returns a failing sequence without the operations that the failure does not need, or nothing if the property holds.
///
/// Tries without parts of half its length, then of a quarter and so on. (proptest shortens by one operation at a time, and alters values:
/// hundreds of attempts, each of which fills two databases.)
pub fn shortest_failure(
    operations: &[Operation],
    mut property: impl FnMut(&[Operation]) -> Result<(), String>,
) -> Option<Failing> {
    let reason = property(operations).err()?;
    let mut failing = Failing { operations: operations.to_vec(), reason };
    let mut part = failing.operations.len().div_ceil(2);
    loop {
        let mut start = 0;
        let before = failing.operations.len();
        while start < failing.operations.len() {
            let end = (start + part).min(failing.operations.len());
            let mut shorter = failing.operations.clone();
            shorter.drain(start..end);
            match property(&shorter) {
                Err(reason) => failing = Failing { operations: shorter, reason },
                Ok(()) => start = end,
            }
        }
        if part == 1 && failing.operations.len() == before {
            return Some(failing);
        }
        part = part.div_ceil(2).min(failing.operations.len().max(1));
    }
}
