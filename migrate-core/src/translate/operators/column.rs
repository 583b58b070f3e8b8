//! Columns, in PostgreSQL's own form and with the conversion undone in SQL.

use crate::affinity::Affinity;
use crate::conversion::{Conversion, NaiveZone};
use crate::translate::model::{
    BlobContents, Caveat, Collated, Family, INTEGER_BOUND, Kind, Native, Node, Origin, ScopeColumn,
};

/// Returns a column as a node.
pub(crate) fn node(column: &ScopeColumn) -> Node {
    let (kind, sql, family) = form(column);
    // Only a column with REAL affinity converts integers to floats.
    let may_be_integer = kind == Kind::Real && column.affinity != Affinity::Real;
    Node {
        native: family.map(|family| Native { family, sql: column.sql.clone() }),
        affinity: Some(column.affinity),
        collation: Collated::OfColumn(column.collation.clone()),
        origin: if sql == column.sql { Origin::Column } else { Origin::Computed },
        is_not_null: column.not_null,
        bound: bound(&column.conversion),
        contents: column.contents,
        caveats: may_be_integer.then_some(Caveat::MaybeInteger).into_iter().collect(),
        ..Node::atom(kind, sql)
    }
}

/// Returns the Julian day of seconds since 1970, as SQLite computes it: in integer milliseconds, then as a float.
pub(crate) fn julian_day(epoch: &str) -> String {
    format!("(round({epoch} * 1000) + 210866760000000)::float8 / 86400000")
}

/// Returns the largest distance of a column's integers from 0.
fn bound(conversion: &Conversion) -> i128 {
    match conversion {
        Conversion::Boolean => 1,
        Conversion::Smallint => 1 << 15,
        Conversion::Integer => 1 << 31,
        // What `timestamptz` holds, to the year 294276, in its unit.
        Conversion::TimestamptzFromEpochMs => 1 << 53,
        _ => INTEGER_BOUND,
    }
}

/// Returns the kind of a column's values in SQLite, SQL that computes them, and their form in PostgreSQL.
fn form(column: &ScopeColumn) -> (Kind, String, Option<Family>) {
    let sql = &column.sql;
    // `at time zone` returns a wall clock, on which `extract` depends on no setting of the session.
    let epoch = || format!("extract(epoch from {sql} at time zone 'UTC')");
    match &column.conversion {
        Conversion::Text => (Kind::Text, sql.clone(), None),
        Conversion::Bigint | Conversion::Integer | Conversion::Smallint => (Kind::Integer, sql.clone(), None),
        Conversion::Boolean => (Kind::Integer, format!("{sql}::int"), Some(Family::Boolean)),
        Conversion::DoublePrecision => (Kind::Real, sql.clone(), None),
        Conversion::Bytea => (Kind::Blob, sql.clone(), None),
        Conversion::Json => (Kind::Document, format!("{sql}::jsonb"), None),
        Conversion::Jsonb
        | Conversion::JsonbLastKeyWins
        | Conversion::JsonbUnsignedZero
        | Conversion::JsonbLastKeyWinsUnsignedZero => (Kind::Document, sql.clone(), None),
        Conversion::JsonFromBytes if column.contents == BlobContents::Documents => {
            (Kind::Document, format!("{sql}::jsonb"), None)
        }
        Conversion::JsonbFromBytes if column.contents == BlobContents::Documents => {
            (Kind::Document, sql.clone(), None)
        }
        Conversion::TimestamptzFromEpochMs => {
            (Kind::Integer, format!("floor({} * 1000)::bigint", epoch()), Some(Family::EpochMilliseconds))
        }
        Conversion::TimestamptzFromEpochS => (Kind::Number, epoch(), Some(Family::EpochSeconds)),
        Conversion::TimestamptzFromEpochUs => {
            (Kind::Integer, format!("floor({} * 1000000)::bigint", epoch()), Some(Family::EpochMicroseconds))
        }
        Conversion::TimestamptzFromJulianDay => (Kind::Real, julian_day(&epoch()), Some(Family::JulianDay)),
        Conversion::TimestamptzFromIso8601(zone) => {
            // SQLite reads text without an offset in UTC alone.
            (Kind::Unknown, sql.clone(), (*zone == NaiveZone::default()).then_some(Family::Instant))
        }
        Conversion::TimestampFromIso8601 => (Kind::Unknown, sql.clone(), Some(Family::Wall)),
        Conversion::Numeric => (Kind::Number, sql.clone(), None),
        Conversion::Uuid => (Kind::Text, format!("{sql}::text"), Some(Family::Uuid)),
        Conversion::UuidFromUppercase => (Kind::Text, format!("upper({sql}::text)"), None),
        Conversion::UuidFromBytes => (Kind::Blob, format!("uuid_send({sql})"), None),
        Conversion::Date => (Kind::Unknown, sql.clone(), Some(Family::Date)),
        Conversion::Time => (Kind::Unknown, sql.clone(), Some(Family::Time)),
        // The class of the values, or the word that a value was, is not kept; or no generated column is of this type.
        _ => (Kind::Unknown, sql.clone(), None),
    }
}
