//! `cargo xtask cleanup`: lists what is left of SQLite in an app checkout, and with `--apply` does what is mechanical. The search
//! and the changes live in `crate::cleanup`; here stand the options, the order of the questions, and the exit codes.

use crate::cleanup::{self, Area, Listing, MigrationProof, Outcome, Plan};
use crate::exit::Exit;
use crate::output;
use anyhow::Context as _;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

/// The end of `--help`.
const AFTER_HELP: &str = "\
Examples:
  cargo xtask cleanup --app ../hyperpage                      list what is left
  cargo xtask cleanup --app ../hyperpage --json               the same for a script
  cargo xtask cleanup --app ../hyperpage --apply --dry-run    show what --apply would change
  cargo xtask cleanup --app ../hyperpage --apply              show it, ask, change, and search again
  cargo xtask cleanup --app ../hyperpage --exclude 'docs/adr/**'

Each line is `path:line: what; what to do`; line 1 also stands for a whole file.
Searched: what git does not ignore, and database and .env files even where it does. Never
entered: node_modules, .git, .next, dist, build, target, coverage and caches of tools. Symbolic
links are not followed; changelogs may say what was.

--apply takes SQLite packages out of package.json and DATABASE_PATH out of .env files, and moves
database files with their -wal and -shm into the backup folder. It deletes and overwrites nothing,
edits no lock file, and refuses until a validated migration stands in the ledger whose source is
the very database file, not written to since, or while a database is in use. Leave databases that
are to stay where they are out with --exclude.

--json prints one object: version (1), app, clean, files_read, counts by kind, findings (path, line,
kind, what, remedy, mechanical), changes (null without --apply; else applied, diff, edited, moved
with from and to, next), refused (null, or why). A path that is no UTF-8 is quoted, its bytes as
\\xNN. Kinds: dependency, lockfile, import, code, schema, migration, database, environment, manifest,
ci, docs, unreadable. Readers ignore fields that they do not know.

Exit codes: 0 nothing is left, 1 something is left, 2 could not run or refused.";

/// The options of `cleanup`.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CleanupArgs {
    /// The app's checkout: the folder with its package.json
    #[arg(long, value_name = "DIR")]
    pub(crate) app: PathBuf,

    /// Do what is mechanical, after showing it
    #[arg(long)]
    pub(crate) apply: bool,

    /// With --apply: show the changes, and change nothing
    #[arg(long, requires = "apply")]
    pub(crate) dry_run: bool,

    /// With --apply: do not ask
    #[arg(long, requires = "apply")]
    pub(crate) yes: bool,

    /// Where database files are moved to
    #[arg(long, value_name = "DIR", default_value = "backups/app-cleanup")]
    pub(crate) backup_dir: PathBuf,

    /// Leave out what matches, as in .gitignore; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,

    /// The database that holds the ledger [default: the environment, else the private PostgreSQL]
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command; `proof` is asked only when there is something to apply.
///
/// # Errors
/// Where the checkout cannot be searched or a change fails; the message says what had been done.
pub(crate) fn run(
    args: CleanupArgs,
    proof: impl FnOnce(&CleanupArgs) -> anyhow::Result<MigrationProof>,
) -> anyhow::Result<Exit> {
    run_on(&mut Terminal, &args, proof)
}

/// Where the command's words go and its one question is asked.
trait Console {
    /// Data.
    fn out(&mut self, text: &str) -> anyhow::Result<()>;
    /// A remark.
    fn note(&mut self, text: &str);
    /// A question with yes or no; `None` where nobody can answer.
    fn ask(&mut self, question: &str) -> anyhow::Result<Option<bool>>;
}

struct Terminal;

impl Console for Terminal {
    fn out(&mut self, text: &str) -> anyhow::Result<()> {
        output::stdout(text)
    }

    fn note(&mut self, text: &str) {
        output::note(text);
    }

