//! Errors of the client within errors of Diesel.

use diesel::result::Error as DieselError;

/// Returns the client's error within an error of Diesel; none where the error is Diesel's own, such as a row that was not found.
///
/// Of a commit and a rollback that both failed, it is the commit's.
#[must_use]
pub fn client_error(error: &DieselError) -> Option<&postgres_client::Error> {
    match error {
        DieselError::QueryBuilderError(error) => error.downcast_ref(),
        DieselError::RollbackErrorOnCommit { commit_error, .. } => client_error(commit_error),
        _ => None,
    }
}

/// Wraps a client's error. Diesel's own variant for a database's errors holds texts alone, from which nothing can be recovered.
pub(super) fn wrapped(error: postgres_client::Error) -> DieselError {
    DieselError::QueryBuilderError(Box::new(error))
}

/// Returns the client's error, or the error of Diesel where there is none in it.
pub(crate) fn client_error_of(error: DieselError) -> Result<Box<postgres_client::Error>, DieselError> {
    match error {
        DieselError::QueryBuilderError(error) => error.downcast().map_err(DieselError::QueryBuilderError),
        DieselError::RollbackErrorOnCommit { commit_error, .. } => client_error_of(*commit_error),
        error => Err(error),
    }
}
