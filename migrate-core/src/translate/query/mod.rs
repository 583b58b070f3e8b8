//! Queries: SELECT and what stands in it, translated with the same rows, in the same order where SQLite's manual promises one.
//!
//! Each FROM item gets a name of its own in PostgreSQL, by which all columns are qualified: what a name means is settled here,
//! by SQLite's rules, and never again by PostgreSQL's. Result columns carry a [`form::Form`]: the conversion that would have
//! made PostgreSQL's value of SQLite's. With that a view is a table to those that read it.

mod body;
mod chain;
mod compound;
mod expression;
mod form;
mod from;
mod group;
mod limit;
mod order;
mod outputs;
mod part;
mod row_values;
mod window;
mod with;
mod within;

pub(super) use body::{conjuncts, rows_sql};
pub(super) use compound::{Column, Frame, Purpose, query};
pub(super) use expression::Translator;
pub(super) use from::{relation, table_of};
pub(super) use outputs::{Target, plain_column};
pub(super) use part::Part;
pub(super) use with::Environment;
