//! The types that all layers of the translation share. Nothing here imports from the layers above.

mod catalog;
mod constant;
mod node;
mod notes;
mod parsed;
mod reasons;
mod scope;

pub use catalog::{Catalog, Relation, Writes};
pub use notes::{Note, Notes};
pub use reasons::{NoCounterpart, Untranslatable};
pub use scope::{BlobContents, Collation, Scope, ScopeColumn, ScopeTable};

pub(super) use constant::Constant;
pub(super) use node::{Caveat, Collated, Family, INTEGER_BOUND, Kind, Native, Node, Origin};
pub(super) use parsed::{with_expression, with_stored};
pub(super) use reasons::Result;
pub(super) use scope::{column_index, is_rowid};

/// Whether a value depends on more than the expression (PostgreSQL manual, section 38.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    /// On nothing else: the same columns always have the same value.
    #[default]
    Immutable,
    /// On the statement or the session, such as the clock.
    Stable,
    /// On each call, such as a random number.
    Volatile,
}

/// A translated expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated {
    /// The expression in PostgreSQL's SQL.
    pub sql: String,
    /// Whether its value depends on more than the row.
    pub volatility: Volatility,
    /// What a reviewer should know of the translation.
    pub notes: Notes,
}
