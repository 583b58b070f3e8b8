//! Values as they are read: every value of a column that the app does not know is noticed, and none is shown.
//!
//! SQLite keeps any value in any column, and both databases hold documents and moments that the app has no type for. [`Stored`] loads
//! all of them, so that the error names table and column instead of the value.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::{BigInt, Bool, Int4, Int8, Jsonb, Nullable, Text, Timestamptz};
use diesel::sqlite::{Sqlite, SqliteType};
use serde_json::Value;

use crate::domain::{AttemptStatus, JobStatus};
use crate::{Error, Result, Table, Timestamp, json};

/// A value of a column, if it is one that the app knows.
#[derive(Clone, FromSqlRow)]
pub(crate) struct Stored<T>(Option<T>);

impl<T> Stored<T> {
    /// Returns the value.
    ///
    /// # Errors
    /// [`Error::UnknownValue`] if the app does not know it.
    pub(crate) fn known(self, table: Table, column: &'static str) -> Result<T> {
        self.0.ok_or(Error::UnknownValue { table, column })
    }

    /// Returns the value if the app knows it.
    pub(crate) fn ok(self) -> Option<T> {
        self.0
    }

    /// Borrows the value if the app knows it.
    pub(crate) const fn as_ref(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

/// As [`Stored::known`], for a column that may be NULL.
pub(crate) fn known_or_null<T>(
    value: Option<Stored<T>>,
    table: Table,
    column: &'static str,
) -> Result<Option<T>> {
    value.map(|value| value.known(table, column)).transpose()
}

/// Loads a value of SQLite's storage class INTEGER; any other one is unknown.
macro_rules! sqlite_integer {
    ($type:ty, $convert:expr) => {
        impl FromSql<BigInt, Sqlite> for Stored<$type> {
            fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                if value.value_type() != Some(SqliteType::Long) {
                    return Ok(Stored(None));
                }
                let integer = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
                let convert: fn(i64) -> Option<$type> = $convert;
                Ok(Stored(convert(integer)))
            }
        }
    };
}

sqlite_integer!(i64, Some);
sqlite_integer!(i32, |integer| i32::try_from(integer).ok());
sqlite_integer!(Timestamp, |integer| Some(Timestamp::from_epoch_ms(integer)));
sqlite_integer!(bool, |integer| match integer {
    0 => Some(false),
    1 => Some(true),
    _ => None,
});

/// Loads a value of SQLite's storage class TEXT; any other one is unknown, and so are bytes that are not UTF-8.
macro_rules! sqlite_text {
    ($type:ty, $convert:expr) => {
        impl FromSql<Text, Sqlite> for Stored<$type> {
            fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                if value.value_type() != Some(SqliteType::Text) {
                    return Ok(Stored(None));
                }
                let convert: fn(&str) -> Option<$type> = $convert;
                Ok(Stored(str::from_utf8(value.read_blob()).ok().and_then(convert)))
            }
        }
    };
}

sqlite_text!(String, |text| Some(text.to_owned()));
sqlite_text!(Value, json::parse);
sqlite_text!(JobStatus, JobStatus::from_name);
sqlite_text!(AttemptStatus, AttemptStatus::from_name);

/// A key that is not INTEGER may be NULL in SQLite, unless it is declared NOT NULL.
impl FromSql<Nullable<Text>, Sqlite> for Stored<String> {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <Self as FromSql<Text, Sqlite>>::from_sql(value)
    }

    fn from_nullable_sql(value: Option<<Sqlite as Backend>::RawValue<'_>>) -> deserialize::Result<Self> {
        value.map_or(Ok(Stored(None)), <Self as FromSql<Text, Sqlite>>::from_sql)
    }
}

/// Loads a value as Diesel does.
macro_rules! postgres_value {
    ($sql_type:ty, $type:ty) => {
        impl FromSql<$sql_type, Pg> for Stored<$type> {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                <$type as FromSql<$sql_type, Pg>>::from_sql(value).map(|value| Stored(Some(value)))
            }
        }
    };
}

postgres_value!(Bool, bool);
postgres_value!(Int4, i32);
postgres_value!(Int8, i64);
postgres_value!(Text, String);

/// Loads a text and converts it.
macro_rules! postgres_text {
    ($type:ty) => {
        impl FromSql<Text, Pg> for Stored<$type> {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                Ok(Stored(str::from_utf8(value.as_bytes()).ok().and_then(<$type>::from_name)))
            }
        }
    };
}

postgres_text!(JobStatus);
postgres_text!(AttemptStatus);

impl FromSql<Timestamptz, Pg> for Stored<Timestamp> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let microseconds = <i64 as FromSql<Int8, Pg>>::from_sql(value)?;
        Ok(Stored(Timestamp::from_postgres(microseconds)))
    }
}

impl FromSql<Jsonb, Pg> for Stored<Value> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        // The first byte is the version of the format.
        let text = value.as_bytes().strip_prefix(&[1]).and_then(|text| str::from_utf8(text).ok());
        Ok(Stored(text.and_then(json::parse)))
    }
}
