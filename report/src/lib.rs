//! The report of a migration: one model, and what is made of it (JSON, a page of HTML, annotations for CI).
//!
//! Pure functions of a [`Report`]: no database is asked here, no file is read or written, and no value of a row is in it.
//! Filling the model is `xtask`'s business.

#![forbid(unsafe_code)]

pub mod findings;
pub mod github;
#[cfg(test)]
mod hostile;
pub mod junit;
pub mod markdown;
pub mod model;
pub mod outline;

pub use model::Report;
