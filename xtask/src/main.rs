//! Build helper for the cleanup command alone.
mod cleanup;
mod commands;
mod exit;
mod output;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}
#[derive(Subcommand)]
enum Command {
    /// List what is left of SQLite in an app checkout, and remove what is mechanical
    Cleanup(commands::cleanup::CleanupArgs),
}
fn main() -> ExitCode {
    let Command::Cleanup(args) = Cli::parse().command;
    let proof = |_: &commands::cleanup::CleanupArgs| {
        Ok(cleanup::MigrationProof::NotValidated {
            reason: "no validated migration stands in the ledger".to_owned(),
            next: "cargo xtask migrate && cargo xtask validate".to_owned(),
        })
    };
    match commands::cleanup::run(args, proof) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            output::note(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}
