//! A value of SQLite that outlives the row it was read from, exactly as SQLite lent it, and that can be a parameter of a statement.

use std::fmt;

use migrate_core::value::SourceValue;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use super::scan;

/// A value of one of SQLite's storage classes. Text need not be valid UTF-8.
#[derive(Clone, PartialEq)]
pub(crate) enum OwnedValue {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl OwnedValue {
    /// A copy of the value that SQLite lends.
    pub(crate) fn of(value: ValueRef<'_>) -> OwnedValue {
        match value {
            ValueRef::Null => OwnedValue::Null,
            ValueRef::Integer(integer) => OwnedValue::Integer(integer),
            ValueRef::Real(real) => OwnedValue::Real(real),
            ValueRef::Text(text) => OwnedValue::Text(text.to_vec()),
            ValueRef::Blob(blob) => OwnedValue::Blob(blob.to_vec()),
        }
    }

    /// The value, borrowed.
    pub(crate) fn as_source(&self) -> SourceValue<'_> {
        scan::value(self.lent())
    }

    fn lent(&self) -> ValueRef<'_> {
        match self {
            OwnedValue::Null => ValueRef::Null,
            OwnedValue::Integer(integer) => ValueRef::Integer(*integer),
            OwnedValue::Real(real) => ValueRef::Real(*real),
            OwnedValue::Text(text) => ValueRef::Text(text),
            OwnedValue::Blob(blob) => ValueRef::Blob(blob),
        }
    }
}

impl ToSql for OwnedValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.lent()))
    }
}

/// Without the value, which may be a secret.
impl fmt::Debug for OwnedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_source().fmt(f)
    }
}
