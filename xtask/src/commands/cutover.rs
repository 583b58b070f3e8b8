//! `cargo xtask cutover`: switch the app from SQLite to PostgreSQL.

use clap::Args;

use crate::exit::Exit;

/// The options of `cutover`.
#[derive(Args, Debug)]
pub(crate) struct CutoverArgs {}

/// Runs `cutover`.
pub(crate) fn run(args: &CutoverArgs) -> anyhow::Result<Exit> {
    let _ = args;
    anyhow::bail!("not written yet")
}
