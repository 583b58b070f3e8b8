//! Translates SQLite's expressions, views and triggers to PostgreSQL's, with the same effect and aware of what the columns became.
//!
//! Each subexpression is translated to a `model::Node`: SQL whose value is SQLite's, with facts about it. A column whose
//! conversion changed its form (a truth value, a point in time) is available in both: in PostgreSQL's form, and with the
//! conversion undone in SQL. SQL that may mean something else in PostgreSQL is refused with the reason; nothing is guessed.
//!
//! Layers, each of which imports only those before it: `model` (shared types), `operators` (on translated nodes), `functions`
//! (calls by name), `query` (expressions and queries), `trigger`; then the entry points in this folder.

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
    BlobContents, Catalog, Collation, NoCounterpart, Note, Notes, Relation, Scope, ScopeColumn, ScopeTable,
    Translated, Untranslatable, Volatility, Writes,
};
pub use trigger::{TranslatedTrigger, TriggerEvent, TriggerOutline, TriggerTime, outline, trigger};
pub use view::{TranslatedView, view};
