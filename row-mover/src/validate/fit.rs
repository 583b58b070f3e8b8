//! Checks whether a rejected value fits its column after all: a second opinion on each skipped row and each value that became NULL, from
//! the value and the type alone, without the conversions.
//!
//! Only certainty counts. Where a form has rules of its own (zones, words for booleans, limits of a column), the load's decision
//! stands; docs/validation.md names these.

use std::collections::HashSet;
use std::fmt;

use migrate_core::conversion::{Conversion, TextEncoding};
use migrate_core::plan::PlannedColumn;
use migrate_core::value::SourceValue;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::source::rows::Value;

/// The years 1 to 9999 in milliseconds since 1970, which every type of a moment holds.
const MOMENT_MS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// Documents that are longer are left to the load: none of PostgreSQL's limits is near for shorter ones.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Returns whether the value certainly fits the column.
pub(super) fn certainly_fits(column: &PlannedColumn, value: &Value<'_>) -> bool {
    let Value::Held(value) = value else { return false };
    if column.limit.is_some() {
        return false;
    }
    match *value {
        SourceValue::Null => !column.not_null,
        SourceValue::Integer(integer) => integer_fits(&column.conversion, integer),
        SourceValue::Real(real) => real_fits(&column.conversion, real),
        SourceValue::Text(bytes) => {
            std::str::from_utf8(bytes).is_ok_and(|text| text_fits(&column.conversion, text))
        }
        SourceValue::Blob(bytes) => match column.conversion {
            Conversion::Bytea | Conversion::ByteaFromAny => true,
            Conversion::UuidFromBytes | Conversion::UuidFromAny => bytes.len() == 16,
            Conversion::TextFromBytea(TextEncoding::Hex | TextEncoding::Base64) => true,
            Conversion::TextFromBytea(TextEncoding::Utf8) => {
                std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'))
            }
            Conversion::JsonFromBytes
            | Conversion::JsonbFromBytes
            | Conversion::JsonFromAny
            | Conversion::JsonbFromAny => {
                std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0') && is_plain_document(text))
            }
            _ => false,
        },
    }
}

fn integer_fits(conversion: &Conversion, integer: i64) -> bool {
    match conversion {
        Conversion::Bigint | Conversion::BigintFromAny | Conversion::TextFromAny => true,
        Conversion::JsonFromAny | Conversion::JsonbFromAny => true,
        Conversion::Integer | Conversion::IntegerFromAny => i32::try_from(integer).is_ok(),
        Conversion::Smallint | Conversion::SmallintFromAny => i16::try_from(integer).is_ok(),
        Conversion::Boolean => integer == 0 || integer == 1,
        Conversion::TimestampFromEpochMs
        | Conversion::TimestamptzFromEpochMs
        | Conversion::TimestampFromMsOrIso8601
        | Conversion::TimestamptzFromMsOrIso8601 => MOMENT_MS.contains(&integer),
        Conversion::TimestampFromEpochS
        | Conversion::TimestamptzFromEpochS
        | Conversion::TimestampFromSOrIso8601
        | Conversion::TimestamptzFromSOrIso8601 => {
            integer.checked_mul(1000).is_some_and(|ms| MOMENT_MS.contains(&ms))
        }
        Conversion::TimestampFromEpochUs | Conversion::TimestamptzFromEpochUs => {
            MOMENT_MS.contains(&(integer / 1000))
        }
        Conversion::IntervalFromUs | Conversion::MoneyFromHundredths => true,
        Conversion::IntervalFromMs => MOMENT_MS.contains(&integer),
        Conversion::IntervalFromS => MOMENT_MS.contains(&integer.saturating_mul(1000)),
        Conversion::Money => MOMENT_MS.contains(&integer),
        Conversion::TimestampFromEpochNs | Conversion::TimestamptzFromEpochNs => integer % 1000 == 0,
        _ => false,
    }
}

