//! Translates SQLite's expressions, views and triggers to PostgreSQL's, with the same effect and aware of what the columns became.
//!
//! Each subexpression is translated to a `model::Node`: SQL whose value is SQLite's, and what is known of it. A column whose
//! conversion changed its form (a truth value, a point in time) is known in both: as PostgreSQL has it, and with the
//! conversion undone in SQL. What may come to mean something else is refused with the reason; nothing is guessed.
//!
//! Layers, each of which imports only those before it: `model` (shared types), `operators` (on translated nodes), `functions`
//! (calls by name), `query` (expressions and the queries in them), `trigger`; then the entry points beside this file.

mod default;
mod expressions;
mod functions;
mod model;
mod operators;
mod query;
mod trigger;
mod view;

pub use default::default;
pub use expressions::{check, generated, index_key, predicate};
pub use model::{
    Catalog, Collation, Relation, Scope, ScopeColumn, ScopeTable, Translated, Untranslatable, Volatility,
    Writes,
};
pub use trigger::{TranslatedTrigger, TriggerEvent, TriggerOutline, TriggerTime, outline, trigger};
pub use view::{TranslatedView, view};
