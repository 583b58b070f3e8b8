//! A stand-in that runs one command.

use clap::Parser;

mod commands;
mod exit;
mod output;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// The private PostgreSQL of this checkout
    Postgres(commands::postgres::PostgresArgs),
}

fn main() -> std::process::ExitCode {
    let Command::Postgres(args) = Command::parse();
    match commands::postgres::run(args) {
        Ok(exit) => std::process::ExitCode::from(exit as u8),
        Err(error) => {
            output::note(&format!("error: {error:#}"));
            std::process::ExitCode::from(exit::Exit::Refused as u8)
        }
    }
}