fn real_fits(conversion: &Conversion, real: f64) -> bool {
    match conversion {
        Conversion::DoublePrecision => !real.is_nan(),
        // 24 bits, and no more digits than 32 bits tell apart.
        Conversion::Real => (real * 4.0).fract() == 0.0 && real.abs() < 65_536.0,
        Conversion::RealFromFloat32 => f64::from(real as f32) == real,
        Conversion::JsonFromAny | Conversion::JsonbFromAny => real.is_finite() && real != 0.0,
        Conversion::BigintFromAny => real.fract() == 0.0 && real != 0.0 && real.abs() < 1e18,
        Conversion::IntegerFromAny => real.fract() == 0.0 && real != 0.0 && real.abs() < 2e9,
        Conversion::SmallintFromAny => real.fract() == 0.0 && real != 0.0 && real.abs() < 3e4,
        _ => false,
    }
}

fn text_fits(conversion: &Conversion, text: &str) -> bool {
    let is_clean = !text.contains('\0');
    match conversion {
        Conversion::Text | Conversion::TextFromAny => is_clean,
        Conversion::Uuid | Conversion::UuidFromAny => is_uuid(text),
        Conversion::UuidFromHex => {
            text.len() == 32
                && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
        }
        Conversion::Date | Conversion::DateFromMidnight => is_date(text),
        Conversion::ByteaFromText(TextEncoding::Utf8) => true,
        Conversion::ByteaFromText(TextEncoding::Hex) => {
            text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        Conversion::Inet => text.parse::<std::net::IpAddr>().is_ok(),
        Conversion::TextArrayFromJson => {
            !text.contains("\\u") && serde_json::from_str::<Vec<Option<String>>>(text).is_ok()
        }
        Conversion::SmallintArrayFromJson => serde_json::from_str::<Vec<Option<i16>>>(text).is_ok(),
        Conversion::IntegerArrayFromJson => serde_json::from_str::<Vec<Option<i32>>>(text).is_ok(),
        Conversion::BigintArrayFromJson => serde_json::from_str::<Vec<Option<i64>>>(text).is_ok(),
        Conversion::BooleanArrayFromJson => serde_json::from_str::<Vec<Option<bool>>>(text).is_ok(),
        Conversion::BigintFromAny => text.parse::<i64>().is_ok_and(|number| number.to_string() == text),
        Conversion::IntegerFromAny => text.parse::<i32>().is_ok_and(|number| number.to_string() == text),
        Conversion::SmallintFromAny => text.parse::<i16>().is_ok_and(|number| number.to_string() == text),
        Conversion::Json
        | Conversion::JsonFromBytes
        | Conversion::JsonFromAny
        | Conversion::Jsonb
        | Conversion::JsonbFromBytes
        | Conversion::JsonbFromAny => is_clean && is_plain_document(text),
        _ => false,
    }
}

/// Lowercase letters and digits in groups, as PostgreSQL prints a UUID.
fn is_uuid(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_valid =
        |(position, byte)| if [8, 13, 18, 23].contains(&position) { byte == b'-' } else { is_digit(byte) };
    text.len() == 36 && text.bytes().enumerate().all(is_valid)
}

/// A day of the years 1 to 9999 as `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    text.len() == 10 && !text.starts_with("0000") && text.parse::<jiff::civil::Date>().is_ok()
}

/// A document with the same meaning in `jsonb`: no repeated key, no escape that PostgreSQL refuses, no number that needs care.
fn is_plain_document(text: &str) -> bool {
    text.len() <= DOCUMENT_BYTES_MAX
        && !text.contains("\\u")
        && serde_json::from_str::<PlainDocument>(text).is_ok()
}

/// Accepts a document of which no object has a key twice, and whose numbers are integers.
struct PlainDocument;

impl<'de> Deserialize<'de> for PlainDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PlainDocument, D::Error> {
        deserializer.deserialize_any(PlainDocument)
    }
}

