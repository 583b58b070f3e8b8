//! The conversions: how one SQLite value becomes one PostgreSQL value, and how it is taken back.
//!
//! One file for each conversion, with `encode`, `decode` and `same` side by side:
//!
//! - `encode` appends the value in PostgreSQL's binary format (the bytes of one COPY field, without its length), or refuses
//!   it with the reason; it never alters a value to make it fit;
//! - `decode` turns the bytes that PostgreSQL sends back into the SQLite value they stand for;
//! - `same` says whether the value read back is the source value, allowing only the differences that the conversion names.
//!
//! NULL is not a conversion's business: it is the same in both databases and is handled where rows are put together.
//! No I/O, no clock, no time zone of a session: a conversion gives the same bytes on every machine.

mod bigint;
mod boolean;
mod boolean_from_words;
mod bytea;
mod bytea_from_any;
mod civil;
mod date;
mod double_precision;
mod integer;
mod json;
mod json_document;
mod jsonb;
mod limit;
mod numeric;
mod pg_type;
mod pieces;
mod real;
mod refusal;
mod smallint;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod text_from_any;
mod time;
mod timestamp_from_epoch_ms;
mod timestamp_from_epoch_s;
mod timestamp_from_iso8601;
mod timestamp_utc_from_iso8601;
mod timestamptz_from_epoch_ms;
mod timestamptz_from_epoch_s;
mod timestamptz_from_epoch_us;
mod timestamptz_from_iso8601;
mod timestamptz_from_julian_day;
mod uuid;
mod uuid_from_bytes;

pub use limit::Limit;
pub use pg_type::PgType;
pub use pieces::{LongValue, TextCheck};
pub use refusal::{Refusal, Undecodable};
pub use timestamptz_from_iso8601::{NaiveZone, UnknownZone};

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::SourceValue;

/// A conversion that the plan can name, by the name that `mapping.toml` and `plan.json` use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, remote = "Self")]
pub enum Conversion {
    /// TEXT to `text`: the same bytes.
    Text,
    /// INTEGER to `bigint`: every SQLite integer fits.
    Bigint,
    /// INTEGER to `integer`: 32 bits, refused beyond.
    Integer,
    /// INTEGER 0 or 1 to `boolean`; every other integer is refused.
    Boolean,
    /// REAL to `double precision`: the same 64 bits; an integer only where it is exact as a float.
    DoublePrecision,
    /// BLOB to `bytea`: the same bytes.
    Bytea,
    /// TEXT that is a JSON document to `json`, which keeps the text as it is.
    Json,
    /// TEXT that is a JSON document to `jsonb`, compared as `jsonb` keeps it: spacing and key order are free, numbers exact.
    /// A document in which a key stands twice is refused, since `jsonb` would drop a value.
    Jsonb,
    /// The same as `jsonb`, where a human has accepted that of a repeated key only the last value is kept.
    JsonbLastKeyWins,
    /// INTEGER milliseconds since 1970 to `timestamptz`.
    TimestamptzFromEpochMs,
    /// ISO 8601 TEXT to `timestamptz`; text without an offset is read in the given zone, UTC unless a human says otherwise.
    TimestamptzFromIso8601(NaiveZone),
    /// INTEGER to `smallint`: 16 bits, refused beyond.
    Smallint,
    /// INTEGER, REAL or plain decimal TEXT to `numeric`, exactly.
    Numeric,
    /// TEXT that is a UUID in small letters to `uuid`.
    Uuid,
    /// TEXT that is a UUID in capital letters to `uuid`.
    UuidFromUppercase,
    /// BLOB of 16 bytes to `uuid`.
    UuidFromBytes,
    /// TEXT `YYYY-MM-DD` to `date`.
    Date,
    /// TEXT `HH:MM[:SS[.ffffff]]` to `time`.
    Time,
    /// ISO 8601 TEXT without an offset to `timestamp`.
    TimestampFromIso8601,
    /// Seconds since 1970, INTEGER or REAL, to `timestamptz`.
    TimestamptzFromEpochS,
    /// INTEGER microseconds since 1970 to `timestamptz`.
    TimestamptzFromEpochUs,
    /// Julian days to `timestamptz`.
    TimestamptzFromJulianDay,
    /// 0, 1 and words such as `true` and `no` to `boolean`.
    BooleanFromWords,
    /// Every storage class to `text`; what class a value had is not kept.
    TextFromAny,
    /// Every storage class to `bytea`; what class a value had is not kept.
    ByteaFromAny,
    /// REAL to `real`, where its shortest decimal is that of 32 bits.
    Real,
    /// INTEGER milliseconds since 1970 to `timestamp`, by the clock of UTC.
    TimestampFromEpochMs,
    /// Seconds since 1970, INTEGER or REAL, to `timestamp`, by the clock of UTC.
    TimestampFromEpochS,
    /// ISO 8601 TEXT to `timestamp`, by the clock of UTC.
    TimestampUtcFromIso8601,
}

