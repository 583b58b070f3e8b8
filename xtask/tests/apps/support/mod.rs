//! What the tests need of other tools: Node projects, Python environments, Ruby libraries, programs, and the schema as `pg_dump` prints
//! it. Each function fails with the reason and the remedy if the tool is missing; none of them decides what is right.

mod cache;
mod node;
mod node_app;
mod pasted;
mod pg_dump;
mod program;
mod python;
mod recipe;
mod ruby;
mod stand_in;

pub(crate) use cache::filled;
pub(crate) use node::{NodeProject, npm_project};
pub(crate) use node_app::node_app;
pub(crate) use pasted::{Commands, decide};
pub(crate) use pg_dump::schema_dump;
pub(crate) use program::{command, run, tool};
pub(crate) use python::{PythonEnvironment, python};
pub(crate) use recipe::App;
pub(crate) use ruby::ruby;
pub(crate) use stand_in::{StandIn, stand_in};
