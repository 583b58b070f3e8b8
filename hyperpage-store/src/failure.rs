//! What is kept of an error of Diesel: its kind and names, never its message, which may contain values.

use std::fmt;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use postgres_client::Condition;

use crate::Error;
use crate::postgres::client_error_of;

/// Why a database did not carry out a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// A unique constraint was violated.
    UniqueViolation,
    /// A foreign key was violated.
    ForeignKeyViolation,
    /// A NOT NULL constraint was violated.
    NotNullViolation,
    /// A CHECK constraint was violated.
    CheckViolation,
    /// The transaction conflicts with another one.
    SerializationFailure,
    /// The transaction is read-only.
    ReadOnly,
    /// The connection is closed.
    Closed,
    /// A value was not sent or read.
    Value,
    /// The disk is full, or the file has reached its largest size.
    Full,
    /// The database did not change a row that fulfils the condition: a trigger or a policy for rows prevents it.
    Unchanged,
    /// Something else.
    Other,
}

/// What a database reported, without values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DatabaseFailure {
    /// Why.
    pub kind: FailureKind,
    /// The constraint, if the database named one.
    pub constraint: Option<String>,
}

impl fmt::Display for DatabaseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FailureKind::UniqueViolation => "a unique constraint was violated",
            FailureKind::ForeignKeyViolation => "a foreign key was violated",
            FailureKind::NotNullViolation => "a NOT NULL constraint was violated",
            FailureKind::CheckViolation => "a CHECK constraint was violated",
            FailureKind::SerializationFailure => "the transaction conflicts with another one",
            FailureKind::ReadOnly => "the transaction is read-only",
            FailureKind::Closed => "the connection is closed",
            FailureKind::Value => "a value was not sent or read",
            FailureKind::Full => "the disk is full, or the file has reached its largest size",
            FailureKind::Unchanged => "a trigger or a policy for rows prevents the change of a row",
            FailureKind::Other => "the database reported an error",
        })?;
        match &self.constraint {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

/// The message of `sqlite3_errstr(SQLITE_BUSY)`. Diesel keeps no code of SQLite's errors; SQLite's texts are constants in English.
const SQLITE_BUSY: &str = "database is locked";

/// The same of `SQLITE_FULL`.
const SQLITE_FULL: &str = "database or disk is full";

/// How often a change is tried whose row does not fulfil the condition at first and does when it is read: somebody changed it between.
pub(crate) const CHANGE_ATTEMPTS_MAX: u32 = 100;

impl Error {
    /// The error of a row that was not changed in so many attempts.
    pub(crate) fn unchanged() -> Error {
        Error::Database {
            source: Box::new(DatabaseFailure { kind: FailureKind::Unchanged, constraint: None }),
        }
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Error {
        let error = match client_error_of(error) {
            Ok(error) => return Error::from(*error),
            Err(error) => error,
        };
        let (kind, constraint) = match &error {
            DieselError::DatabaseError(kind, information) => {
                if matches!(kind, DatabaseErrorKind::Unknown) && information.message() == SQLITE_BUSY {
                    let source = DatabaseFailure { kind: FailureKind::Other, constraint: None };
                    return Error::Busy { source: Box::new(source) };
                }
                let kind = match kind_of(kind) {
                    FailureKind::Other if information.message() == SQLITE_FULL => FailureKind::Full,
                    kind => kind,
                };
                (kind, information.constraint_name().map(str::to_owned))
            }
            DieselError::DeserializationError(_)
            | DieselError::SerializationError(_)
            | DieselError::InvalidCString(_) => (FailureKind::Value, None),
            _ => (FailureKind::Other, None),
        };
        Error::Database { source: Box::new(DatabaseFailure { kind, constraint }) }
    }
}

/// PostgreSQL's client has removed all values from its errors, which are kept as they are.
impl From<postgres_client::Error> for Error {
    fn from(error: postgres_client::Error) -> Error {
        match error.condition() {
            Some(Condition::LockNotAvailable) => Error::Busy { source: Box::new(error) },
            _ => Error::Database { source: Box::new(error) },
        }
    }
}

fn kind_of(kind: &DatabaseErrorKind) -> FailureKind {
    match kind {
        DatabaseErrorKind::UniqueViolation => FailureKind::UniqueViolation,
        DatabaseErrorKind::ForeignKeyViolation => FailureKind::ForeignKeyViolation,
        DatabaseErrorKind::NotNullViolation => FailureKind::NotNullViolation,
        DatabaseErrorKind::CheckViolation => FailureKind::CheckViolation,
        DatabaseErrorKind::SerializationFailure => FailureKind::SerializationFailure,
        DatabaseErrorKind::ReadOnlyTransaction => FailureKind::ReadOnly,
        DatabaseErrorKind::ClosedConnection => FailureKind::Closed,
        _ => FailureKind::Other,
    }
}
