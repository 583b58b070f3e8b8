//! The results of the commands: a table for people, JSON for programs (`docs/json-output.md` describes each field), and the files of the
//! report.
//!
//! `text` and `json` print them; `build` fills the model of crate `report`, and `files` writes the files made of it.

mod advice;
mod build;
mod by_hand;
mod changes;
mod checks;
mod ci;
mod column_advice;
mod comparison;
mod files;
mod findings;
mod json;
mod layout;
mod left_out;
mod outcome;
mod problem;
mod problems;
mod refused;
mod text;
mod undo;

use std::collections::HashSet;

use comfy_table::{CellAlignment, Table, presets};
use migrate_core::plan::Plan;
use postgres_client::TargetUrl;

pub(crate) use ::report::figures::counted;
pub(crate) use build::{DieselSchema, Subject, build};
pub(crate) use changes::{changes_json, changes_text, has_changes};
pub(crate) use ci::{CiArgs, annotate};
pub(crate) use comparison::{
    REPAIR_FILE, comparison_json, comparison_report, comparison_text, is_same, repair_file,
};
pub(crate) use files::{ReportArgs, ReportFiles, write_atomically};
pub(crate) use json::{migrate_json, validate_json};
pub(crate) use outcome::other_text;
pub(crate) use problem::Situation;
pub(crate) use text::{lacks_baseline, moved_text, validation_text};
pub(crate) use undo::{undo_json, undo_text};

/// The version of the JSON forms.
pub(crate) const JSON_FORMAT: u32 = 1;

/// Where the rows went, for the hint at the end.
#[derive(Debug)]
pub(crate) enum Target {
    /// A database that the user or the environment named.
    Named,
    /// A database of the private PostgreSQL.
    Private {
        /// Its name.
        database: String,
        /// The major version that was asked for.
        version: Option<u32>,
    },
}

/// The plan's tables that are not among those that a run moved, by source name.
pub(crate) fn not_moved<'a>(plan: &'a Plan, moved: &'a [String]) -> impl Iterator<Item = &'a str> {
    let moved: HashSet<&str> = moved.iter().map(String::as_str).collect();
    plan.tables.iter().map(|table| table.source.as_str()).filter(move |name| !moved.contains(name))
}

/// Where the moved rows are.
pub(crate) fn how_to_connect(url: &TargetUrl, target: &Target) -> String {
    match target {
        Target::Named => format!("Look at it: psql '{url}'\n"),
        Target::Private { database, version } => {
            let version = version.map(|version| format!(" --pg-version {version}")).unwrap_or_default();
            format!("Look at it: {url}\n  cargo xtask postgres psql --database {database}{version}\n")
        }
    }
}

/// Seconds for people; the sum of no seconds is a negative zero.
fn seconds(seconds: f64) -> String {
    format!("{:.2}", if seconds > 0.0 { seconds } else { 0.0 })
}

pub(crate) fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests;
