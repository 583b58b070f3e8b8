//! What a run does to its target besides moving rows: introspection, Diesel's list of migrations, the list of the app's migrator, work in batches.

pub(crate) mod as_owner;
pub(crate) mod batches;
pub(crate) mod bookkeeping;
pub(crate) mod describe;
pub mod introspect;
mod materialized_views;
pub mod migration;
pub mod migrator_list;
mod sequences;
mod trigger_effects;
