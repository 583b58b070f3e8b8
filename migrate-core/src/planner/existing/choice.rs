//! Chooses the conversion for a column whose type the target has decided: among those to this type, the one that accepts most of the
//! values in the profile.

use super::ExistingError;
use crate::conversion::{Conversion, Limit, PgType};
use crate::infer::{jsonb_losses_in_words, rejects_in_words};
use crate::profile::ColumnProfile;
use crate::target_schema::TargetColumn;

/// The plan for a column.
pub(super) struct Choice {
    pub(super) conversion: Conversion,
    pub(super) limit: Option<Limit>,
    pub(super) why: String,
}

/// Chooses for the column `name` of the source, for which `inferred` would be the default; `decided` is a human's decision.
///
/// # Errors
/// [`ExistingError`] if no conversion produces the type, or the choice is ambiguous.
pub(super) fn choose(
    name: &str,
    target: &TargetColumn,
    decided: Option<&Conversion>,
    inferred: &Conversion,
    seen: Option<&ColumnProfile>,
) -> Result<Choice, ExistingError> {
    let type_name = target.type_name.clone();
    let (kind, limit) = kind(target)
        .ok_or_else(|| ExistingError::Type { column: name.to_owned(), type_name: type_name.clone() })?;
    if let Some(conversion) = decided {
        if conversion.target_type() != kind {
            return Err(ExistingError::Conversion {
                column: name.to_owned(),
                type_name,
                conversion: conversion.name(),
                given: conversion.target_type().to_string(),
            });
        }
        let why = format!("mapping.toml{}", rejects(seen, conversion));
        return Ok(Choice { conversion: conversion.clone(), limit, why });
    }
    let conversion = best(kind, &counterpart(inferred, kind), seen).ok_or_else(|| ExistingError::Moment {
        column: name.to_owned(),
        type_name: type_name.clone(),
        example: if kind == PgType::Timestamp {
            "timestamp_from_epoch_ms"
        } else {
            "timestamptz_from_epoch_ms"
        },
    })?;
    let zone = seen.map_or("", |seen| zone_words(&conversion, seen));
    let why = format!("{type_name} in the target{}{zone}", rejects(seen, &conversion));
    Ok(Choice { conversion, limit, why })
}

fn rejects(seen: Option<&ColumnProfile>, conversion: &Conversion) -> String {
    let words =
        seen.map(|seen| [rejects_in_words(seen, conversion), jsonb_losses_in_words(seen, conversion)]);
    words.into_iter().flatten().flatten().map(|words| format!("; {words}")).collect()
}

fn zone_words(conversion: &Conversion, seen: &ColumnProfile) -> &'static str {
    match conversion {
        Conversion::TimestamptzFromIso8601(_) if seen.timestamps + seen.dates > 0 => {
            "; text without an offset is read as UTC"
        }
        Conversion::TimestampFromEpochMs
        | Conversion::TimestampFromEpochS
        | Conversion::TimestampUtcFromIso8601 => "; by the clock of UTC",
        _ => "",
    }
}

/// The type of a column, and its limits; none if no conversion produces it.
fn kind(target: &TargetColumn) -> Option<(PgType, Option<Limit>)> {
    let modifier = u32::try_from(target.modifier).ok();
    // The modifier of character types counts the four bytes of a length (PostgreSQL's `anychar_typmodin`).
    let length = modifier.map(|modifier| modifier.saturating_sub(4));
    let second = modifier.filter(|digits| *digits < 6).map(Limit::SecondDigits);
    Some(match target.base.as_str() {
        "bool" => (PgType::Boolean, None),
        "int2" => (PgType::Smallint, None),
        "int4" => (PgType::Integer, None),
        "int8" => (PgType::Bigint, None),
        "float4" => (PgType::Real, None),
        "float8" => (PgType::DoublePrecision, None),
        "numeric" => (PgType::Numeric, numeric_limit(modifier)?),
        "text" => (PgType::Text, None),
        "varchar" => (PgType::Text, length.map(Limit::Characters)),
        "bpchar" => (PgType::Text, Some(Limit::Padded(length?))),
        "enum" => (PgType::Text, Some(Limit::Labels(target.labels.clone()))),
        "citext" => (PgType::Text, Some(Limit::FoldedCase)),
        "uuid" => (PgType::Uuid, None),
        "json" => (PgType::Json, None),
        "jsonb" => (PgType::Jsonb, None),
        "bytea" => (PgType::Bytea, None),
        "date" => (PgType::Date, None),
        "time" => (PgType::Time, second),
        "timestamp" => (PgType::Timestamp, second),
        "timestamptz" => (PgType::Timestamptz, second),
        _ => return None,
    })
}

