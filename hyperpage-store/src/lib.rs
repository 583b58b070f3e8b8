//! What Hyperpage does with its eight tables, on SQLite and on PostgreSQL.
//!
//! [`Store`] is the list of operations, [`domain`] has their types, and [`SqliteStore`] and [`PostgresStore`] carry them out. The crate
//! moves no rows between databases, and it reads no clock: the caller passes the time.

mod check;
mod containment;
pub mod domain;
mod error;
pub mod exercise;
mod failure;
mod json;
mod operations;
pub mod postgres;
pub mod sqlite;
mod store;
mod stored;
mod timestamp;

pub use error::{Error, Result, Table};
pub use failure::{DatabaseFailure, FailureKind};
pub use json::canonical;
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;
pub use store::Store;
pub use timestamp::Timestamp;

/// Compiles the examples of the page.
#[cfg(doctest)]
#[doc = include_str!("../../docs/store.md")]
struct Page;
