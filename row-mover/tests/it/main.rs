//! The engine as its users use it: real SQLite files, a real PostgreSQL, one database for each test.
//!
//! One binary for all modules keeps the time to link low. What each module is about stands at its top.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

mod app_rules;
mod as_owner;
mod baseline;
mod baseline_obstacles;
mod behaviour;
mod breaches;
mod changes_since;
mod comparison;
mod conversions;
mod damage;
mod damage_of_schema;
mod damaged_indexes;
mod defaults;
mod documents;
mod encodings;
mod existing;
mod existing_computed;
mod existing_derived;
mod existing_numbers;
mod existing_sequences;
mod existing_types;
mod existing_untouched;
mod expressions;
mod foreign_code;
mod hostile;
mod integrity;
mod json_blobs;
mod keyless;
mod leaks;
mod limits;
mod live;
mod long_paths;
mod long_values;
mod loud;
mod moves;
mod names_not_utf8;
mod obstacles;
mod older_ledger;
mod owner;
mod page_limits;
mod page_limits_trial;
mod profile;
mod ranges;
mod refusals;
mod resume;
mod schemas;
mod sealed_paths;
mod search_paths;
mod seeds;
mod server_log;
mod standby;
mod status;
mod stop;
mod structure;
mod support;
mod triggers;
mod uncomputed;
mod undo;
mod unplanned_objects;
mod views;
mod views_compared;
mod virtual_tables_damaged;
