//! The report of a migration: one model, and what is made of it (JSON, a page of HTML, annotations for CI).
//!
//! Pure functions of a [`Report`]: no database is asked here, no file is read or written, and no value of a row is in it.
//! Filling the model is `xtask`'s business.

#![forbid(unsafe_code)]

pub mod comparison;
mod diagram;
pub mod figures;
pub mod findings;
pub mod github;
#[cfg(test)]
mod hostile;
pub mod html;
pub mod idle;
pub mod junit;
pub mod markdown;
pub mod model;
pub mod outline;
mod text;
pub mod words;

use std::io::{self, Write};

pub use model::Report;

/// Writes the report as the text of `report.json`: one field a line, with a line feed at its end. The text is larger than the report.
///
/// # Errors
/// Those of `out`: the model has neither maps with keys that are no text nor anything else that JSON has no form for.
pub fn write_json(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
