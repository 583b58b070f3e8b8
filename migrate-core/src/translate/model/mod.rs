//! The types that all layers of the translation share. Nothing here imports from the layers above.

mod catalog;
mod constant;
mod node;
mod parsed;
mod reasons;
mod scope;

pub use catalog::{Catalog, Relation, Writes};
pub use reasons::Untranslatable;
pub use scope::{Collation, Scope, ScopeColumn, ScopeTable};

pub(super) use constant::Constant;
pub(super) use node::{Caveat, Collated, Family, INTEGER_BOUND, Kind, Native, Node, Origin};
pub(super) use parsed::{with_expression, with_stored};
pub(super) use reasons::{Result, untranslatable};

/// How far a value depends on more than the expression (PostgreSQL manual, section 38.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    /// On nothing else: the same columns give the same value, always.
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
    /// How far its value depends on more than itself.
    pub volatility: Volatility,
    /// What a reviewer should know of the translation.
    pub notes: Vec<String>,
}

/// What a reviewer should know of a translation.
pub(super) type Notes = Vec<String>;
