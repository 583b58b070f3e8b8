//! `cargo xtask schema`: apply, revert and check the migrations of the PostgreSQL schema.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use postgres_client::TargetUrl;
use row_mover::schema::{self, Entry, Reverted, SchemaMigration, SchemaMigrations, State};
use serde_json::json;

use crate::exit::Exit;
use crate::stop::Stop;
use crate::{output, report, workspace};

mod environment;
pub(crate) mod folder;
mod text;

use environment::{Environment, EnvironmentArgs};

/// The options of `schema`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 done, 1 a migration is pending, edited or has no folder (status), 2 could not run or refused.\n\n\
    Examples:\n  \
    cargo xtask schema status --env production       what is applied, and was a file edited since?\n  \
    cargo xtask schema new add_job_owner             writes the folder of a migration\n  \
    cargo xtask schema up --env test                 applies what is pending\n  \
    cargo xtask schema up --env production --dry-run\n  \
    cargo xtask schema down --postgres postgres://app@db.example/shop"
)]
pub(crate) struct SchemaArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List the migrations with their states; changes nothing
    Status {
        #[command(flatten)]
        place: PlaceArgs,
        /// Print the migrations as JSON
        #[arg(long)]
        json: bool,
    },
    /// Apply the pending migrations, each in a transaction
    Up {
        #[command(flatten)]
        place: PlaceArgs,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Revert the last migration, unless rows would be lost
    Down {
        #[command(flatten)]
        place: PlaceArgs,
        #[command(flatten)]
        change: ChangeArgs,
        /// Revert it also where that deletes rows
        #[arg(long)]
        lose_rows: bool,
    },
    /// Revert the last migration and apply it again, in one transaction
    Redo {
        #[command(flatten)]
        place: PlaceArgs,
        #[command(flatten)]
        change: ChangeArgs,
        /// Revert it also where that deletes rows
        #[arg(long)]
        lose_rows: bool,
    },
    /// Write the folder of a new migration
    New {
        /// Its name, such as add_job_owner
        name: String,
        /// The folder of the plan, which has the folder migrations [default: schema-pg]
        #[arg(long, value_name = "DIR")]
        plan: Option<PathBuf>,
    },
}

/// Where the migrations are, and where they are applied.
#[derive(Args, Debug)]
struct PlaceArgs {
    #[command(flatten)]
    environment: EnvironmentArgs,

    /// The folder of the plan, which has the folder migrations [default: schema-pg]
    #[arg(long, value_name = "DIR")]
    plan: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct ChangeArgs {
    /// Do everything in a transaction that is rolled back, and print what would be done
    #[arg(long)]
    dry_run: bool,

    /// Do not ask before production changes
    #[arg(long)]
    yes: bool,
}

/// Runs `schema`.
///
/// # Errors
/// When the migrations cannot be read, the target refuses, or nobody agrees to a change of production.
pub(crate) fn run(args: &SchemaArgs) -> anyhow::Result<Exit> {
    Stop::listen()?;
    match &args.action {
        Action::New { name, plan } => create(name, plan.clone()),
        Action::Status { place, json } => status(&Place::resolve(place)?, *json),
        Action::Up { place, change } => up(&Place::resolve(place)?, change),
        Action::Down { place, change, lose_rows } => {
            revert(&Place::resolve(place)?, change, *lose_rows, false)
        }
        Action::Redo { place, change, lose_rows } => {
            revert(&Place::resolve(place)?, change, *lose_rows, true)
        }
    }
}

/// The migrations and their target.
struct Place {
    folder: SchemaMigrations,
    environment: Environment,
}

impl Place {
    fn resolve(args: &PlaceArgs) -> anyhow::Result<Place> {
        let folder = folder::read(&args.plan.clone().unwrap_or_else(workspace::plan_dir))?;
        Ok(Place { folder, environment: Environment::resolve(&args.environment)? })
    }

    fn url(&self) -> &TargetUrl {
        &self.environment.url
    }

    fn open(&self) -> anyhow::Result<postgres_client::Connection> {
        Ok(schema::open(self.url(), &self.environment.settings)?)
    }

    /// Asks before production changes.
    fn permit(&self, change: &ChangeArgs, what: &str) -> anyhow::Result<()> {
        if !self.environment.is_production() || change.yes || change.dry_run {
            return Ok(());
        }
        let question = format!("{what} in {}, which is production? [y/N]", self.url());
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            bail!("production is not changed without an answer, and there is no terminal to ask: add --yes");
        }
        output::note(&question);
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
        match ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
            true => Ok(()),
            false => bail!("nothing was changed: the answer was no"),
        }
    }
}

fn create(name: &str, plan: Option<PathBuf>) -> anyhow::Result<Exit> {
    let path = folder::create(&plan.unwrap_or_else(workspace::plan_dir), name)?;
    output::stdout(&workspace::shown(&path))?;
    output::note("write up.sql and down.sql there, then `cargo xtask schema up`");
    Ok(Exit::Done)
}

fn status(place: &Place, is_json: bool) -> anyhow::Result<Exit> {
    let entries = schema::status(&mut place.open()?, &place.folder)?;
    let is_current = |entry: &Entry| matches!(entry.state, State::Applied | State::AppliedByOthers);
    let exit = if entries.iter().all(is_current) { Exit::Done } else { Exit::Differences };
    let text = if is_json {
        serde_json::to_string_pretty(&json!({
            "format": report::JSON_FORMAT,
            "command": "schema status",
            "target": place.url().to_string(),
            "list_schema": place.folder.list_schema,
            "is_current": exit == Exit::Done,
            "migrations": entries,
        }))?
    } else {
        text::status(&entries, place.url())
    };
    output::stdout(&text)?;
    Ok(exit)
}

fn up(place: &Place, change: &ChangeArgs) -> anyhow::Result<Exit> {
    place.permit(change, "Apply the pending migrations")?;
    let mut failed = Ok(());
    let mut applied = |migration: &SchemaMigration| {
        if failed.is_ok() {
            failed = output::stdout(&text::applied(migration, change.dry_run));
        }
    };
    let count = schema::up(&mut place.open()?, &place.folder, change.dry_run, &mut applied)?;
    failed?;
    output::note(&text::up_summary(count, place.url(), change.dry_run));
    Ok(Exit::Done)
}

fn revert(place: &Place, change: &ChangeArgs, may_lose_rows: bool, is_redo: bool) -> anyhow::Result<Exit> {
    place.permit(
        change,
        if is_redo { "Revert and apply the last migration" } else { "Revert the last migration" },
    )?;
    let run = if is_redo { schema::redo } else { schema::down };
    match run(&mut place.open()?, &place.folder, may_lose_rows, change.dry_run)? {
        Reverted::Nothing => output::note(&format!("no migration is applied in {}", place.url())),
        Reverted::WouldLose { name, losses } => bail!(text::refusal(&name, losses.as_deref())),
        Reverted::Done { name, losses, run_to_validate } => {
            output::stdout(&text::reverted(&name, losses.as_deref(), is_redo, change.dry_run))?;
            if let Some(run) = run_to_validate.filter(|_| !change.dry_run) {
                output::note(&text::validate_again(run, is_redo));
            }
        }
    }
    Ok(Exit::Done)
}
