//! `cargo xtask deploy`: write the Kubernetes manifests, compare them with a cluster, and apply them. One module for each.

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
}

/// Runs `deploy`.
pub(crate) fn run(args: &DeployArgs) -> anyhow::Result<Exit> {
    match &args.command {
        DeployCommand::Render(args) => render::run(args),
    }
}
