//! Sessions of users.

use std::fmt;

use super::{Secret, UserId};
use crate::Timestamp;

/// The id of a session. Whoever knows it is logged in, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId(Secret);

impl SessionId {
    /// The id itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl<T: Into<String>> From<T> for SessionId {
    fn from(id: T) -> SessionId {
        SessionId(Secret::from(id))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The user.
    pub user_id: UserId,
    /// The provider that the user logged in with.
    pub provider: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last.
    pub last_activity: Timestamp,
}

/// A session to create.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "as in Session")]
pub struct NewSession {
    pub id: SessionId,
    pub user_id: UserId,
    pub provider: String,
}
