//! The SQLite side: opened as if hostile, introspected, sealed and scanned. Nothing here ever writes to the user's file.

pub mod breaches;
pub mod evidence;
pub mod introspect;
pub(crate) mod key_clashes;
pub mod open;
pub mod preflight;
pub mod profile;
pub mod scan;
pub mod seal;

pub use open::SourceConnection;
