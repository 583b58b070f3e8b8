//! The SQLite side: opened as if hostile, introspected, sealed and scanned. Nothing here ever writes to the user's file.

pub mod breaches;
pub mod chunk_plan;
mod duplicates;
pub mod evidence;
pub mod integrity_check;
pub mod introspect;
pub(crate) mod key_clashes;
pub mod open;
mod orphans;
pub(crate) mod parts;
pub mod preflight;
pub mod profile;
pub mod quick_check;
pub mod rows;
pub mod scan;
pub mod schema_limits;
pub mod seal;
mod virtual_tables;

pub use open::SourceConnection;
