//! Column defaults: what SQLite would store, as PostgreSQL stores it.

use super::expression::Translator;
use super::node::{Constant, Family, Kind, Node};
use super::{
    Result, Scope, Translated, Volatility, coerce, literal, moment, untranslatable, with_expression,
};
use crate::affinity::Affinity;
use crate::conversion::{Conversion, NaiveZone, PgType};
use crate::identifier::quote_pg_literal;
use crate::source_sql::{Clock, DefaultMeaning, default_clock, default_meaning};
use crate::value::SourceValue;

/// Translates a default for a column of this conversion and affinity; none where it is NULL, which is no default.
///
/// # Errors
/// [`super::Untranslatable`] with the reason.
pub fn default(sql: &str, conversion: &Conversion, affinity: Affinity) -> Result<Option<Translated>> {
    if let Some(clock) = whole_clock(sql, conversion) {
        return Ok(Some(clock));
    }
    match default_meaning(sql) {
        DefaultMeaning::Null => return Ok(None),
        // A bare word is text where SQLite takes it as a default.
        DefaultMeaning::Text(text) => {
            return constant(&literal::text(&text), conversion, affinity).map(Some);
        }
        _ => {}
    }
    with_expression(sql, |expression| {
        let scope = Scope::default();
        let mut translator = Translator::new(&scope);
        let node = translator.node(expression)?;
        if node.kind == Kind::Null {
            return Ok(None);
        }
        if node.constant.is_some() {
            return constant(&node, conversion, affinity).map(Some);
        }
        let sql = coerce::assigned(&node, conversion, affinity)?;
        let mut notes = translator.notes;
        notes.sort();
        notes.dedup();
        Ok(Some(Translated { sql, volatility: node.volatility, notes }))
    })
}

/// The clock in a column of time where SQLite would store it in another form than the values that are there: whoever wrote the
/// default meant the time. Prisma declares CURRENT_TIMESTAMP, and writes milliseconds.
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
            // In UTC that is what the default says itself.
            let says_so = stored == Clock::Timestamp && *zone == NaiveZone::default();
            if says_so {
                return None;
            }
            "now()"
        }
        Conversion::TimestampFromIso8601 if is_moment && !is_text => "(now() at time zone 'UTC')",
        _ => return None,
    };
    let note =
        "the default is the clock, which SQLite would store in another form than the other values have";
    Some(Translated { notes: vec![note.to_owned()], ..clock(sql) })
}

/// An expression that is the clock as a whole: what that is may be known where its parts have no form that fits.
pub(super) fn whole_clock(sql: &str, conversion: &Conversion) -> Option<Translated> {
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
    Translated { sql: sql.to_owned(), volatility: Volatility::Stable, notes: Vec::new() }
}

/// A constant default: what SQLite would store, where the conversion takes it.
pub(super) fn constant(node: &Node, conversion: &Conversion, affinity: Affinity) -> Result<Translated> {
    let stored = stored(node, affinity);
    let sql = written(&stored, conversion);
    match sql {
        Some(sql) => Ok(Translated { sql, volatility: Volatility::Immutable, notes: Vec::new() }),
        None => untranslatable(format!("it is no value of {}", conversion.target_type())),
    }
}

/// What SQLite stores where a column of this affinity takes the constant (manual, "Datatypes In SQLite", section 3).
fn stored(node: &Node, affinity: Affinity) -> Node {
    let is_numeric = matches!(affinity, Affinity::Integer | Affinity::Numeric | Affinity::Real);
    match (&node.constant, affinity) {
        (Some(Constant::Integer(integer)), Affinity::Text) => literal::text(&integer.to_string()),
        (Some(Constant::Text(text)), _) if is_numeric => numeric(text).unwrap_or_else(|| node.clone()),
        (Some(Constant::Real(digits)), Affinity::Integer | Affinity::Numeric) => {
            numeric(digits).unwrap_or_else(|| node.clone())
        }
        _ => node.clone(),
    }
}

/// The number that `text` is to a column of numbers; none where it is no number.
fn numeric(text: &str) -> Option<Node> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    // Rust also reads words such as `inf`, which SQLite keeps as text.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    if let Ok(integer) = text.parse() {
        return Some(literal::integer(integer));
    }
    let float: f64 = text.parse().ok()?;
    // Up to here every whole float is one integer, in both databases.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT_MAX {
        return format!("{float:.0}").parse().ok().map(literal::integer);
    }
    Some(literal::real(text))
}

