//! `cargo xtask bench`: what a migration takes, beside what PostgreSQL alone takes for the same rows, and beside other programs.

use std::path::Path;

use anyhow::Context;
use clap::Args;

use crate::bench::child::Interrupt;
use crate::bench::figures::Figures;
use crate::bench::peers::Peer;
use crate::bench::report::{PeerOutcome, Report, SubjectReport};
use crate::bench::server::Server;
use crate::bench::subjects::{Subject, SubjectKind, lend_to_server};
use crate::bench::{floor, ours, peers};
use crate::exit::Exit;
use crate::output;

/// The options of `bench`.
#[derive(Args, Debug)]
#[command(
    after_help = "Each round measures, one after the other: the floor (PostgreSQL alone loads the same rows from files and adds the \
    same keys, indexes and constraints; by one session, by two, and overlapped), this program's `migrate` with its proof, and \
    the peers that are installed (pgloader, DuckDB). Medians are shown, with the smallest and the largest figure.\n\n\
    It writes to databases of its own alone, named hyperpage_bench_…, and to a scratch folder in TMPDIR; both are removed at the end. \
    The server has to run on this machine, with a role that may make databases and read files. The private PostgreSQL's may.\n\n\
    --json prints format, command, rows, rounds, processors, server (its settings), peers (version or why not run) and subjects: name, \
    tables, rows, sqlite_bytes, copy_bytes, measured (name, seconds and peak_bytes of each round), goals (name, value, most or \
    least, is_met) and peers (name, outcome, reason).\n\n\
    Exit status: 0 measured and each migration proven, 2 could not run or refused. A goal that is missed is no failure.\n\n\
    Examples:\n  \
    cargo xtask bench\n  \
    cargo xtask bench --only hyperpage --rounds 5\n  \
    cargo xtask bench --rows 20000 --no-peers --json"
)]
pub(crate) struct BenchArgs {
    /// How many jobs the Hyperpage database has; it has seven times as many rows. The other databases follow
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    rows: u64,

    /// How often each thing is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Measure with these databases alone: hyperpage, wide, narrow, blob, json
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_enum, hide_possible_values = true)]
    only: Vec<SubjectKind>,

    /// Leave other programs out
    #[arg(long)]
    no_peers: bool,

    /// The server, as a URL. Default: the private PostgreSQL of this checkout, whatever the environment names
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,

    /// The major version of the private PostgreSQL
    #[arg(long, value_name = "N", conflicts_with = "postgres", value_parser = clap::value_parser!(u32).range(15..=18))]
    pg_version: Option<u32>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// Say nothing but the result
    #[arg(long, short)]
    quiet: bool,
}

/// Runs `bench`.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<Exit> {
    let say = output::remarks(args.quiet);
    let interrupt = Interrupt::listen()?;
    let server = Server::choose(args.postgres.as_deref(), args.pg_version, &say)?;
    let folder = tempfile::Builder::new()
        .prefix("hyperpage-bench-")
        .tempdir()
        .context("no scratch folder can be made; TMPDIR names where")?;
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

/// Makes one database and measures all rounds with it; its files go at the end.
fn measure(
    kind: SubjectKind,
    args: &BenchArgs,
    server: &Server,
    report: &Report,
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<SubjectReport> {
    let say = output::remarks(args.quiet);
    let place = tempfile::Builder::new()
        .prefix(kind.name())
        .tempdir_in(folder)
        .context("no scratch folder can be made")?;
    lend_to_server(place.path(), 0o755)?;
    say(&format!("{:10} making the database, its plan and its COPY files", kind.name()));
    let subject = Subject::make(kind, args.rows, place.path())
        .with_context(|| format!("the database {} cannot be made", kind.name()))?;
    let mut figures = Figures::default();
    let installed = report.peers.iter().filter(|(_, version)| version.is_ok());
    let mut outcomes: Vec<PeerOutcome> = installed.map(|(peer, _)| (*peer, Ok(()))).collect();
    for round in 1..=args.rounds {
        let begins = |what| {
            say(&format!("{:10} round {round} of {}: {what}", kind.name(), args.rounds));
            interrupt.check()
        };
        begins("the floor")?;
        floor::measure(server, &subject, &mut figures)?;
        begins("migrate")?;
        ours::measure(server, &subject, place.path(), interrupt, &mut figures)?;
        for (peer, outcome) in outcomes.iter_mut().filter(|(_, outcome)| outcome.is_ok()) {
            begins(peer.name())?;
            *outcome = peers::measure(*peer, server, &subject, place.path(), interrupt, &mut figures)?;
            if outcome.is_err() {
                figures.remove(peer.name());
            }
        }
        say(&format!("{:10} round {round} of {}: {}", kind.name(), args.rounds, last_round(&figures)));
    }
    Ok(SubjectReport::new(&subject, figures, outcomes))
}

/// What the round that has just ended took, in a few words.
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
