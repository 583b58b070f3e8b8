//! Constants and the clock as column values: what SQLite would store, as PostgreSQL stores it.

use super::moment;
use crate::affinity::Affinity;
use crate::conversion::{Conversion, NaiveZone, PgType};
use crate::identifier::quote_pg_literal;
use crate::source_sql::{Clock, DefaultMeaning, default_clock, default_meaning};
use crate::translate::model::{
    Constant, Family, Node, Note, Notes, Result, Translated, Untranslatable, Volatility,
};
use crate::value::SourceValue;

/// Returns the clock for a column of time in which SQLite would store it in another form than the existing values: the author
/// of the default meant the time. Prisma declares CURRENT_TIMESTAMP, and writes milliseconds.
fn meant(conversion: &Conversion, stored: Clock) -> Option<Translated> {
    let is_moment = !matches!(stored, Clock::Date | Clock::Time);
    let is_text = matches!(stored, Clock::Timestamp | Clock::LocalTimestamp);
    let sql = match conversion {
        Conversion::TimestamptzFromEpochMs
        | Conversion::TimestamptzFromEpochS
        | Conversion::TimestamptzFromEpochUs
        | Conversion::TimestamptzFromJulianDay
            if is_moment =>
        {
            "now()"
        }
        Conversion::TimestamptzFromIso8601(zone) if is_moment => {
            // In UTC that is the default itself.
            let says_so = stored == Clock::Timestamp && *zone == NaiveZone::default();
            if says_so {
                return None;
            }
            "now()"
        }
        Conversion::TimestampFromIso8601 if is_moment && !is_text => "(now() at time zone 'UTC')",
        _ => return None,
    };
    Some(Translated { notes: Notes::from([Note::ClockDefault]), ..clock(sql) })
}

/// Translates an expression that is the clock, also where its parts have no suitable form.
pub(crate) fn clock_default(sql: &str, conversion: &Conversion) -> Option<Translated> {
    match (conversion, default_clock(sql)?) {
        (Conversion::TimestamptzFromEpochMs, Clock::Milliseconds)
        | (Conversion::TimestamptzFromEpochS, Clock::Seconds)
        | (Conversion::TimestamptzFromEpochUs, Clock::Microseconds)
        | (Conversion::TimestamptzFromJulianDay, Clock::JulianDay) => Some(clock("now()")),
        (Conversion::Bigint, Clock::Milliseconds)
            if default_meaning(sql) == DefaultMeaning::ClockMilliseconds =>
        {
            Some(clock("floor(extract(epoch from now()))::bigint * 1000"))
        }
        (Conversion::Bigint, Clock::Milliseconds) => {
            Some(clock("floor(extract(epoch from now()) * 1000)::bigint"))
        }
        (conversion, stored) => meant(conversion, stored),
    }
}

fn clock(sql: &str) -> Translated {
    Translated { sql: sql.to_owned(), volatility: Volatility::Stable, notes: Notes::new() }
}

/// Translates a constant to what SQLite would store, if the conversion accepts it.
pub(crate) fn constant(node: &Node, conversion: &Conversion, affinity: Affinity) -> Result<Translated> {
    let stored = stored(node, affinity);
    let sql = written(&stored, conversion);
    match sql {
        Some(sql) => Ok(Translated { sql, volatility: Volatility::Immutable, notes: Notes::new() }),
        None => Err(Untranslatable::NotAValueOf { pg_type: conversion.target_type() }),
    }
}

/// Returns what SQLite stores for the constant in a column of this affinity (manual, "Datatypes In SQLite", section 3).
fn stored(node: &Node, affinity: Affinity) -> Node {
    let is_numeric = matches!(affinity, Affinity::Integer | Affinity::Numeric | Affinity::Real);
    match (&node.constant, affinity) {
        (Some(Constant::Integer(integer)), Affinity::Text) => Node::of_text(&integer.to_string()),
        (Some(Constant::Real(digits)), Affinity::Text) => printed(digits).unwrap_or_else(|| node.clone()),
        (Some(Constant::Text(text)), _) if is_numeric => numeric(text).unwrap_or_else(|| node.clone()),
        (Some(Constant::Real(digits)), Affinity::Integer | Affinity::Numeric) => {
            numeric(digits).unwrap_or_else(|| node.clone())
        }
        _ => node.clone(),
    }
}

