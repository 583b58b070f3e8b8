//! `cargo xtask catch-up`: apply what has changed in SQLite since the last copy, without stopping the app.

use clap::Args;

use crate::exit::Exit;

/// The options of `catch-up`.
#[derive(Args, Debug)]
pub(crate) struct CatchUpArgs {}

/// Runs `catch-up`.
pub(crate) fn run(args: &CatchUpArgs) -> anyhow::Result<Exit> {
    let _ = args;
    anyhow::bail!("not written yet")
}