impl Serialize for Conversion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Conversion::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Conversion {
    /// A conversion with a setting may be named alone, and then has the setting's default.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Conversion, D::Error> {
        struct Named;
        impl<'de> Visitor<'de> for Named {
            type Value = Conversion;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a conversion, or a table of one name and its setting")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Conversion, E> {
                match name {
                    "timestamptz_from_iso8601" => {
                        Ok(Conversion::TimestamptzFromIso8601(NaiveZone::default()))
                    }
                    _ => Conversion::deserialize(name.into_deserializer()),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Conversion, A::Error> {
                Conversion::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Named)
    }
}

/// Hands one call on to the file of the conversion.
macro_rules! each {
    ($conversion:expr, $call:ident ( $($argument:expr),* )) => {
        match $conversion {
            Conversion::Text => text::$call($($argument),*),
            Conversion::Bigint => bigint::$call($($argument),*),
            Conversion::Integer => integer::$call($($argument),*),
            Conversion::Boolean => boolean::$call($($argument),*),
            Conversion::DoublePrecision => double_precision::$call($($argument),*),
            Conversion::Bytea => bytea::$call($($argument),*),
            Conversion::Json => json::$call($($argument),*),
            Conversion::Jsonb => jsonb::$call($($argument),*, jsonb::RepeatedKeys::Refused),
            Conversion::JsonbLastKeyWins => jsonb::$call($($argument),*, jsonb::RepeatedKeys::LastWins),
            Conversion::TimestamptzFromEpochMs => timestamptz_from_epoch_ms::$call($($argument),*),
            Conversion::TimestamptzFromIso8601(zone) => timestamptz_from_iso8601::$call($($argument),*, zone),
            Conversion::Smallint => smallint::$call($($argument),*),
            Conversion::Numeric => numeric::$call($($argument),*),
            Conversion::Uuid => uuid::$call($($argument),*, uuid::Letters::Small),
            Conversion::UuidFromUppercase => uuid::$call($($argument),*, uuid::Letters::Capital),
            Conversion::UuidFromBytes => uuid_from_bytes::$call($($argument),*),
            Conversion::Date => date::$call($($argument),*),
            Conversion::Time => time::$call($($argument),*),
            Conversion::TimestampFromIso8601 => timestamp_from_iso8601::$call($($argument),*),
            Conversion::TimestamptzFromEpochS => timestamptz_from_epoch_s::$call($($argument),*),
            Conversion::TimestamptzFromEpochUs => timestamptz_from_epoch_us::$call($($argument),*),
            Conversion::TimestamptzFromJulianDay => timestamptz_from_julian_day::$call($($argument),*),
            Conversion::BooleanFromWords => boolean_from_words::$call($($argument),*),
            Conversion::TextFromAny => text_from_any::$call($($argument),*),
            Conversion::ByteaFromAny => bytea_from_any::$call($($argument),*),
            Conversion::Real => real::$call($($argument),*),
            Conversion::TimestampFromEpochMs => timestamp_from_epoch_ms::$call($($argument),*),
            Conversion::TimestampFromEpochS => timestamp_from_epoch_s::$call($($argument),*),
            Conversion::TimestampUtcFromIso8601 => timestamp_utc_from_iso8601::$call($($argument),*),
        }
    };
}

impl Conversion {
    /// The names of all conversions, as [`Conversion::name`] gives them and in the order of the enum.
    pub const ALL_NAMES: [&'static str; 29] = [
        "text",
        "bigint",
        "integer",
        "boolean",
        "double_precision",
        "bytea",
        "json",
        "jsonb",
        "jsonb_last_key_wins",
        "timestamptz_from_epoch_ms",
        "timestamptz_from_iso8601",
        "smallint",
        "numeric",
        "uuid",
        "uuid_from_uppercase",
        "uuid_from_bytes",
        "date",
        "time",
        "timestamp_from_iso8601",
        "timestamptz_from_epoch_s",
        "timestamptz_from_epoch_us",
        "timestamptz_from_julian_day",
        "boolean_from_words",
        "text_from_any",
        "bytea_from_any",
        "real",
        "timestamp_from_epoch_ms",
        "timestamp_from_epoch_s",
        "timestamp_utc_from_iso8601",
    ];

