//! Expressions and queries, which contain each other. A translated query returns the same rows, in the same order if it has one.
//!
//! Each FROM item gets a unique alias in PostgreSQL, by which all columns are qualified: names are resolved here,
//! by SQLite's rules, and never by PostgreSQL's. Result columns have a [`form::Form`]: the conversion that relates
//! PostgreSQL's values to SQLite's. With it, a view is like a table for its readers.

mod body;
mod chain;
mod compound;
mod context;
mod expression;
mod form;
mod from;
mod group;
mod limit;
mod order;
mod outputs;
mod row_values;
mod subquery;
mod window;
mod with;

pub(super) use body::{conjuncts, rows_sql};
pub(super) use compound::{Column, Frame, Purpose, query};
pub(super) use context::QueryContext;
pub(super) use expression::Translator;
pub(super) use from::{relation, table_of};
pub(super) use outputs::{Target, bare_name, plain_column};
pub(super) use with::Environment;
