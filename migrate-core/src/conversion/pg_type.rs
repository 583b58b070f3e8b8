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
        }
    }
}

impl fmt::Display for PgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sql())
    }
}
