//! The rows of a view as sums of hashes, which do not depend on their order: one sum for each precision of its numbers.

use migrate_core::conversion::{Conversion, PgType};
use migrate_core::value::SourceValue;
use sha2::{Digest, Sha256};

/// How exactly rows are the same, from the most exact on.
const PRECISIONS: [Precision; 3] = [Precision::Exact, Precision::Digits(9), Precision::Digits(8)];

/// How exactly numbers are compared.
#[derive(Clone, Copy)]
pub(super) enum Precision {
    Exact,
    Digits(usize),
}

/// The sums of the hashes of all rows, one for each precision.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) rows: u64,
    pub(super) sums: [u128; PRECISIONS.len()],
}

impl Sums {
    /// Adds a row; `value` returns its values by position.
    pub(super) fn add(&mut self, conversions: &[Conversion], value: &dyn Fn(usize, &mut Vec<u8>, Precision)) {
        self.rows += 1;
        let mut bytes = Vec::new();
        for (sum, precision) in self.sums.iter_mut().zip(PRECISIONS) {
            bytes.clear();
            for place in 0..conversions.len() {
                let from = bytes.len();
                value(place, &mut bytes, precision);
                // The length after each value separates it from the next.
                let length = (bytes.len() - from) as u64;
                bytes.extend_from_slice(&length.to_be_bytes());
            }
            let digest = Sha256::digest(&bytes);
            let mut half = [0; 16];
            half.copy_from_slice(&digest[..16]);
            *sum = sum.wrapping_add(u128::from_be_bytes(half));
        }
    }
}

/// The bytes for a value that is invalid in its column.
pub(super) const UNREADABLE: u8 = 9;

/// Appends a value in a form in which equal values have equal bytes.
pub(super) fn append(
    conversion: &Conversion,
    value: SourceValue<'_>,
    precision: Precision,
    out: &mut Vec<u8>,
) {
    let is_number =
        matches!(conversion.target_type(), PgType::DoublePrecision | PgType::Real | PgType::Numeric);
    let is_document = matches!(conversion.target_type(), PgType::Json | PgType::Jsonb);
    match (value, precision) {
        (SourceValue::Null, _) => out.push(0),
        (value, _) if is_document && !is_nested(value) => append_scalar(value, out),
        (value, Precision::Digits(digits)) if is_number => {
            out.push(2);
            out.extend_from_slice(rounded(value, digits).as_bytes());
        }
        (value, _) => {
            let from = out.len();
            out.push(1);
            if conversion.canonical(value, out).is_err() {
                // No value of the column's: it is itself, whatever the other side has.
                out.truncate(from);
                out.push(3);
                out.extend_from_slice(format!("{value:?}").as_bytes());
            }
        }
    }
}

/// Whether a value is an object or an array of JSON.
fn is_nested(value: SourceValue<'_>) -> bool {
    match value {
        SourceValue::Text(text) => matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')),
        _ => false,
    }
}

/// Appends a scalar of JSON. A value that SQLite extracts from a document is a number, 0 or 1 for a boolean, or text without quotes; in
/// PostgreSQL it is still JSON, and a column may hold either. So quotes and storage classes are ignored here.
fn append_scalar(value: SourceValue<'_>, out: &mut Vec<u8>) {
    let text = match value {
        SourceValue::Text(text) | SourceValue::Blob(text) => String::from_utf8_lossy(text).trim().to_owned(),
        SourceValue::Integer(integer) => integer.to_string(),
        SourceValue::Real(real) => real.to_string(),
        SourceValue::Null => "null".to_owned(),
    };
    let text = serde_json::from_str::<String>(&text).unwrap_or(text);
    let text = match text.as_str() {
        "null" => return out.push(0),
        "true" => "1",
        "false" => "0",
        text => text,
    };
    out.push(4);
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.map(|number| rounded(SourceValue::Real(number), 15));
    out.extend_from_slice(number.as_deref().unwrap_or(text).as_bytes());
}

/// A number rounded to this many digits.
fn rounded(value: SourceValue<'_>, digits: usize) -> String {
    let number = match value {
        SourceValue::Integer(integer) => integer as f64,
        SourceValue::Real(real) => real,
        SourceValue::Text(text) | SourceValue::Blob(text) => {
            match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
                Some(number) => number,
                None => return String::from_utf8_lossy(text).into_owned(),
            }
        }
        SourceValue::Null => return String::new(),
    };
    // Without the sign of a negative zero.
    format!("{:.*e}", digits.saturating_sub(1), number + 0.0)
}
