//! The audit of an app's checkout: what in it depends on SQLite, and the changes that need no decision.
//!
//! [`scan()`] reads a checkout and returns typed findings; [`plan()`] turns the mechanical ones into edits and moves that can be shown;
//! [`apply()`] carries them out. The crate does not read rows, does not know the command line, and does not decide whether the app's
//! rows were migrated: the caller passes that as a check. It writes no sentences for people, except in errors.

mod apply;
mod area;
mod backup;
mod calls;
mod code;
mod database;
mod env_file;
mod evidence;
mod file_class;
mod finding;
mod git;
mod in_use;
mod lines;
mod links;
mod lockfile;
mod manager;
mod names;
mod package_json;
mod plan;
mod repository;
mod scan;
mod sql;
mod text;
mod volumes;

pub use apply::{Applied, Branch, apply};
pub use area::Area;
pub use finding::{DatabaseState, Fact, Finding, Kind, LinkTarget, Listing, Remark};
pub use in_use::{InUse, Use};
pub use manager::Manager;
pub use plan::{Change, ChangeKind, Edit, Move, Plan, plan};
pub use repository::{Obstacle, Repository};
pub use scan::scan;
