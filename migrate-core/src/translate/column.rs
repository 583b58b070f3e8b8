//! Columns: in PostgreSQL's own form, and with the conversion undone in SQL.

use super::ScopeColumn;
use super::node::{Family, Kind, Native, Node};
use crate::conversion::Conversion;

/// A column as a node.
pub(super) fn node(column: &ScopeColumn) -> Node {
    let (kind, sql, family) = form(column);
    let is_plain = sql == column.sql;
    Node {
        native: family.map(|family| Native { family, sql: column.sql.clone() }),
        affinity: Some(column.affinity),
        collation: Some(column.collation.clone()),
        is_from_column: is_plain,
        is_not_null: column.not_null,
        ..Node::atom(kind, sql)
    }
}

/// The kind of a column's values in SQLite, SQL that gives them, and the form that PostgreSQL has them in.
fn form(column: &ScopeColumn) -> (Kind, String, Option<Family>) {
    let sql = &column.sql;
    // `at time zone` gives a wall clock, of which `extract` depends on no setting of the session.
    let epoch = || format!("extract(epoch from {sql} at time zone 'UTC')");
    match &column.conversion {
        Conversion::Text => (Kind::Text, sql.clone(), None),
        Conversion::Bigint | Conversion::Integer | Conversion::Smallint => (Kind::Integer, sql.clone(), None),
        Conversion::Boolean => (Kind::Integer, format!("{sql}::int"), Some(Family::Boolean)),
        Conversion::DoublePrecision => (Kind::Real, sql.clone(), None),
        Conversion::Bytea => (Kind::Blob, sql.clone(), None),
        Conversion::Json => (Kind::Json, format!("{sql}::jsonb"), None),
        Conversion::Jsonb | Conversion::JsonbLastKeyWins => (Kind::Json, sql.clone(), None),
        Conversion::TimestamptzFromEpochMs => {
            (Kind::Integer, format!("floor({} * 1000)::bigint", epoch()), Some(Family::EpochMilliseconds))
        }
        Conversion::TimestamptzFromEpochS => (Kind::Number, epoch(), Some(Family::EpochSeconds)),
        Conversion::TimestamptzFromEpochUs => {
            (Kind::Integer, format!("floor({} * 1000000)::bigint", epoch()), Some(Family::EpochMicroseconds))
        }
        Conversion::TimestamptzFromJulianDay => {
            (Kind::Real, format!("({} / 86400 + 2440587.5)::float8", epoch()), Some(Family::JulianDay))
        }
        Conversion::TimestamptzFromIso8601(_) => (Kind::Unknown, sql.clone(), Some(Family::Instant)),
        Conversion::TimestampFromIso8601 => (Kind::Unknown, sql.clone(), Some(Family::Wall)),
        Conversion::Numeric => (Kind::Number, sql.clone(), None),
        Conversion::Uuid => (Kind::Text, format!("{sql}::text"), Some(Family::Uuid)),
        Conversion::UuidFromUppercase => (Kind::Text, format!("upper({sql}::text)"), None),
        Conversion::UuidFromBytes => (Kind::Blob, format!("uuid_send({sql})"), None),
        Conversion::Date => (Kind::Unknown, sql.clone(), Some(Family::Date)),
        Conversion::Time => (Kind::Unknown, sql.clone(), Some(Family::Time)),
        // The class of the values, or the word that a value was, is not kept; or no generated column is of this type.
        Conversion::BooleanFromWords
        | Conversion::TextFromAny
        | Conversion::ByteaFromAny
        | Conversion::Real
        | Conversion::TimestampFromEpochMs
        | Conversion::TimestampFromEpochS
        | Conversion::TimestampUtcFromIso8601 => (Kind::Unknown, sql.clone(), None),
    }
}
