//! `cargo xtask`: the commands of the migration, one file each in `commands/`, in the order of a migration's phases.
//!
//! Glue only: it reads the command line, calls the crates that do the work, and puts what they say on the screen.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod commands;
mod display;
mod exit;
mod generated;
mod output;
mod plan_folder;
mod private;
mod report;
mod screen;
mod source;
mod source_plan;
mod stop;
mod target;
mod workspace;

use exit::Exit;
use row_mover::threads::with_deep_stack;

/// Moves Hyperpage from SQLite to PostgreSQL, and proves that everything arrived
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    arg_required_else_help = true,
    after_help = "Exit status: 0 done, 1 differences or rejects found, 2 could not run or refused.\n\n\
                  Examples:\n  \
                  cargo xtask migrate --sample          move a made-up database, and prove it\n  \
                  cargo xtask migrate --sqlite data/hyperpage.db --postgres postgres://user@host/hyperpage\n  \
                  cargo xtask validate                  compare again what the last migration moved\n  \
                  cargo xtask test                      everything that CI checks"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the plan, the migrations and the Diesel schemas
    Generate(commands::generate::GenerateArgs),
    /// Move a SQLite database into PostgreSQL, and prove that everything arrived
    Migrate(commands::migrate::MigrateArgs),
    /// Read everything back from PostgreSQL and compare it with the sealed copy
    Validate(commands::validate::ValidateArgs),
    /// Say how far a migration is, who is at work, and what to run next
    Status(commands::status::StatusArgs),
    /// List what is left of SQLite in an app, and remove what is mechanical
    Cleanup(commands::cleanup::CleanupArgs),
    /// The private PostgreSQL of this checkout
    Postgres(commands::postgres::PostgresArgs),
    /// Measure a migration beside what PostgreSQL alone takes, and beside other programs
    Bench(commands::bench::BenchArgs),
    /// Run everything that CI checks
    Test(commands::test::TestArgs),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let result = with_deep_stack(move || run(command)).unwrap_or_else(|error| Err(error.into()));
    result.map_or_else(|error| failed(&error), |exit| ExitCode::from(exit as u8))
}

fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Generate(args) => commands::generate::run(&args),
        Command::Migrate(args) => commands::migrate::run(&args),
        Command::Validate(args) => commands::validate::run(&args),
        Command::Status(args) => commands::status::run(&args),
        Command::Cleanup(args) => commands::cleanup::run(args, commands::validate::migration_proof),
        Command::Postgres(args) => commands::postgres::run(args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Test(args) => commands::test::run(args),
    }
}

/// Says why a command did not end well.
fn failed(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<stop::Stopped>() {
        Some(stopped) => {
            output::note(&stopped.to_string());
            ExitCode::from(stopped.exit_status())
        }
        None => {
            output::failure(error);
            ExitCode::from(Exit::Refused as u8)
        }
    }
}
