//! The error type of this crate: what failed and where, what to do next, and the underlying cause.
//!
//! It contains no cell value and no password: an error names table, column and key, never what is stored there.

use std::fmt;

use crate::TargetUrl;
use crate::failure::{Condition, Loss};
use crate::lock_wait::{Blocked, LockWait};
use crate::refusal::Refusal;
use crate::server_error::{LOCK_NOT_AVAILABLE, ServerError};

/// The SQLSTATE of a statement that was cancelled.
const QUERY_CANCELED: &str = "57014";

/// What failed, and what to do next.
#[derive(Debug)]
pub struct Error {
    what: String,
    remedy: Option<Remedy>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    is_transient: bool,
    is_stall: bool,
    /// Whether it ended the retries, so that what to do next is known.
    is_exhausted: bool,
    /// How far the call got, where its connection is lost.
    loss: Option<Loss>,
    /// Whether a prepared statement no longer fitted.
    is_stale_statement: bool,
}

/// What to do next.
#[derive(Debug)]
enum Remedy {
    /// In words: about a server, its settings, or SQL.
    Text(String),
    /// As a value of the crate above, which is worded where the error is shown.
    Value(Box<dyn std::any::Any + Send + Sync>),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with what failed and where.
    pub fn new(what: impl Into<String>) -> Error {
        Error {
            what: what.into(),
            remedy: None,
            cause: None,
            is_transient: false,
            is_stall: false,
            is_exhausted: false,
            loss: None,
            is_stale_statement: false,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_remedy_text(mut self, remedy: impl Into<String>) -> Error {
        self.remedy = Some(Remedy::Text(remedy.into()));
        self
    }

    /// Adds which server was tried, where nothing more precise is known.
    #[must_use]
    pub(crate) fn tried(self, target: &TargetUrl) -> Error {
        match self.remedy {
            Some(_) => self,
            None => self.with_remedy_text(format!(
                "tried {target}; check host, port, database, user and password, and that the server runs"
            )),
        }
    }

    /// Adds what to do next as a value, which is worded where the error is shown.
    #[must_use]
    pub fn with_remedy_value(mut self, remedy: impl std::any::Any + Send + Sync) -> Error {
        self.remedy = Some(Remedy::Value(Box::new(remedy)));
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        self.cause = Some(cause.into());
        self
    }

    /// The same with another cause, which is made of the one that it has.
    #[must_use]
    pub fn with_cause<E: std::error::Error + Send + Sync + 'static>(
        mut self,
        cause: impl FnOnce(Option<Box<dyn std::error::Error + Send + Sync>>) -> E,
    ) -> Error {
        let before = self.cause.take();
        self.caused_by(cause(before))
    }

    /// Marks it as transient: a lost connection, a server that is starting.
    #[must_use]
    pub fn transient(mut self) -> Error {
        self.is_transient = true;
        self
    }

    /// Marks it as a stall: nothing happened until the deadline. A stall is transient.
    #[must_use]
    pub fn stalled(self) -> Error {
        Error { is_transient: true, is_stall: true, ..self }
    }

    /// Records how far the call got before its connection was lost.
    #[must_use]
    pub(crate) fn lost(self, loss: Loss) -> Error {
        Error { loss: Some(loss), ..self }
    }

    /// Marks it as that of a prepared statement that no longer fitted.
    #[must_use]
    pub(crate) fn stale_statement(self) -> Error {
        Error { is_stale_statement: true, ..self }
    }

    /// Its causes, the nearest first.
    fn causes(&self) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
        std::iter::successors(std::error::Error::source(self), |error| error.source())
    }

    /// The server's error; none where no server reported one.
    #[must_use]
    pub fn server_error(&self) -> Option<&ServerError> {
        self.causes().find_map(|cause| cause.downcast_ref::<ServerError>())
    }

    /// The condition that the server reported.
    #[must_use]
    pub fn condition(&self) -> Option<Condition> {
        self.server_error().and_then(ServerError::condition)
    }

    /// How far the call got, where its connection is lost. None where the connection can still be used: the server has refused the
    /// statement, and kept nothing of it.
    #[must_use]
    pub fn loss(&self) -> Option<Loss> {
        let of_causes =
            || self.causes().find_map(|cause| cause.downcast_ref::<Error>().and_then(|error| error.loss));
        self.loss.or_else(of_causes)
    }

