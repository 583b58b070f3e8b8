//! `cargo xtask test`: everything that CI checks, step by step, with a table of results and durations at the end. This module
//! decides the order, when a run ends and its exit code; `steps` knows what each step does.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Args;
use xshell::Shell;

use crate::exit::Exit;
use crate::{output, workspace};

mod apps;
mod child;
mod print_schema;
mod seed;
pub(crate) mod server;
mod steps;
mod summary;
mod tools;

use child::Children;
use server::TestServer;
use summary::{StepOutcome, Summary};

const EXAMPLES: &str = "\
Examples:
  cargo xtask test                            all checks, up to the first failure
  cargo xtask test --keep-going               all checks, whatever fails
  cargo xtask test --pg-version 17            with that version of PostgreSQL
  cargo xtask test -- --package row-mover     only the tests of one crate
  cargo xtask test -- sample -- --nocapture   only the tests of that name

The tests run on a private PostgreSQL, which is removed at the end and whose data
is in TEST_POSTGRES_DIR if that is set, or in new databases of the server that
TEST_POSTGRES_URL names. TEST_SEED=N repeats the
random choices of a run, which prints its N. With CI=true these are always the
same, and a missing tool is a failure.

Exit codes: 0 all checks passed, 1 a check failed, 2 a check could not run or
was interrupted.";

/// The arguments of `cargo xtask test`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TestArgs {
    /// The major version of PostgreSQL [default: the newest installed]
    #[arg(long, value_name = "MAJOR", value_parser = clap::value_parser!(u32).range(15..=99))]
    pg_version: Option<u32>,
    /// Run the other checks too after one has failed
    #[arg(long)]
    keep_going: bool,
    /// Print the result as JSON, and the output of the checks to standard error
    #[arg(long)]
    json: bool,
    /// Arguments for `cargo test`, after `--`
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

/// How a check ended. A check that could not run is an error instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepResult {
    /// Nothing is wrong.
    Passed,
    /// The check failed, for this reason.
    Failed(String),
    /// It was skipped, with the reason.
    NotRun(String),
}

/// The state that the steps of a run share.
struct Context {
    shell: Shell,
    children: Children,
    server: RefCell<TestServer>,
    /// This program, found before a build replaces it.
    program: PathBuf,
    arguments: Vec<OsString>,
    pg_version: Option<u32>,
    keep_going: bool,
    /// Whether a missing tool is a failure.
    is_ci: bool,
    /// The seed of tests that vary.
    seed: u64,
}

/// Runs `cargo xtask test`.
///
/// # Errors
/// When it cannot begin, for instance while another run uses the same checkout.
pub(crate) fn run(args: TestArgs) -> anyhow::Result<Exit> {
    let root = workspace::root();
    let _lock = lock(&root)?;
    let shell = Shell::new()?;
    shell.change_dir(&root);
    let is_ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    let context = Context {
        shell,
        children: Children::new(args.json)?,
        server: RefCell::new(TestServer::choose(&root, args.pg_version)?),
        program: std::env::current_exe().context("cannot find this program's own file")?,
        arguments: args.arguments,
        pg_version: args.pg_version,
        keep_going: args.keep_going,
        is_ci,
        seed: seed::choose(is_ci)?,
    };
    let summary = run_steps(&context);
    let removal = context.server.borrow_mut().remove();
    output::note(&summary.text());
    if args.json {
        output::stdout(&summary.json()?)?;
    }
    removal.context(
        "cannot remove the test cluster; remove it with `cargo xtask postgres remove --test --yes`",
    )?;
    Ok(summary.exit())
}

fn run_steps(context: &Context) -> Summary {
    let mut summary = Summary::default();
    let mut is_over = false;
    for step in steps::ALL {
        if is_over {
            summary.add(step.name, StepOutcome::NotReached, None);
            continue;
        }
        output::note(&format!("\n== {}", step.name));
        let start = Instant::now();
        let result = (step.run)(context);
        let seconds = start.elapsed().as_secs_f64();
        let outcome = if context.children.is_interrupted() {
            StepOutcome::Interrupted
        } else {
            result.map_or_else(|error| StepOutcome::CouldNotRun(format!("{error:#}")), StepOutcome::from)
        };
        output::note(&format!("== {}: {outcome} ({seconds:.1} s)", step.name));
        is_over = outcome == StepOutcome::Interrupted || (outcome.is_bad() && !context.keep_going);
        summary.add(step.name, outcome, Some(seconds));
    }
    summary
}

/// Locks the checkout: two runs would remove each other's cluster.
fn lock(root: &Path) -> anyhow::Result<File> {
    let folder = root.join("target");
    crate::workspace::create_folder(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join("xtask-test.lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            bail!(
                "`cargo xtask test` is already running in this checkout; wait for its end, or use another checkout"
            )
        }
        Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}
