//! Assignment: a translated value in the type of a column.

use super::{arithmetic, moment};
use crate::affinity::Affinity;
use crate::conversion::{Conversion, PgType};
use crate::translate::model::{Family, Kind, Native, Node, Origin, Result, Untranslatable};

/// Returns `node` as a value of a column of this conversion and affinity.
pub(crate) fn assigned(node: &Node, conversion: &Conversion, affinity: Affinity) -> Result<String> {
    if node.kind == Kind::Null {
        return Ok("NULL".to_owned());
    }
    if let Some(native) = &node.native
        && let Some(sql) = from_native(native, conversion)
    {
        return Ok(sql);
    }
    let refused = || Err(Untranslatable::NoFormAs { pg_type: conversion.target_type() });
    match (conversion.target_type(), node.kind) {
        (PgType::Text, Kind::Text) => Ok(node.text()?.sql),
        (PgType::Text, Kind::Integer | Kind::Truth | Kind::Json) if affinity == Affinity::Text => {
            Ok(node.text()?.sql)
        }
        (PgType::Bigint | PgType::Integer | PgType::Smallint, Kind::Integer | Kind::Truth) => {
            Ok(node.number()?.sql)
        }
        (PgType::Bigint | PgType::Integer | PgType::Smallint, Kind::Text)
            if node.origin == Origin::Digits && affinity != Affinity::Text =>
        {
            Ok(format!("{}::{}", node.operand(), conversion.target_type()))
        }
        (PgType::Boolean, Kind::Truth) => Ok(node.sql.clone()),
        (PgType::Numeric, Kind::Integer | Kind::Number | Kind::Truth) => Ok(node.number()?.sql),
        (PgType::Uuid, Kind::Text) if *conversion == Conversion::Uuid => {
            Ok(format!("{}::uuid", node.operand()))
        }
        (PgType::Boolean, Kind::Integer) => Ok(format!("{}::int::boolean", node.operand())),
        (PgType::DoublePrecision, Kind::Integer | Kind::Real | Kind::Truth) => {
            Ok(arithmetic::float(&node.number()?))
        }
        (PgType::Bytea, Kind::Blob) => Ok(node.sql.clone()),
        (PgType::Json | PgType::Jsonb, Kind::Text | Kind::Document) => {
            Ok(format!("{}::{}", node.operand(), conversion.target_type()))
        }
        (PgType::Timestamptz, Kind::Integer | Kind::Number)
            if *conversion == Conversion::TimestamptzFromEpochS =>
        {
            Ok(format!("to_timestamp({})", arithmetic::float(node)))
        }
        (PgType::Timestamptz, Kind::Integer) if *conversion == Conversion::TimestamptzFromEpochMs => {
            Ok(format!("to_timestamp({}::numeric / 1000)", node.operand()))
        }
        _ => refused(),
    }
}

/// Returns a value in PostgreSQL's own form in the column's type.
fn from_native(native: &Native, conversion: &Conversion) -> Option<String> {
    let sql = native.sql.clone();
    match (native.family, conversion) {
        (Family::Boolean, Conversion::Boolean) => Some(sql),
        (Family::Instant, Conversion::TimestamptzFromIso8601(_)) => Some(sql),
        (Family::EpochSeconds, Conversion::TimestamptzFromEpochS)
        | (Family::EpochMicroseconds, Conversion::TimestamptzFromEpochUs)
        | (Family::JulianDay, Conversion::TimestamptzFromJulianDay)
        | (Family::Wall, Conversion::TimestampFromIso8601)
        | (Family::Date, Conversion::Date)
        | (Family::Time, Conversion::Time)
        | (Family::Uuid, Conversion::Uuid) => Some(sql),
        (Family::Date, Conversion::TimestampFromIso8601) => Some(format!("({sql})::timestamp")),
        (Family::Wall, Conversion::TimestamptzFromIso8601(_)) => Some(moment::instant(&sql)),
        (Family::EpochMilliseconds, Conversion::TimestamptzFromEpochMs) => Some(sql),
        _ => None,
    }
}
