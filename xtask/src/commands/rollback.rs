//! `cargo xtask rollback`: switch the app back to SQLite.

use clap::Args;

use crate::exit::Exit;

/// The options of `rollback`.
#[derive(Args, Debug)]
pub(crate) struct RollbackArgs {}

/// Runs `rollback`.
pub(crate) fn run(args: &RollbackArgs) -> anyhow::Result<Exit> {
    let _ = args;
    anyhow::bail!("not written yet")
}
