//! A stand-in that runs two commands.

use clap::Parser;

mod commands;
mod exit;
mod output;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// The private PostgreSQL of this checkout
    Postgres(commands::postgres::PostgresArgs),
    /// Run everything that CI checks
    Test(commands::test::TestArgs),
}

fn main() -> std::process::ExitCode {
    let result = match Command::parse() {
        Command::Postgres(args) => commands::postgres::run(args),
        Command::Test(args) => commands::test::run(args),
    };
    match result {
        Ok(exit) => std::process::ExitCode::from(exit as u8),
        Err(error) => {
            output::note(&format!("error: {error:#}"));
            std::process::ExitCode::from(exit::Exit::Refused as u8)
        }
    }
}
