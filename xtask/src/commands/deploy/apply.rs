//! `cargo xtask deploy apply`: applies manifests to a cluster.

use clap::Args;

use crate::exit::Exit;

/// The options of `deploy apply`.
#[derive(Args, Debug)]
pub(super) struct ApplyArgs {}

/// Runs `deploy apply`.
pub(super) fn run(args: &ApplyArgs) -> anyhow::Result<Exit> {
    let _ = args;
    anyhow::bail!("not written yet")
}
