//! The common form of a value, determined by the PostgreSQL type of its column.

use postgres_client::connection::Connection;
use rusqlite::types::Value;
use serde_json::Value as Json;

use super::moment::{DAY_MICROS, Unit, clock_micros, moment_micros, number_micros};
use crate::engine::chain;

/// A column on both sides.
pub struct Column {
    pub source: String,
    pub target: String,
    /// The type in PostgreSQL.
    kind: String,
    /// The meaning of numbers, if the type is a date or a time.
    unit: Unit,
    /// The time zone of text without an offset, if it is not UTC.
    zone: Option<String>,
}

impl Column {
    pub fn new(source: &str, target: &str, kind: &str, conversion: &Json) -> Column {
        let (name, zone) = match conversion {
            Json::Object(named) => {
                let named = named.iter().next();
                let zone = named.and_then(|(_, zone)| zone.as_str()).filter(|zone| *zone != "UTC");
                (named.map(|(name, _)| name.clone()).unwrap_or_default(), zone.map(str::to_owned))
            }
            other => (other.as_str().unwrap_or_default().to_owned(), None),
        };
        let unit = Unit::of_conversion(&name);
        Column { source: source.to_owned(), target: target.to_owned(), kind: kind.to_owned(), unit, zone }
    }

    /// Converts a SQLite value; `judge` parses JSON.
    pub fn of_source(&self, value: &Value, judge: &mut Connection) -> Result<Option<String>, String> {
        let form = match (self.kind.as_str(), value) {
            (_, Value::Null) => return Ok(None),
            ("smallint" | "integer" | "bigint", Value::Integer(integer)) => Some(integer.to_string()),
            ("boolean", Value::Integer(bit @ (0 | 1))) => Some((*bit == 1).to_string()),
            ("boolean", Value::Text(word)) => boolean(word),
            ("double precision", Value::Real(real)) => Some(float(*real)),
            ("double precision", Value::Integer(integer)) => exact_float(*integer),
            ("real", Value::Real(real)) => Some(float(*real)),
            ("real", Value::Integer(integer)) => exact_float(*integer),
            ("numeric", Value::Integer(integer)) => decimal(&integer.to_string()),
            ("numeric", Value::Real(real)) if real.is_finite() => decimal(&real.to_string()),
            ("numeric", Value::Real(real)) => Some(real.to_string()),
            ("numeric", Value::Text(text)) => decimal(text),
            ("text", Value::Text(text)) => Some(text.clone()),
            ("text", Value::Blob(bytes)) => str::from_utf8(bytes).ok().map(str::to_owned),
            ("text", number) => words_of(number),
            ("bytea", Value::Blob(bytes)) => Some(hex(bytes)),
            ("bytea", Value::Text(text)) => Some(hex(text.as_bytes())),
            ("bytea", number) => words_of(number).map(|words| hex(words.as_bytes())),
            ("json", Value::Text(text)) => Some(text.clone()),
            ("jsonb", Value::Text(text)) => Some(judged(judge, text)?),
            ("jsonb", Value::Integer(integer)) => Some(integer.to_string()),
            ("jsonb", Value::Blob(bytes)) => match str::from_utf8(bytes) {
                Ok(text) => Some(judged(judge, text)?),
                Err(_) => None,
            },
            ("uuid", Value::Text(text)) => uuid(text),
            ("uuid", Value::Blob(bytes)) if bytes.len() == 16 => Some(hex(bytes)),
            ("timestamp with time zone", Value::Text(text)) if self.zone.is_some() && !has_offset(text) => {
                Some(judged_moment(judge, text, self.zone.as_deref())?)
            }
            ("timestamp with time zone" | "timestamp without time zone", _) => {
                self.instant(value).map(|micros| micros.to_string())
            }
            ("date", _) => self.instant(value).and_then(|micros| {
                (micros.rem_euclid(DAY_MICROS) == 0).then(|| micros.div_euclid(DAY_MICROS).to_string())
            }),
            ("time without time zone", Value::Text(text)) => {
                clock_micros(text).map(|micros| micros.to_string())
            }
            // Types of the app: enums, and domains of the types above.
            (_, Value::Text(text)) => Some(text.clone()),
            (_, Value::Integer(integer)) => Some(integer.to_string()),
            _ => None,
        };
        form.map(Some).ok_or_else(|| {
            format!(
                "the oracle knows no way from {:?} to {} in {}",
                value.data_type(),
                self.kind,
                self.source
            )
        })
    }