    /// The name that `mapping.toml` and `plan.json` use.
    pub fn name(&self) -> &'static str {
        match self {
            Conversion::Text => "text",
            Conversion::Bigint => "bigint",
            Conversion::Integer => "integer",
            Conversion::Boolean => "boolean",
            Conversion::DoublePrecision => "double_precision",
            Conversion::Bytea => "bytea",
            Conversion::Json => "json",
            Conversion::Jsonb => "jsonb",
            Conversion::JsonbLastKeyWins => "jsonb_last_key_wins",
            Conversion::TimestamptzFromEpochMs => "timestamptz_from_epoch_ms",
            Conversion::TimestamptzFromIso8601(_) => "timestamptz_from_iso8601",
            Conversion::Smallint => "smallint",
            Conversion::Numeric => "numeric",
            Conversion::Uuid => "uuid",
            Conversion::UuidFromUppercase => "uuid_from_uppercase",
            Conversion::UuidFromBytes => "uuid_from_bytes",
            Conversion::Date => "date",
            Conversion::Time => "time",
            Conversion::TimestampFromIso8601 => "timestamp_from_iso8601",
            Conversion::TimestamptzFromEpochS => "timestamptz_from_epoch_s",
            Conversion::TimestamptzFromEpochUs => "timestamptz_from_epoch_us",
            Conversion::TimestamptzFromJulianDay => "timestamptz_from_julian_day",
            Conversion::BooleanFromWords => "boolean_from_words",
            Conversion::TextFromAny => "text_from_any",
            Conversion::ByteaFromAny => "bytea_from_any",
            Conversion::Real => "real",
            Conversion::TimestampFromEpochMs => "timestamp_from_epoch_ms",
            Conversion::TimestampFromEpochS => "timestamp_from_epoch_s",
            Conversion::TimestampUtcFromIso8601 => "timestamp_utc_from_iso8601",
        }
    }

