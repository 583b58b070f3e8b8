//! Access to PostgreSQL: URLs and keyword strings, settings, sessions, bulk COPY, server errors, lock waits, retries.
//!
//! The crate is independent of SQLite, of plans and of any table. The only `unsafe` is in `connection/` and `url.rs`, around libpq.

pub mod app_pool;
pub mod app_session;
pub mod budget;
pub mod connection;
pub mod connections;
pub mod error;
pub mod failure;
pub mod guarded;
pub mod lock_query;
pub mod lock_wait;
pub mod lock_watch;
pub mod pool;
pub mod pooler;
mod quote;
mod refusal;
pub mod retry;
pub mod server_error;
pub mod session;
pub mod settings;
pub mod url;
pub mod watch;
pub mod work_clock;

pub use app_pool::{AppConnection, AppPool, PoolState};
pub use connection::{Backend, BinaryRows, Connection, TextRows};
pub use error::{Error, Result};
pub use failure::{Condition, Loss};
pub use pool::{Pool, Pooled, PooledConnection};
pub use settings::{AppSettings, DbSettings, PoolMode};
pub use url::TargetUrl;