    fn ask(&mut self, question: &str) -> anyhow::Result<Option<bool>> {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Ok(None);
        }
        output::note(question);
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
        Ok(Some(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())))
    }
}

fn run_on(
    console: &mut impl Console,
    args: &CleanupArgs,
    proof: impl FnOnce(&CleanupArgs) -> anyhow::Result<MigrationProof>,
) -> anyhow::Result<Exit> {
    let area = Area::new(&args.app, &args.backup_dir, &args.exclude)?;
    let before = cleanup::scan(&area);
    if !args.apply {
        return listed(console, args, &before, None, None);
    }
    let plan = cleanup::plan(&area, &args.backup_dir, &before)?;
    if !args.json {
        console.out(&plan.diff())?;
    }
    if plan.is_empty() || args.dry_run {
        console.note(if plan.is_empty() {
            "nothing is left that --apply could do"
        } else {
            "a dry run: nothing was changed"
        });
        return if args.json || plan.is_empty() {
            listed(console, args, &before, Some(&plan), None)
        } else {
            console.note(&cleanup::summary(&before));
            Ok(Exit::Differences)
        };
    }
    let proof =
        proof(args).context("cannot ask the ledger for a validated migration; nothing was changed")?;
    if let Some(refused) = refusal(console, args, &area, &plan, &proof)? {
        console.note(&format!("refused: {refused}; nothing was changed"));
        if args.json {
            let refused = Some(refused);
            console.out(&cleanup::json(&outcome(args, &before, Some(&plan), None, refused))?)?;
        }
        return Ok(Exit::Refused);
    }
    let applied = cleanup::apply(&area, &plan, &proof)?;
    for line in applied.lines() {
        console.note(&line);
    }
    for command in &plan.next {
        console.note(&format!("next: {command}"));
    }
    listed(console, args, &cleanup::scan(&area), Some(&plan), Some(&applied))
}

/// Why the plan is not carried out, after everything that could be asked was asked.
fn refusal(
    console: &mut impl Console,
    args: &CleanupArgs,
    area: &Area,
    plan: &Plan,
    proof: &MigrationProof,
) -> anyhow::Result<Option<String>> {
    if let Err(refusal) = cleanup::permitted(area, plan, proof) {
        return Ok(Some(refusal.to_string()));
    }
    if let MigrationProof::Validated { run, finished_at, target, .. } = proof {
        console.note(&format!("the rows are in {target}: run {run}, validated {finished_at}"));
    }
    if args.yes {
        return Ok(None);
    }
    let question = format!("Change {} files and move {}? [y/N]", plan.edits.len(), plan.moves.len());
    Ok(match console.ask(&question)? {
        Some(true) => None,
        Some(false) => Some("the answer was no".to_owned()),
        None => Some("there is no terminal to ask on: give --yes".to_owned()),
    })
}

/// Prints what is left; the exit code says whether anything is.
fn listed(
    console: &mut impl Console,
    args: &CleanupArgs,
    listing: &Listing,
    plan: Option<&Plan>,
    applied: Option<&cleanup::Applied>,
) -> anyhow::Result<Exit> {
    let text = if args.json {
        cleanup::json(&outcome(args, listing, plan, applied, None))?
    } else {
        cleanup::lines(listing)
    };
    console.out(&text)?;
    for remark in &listing.remarks {
        console.note(&format!("note: {remark}"));
    }
    console.note(&cleanup::summary(listing));
    Ok(if listing.findings.is_empty() { Exit::Done } else { Exit::Differences })
}

fn outcome<'a>(
    args: &CleanupArgs,
    listing: &'a Listing,
    plan: Option<&'a Plan>,
    applied: Option<&'a cleanup::Applied>,
    refused: Option<String>,
) -> Outcome<'a> {
    Outcome { app: cleanup::shown(&args.app), listing, plan, applied, refused }
}

#[cfg(test)]
mod tests;
