//! The error of this crate: that of `postgres-client`, with what failed and where, the cause, and what to do next.
//!
//! It holds no cell value and no password: errors name table, column and key, never what is stored there.

use std::fmt;

use migrate_core::finding::SchemaDifference;
pub(crate) use postgres_client::error::Context;
pub use postgres_client::error::{Error, Result};

/// Whether a request to stop caused `error`: the work noticed it, or its statement was cancelled on the server or interrupted in SQLite.
pub fn is_stop(error: &Error) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let is_interrupted = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<rusqlite::Error>()
            .is_some_and(|error| error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted))
    };
    error.is_stop() || causes.into_iter().any(is_interrupted)
}

/// The cause of an error: tables of the target have changed since the plan was made.
#[derive(Debug)]
pub struct TargetChanged {
    /// What has changed.
    pub differences: Vec<SchemaDifference>,
}

impl fmt::Display for TargetChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} differences of the schema", self.differences.len())
    }
}

impl std::error::Error for TargetChanged {}
