//! What a run does to its target besides moving rows: introspection, Diesel's list of migrations, work in batches.

pub(crate) mod as_owner;
pub(crate) mod batches;
pub(crate) mod bookkeeping;
pub(crate) mod describe;
pub mod introspect;
mod materialized_views;
pub mod migration;
mod sequences;
mod trigger_effects;
