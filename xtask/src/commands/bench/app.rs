//! `cargo xtask bench app`: measures the app's work on SQLite and on PostgreSQL, and judges the plan's promises.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;

use crate::bench::app::document;
use crate::bench::app::report::Report;
use crate::bench::app::run::{self, Parameters, Part};
use crate::bench::app::server_check::{SHOWN, require_connections, require_disk, require_durable};
use crate::bench::child::Interrupt;
use crate::bench::server::Server;
use crate::exit::Exit;
use crate::{output, workspace};

/// The exit status and the examples, for both forms of the help.
macro_rules! after_help {
    () => {
        "Exit status: 0 measured, whatever the verdicts are, 2 could not run, refused, or a database\n\
         broke a promise that must always hold (a job claimed twice, for one).\n\n\
         Examples:\n  \
         cargo xtask bench app\n  \
         cargo xtask bench app --write\n  \
         cargo xtask bench app --only queue,connections --users 1,50 --rounds 5 --json"
    };
}

/// What is measured and printed, for `--help`.
const AFTER_LONG_HELP: &str = concat!(
    "Everything is measured on SQLite with synchronous FULL, on SQLite with NORMAL, and on PostgreSQL, through the same code. Each load \
     begins with a fresh copy of the same rows; after it, the rows are compared with what the users were told. The complete run takes \
     about ten minutes. docs/app-performance.md describes the method and has the figures.\n\n\
     It writes to databases of its own only, named hyperpage_bench_…, and to a scratch folder in TMPDIR, which should be on the disk of \
     the server; both are removed at the end.\n\n",
    after_help!()
);

/// The options of `bench app`.
#[derive(Args, Debug)]
#[command(after_help = after_help!(), after_long_help = AFTER_LONG_HELP)]
pub(crate) struct AppArgs {
    /// Measure these parts only: queue, sessions, rate-limits, mixed, reads, connections, json, growth
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_enum, hide_possible_values = true)]
    only: Vec<Part>,

    /// Numbers of users at the same time
    #[arg(
        long,
        value_name = "N,M",
        value_delimiter = ',',
        default_value = "1,10,20,50,100,200",
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    users: Vec<u32>,

    /// Rounds, in each of which every load is measured once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,

    /// Counted seconds of a load in a round, after a warm-up of a quarter; with think time twice that
    #[arg(long, value_name = "S", default_value_t = 0.5, value_parser = seconds)]
    seconds: f64,

    /// The mean of the time between two operations of a user with think time, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    think_ms: u32,

    /// Connections of PostgreSQL's pool, which all users share (DB_POOL_MAX)
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pool_max: u32,

    /// Jobs in the databases of the loads
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    jobs: u64,

    /// Jobs in the databases of queries into documents
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    json_jobs: u64,

    /// Jobs in the small and in the large database
    #[arg(
        long,
        value_name = "N,M",
        value_delimiter = ',',
        default_value = "10000,1000000",
        value_parser = clap::value_parser!(u64).range(100..=10_000_000)
    )]
    growth_jobs: Vec<u64>,

    /// Chooses all random values
    #[arg(long, value_name = "N", default_value_t = 2_026)]
    seed: u64,

    /// The server, as a URL [default: the private PostgreSQL of this checkout, whatever the environment names]
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,

    /// The major version of the private PostgreSQL
    #[arg(long, value_name = "N", conflicts_with = "postgres", value_parser = clap::value_parser!(u32).range(15..=18))]
    pg_version: Option<u32>,

    /// Measure although commits may be lost in a crash (fsync off, files in memory): a trial whose figures mean nothing
    #[arg(long, conflicts_with = "write")]
    allow_not_durable: bool,

    /// Write the figures and charts to docs/app-performance.md
    #[arg(long)]
    write: bool,

    /// Write to the page of this folder, for tests
    #[arg(long, value_name = "DIR", hide = true)]
    docs: Option<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// Print nothing but the result
    #[arg(long, short)]
    quiet: bool,
}

/// Reads a time that a load can last.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("it is not a number from 0.01 to 600".to_owned()),
    }
}

/// Runs `bench app`.
pub(crate) fn run(args: &AppArgs) -> anyhow::Result<Exit> {
    let remark = output::remarks(args.quiet);
    let interrupt = Interrupt::listen()?;
    let parameters = parameters(args)?;
    let docs = match &args.docs {
        None => args.write.then(|| workspace::root().join("docs")),
        docs => docs.clone(),
    };
    if let Some(docs) = &docs {
        document::check(docs)?;
    }
    let server = Server::choose(args.postgres.as_deref(), args.pg_version, &remark)?;
    let settings = server.settings_named(&SHOWN)?;
    require_durable(&settings, args.allow_not_durable)?;
    require_connections(&settings, args.pool_max)?;
    let folder = tempfile::Builder::new()
        .prefix("hyperpage-bench-")
        .tempdir()
        .context("a scratch folder cannot be created; set TMPDIR to a folder that can be written")?;
    require_disk(folder.path(), args.allow_not_durable)?;
    let begun = Instant::now();
    let results = run::run(&parameters, &server, folder.path(), &interrupt, &remark)?;
    let report = Report { parameters, server: settings, results, seconds: begun.elapsed().as_secs_f64() };
    if let Some(docs) = &docs {
        document::write(&report, docs)?;
        remark(&format!("{} is written, with its charts", workspace::shown(&docs.join(document::PAGE))));
    }
    output::stdout(&if args.json { report.json()? } else { report.text(None) })?;
    Ok(Exit::Done)
}

fn parameters(args: &AppArgs) -> anyhow::Result<Parameters> {
    let mut users = args.users.clone();
    users.sort_unstable();
    users.dedup();
    let growth_jobs = match *args.growth_jobs {
        [small, large] if small < large => [small, large],
        _ => bail!("--growth-jobs needs two numbers, the smaller one first, such as 10000,1000000"),
    };
    Ok(Parameters {
        only: args.only.clone(),
        users,
        rounds: args.rounds,
        seconds: args.seconds,
        think_ms: args.think_ms,
        pool_max: args.pool_max,
        jobs: args.jobs,
        json_jobs: args.json_jobs,
        growth_jobs,
        seed: args.seed,
    })
}