    /// What it does, in one sentence for people who read or write a mapping.
    pub fn describe(&self) -> &'static str {
        match self {
            Conversion::Text => "TEXT to text: the same bytes, which must be UTF-8 without NUL",
            Conversion::Bigint => "INTEGER to bigint: every SQLite integer fits",
            Conversion::Integer => "INTEGER to integer: 32 bits, refused beyond",
            Conversion::Boolean => "INTEGER 0 or 1 to boolean: every other integer is refused",
            Conversion::DoublePrecision => {
                "REAL to double precision: the same 64 bits; an INTEGER only where it is exact as a float"
            }
            Conversion::Bytea => "BLOB to bytea: the same bytes",
            Conversion::Json => "TEXT holding a JSON document to json, which keeps the text as it is",
            Conversion::Jsonb => {
                "TEXT holding a JSON document to jsonb: spacing and key order go, every value stays; a document in which a \
                 key stands twice is refused"
            }
            Conversion::JsonbLastKeyWins => {
                "TEXT holding a JSON document to jsonb, where of a repeated key only the last value is kept"
            }
            Conversion::TimestamptzFromEpochMs => "INTEGER milliseconds since 1970-01-01 UTC to timestamptz",
            Conversion::TimestamptzFromIso8601(_) => {
                "ISO 8601 TEXT to timestamptz: text without an offset is read in the given zone"
            }
            Conversion::Smallint => "INTEGER to smallint: 16 bits, refused beyond",
            Conversion::Numeric => {
                "INTEGER, REAL or TEXT that is a plain decimal to numeric: every digit stays"
            }
            Conversion::Uuid => "TEXT that is a UUID with hyphens and small letters to uuid",
            Conversion::UuidFromUppercase => {
                "TEXT that is a UUID with hyphens and capital letters to uuid, which PostgreSQL shows in small ones"
            }
            Conversion::UuidFromBytes => "BLOB of 16 bytes to uuid",
            Conversion::Date => "TEXT YYYY-MM-DD to date: dates that do not exist are refused",
            Conversion::Time => {
                "TEXT HH:MM or HH:MM:SS, with or without a fraction, to time: seconds that are left out are 0"
            }
            Conversion::TimestampFromIso8601 => {
                "ISO 8601 TEXT without an offset to timestamp: text with one is refused"
            }
            Conversion::TimestamptzFromEpochS => {
                "INTEGER or REAL seconds since 1970-01-01 UTC to timestamptz"
            }
            Conversion::TimestamptzFromEpochUs => "INTEGER microseconds since 1970-01-01 UTC to timestamptz",
            Conversion::TimestamptzFromJulianDay => "REAL Julian days, as SQLite writes them, to timestamptz",
            Conversion::BooleanFromWords => {
                "0, 1 and words such as true, f, YES or off to boolean: everything else is refused"
            }
            Conversion::TextFromAny => {
                "every storage class to text: numbers as their digits, so that 1 and the text '1' become one value"
            }
            Conversion::ByteaFromAny => {
                "every storage class to bytea: text as its bytes, numbers as those of their digits"
            }
            Conversion::Real => {
                "REAL to real: numbers whose shortest decimal 32 bits give back, and every other one is refused"
            }
            Conversion::TimestampFromEpochMs => {
                "INTEGER milliseconds since 1970-01-01 UTC to timestamp: the clock of UTC"
            }
            Conversion::TimestampFromEpochS => {
                "INTEGER or REAL seconds since 1970-01-01 UTC to timestamp: the clock of UTC"
            }
            Conversion::TimestampUtcFromIso8601 => {
                "ISO 8601 TEXT with an offset or without to timestamp: the clock of UTC"
            }
        }
    }

    /// The PostgreSQL type that it produces.
    pub fn target_type(&self) -> PgType {
        match self {
            Conversion::Text | Conversion::TextFromAny => PgType::Text,
            Conversion::Bigint => PgType::Bigint,
            Conversion::Integer => PgType::Integer,
            Conversion::Boolean | Conversion::BooleanFromWords => PgType::Boolean,
            Conversion::DoublePrecision => PgType::DoublePrecision,
            Conversion::Bytea | Conversion::ByteaFromAny => PgType::Bytea,
            Conversion::Json => PgType::Json,
            Conversion::Jsonb | Conversion::JsonbLastKeyWins => PgType::Jsonb,
            Conversion::TimestamptzFromEpochMs
            | Conversion::TimestamptzFromEpochS
            | Conversion::TimestamptzFromEpochUs
            | Conversion::TimestamptzFromJulianDay
            | Conversion::TimestamptzFromIso8601(_) => PgType::Timestamptz,
            Conversion::Smallint => PgType::Smallint,
            Conversion::Numeric => PgType::Numeric,
            Conversion::Uuid | Conversion::UuidFromUppercase | Conversion::UuidFromBytes => PgType::Uuid,
            Conversion::Date => PgType::Date,
            Conversion::Time => PgType::Time,
            Conversion::TimestampFromIso8601
            | Conversion::TimestampFromEpochMs
            | Conversion::TimestampFromEpochS
            | Conversion::TimestampUtcFromIso8601 => PgType::Timestamp,
            Conversion::Real => PgType::Real,
        }
    }

    /// Appends `value`, which is not NULL, to `out` in PostgreSQL's binary format.
    ///
    /// # Errors
    /// A [`Refusal`] when PostgreSQL cannot hold the value exactly in the planned type; `out` may then hold part of it.
    pub fn encode(&self, value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        each!(self, encode(value, out))
    }

    /// The SQLite value that PostgreSQL's binary form `wire` stands for; `scratch` lends the room where one has to be made.
    ///
    /// # Errors
    /// [`Undecodable`] when the bytes are not of the planned type, or stand for nothing that this conversion could have sent.
    pub fn decode<'a>(
        &self,
        wire: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Result<SourceValue<'a>, Undecodable> {
        each!(self, decode(wire, scratch))
    }

    /// Whether `target`, a value that [`Conversion::decode`] gave, is `source`, but for what this conversion allows.
    pub fn same(&self, source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
        each!(self, same(source, target))
    }

    /// Appends a form of `value`, which is not NULL, in which two values have the same bytes exactly where they are
    /// [`Conversion::same`].
    ///
    /// # Errors
    /// The [`Refusal`] of [`Conversion::encode`].
    pub fn canonical(&self, value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        match self {
            Conversion::Jsonb => jsonb::canonical(value, out, jsonb::RepeatedKeys::Refused),
            Conversion::JsonbLastKeyWins => jsonb::canonical(value, out, jsonb::RepeatedKeys::LastWins),
            _ => self.encode(value, out),
        }
    }

    /// Whether ordering the source column by SQLite's BINARY collation, and the target column by its type (text by
    /// `COLLATE "C"`), gives one and the same order: what a merge of both sides needs of a key.
    pub fn keeps_order(&self) -> bool {
        !matches!(self.target_type(), PgType::Json | PgType::Jsonb | PgType::Numeric | PgType::Time)
            && !matches!(
                self,
                Conversion::TimestamptzFromIso8601(_)
                    | Conversion::TimestampFromIso8601
                    | Conversion::TimestampUtcFromIso8601
                    | Conversion::BooleanFromWords
                    | Conversion::TextFromAny
                    | Conversion::ByteaFromAny
            )
    }

    /// Whether two values that SQLite holds different are never one value in PostgreSQL: what a key needs.
    pub fn is_injective(&self) -> bool {
        // The order is lost exactly where several forms of a value become one; `json` cannot be compared at all.
        self.keeps_order()
    }

    /// Whether [`Conversion::encode`] would succeed.
    pub fn takes(&self, value: SourceValue<'_>) -> bool {
        match self {
            Conversion::Bigint => matches!(value, SourceValue::Integer(_)),
            Conversion::Text => text::checked(value).is_ok(),
            _ => self.encode(value, &mut Vec::new()).is_ok(),
        }
    }
}
