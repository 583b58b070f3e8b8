//! `cargo xtask cutover`: switch the app from SQLite to PostgreSQL.
//!
//! Here are the options; `work` is the order of the steps, `gates` what must hold at its end, `text` the words. The engine is `row_mover::cutover`.

mod catching_up;
pub(crate) mod gates;
mod text;
mod work;

use std::path::PathBuf;

use clap::Args;

use crate::exit::Exit;
use crate::switch::SwitchArgs;
use crate::switch::rollout::RolloutArgs;
use crate::target::TargetArgs;

/// The options of `cutover`.
#[derive(Args, Debug)]
#[command(
    after_help = "PostgreSQL catches up while the app keeps running, and the newest copy must pass SQLite's\n\
    integrity_check. Then writers wait while the last difference is applied, the SQLite file is\n\
    closed, and the app is switched. Each step is recorded; after an interruption the same command\n\
    continues, and `cargo xtask rollback` goes back.\n\n\
    Exit status: 0 done, 1 the gates do not hold, 2 could not run or refused.\n\n\
    Examples:\n  \
    cargo xtask cutover --dry-run --fence            rehearse, and print the pause to expect\n  \
    cargo xtask cutover --fence --env-file .env      while the app writes\n  \
    cargo xtask cutover                              after the app was stopped\n\n\
    -h lists the common options, --help all of them."
)]
pub(crate) struct CutoverArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Close the SQLite file with triggers that refuse every write: the one place where it is written to
    ///
    /// Where it has full-text, R*Tree or other virtual tables, the file is marked as read-only too. `cargo xtask rollback` takes both down
    /// exactly. Without this option the app must be stopped.
    #[arg(long)]
    fence: bool,

    /// Mark the file as read-only in any case: also changes of its schema are refused then
    #[arg(long, requires = "fence", hide_short_help = true)]
    read_only_mark: bool,

    /// The longest time for which writers wait, in seconds; keep it below the app's busy timeout
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    pause_max: u64,

    /// How often to freeze the file before giving up, with a catch-up before each attempt
    #[arg(long, value_name = "N", default_value_t = 5, hide_short_help = true, value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,

    /// How long to observe that nobody writes, in seconds, where there is no fence
    #[arg(long, value_name = "SECONDS", default_value_t = 3, hide_short_help = true, conflicts_with = "fence", value_parser = clap::value_parser!(u64).range(0..=3600))]
    watch: u64,

    /// The folder for sealed copies
    #[arg(long, value_name = "DIR", default_value = "backups", hide_short_help = true)]
    backup_dir: PathBuf,

    /// The folder for the lists of rejected rows
    #[arg(long, value_name = "DIR", default_value = "rejects", hide_short_help = true)]
    rejects_dir: PathBuf,

    #[command(flatten)]
    switch: SwitchArgs,

    #[command(flatten)]
    rollout: RolloutArgs,

    /// Rehearse on a scratch copy and in a transaction that is rolled back, and change nothing
    #[arg(long, help_heading = "Running")]
    dry_run: bool,

    /// Do not ask before the SQLite file is written to
    #[arg(long, help_heading = "Running")]
    yes: bool,

    /// A note for the ledger
    #[arg(long, value_name = "TEXT", help_heading = "Running")]
    note: Option<String>,

    /// Print the result as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Print nothing but the result
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

/// Runs `cutover`.
///
/// # Errors
/// When it is refused, or a step fails. What is done is recorded, and the same command continues.
pub(crate) fn run(args: &CutoverArgs) -> anyhow::Result<Exit> {
    work::run(args)
}
