//! `cargo xtask`: the commands of the migration, one file each in `commands/`, in the order of a migration's phases.
//!
//! Glue only: it reads the command line, calls the crates that do the work, and prints their results.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

mod app_findings;
mod app_probe;
mod author;
mod bench;
mod commands;
mod display;
mod env_file;
mod exit;
mod generated;
mod obstacles;
mod open_tables;
mod output;
mod plan_folder;
mod plan_text;
mod private;
mod question;
mod remedy;
mod report;
mod run_context;
mod screen;
mod source;
mod source_plan;
mod stop;
mod switch;
mod target;
mod workspace;

use exit::Exit;
use row_mover::threads::with_deep_stack;

/// Moves a SQLite database into PostgreSQL, and proves that everything arrived
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    arg_required_else_help = true,
    after_help = "Exit status: 0 done, 1 done with differences, rejects or stale files, 2 could not run or\n\
                  refused, 130 or 143 stopped by SIGINT or SIGTERM.\n\n\
                  Examples:\n  \
                  cargo xtask migrate --sample              move a generated database, and prove it\n  \
                  cargo xtask generate --sqlite any.db --out plans/any --dry-run\n  \
                  cargo xtask migrate --sqlite any.db --postgres postgres://app@db.example/shop\n  \
                  cargo xtask validate                      compare again what was moved last"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The commands, in the order in which a migration uses them; then those that serve this checkout.
#[derive(Subcommand)]
enum Command {
    /// Print the phases of the migration as a checklist: what is done, and what is next
    Guide(commands::guide::GuideArgs),
    /// List what in the app depends on SQLite, with the replacement
    Audit(commands::audit::AuditArgs),
    /// Write the plan, the migrations and the Diesel schemas
    Generate(commands::generate::GenerateArgs),
    /// Apply, revert and check the migrations of the PostgreSQL schema
    Schema(commands::schema::SchemaArgs),
    /// Move a SQLite database into PostgreSQL, and prove that everything arrived
    Migrate(commands::migrate::MigrateArgs),
    /// Read everything back from PostgreSQL and compare it with the sealed copy
    Validate(commands::validate::ValidateArgs),
    /// Try what the app does on the migrated database, and roll everything back
    Smoke(commands::smoke::SmokeArgs),
    /// Print how far a migration is, who is at work, and what to run next
    Status(commands::status::StatusArgs),
    /// Print whether PostgreSQL is fit to serve, or answer probes and Prometheus
    Health(commands::health::HealthArgs),
    /// Write Kubernetes manifests, compare them with a cluster, and apply them
    Deploy(commands::deploy::DeployArgs),
    /// Apply what has changed in SQLite since the last copy, without stopping the app
    CatchUp(commands::catch_up::CatchUpArgs),
    /// Switch the app from SQLite to PostgreSQL
    Cutover(commands::cutover::CutoverArgs),
    /// Switch the app back to SQLite
    Rollback(commands::rollback::RollbackArgs),
    /// List what an app still has of SQLite, and remove what is mechanical
    Cleanup(commands::cleanup::CleanupArgs),
    /// Start, stop and use the private PostgreSQL of this checkout
    Postgres(commands::postgres::PostgresArgs),
    /// Run everything that CI checks
    Test(commands::test::TestArgs),
    /// Measure a migration against PostgreSQL's own speed and other programs, or the app's work
    Bench(commands::bench::BenchArgs),
}

/// The commands that are not steps of a migration.
const FOR_THIS_CHECKOUT: [&str; 4] = ["postgres", "test", "bench", "help"];

/// Returns the command line with its commands in two groups.
fn command_line() -> clap::Command {
    let mut all = Cli::command();
    // Completes the list with `help`.
    all.build();
    let list = |is_listed: &dyn Fn(&str) -> bool| {
        let listed = all.get_subcommands().filter(|command| is_listed(command.get_name()));
        let line = |command: &clap::Command| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            format!("  {:10} {about}\n", command.get_name())
        };
        listed.map(line).collect::<String>()
    };
    let steps = list(&|name| !FOR_THIS_CHECKOUT.contains(&name));
    let others = list(&|name| FOR_THIS_CHECKOUT.contains(&name));
    Cli::command().help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n\
         Commands, in the order of a migration:\n{steps}\n\
         For this checkout:\n{others}\n\
         Options:\n{{options}}{{after-help}}"
    ))
}

fn main() -> ExitCode {
    let matches = command_line().get_matches();
    let command = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.command,
        Err(error) => error.exit(),
    };
    let result = with_deep_stack(move || run(command)).unwrap_or_else(|error| Err(error.into()));
    result.map_or_else(|error| failed(&error), |exit| ExitCode::from(exit as u8))
}

fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Guide(args) => commands::guide::run(&args),
        Command::Audit(args) => commands::audit::run(&args),
        Command::Generate(args) => commands::generate::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Migrate(args) => commands::migrate::run(&args),
        Command::Validate(args) => commands::validate::run(&args),
        Command::Smoke(args) => commands::smoke::run(&args),
        Command::Status(args) => commands::status::run(&args),
        Command::Health(args) => commands::health::run(&args),
        Command::Deploy(args) => commands::deploy::run(&args),
        Command::CatchUp(args) => commands::catch_up::run(&args),
        Command::Cutover(args) => commands::cutover::run(&args),
        Command::Rollback(args) => commands::rollback::run(&args),
        Command::Cleanup(args) => commands::cleanup::run(args, commands::cleanup::TargetLedger::default()),
        Command::Postgres(args) => commands::postgres::run(args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Test(args) => commands::test::run(args),
    }
}

/// Prints why a command did not end well.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a line as a shell reads them, up to a pipe or a comment after two spaces.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut quote) = (vec![String::new()], None);
        let line = line.split(" | ").next().unwrap_or_default();
        let mut letters = line.chars().peekable();
        while let Some(letter) = letters.next() {
            match (letter, quote) {
                (' ', None) if letters.peek() == Some(&' ') => break,
                (' ', None) => words.push(String::new()),
                ('"' | '\'', None) => quote = Some(letter),
                (letter, Some(open)) if letter == open => quote = None,
                _ => words.last_mut().unwrap().push(letter),
            }
        }
        words
    }

    fn examples(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.lines().filter_map(|line| Some(line.strip_prefix("  ")?.to_owned()));
        let below = command.get_subcommands().flat_map(examples);
        lines.chain(below).collect()
    }

    #[test]
    fn every_example_is_accepted_as_it_is_typed() {
        let mut accepted = 0;
        for example in examples(&command_line()) {
            // A command inside of another one.
            let inner = example.split_once("$(").and_then(|(_, rest)| rest.split_once(')'));
            let words = words(inner.map_or(example.as_str(), |(inner, _)| inner));
            let Some(["cargo", "xtask"]) = words.first_chunk().map(|[a, b]: &[String; 2]| [a.as_str(), b])
            else {
                panic!("not one of our commands: {example}");
            };
            let parsed = Cli::try_parse_from(&words[1..]);
            assert!(parsed.is_ok(), "{example}: {}", parsed.err().unwrap());
            accepted += 1;
        }
        assert!(accepted > 20, "{accepted}");
    }

    #[test]
    fn the_command_line_is_sound() {
        command_line().debug_assert();
    }
}
