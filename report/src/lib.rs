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

pub use model::Report;

/// The report as the text of `report.json`: one field a line, with a line feed at its end.
///
/// # Errors
/// None that is known: the model has neither maps with keys that are no text nor anything else that JSON has no form for.
pub fn json(report: &Report) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
