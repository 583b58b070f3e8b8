//! Splits many statements into transactions, each with as many as its share of the server's lock table allows.
//!
//! PostgreSQL keeps the locks of all sessions in one table of a fixed size (manual, section 20.12, `max_locks_per_transaction`). A
//! transaction that creates, changes or drops thousands of tables keeps the locks of all of them until it ends.

/// Number of locks in the server's table that one transaction of ours can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockShare(usize);

impl LockShare {
    /// One transaction uses this fraction of the lock table: the rest is for other sessions, several of ours among them.
    const PART: usize = 8;

    /// Even the smallest server has room for these.
    const LOCKS_MIN: usize = 8;

    /// The share of a lock table with room for this many locks.
    pub fn of_table(slots: usize) -> LockShare {
        LockShare((slots / Self::PART).max(Self::LOCKS_MIN))
    }

    /// The number of locks.
    pub fn locks(self) -> usize {
        self.0
    }

    /// The share to try next where a transaction of this size found the table full.
    #[must_use]
    pub fn halved(self) -> LockShare {
        LockShare((self.0 / 2).max(1))
    }
}

/// Returns the end of the batch that begins at `from`: after as many items as fit into the share, and at least one.
pub fn end_of_batch(locks: &[usize], from: usize, share: LockShare) -> usize {
    debug_assert!(from < locks.len(), "a batch begins at {from} of {}", locks.len());
    let (mut end, mut sum) = (from, 0);
    for &locks in locks.get(from..).unwrap_or_default() {
        sum += locks;
        if end > from && sum > share.locks() {
            break;
        }
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_what_fits_and_at_least_one() {
        let share = LockShare::of_table(80);
        assert_eq!(share.locks(), 10);
        let locks = [4, 4, 4, 30, 1, 1];
        let (mut from, mut ends) = (0, Vec::new());
        while from < locks.len() {
            from = end_of_batch(&locks, from, share);
            ends.push(from);
        }
        assert_eq!(ends, [2, 3, 4, 6]);
    }

    #[test]
    fn a_share_halves_down_to_one_item() {
        let mut share = LockShare::of_table(6_400);
        assert_eq!(share.locks(), 800);
        for _ in 0..20 {
            share = share.halved();
        }
        assert_eq!(share.locks(), 1);
        assert_eq!(end_of_batch(&[5, 5], 0, share), 1);
    }
}
