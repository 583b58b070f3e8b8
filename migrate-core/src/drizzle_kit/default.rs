//! Defaults: drizzle-kit takes what PostgreSQL prints, and cuts a cast off it by a pattern.

use super::json::stringified;
use super::printed::printed;
use crate::conversion::PgType;

/// A default as drizzle-kit holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadDefault {
    /// A number, given by its digits.
    Number(String),
    /// A boolean.
    Boolean(bool),
    /// SQL, compared as text.
    Sql(String),
}

/// How well drizzle-kit reads a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultReading {
    /// What is read has the meaning of the default.
    Exact(ReadDefault),
    /// What is read means something else, or nothing.
    Misread(ReadDefault),
    /// How PostgreSQL prints it depends on the server, or is not known.
    Unknown,
    /// drizzle-kit ends with an error at it.
    Fails,
}

/// Returns how drizzle-kit reads the default `sql` of a column of this type.
pub fn read_default(sql: &str, pg_type: PgType) -> DefaultReading {
    let Some(printed) = printed(sql, pg_type) else { return DefaultReading::Unknown };
    let cut = without_cast(printed.strip_suffix("[]").unwrap_or(&printed));
    let is_exact = cut == printed || is_literal(cut);
    let read = match pg_type {
        PgType::Integer | PgType::Smallint | PgType::Bigint | PgType::DoublePrecision | PgType::Real
            if is_number(cut) =>
        {
            ReadDefault::Number(cut.to_owned())
        }
        PgType::Numeric if !cut.contains('\'') => ReadDefault::Sql(format!("'{cut}'")),
        PgType::Json | PgType::Jsonb => {
            let inner = cut.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            // The quotes in it stay doubled, and mean one each to SQL.
            let document = inner.filter(|_| is_literal(cut)).map(|inner| inner.replace("''", "'"));
            match document.map(|text| stringified(&text, pg_type == PgType::Jsonb)) {
                Some(Some(json)) => ReadDefault::Sql(format!("'{}'::{pg_type}", json.replace('\'', "''"))),
                Some(None) => return DefaultReading::Unknown,
                None => return DefaultReading::Fails,
            }
        }
        PgType::Boolean => {
            let read = ReadDefault::Boolean(cut == "true");
            let is_exact = matches!(printed.as_str(), "true" | "false");
            return if is_exact { DefaultReading::Exact(read) } else { DefaultReading::Misread(read) };
        }
        _ if cut.starts_with('\'') && cut.ends_with('\'') => ReadDefault::Sql(cut.to_owned()),
        PgType::Integer
        | PgType::Smallint
        | PgType::Bigint
        | PgType::DoublePrecision
        | PgType::Real
        | PgType::Numeric => ReadDefault::Sql(cut.to_owned()),
        _ => ReadDefault::Sql(cut.replace('\\', "`\\")),
    };
    match is_exact {
        true => DefaultReading::Exact(read),
        false => DefaultReading::Misread(read),
    }
}

/// The text without what the pattern `::(.*?)(?<![^\w"])(?=$)` matches: the first `::` with the rest, if that has no line break and
/// ends in a letter, a digit or a quotation mark.
fn without_cast(text: &str) -> &str {
    let ends_so =
        |rest: &str| rest.ends_with(|last: char| last.is_ascii_alphanumeric() || "_\"".contains(last));
    let is_cut = |place: &usize| {
        let rest = text.get(place + 2..).unwrap_or_default();
        ends_so(rest) && !rest.contains(['\n', '\r', '\u{2028}', '\u{2029}'])
    };
    let place = text.match_indices("::").map(|(place, _)| place).find(is_cut);
    // Of three colons, the pattern begins at the first.
    place.map_or(text, |place| text.get(..place).unwrap_or(text))
}

/// Whether the text is one string literal and nothing else.
fn is_literal(text: &str) -> bool {
    let inner = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    inner.is_some_and(|inner| !inner.replace("''", "").contains('\''))
}

/// Whether it matches `^-?[\d.]+(?:e-?\d+)?$`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use DefaultReading::{Exact, Fails, Misread, Unknown};
    use PgType as T;

    fn sql(text: &str) -> ReadDefault {
        ReadDefault::Sql(text.to_owned())
    }

    fn number(text: &str) -> ReadDefault {
        ReadDefault::Number(text.to_owned())
    }

    #[test]
    fn defaults_are_read_as_drizzle_kit_reads_them() {
        for (default, pg_type, reading) in [
            ("5", T::Integer, Exact(number("5"))),
            ("-5", T::Integer, Exact(sql("'-5'"))),
            ("5000000000", T::Bigint, Exact(sql("'5000000000'"))),
            ("5e-1", T::DoublePrecision, Exact(number("0.5"))),
            ("0e0", T::DoublePrecision, Exact(sql("'0'"))),
            ("1.25e2", T::DoublePrecision, Exact(sql("'125'"))),
            ("-1.5e0", T::DoublePrecision, Exact(sql("'-1.5'"))),
            ("0", T::Numeric, Exact(sql("'0'"))),
            ("19.99", T::Numeric, Exact(sql("'19.99'"))),
            ("true", T::Boolean, Exact(ReadDefault::Boolean(true))),
            ("'FALSE'::boolean", T::Boolean, Exact(ReadDefault::Boolean(false))),
            ("'it''s'", T::Text, Exact(sql("'it''s'"))),
            ("''", T::Text, Exact(sql("''"))),
            ("E'a\\\\b'", T::Text, Exact(sql("'a\\b'"))),
            ("'a::b'", T::Text, Misread(sql("'a"))),
            ("'a::b\nc'", T::Text, Exact(sql("'a::b\nc'"))),
            ("'a:::b'", T::Text, Misread(sql("'a"))),
            (
                "'{\"b\": 1, \"a\": [1, 2.50], \"10\": null}'::jsonb",
                T::Jsonb,
                Exact(sql("'{\"10\":null,\"a\":[1,2.5],\"b\":1}'::jsonb")),
            ),
            ("'{\"b\": 1, \"a\": 2}'::json", T::Json, Exact(sql("'{\"b\":1,\"a\":2}'::json"))),
            ("'{\"a\": \"x::y\"}'::jsonb", T::Jsonb, Fails),
            ("'12345678901234567890'::jsonb", T::Jsonb, Unknown),
            ("E'\\\\x00FF'::bytea", T::Bytea, Exact(sql("'\\x00ff'"))),
            ("'2024-01-01'::date", T::Date, Exact(sql("'2024-01-01'"))),
            ("now()", T::Timestamptz, Exact(sql("now()"))),
            ("(now() at time zone 'UTC')", T::Timestamp, Exact(sql("(now() AT TIME ZONE 'UTC'::text)"))),
            ("((now() at time zone 'UTC'))::date", T::Date, Misread(sql("((now() AT TIME ZONE 'UTC'"))),
            (
                "to_char(now() at time zone 'UTC', 'YYYY-MM-DD')",
                T::Text,
                Exact(sql("to_char((now() AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD'::text)")),
            ),
            (
                "encode(substring(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) from 1 for 16), 'hex')",
                T::Text,
                Exact(sql(
                    "encode(SUBSTRING(sha256((uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))) FROM 1 FOR 16), 'hex'::text)",
                )),
            ),
            ("to_timestamp(1)", T::Timestamptz, Unknown),
            ("'1.50'::money", T::Money, Unknown),
        ] {
            assert_eq!(read_default(default, pg_type), reading, "{default}");
        }
    }
}
