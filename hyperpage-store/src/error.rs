//! Why an operation failed. No message contains a value of a row, a token or a key of encryption.

use std::fmt;

use token_cipher::TokenError;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The tables of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named like its table")]
pub enum Table {
    AppState,
    JobHistory,
    Jobs,
    OauthTokens,
    RateLimits,
    ToolConfigs,
    UserSessions,
    Users,
}

impl Table {
    /// Its name in both databases.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Table::AppState => "app_state",
            Table::JobHistory => "job_history",
            Table::Jobs => "jobs",
            Table::OauthTokens => "oauth_tokens",
            Table::RateLimits => "rate_limits",
            Table::ToolConfigs => "tool_configs",
            Table::UserSessions => "user_sessions",
            Table::Users => "users",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text or a JSON document contains U+0000, which PostgreSQL cannot hold. Both databases refuse it, so that they stay alike.
    #[error("{table}.{column} cannot hold a NUL character (U+0000)")]
    NulCharacter {
        /// The table.
        table: Table,
        /// The column.
        column: &'static str,
    },
    /// A value is beyond what both databases hold: a moment outside of PostgreSQL's `timestamptz`, a document that is nested more than
    /// 127 deep, a text of more than 1,024 bytes in a column with an index, or a provider with a colon. Nothing was sent.
    #[error("{table}.{column} cannot hold this value")]
    OutOfRange {
        /// The table.
        table: Table,
        /// The column.
        column: &'static str,
    },
    /// A stored value has no meaning for the app: a status that does not exist, text that is not JSON.
    #[error("{table}.{column} holds a value that the app does not know")]
    UnknownValue {
        /// The table.
        table: Table,
        /// The column.
        column: &'static str,
    },
    /// A token was not encrypted or decrypted.
    #[error("oauth_tokens.{column} cannot be encrypted or decrypted")]
    Cipher {
        /// The column.
        column: &'static str,
        /// The reason.
        source: TokenError,
    },
    /// The database did not confirm a change: the connection was lost while the commit, or a single statement, was under way, or an
    /// attempt before the last one was lost in this way. The database may have kept the change or not.
    #[error("the database did not confirm the change: it may have been kept or not")]
    OutcomeUnknown {
        /// Why it was not confirmed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No connection was available within its deadline.
    #[error("no database connection was available in time")]
    Unavailable {
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database was busy beyond its deadline, and nothing was changed: SQLite's `SQLITE_BUSY`; in PostgreSQL a lock timeout.
    #[error("the database was locked by others beyond the deadline")]
    Busy {
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database refused, or did not answer in time. Nothing was changed.
    #[error("the database did not carry out the operation")]
    Database {
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
