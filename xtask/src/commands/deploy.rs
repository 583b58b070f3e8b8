//! `cargo xtask deploy`: write the Kubernetes manifests, compare them with a cluster, and apply them.

mod apply;
mod check;
mod render;

use clap::{Args, Subcommand};

use crate::exit::Exit;

/// The options of `deploy`.
#[derive(Args, Debug)]
pub(crate) struct DeployArgs {
    #[command(subcommand)]
    command: DeployCommand,
}

#[derive(Subcommand, Debug)]
enum DeployCommand {
    /// Write the manifests
    Render(render::RenderArgs),
    /// Compare manifests with a cluster
    Check(check::CheckArgs),
    /// Apply manifests to a cluster, and wait until the app runs
    Apply(apply::ApplyArgs),
}

/// Runs `deploy`.
pub(crate) fn run(args: &DeployArgs) -> anyhow::Result<Exit> {
    match &args.command {
        DeployCommand::Render(args) => render::run(args),
        DeployCommand::Check(args) => check::run(args),
        DeployCommand::Apply(args) => apply::run(args),
    }
}
