//! Operators, casts and literals on translated nodes. Nothing here reads a syntax tree or calls a function by name.

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
