//! The pure core of the migration: what a SQLite database is, what it becomes in PostgreSQL, and how each value gets there
//! and back.
//!
//! Schema facts and values come in, a [`plan::Plan`] and bytes go out. Nothing here opens a file or a connection, reads a
//! clock, starts a thread or needs `unsafe`; nothing here knows Hyperpage, Diesel's connections or the command line.

#![forbid(unsafe_code)]

pub mod affinity;
pub mod baseline;
pub mod batches;
pub mod comparison;
pub mod conversion;
pub mod copy_format;
pub mod cutover;
pub mod drizzle_kit;
pub mod finding;
pub mod identifier;
pub mod infer;
pub mod load_plan;
pub mod mapping;
mod nearest;
pub mod operator_class;
pub mod page_limits;
pub mod phase;
pub mod plan;
pub mod plan_parts;
pub mod planner;
pub mod printable;
pub mod profile;
pub mod reject;
pub mod render;
pub mod rollout;
pub mod schedule;
pub mod schema_diff;
pub mod sequence;
pub mod source_schema;
pub mod source_sql;
pub mod stage;
pub mod target_schema;
pub mod terms;
pub mod translate;
pub mod trigger_source;
pub mod uniqueness;
pub mod value;