/// A stored constant as PostgreSQL's SQL; none where the conversion does not take it.
fn written(node: &Node, conversion: &Conversion) -> Option<String> {
    let holds = |value: SourceValue<'_>| conversion.takes(value);
    match (node.constant.as_ref()?, conversion.target_type()) {
        (Constant::Integer(value), kind) if holds(SourceValue::Integer(*value)) => Some(match kind {
            PgType::Boolean => (*value == 1).to_string(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_what_sqlite_would_store() {
        for (sql, affinity, conversion, expected) in [
            ("'5'", Affinity::Integer, Conversion::Bigint, Some("5")),
            ("' -5 '", Affinity::Numeric, Conversion::Bigint, Some("-5")),
            ("'5'", Affinity::Text, Conversion::Text, Some("'5'")),
            ("'5'", Affinity::Blob, Conversion::Text, Some("'5'")),
            ("'5'", Affinity::Blob, Conversion::Bigint, None),
            ("5", Affinity::Text, Conversion::Text, Some("'5'")),
            ("5", Affinity::Blob, Conversion::Text, None),
            ("5", Affinity::Blob, Conversion::Bigint, Some("5")),
            ("'five'", Affinity::Integer, Conversion::Bigint, None),
            ("'five'", Affinity::Integer, Conversion::Text, Some("'five'")),
            ("'inf'", Affinity::Real, Conversion::Text, Some("'inf'")),
            ("1.0", Affinity::Integer, Conversion::Bigint, Some("1")),
            ("'1e3'", Affinity::Integer, Conversion::Bigint, Some("1000")),
            ("'1.5'", Affinity::Numeric, Conversion::DoublePrecision, Some("1.5e0")),
            ("1.5", Affinity::Integer, Conversion::Bigint, None),
            ("-9223372036854775808", Affinity::Integer, Conversion::Bigint, Some("-9223372036854775808")),
            ("9223372036854775808", Affinity::Integer, Conversion::Bigint, None),
            ("'1'", Affinity::Integer, Conversion::Boolean, Some("true")),
            ("5", Affinity::Text, Conversion::Jsonb, Some("'5'::jsonb")),
            ("x'00ff'", Affinity::Blob, Conversion::Bytea, Some("E'\\\\x00ff'::bytea")),
            ("x''", Affinity::Blob, Conversion::Bytea, Some("E'\\\\x'::bytea")),
            ("x'00FF'", Affinity::Blob, Conversion::Bytea, Some("E'\\\\x00FF'::bytea")),
            ("0x10", Affinity::Integer, Conversion::Bigint, Some("16")),
            ("false", Affinity::Numeric, Conversion::Numeric, Some("0")),
            ("1", Affinity::Numeric, Conversion::Boolean, Some("true")),
            ("'it''s'", Affinity::Text, Conversion::Text, Some("'it''s'")),
            ("\"abc\"", Affinity::Text, Conversion::Text, Some("'abc'")),
            ("\"\"", Affinity::Text, Conversion::Text, Some("''")),
            ("'NULL'", Affinity::Text, Conversion::Text, Some("'NULL'")),
            ("19.99", Affinity::Numeric, Conversion::Numeric, Some("19.99")),
            (
                "CURRENT_TIMESTAMP",
                Affinity::Text,
                Conversion::Text,
                Some("to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')"),
            ),
            (
                "current_timestamp",
                Affinity::Numeric,
                Conversion::TimestamptzFromIso8601(crate::conversion::NaiveZone::default()),
                Some("now()"),
            ),
            (
                "datetime('now')",
                Affinity::Numeric,
                Conversion::TimestampFromIso8601,
                Some("(now() at time zone 'UTC')"),
            ),
            ("CURRENT_DATE", Affinity::Numeric, Conversion::Date, Some("((now() at time zone 'UTC'))::date")),
            (
                "CURRENT_TIME",
                Affinity::Numeric,
                Conversion::Time,
                Some("date_trunc('second', (now() at time zone 'UTC'))::time"),
            ),
            (
                "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
                Affinity::Text,
                Conversion::Text,
                Some("to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"),
            ),
            (
                "strftime('%Y-%m-%d %H:%M:%f','now')",
                Affinity::Numeric,
                Conversion::TimestamptzFromIso8601(crate::conversion::NaiveZone::default()),
                Some("now()"),
            ),
            (
                "lower(hex(randomblob(16)))",
                Affinity::Text,
                Conversion::Text,
                Some(
                    "encode(substring(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) from 1 for 16), 'hex')",
                ),
            ),
            ("unixepoch()", Affinity::Integer, Conversion::TimestamptzFromEpochS, Some("now()")),
            ("unixepoch() * 1000", Affinity::Integer, Conversion::TimestamptzFromEpochMs, Some("now()")),
            (
                "cast((julianday('now') - 2440587.5) * 86400000 as integer)",
                Affinity::Integer,
                Conversion::TimestamptzFromEpochMs,
                Some("now()"),
            ),
            ("CURRENT_TIMESTAMP", Affinity::Numeric, Conversion::TimestamptzFromEpochMs, Some("now()")),
            ("current_timestamp", Affinity::Numeric, Conversion::TimestamptzFromEpochS, Some("now()")),
            (
                "unixepoch()",
                Affinity::Text,
                Conversion::TimestamptzFromIso8601(crate::conversion::NaiveZone::default()),
                Some("now()"),
            ),
            ("CURRENT_DATE", Affinity::Numeric, Conversion::TimestamptzFromEpochMs, None),
            ("load_extension('x')", Affinity::Text, Conversion::Text, None),
        ] {
            let translated =
                default(sql, &conversion, affinity).ok().flatten().map(|translated| translated.sql);
            assert_eq!(translated.as_deref(), expected, "{sql} in {affinity:?}");
        }
    }
}