    /// Whether a prepared statement was no longer what it was prepared for. It was dropped: the same transaction may succeed at once.
    #[must_use]
    pub fn is_stale_statement(&self) -> bool {
        let is_stale = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<Error>().is_some_and(|error| error.is_stale_statement)
        };
        self.is_stale_statement || self.causes().any(is_stale)
    }

    /// Whether it or one of its causes is a stall, or a wait for a lock.
    pub fn is_stall(&self) -> bool {
        self.is_stall
            || self.is_lock_timeout()
            || self.lock_wait().is_some()
            || self.causes().any(|cause| cause.downcast_ref::<Error>().is_some_and(|error| error.is_stall))
    }

    /// Whether no connection was made because no server answered.
    pub fn is_unreachable(&self) -> bool {
        self.causes().any(|cause| cause.downcast_ref::<Refusal>().is_some_and(Refusal::is_unreachable))
    }

    /// The SQLSTATEs that servers reported, the last one last: several where a connection was tried at several servers, none where no
    /// server answered.
    pub fn sqlstates(&self) -> Vec<String> {
        let of_cause = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<Refusal>() {
            Some(refusal) => refusal.sqlstates().to_vec(),
            None => cause
                .downcast_ref::<ServerError>()
                .and_then(|error| error.sqlstate.clone())
                .into_iter()
                .collect(),
        };
        self.causes().flat_map(of_cause).collect()
    }

    /// Whether no connection was made because a server asked for a password and there was none.
    pub fn lacks_password(&self) -> bool {
        self.causes().any(|cause| cause.downcast_ref::<Refusal>().is_some_and(Refusal::lacks_password))
    }

    /// Whether a lock was not available in time.
    pub fn is_lock_timeout(&self) -> bool {
        self.has_sqlstate(LOCK_NOT_AVAILABLE)
    }

    /// Whether the server, or what answers for it, reported this SQLSTATE.
    pub(crate) fn has_sqlstate(&self, sqlstate: &str) -> bool {
        let is_it = |error: &ServerError| error.sqlstate.as_deref() == Some(sqlstate);
        self.causes().any(|cause| cause.downcast_ref::<ServerError>().is_some_and(is_it))
    }

    /// The lock that the statement waited for when it failed, and who held it; none where it waited for none, or that is not known.
    pub fn lock_wait(&self) -> Option<&LockWait> {
        self.causes().find_map(|cause| cause.downcast_ref::<Blocked>()).map(|blocked| &blocked.wait)
    }

    /// The same with who held the lock that it waited for.
    #[must_use]
    pub fn blocked_by(mut self, wait: LockWait) -> Error {
        let cause = self.cause.take();
        self.caused_by(Blocked { wait, cause })
    }

    /// The same, with the remedy against a lock wait if there was one; for an error that ends the work.
    #[must_use]
    pub fn with_lock_remedy(self) -> Error {
        if self.is_exhausted {
            return self;
        }
        let Some(remedy) = self.lock_wait().map(LockWait::remedy) else { return self };
        self.with_remedy_text(format!("{remedy}; then run the same command again"))
    }

    /// Marks it as the end of all retries, and adds what to do next.
    #[must_use]
    pub(crate) fn retries_exhausted(self, next: impl Into<String>) -> Error {
        Error { is_exhausted: true, ..self.with_remedy_text(next) }
    }

    /// Whether it or one of its causes is transient, so that a retry may help.
    pub fn is_transient(&self) -> bool {
        let mut cause = self.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static));
        let mut is_transient = self.is_transient;
        while let (false, Some(error)) = (is_transient, cause) {
            is_transient = error.downcast_ref::<Error>().is_some_and(|error| error.is_transient)
                || error.downcast_ref::<ServerError>().is_some_and(ServerError::is_transient)
                || error.downcast_ref::<Refusal>().is_some_and(Refusal::is_transient);
            cause = error.source();
        }
        is_transient
    }

    /// The same with the remedy for the server itself; for an error that ends a run.
    #[must_use]
    pub fn with_remedy(self) -> Error {
        let mut cause = self.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static));
        let mut remedy = None;
        while let (None, Some(error)) = (remedy, cause) {
            remedy = error.downcast_ref::<ServerError>().and_then(ServerError::remedy);
            cause = error.source();
        }
        match remedy {
            Some(remedy) => self.with_remedy_text(remedy),
            None => self,
        }
    }

    /// Whether the server had no room for another lock, or no memory: a smaller transaction may have enough.
    pub fn is_out_of_memory(&self) -> bool {
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            if error.downcast_ref::<ServerError>().is_some_and(ServerError::is_out_of_memory) {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// Whether it only says that the server refused a statement.
    fn is_refused_statement(&self) -> bool {
        self.remedy.is_none() && self.cause.as_deref().is_some_and(|cause| cause.is::<ServerError>())
    }

    /// The error of work that was asked to stop.
    pub fn stopped() -> Error {
        Error::new("stopped as asked").caused_by(Stop)
    }

    /// Whether it was caused by a stop: the work noticed it, or its statement was cancelled on the server.
    pub fn is_stop(&self) -> bool {
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let is_cancelled = error
                .downcast_ref::<ServerError>()
                .is_some_and(|error| error.sqlstate.as_deref() == Some(QUERY_CANCELED));
            if is_cancelled || error.is::<Stop>() {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// Returns what to do next, if that is known in words.
    pub fn remedy_text(&self) -> Option<&str> {
        match &self.remedy {
            Some(Remedy::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns what to do next, if that is known as a value of this type.
    pub fn remedy_value<T: 'static>(&self) -> Option<&T> {
        match &self.remedy {
            Some(Remedy::Value(value)) => value.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// The cause of an error that is no failure: the work was asked to stop.
#[derive(Debug)]
struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stop was requested")
    }
}

impl std::error::Error for Stop {}

/// Converts an error of a library into one of ours, with what failed.
pub trait Context<T> {
    /// Adds what failed. An error that only says that a statement was refused is replaced, and its cause kept.
    fn context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> Context<T> for std::result::Result<T, E> {
    fn context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|cause| match cause.into().downcast::<Error>() {
            Ok(error) if error.is_refused_statement() => Error { what: what().into(), ..*error },
            Ok(error) => Error::new(what()).caused_by(*error),
            Err(cause) => Error::new(what()).caused_by(cause),
        })
    }
}
