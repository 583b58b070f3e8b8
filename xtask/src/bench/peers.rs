//! Other programs that move a SQLite file to PostgreSQL, where they are installed. They are run as their manuals say, with nothing
//! tuned for or against them. What they lose on the way is not looked at here, but for the number of rows.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::child::{self, Interrupt, Ran};
use super::figures::Figures;
use super::server::{BenchDatabase, Server, line};
use super::subjects::Subject;

/// Copies with DuckDB's two extensions, which come as Python packages, so that nothing has to be fetched while it runs.
const DUCKDB_SCRIPT: &str = include_str!("duckdb_copy.py");

/// Another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// pgloader: tables, rows, indexes, keys, sequences.
    Pgloader,
    /// DuckDB: tables and rows alone.
    Duckdb,
}

impl Peer {
    /// All of them.
    pub(crate) const ALL: [Peer; 2] = [Peer::Pgloader, Peer::Duckdb];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Pgloader => "pgloader",
            Peer::Duckdb => "duckdb",
        }
    }

    fn how_to_install(self) -> &'static str {
        match self {
            Peer::Pgloader => "apt-get install pgloader",
            Peer::Duckdb => {
                "pip install duckdb duckdb-extension-sqlite-scanner duckdb-extension-postgres-scanner"
            }
        }
    }

    /// Its version, or why it is not run.
    pub(crate) fn version(self) -> Result<String, String> {
        let mut command = match self {
            Peer::Pgloader => command("pgloader", &["--version"]),
            Peer::Duckdb => command("python3", &["-c", DUCKDB_SCRIPT, "--version"]),
        };
        let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success());
        let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let first = said.as_deref().and_then(|said| said.lines().find(|line| !line.trim().is_empty()));
        first
            .map(|line| line.trim().to_owned())
            .ok_or_else(|| format!("not run: it is not installed; `{}` brings it", self.how_to_install()))
    }
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Measures one copy by a peer. The inner error says why it failed, which ends no run.
///
/// # Errors
/// Where the server cannot be used, or the run is interrupted.
pub(crate) fn measure(
    peer: Peer,
    server: &Server,
    subject: &Subject,
    folder: &Path,
    interrupt: &Interrupt,
    figures: &mut Figures,
) -> anyhow::Result<Result<(), String>> {
    let database = server.database()?;
    let place = tempfile::tempdir_in(folder).context("no scratch folder can be made")?;
    let mut command = match peer {
        Peer::Pgloader => pgloader(subject, &database, place.path()),
        Peer::Duckdb => duckdb(subject, &database, place.path())?,
    };
    command.current_dir(place.path());
    database.lend_password(&mut command);
    server.checkpoint()?;
    let ran = child::run(&mut command, place.path(), interrupt)?;
    if !ran.status.success() {
        return Ok(Err(format!("failed ({}): {}", ran.status, ran.last_line())));
    }
    let copied = match peer {
        Peer::Pgloader => None,
        Peer::Duckdb => Some(seconds_said(&ran)?),
    };
    if let Err(reason) = check_rows(&database, subject) {
        return Ok(Err(format!("failed, and says nothing of it: {reason:#}")));
    }
    figures.add(format!("{}.whole", peer.name()), ran.seconds, ran.peak_bytes);
    if let Some(seconds) = copied {
        figures.add(format!("{}.copy", peer.name()), seconds, None);
    }
    Ok(Ok(()))
}

fn pgloader(subject: &Subject, database: &BenchDatabase<'_>, place: &Path) -> Command {
    let mut command = command("pgloader", &["--quiet", "--root-dir"]);
    command.arg(place).arg(format!("sqlite://{}", subject.path.display())).arg(database.url());
    command
}

fn duckdb(subject: &Subject, database: &BenchDatabase<'_>, place: &Path) -> anyhow::Result<Command> {
    let tables: Vec<&str> = subject.plan.tables.iter().map(|table| table.source.as_str()).collect();
    let job = json!({ "sqlite": subject.path, "postgres": database.url(), "tables": tables });
    let path = place.join("job.json");
    fs::write(&path, job.to_string()).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut command = command("python3", &["-c", DUCKDB_SCRIPT]);
    command.arg(path);
    Ok(command)
}

/// What DuckDB's statements took by themselves, without the start of Python.
fn seconds_said(ran: &Ran) -> anyhow::Result<f64> {
    let last = ran.stdout.trim().lines().next_back().unwrap_or_default();
    let said: Value = serde_json::from_str(last).context("DuckDB's script printed no JSON")?;
    said["seconds"].as_f64().context("DuckDB's script does not say what its copy took")
}

/// A copy that lost rows has not done the same work.
fn check_rows(database: &BenchDatabase<'_>, subject: &Subject) -> anyhow::Result<()> {
    let mut connection = database.connect()?;
    for (planned, encoded) in subject.plan.tables.iter().zip(&subject.tables) {
        // Peers keep the source's names, as far as these need no quotes.
        let name = migrate_core::identifier::quote_pg(&planned.source);
        let found = line(&mut connection, &format!("SELECT count(*)::text AS line FROM {name}"))?;
        if found != encoded.encoded.rows.to_string() {
            bail!("table {} has {found} rows of {}", planned.source, encoded.encoded.rows);
        }
    }
    Ok(())
}
