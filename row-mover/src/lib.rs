//! Moves rows: opens and seals the SQLite source, loads PostgreSQL by binary COPY, keeps the ledger, and reads everything
//! back to compare.
//!
//! All database input and output is here, and no command-line code. `migrate-core` decides what becomes of a value or a table.
//! Tables and columns come from the plan alone; nothing here depends on Hyperpage.

mod access;
pub mod catch_up;
mod command_lock;
pub mod comparison;
pub mod copy_file;
pub mod cutover;
pub mod difference;
pub mod error;
pub mod fence;
mod finish;
pub mod ledger;
mod load;
pub mod observer;
pub mod rejects;
pub mod remedy;
pub mod rollback;
pub mod row_encoder;
pub mod run;
pub mod schema;
mod sequences;
pub mod smoke;
pub mod source;
pub mod status;
pub mod target;
pub mod threads;
pub mod validate;
mod watched;

pub use error::{Error, Result};
