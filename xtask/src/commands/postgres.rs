//! `cargo xtask postgres`: starts, stops and uses the private PostgreSQL of this checkout. `private-postgres` manages the cluster; here
//! are only arguments and messages.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use private_postgres::{Cluster, Options, Purpose, Status, StopMode};

use crate::commands::test;
use crate::exit::Exit;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  cargo xtask postgres start                    start it, or do nothing if it runs
  cargo xtask postgres psql                     open a session
  psql \"$(cargo xtask postgres url)\"            the same with a psql of your own
  cargo xtask postgres status --json            what a script reads
  cargo xtask postgres start --pg-version 17    one of another version, with data of its own
  cargo xtask postgres remove --yes             stop it and delete all its data

The programs are those in PG_BINDIR, else the installed ones, else a package fetched by npm.
All other commands start the server by themselves if no target is named.

Exit status: 0 done, 2 could not run or refused.";

/// The arguments of `cargo xtask postgres`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PostgresArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create the cluster if there is none, and start its server
    #[command(after_help = "Example:\n  cargo xtask postgres start --pg-version 16")]
    Start {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        mode: Mode,
        /// Print what would happen, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop the server; the data is kept
    #[command(after_help = "Example:\n  cargo xtask postgres stop --mode smart")]
    Stop {
        #[command(flatten)]
        which: Which,
        /// How clients that are connected are treated
        #[arg(long, value_enum, default_value_t = Stop::Fast)]
        mode: Stop,
        /// Print what would happen, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Print whether it runs and where everything is, without the password
    #[command(after_help = "Example:\n  cargo xtask postgres status --json | jq .port")]
    Status {
        #[command(flatten)]
        which: Which,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the URL, with the password in it; starts the server if it does not run
    #[command(
        after_help = "Example:\n  export DATABASE_URL=\"$(cargo xtask postgres url --database hyperpage)\""
    )]
    Url {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        mode: Mode,
        #[command(flatten)]
        database: Database,
    },
    /// Open psql; starts the server if it does not run
    #[command(after_help = "Example:\n  cargo xtask postgres psql -- --command 'SELECT version()'")]
    Psql {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        mode: Mode,
        #[command(flatten)]
        database: Database,
        /// Arguments for psql, after `--`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Stop the server and delete the cluster with all its data
    #[command(
        after_help = "Example:\n  cargo xtask postgres remove --dry-run\n  cargo xtask postgres remove --yes"
    )]
    Remove {
        #[command(flatten)]
        which: Which,
        /// Delete the data; required, because it cannot be restored
        #[arg(long)]
        yes: bool,
        /// Print what would be deleted, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
struct Which {
    /// The major version; each has data of its own
    #[arg(long, value_name = "MAJOR", value_parser = clap::value_parser!(u32).range(15..=99))]
    pg_version: Option<u32>,
    /// The cluster that the tests use (implies --throwaway)
    #[arg(long)]
    test: bool,
}

#[derive(Debug, Args)]
struct Mode {
    /// Faster, but a crash of the machine may damage the data (fsync off)
    #[arg(long)]
    throwaway: bool,
}

#[derive(Debug, Args)]
struct Database {
    /// The database; it is not created
    #[arg(long, value_name = "NAME", default_value = "postgres")]
    database: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Stop {
    /// Wait until the last client has disconnected
    Smart,
    /// End their sessions
    Fast,
    /// Stop at once; the next start recovers
    Immediate,
}

impl From<Stop> for StopMode {
    fn from(mode: Stop) -> Self {
        match mode {
            Stop::Smart => Self::Smart,
            Stop::Fast => Self::Fast,
            Stop::Immediate => Self::Immediate,
        }
    }
}

impl Which {
    fn open(&self, throwaway: bool) -> anyhow::Result<Cluster> {
        let purpose = if self.test { Purpose::Test } else { Purpose::Main };
        let options = Options {
            version: self.pg_version,
            throwaway: throwaway || self.test,
            folder: if self.test { test::server::folder() } else { None },
            ..Options::new(checkout()?, purpose)
        };
        Ok(Cluster::open(options)?)
    }
}

/// Runs `cargo xtask postgres`.
///
/// # Errors
/// The cluster's errors, each with the remedy.
pub(crate) fn run(args: PostgresArgs) -> anyhow::Result<Exit> {
    match args.action {
        Action::Start { which, mode, dry_run } => start(&which.open(mode.throwaway)?, dry_run),
        Action::Stop { which, mode, dry_run } => stop(&which.open(false)?, mode.into(), dry_run),
        Action::Status { which, json } => status(&which.open(false)?, json),
        Action::Url { which, mode, database } => {
            let cluster = which.open(mode.throwaway)?;
            start_quietly(&cluster)?;
            output::stdout(&cluster.url(&database.database)?)?;
            Ok(Exit::Done)
        }
        Action::Psql { which, mode, database, arguments } => {
            psql(&which.open(mode.throwaway)?, &database.database, &arguments)
        }
        Action::Remove { which, yes, dry_run } => remove(&which.open(false)?, yes, dry_run),
    }
}

fn start(cluster: &Cluster, dry_run: bool) -> anyhow::Result<Exit> {
    let before = cluster.status()?;
    if before.running {
        // Also notices a server of another kind than the one asked for.
        if !dry_run {
            cluster.start()?;
        }
        output::note(&format!("already running: PostgreSQL on port {}", port(&before)));
        return Ok(Exit::Done);
    }
    if dry_run {
        let verb = if before.created { "start the cluster in" } else { "create and start a cluster in" };
        output::note(&format!("would {verb} {}", before.state_dir.display()));
        return Ok(Exit::Done);
    }
    output::note(beginning(&before));
    cluster.start()?;
    let after = cluster.status()?;
    output::note(&format!(
        "PostgreSQL {} runs on port {}, as {}, in {}",
        after.version.as_deref().unwrap_or_default(),
        port(&after),
        after.account,
        after.state_dir.display()
    ));
    output::note("print its URL with the same command and `url` instead of `start`");
    Ok(Exit::Done)
}

/// Starts the server for a command that needs one; a server that runs is used whatever its mode is.
fn start_quietly(cluster: &Cluster) -> anyhow::Result<()> {
    let status = cluster.status()?;
    if !status.running {
        output::note(beginning(&status));
        cluster.start()?;
    }
    Ok(())
}

/// Returns the message before a start, which is slow the first time.
fn beginning(status: &Status) -> &'static str {
    if status.created {
        "starting the private PostgreSQL"
    } else {
        "creating the private PostgreSQL (its programs are fetched first where none are installed)"
    }
}

fn stop(cluster: &Cluster, mode: StopMode, dry_run: bool) -> anyhow::Result<Exit> {
    if dry_run {
        let status = cluster.status()?;
        output::note(&match status.pid {
            Some(pid) => format!("would stop the server (process {pid}) in {}", status.state_dir.display()),
            None => "it is not running: nothing to stop".to_owned(),
        });
        return Ok(Exit::Done);
    }
    output::note(if cluster.stop(mode)? { "stopped" } else { "it was not running" });
    Ok(Exit::Done)
}

fn status(cluster: &Cluster, json: bool) -> anyhow::Result<Exit> {
    let status = cluster.status()?;
    let text = if json { serde_json::to_string_pretty(&status)? } else { describe(&status) };
    output::stdout(&text)?;
    Ok(Exit::Done)
}

/// Returns the status as text: one line for each known fact.
fn describe(status: &Status) -> String {
    let state = match (status.running, status.pid, status.created) {
        (true, ..) => "running",
        (false, Some(_), _) => "starting or stopping",
        (false, None, true) => "stopped",
        (false, None, false) => "not created yet",
    };
    let version = status.version.clone().unwrap_or_else(|| status.major.to_string());
    let mut lines = vec![("state", state.to_owned()), ("version", version)];
    lines.extend(status.bindir.as_ref().map(|path| ("programs", path.display().to_string())));
    lines.extend(status.pid.map(|pid| ("process", pid.to_string())));
    lines.push(("account", status.account.clone()));
    lines.extend(status.port.map(|port| ("port", port.to_string())));
    lines.push(("socket", status.socket_dir.display().to_string()));
    lines.push(("data", status.data_dir.display().to_string()));
    lines.push(("log", status.log.display().to_string()));
    let safety = if status.throwaway { "throwaway (fsync off)" } else { "durable (fsync on)" };
    lines.push(("safety", safety.to_owned()));
    lines.iter().fold(String::new(), |mut text, (name, value)| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<9} {value}");
        text
    })
}

