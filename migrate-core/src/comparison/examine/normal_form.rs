//! A form in which values that are equal in any form have the same bytes, to find the pairs among many rows without comparing each with
//! each.
//!
//! It only finds candidates: other values may have the same bytes, and whoever has a pair compares it. A few values that are equal have
//! other bytes, such as a date before 1990 and its number.

use super::decimal::Decimal;
use super::target_value::TargetValue;
use super::{bytes, moments, numbers, text, words};
use crate::conversion::{Conversion, PgType};
use crate::plan::PlannedColumn;
use crate::value::SourceValue;

/// How often text in an encoding is decoded to bytes that are text in an encoding again.
const DECODINGS_MAX: usize = 4;

/// Appends the normal form of a value of the source.
pub fn append_normal_form(column: &PlannedColumn, value: SourceValue<'_>, out: &mut Vec<u8>) {
    let (mut wire, mut scratch) = (Vec::new(), Vec::new());
    // What the conversion does not keep, such as digits beyond microseconds, is no part of it.
    let value = match column.encode(value, &mut wire) {
        Ok(()) => column.decode(&wire, &mut scratch).unwrap_or(value),
        Err(_) => value,
    };
    append_value(column, value, out);
}

/// Appends the normal form of a value of the target, in PostgreSQL's binary format.
pub fn append_normal_form_of_target(column: &PlannedColumn, wire: &[u8], out: &mut Vec<u8>) {
    let mut scratch = Vec::new();
    if let Ok(value) = column.decode(wire, &mut scratch) {
        return append_value(column, value, out);
    }
    let mut scratch = Vec::new();
    match TargetValue::of(column, wire, &mut scratch) {
        TargetValue::Boolean(is) => append_integer(i64::from(is), out),
        TargetValue::Integer(integer) => append_integer(integer, out),
        TargetValue::Float(float) => append_value(column, SourceValue::Real(float), out),
        TargetValue::Single(float) => append_value(column, SourceValue::Real(f64::from(float)), out),
        TargetValue::Decimal(decimal) => append_decimal(&decimal, out),
        TargetValue::Text(text) | TargetValue::Json(text) => append_text(column, text.as_bytes(), out),
        TargetValue::Bytes(bytes) => append_bytes(bytes, out),
        TargetValue::Moment(us) => append_moment(us, out),
        TargetValue::Date(days) => append_moment(i64::from(days).saturating_mul(moments::DAY_US), out),
        TargetValue::Uuid(uuid) => append_bytes(&uuid, out),
        TargetValue::Unknown => append('?', wire, out),
    }
}

fn append_value(column: &PlannedColumn, value: SourceValue<'_>, out: &mut Vec<u8>) {
    match value {
        SourceValue::Null => out.push(0),
        SourceValue::Integer(integer) => append_integer(integer, out),
        SourceValue::Real(real) => append_real(real, out),
        SourceValue::Text(text) => append_text(column, text, out),
        SourceValue::Blob(bytes) => append_bytes(bytes, out),
    }
}

fn append_integer(integer: i64, out: &mut Vec<u8>) {
    match moments::likely_instant(SourceValue::Integer(integer)) {
        Some(us) => append_moment(us, out),
        None => append_decimal(&Decimal::scaled(integer, 0), out),
    }
}

fn append_real(real: f64, out: &mut Vec<u8>) {
    match (moments::likely_instant(SourceValue::Real(real)), Decimal::of_float(real)) {
        (Some(us), _) => append_moment(us, out),
        (None, Some(decimal)) => append_decimal(&decimal, out),
        (None, None) => append('f', &real.to_be_bytes(), out),
    }
}

/// A number is a moment in the unit in which it is one of our time.
fn append_decimal(decimal: &Decimal, out: &mut Vec<u8>) {
    match decimal.as_integer().and_then(|integer| moments::likely_instant(SourceValue::Integer(integer))) {
        Some(us) => append_moment(us, out),
        None => append('n', format!("{decimal:?}").as_bytes(), out),
    }
}

fn append_text(column: &PlannedColumn, text: &[u8], out: &mut Vec<u8>) {
    let may_be_bytes = column.target_type == PgType::Bytea
        || column.profile.as_ref().is_some_and(|seen| seen.blobs > 0)
        || column.target_type == PgType::Uuid;
    if may_be_bytes {
        return append_bytes(text, out);
    }
    if let Some(us) = moments::instant(text) {
        return append_moment(us, out);
    }
    if text::is_container(text) {
        let mut document = Vec::new();
        if Conversion::Jsonb.canonical(SourceValue::Text(text), &mut document).is_ok() {
            return append('j', &document, out);
        }
    }
    let Ok(text) = str::from_utf8(text) else { return append('t', text, out) };
    if text.starts_with('"')
        && let Ok(inner) = serde_json::from_str::<String>(text)
    {
        return append_text(column, inner.as_bytes(), out);
    }
    match (numbers::of_source(SourceValue::Text(text.as_bytes())), words::meaning(text)) {
        (Some(decimal), _) => append_decimal(&decimal, out),
        (None, Some(is)) => append_integer(i64::from(is), out),
        (None, None) => append('t', text.as_bytes(), out),
    }
}

/// Bytes are those that they are in some encoding, so that it does not matter which one the other side has.
fn append_bytes(encoded: &[u8], out: &mut Vec<u8>) {
    let mut found = encoded.to_vec();
    for _ in 0..DECODINGS_MAX {
        match bytes::decoded(&found) {
            Some(decoded) => found = decoded,
            None => break,
        }
    }
    append('b', &found, out);
}

fn append_moment(us: i64, out: &mut Vec<u8>) {
    append('m', &us.to_be_bytes(), out);
}

fn append(kind: char, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(kind as u8);
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}
