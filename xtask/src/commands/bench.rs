//! `cargo xtask bench`: measures a migration against PostgreSQL alone with the same rows, and against other programs.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::bench::child::Interrupt;
use crate::bench::parts::{Method, Part};
use crate::bench::peers::Peer;
use crate::bench::report::Report;
use crate::bench::results::Conditions;
use crate::bench::room::Need;
use crate::bench::rounds::Rounds;
use crate::bench::server::Server;
use crate::bench::subjects::{DEFAULT_ROWS, SubjectKind, lend_to_server};
use crate::bench::{floor, reading};
use crate::exit::Exit;
use crate::output;

mod app;
mod cutover;

/// The rounds of a large measurement.
const LARGE_ROUNDS: u32 = 1;

/// The exit status and the examples, for both forms of the help.
macro_rules! after_help {
    () => {
        "Exit status: 0 measured and each migration proven, 2 could not run or refused.\n\
         A goal that is missed is no failure.\n\n\
         Examples:\n  \
         cargo xtask bench\n  \
         cargo xtask bench --only hyperpage --rounds 5\n  \
         cargo xtask bench --only hyperpage,tables --large\n  \
         cargo xtask bench --rows 20000 --no-peers --json\n  \
         cargo xtask bench app --write\n  \
         cargo xtask bench cutover"
    };
}

/// What is measured and printed, for `--help`.
const AFTER_LONG_HELP: &str = concat!(
    "Each round measures, one after the other: the floor (PostgreSQL alone loads the same rows from files and adds the same keys, \
     indexes and constraints; with one session, with two, and overlapped), this program's `migrate` with its proof, `sha256sum` of the \
     file, and the peers that are installed (pgloader, DuckDB). Hyperpage is also migrated with the indexes of SQLite only, which are \
     those that pgloader creates. Many small tables and a table WITHOUT ROWID are measured with `migrate` alone. The result has medians \
     with the smallest and the largest figure, and in the end the goals: met, missed with what is in the way, or not measured with the \
     option that measures it.\n\n\
     With the defaults it takes about ten minutes on two cores. --large adds 20 million rows (a file of 4 GB) and 10,000 tables, once \
     each; it needs about 26 GB of disk, which is checked first, and takes another quarter of an hour.\n\n\
     It writes to databases of its own only, named hyperpage_bench_…, and to a scratch folder in TMPDIR; both are removed at the end. \
     The server must run on this machine, with a role that may create databases and read files, as the private PostgreSQL's may.\n\n\
     --json prints format, command, rows, rounds, processors, server (its settings), peers (version or why not run), sha256sum (null, or \
     why not run), goals and subjects. A goal has name, value, most or least, is_met (null if not measured) and obstacle (what is in the \
     way, or what measures it). A subject has name, tables, rows, sqlite_bytes, copy_bytes, measured, ratios (name, value, and most where \
     something is wanted) and peers (name, outcome, reason). What is measured has name and, for each round, seconds, processor_seconds \
     (of the client), private_bytes (peak of the client's private memory), peak_bytes (peak of its resident memory, with pages of files) \
     and memory_curve (pairs of seconds and megabytes of private memory).\n\n",
    after_help!()
);

/// The options of `bench`.
#[derive(Args, Debug)]
#[command(after_help = after_help!(), after_long_help = AFTER_LONG_HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct BenchArgs {
    /// What else is measured.
    #[command(subcommand)]
    other: Option<OtherBench>,

    /// Jobs in the Hyperpage database, which has seven times as many rows; the other databases are as large
    #[arg(long, value_name = "N", default_value_t = DEFAULT_ROWS, value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    rows: u64,

    /// Rounds, in each of which everything is measured once
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Measure these only: hyperpage, wide, narrow, blob, json, tables, without-rowid
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_enum, hide_possible_values = true)]
    only: Vec<Part>,

    /// Measure 20 million rows and 10,000 tables, too, once each
    #[arg(long)]
    large: bool,

    /// Measure no other programs
    #[arg(long)]
    no_peers: bool,

    /// The server, as a URL [default: the private PostgreSQL of this checkout, whatever the environment names]
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,

    /// The major version of the private PostgreSQL
    #[arg(long, value_name = "N", conflicts_with = "postgres", value_parser = clap::value_parser!(u32).range(15..=18))]
    pg_version: Option<u32>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// Print nothing but the result
    #[arg(long, short)]
    quiet: bool,
}

