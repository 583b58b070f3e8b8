//! `cargo xtask cleanup`: lists the remaining uses of SQLite in an app checkout, and with `--apply` makes the mechanical changes. The
//! search and the changes are in the crate `app-checkout`; here are the options, the order of the questions, and the exit codes.

mod output;
mod proof;
mod words;

use crate::exit::Exit;
use anyhow::Context as _;
use app_checkout::{Area, Listing, Plan};
pub(crate) use proof::MigrationProof;
use proof::Refusal;
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

Each line is `path:line: what; what to do`; line 1 also stands for a complete file. A page of docs
and a package in a lock file are one line each.
Searched: what git does not ignore, and database and .env files even where it does. Never
entered: node_modules, .git, .next, dist, build, target, coverage and caches of tools. Symbolic
links are not followed; changelogs may describe the past.

--apply removes SQLite packages from package.json and DATABASE_PATH from .env files, and moves
database files with their -wal and -shm into the backup folder. It deletes and overwrites nothing,
edits no lock file, and refuses until a validated migration is in the ledger whose source is the
very database file, not written to since, or while SQLite finds a database in use: stop the app
first. Leave databases that are to stay out with --exclude.

--json prints one object: version (1), app, clean, files_read, counts by kind, findings (path, line,
kind, what, remedy, mechanical), changes (null without --apply; else applied, diff, edited, moved
with from and to, next), refused (null, or why). A path that is not UTF-8 is quoted, its bytes as
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

    /// Make the mechanical changes, after showing them
    #[arg(long)]
    pub(crate) apply: bool,

    /// With --apply: show the changes, and make none
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
/// When the checkout cannot be searched or a change fails; the message lists the completed changes.
pub(crate) fn run(
    args: CleanupArgs,
    proof: impl FnOnce(&CleanupArgs) -> anyhow::Result<MigrationProof>,
) -> anyhow::Result<Exit> {
    run_on(&mut Terminal, &args, proof)
}

/// The destination of the output, and the source of the one answer.
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
        crate::output::stdout(text)
    }

    fn note(&mut self, text: &str) {
        crate::output::note(text);
    }

    fn ask(&mut self, question: &str) -> anyhow::Result<Option<bool>> {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Ok(None);
        }
        crate::output::note(question);
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
    let before = app_checkout::scan(&area);
    if !args.apply {
        return listed(console, args, &before, None);
    }
    let plan = app_checkout::plan(&area, &before)?;
    if !args.json {
        console.out(&output::diff(&plan))?;
    }
    if plan.is_empty() {
        console.note("nothing is left that --apply could do");
        return listed(console, args, &before, Some((&plan, false)));
    }
    if args.dry_run {
        console.note("a dry run: nothing was changed");
        if args.json {
            return listed(console, args, &before, Some((&plan, false)));
        }
        console.note(&words::summary(&before));
        return Ok(Exit::Differences);
    }
    let proof =
        proof(args).context("cannot ask the ledger for a validated migration; nothing was changed")?;
    if let Err(refusal) = permitted(console, args, &area, &plan, &proof)? {
        let refused = words::refusal(&refusal);
        console.note(&format!("refused: {refused}; nothing was changed"));
        if args.json {
            console.out(&output::json(&args.app, &before, Some((&plan, false)), Some(&refused))?)?;
        }
        return Ok(Exit::Refused);
    }
    let check = || {
        proof::check(&area, &plan, &proof).map_err(|refusal| anyhow::anyhow!("{}", words::refusal(&refusal)))
    };
    let applied = app_checkout::apply(&area, &plan, check)?;
    for path in &applied.edited {
        console.note(&format!("changed {}", words::shown(path)));
    }
    for each in &applied.moved {
        console.note(&format!("moved {} to {}", words::shown(&each.source), words::shown(&each.target)));
    }
    for lockfile in &plan.lockfiles {
        console.note(&format!("next: {}", words::next(lockfile)));
    }
    listed(console, args, &app_checkout::scan(&area), Some((&plan, true)))
}

/// Whether the plan may be carried out, by the ledger, the databases, and the user.
fn permitted(
    console: &mut impl Console,
    args: &CleanupArgs,
    area: &Area,
    plan: &Plan,
    proof: &MigrationProof,
) -> anyhow::Result<Result<(), Refusal>> {
    if let Err(refusal) = proof::check(area, plan, proof) {
        return Ok(Err(refusal));
    }
    if let MigrationProof::Validated { run, finished_at, target, .. } = proof {
        console.note(&format!("the rows are in {target}: run {run}, validated {finished_at}"));
    }
    if args.yes {
        return Ok(Ok(()));
    }
    let files = words::counted(plan.edits.len(), "file", "files");
    Ok(match console.ask(&format!("Change {files} and move {}? [y/N]", plan.moves.len()))? {
        Some(true) => Ok(()),
        Some(false) => Err(Refusal::Declined),
        None => Err(Refusal::NoTerminal),
    })
}

/// Prints the findings; the exit code is that of a difference if there are any.
fn listed(
    console: &mut impl Console,
    args: &CleanupArgs,
    listing: &Listing,
    plan: Option<(&Plan, bool)>,
) -> anyhow::Result<Exit> {
    let text = if args.json { output::json(&args.app, listing, plan, None)? } else { words::lines(listing) };
    console.out(&text)?;
    for remark in &listing.remarks {
        console.note(&format!("note: {}", words::remark(remark)));
    }
    console.note(&words::summary(listing));
    Ok(if listing.findings.is_empty() { Exit::Done } else { Exit::Differences })
}

#[cfg(test)]
mod tests;
