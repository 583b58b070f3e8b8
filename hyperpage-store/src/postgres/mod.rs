//! The operations on PostgreSQL, on the connections of a [`Source`].
#![allow(clippy::duplicate_mod, reason = "queries/ is compiled once for each database")]

use schema_pg::schema;
use serde_json::{Map, Value};
use token_cipher::EncryptionKey;

use crate::domain::{
    Attempt, ConfigMerge, Consumption, Expected, Grant, Job, JobChange, JobId, NewJob, NewRateLimit,
    NewSession, NewToolConfig, NewUser, RateLimit, Refresh, Session, SessionId, StateEntry, TokenId,
    ToolConfig, User, UserId,
};
use crate::operations::operations;
use crate::{Result, Store, Table, Timestamp, check};

mod claim_job;
mod connection;
mod dialect;
mod error;
mod find_containing;
mod merge_config;
mod pool;
mod rehearsal;
mod retry;
mod row;
mod source;

#[path = "../queries/app_state.rs"]
mod app_state;
#[path = "../queries/job_changes.rs"]
mod job_changes;
#[path = "../queries/job_history.rs"]
mod job_history;
#[path = "../queries/jobs.rs"]
mod jobs;
#[path = "../queries/oauth_tokens.rs"]
mod oauth_tokens;
#[path = "../queries/rate_limits.rs"]
mod rate_limits;
#[path = "../queries/tool_configs.rs"]
mod tool_configs;
#[path = "../queries/user_sessions.rs"]
mod user_sessions;
#[path = "../queries/users.rs"]
mod users;

pub use connection::Connection;
pub use error::client_error;
pub(crate) use error::client_error_of;
pub use pool::Pool;
pub use rehearsal::{Limits, Rehearsal, Rehearsed, rehearse};
pub use row::{Field, Row, Rows};
pub use source::{Operation, Source};

/// The app's database on PostgreSQL, on the connections of a source.
#[derive(Debug)]
pub struct PostgresStore<S> {
    source: S,
}

impl<S: Source> PostgresStore<S> {
    /// Works on the connections of this source.
    pub const fn new(source: S) -> PostgresStore<S> {
        PostgresStore { source }
    }

    fn read<T>(&mut self, query: impl FnMut(&mut Connection) -> Result<T>) -> Result<T> {
        self.source.run(Operation::Read, query)
    }

    fn write<T>(&mut self, statement: impl FnMut(&mut Connection) -> Result<T>) -> Result<T> {
        self.source.run(Operation::Write, statement)
    }

    fn idempotent_write<T>(&mut self, statement: impl FnMut(&mut Connection) -> Result<T>) -> Result<T> {
        self.source.run(Operation::IdempotentWrite, statement)
    }

    fn transaction<T>(&mut self, statements: impl FnMut(&mut Connection) -> Result<T>) -> Result<T> {
        self.source.run(Operation::Transaction, statements)
    }
}

impl<S: Source> Store for PostgresStore<S> {
    operations!();
}
