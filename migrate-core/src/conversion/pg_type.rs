//! The types of PostgreSQL that conversions produce, and their names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A PostgreSQL type that a conversion produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PgType {
    /// `text`
    #[serde(rename = "text")]
    Text,
    /// `bigint`
    #[serde(rename = "bigint")]
    Bigint,
    /// `integer`
    #[serde(rename = "integer")]
    Integer,
    /// `boolean`
    #[serde(rename = "boolean")]
    Boolean,
    /// `double precision`
    #[serde(rename = "double precision")]
    DoublePrecision,
    /// `bytea`
    #[serde(rename = "bytea")]
    Bytea,
    /// `json`
    #[serde(rename = "json")]
    Json,
    /// `jsonb`
    #[serde(rename = "jsonb")]
    Jsonb,
    /// `timestamp with time zone`, which PostgreSQL prints in full and people write as `timestamptz`.
    #[serde(rename = "timestamptz")]
    Timestamptz,
    /// `smallint`
    #[serde(rename = "smallint")]
    Smallint,
    /// `numeric`
    #[serde(rename = "numeric")]
    Numeric,
    /// `uuid`
    #[serde(rename = "uuid")]
    Uuid,
    /// `date`
    #[serde(rename = "date")]
    Date,
    /// `time`
    #[serde(rename = "time")]
    Time,
    /// `timestamp`
    #[serde(rename = "timestamp")]
    Timestamp,
    /// `real`
    #[serde(rename = "real")]
    Real,
    /// `text[]`
    #[serde(rename = "text[]")]
    TextArray,
    /// `smallint[]`
    #[serde(rename = "smallint[]")]
    SmallintArray,
    /// `integer[]`
    #[serde(rename = "integer[]")]
    IntegerArray,
    /// `bigint[]`
    #[serde(rename = "bigint[]")]
    BigintArray,
    /// `boolean[]`
    #[serde(rename = "boolean[]")]
    BooleanArray,
    /// `double precision[]`
    #[serde(rename = "double precision[]")]
    DoublePrecisionArray,
    /// `numeric[]`
    #[serde(rename = "numeric[]")]
    NumericArray,
    /// `uuid[]`
    #[serde(rename = "uuid[]")]
    UuidArray,
    /// `inet`
    #[serde(rename = "inet")]
    Inet,
    /// `cidr`
    #[serde(rename = "cidr")]
    Cidr,
    /// `macaddr`
    #[serde(rename = "macaddr")]
    Macaddr,
    /// `macaddr8`
    #[serde(rename = "macaddr8")]
    Macaddr8,
    /// `interval`
    #[serde(rename = "interval")]
    Interval,
    /// `money`
    #[serde(rename = "money")]
    Money,
}

impl PgType {
    /// The name as SQL writes it.
    pub fn sql(self) -> &'static str {
        match self {
            PgType::Text => "text",
            PgType::Bigint => "bigint",
            PgType::Integer => "integer",
            PgType::Boolean => "boolean",
            PgType::DoublePrecision => "double precision",
            PgType::Bytea => "bytea",
            PgType::Json => "json",
            PgType::Jsonb => "jsonb",
            PgType::Timestamptz => "timestamptz",
            PgType::Smallint => "smallint",
            PgType::Numeric => "numeric",
            PgType::Uuid => "uuid",
            PgType::Date => "date",
            PgType::Time => "time",
            PgType::Timestamp => "timestamp",
            PgType::Real => "real",
            PgType::TextArray => "text[]",
            PgType::SmallintArray => "smallint[]",
            PgType::IntegerArray => "integer[]",
            PgType::BigintArray => "bigint[]",
            PgType::BooleanArray => "boolean[]",
            PgType::DoublePrecisionArray => "double precision[]",
            PgType::NumericArray => "numeric[]",
            PgType::UuidArray => "uuid[]",
            PgType::Inet => "inet",
            PgType::Cidr => "cidr",
            PgType::Macaddr => "macaddr",
            PgType::Macaddr8 => "macaddr8",
            PgType::Interval => "interval",
            PgType::Money => "money",
        }
    }
}

impl fmt::Display for PgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sql())
    }
}
