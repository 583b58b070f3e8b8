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
