//! Sessions that leave no room for others.

use diesel::{Connection, PgConnection};

/// Idle sessions, which end when this is dropped.
pub struct Occupied {
    sessions: Vec<PgConnection>,
}

impl Occupied {
    /// Opens sessions until the server refuses one: its `max_connections`, or the limit of the database or of the role, is reached.
    /// The superuser also occupies the reserved connections.
    ///
    /// # Panics
    /// When the server refuses the first one, or has room for more than a thousand.
    #[must_use]
    #[track_caller]
    pub fn all(url: &str) -> Occupied {
        let mut sessions = Vec::new();
        while let Ok(session) = PgConnection::establish(url) {
            sessions.push(session);
            assert!(sessions.len() <= 1000, "the server has room for more than a thousand sessions");
        }
        assert!(!sessions.is_empty(), "the server refuses the first session");
        Occupied { sessions }
    }

    /// Opens this number of sessions.
    ///
    /// # Panics
    /// When the server refuses one.
    #[must_use]
    #[track_caller]
    pub fn some(url: &str, count: usize) -> Occupied {
        let sessions = (0..count).map(|_| PgConnection::establish(url).unwrap()).collect();
        Occupied { sessions }
    }

    /// Ends this number of sessions.
    pub fn free(&mut self, count: usize) {
        self.sessions.truncate(self.sessions.len().saturating_sub(count));
    }

    /// Returns the number of sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}
