//! Other programs that move a SQLite file to PostgreSQL, where they are installed. They run as their manuals describe, without tuning.
//! Only the number of rows is checked.

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
    /// DuckDB: tables and rows only.
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
        let printed = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let first =
            printed.as_deref().and_then(|printed| printed.lines().find(|line| !line.trim().is_empty()));
        first
            .map(|line| line.trim().to_owned())
            .ok_or_else(|| format!("not run: it is not installed; `{}` installs it", self.how_to_install()))
    }
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Measures one copy by a peer. The inner error is why it failed, which ends no run.
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
    let scratch = tempfile::tempdir_in(folder).context("a scratch folder cannot be created")?;
    let mut command = match peer {
        Peer::Pgloader => pgloader(subject, &database, scratch.path()),
        Peer::Duckdb => duckdb(subject, &database, scratch.path())?,
    };
    command.current_dir(scratch.path());
    database.pass_password(&mut command);
    server.checkpoint()?;
    let ran = child::run(&mut command, scratch.path(), interrupt)?;
    if !ran.status.success() {
        return Ok(Err(format!("failed ({}): {}", ran.status, ran.last_line())));
    }
    let copied = match peer {
        Peer::Pgloader => None,
        Peer::Duckdb => Some(reported_seconds(&ran)?),
    };
    if let Err(reason) = check_rows(&database, subject) {
        return Ok(Err(format!("failed, and reports no reason: {reason:#}")));
    }
    figures.add_process(&format!("{}.whole", peer.name()), &ran);
    if let Some(seconds) = copied {
        figures.add(format!("{}.copy", peer.name()), seconds);
    }
    Ok(Ok(()))
}

fn pgloader(subject: &Subject, database: &BenchDatabase<'_>, folder: &Path) -> Command {
    let mut command = command("pgloader", &["--quiet", "--root-dir"]);
    command.arg(folder).arg(format!("sqlite://{}", subject.source.path.display())).arg(database.url());
    command
}

fn duckdb(subject: &Subject, database: &BenchDatabase<'_>, folder: &Path) -> anyhow::Result<Command> {
    let tables: Vec<&str> = subject.source.plan.tables.iter().map(|table| table.source.as_str()).collect();
    let job = json!({ "sqlite": subject.source.path, "postgres": database.url(), "tables": tables });
    let path = folder.join("job.json");
    fs::write(&path, job.to_string()).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut command = command("python3", &["-c", DUCKDB_SCRIPT]);
    command.arg(path);
    Ok(command)
}

/// The duration of DuckDB's statements, without the start of Python.
fn reported_seconds(ran: &Ran) -> anyhow::Result<f64> {
    let last = ran.stdout.trim().lines().next_back().unwrap_or_default();
    let result: Value = serde_json::from_str(last).context("DuckDB's script printed no JSON")?;
    result["seconds"].as_f64().context("DuckDB's script does not report the time of its copy")
}

/// A copy that lost rows has not done the same work.
fn check_rows(database: &BenchDatabase<'_>, subject: &Subject) -> anyhow::Result<()> {
    let mut connection = database.connect()?;
    for (planned, encoded) in subject.source.plan.tables.iter().zip(&subject.tables) {
        // Peers keep the source's names, as far as these need no quotes.
        let name = migrate_core::identifier::quote_pg(&planned.source);
        let found = line(&mut connection, &format!("SELECT count(*)::text AS line FROM {name}"))?;
        if found != encoded.encoded.rows.to_string() {
            bail!("table {} has {found} rows of {}", planned.source, encoded.encoded.rows);
        }
    }
    Ok(())
}
