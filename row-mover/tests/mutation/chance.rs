//! Repeatable choices: the same seed makes the same ones on every machine.

use fixtures::prng::Prng;

/// The choices of one seed.
#[derive(Clone, Debug)]
pub struct Chance(Prng);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(Prng::new(seed))
    }

    /// Returns a number below `end`, or 0 where that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.below(u64::try_from(end).unwrap())).unwrap()
    }

    /// Returns an item of the list, or nothing of an empty one.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }
}
