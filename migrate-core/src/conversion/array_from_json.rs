//! TEXT that is a JSON array to an array of PostgreSQL, of one dimension: strings to `text[]` and `uuid[]`, numbers to arrays of numbers,
//! `true` and `false` to `boolean[]`; `null` is NULL. Anything nested, and an element that its type would change, is refused.
//!
//! Two texts are the same when their elements are: spacing, escapes and the digits of a number (`1e2`, `100`) are not kept.

use super::json_document::{self, Element};
use super::{LongForm, Output, PgType, Refusal, Spec, Undecodable, text, uuid, uuid_from_any};
use crate::value::SourceValue;

/// The type of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Text,
    Smallint,
    Integer,
    Bigint,
    Boolean,
    DoublePrecision,
    Numeric,
    Uuid,
}

/// The length of an array's header, with one dimension.
const HEADER_BYTES: usize = 20;

/// The length of an array that has no element: no dimensions.
const EMPTY_BYTES: usize = 12;

pub(super) const fn spec(of: Of) -> Spec {
    let (target_type, description, example): (_, _, &[u8]) = match of {
        Of::Text => {
            (PgType::TextArray, "TEXT holding a JSON array of strings to text[]", br#"["a", "b\n", null]"#)
        }
        Of::Smallint => {
            (PgType::SmallintArray, "TEXT holding a JSON array of integers to smallint[]", b"[1, -2, null]")
        }
        Of::Integer => {
            (PgType::IntegerArray, "TEXT holding a JSON array of integers to integer[]", b"[1, -2, null]")
        }
        Of::Bigint => (
            PgType::BigintArray,
            "TEXT holding a JSON array of integers to bigint[]",
            b"[1, 9007199254740993]",
        ),
        Of::Boolean => (
            PgType::BooleanArray,
            "TEXT holding a JSON array of true and false to boolean[]",
            b"[true, false]",
        ),
        Of::DoublePrecision => (
            PgType::DoublePrecisionArray,
            "TEXT holding a JSON array of numbers that are exact as floats to double precision[]",
            b"[0.1, -2, 1e300]",
        ),
        Of::Numeric => {
            (PgType::NumericArray, "TEXT holding a JSON array of plain decimals to numeric[]", b"[1.50, -2]")
        }
        Of::Uuid => (
            PgType::UuidArray,
            "TEXT holding a JSON array of UUIDs to uuid[]",
            br#"["0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081"]"#,
        ),
    };
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some("the spacing and escapes of a JSON array are not kept, its elements are"),
        long_values: LongForm::Document,
        ..Spec::new(target_type, description, SourceValue::Text(example))
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output, of: Of) -> Result<(), Refusal> {
    let (mut elements, mut count, mut has_null) = (Vec::new(), 0_i32, 0_i32);
    json_document::each_element(text::checked(value)?, &mut |element| {
        count += 1;
        if element == Element::Null {
            has_null = 1;
            elements.extend_from_slice(&(-1_i32).to_be_bytes());
            return Ok(());
        }
        let length_at = elements.len();
        elements.extend_from_slice(&[0; 4]);
        of.append(element, &mut elements)?;
        let length = i32::try_from(elements.len() - length_at - 4).unwrap_or(i32::MAX);
        if let Some(place) = elements.get_mut(length_at..length_at + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    })?;
    text::check_length(&elements)?;
    out.append(&i32::from(count > 0).to_be_bytes());
    out.append(&has_null.to_be_bytes());
    out.append(&of.oid().to_be_bytes());
    if count > 0 {
        out.append(&count.to_be_bytes());
        out.append(&1_i32.to_be_bytes());
        out.append(&elements);
    }
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    of: Of,
) -> Result<SourceValue<'a>, Undecodable> {
    let elements = elements(wire)?;
    scratch.clear();
    scratch.push(b'[');
    for (place, element) in elements.iter().enumerate() {
        if place > 0 {
            scratch.push(b',');
        }
        match element {
            None => scratch.extend_from_slice(b"null"),
            Some(bytes) => of.write(bytes, scratch)?,
        }
    }
    scratch.push(b']');
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, of: Of) -> bool {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    encode(source, &mut left, of).is_ok() && encode(target, &mut right, of).is_ok() && left == right
}

/// The elements of an array of one dimension that counts from 1, in PostgreSQL's binary format (`array_send`); none for NULL.
pub(super) fn elements(wire: &[u8]) -> Result<Vec<Option<&[u8]>>, Undecodable> {
    let strange = Undecodable::NoSourceValue {
        what: "an array of several dimensions, or one that does not count from 1",
    };
    let number = |at: usize| {
        let bytes = wire.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(i32::from_be_bytes).ok_or(Undecodable::Length {
            target: "an array",
            expected: "more",
            found_bytes: wire.len(),
        })
    };
    match number(0)? {
        0 if wire.len() == EMPTY_BYTES => return Ok(Vec::new()),
        1 if number(16)? == 1 => {}
        _ => return Err(strange),
    }
    let (count, mut at, mut found) = (number(12)?, HEADER_BYTES, Vec::new());
    while at < wire.len() {
        let length = number(at)?;
        at += 4;
        match usize::try_from(length) {
            Err(_) => found.push(None),
            Ok(length) => {
                let end = at.saturating_add(length);
                let bytes = wire.get(at..end).ok_or(Undecodable::Length {
                    target: "an array",
                    expected: "more",
                    found_bytes: wire.len(),
                })?;
                found.push(Some(bytes));
                at = end;
            }
        }
    }
    if i32::try_from(found.len()) == Ok(count) { Ok(found) } else { Err(strange) }
}

impl Of {
    /// The type's OID (PostgreSQL's `pg_type.dat`).
    fn oid(self) -> u32 {
        match self {
            Of::Text => 25,
            Of::Smallint => 21,
            Of::Integer => 23,
            Of::Bigint => 20,
            Of::Boolean => 16,
            Of::DoublePrecision => 701,
            Of::Numeric => 1700,
            Of::Uuid => 2950,
        }
    }

    /// Appends an element in the type's binary format.
    fn append(self, element: Element<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let refused = Refusal::Form { expected: self.expected() };
        let integer = |digits: &str| digits.parse::<i64>().map_err(|_| refused.clone());
        match (self, element) {
            (Of::Text, Element::Text(text)) => text::encode(SourceValue::Text(text.as_bytes()), out),
            (Of::Uuid, Element::Text(text)) => {
                let bytes = uuid_from_any::bytes(SourceValue::Text(text.as_bytes())).map_err(|_| refused)?;
                out.extend_from_slice(&bytes);
                Ok(())
            }
            (Of::Boolean, Element::Boolean(is_true)) => {
                out.push(is_true.into());
                Ok(())
            }
            (Of::Smallint, Element::Number(digits)) => {
                super::smallint::encode(SourceValue::Integer(integer(digits)?), out)
            }
            (Of::Integer, Element::Number(digits)) => {
                super::integer::encode(SourceValue::Integer(integer(digits)?), out)
            }
            (Of::Bigint, Element::Number(digits)) => {
                super::bigint::encode(SourceValue::Integer(integer(digits)?), out)
            }
            (Of::Numeric, Element::Number(digits)) => {
                super::numeric::encode(SourceValue::Text(digits.as_bytes()), out)
            }
            (Of::DoublePrecision, Element::Number(digits)) => {
                let float =
                    digits.parse::<f64>().ok().filter(|float| is_exact(digits, *float)).ok_or(refused)?;
                out.extend_from_slice(&float.to_bits().to_be_bytes());
                Ok(())
            }
            _ => Err(refused),
        }
    }

    /// Writes an element of PostgreSQL's as JSON.
    fn write(self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Undecodable> {
        let mut scratch = Vec::new();
        let value = match self {
            Of::Text => SourceValue::Text(bytes),
            Of::Smallint => super::smallint::decode(bytes, &mut scratch)?,
            Of::Integer => super::integer::decode(bytes, &mut scratch)?,
            Of::Bigint => super::bigint::decode(bytes, &mut scratch)?,
            Of::DoublePrecision => super::double_precision::decode(bytes, &mut scratch)?,
            Of::Numeric => super::numeric::decode(bytes, &mut scratch)?,
            Of::Uuid => uuid::decode(bytes, &mut scratch, uuid::Letters::Lowercase)?,
            Of::Boolean => {
                let is_true = super::boolean::decode(bytes, &mut scratch)? == SourceValue::Integer(1);
                out.extend_from_slice(if is_true { b"true" } else { b"false" });
                return Ok(());
            }
        };
        match value {
            SourceValue::Text(text) if matches!(self, Of::Text | Of::Uuid) => {
                json_document::write_string(text, out)
            }
            SourceValue::Text(digits) => out.extend_from_slice(digits),
            SourceValue::Integer(integer) => out.extend_from_slice(integer.to_string().as_bytes()),
            SourceValue::Real(real) if real.is_finite() => {
                out.extend_from_slice(format!("{real:e}").as_bytes())
            }
            _ => return Err(Undecodable::NoSourceValue { what: "a number that JSON does not have" }),
        }
        Ok(())
    }

    fn expected(self) -> &'static str {
        match self {
            Of::Text => "a JSON array of strings",
            Of::Smallint | Of::Integer | Of::Bigint => "a JSON array of integers",
            Of::Boolean => "a JSON array of true and false",
            Of::DoublePrecision => "a JSON array of numbers that a float holds exactly",
            Of::Numeric => "a JSON array of plain decimals",
            Of::Uuid => "a JSON array of UUIDs",
        }
    }
}

/// Whether `digits` are the shortest decimal of a float that was read from them, or, of 17 digits, one of several that are as short.
fn is_exact(digits: &str, float: f64) -> bool {
    const DIGITS_MAX: usize = 17;
    let (given, shortest) = (significant(digits), significant(&format!("{float:e}")));
    let is_as_short = given.1.len() == DIGITS_MAX && shortest.1.len() == DIGITS_MAX;
    float.is_finite() && (given == shortest || is_as_short)
}

/// A JSON number as its sign, its digits from the first to the last that is not 0, and the power of ten of the last one.
fn significant(number: &str) -> (bool, String, i64) {
    let (is_negative, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let kept = digits.trim_start_matches('0').trim_end_matches('0');
    if kept.is_empty() {
        return (is_negative, String::new(), 0);
    }
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let exponent = exponent.parse::<i64>().unwrap_or(i64::MAX / 2);
    (is_negative, kept.to_owned(), exponent - fraction.len() as i64 + zeros as i64)
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    fn taken(of: Of, text: &str) -> bool {
        encode(SourceValue::Text(text.as_bytes()), &mut Vec::new(), of).is_ok()
    }

    proptest! {
        #[test]
        fn arrays_come_back(
            texts in prop::collection::vec(prop::option::of("[^\0]{0,9}"), 0..5),
            integers in prop::collection::vec(prop::option::of(any::<i64>()), 0..5),
            floats in prop::collection::vec(any::<f64>().prop_filter("finite", |float| float.is_finite()), 0..5),
            uuids in prop::collection::vec("[0-9a-fA-F]{32}", 0..3),
            flags in prop::collection::vec(prop::option::of(any::<bool>()), 0..5),
        ) {
            for (conversion, document) in [
                (Conversion::TextArrayFromJson, serde_json::to_string(&texts)),
                (Conversion::BigintArrayFromJson, serde_json::to_string(&integers)),
                (Conversion::NumericArrayFromJson, serde_json::to_string(&integers)),
                (Conversion::DoublePrecisionArrayFromJson, serde_json::to_string(&floats)),
                (Conversion::UuidArrayFromJson, serde_json::to_string(&uuids)),
                (Conversion::BooleanArrayFromJson, serde_json::to_string(&flags)),
            ] {
                check_round_trip(&conversion, SourceValue::Text(document.unwrap().as_bytes()));
            }
        }

        #[test]
        fn any_bytes_are_decoded_without_harm(wire: Vec<u8>, count in 0_i32..4) {
            let header = [1, 0, 25, count, 1].map(i32::to_be_bytes).concat();
            for of in [Of::Text, Of::Integer, Of::Numeric, Of::Uuid, Of::Boolean] {
                let _ = decode(&wire, &mut Vec::new(), of);
                let _ = decode(&[header.clone(), wire.clone()].concat(), &mut Vec::new(), of);
            }
        }
    }

    #[test]
    fn elements_of_another_kind_are_refused() {
        for (of, good, bad) in [
            (Of::Text, r#"[ "a" , "\u00e9", null ]"#, r#"["a", 1]"#),
            (Of::Smallint, "[32767]", "[32768]"),
            (Of::Integer, "[-2147483648]", "[1.0]"),
            (Of::Bigint, "[9223372036854775807]", "[9223372036854775808]"),
            (Of::Boolean, "[true,false,null]", "[1]"),
            (Of::DoublePrecision, "[2061415125783253.3]", "[0.10000000000000001]"),
            (Of::DoublePrecision, "[0.1, 1e2, 100, 0.10, -0.0]", "[0.1234567890123456789]"),
            (Of::DoublePrecision, "[1e300]", "[1e400]"),
            (Of::Numeric, "[0.1234567890123456789]", "[1e2]"),
            (Of::Uuid, r#"["0190D3A45f3e7c1a9b2d3c4d5e6f7081"]"#, r#"["a"]"#),
            (Of::Text, "[]", "{}"),
            (Of::Text, "[]", "[[]]"),
            (Of::Text, "[]", r#"["\u0000"]"#),
            (Of::Text, "[]", "null"),
            (Of::Text, "[]", ""),
            (Of::Text, "[]", r#""a""#),
        ] {
            assert!(taken(of, good), "{good}");
            assert!(!taken(of, bad), "{bad}");
        }
    }

    #[test]
    fn what_differs_is_a_difference() {
        let same = |of, left: &str, right: &str| {
            same(SourceValue::Text(left.as_bytes()), SourceValue::Text(right.as_bytes()), of)
        };
        assert!(same(Of::Text, r#"["\u0061"]"#, r#"[ "a" ]"#));
        assert!(same(Of::DoublePrecision, "[100]", "[1e2]"));
        for (of, left, right) in [
            (Of::Text, "[]", "[null]"),
            (Of::Text, r#"["a","b"]"#, r#"["b","a"]"#),
            (Of::Numeric, "[1.0]", "[1.00]"),
            (Of::DoublePrecision, "[0.0]", "[-0.0]"),
        ] {
            assert!(!same(of, left, right), "{left} {right}");
        }
    }
}
