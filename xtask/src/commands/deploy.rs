//! `cargo xtask deploy`: write the Kubernetes manifests, compare them with a cluster, and apply them. One module for each.

mod apply;
mod check;
mod compare;
mod render;

use clap::{Args, Subcommand};

use crate::exit::Exit;

/// The options of `deploy`.
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct DeployArgs {
    #[command(subcommand)]
    command: DeployCommand,
}

/// What `deploy` does.
#[derive(Subcommand, Debug)]
enum DeployCommand {
    /// Write the manifests, the image's Dockerfile, a Compose file and the alert rules
    Render(render::RenderArgs),
    /// Compare rendered manifests with a cluster
    Check(check::CheckArgs),
    /// Apply rendered manifests to a cluster, and wait until the app runs
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