/// Returns the text of a float; `None` where versions of SQLite print different digits.
fn printed(digits: &str) -> Option<Node> {
    /// So many significant digits come back unchanged from any float.
    const EXACT_DIGITS_MAX: usize = 15;
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    let significant: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if significant.trim_start_matches('0').len() > EXACT_DIGITS_MAX {
        return None;
    }
    let (value, mut text): (f64, Vec<u8>) = (digits.parse().ok()?, Vec::new());
    Conversion::TextFromAny.encode(SourceValue::Real(value), &mut text).ok()?;
    Some(Node::of_text(str::from_utf8(&text).ok()?))
}

/// Returns the number that a column of numbers stores for `text`; `None` if it is not a number.
fn numeric(text: &str) -> Option<Node> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    // Rust also parses words such as `inf`, which SQLite stores as text.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    if let Ok(integer) = text.parse() {
        return Some(Node::of_integer(integer));
    }
    let float: f64 = text.parse().ok()?;
    // Up to here floats represent all integers exactly, in both databases.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT_MAX {
        return format!("{float:.0}").parse().ok().map(Node::of_integer);
    }
    Some(Node::of_real(text))
}

/// Returns a stored constant as PostgreSQL's SQL; `None` if the conversion does not accept it.
fn written(node: &Node, conversion: &Conversion) -> Option<String> {
    // Where the text of a value means another one in PostgreSQL, or another unit, a constant has no form there.
    let is_literal = !matches!(
        conversion,
        Conversion::UuidFromAny
            | Conversion::ByteaFromText(_)
            | Conversion::TextFromBytea(_)
            | Conversion::IntervalFromS
            | Conversion::IntervalFromMs
            | Conversion::IntervalFromUs
            | Conversion::IntervalSince1970
            | Conversion::JsonFromAny
            | Conversion::JsonbFromAny
            | Conversion::MoneyFromHundredths
            | Conversion::TextArrayFromJson
            | Conversion::SmallintArrayFromJson
            | Conversion::IntegerArrayFromJson
            | Conversion::BigintArrayFromJson
            | Conversion::BooleanArrayFromJson
            | Conversion::DoublePrecisionArrayFromJson
            | Conversion::NumericArrayFromJson
            | Conversion::UuidArrayFromJson
    );
    let holds = |value: SourceValue<'_>| is_literal && conversion.takes(value);
    match (node.constant.as_ref()?, conversion.target_type()) {
        (Constant::Integer(value), kind) if holds(SourceValue::Integer(*value)) => Some(match kind {
            PgType::Boolean => (*value == 1).to_string(),
            PgType::Timestamp | PgType::Date => return None,
            PgType::Timestamptz => {
                let native =
                    family(conversion).and_then(|family| moment::constant(family, node.constant.as_ref()?));
                native?
            }
            _ => value.to_string(),
        }),
        (Constant::Real(digits), PgType::DoublePrecision) => {
            let value: f64 = digits.parse().ok()?;
            value.is_finite().then(|| format!("{value:e}"))
        }
        (Constant::Real(digits), PgType::Numeric) => {
            let value: f64 = digits.parse().ok()?;
            holds(SourceValue::Real(value)).then(|| format!("{value}"))
        }
        (Constant::Text(text), kind) if holds(SourceValue::Text(text.as_bytes())) => Some(match kind {
            PgType::Text => quote_pg_literal(text),
            // Not as text, in which bytea reads a backslash as its own.
            PgType::Bytea => {
                let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
                format!("{}::bytea", quote_pg_literal(&format!("\\x{digits}")))
            }
            PgType::Timestamptz => moment::constant(family(conversion)?, node.constant.as_ref()?)?,
            kind => format!("{}::{kind}", quote_pg_literal(text)),
        }),
        (Constant::Blob(digits), PgType::Bytea) => {
            Some(format!("{}::bytea", quote_pg_literal(&format!("\\x{digits}"))))
        }
        _ => None,
    }
}

fn family(conversion: &Conversion) -> Option<Family> {
    match conversion {
        Conversion::TimestamptzFromEpochMs => Some(Family::EpochMilliseconds),
        Conversion::TimestamptzFromEpochS => Some(Family::EpochSeconds),
        Conversion::TimestamptzFromEpochUs => Some(Family::EpochMicroseconds),
        Conversion::TimestamptzFromIso8601(_) => Some(Family::Instant),
        _ => None,
    }
}
