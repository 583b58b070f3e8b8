//! JSON as PostgreSQL's `jsonb` compares it, in the plainest form: containment, and a form in which equal documents are equal.

use serde_json::{Map, Number, Value};

/// Whether `document @> pattern` (manual, section 8.14.3).
pub fn contains(document: &Value, pattern: &Value) -> bool {
    match (document, pattern) {
        // The exception: a document that is an array contains a primitive value that is one of its elements.
        (Value::Array(elements), pattern) if is_scalar(pattern) => {
            elements.iter().any(|element| are_equal_scalars(element, pattern))
        }
        _ => contains_value(document, pattern),
    }
}

fn contains_value(document: &Value, pattern: &Value) -> bool {
    match (document, pattern) {
        (Value::Object(members), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| members.get(key).is_some_and(|member| contains_value(member, value))),
        (Value::Array(elements), Value::Array(wanted)) => {
            wanted.iter().all(|value| elements.iter().any(|element| contains_value(element, value)))
        }
        _ => are_equal_scalars(document, pattern),
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

fn are_equal_scalars(left: &Value, right: &Value) -> bool {
    is_scalar(left) && is_scalar(right) && canonical(left) == canonical(right)
}

/// Returns a document with sorted keys, and with each number as text that is the same for equal numbers.
pub fn canonical(document: &Value) -> Value {
    match document {
        Value::Number(number) => Value::String(format!("number {}", decimal(&digits(number)))),
        Value::Array(elements) => elements.iter().map(canonical).collect(),
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|left, right| left.0.cmp(right.0));
            Value::Object(
                sorted.into_iter().map(|(key, value)| (key.clone(), canonical(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Null | Value::Bool(_) | Value::String(_) => document.clone(),
    }
}

/// Returns a number as text: one that an integer of 64 bits holds with all digits, since the shortest text of a double has fewer.
fn digits(number: &Number) -> String {
    match number.as_f64() {
        Some(float)
            if number.is_f64()
                && float.fract() == 0.0
                && (-9_223_372_036_854_775_808.0..18_446_744_073_709_551_616.0).contains(&float) =>
        {
            format!("{float:.0}")
        }
        _ => number.to_string(),
    }
}

/// Returns a number's digits without zeros at both ends, and the power of ten that they are multiplied by.
fn decimal(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{after}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let power = exponent.parse::<i64>().unwrap() - after.len() as i64 + zeros as i64;
    format!("{sign}{significant}e{power}")
}

/// Examples of PostgreSQL's manual, and what follows from them.
#[test]
fn containment_is_that_of_the_manual() {
    for (document, pattern, expected) in [
        (r#""foo""#, r#""foo""#, true),
        ("[1, 2, 3]", "[1, 3]", true),
        ("[1, 2, 3]", "[3, 1]", true),
        ("[1, 2, 3]", "[1, 2, 2]", true),
        (r#"{"product": "PostgreSQL", "version": 9.4, "jsonb": true}"#, r#"{"version": 9.4}"#, true),
        ("[1, 2, [1, 3]]", "[1, 3]", false),
        ("[1, 2, [1, 3]]", "[[1, 3]]", true),
        (r#"{"foo": {"bar": "baz"}}"#, r#"{"bar": "baz"}"#, false),
        (r#"{"foo": {"bar": "baz"}}"#, r#"{"foo": {}}"#, true),
        (r#"["foo", "bar"]"#, r#""bar""#, true),
        (r#""bar""#, r#"["bar"]"#, false),
        (r#"{"a": [1, 2]}"#, r#"{"a": 1}"#, false),
        ("[[1]]", "1", false),
        ("[]", "[]", true),
        ("1", "[]", false),
        ("[1]", "[[]]", false),
        ("{}", "[]", false),
        ("1000", "1e3", true),
        ("[1.0]", "1", true),
        ("9007199254740993", "9007199254740992.0", false),
        ("null", "null", true),
        ("0", "-0.0", true),
        ("-2638854826495400448", "-2.6388548264954004e18", true),
        ("-2638854826495400400", "-2.6388548264954004e18", false),
    ] {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(contains(&parsed(document), &parsed(pattern)), expected, "{document} @> {pattern}");
    }
}
