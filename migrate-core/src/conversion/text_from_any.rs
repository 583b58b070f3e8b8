//! Every storage class to `text`, for columns of mixed classes: TEXT as it is, INTEGER as its digits, REAL as the shortest decimal
//! that reads back as the same float, BLOB where it is UTF-8 without a NUL.
//!
//! What a value was remains to be seen only where its text tells: the integer 1, the text `1` and the blob `1` become one text. A
//! value is the same where its text is.

use std::io::Write;

pub(super) use super::text::decode;
use super::{LongForm, Output, PgType, Refusal, Spec, text};
use crate::value::SourceValue;

/// The longest text of a number: a float's 17 digits, its sign, point and exponent.
const NUMBER_LENGTH_MAX_BYTES: usize = 32;

/// The text of a number, on the stack.
pub(super) struct NumberText {
    bytes: [u8; NUMBER_LENGTH_MAX_BYTES],
    length: usize,
}

impl NumberText {
    /// The text of a number; none where the value is none.
    pub(super) fn of(value: SourceValue<'_>) -> Option<NumberText> {
        let mut number = NumberText { bytes: [0; NUMBER_LENGTH_MAX_BYTES], length: 0 };
        let mut rest = number.bytes.as_mut_slice();
        let written = match value {
            SourceValue::Integer(integer) => write!(rest, "{integer}"),
            SourceValue::Real(real) if real.is_infinite() => {
                write!(rest, "{}Infinity", if real < 0.0 { "-" } else { "" })
            }
            SourceValue::Real(real) => write!(rest, "{real:?}"),
            _ => return None,
        };
        let left = rest.len();
        written.ok()?;
        number.length = NUMBER_LENGTH_MAX_BYTES - left;
        Some(number)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

pub(super) const fn spec() -> Spec {
    Spec {
        keeps_order: false,
        long_values: LongForm::Text,
        ..Spec::new(
            PgType::Text,
            "every storage class to text: numbers as their digits, so that 1 and the text '1' become one value",
            SourceValue::Text("https://example.org/größe/17".as_bytes()),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    match value {
        SourceValue::Text(_) => text::encode(value, out),
        SourceValue::Blob(bytes) => text::encode(SourceValue::Text(bytes), out),
        _ => match NumberText::of(value) {
            Some(number) => {
                out.append(number.bytes());
                Ok(())
            }
            None => Err(Refusal::StorageClass { found: value.storage_class(), expected: "a value" }),
        },
    }
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    let SourceValue::Text(target) = target else { return false };
    match source {
        SourceValue::Text(source) | SourceValue::Blob(source) => source == target,
        _ => NumberText::of(source).is_some_and(|source| source.bytes() == target),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_comes_back(integer: i64, real in any::<f64>().prop_filter("NaN", |real| !real.is_nan())) {
            check_round_trip(&Conversion::TextFromAny, SourceValue::Integer(integer));
            check_round_trip(&Conversion::TextFromAny, SourceValue::Real(real));
            let text = NumberText::of(SourceValue::Real(real)).unwrap();
            let back: f64 = std::str::from_utf8(text.bytes()).unwrap().parse().unwrap();
            prop_assert_eq!(back.to_bits(), real.to_bits());
        }

        #[test]
        fn text_comes_back_as_blob_and_text(text in "[^\0]*") {
            check_round_trip(&Conversion::TextFromAny, SourceValue::Text(text.as_bytes()));
            check_round_trip(&Conversion::TextFromAny, SourceValue::Blob(text.as_bytes()));
        }
    }

    #[test]
    fn numbers_are_written_short() {
        for (value, expected) in [
            (SourceValue::Integer(i64::MIN), "-9223372036854775808"),
            (SourceValue::Real(1.0), "1.0"),
            (SourceValue::Real(-0.0), "-0.0"),
            (SourceValue::Real(1e20), "1e20"),
            (SourceValue::Real(f64::NEG_INFINITY), "-Infinity"),
            (SourceValue::Real(-f64::MIN_POSITIVE), "-2.2250738585072014e-308"),
        ] {
            assert_eq!(NumberText::of(value).unwrap().bytes(), expected.as_bytes());
        }
        assert!(encode(SourceValue::Blob(&[0xff]), &mut Vec::new()).is_err());
        assert!(encode(SourceValue::Text(b"a\0b"), &mut Vec::new()).is_err());
    }
}
