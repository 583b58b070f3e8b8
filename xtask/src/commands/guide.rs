//! `cargo xtask guide`: print the phases of the migration as a checklist: what is done, and what is next.

use clap::Args;

use crate::exit::Exit;

/// The options of `guide`.
#[derive(Args, Debug)]
pub(crate) struct GuideArgs {}

/// Runs `guide`.
pub(crate) fn run(args: &GuideArgs) -> anyhow::Result<Exit> {
    let _ = args;
    anyhow::bail!("not written yet")
}