/// The digits of `numeric(p,s)` (PostgreSQL's `make_numeric_typmod`); no limit where it has none. A scale below 0 or above the
/// precision, which rounds or leaves no digit before the point, is none that is known here.
#[allow(clippy::option_option, reason = "no limit and an unknown one are two answers")]
fn numeric_limit(modifier: Option<u32>) -> Option<Option<Limit>> {
    let Some(modifier) = modifier else { return Some(None) };
    let packed = modifier.checked_sub(4)?;
    let (precision, scale) = (packed >> 16, packed & 0x7ff);
    (scale <= precision).then_some(Some(Limit::Digits { precision, scale }))
}

/// The conversions to a type, those that keep most first.
fn candidates(kind: PgType) -> Vec<Conversion> {
    let is_candidate =
        |conversion: &Conversion| conversion.target_type() == kind && !conversion.needs_decision();
    Conversion::all().into_iter().filter(is_candidate).collect()
}

/// The name of a conversion to `timestamptz` where the type is `timestamp`; any other name is unchanged.
fn counterpart(conversion: &Conversion, kind: PgType) -> Conversion {
    match (kind, conversion) {
        (PgType::Timestamp, Conversion::TimestamptzFromEpochMs) => Conversion::TimestampFromEpochMs,
        (PgType::Timestamp, Conversion::TimestamptzFromEpochS) => Conversion::TimestampFromEpochS,
        _ => conversion.clone(),
    }
}

/// The best of the candidates; none if numbers are times, and nothing determines their unit.
fn best(kind: PgType, inferred: &Conversion, seen: Option<&ColumnProfile>) -> Option<Conversion> {
    let candidates = candidates(kind);
    let is_inferred = |conversion: &&Conversion| *conversion == inferred;
    let Some(seen) = seen.filter(|seen| seen.values() > 0) else {
        return candidates.iter().find(is_inferred).or(candidates.first()).cloned();
    };
    let rank = |conversion: &Conversion| {
        (taken(conversion, seen), plausible(conversion, seen), conversion == inferred)
    };
    let best = candidates.iter().reduce(|best, next| if rank(next) > rank(best) { next } else { best })?;
    let is_number = unit(best, seen).is_some();
    let is_open = is_number && plausible(best, seen) == 0 && best != inferred && taken(best, seen) > 0;
    (!is_open).then(|| best.clone())
}

/// The number of values that a conversion accepts, judging by the counts.
fn taken(conversion: &Conversion, seen: &ColumnProfile) -> u64 {
    seen.taken(conversion).map_or_else(|| plausible(conversion, seen), |taken| taken.all())
}

/// The number of values that are times from 2000 to 2100 in a conversion's unit; if it has none, all that it accepts.
fn plausible(conversion: &Conversion, seen: &ColumnProfile) -> u64 {
    let any = || seen.taken(conversion).map_or(0, |taken| taken.all());
    unit(conversion, seen).unwrap_or_else(any)
}

fn unit(conversion: &Conversion, seen: &ColumnProfile) -> Option<u64> {
    match conversion {
        Conversion::TimestamptzFromEpochMs | Conversion::TimestampFromEpochMs => Some(seen.epoch_ms),
        Conversion::TimestamptzFromEpochS | Conversion::TimestampFromEpochS => {
            Some(seen.epoch_s + seen.real_epoch_s)
        }
        Conversion::TimestamptzFromEpochUs => Some(seen.epoch_us),
        Conversion::TimestamptzFromJulianDay => Some(seen.julian_days),
        _ => None,
    }
}
