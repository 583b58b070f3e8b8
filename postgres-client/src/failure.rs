//! What a caller must know of an error to decide whether to run its work again: values, not words.

use crate::server_error::ServerError;

/// How far a call got before its connection was lost, or its deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing was sent: the server has certainly not carried out the call.
    BeforeSending,
    /// The call was sent, and its answer did not arrive: the server may have carried it out.
    Underway,
}

/// The condition that the server reported, by the names of the manual's appendix A.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// 40001: another transaction was in the way; the same work may succeed at once.
    SerializationFailure,
    /// 40P01: as above.
    DeadlockDetected,
    /// 55P03: a lock was not available within `lock_timeout`.
    LockNotAvailable,
    /// 57014: `statement_timeout`, or cancelled by somebody.
    QueryCanceled,
    /// 25P03: `idle_in_transaction_session_timeout`.
    IdleInTransactionSessionTimeout,
    /// 23505.
    UniqueViolation,
    /// 23503.
    ForeignKeyViolation,
    /// 23502.
    NotNullViolation,
    /// 23514.
    CheckViolation,
    /// 23P01.
    ExclusionViolation,
    /// 23001.
    RestrictViolation,
    /// 25006: the server is a standby, or the transaction is read-only.
    ReadOnlySqlTransaction,
    /// 26000: a prepared statement does not exist.
    InvalidSqlStatementName,
    /// 0A000: what the server does not support, which includes a prepared statement whose result has other types by now.
    FeatureNotSupported,
    /// 53300.
    TooManyConnections,
    /// Class 08, 57P01, 57P02, 57P03: the server ended the session or accepts none now.
    ConnectionEnded,
    /// Any other.
    Other,
}

impl ServerError {
    /// The condition; none where the client library made up the error.
    #[must_use]
    pub fn condition(&self) -> Option<Condition> {
        Some(match self.sqlstate.as_deref()? {
            "40001" => Condition::SerializationFailure,
            "40P01" => Condition::DeadlockDetected,
            "55P03" => Condition::LockNotAvailable,
            "57014" => Condition::QueryCanceled,
            "25P03" => Condition::IdleInTransactionSessionTimeout,
            "23505" => Condition::UniqueViolation,
            "23503" => Condition::ForeignKeyViolation,
            "23502" => Condition::NotNullViolation,
            "23514" => Condition::CheckViolation,
            "23P01" => Condition::ExclusionViolation,
            "23001" => Condition::RestrictViolation,
            "25006" => Condition::ReadOnlySqlTransaction,
            "26000" => Condition::InvalidSqlStatementName,
            "0A000" => Condition::FeatureNotSupported,
            "53300" => Condition::TooManyConnections,
            "57P01" | "57P02" | "57P03" => Condition::ConnectionEnded,
            class if class.starts_with("08") => Condition::ConnectionEnded,
            _ => Condition::Other,
        })
    }
}
