//! `cargo xtask schema`: apply, revert and check the migrations of the PostgreSQL schema.

use clap::Args;

use crate::exit::Exit;

/// The options of `schema`.
#[derive(Args, Debug)]
pub(crate) struct SchemaArgs {}

/// Runs `schema`.
pub(crate) fn run(args: &SchemaArgs) -> anyhow::Result<Exit> {
    let _ = args;
    anyhow::bail!("not written yet")
}
