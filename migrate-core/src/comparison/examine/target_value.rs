//! A value of the target, read from PostgreSQL's binary format by the type of its column alone.

use super::decimal::Decimal;
use crate::conversion::{Conversion, Limit, PgType};
use crate::plan::PlannedColumn;
use crate::value::SourceValue;

/// A value of the target.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TargetValue<'a> {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Single(f32),
    Decimal(Decimal),
    Text(&'a str),
    Bytes(&'a [u8]),
    Json(&'a str),
    /// Microseconds since 2000-01-01, by the clock of UTC where the type has no zone.
    Moment(i64),
    /// Days since 2000-01-01.
    Date(i32),
    Uuid([u8; 16]),
    /// Of another type, or not of its type.
    Unknown,
}

impl<'a> TargetValue<'a> {
    /// The value of `wire` in `column`.
    pub(super) fn of(column: &PlannedColumn, wire: &'a [u8], scratch: &'a mut Vec<u8>) -> TargetValue<'a> {
        read(column, wire, scratch).unwrap_or(TargetValue::Unknown)
    }

    /// Whether it is a text, bytes or a document without content.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            TargetValue::Text(text) => text.is_empty(),
            TargetValue::Bytes(bytes) => bytes.is_empty(),
            _ => false,
        }
    }

    /// Whether it is a float that is 0 with a sign.
    pub(super) fn is_negative_zero(&self) -> bool {
        match self {
            TargetValue::Float(float) => *float == 0.0 && float.is_sign_negative(),
            TargetValue::Single(float) => *float == 0.0 && float.is_sign_negative(),
            TargetValue::Text(text) => {
                text.starts_with('-') && Decimal::read(text).is_some_and(|zero| zero.is_zero())
            }
            _ => false,
        }
    }

    /// Whether it is 0, false or the beginning of a time scale.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            TargetValue::Boolean(is) => !is,
            TargetValue::Integer(integer) => *integer == 0,
            TargetValue::Float(float) => *float == 0.0,
            TargetValue::Single(float) => *float == 0.0,
            TargetValue::Decimal(decimal) => decimal.is_zero(),
            TargetValue::Text(text) | TargetValue::Json(text) => *text == "0",
            TargetValue::Moment(us) => *us == super::moments::EPOCH_US || *us == 0,
            _ => false,
        }
    }
}

fn read<'a>(column: &PlannedColumn, wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<TargetValue<'a>> {
    Some(match column.target_type {
        PgType::Boolean => TargetValue::Boolean(wire == [1]),
        PgType::Bigint | PgType::Integer | PgType::Smallint => TargetValue::Integer(signed(wire)?),
        PgType::DoublePrecision => TargetValue::Float(f64::from_be_bytes(wire.try_into().ok()?)),
        PgType::Real => TargetValue::Single(f32::from_be_bytes(wire.try_into().ok()?)),
        PgType::Numeric => match Conversion::Numeric.decode(wire, scratch).ok()? {
            SourceValue::Text(text) => TargetValue::Decimal(Decimal::read(str::from_utf8(text).ok()?)?),
            SourceValue::Real(real) => TargetValue::Float(real),
            _ => return None,
        },
        PgType::Money => TargetValue::Decimal(Decimal::scaled(signed(wire)?, 2)),
        PgType::Text => {
            let text = str::from_utf8(wire).ok()?;
            TargetValue::Text(match column.limit {
                Some(Limit::Padded(_)) => text.trim_end_matches(' '),
                _ => text,
            })
        }
        PgType::Bytea => TargetValue::Bytes(wire),
        PgType::Json => TargetValue::Json(str::from_utf8(wire).ok()?),
        PgType::Jsonb => TargetValue::Json(str::from_utf8(wire.get(1..)?).ok()?),
        PgType::Timestamp | PgType::Timestamptz => TargetValue::Moment(signed(wire)?),
        PgType::Date => TargetValue::Date(i32::try_from(signed(wire)?).ok()?),
        PgType::Uuid => TargetValue::Uuid(wire.try_into().ok()?),
        _ => return None,
    })
}

/// An integer of 2, 4 or 8 bytes.
fn signed(wire: &[u8]) -> Option<i64> {
    match wire.len() {
        2 => Some(i64::from(i16::from_be_bytes(wire.try_into().ok()?))),
        4 => Some(i64::from(i32::from_be_bytes(wire.try_into().ok()?))),
        8 => Some(i64::from_be_bytes(wire.try_into().ok()?)),
        _ => None,
    }
}