/// Measurements besides that of a migration.
#[derive(Subcommand, Debug)]
enum OtherBench {
    /// Measure the app's work on SQLite and on PostgreSQL, and judge the plan's promises
    App(app::AppArgs),
    /// Measure how long writers wait during a cutover
    Cutover(cutover::CutoverBenchArgs),
}

/// Runs `bench`.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<Exit> {
    match &args.other {
        Some(OtherBench::App(args)) => return app::run(args),
        Some(OtherBench::Cutover(args)) => return cutover::run(args),
        None => {}
    }
    check_large(args)?;
    let remark = output::remarks(args.quiet);
    let interrupt = Interrupt::listen()?;
    let server = Server::choose(args.postgres.as_deref(), args.pg_version, &remark)?;
    let folder = tempfile::Builder::new()
        .prefix("hyperpage-bench-")
        .tempdir()
        .context("a scratch folder cannot be created; set TMPDIR to a folder that can be written")?;
    lend_to_server(folder.path(), 0o755)?;
    floor::check_server_reads(&server, folder.path())?;
    let parts: Vec<Part> =
        Part::ALL.into_iter().filter(|part| args.only.is_empty() || args.only.contains(part)).collect();
    let large: Vec<SubjectKind> =
        parts.iter().filter(|_| args.large).filter_map(|part| part.large()).collect();
    if !large.is_empty() {
        let data_folder = server.data_folder().map(PathBuf::from);
        Need::of(large.iter().copied(), args.rows).check(folder.path(), data_folder.as_deref())?;
    }
    let conditions = Conditions {
        rows: args.rows,
        rounds: args.rounds,
        only: args.only.clone(),
        server: server.settings()?,
        peers: peers(args),
        reading: reading::check(),
    };
    let rounds =
        Rounds { server: &server, folder: folder.path(), interrupt: &interrupt, is_quiet: args.quiet };
    let mut subjects = Vec::new();
    for part in parts {
        interrupt.check()?;
        subjects.extend(match part.method() {
            Method::Compared(kind) => rounds.compare(kind, &conditions)?,
            Method::Series(kinds) => rounds.series(&kinds, args.rows, args.rounds)?,
        });
    }
    for kind in large {
        subjects.extend(rounds.series(&[kind], args.rows, LARGE_ROUNDS)?);
    }
    let report = Report { conditions, subjects };
    output::stdout(&if args.json { report.json()? } else { report.text() })?;
    Ok(Exit::Done)
}

/// Refuses `--large` where none of the selected databases has a large form.
fn check_large(args: &BenchArgs) -> anyhow::Result<()> {
    let has_large = |part: &Part| part.large().is_some();
    if !args.large || args.only.is_empty() || args.only.iter().any(has_large) {
        return Ok(());
    }
    let selected: Vec<&str> = args.only.iter().map(|part| part.name()).collect();
    let with_large: Vec<&str> = Part::ALL.into_iter().filter(has_large).map(Part::name).collect();
    bail!(
        "--large measures nothing with --only {}; add {} to --only, or leave --large out",
        selected.join(","),
        with_large.join(" or ")
    )
}

/// The peers with their versions, or why they are not run.
fn peers(args: &BenchArgs) -> Vec<(Peer, Result<String, String>)> {
    let all = if args.no_peers { &[][..] } else { &Peer::ALL };
    all.iter().map(|peer| (*peer, peer.version())).collect()
}
