//! `cargo xtask deploy check`: compares manifests with a cluster.

use clap::Args;

use crate::exit::Exit;

/// The options of `deploy check`.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {}

/// Runs `deploy check`.
pub(super) fn run(args: &CheckArgs) -> anyhow::Result<Exit> {
    let _ = args;
    anyhow::bail!("not written yet")
}
