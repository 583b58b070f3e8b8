//! The order of keys, the same on both sides: SQLite's BINARY order, which is PostgreSQL's for numbers and `COLLATE "C"`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use migrate_core::value::SourceValue;

/// A key that outlives the row it was read from.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnedKey {
    bytes: Vec<u8>,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Null,
    Integer(i64),
    Real(f64),
    Text(usize, usize),
    Blob(usize, usize),
}

impl OwnedKey {
    /// Clears all parts and keeps the capacity.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.parts.clear();
    }

    /// Adds a part.
    pub(super) fn push(&mut self, value: SourceValue<'_>) {
        let part = match value {
            SourceValue::Null => Part::Null,
            SourceValue::Integer(integer) => Part::Integer(integer),
            SourceValue::Real(real) => Part::Real(real),
            SourceValue::Text(text) => self.push_bytes(text, Part::Text),
            SourceValue::Blob(blob) => self.push_bytes(blob, Part::Blob),
        };
        self.parts.push(part);
    }

    /// The parts as values.
    pub(super) fn values(&self) -> Vec<SourceValue<'_>> {
        (0..self.parts.len()).map(|position| self.value(position)).collect()
    }

    /// The order of two keys, part by part.
    pub(super) fn compare(&self, other: &OwnedKey) -> Ordering {
        let common = self.parts.len().min(other.parts.len());
        let mut orders =
            (0..common).map(|position| compare_values(self.value(position), other.value(position)));
        orders.find(|order| order.is_ne()).unwrap_or(self.parts.len().cmp(&other.parts.len()))
    }

    /// Whether both have the same values of the same storage classes, bit by bit.
    pub(super) fn is_identical(&self, other: &OwnedKey) -> bool {
        self.parts.len() == other.parts.len()
            && (0..self.parts.len()).all(|position| match (self.value(position), other.value(position)) {
                (SourceValue::Real(one), SourceValue::Real(other)) => one.to_bits() == other.to_bits(),
                (one, other) => one == other,
            })
    }

    /// The memory that it needs, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<OwnedKey>() + self.bytes.len() + self.parts.len() * size_of::<Part>()
    }

    fn value(&self, position: usize) -> SourceValue<'_> {
        match self.parts[position] {
            Part::Null => SourceValue::Null,
            Part::Integer(integer) => SourceValue::Integer(integer),
            Part::Real(real) => SourceValue::Real(real),
            Part::Text(from, to) => SourceValue::Text(&self.bytes[from..to]),
            Part::Blob(from, to) => SourceValue::Blob(&self.bytes[from..to]),
        }
    }

    fn push_bytes(&mut self, bytes: &[u8], part: impl FnOnce(usize, usize) -> Part) -> Part {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        part(from, self.bytes.len())
    }
}

/// Identical keys.
impl PartialEq for OwnedKey {
    fn eq(&self, other: &OwnedKey) -> bool {
        self.is_identical(other)
    }
}

impl Eq for OwnedKey {}

impl Hash for OwnedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for part in &self.parts {
            match part {
                Part::Null => 0.hash(state),
                Part::Integer(integer) => integer.hash(state),
                Part::Real(real) => real.to_bits().hash(state),
                Part::Text(from, to) | Part::Blob(from, to) => (to - from).hash(state),
            }
        }
        self.bytes.hash(state);
    }
}

/// The order of two values: numbers, text, blobs (SQLite manual, "Datatypes In SQLite", section 4.1), and then NULL, which is
/// in no key of the source that moves, and comes last in PostgreSQL.
pub(super) fn compare_values(left: SourceValue<'_>, right: SourceValue<'_>) -> Ordering {
    match (left, right) {
        (SourceValue::Integer(left), SourceValue::Integer(right)) => left.cmp(&right),
        (SourceValue::Real(left), SourceValue::Real(right)) => compare_floats(left, right),
        (SourceValue::Integer(left), SourceValue::Real(right)) => compare_mixed(left, right),
        (SourceValue::Real(left), SourceValue::Integer(right)) => compare_mixed(right, left).reverse(),
        (SourceValue::Text(left), SourceValue::Text(right))
        | (SourceValue::Blob(left), SourceValue::Blob(right)) => left.cmp(right),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn compare_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.total_cmp(&right))
}

