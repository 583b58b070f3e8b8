//! Operators on translated nodes: what each makes of SQL that is translated already. Nothing here reads a syntax tree.

pub(super) mod arithmetic;
pub(super) mod bits;
pub(super) mod cast;
pub(super) mod coerce;
pub(super) mod column;
pub(super) mod compare;
pub(super) mod default_value;
pub(super) mod literal;
pub(super) mod moment;
pub(super) mod pattern;
mod unify;

pub(super) use unify::unified;
