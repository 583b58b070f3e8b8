//! `cargo xtask deploy`: write the Kubernetes manifests, compare them with a cluster, and apply them.

use clap::Args;

use crate::exit::Exit;

/// The options of `deploy`.
#[derive(Args, Debug)]
pub(crate) struct DeployArgs {}

/// Runs `deploy`.
pub(crate) fn run(args: &DeployArgs) -> anyhow::Result<Exit> {
    let _ = args;
    anyhow::bail!("not written yet")
}