/// The order of an integer and a float as the numbers that they are, without a cast that rounds.
fn compare_mixed(integer: i64, float: f64) -> Ordering {
    // -2^63 and 2^63: the integer part of any number between them is an i64.
    const BEGIN: f64 = -9_223_372_036_854_775_808.0;
    const END: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() || float >= END {
        return Ordering::Less;
    }
    if float < BEGIN {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    integer.cmp(&(whole as i64)).then_with(|| compare_floats(whole, float))
}

fn rank(value: SourceValue<'_>) -> u8 {
    match value {
        SourceValue::Integer(_) | SourceValue::Real(_) => 0,
        SourceValue::Text(_) => 1,
        SourceValue::Blob(_) => 2,
        SourceValue::Null => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(parts: &[SourceValue<'_>]) -> OwnedKey {
        let mut key = OwnedKey::default();
        parts.iter().for_each(|part| key.push(*part));
        key
    }

    #[test]
    fn integers_and_floats_are_ordered_as_the_numbers_that_they_are() {
        use SourceValue::{Integer, Real};
        let ordered = [
            Real(f64::NEG_INFINITY),
            Real(-1e19),
            Integer(i64::MIN),
            Integer(i64::MIN + 1),
            Real(-1.5),
            Integer(-1),
            Real(-0.5),
            Integer(0),
            Real(0.5),
            Integer(1),
            Real(9007199254740992.0),
            Integer(9007199254740993),
            Real(9007199254740994.0),
            Integer(i64::MAX),
            Real(9223372036854775808.0),
            Real(f64::INFINITY),
        ];
        for (position, &left) in ordered.iter().enumerate() {
            for (other, &right) in ordered.iter().enumerate() {
                assert_eq!(compare_values(left, right), position.cmp(&other), "{left:?} {right:?}");
            }
        }
        for (integer, float) in
            [(i64::MIN, -9223372036854775808.0), (0, -0.0), (9007199254740992, 9007199254740992.0)]
        {
            assert_eq!(compare_values(Integer(integer), Real(float)), Ordering::Equal);
            assert_eq!(compare_values(Real(float), Integer(integer)), Ordering::Equal);
        }
    }

    #[test]
    fn identical_keys_have_one_storage_class_and_all_bits() {
        use SourceValue::{Blob, Integer, Null, Real, Text};
        let different =
            [Null, Integer(1), Real(1.0), Real(0.0), Real(-0.0), Text(b"1"), Blob(b"1"), Text(b"1 ")];
        for (position, &one) in different.iter().enumerate() {
            for (place, &other) in different.iter().enumerate() {
                let keys = [key(&[Integer(7), one]), key(&[Integer(7), other])];
                assert_eq!(keys[0].is_identical(&keys[1]), position == place, "{one:?} {other:?}");
            }
        }
        assert!(!key(&[Integer(1)]).is_identical(&key(&[Integer(1), Null])));
    }

    #[test]
    fn keys_are_ordered_part_by_part_and_byte_by_byte() {
        use SourceValue::{Integer, Text};
        let ordered = [
            key(&[Integer(-1), Text(b"z")]),
            key(&[Integer(1), Text(b"")]),
            key(&[Integer(1), Text(b"A")]),
            key(&[Integer(1), Text(b"a")]),
            key(&[Integer(1), Text("é".as_bytes())]),
            key(&[Integer(2), Text(b"")]),
        ];
        for (left, right) in ordered.iter().zip(&ordered[1..]) {
            assert_eq!(left.compare(right), Ordering::Less);
            assert_eq!(right.compare(left), Ordering::Greater);
            assert_eq!(left.compare(left), Ordering::Equal);
        }
    }
}
