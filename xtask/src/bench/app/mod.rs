//! `cargo xtask bench app`: the app's work on SQLite and on PostgreSQL, and whether the plan's promises hold.
//!
//! [`run`] measures, through the same `hyperpage_store::Store`; [`results`] holds the figures; [`promises`] and [`losses`] judge them;
//! [`report`], [`plots`] and [`document`] show them. `docs/app-performance.md` describes the method.

pub(crate) mod backend;
pub(crate) mod connections;
pub(crate) mod dataset;
pub(crate) mod document;
pub(crate) mod growth;
pub(crate) mod invariants;
pub(crate) mod json;
pub(crate) mod json_queries;
pub(crate) mod losses;
pub(crate) mod measure;
pub(crate) mod pacing;
pub(crate) mod plots;
pub(crate) mod promises;
#[cfg(test)]
mod promises_tests;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod run;
pub(crate) mod server_check;
pub(crate) mod stores;
pub(crate) mod words;
pub(crate) mod workload;
