//! Repeatable choices: a seed makes the same database on every machine.

/// The choices of one seed.
pub struct Prng(fixtures::prng::Prng);

impl Prng {
    pub fn new(seed: u64) -> Prng {
        Prng(fixtures::prng::Prng::new(seed))
    }

    /// Returns the next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// Returns a number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Returns true once in `n` draws.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Returns an item of the list, which is not empty.
    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len() as u64) as usize]
    }
}
