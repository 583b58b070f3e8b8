//! `cargo xtask deploy render`: writes the files of a deployment.

use clap::Args;

use crate::exit::Exit;

/// The options of `deploy render`.
#[derive(Args, Debug)]
pub(crate) struct RenderArgs {}

/// Runs `deploy render`.
pub(super) fn run(args: &RenderArgs) -> anyhow::Result<Exit> {
    let _ = args;
    anyhow::bail!("not written yet")
}
