//! `cargo xtask audit`: list what in the app depends on SQLite, with the replacement.

use clap::Args;

use crate::exit::Exit;

/// The options of `audit`.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {}

/// Runs `audit`.
pub(crate) fn run(args: &AuditArgs) -> anyhow::Result<Exit> {
    let _ = args;
    anyhow::bail!("not written yet")
}
