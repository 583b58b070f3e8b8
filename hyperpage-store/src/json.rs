//! JSON documents as the app has them: numbers are those of JavaScript, whichever database wrote their digits.

use serde_json::{Number, Value};

/// Parses a document; returns nothing for text that is not JSON, for numbers beyond those of JavaScript, and for documents that are
/// nested deeper than [`DEPTH_MAX`].
pub(crate) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().map(canonical)
}

/// How deep a document may be nested: as deep as `serde_json` reads.
pub(crate) const DEPTH_MAX: usize = 127;

/// Returns the document with each number in one form: an integer as such, whether it was written as `1`, `1.0` or `1e0`.
///
/// PostgreSQL prints 1e16 with all digits, and JavaScript knows no difference. Documents are compared in this form, and every document
/// that a [`crate::Store`] returns has it.
#[must_use]
pub fn canonical(document: Value) -> Value {
    match document {
        Value::Number(number) => Value::Number(canonical_number(number)),
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(key, value)| (key, canonical(value))).collect())
        }
        other => other,
    }
}

fn canonical_number(number: Number) -> Number {
    /// 2^64, the first number that no integer of `serde_json` holds.
    const BEYOND_U64: f64 = 18_446_744_073_709_551_616.0;
    /// -2^63, the last number that one holds.
    const I64_MIN: f64 = -9_223_372_036_854_775_808.0;
    if !number.is_f64() {
        return number;
    }
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && (0.0..BEYOND_U64).contains(&float) =>
        {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an integer within u64"
            )]
            Number::from(float as u64)
        }
        Some(float) if float.fract() == 0.0 && (I64_MIN..0.0).contains(&float) =>
        {
            #[allow(clippy::cast_possible_truncation, reason = "an integer within i64")]
            Number::from(float as i64)
        }
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_one_form() {
        for (text, expected) in [
            ("1.0", "1"),
            ("1e0", "1"),
            ("-0.0", "0"),
            ("-3.0", "-3"),
            ("1e16", "10000000000000000"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("-9223372036854775808.0", "-9223372036854775808"),
            ("0.5", "0.5"),
            ("[1.0, {\"a\": 2.0}]", "[1,{\"a\":2}]"),
            ("{\"a\": 1, \"a\": 2}", "{\"a\":2}"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "{", "1e400", "\"\\ud800\"", "NaN", "'a'", "[1,]"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_depth_that_is_read_has_a_limit() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(DEPTH_MAX)).is_some());
        assert!(parse(&nested(DEPTH_MAX + 1)).is_none());
    }
}
