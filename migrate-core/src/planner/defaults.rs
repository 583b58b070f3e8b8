//! Column defaults: the value that SQLite would store, and the SQL with which PostgreSQL stores the same.

use crate::affinity::Affinity;
use crate::conversion::{Conversion, PgType};
use crate::identifier::quote_pg_literal;
use crate::source_sql::DefaultMeaning;
use crate::value::SourceValue;

/// What SQLite stores where a column of this affinity takes the default (manual, "Datatypes In SQLite", section 3).
pub(super) fn stored(meaning: DefaultMeaning, affinity: Affinity) -> DefaultMeaning {
    use DefaultMeaning as Is;
    match (affinity, meaning) {
        (Affinity::Text, Is::Integer(value)) => Is::Text(value.to_string()),
        (Affinity::Integer | Affinity::Numeric | Affinity::Real, Is::Text(text)) => {
            numeric(&text).unwrap_or(Is::Text(text))
        }
        (Affinity::Integer | Affinity::Numeric, Is::Number(number)) => {
            numeric(&number).unwrap_or(Is::Number(number))
        }
        (_, meaning) => meaning,
    }
}

/// The number that `text` is to a column of numbers; none where it is no number.
fn numeric(text: &str) -> Option<DefaultMeaning> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    // Rust also reads words such as `inf`, which SQLite keeps as text.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    if let Ok(integer) = text.parse() {
        return Some(DefaultMeaning::Integer(integer));
    }
    let float: f64 = text.parse().ok()?;
    // Up to here every whole float is one integer, in both databases.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT_MAX {
        return format!("{float:.0}").parse().ok().map(DefaultMeaning::Integer);
    }
    Some(DefaultMeaning::Number(text.to_owned()))
}

/// The default in PostgreSQL's SQL, where one has the same effect as what SQLite would store.
pub(super) fn translate(stored: &DefaultMeaning, conversion: &Conversion) -> Option<String> {
    use DefaultMeaning as Is;
    match (conversion, stored) {
        (Conversion::TimestamptzFromEpochMs, Is::ClockMilliseconds)
        | (Conversion::TimestamptzFromIso8601(_), Is::ClockText) => Some("now()".to_owned()),
        (Conversion::Bigint, Is::ClockSeconds) => Some("floor(extract(epoch from now()))::bigint".to_owned()),
        (Conversion::Bigint, Is::ClockMilliseconds) => {
            Some("floor(extract(epoch from now()))::bigint * 1000".to_owned())
        }
        (Conversion::Text, Is::ClockText) => {
            Some("to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')".to_owned())
        }
        (Conversion::Boolean, Is::Integer(value @ (0 | 1))) => Some((*value == 1).to_string()),
        (Conversion::Bigint | Conversion::Integer | Conversion::DoublePrecision, Is::Integer(value))
            if holds(conversion, SourceValue::Integer(*value)) =>
        {
            Some(value.to_string())
        }
        (
            Conversion::Text | Conversion::Json | Conversion::Jsonb | Conversion::JsonbLastKeyWins,
            Is::Text(text),
        ) if holds(conversion, SourceValue::Text(text.as_bytes())) => {
            let cast = match conversion.target_type() {
                PgType::Text => "",
                PgType::Json => "::json",
                _ => "::jsonb",
            };
            Some(format!("{}{cast}", quote_pg_literal(text)))
        }
        (Conversion::Bytea, Is::Blob(digits)) => {
            Some(format!("{}::bytea", quote_pg_literal(&format!("\\x{digits}"))))
        }
        (Conversion::DoublePrecision, Is::Number(number)) => {
            let value: f64 = number.parse().ok()?;
            value.is_finite().then(|| format!("{value:e}"))
        }
        _ => None,
    }
}

fn holds(conversion: &Conversion, value: SourceValue<'_>) -> bool {
    conversion.encode(value, &mut Vec::new()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_sql::default_meaning;

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
        ] {
            let stored = stored(default_meaning(sql), affinity);
            assert_eq!(translate(&stored, &conversion).as_deref(), expected, "{sql} in {affinity:?}");
        }
    }
}
