//! The SQLite side: opens the file as untrusted input, introspects, seals and scans it. Nothing here ever writes to the user's file.

pub(crate) mod app_collations;
pub mod archive;
pub mod breaches;
pub mod chunk_plan;
pub(crate) mod control;
pub mod documents;
mod duplicates;
pub mod evidence;
pub(crate) mod hashing;
pub mod integrity_check;
pub mod introspect;
mod live_file;
pub(crate) mod live_version;
pub mod open;
mod orphans;
pub mod page_limits;
mod pages;
pub(crate) mod parts;
pub mod preflight;
pub mod profile;
pub mod quick_check;
pub mod refused_rows;
mod remedies;
pub mod rows;
pub(crate) mod same_leaves;
pub mod scan;
pub mod schema_limits;
pub mod seal;
pub mod sealed_content;
pub mod undisturbed;
mod virtual_problems;
mod virtual_tables;

pub use open::{SourceConnection, SourceFile};
