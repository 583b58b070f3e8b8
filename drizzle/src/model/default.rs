//! Defaults as drizzle-kit reads them, in the form that a reader of TypeScript expects.

use migrate_core::conversion::PgType;
use migrate_core::drizzle_kit::{DefaultReading, ReadDefault, read_default};
use serde_json::Value;

/// The default of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Default {
    /// `now()`
    Now,
    /// A number.
    Number(String),
    /// A boolean.
    Boolean(bool),
    /// A text.
    Text(String),
    /// SQL that is compared as it stands.
    Sql(String),
}

impl Default {
    /// The default for this SQL in a column of this type.
    pub(super) fn of(sql: &str, pg_type: PgType) -> Default {
        let read = match read_default(sql, pg_type) {
            DefaultReading::Exact(read) | DefaultReading::Misread(read) => read,
            DefaultReading::Unknown | DefaultReading::Fails => ReadDefault::Sql(sql.to_owned()),
        };
        match read {
            ReadDefault::Number(digits) => Default::Number(digits),
            ReadDefault::Boolean(value) => Default::Boolean(value),
            ReadDefault::Sql(sql) if sql == "now()" && pg_type == PgType::Timestamptz => Default::Now,
            ReadDefault::Sql(sql) => match content(&sql).filter(|_| is_string(pg_type)) {
                Some(text) => Default::Text(text),
                None => Default::Sql(sql),
            },
        }
    }

    /// The value in a snapshot.
    pub(crate) fn snapshot(&self) -> Value {
        match self {
            Default::Now => Value::from("now()"),
            Default::Number(digits) => {
                serde_json::from_str(digits).unwrap_or_else(|_| Value::from(digits.as_str()))
            }
            Default::Boolean(value) => Value::from(*value),
            Default::Text(text) => Value::from(format!("'{}'", text.replace('\'', "''"))),
            Default::Sql(sql) => Value::from(sql.as_str()),
        }
    }
}

/// Whether values of the type are strings in TypeScript.
fn is_string(pg_type: PgType) -> bool {
    matches!(
        pg_type,
        PgType::Text
            | PgType::Uuid
            | PgType::Date
            | PgType::Time
            | PgType::Interval
            | PgType::Inet
            | PgType::Cidr
            | PgType::Macaddr
            | PgType::Macaddr8
    )
}

/// The content of a string literal that is nothing else.
fn content(sql: &str) -> Option<String> {
    let inner = sql.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.replace("''", "").contains('\'')).then(|| inner.replace("''", "'"))
}
