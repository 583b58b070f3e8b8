//! Where a sequence has to stand so that it issues no number twice: by its direction, its step and its bounds.
//!
//! Pure arithmetic; the positions are read and set elsewhere.

use crate::identifier::quote_pg_literal;

/// A sequence's definition and position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceState {
    /// The step; negative where it counts down.
    pub increment: i64,
    /// The lowest number.
    pub min: i64,
    /// The highest number.
    pub max: i64,
    /// Whether it begins again at the other end.
    pub is_cyclic: bool,
    /// The last number that it issued, or the first one if it has issued none.
    pub last: i64,
    /// Whether `last` was issued.
    pub is_called: bool,
}

/// What has to be done with a sequence, given the numbers in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// Nothing: its next number is past all that are in use.
    Ahead,
    /// It has to be set to this number, as issued.
    To(i64),
    /// Its bounds end before the next free number.
    NoRoom,
}

impl SequenceState {
    /// Whether it counts down.
    pub fn is_descending(&self) -> bool {
        self.increment < 0
    }

    /// The number that it issues next; none where it is used up.
    pub fn next(&self) -> Option<i64> {
        if !self.is_called {
            return Some(self.last);
        }
        let next = i128::from(self.last) + i128::from(self.increment);
        let start = if self.is_descending() { self.max } else { self.min };
        self.within(next).or(self.is_cyclic.then_some(start))
    }

    /// Decides what has to be done if `furthest` is the number in use that lies furthest in the sequence's direction.
    ///
    /// The new position keeps the sequence's steps: one that issues odd numbers continues to issue odd ones.
    pub fn advance(&self, furthest: Option<i64>) -> Advance {
        let Some(furthest) = furthest else { return Advance::Ahead };
        let is_past = |number: i128| match self.is_descending() {
            true => number < i128::from(furthest),
            false => number > i128::from(furthest),
        };
        if self.next().is_some_and(|next| is_past(next.into())) {
            return Advance::Ahead;
        }
        let (last, step) = (i128::from(self.last), i128::from(self.increment));
        if step == 0 {
            return Advance::NoRoom; // PostgreSQL has no such sequence.
        }
        // No sequence has a number beyond those of bigint. SQLite issues none either.
        let is_beyond_all = |number: i128| i64::try_from(number).is_err();
        if self.is_called && is_beyond_all(last + step) {
            return Advance::Ahead;
        }
        let distance = (i128::from(furthest) - last) * step.signum();
        let steps = if distance <= 0 { 0 } else { (distance + step.abs() - 1) / step.abs() };
        // Where the last step would leave the bounds, a position between two steps may still have room.
        let nearest = if distance < 0 { last } else { i128::from(furthest) };
        let candidates = [last + steps * step, nearest];
        let has_room =
            |position: &i128| self.within(*position).is_some() && self.within(position + step).is_some();
        if let Some(position) = candidates.iter().find(|position| has_room(position)) {
            return i64::try_from(*position).map_or(Advance::NoRoom, Advance::To);
        }
        match self.within(furthest.into()) {
            Some(position) if is_beyond_all(i128::from(furthest) + step) => Advance::To(position),
            _ => Advance::NoRoom,
        }
    }

    fn within(&self, number: i128) -> Option<i64> {
        let number = i64::try_from(number).ok()?;
        (self.min..=self.max).contains(&number).then_some(number)
    }
}

/// The statement that gives a sequence, by its name in SQL, all numbers of bigint in its direction.
pub fn widening_sql(sequence: &str, is_descending: bool) -> String {
    match is_descending {
        true => format!("ALTER SEQUENCE {sequence} AS bigint MINVALUE {};", i64::MIN),
        false => format!("ALTER SEQUENCE {sequence} AS bigint MAXVALUE {};", i64::MAX),
    }
}

/// The statement that sets a sequence, by its name in SQL, to a number that counts as issued.
pub fn setting_sql(sequence: &str, position: i64) -> String {
    format!("SELECT pg_catalog.setval({}, {position});", quote_pg_literal(sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: SequenceState =
        SequenceState { increment: 1, min: 1, max: i64::MAX, is_cyclic: false, last: 1, is_called: false };

    #[test]
    fn a_sequence_is_set_by_direction_step_and_bounds() {
        let down = SequenceState { increment: -1, min: i64::MIN, max: -1, last: -1, ..PLAIN };
        let odd = SequenceState { increment: 2, ..PLAIN };
        let small = SequenceState { max: 32767, ..PLAIN };
        for (state, furthest, expected) in [
            (PLAIN, None, Advance::Ahead),
            (PLAIN, Some(0), Advance::Ahead),
            (PLAIN, Some(1), Advance::To(1)),
            (PLAIN, Some(7), Advance::To(7)),
            (SequenceState { last: 7, is_called: true, ..PLAIN }, Some(7), Advance::Ahead),
            (SequenceState { last: 7, ..PLAIN }, Some(7), Advance::To(7)),
            (SequenceState { last: 500, is_called: true, ..PLAIN }, Some(7), Advance::Ahead),
            (down, Some(-9), Advance::To(-9)),
            (down, Some(5), Advance::Ahead),
            (SequenceState { last: -20, is_called: true, ..down }, Some(-9), Advance::Ahead),
            // Odd numbers remain odd.
            (odd, Some(8), Advance::To(9)),
            (odd, Some(9), Advance::To(9)),
            (
                SequenceState { increment: -10, min: -100, max: 0, last: 0, ..PLAIN },
                Some(-15),
                Advance::To(-20),
            ),
            (small, Some(32766), Advance::To(32766)),
            (small, Some(32767), Advance::NoRoom),
            (small, Some(40000), Advance::NoRoom),
            (SequenceState { is_cyclic: true, ..small }, Some(32767), Advance::NoRoom),
            (SequenceState { min: 1000, last: 1000, ..PLAIN }, Some(7), Advance::Ahead),
            // The last whole step ends beyond the bounds, a shorter one does not.
            (SequenceState { increment: 10, max: 100, ..PLAIN }, Some(85), Advance::To(85)),
            (PLAIN, Some(i64::MAX), Advance::To(i64::MAX)),
            (SequenceState { last: i64::MAX, is_called: true, ..PLAIN }, Some(7), Advance::Ahead),
            (SequenceState { last: 32767, is_called: true, ..small }, Some(7), Advance::NoRoom),
        ] {
            assert_eq!(state.advance(furthest), expected, "{state:?} {furthest:?}");
        }
    }

    #[test]
    fn what_is_issued_next_is_past_every_number_in_use() {
        for increment in [-7_i64, -2, -1, 1, 2, 7] {
            for last in -20_i64..20 {
                for furthest in -20_i64..20 {
                    let state = SequenceState {
                        increment,
                        min: -60,
                        max: 60,
                        is_cyclic: false,
                        last,
                        is_called: true,
                    };
                    let after = match state.advance(Some(furthest)) {
                        Advance::Ahead => state,
                        Advance::To(position) => SequenceState { last: position, ..state },
                        Advance::NoRoom => panic!("{state:?} {furthest}"),
                    };
                    let next = after.next().unwrap();
                    assert!((next - furthest) * increment.signum() > 0, "{state:?} {furthest} gave {next}");
                    assert_eq!((next - last) % increment, 0, "{state:?} {furthest} gave {next}");
                }
            }
        }
    }
}
