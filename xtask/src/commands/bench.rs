//! `cargo xtask bench`: measures a migration against PostgreSQL alone with the same rows, and against other programs.

use std::path::Path;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::bench::child::Interrupt;
use crate::bench::figures::Figures;
use crate::bench::peers::Peer;
use crate::bench::report::{PeerOutcome, Report, SubjectReport};
use crate::bench::server::Server;
use crate::bench::subjects::{Subject, SubjectKind, lend_to_server};
use crate::bench::{floor, ours, peers};
use crate::exit::Exit;
use crate::output;

mod app;
mod cutover;

/// The exit status and the examples, for both forms of the help.
macro_rules! after_help {
    () => {
        "Exit status: 0 measured and each migration proven, 2 could not run or refused.\n\
         A goal that is missed is no failure.\n\n\
         Examples:\n  \
         cargo xtask bench\n  \
         cargo xtask bench --only hyperpage --rounds 5\n  \
         cargo xtask bench --rows 20000 --no-peers --json\n  \
         cargo xtask bench app --write\n  \
         cargo xtask bench cutover"
    };
}

/// What is measured and printed, for `--help`.
const AFTER_LONG_HELP: &str = concat!(
    "Each round measures, one after the other: the floor (PostgreSQL alone loads the same rows from files and adds the same keys, \
     indexes and constraints; with one session, with two, and overlapped), this program's `migrate` with its proof, and the peers \
     that are installed (pgloader, DuckDB). The result has medians with the smallest and the largest figure.\n\n\
     It writes to databases of its own only, named hyperpage_bench_…, and to a scratch folder in TMPDIR; both are removed at the end. \
     The server must run on this machine, with a role that may create databases and read files, as the private PostgreSQL's may.\n\n\
     --json prints format, command, rows, rounds, processors, server (its settings), peers (version or why not run) and subjects: \
     name, tables, rows, sqlite_bytes, copy_bytes, measured (name, seconds and peak_bytes of each round), goals (name, value, most \
     or least, is_met) and peers (name, outcome, reason).\n\n",
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
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    rows: u64,

    /// Rounds, in each of which everything is measured once
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Measure with these databases only: hyperpage, wide, narrow, blob, json
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_enum, hide_possible_values = true)]
    only: Vec<SubjectKind>,

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
    let remark = output::remarks(args.quiet);
    let interrupt = Interrupt::listen()?;
    let server = Server::choose(args.postgres.as_deref(), args.pg_version, &remark)?;
    let folder = tempfile::Builder::new()
        .prefix("hyperpage-bench-")
        .tempdir()
        .context("a scratch folder cannot be created; set TMPDIR to a folder that can be written")?;
    lend_to_server(folder.path(), 0o755)?;
    floor::check_server_reads(&server, folder.path())?;
    let mut report = Report::begin(args.rows, args.rounds, server.settings()?);
    let all = if args.no_peers { &[][..] } else { &Peer::ALL };
    report.peers = all.iter().map(|peer| (*peer, peer.version())).collect();
    let is_wanted = |kind: &SubjectKind| args.only.is_empty() || args.only.contains(kind);
    for kind in SubjectKind::ALL.into_iter().filter(is_wanted) {
        interrupt.check()?;
        report.subjects.push(measure(kind, args, &server, &report, folder.path(), &interrupt)?);
    }
    output::stdout(&if args.json { report.json()? } else { report.text() })?;
    Ok(Exit::Done)
}

/// Creates one database and measures all rounds with it; its files are removed at the end.
fn measure(
    kind: SubjectKind,
    args: &BenchArgs,
    server: &Server,
    report: &Report,
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<SubjectReport> {
    let remark = output::remarks(args.quiet);
    let scratch = tempfile::Builder::new()
        .prefix(kind.name())
        .tempdir_in(folder)
        .context("a scratch folder cannot be created")?;
    lend_to_server(scratch.path(), 0o755)?;
    remark(&format!("{:10} creating the database, its plan and its COPY files", kind.name()));
    let subject = Subject::make(kind, args.rows, scratch.path())
        .with_context(|| format!("the database {} cannot be created", kind.name()))?;
    let mut figures = Figures::default();
    let installed = report.peers.iter().filter(|(_, version)| version.is_ok());
    let mut outcomes: Vec<PeerOutcome> = installed.map(|(peer, _)| (*peer, Ok(()))).collect();
    for round in 1..=args.rounds {
        let begins = |what| {
            remark(&format!("{:10} round {round} of {}: {what}", kind.name(), args.rounds));
            interrupt.check()
        };
        begins("the floor")?;
        floor::measure(server, &subject, &mut figures)?;
        begins("migrate")?;
        ours::measure(server, &subject, scratch.path(), interrupt, &mut figures)?;
        for (peer, outcome) in outcomes.iter_mut().filter(|(_, outcome)| outcome.is_ok()) {
            begins(peer.name())?;
            *outcome = peers::measure(*peer, server, &subject, scratch.path(), interrupt, &mut figures)?;
            if outcome.is_err() {
                figures.remove(peer.name());
            }
        }
        remark(&format!("{:10} round {round} of {}: {}", kind.name(), args.rounds, last_round(&figures)));
    }
    Ok(SubjectReport::new(&subject, figures, outcomes))
}

/// Describes the durations of the last round.
fn last_round(figures: &Figures) -> String {
    let names = [
        ("floor.overlapped", "floor"),
        ("ours.load", "our load"),
        ("ours.whole", "our whole"),
        ("pgloader.whole", "pgloader"),
        ("duckdb.copy", "DuckDB"),
    ];
    let last = |name: &str| figures.0.iter().find(|measured| measured.name == name)?.seconds.last().copied();
    let parts = names.iter().filter_map(|(name, words)| Some(format!("{words} {:.2} s", last(name)?)));
    parts.collect::<Vec<_>>().join(", ")
}