    /// Converts a PostgreSQL value.
    pub fn of_target(&self, text: &str) -> Result<String, String> {
        let form = match self.kind.as_str() {
            "double precision" | "real" => text.parse().ok().map(float),
            "numeric" => decimal(text),
            "uuid" => uuid(text),
            "bytea" => text.strip_prefix("\\x").map(str::to_owned),
            "timestamp with time zone" | "timestamp without time zone" => {
                moment_micros(text).map(|micros| micros.to_string())
            }
            "date" => moment_micros(text).map(|micros| micros.div_euclid(DAY_MICROS).to_string()),
            "time without time zone" => clock_micros(text).map(|micros| micros.to_string()),
            "character" => Some(text.trim_end_matches(' ').to_owned()),
            _ => Some(text.to_owned()),
        };
        form.ok_or_else(|| format!("the oracle cannot read {text:?} of {} as {}", self.target, self.kind))
    }

    fn instant(&self, value: &Value) -> Option<i128> {
        match value {
            Value::Text(text) => moment_micros(text),
            Value::Integer(integer) => number_micros(self.unit, &integer.to_string()),
            Value::Real(real) => number_micros(self.unit, &real.to_string()),
            _ => None,
        }
    }
}

/// Returns the document as `jsonb` prints it: PostgreSQL decides whether two documents are equal.
fn judged(judge: &mut Connection, document: &str) -> Result<String, String> {
    let rows = judge.query("SELECT $1::jsonb::text", &[Some(document)]).map_err(|error| chain(&error))?;
    rows.into_iter().flatten().flatten().next().ok_or_else(|| "no document".to_owned())
}

/// Whether a date and time have a UTC offset.
fn has_offset(text: &str) -> bool {
    text.trim().get(11..).is_some_and(|clock| clock.contains(['Z', 'z', '+', '-']))
}

/// Returns the time at which clocks of a zone show `text`, by PostgreSQL's own time zone database.
fn judged_moment(judge: &mut Connection, text: &str, zone: Option<&str>) -> Result<String, String> {
    let sql = "SELECT (extract(epoch FROM $1::timestamp AT TIME ZONE $2) * 1000000)::bigint";
    let rows = judge.query(sql, &[Some(text), zone]).map_err(|error| chain(&error))?;
    rows.into_iter().flatten().flatten().next().ok_or_else(|| "no moment".to_owned())
}

fn boolean(word: &str) -> Option<String> {
    let word = word.trim().to_ascii_lowercase();
    let is_true = ["true", "t", "yes", "y", "on", "1"].contains(&word.as_str());
    let is_false = ["false", "f", "no", "n", "off", "0"].contains(&word.as_str());
    (is_true || is_false).then(|| is_true.to_string())
}

fn float(real: f64) -> String {
    format!("{real:?}")
}

/// Formats a number in a column of mixed kinds: the shortest digits that parse to the same float.
fn words_of(number: &Value) -> Option<String> {
    match number {
        Value::Integer(integer) => Some(integer.to_string()),
        Value::Real(real) if real.is_finite() => Some(float(*real)),
        Value::Real(real) => Some(if *real > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()),
        _ => None,
    }
}

fn exact_float(integer: i64) -> Option<String> {
    let real = integer as f64;
    (real as i128 == i128::from(integer)).then(|| float(real))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn uuid(text: &str) -> Option<String> {
    let digits: String = text
        .trim()
        .trim_matches(['{', '}'])
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    (digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// Formats a decimal number without redundant zeros and without an exponent.
fn decimal(text: &str) -> Option<String> {
    let text = text.trim();
    if ["NaN", "Infinity", "-Infinity", "inf", "-inf"].contains(&text) {
        return Some(text.replace("Infinity", "inf"));
    }
    let (digits, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits.strip_prefix('+').unwrap_or(digits)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) || exponent.abs() > 2000 {
        return None;
    }
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    // The power of ten of the last significant digit.
    let dropped = all.len() - all.trim_end_matches('0').len();
    let scale = exponent - i64::try_from(fraction.len()).ok()? + i64::try_from(dropped).ok()?;
    Some(format!("{sign}{significant}e{scale}"))
}

#[test]
fn decimals_of_one_value_have_one_form() {
    for (form, texts) in [
        ("1995e-2", &["19.95", "19.950", "+0019.95", "1.995e1", "1995E-2"][..]),
        ("-1e3", &["-1000", "-1e3", "-1000.000"]),
        ("0", &["0", "0.00", "-0", ".0"]),
        ("5e-324", &["5e-324"]),
        ("inf", &["Infinity", "inf"]),
    ] {
        for text in texts {
            assert_eq!(decimal(text).as_deref(), Some(form), "{text}");
        }
    }
    for text in ["", "x", "1x", "e5", "1e", "--1"] {
        assert_eq!(decimal(text), None, "{text}");
    }
}
