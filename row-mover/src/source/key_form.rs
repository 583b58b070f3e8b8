//! The key of a row in a form that can be compared byte by byte.
//!
//! Two keys of the same form are equal for SQLite by the collation BINARY, whatever affinities apply. The reverse does not hold: an
//! affinity may make a text equal to a number (SQLite manual, "Datatypes", section 4.2).

use migrate_core::value::SourceValue;

use super::rows::{SourceRow, Value, Values};

/// Longer keys are not held: no index of PostgreSQL accepts many times as much.
const KEY_BYTES_MAX: usize = 1 << 13;

/// The key of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// A part of it is NULL.
    Null,
    /// A single integer.
    Integer(i64),
    /// The form of any other key.
    Form(&'a [u8]),
    /// It has no form: it is too long, or SQLite cannot compute it.
    Unknown,
}

/// Reads keys from the columns at these positions.
#[derive(Debug)]
pub(super) struct KeyReader {
    positions: Vec<usize>,
    form: Vec<u8>,
}

impl KeyReader {
    pub(super) fn new(positions: Vec<usize>) -> KeyReader {
        KeyReader { positions, form: Vec::new() }
    }

    /// The key of a row.
    ///
    /// # Errors
    /// When a value cannot be read.
    pub(super) fn read(&mut self, row: &SourceRow<'_>) -> rusqlite::Result<Key<'_>> {
        self.form.clear();
        let is_single = self.positions.len() == 1;
        let mut is_known = true;
        for &position in &self.positions {
            let Value::Held(value) = row.value(position)? else {
                is_known = false;
                continue;
            };
            match (value, integer(value)) {
                (SourceValue::Null, _) => return Ok(Key::Null),
                (_, Some(integer)) if is_single => return Ok(Key::Integer(integer)),
                _ => is_known &= append_form(value, &mut self.form),
            }
        }
        Ok(if is_known { Key::Form(&self.form) } else { Key::Unknown })
    }
}

/// The integer that a value is equal to: itself, or a real number without a fraction. SQLite compares both by their values (SQLite manual,
/// "Datatypes", section 4.1).
fn integer(value: SourceValue<'_>) -> Option<i64> {
    /// 2^63: all smaller real numbers without a fraction are integers of 64 bits.
    const END: f64 = 9_223_372_036_854_775_808.0;
    match value {
        SourceValue::Integer(integer) => Some(integer),
        SourceValue::Real(real) if real.trunc() == real && (-END..END).contains(&real) =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is in range")]
            Some(real as i64)
        }
        _ => None,
    }
}

/// Appends the form of a value: its storage class, its length where that varies, and its bytes. Forms in a row can be told apart. Returns
/// false if the form becomes too long.
pub(super) fn append_form(value: SourceValue<'_>, form: &mut Vec<u8>) -> bool {
    let (class, bytes) = match (integer(value), value) {
        (Some(integer), _) => {
            form.push(0);
            form.extend_from_slice(&integer.to_le_bytes());
            return true;
        }
        (None, SourceValue::Real(real)) => {
            form.push(1);
            form.extend_from_slice(&real.to_bits().to_le_bytes());
            return true;
        }
        (None, SourceValue::Text(text)) => (2, text),
        (None, SourceValue::Blob(blob)) => (3, blob),
        (None, SourceValue::Null | SourceValue::Integer(_)) => return false,
    };
    if form.len() + bytes.len() + 3 > KEY_BYTES_MAX {
        return false;
    }
    let Ok(length) = u16::try_from(bytes.len()) else { return false };
    form.push(class);
    form.extend_from_slice(&length.to_le_bytes());
    form.extend_from_slice(bytes);
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn forms_are_equal_only_for_equal_keys() {
        let form = |values: &[SourceValue<'_>]| {
            let mut form = Vec::new();
            values.iter().all(|value| append_form(*value, &mut form)).then_some(form)
        };
        let text = |text: &'static str| SourceValue::Text(text.as_bytes());
        let keys = [
            vec![SourceValue::Integer(1), text("a")],
            vec![text("1"), text("a")],
            vec![SourceValue::Blob(b"1"), text("a")],
            vec![text(""), text("1a")],
            vec![text("1a"), text("")],
            vec![SourceValue::Real(1.5), text("a")],
            vec![SourceValue::Integer(1), text("a"), text("")],
        ];
        let forms: BTreeSet<_> = keys.iter().map(|key| form(key)).collect();
        assert_eq!(forms.len(), keys.len());
        // SQLite compares numbers by their values.
        assert_eq!(form(&[SourceValue::Real(1.0), text("a")]), form(&keys[0]));
        for (real, expected) in [
            (-0.0, Some(0)),
            (2_f64.powi(53), Some(1 << 53)),
            (-2_f64.powi(63), Some(i64::MIN)),
            (2_f64.powi(63), None),
            (f64::INFINITY, None),
            (0.5, None),
        ] {
            assert_eq!(integer(SourceValue::Real(real)), expected, "{real}");
        }
        assert_eq!(form(&[SourceValue::Blob(&[0; KEY_BYTES_MAX])]), None);
    }
}
