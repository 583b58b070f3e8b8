//! Chooses the conversion for a column whose type the target has decided: among those to this type, the one that accepts most of the
//! values in the profile.

use std::cmp::Reverse;

use super::key_column::KeyColumn;
use super::{ColumnName, Obstacle};
use crate::conversion::{Conversion, Limit, PgType};
use crate::infer::{jsonb_losses_in_words, rejects_in_words};
use crate::plan::PlannedColumn;
use crate::profile::{ColumnProfile, Trial};
use crate::source_sql::{Clock, default_clock};
use crate::target_schema::TargetColumn;
use crate::value::SourceValue;

/// The plan for a column.
pub(super) struct Choice {
    pub(super) conversion: Conversion,
    pub(super) limit: Option<Limit>,
    pub(super) why: String,
}

/// Chooses for the column `name`, whose plan for a new table is `planned`; `decided` is a human's decision. `trials` are the results of
/// the conversions to the type.
///
/// # Errors
/// [`Obstacle`] if no conversion produces the type, or the choice is ambiguous.
pub(super) fn choose(
    name: &ColumnName,
    target: &TargetColumn,
    decided: Option<&Conversion>,
    planned: &PlannedColumn,
    trials: &[Trial],
    key: Option<KeyColumn>,
    is_djangos: bool,
) -> Result<Choice, Obstacle> {
    let (inferred, seen) = (&planned.conversion, planned.profile.as_ref());
    let type_name = target.type_name.clone();
    let unknown = || Obstacle::Type {
        column: name.clone(),
        type_name: target.type_name.clone(),
        key: key.clone().map(Box::new),
        can_be_skipped: target.fills_itself(),
    };
    if decided == Some(&Conversion::TextInput) {
        // Keys are read and compared by their own bytes.
        return if key.is_some() { Err(unknown()) } else { Ok(by_input_function(type_name)) };
    }
    let (kind, limit) = kind(target).ok_or_else(unknown)?;
    if let Some(conversion) = decided {
        if conversion.target_type() != kind {
            return Err(Obstacle::Conversion {
                column: name.clone(),
                type_name,
                conversion: conversion.name(),
                given: conversion.target_type().to_string(),
            });
        }
        let why = format!("mapping.toml{}", consequences(conversion, seen, trials));
        return Ok(Choice { conversion: conversion.clone(), limit, why });
    }
    let numbers = seen.map_or(0, |seen| seen.integers + seen.reals);
    if kind == PgType::Interval && numbers > 0 {
        if is_djangos && is_duration_field(planned) {
            let why = format!(
                "{type_name} in the target; Django's DurationField, which SQLite holds in microseconds"
            );
            return Ok(Choice { conversion: Conversion::IntervalFromUs, limit, why });
        }
        let candidates = [Conversion::IntervalFromS, Conversion::IntervalFromMs, Conversion::IntervalFromUs];
        let candidates = candidates.iter().map(Conversion::name).collect();
        return Err(Obstacle::Moment { column: name.clone(), type_name, numbers, far: 0, candidates });
    }
    let best = best(kind, &counterpart(inferred, kind), trials);
    if trials.iter().any(|trial| trial.conversion == best && is_open(trial, inferred)) {
        let is_proven = |clock: &Conversion| rank(clock, trials) >= rank(&best, trials);
        let clock = by_clock(planned, kind).filter(is_proven);
        let clock = clock.ok_or_else(|| unit_unknown(name, type_name.clone(), trials))?;
        let why = consequences(&clock, seen, trials);
        let why =
            format!("{type_name} in the target; its default in the source is the clock in this unit{why}");
        return Ok(Choice { conversion: clock, limit, why });
    }
    let why = format!("{type_name} in the target{}", consequences(&best, seen, trials));
    Ok(Choice { conversion: best, limit, why })
}

/// The conversion from the unit in which the source's default reads the clock, where that is a time: it proves the unit of numbers
/// that are plausible in no other.
fn by_clock(planned: &PlannedColumn, kind: PgType) -> Option<Conversion> {
    let conversion = match default_clock(planned.source_default.as_deref()?)? {
        Clock::Milliseconds => Conversion::TimestamptzFromEpochMs,
        Clock::Seconds => Conversion::TimestamptzFromEpochS,
        Clock::Microseconds => Conversion::TimestamptzFromEpochUs,
        _ => return None,
    };
    let conversion = counterpart(&conversion, kind);
    (conversion.target_type() == kind).then_some(conversion)
}

/// How many values a conversion accepts, and how many of these are no numbers, or numbers that are times from 2000 to 2100.
fn rank(conversion: &Conversion, trials: &[Trial]) -> (u64, u64) {
    let trial = trials.iter().find(|trial| trial.conversion == *conversion);
    trial.map_or((0, 0), |trial| (trial.taken, trial.taken - trial.moments + trial.plausible))
}

/// Whether a column is as Django declares and fills a DurationField in SQLite.
fn is_duration_field(planned: &PlannedColumn) -> bool {
    let has_integers_alone = |seen: &ColumnProfile| seen.integers == seen.values();
    planned.declared.eq_ignore_ascii_case("bigint")
        && planned.profile.as_ref().is_some_and(has_integers_alone)
}

/// The choice for a type that only its own input function reads.
fn by_input_function(type_name: String) -> Choice {
    let why = format!(
        "mapping.toml; the input function of {type_name} reads each text, and validation compares what PostgreSQL prints for the \
         loaded value and for the text of the source, whose spelling is not kept"
    );
    Choice { conversion: Conversion::TextInput, limit: None, why }
}

