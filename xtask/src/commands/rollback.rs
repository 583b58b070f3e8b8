//! `cargo xtask rollback`: switch the app back to SQLite.
//!
//! Here are the options; `work` is the order of the steps, `text` the words. The engine is `row_mover::rollback`.

mod emergency;
mod refusal;
mod text;
mod work;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use crate::app_probe::{self, AppUrl};
use crate::exit::Exit;
use crate::switch::SwitchArgs;
use crate::target::TargetArgs;

/// The options of `rollback`.
#[derive(Args, Debug)]
#[command(
    next_help_heading = "What to roll back",
    after_help = "PostgreSQL is closed to the app, what was written there since the cutover is counted and archived,\n\
    and the SQLite file is opened for writing again once it is proved to equal the final sealed copy.\n\
    Each step is recorded; after an interruption the same command continues.\n\n\
    Exit status: 0 done, 2 could not run or refused.\n\n\
    Examples:\n  \
    cargo xtask rollback --dry-run        what it would do, what is lost, and how long it takes\n  \
    cargo xtask rollback --env-file .env --export lost.jsonl\n  \
    cargo xtask rollback --env-file .env --accept-loss 12\n  \
    cargo xtask rollback --emergency --env-file .env --sqlite app.db\n\n\
    -h lists the common options, --help all of them."
)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// The app's SQLite file [default: the file that was migrated]
    #[arg(long, value_name = "FILE")]
    sqlite: Option<PathBuf>,

    /// Give up this many changed rows: exactly as many as were written to PostgreSQL since the cutover
    ///
    /// Without it the number is asked for on the terminal. Another number than the exact one is refused, and nothing is changed. Where
    /// nothing was written, nothing has to be accepted.
    #[arg(long, value_name = "N", conflicts_with = "emergency")]
    accept_loss: Option<u64>,

    /// Write the rows that SQLite will not have into this file, as JSON lines
    ///
    /// Each line is a row: its operation, table and key, all columns as PostgreSQL has them, and for a changed or deleted row the values
    /// of SQLite. The file holds values of all columns, also those that are secret elsewhere; only its owner may read it.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,

    /// Put the final sealed copy in the place of the app's file, which is kept under another name
    #[arg(long)]
    restore_copy: bool,

    /// Go on although the indexes of the final sealed copy do not agree with its tables; the rows were read without them
    ///
    /// The app gets its file back with the damage that it had at the cutover. Run REINDEX in it afterwards.
    #[arg(long)]
    accept_damaged_indexes: bool,

    /// Where the final sealed copy is now, if it was moved
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    sealed_copy: Option<PathBuf>,

    /// The folder with the sealed copies, where PostgreSQL cannot be asked for the last one
    #[arg(long, value_name = "DIR", default_value = "backups", hide_short_help = true)]
    backup_dir: PathBuf,

    #[command(flatten)]
    switch: SwitchArgs,

    /// Ask the app at this address whether it works after the switch
    #[arg(long, value_name = "URL", value_parser = app_probe::parse, help_heading = "Switching the app")]
    app_url: Option<AppUrl>,

    /// The app first: it works with SQLite again before anything is counted or archived, also while PostgreSQL is down
    ///
    /// What was written to PostgreSQL is given up without being asked for; it is counted, exported and archived afterwards, in the same
    /// run, or by `rollback` without this option once PostgreSQL can be reached.
    #[arg(long, help_heading = "Running")]
    emergency: bool,

    /// Rehearse: verify the copy and the file, count what would be lost, and change nothing
    #[arg(long, conflicts_with = "accept_loss", help_heading = "Running")]
    dry_run: bool,

    /// Do not ask whether the app was switched, where a person switches it
    #[arg(long, help_heading = "Running")]
    yes: bool,

    /// A note for the ledger
    #[arg(long, value_name = "TEXT", help_heading = "Running")]
    note: Option<String>,

    /// Connections that compare rows at once [default: the number of processors, at most DB_POOL_MAX]
    #[arg(long, value_name = "N", hide_short_help = true, help_heading = "Running",
          value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Option<u32>,

    /// Print the result as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Print nothing but the result
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

/// Runs `rollback`.
///
/// # Errors
/// When it is refused, or a step fails. What is done is recorded, and the same command continues.
pub(crate) fn run(args: &RollbackArgs) -> anyhow::Result<Exit> {
    if args.dry_run && args.export.is_some() {
        bail!("a rehearsal writes nothing: omit --export, or --dry-run");
    }
    work::run(args)
}
