//! `cargo xtask bench cutover`: measures how long writers wait during a cutover, and how long a catch-up takes.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::bench::child::Interrupt;
use crate::bench::cutover::measure::measure;
use crate::bench::cutover::report::Report;
use crate::bench::cutover::scene::Scene;
use crate::bench::cutover::writing;
use crate::bench::server::Server;
use crate::exit::Exit;
use crate::output;

/// The options of `bench cutover`.
#[derive(Args, Debug)]
#[command(
    after_help = "A program writes all the time as the app does: in WAL mode, with a busy timeout of 5 seconds. For\n\
    each share of changed rows the database is migrated, changed, caught up, changed again, rehearsed,\n\
    and closed by the fence; every acknowledged write is then searched for in PostgreSQL. It uses\n\
    databases and files of its own, which are removed at the end.\n\n\
    Exit status: 0 measured, whatever the figures are, 2 could not run, or a write was lost.\n\n\
    Examples:\n  \
    cargo xtask bench cutover\n  \
    cargo xtask bench cutover --rows 200000 --rounds 3\n  \
    cargo xtask bench cutover --rows 20000 --changed 5 --json"
)]
pub(crate) struct CutoverBenchArgs {
    /// Jobs in the Hyperpage database, which has seven times as many rows; 200,000 are about 250 MB
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    rows: u64,

    /// Shares of rows that change between the last catch-up and the cutover, in percent
    #[arg(long, value_name = "P,Q", value_delimiter = ',', default_value = "1,0.01", value_parser = percent)]
    changed: Vec<f64>,

    /// Cutovers for each share
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,

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

    /// Be the program that writes to this database
    #[arg(long, value_name = "FILE", hide = true, requires = "log")]
    write_to: Option<PathBuf>,

    /// Its log
    #[arg(long, value_name = "FILE", hide = true, requires = "write_to")]
    log: Option<PathBuf>,
}

/// Reads a share of rows.
fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.001..=50.0).contains(&percent) => Ok(percent),
        _ => Err("it is not a number from 0.001 to 50".to_owned()),
    }
}

/// Runs `bench cutover`.
pub(crate) fn run(args: &CutoverBenchArgs) -> anyhow::Result<Exit> {
    if let (Some(database), Some(log)) = (&args.write_to, &args.log) {
        writing::write(database, log)?;
        return Ok(Exit::Done);
    }
    let remark = output::remarks(args.quiet);
    let interrupt = Interrupt::listen()?;
    let server = Server::choose(args.postgres.as_deref(), args.pg_version, &remark)?;
    let folder = tempfile::Builder::new()
        .prefix("hyperpage-bench-")
        .tempdir()
        .context("a scratch folder cannot be created; set TMPDIR to a folder that can be written")?;
    remark("creating the database and its plan");
    let scene = Scene::make(args.rows, folder.path())?;
    let mut report = Report {
        format: 1,
        command: "bench cutover",
        rows: scene.rows,
        sqlite_bytes: scene.sqlite_bytes,
        processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        server: server.settings()?,
        cutovers: Vec::new(),
    };
    for percent in &args.changed {
        for round in 1..=args.rounds {
            let begins = |what: &str| {
                remark(&format!("{percent} % changed, round {round} of {}: {what}", args.rounds));
                interrupt.check()
            };
            report.cutovers.push(measure(&scene, *percent, &server, folder.path(), &interrupt, &begins)?);
        }
    }
    output::stdout(&if args.json { report.json()? } else { report.text() })?;
    let lost: u64 = report.cutovers.iter().map(|measured| measured.lost_writes).sum();
    anyhow::ensure!(lost == 0, "{lost} writes that SQLite acknowledged are not in PostgreSQL");
    Ok(Exit::Done)
}
