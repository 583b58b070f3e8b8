//! The steps of `cargo xtask test`, in order, the quick ones first. Each runs one or two commands and judges their exit codes.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use anyhow::bail;
use xshell::{Cmd, cmd};

use super::seed::{PROPTEST_VARIABLE, SEED_VARIABLE};
use super::server::{URL_VARIABLE, VERSION_VARIABLE};
use super::tools::{CARGO_DENY, CLIPPY, DIESEL, RUSTFMT, major_and_minor};
use super::{Context, StepResult, apps, print_schema};
use crate::exit::Exit;
use crate::output;

/// The oldest Diesel version with a suitable `print-schema`.
const DIESEL_AT_LEAST: (u32, u32) = (2, 3);

/// A developer's settings, which must not lead a test to the developer's data.
const NOT_FOR_TESTS: [&str; 21] = [
    "DATABASE_PATH",
    "DATABASE_URL",
    "DB_APPLICATION_NAME",
    "DB_CONNECTION_TIMEOUT",
    "DB_IDLE_IN_TRANSACTION_TIMEOUT",
    "DB_IDLE_TIMEOUT",
    "DB_KEEPALIVE_IDLE",
    "DB_LOCK_TIMEOUT",
    "DB_POOL_MAX",
    "DB_POOL_MIN",
    "DB_POOL_MODE",
    "DB_RETRY_TIMEOUT",
    "DB_STALL_TIMEOUT",
    "DB_VIEWS_TIMEOUT",
    "DB_STATEMENT_TIMEOUT",
    "OAUTH_ENCRYPTION_KEY",
    "POSTGRES_DB",
    "POSTGRES_HOST",
    "POSTGRES_PASSWORD",
    "POSTGRES_PORT",
    "POSTGRES_USER",
];

/// How many tests of a program run at the same time; a developer's own choice is kept.
const THREADS_VARIABLE: &str = "RUST_TEST_THREADS";

/// The app whose generated files are in this checkout.
const STAND_IN: &str = "fixtures/app";

/// One check.
pub(crate) struct Step {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// Runs it. An error means that it could not run.
    pub(super) run: fn(&Context) -> anyhow::Result<StepResult>,
}

/// All checks.
pub(crate) const ALL: &[Step] = &[
    Step { name: "formatting", run: formatting },
    Step { name: "lints", run: lints },
    Step { name: "generated files", run: generated_files },
    Step { name: "building the tests", run: building_the_tests },
    Step { name: "tests", run: tests },
    Step { name: "apps", run: apps::run },
    Step { name: "print-schema", run: print_schema },
    Step { name: "documentation", run: documentation },
    Step { name: "licences, bans, sources", run: licences_bans_sources },
    Step { name: "advisories", run: advisories },
];

fn formatting(context: &Context) -> anyhow::Result<StepResult> {
    RUSTFMT.require(&context.shell)?;
    context.check(cmd!(context.shell, "cargo fmt --all --check"), "run `cargo fmt --all`")
}

fn lints(context: &Context) -> anyhow::Result<StepResult> {
    CLIPPY.require(&context.shell)?;
    let command = cmd!(context.shell, "cargo clippy --workspace --all-targets --locked -- -D warnings");
    context.check(command, "see the warnings above")
}

/// The files of this checkout, and those of the stand-in for an app.
fn generated_files(context: &Context) -> anyhow::Result<StepResult> {
    let program = &context.program;
    let command = cmd!(context.shell, "{program} generate --drizzle {STAND_IN} --check");
    let status = context.children.run(command)?;
    if status.code() == Some(Exit::Refused as i32) {
        bail!("`generate --check` could not run, see above");
    }
    Ok(judge(status, &format!("run `cargo xtask generate --drizzle {STAND_IN}`")))
}

/// A step of its own, so that its duration is known, and no server waits for a compiler.
fn building_the_tests(context: &Context) -> anyhow::Result<StepResult> {
    context.check(cargo_test(context, &["--no-run", "--quiet"]), "see the errors above")
}

fn tests(context: &Context) -> anyhow::Result<StepResult> {
    let options: &[&str] = if context.keep_going { &["--no-fail-fast"] } else { &[] };
    output::note(&format!("{SEED_VARIABLE}={} repeats the random choices of this run", context.seed));
    let command = context.on_test_server(cargo_test(context, options))?;
    context.check(command, "see the failures above")
}

/// Returns how many tests of a program run at the same time: many of them wait for a server, a timeout or a package most of the time.
fn test_threads() -> usize {
    3 * std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns `cargo test` with the arguments of the command line.
fn cargo_test<'a>(context: &'a Context, options: &[&str]) -> Cmd<'a> {
    let arguments = &context.arguments;
    // Cargo ignores the choice of a package next to `--workspace`.
    let workspace = (!chooses_packages(arguments)).then_some("--workspace");
    cmd!(context.shell, "cargo test {workspace...} --locked {options...} {arguments...}")
}

