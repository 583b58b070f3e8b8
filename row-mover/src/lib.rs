//! Moves rows: opens and seals the SQLite source, loads PostgreSQL by binary COPY, keeps the ledger, and reads everything
//! back to compare.
//!
//! All input and output on databases is here, and none on the command line; what becomes of a value or a table is
//! `migrate-core`'s to say. Nothing here knows Hyperpage: tables and columns come from the plan alone.

pub mod copy_file;
pub mod error;
mod finish;
pub mod ledger;
mod load;
pub mod observer;
pub mod rejects;
pub mod remedy;
pub mod row_encoder;
pub mod run;
pub mod source;
pub mod status;
pub mod target;
pub mod threads;
pub mod validate;
mod watched;

pub use error::{Error, Result};