/// The conversions that may be chosen for a column of the target, and the decided one, with the column's limit.
pub(super) fn candidates_for(
    target: &TargetColumn,
    decided: Option<&Conversion>,
) -> (Vec<Conversion>, Option<Limit>) {
    let known = kind(target).map(|(kind, limit)| (candidates(kind), limit));
    let (mut all, limit) = known.unwrap_or_default();
    all.extend(decided.filter(|decided| !all.contains(decided)).cloned());
    (all, limit)
}

/// What a reviewer has to know of a conversion: its rejects, and what it does not keep.
fn consequences(conversion: &Conversion, seen: Option<&ColumnProfile>, trials: &[Trial]) -> String {
    let trial = trials.iter().find(|trial| trial.conversion == *conversion);
    let zone = seen.map_or("", |seen| zone_words(conversion, seen));
    let not_kept = match (conversion.not_kept(), trial) {
        (Some(words), Some(trial)) if trial.taken > 0 => format!("; {words}"),
        _ => String::new(),
    };
    format!("{}{zone}{not_kept}", rejects(seen, trial, conversion))
}

fn rejects(seen: Option<&ColumnProfile>, trial: Option<&Trial>, conversion: &Conversion) -> String {
    let Some(seen) = seen else { return String::new() };
    let counted = || {
        let all = seen.values();
        let rejected = all.saturating_sub(trial?.taken);
        (rejected > 0).then(|| format!("{rejected} of {all} values do not fit and are rejects"))
    };
    let words =
        [rejects_in_words(seen, conversion).or_else(counted), jsonb_losses_in_words(seen, conversion)];
    words.into_iter().flatten().map(|words| format!("; {words}")).collect()
}

fn zone_words(conversion: &Conversion, seen: &ColumnProfile) -> &'static str {
    match conversion {
        Conversion::TimestamptzFromIso8601(_) if seen.timestamps + seen.dates > 0 => {
            "; text without an offset is read as UTC"
        }
        Conversion::TimestampFromEpochMs
        | Conversion::TimestampFromEpochS
        | Conversion::TimestampFromEpochUs
        | Conversion::TimestampFromEpochNs
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
        // A modifier of an interval drops or rounds parts.
        "interval" if modifier.is_none() => (PgType::Interval, None),
        "money" => (PgType::Money, None),
        "inet" => (PgType::Inet, None),
        "cidr" => (PgType::Cidr, None),
        "macaddr" => (PgType::Macaddr, None),
        "macaddr8" => (PgType::Macaddr8, None),
        "_text" => (PgType::TextArray, None),
        // Elements have no limits here.
        "_varchar" if modifier.is_none() => (PgType::TextArray, None),
        "_int2" => (PgType::SmallintArray, None),
        "_int4" => (PgType::IntegerArray, None),
        "_int8" => (PgType::BigintArray, None),
        "_bool" => (PgType::BooleanArray, None),
        "_float8" => (PgType::DoublePrecisionArray, None),
        "_numeric" if modifier.is_none() => (PgType::NumericArray, None),
        "_uuid" => (PgType::UuidArray, None),
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
        (PgType::Timestamp, Conversion::TimestamptzFromEpochUs) => Conversion::TimestampFromEpochUs,
        _ => conversion.clone(),
    }
}

/// The best of the candidates: the one that accepts most values; of several such, the one in whose unit most numbers are times from 2000
/// to 2100, then the inferred one.
fn best(kind: PgType, inferred: &Conversion, trials: &[Trial]) -> Conversion {
    let candidates = candidates(kind);
    let ranked = |conversion: &Conversion| (rank(conversion, trials), conversion == inferred);
    let better = |best: Conversion, next| if ranked(&next) > ranked(&best) { next } else { best };
    candidates.into_iter().reduce(better).unwrap_or(Conversion::Text)
}

/// Whether nothing determines the unit of the numbers that are times, or some of them lie outside the years 1900 to 2200 in it.
fn is_open(trial: &Trial, inferred: &Conversion) -> bool {
    let is_inferred = trial.conversion == counterpart(inferred, trial.conversion.target_type());
    trial.far > 0 || trial.moments > 0 && trial.plausible == 0 && !is_inferred
}

/// The obstacle of numbers whose unit a person has to name, with the units that come into question, the most plausible one first.
fn unit_unknown(column: &ColumnName, type_name: String, trials: &[Trial]) -> Obstacle {
    // A conversion for numbers and text is offered only where one for numbers alone accepts less.
    let is_for_numbers = |trial: &Trial| !trial.conversion.takes(SourceValue::Text(b"2000-01-01"));
    let numbers_alone = trials.iter().filter(|trial| trial.moments > 0 && is_for_numbers(trial));
    let most = numbers_alone.map(|trial| trial.taken).max();
    let is_unit = |trial: &&Trial| trial.moments > 0 && (is_for_numbers(trial) || most < Some(trial.taken));
    let mut units: Vec<&Trial> = trials.iter().filter(is_unit).collect();
    units.sort_by_key(|trial| (Reverse(trial.plausible), Reverse(trial.taken), trial.far));
    let (numbers, far) = units.first().map_or((0, 0), |first| (first.moments, first.far));
    let candidates = units.iter().map(|trial| trial.conversion.name()).collect();
    Obstacle::Moment { column: column.clone(), type_name, numbers, far, candidates }
}
