//! What is left of SQLite in an app's checkout: the search, and the changes that need no thought.
//!
//! `scan` reads a checkout and says what it found; `plan` turns what is mechanical into a plan that can be shown; `apply` carries
//! the plan out. Nothing here talks to a database, knows the command line, or decides whether the app's rows were moved: the
//! caller brings that as a [`MigrationProof`].

mod apply;
mod backup;
mod classify;
mod code;
mod database;
mod drizzle;
mod env_file;
mod evidence;
mod finding;
mod git;
mod in_use;
mod javascript;
mod json;
mod links;
mod lockfile;
mod mentions;
mod names;
mod package_json;
mod plan;
mod report;
mod scan;
mod sql;
mod text;
mod volumes;
mod walk;
mod yaml;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use apply::{Applied, MigrationProof, apply, permitted};
pub(crate) use finding::Listing;
pub(crate) use plan::{Plan, plan};
pub(crate) use report::{Outcome, json, lines, summary};
pub(crate) use scan::scan;
pub(crate) use text::shown;
pub(crate) use walk::Area;
