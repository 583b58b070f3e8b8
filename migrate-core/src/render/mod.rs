//! Turns a plan into text: SQL, Diesel schemas, JSON, and lines that a human reviews.
//!
//! Pure functions, deterministic to the byte. Nothing here decides anything: the plan has decided.

mod diesel_schema;
mod migrations;

pub use crate::plan::{plan_json, plan_json_pieces};
pub use diesel_schema::{source_diesel_schema, target_diesel_schema};
pub(crate) use migrations::table_locks;
pub use migrations::{
    Build, BuildKind, ComputedRows, MigrationFiles, RemovalSteps, Repaired, SchemaStep, builds,
    compute_in_row, create_constraints, create_tables, fill_column_by_hand, filled_columns, filled_views,
    migration_names, other_migration_names, removal_steps, repair, schema_steps, write_table_by_hand,
};
