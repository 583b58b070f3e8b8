//! What Hyperpage does with its eight tables, on SQLite and on PostgreSQL.
//!
//! [`Store`] is the list of operations, [`domain`] has their types. The crate moves no rows between databases, and it reads no clock: the
//! caller passes the time.

pub mod domain;
mod error;
pub mod postgres;
mod store;
mod timestamp;

pub use error::{Error, Result, Table};
pub use store::Store;
pub use timestamp::Timestamp;