/// Returns whether arguments of `cargo test` name packages. Those after a second `--` are for the tests.
fn chooses_packages(arguments: &[impl AsRef<OsStr>]) -> bool {
    arguments
        .iter()
        .map(|argument| argument.as_ref().to_string_lossy())
        .take_while(|argument| argument != "--")
        .any(|argument| argument.starts_with("--package") || (argument.starts_with("-p") && argument != "--"))
}

fn print_schema(context: &Context) -> anyhow::Result<StepResult> {
    let Some(version) = DIESEL.version(&context.shell) else { return Ok(DIESEL.skipped(context.is_ci)) };
    if major_and_minor(&version).is_none_or(|found| found < DIESEL_AT_LEAST) || !version.contains("postgres")
    {
        let (major, minor) = DIESEL_AT_LEAST;
        let reason =
            format!("this diesel is not {major}.{minor} or later with PostgreSQL ({})", DIESEL.install);
        return Ok(if context.is_ci { StepResult::Failed(reason) } else { StepResult::NotRun(reason) });
    }
    let url = context.server.borrow_mut().url()?;
    print_schema::print_schema_agrees(&url)
}

fn documentation(context: &Context) -> anyhow::Result<StepResult> {
    let command = cmd!(context.shell, "cargo doc --workspace --no-deps --document-private-items --locked");
    context.check(command.env("RUSTDOCFLAGS", "-D warnings"), "see the warnings above")
}

fn licences_bans_sources(context: &Context) -> anyhow::Result<StepResult> {
    if CARGO_DENY.version(&context.shell).is_none() {
        return Ok(CARGO_DENY.skipped(context.is_ci));
    }
    let command =
        cmd!(context.shell, "cargo deny --locked check --hide-inclusion-graph bans licenses sources");
    context.check(command, "see the errors above, and deny.toml")
}

fn advisories(context: &Context) -> anyhow::Result<StepResult> {
    if CARGO_DENY.version(&context.shell).is_none() {
        return Ok(CARGO_DENY.skipped(context.is_ci));
    }
    if !context.children.run(cmd!(context.shell, "cargo deny --locked fetch db"))?.success() {
        return Ok(StepResult::NotRun("the advisory database cannot be fetched (no network?)".to_owned()));
    }
    context.check(cmd!(context.shell, "cargo deny --locked check advisories"), "see the advisories above")
}

impl Context {
    /// Gives a command that runs tests the server, the seed and the number of threads, and no setting of the developer.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub(super) fn on_test_server<'a>(&self, command: Cmd<'a>) -> anyhow::Result<Cmd<'a>> {
        let url = self.server.borrow_mut().url()?;
        let seed = self.seed.to_string();
        let mut command =
            command.env(URL_VARIABLE, url).env(SEED_VARIABLE, &seed).env(PROPTEST_VARIABLE, &seed);
        if let Some(version) = self.pg_version {
            command = command.env(VERSION_VARIABLE, version.to_string());
        }
        if std::env::var_os(THREADS_VARIABLE).is_none() {
            command = command.env(THREADS_VARIABLE, test_threads().to_string());
        }
        for name in NOT_FOR_TESTS {
            command = command.env_remove(name);
        }
        Ok(command)
    }

    /// Runs a command that fails if a check fails; `hint` is the remedy.
    pub(super) fn check(&self, command: Cmd<'_>, hint: &str) -> anyhow::Result<StepResult> {
        Ok(judge(self.children.run(command)?, hint))
    }
}

fn judge(status: ExitStatus, hint: &str) -> StepResult {
    match (status.code(), status.signal()) {
        (Some(0), _) => StepResult::Passed,
        (Some(code), _) => StepResult::Failed(format!("exit code {code}: {hint}")),
        (None, signal) => StepResult::Failed(format!("ended by signal {}", signal.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_package_is_recognised() {
        for (arguments, expected) in [
            (&["-p", "row-mover"][..], true),
            (&["-prow-mover"], true),
            (&["--package=row-mover"], true),
            (&["name_of_a_test"], false),
            (&["--", "-p"], false),
            (&[], false),
        ] {
            assert_eq!(chooses_packages(arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn an_exit_status_is_judged() {
        for (raw, expected) in [
            (0, StepResult::Passed),
            (101 << 8, StepResult::Failed("exit code 101: do this".to_owned())),
            (9, StepResult::Failed("ended by signal 9".to_owned())),
        ] {
            assert_eq!(judge(ExitStatus::from_raw(raw), "do this"), expected);
        }
    }
}