impl<'de> Visitor<'de> for PlainDocument {
    type Value = PlainDocument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document without surprises")
    }

    fn visit_unit<E: Error>(self) -> Result<PlainDocument, E> {
        Ok(PlainDocument)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<PlainDocument, E> {
        Ok(PlainDocument)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<PlainDocument, E> {
        Ok(PlainDocument)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<PlainDocument, E> {
        Ok(PlainDocument)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<PlainDocument, E> {
        Ok(PlainDocument)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<PlainDocument, A::Error> {
        while items.next_element::<PlainDocument>()?.is_some() {}
        Ok(PlainDocument)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<PlainDocument, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !keys.insert(key) {
                entries.next_value::<IgnoredAny>()?;
                return Err(A::Error::custom("a key twice"));
            }
            entries.next_value::<PlainDocument>()?;
        }
        Ok(PlainDocument)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A column of which only the conversion matters.
    pub(in crate::validate) fn column(conversion: Conversion) -> PlannedColumn {
        PlannedColumn {
            source: "v".to_owned(),
            target: "v".to_owned(),
            declared: String::new(),
            target_type: conversion.target_type(),
            conversion,
            limit: None,
            not_null: false,
            source_not_null: false,
            source_default: None,
            default: None,
            sequence: None,
            numbering: Default::default(),
            generated: None,
            on_reject: None,
            round: None,
            empty: None,
            secret: false,
            profile: None,
            why: String::new(),
            notes: Vec::new(),
            suggestion: None,
            comment: None,
        }
    }

    const TEXTS: &[&str] = &[
        "",
        "a",
        "a\0b",
        "true",
        "7",
        "-0",
        "1e400",
        "2024-02-29",
        "2023-02-29",
        "0000-01-01",
        "9999-12-31",
        "2024-1-1",
        "2024-02-29 23:59:59",
        "f0f0f0f0-f0f0-4f0f-bf0f-f0f0f0f0f0f0",
        "F0F0F0F0-F0F0-4F0F-BF0F-F0F0F0F0F0F0",
        "f0f0f0f0f0f04f0fbf0ff0f0f0f0f0f0",
        "null",
        "[1, 2, {\"a\": \"ä\"}]",
        "{\"a\": 1, \"a\": 2}",
        "{\"a\": \"\\u0000\"}",
        "{\"a\": \"\\ud800\"}",
        "{\"a\": 1e999}",
        "{a: 1}",
        "[1,]",
        "[18446744073709551615]",
        "[1, -2, null]",
        "[1.0]",
        "[\"a\", null]",
        "[\"a\\u0000\"]",
        "[true]",
        "[[1]]",
        "192.0.2.1",
        "2001:db8::1",
        "0badcafe",
        "0bad",
        "zz",
        "P1D",
        "20240229",
    ];

    const INTEGERS: &[i64] = &[
        0,
        1,
        -1,
        2,
        32_767,
        32_768,
        -32_769,
        2_147_483_647,
        2_147_483_648,
        -2_147_483_649,
        1_700_000_000_000,
        *MOMENT_MS.start(),
        *MOMENT_MS.end(),
        *MOMENT_MS.start() - 1,
        *MOMENT_MS.end() / 1000,
        *MOMENT_MS.end() * 1000,
        i64::MAX,
        i64::MIN,
    ];

    const REALS: &[f64] =
        &[0.0, 0.5, -0.0, 0.1, 1e39, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 1e-320];

    fn values() -> impl Iterator<Item = SourceValue<'static>> {
        let texts = TEXTS.iter().map(|text| SourceValue::Text(text.as_bytes()));
        let broken = [&b"\xff"[..], b"a\xc3"].map(SourceValue::Text);
        let blobs = [&b""[..], b"\0\xff", b"0123456789abcdef"].map(SourceValue::Blob);
        let integers = INTEGERS.iter().map(|integer| SourceValue::Integer(*integer));
        let reals = REALS.iter().map(|real| SourceValue::Real(*real));
        texts.chain(broken).chain(blobs).chain(integers).chain(reals)
    }

    /// The conversions and this opinion share no code: a value that one refuses must not fit by the other.
    #[test]
    fn nothing_that_a_conversion_refuses_fits() {
        let mut judged = 0;
        for conversion in Conversion::all() {
            let column = column(conversion);
            for value in values() {
                let fits = certainly_fits(&column, &Value::Held(value));
                let is_encoded = column.encode(value, &mut Vec::new()).is_ok();
                assert!(is_encoded || !fits, "{}: {value:?}", column.conversion.name());
                judged += u32::from(fits);
            }
        }
        assert!(judged > 150, "{judged}");
    }
}
