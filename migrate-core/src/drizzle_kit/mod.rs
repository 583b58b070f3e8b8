//! How drizzle-kit 0.31 reads the database of a plan: what `push` compares with the app's schema.
//!
//! It reads less than PostgreSQL has, and some of it otherwise. The planner tells by these functions what a schema in TypeScript cannot
//! have, and the crate `drizzle` writes what is read. Source: the package's own queries, and experiments with each case.

mod default;
mod json;
mod keys;
mod printed;

pub use default::{DefaultReading, ReadDefault, read_default};
pub use keys::{in_table_order, is_own_sequence, is_readable, is_readable_table, regclass};
