//! What advice for rows that prevent a migration consists of, and the situation that it depends on.

use std::path::Path;

use migrate_core::mapping::Mapping;
use migrate_core::plan::Plan;

/// The remedy that a person carries out.
pub(super) const REPAIR: &str = "repair the rows in SQLite";

/// The situation that advice depends on, besides the findings.
#[derive(Clone, Copy)]
pub(crate) struct Situation<'a> {
    /// The plan that was to be executed.
    pub(crate) plan: &'a Plan,
    /// The decisions that it was made by, where the same command reads them again.
    pub(crate) mapping: Option<&'a Mapping>,
    /// The folder that it was read from, where one was named.
    pub(crate) folder: Option<&'a Path>,
    /// The folder that it was made in, where none was named: the same command reads its `mapping.toml` again.
    pub(crate) made_in: Option<&'a Path>,
}

/// What has to be solved on its own, and the remedies of which each solves it.
pub(super) struct Problem {
    /// Its name.
    pub(super) name: String,
    /// One line for each remedy.
    pub(super) remedies: Vec<String>,
}
