//! Defaults as drizzle-kit writes and reads them.

use migrate_core::conversion::PgType;
use serde_json::Value;

use super::Kind;

/// The default of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Default {
    /// `now()`
    Now,
    /// A number, as PostgreSQL prints it.
    Number(String),
    /// A boolean.
    Boolean(bool),
    /// A text.
    Text(String),
    /// SQL that is compared as it stands.
    Sql(String),
}

impl Default {
    /// The default for this SQL in a column of this kind.
    pub(super) fn of(sql: &str, kind: Kind) -> Option<Default> {
        let Kind::Plain { pg_type, .. } = kind else { return None };
        Some(match (pg_type, sql) {
            (PgType::Timestamptz, "now()") => Default::Now,
            (PgType::Boolean, "true" | "false") => Default::Boolean(sql == "true"),
            (PgType::Integer | PgType::Bigint | PgType::Smallint, _) if is_digits(sql) => {
                Default::Number(sql.to_owned())
            }
            (PgType::Text, _) => match plain_text(sql) {
                Some(text) => Default::Text(text),
                None => Default::Sql(sql.to_owned()),
            },
            _ => Default::Sql(sql.to_owned()),
        })
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

fn is_digits(sql: &str) -> bool {
    !sql.is_empty() && sql.bytes().all(|byte| byte.is_ascii_digit())
}

/// The content of a string literal that is nothing else.
fn plain_text(sql: &str) -> Option<String> {
    let inner = sql.strip_prefix('\'')?.strip_suffix('\'')?;
    let without_quotes = inner.replace("''", "");
    (!without_quotes.contains(['\'', '\\'])).then(|| inner.replace("''", "'"))
}
