//! `cargo xtask guide`: print the phases of the migration as a checklist: what is done, and what is next.
//!
//! It only reads and reports; each command checks for itself that the one before it is done.

use std::path::PathBuf;

use clap::Args;
use migrate_core::stage::checklist;

use crate::exit::Exit;
use crate::output;
use crate::stop::Stop;
use crate::target::TargetArgs;

mod evidence;
mod text;

/// The options of `guide`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 printed, 2 could not run. A target that does not answer is part of what is printed.\n\n\
    Examples:\n  \
    cargo xtask guide\n  \
    cargo xtask guide --app ../hyperpage --manifests k8s\n  \
    cargo xtask guide --postgres postgres://app@db.example/shop --json | jq -r .next.command"
)]
pub(crate) struct GuideArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// The checkout of the app, to search for what depends on SQLite
    #[arg(long, value_name = "DIR")]
    app: Option<PathBuf>,

    /// The folder of the manifests that `deploy render` wrote
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,

    /// The folder of the plan [default: that of the last migration, else schema-pg]
    #[arg(long, value_name = "DIR")]
    plan: Option<PathBuf>,

    /// Print the checklist as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `guide`.
///
/// # Errors
/// When a folder that is named cannot be read.
pub(crate) fn run(args: &GuideArgs) -> anyhow::Result<Exit> {
    Stop::listen()?;
    let found = evidence::gather(args)?;
    let list = checklist(&found.evidence);
    let text = if args.json { text::json(&found, &list)? } else { text::checklist(&found, &list) };
    output::stdout(&text)?;
    Ok(Exit::Done)
}
