//! Column defaults: the value that SQLite would store, as PostgreSQL stores it.

use super::model::{Kind, Node, Result, Scope, Translated, with_expression};
use super::operators::{coerce, default_value};
use super::query::Translator;
use crate::affinity::Affinity;
use crate::conversion::Conversion;
use crate::source_sql::{DefaultMeaning, default_meaning};

/// Translates a default for a column of this conversion and affinity; `None` for NULL, which is the same as no default.
///
/// # Errors
/// [`super::Untranslatable`] with the reason.
pub fn default(sql: &str, conversion: &Conversion, affinity: Affinity) -> Result<Option<Translated>> {
    if let Some(clock) = default_value::clock_default(sql, conversion) {
        return Ok(Some(clock));
    }
    match default_meaning(sql) {
        DefaultMeaning::Null => return Ok(None),
        // SQLite reads a bare word in a default as text.
        DefaultMeaning::Text(text) => {
            return default_value::constant(&Node::of_text(&text), conversion, affinity).map(Some);
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
            return default_value::constant(&node, conversion, affinity).map(Some);
        }
        let sql = coerce::assigned(&node, conversion, affinity)?;
        Ok(Some(Translated { sql, volatility: node.volatility, notes: translator.notes }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversion::NaiveZone;
    use Affinity as A;
    use Conversion as C;

    #[test]
    fn a_default_is_what_sqlite_would_store() {
        let iso = || C::TimestamptzFromIso8601(NaiveZone::default());
        for (sql, affinity, conversion, expected) in [
            ("'5'", A::Integer, C::Bigint, Some("5")),
            ("' -5 '", A::Numeric, C::Bigint, Some("-5")),
            ("'5'", A::Text, C::Text, Some("'5'")),
            ("'5'", A::Blob, C::Text, Some("'5'")),
            ("'5'", A::Blob, C::Bigint, None),
            ("5", A::Text, C::Text, Some("'5'")),
            ("5", A::Blob, C::Text, None),
            ("5", A::Blob, C::Bigint, Some("5")),
            ("'five'", A::Integer, C::Bigint, None),
            ("'five'", A::Integer, C::Text, Some("'five'")),
            ("'inf'", A::Real, C::Text, Some("'inf'")),
            ("1.0", A::Integer, C::Bigint, Some("1")),
            ("'1e3'", A::Integer, C::Bigint, Some("1000")),
            ("'1.5'", A::Numeric, C::DoublePrecision, Some("1.5e0")),
            ("1.5", A::Integer, C::Bigint, None),
            ("-9223372036854775808", A::Integer, C::Bigint, Some("-9223372036854775808")),
            ("9223372036854775808", A::Integer, C::Bigint, None),
            ("'1'", A::Integer, C::Boolean, Some("true")),
            ("5", A::Text, C::Jsonb, Some("'5'::jsonb")),
            ("x'00ff'", A::Blob, C::Bytea, Some("E'\\\\x00ff'::bytea")),
            ("x''", A::Blob, C::Bytea, Some("E'\\\\x'::bytea")),
            ("x'00FF'", A::Blob, C::Bytea, Some("E'\\\\x00FF'::bytea")),
            ("0x10", A::Integer, C::Bigint, Some("16")),
            ("false", A::Numeric, C::Numeric, Some("0")),
            ("1", A::Numeric, C::Boolean, Some("true")),
            ("'it''s'", A::Text, C::Text, Some("'it''s'")),
            ("\"abc\"", A::Text, C::Text, Some("'abc'")),
            ("\"\"", A::Text, C::Text, Some("''")),
            ("'NULL'", A::Text, C::Text, Some("'NULL'")),
            ("19.99", A::Numeric, C::Numeric, Some("19.99")),
            ("0.0", A::Text, C::Text, Some("'0.0'")),
            ("-1.50", A::Text, C::Text, Some("'-1.5'")),
            ("1e3", A::Text, C::TextFromAny, Some("'1000.0'")),
            ("0.12345678901234567", A::Text, C::Text, None),
            ("'-1'", A::Integer, C::TextFromAny, Some("-1")),
            ("'FALSE'", A::Numeric, C::BooleanFromWords, Some("'FALSE'::boolean")),
            ("'FALSE'", A::Numeric, C::Boolean, None),
            ("'[]'", A::Blob, C::ByteaFromAny, Some("E'\\\\x5b5d'::bytea")),
            ("''", A::Blob, C::ByteaFromAny, Some("E'\\\\x'::bytea")),
            ("'a\\b'", A::Blob, C::ByteaFromAny, Some("E'\\\\x615c62'::bytea")),
            (
                "CURRENT_TIMESTAMP",
                A::Text,
                C::Text,
                Some("to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')"),
            ),
            ("current_timestamp", A::Numeric, iso(), Some("now()")),
            ("datetime('now')", A::Numeric, C::TimestampFromIso8601, Some("(now() at time zone 'UTC')")),
            ("CURRENT_DATE", A::Numeric, C::Date, Some("((now() at time zone 'UTC'))::date")),
            (
                "CURRENT_TIME",
                A::Numeric,
                C::Time,
                Some("date_trunc('second', (now() at time zone 'UTC'))::time"),
            ),
            (
                "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
                A::Text,
                C::Text,
                Some("to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"),
            ),
            ("strftime('%Y-%m-%d %H:%M:%f','now')", A::Numeric, iso(), Some("now()")),
            (
                "lower(hex(randomblob(16)))",
                A::Text,
                C::Text,
                Some(
                    "encode(substring(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) from 1 for 16), 'hex')",
                ),
            ),
            ("unixepoch()", A::Integer, C::TimestamptzFromEpochS, Some("now()")),
            ("unixepoch() * 1000", A::Integer, C::TimestamptzFromEpochMs, Some("now()")),
            (
                "cast((julianday('now') - 2440587.5) * 86400000 as integer)",
                A::Integer,
                C::TimestamptzFromEpochMs,
                Some("now()"),
            ),
            ("CURRENT_TIMESTAMP", A::Numeric, C::TimestamptzFromEpochMs, Some("now()")),
            ("current_timestamp", A::Numeric, C::TimestamptzFromEpochS, Some("now()")),
            ("unixepoch()", A::Text, iso(), Some("now()")),
            ("CURRENT_DATE", A::Numeric, C::TimestamptzFromEpochMs, None),
            ("load_extension('x')", A::Text, C::Text, None),
        ] {
            let translated =
                default(sql, &conversion, affinity).ok().flatten().map(|translated| translated.sql);
            assert_eq!(translated.as_deref(), expected, "{sql} in {affinity:?}");
        }
    }
}