fn port(status: &Status) -> String {
    status.port.map_or_else(|| "?".to_owned(), |port| port.to_string())
}

/// Replaces this process by psql. The password is passed in the environment: every user can read arguments.
fn psql(cluster: &Cluster, database: &str, arguments: &[OsString]) -> anyhow::Result<Exit> {
    let program = find_psql(cluster)?;
    start_quietly(cluster)?;
    let login = cluster.login()?;
    let error = Command::new(&program)
        .args(arguments)
        .env("PGHOST", login.host)
        .env("PGPORT", login.port.to_string())
        .env("PGUSER", login.user)
        .env("PGDATABASE", database)
        .env("PGPASSWORD", &login.password)
        .env_remove("PGSERVICE")
        .env_remove("PGHOSTADDR")
        .exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

/// Finds psql among the server's programs, else on the PATH.
fn find_psql(cluster: &Cluster) -> anyhow::Result<PathBuf> {
    let bindir = cluster.bindir()?;
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![bindir.clone()];
    folders.extend(env::split_paths(&path));
    match folders.iter().map(|folder| folder.join("psql")).find(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => bail!(
            "there is no psql in {} or on the PATH; install it (Debian, Ubuntu: apt-get install postgresql-client; \
             macOS: brew install libpq), or give the URL of `cargo xtask postgres url` to another client",
            bindir.display()
        ),
    }
}

fn remove(cluster: &Cluster, yes: bool, dry_run: bool) -> anyhow::Result<Exit> {
    let folders = cluster.folders()?;
    if folders.is_empty() {
        output::note("there is no cluster: nothing to remove");
        return Ok(Exit::Done);
    }
    let list = folders.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ");
    if dry_run {
        output::note(&format!("would stop the server and delete {list}"));
        return Ok(Exit::Done);
    }
    if !yes {
        output::note(&format!("this would delete {list} with all data in it; pass --yes to do it"));
        return Ok(Exit::Refused);
    }
    cluster.remove()?;
    output::note(&format!("deleted {list}"));
    Ok(Exit::Done)
}

/// Returns the top folder of the checkout: cargo's, else the first one above the current folder.
fn checkout() -> anyhow::Result<PathBuf> {
    let is_ours = |folder: &Path| folder.join("xtask/Cargo.toml").is_file();
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    if let Some(folder) = manifest.as_deref().and_then(Path::parent).filter(|folder| is_ours(folder)) {
        return Ok(folder.to_path_buf());
    }
    let current = env::current_dir().context("cannot find the current folder")?;
    match current.ancestors().find(|folder| is_ours(folder)) {
        Some(folder) => Ok(folder.to_path_buf()),
        None => {
            bail!("{} is not inside a checkout of this project; run the command there", current.display())
        }
    }
}
