//! `cargo xtask cleanup`: lists the remaining uses of SQLite in an app checkout, and with `--apply`, after a cutover, archives the sealed copy
//! and makes the mechanical changes. The search and the changes are in the crate `app-checkout`; here are the options, the order of the
//! questions, and the exit codes.

mod ledger;
mod output;
mod proof;
mod words;

use crate::app_findings;
use crate::exit::Exit;
use crate::screen::Screen;
use crate::stop::Stop;
use anyhow::Context as _;
use app_checkout::{Area, Branch, Listing, Plan, Repository};
pub(crate) use ledger::{CleanupLedger, MigrationProof, TargetLedger};
use migrate_core::cutover::Event;
use proof::Refusal;
use row_mover::run::check_sealed_copy;
use row_mover::source::archive::{self, Archive};
use row_mover::source::seal::Seal;
use std::cell::Cell;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

/// The end of `--help`.
const AFTER_HELP: &str = "\
Examples:
  cargo xtask cleanup --app ../hyperpage                      list what is left
  cargo xtask cleanup --check --app ../hyperpage --github     in CI: fail if SQLite is back
  cargo xtask cleanup --app ../hyperpage --apply --dry-run    show what --apply would change
  cargo xtask cleanup --app ../hyperpage --apply              show it, ask, change, and search again
  cargo xtask cleanup --app ../hyperpage --exclude 'docs/adr/**'

Each line is `path:line: what; what to do`; line 1 also stands for a complete file. A page of docs
and a package in a lock file are one line each.
Searched: what git does not ignore, and database and .env files even where it does. Never
entered: node_modules, .git, .next, dist, build, target, coverage and caches of tools. Symbolic
links are not followed; changelogs may describe the past.

--apply archives the last sealed copy, removes SQLite packages from package.json and DATABASE_PATH
from .env files, and moves database files with their -wal and -shm into the backup folder. In a
git repository each kind of change is one commit on a branch; nothing is pushed. It deletes and
overwrites nothing, edits no lock file, and refuses until a cutover finished --soak ago, where a
database is not the one that was migrated or was written to since, while SQLite finds one in use,
or where its integrity_check of the last sealed copy finds a problem, which runs unless the ledger
has its result. Leave databases that are to stay out with --exclude.
The cleanup is finished by the --apply after which nothing is left: the ledger then records it, and
`rollback` is refused from then on. What needs a person comes first; what may stay, --exclude.

--json prints one object: version (1), app, clean, files_read, counts by kind, findings (path, line,
kind, what, remedy, mechanical), changes (null without --apply; else applied, diff, edited, moved
with from and to, commits with hash and title, archive, next), refused (null, or why). A path that
is not UTF-8 is quoted, its bytes as \\xNN. Kinds: dependency, lockfile, import, code, schema,
migration, database, environment, manifest, ci, docs, unreadable. Readers ignore fields that they
do not know.

Exit codes: 0 nothing is left, 1 something is left, 2 could not run or refused.";

/// The options of `cleanup`.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CleanupArgs {
    /// The app's checkout: the folder with its package.json
    #[arg(long, value_name = "DIR")]
    pub(crate) app: PathBuf,

    /// Only list what is left, for CI: neither a ledger nor PostgreSQL is needed
    #[arg(long, conflicts_with = "apply")]
    pub(crate) check: bool,

    /// With --check: also print the findings as annotations of GitHub Actions
    #[arg(long, requires = "check")]
    pub(crate) github: bool,

    /// Archive the sealed copy and make the mechanical changes, after showing them
    #[arg(long)]
    pub(crate) apply: bool,

    /// With --apply: show the changes, and make none
    #[arg(long, requires = "apply")]
    pub(crate) dry_run: bool,

    /// With --apply: do not ask
    #[arg(long, requires = "apply")]
    pub(crate) yes: bool,

    /// How long ago the cutover must have finished, such as 7d, 12h or 30m
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = words::parse_duration)]
    pub(crate) soak: jiff::SignedDuration,

    /// Go on although the indexes of the last sealed copy do not agree with its tables; the rows were read without them
    #[arg(long, requires = "apply")]
    pub(crate) accept_damaged_indexes: bool,

    /// The branch of the app's repository on which the changes are committed
    #[arg(long, value_name = "NAME", default_value = "remove-sqlite")]
    pub(crate) branch: String,

    /// Where the last sealed copy is archived
    #[arg(long, value_name = "DIR", default_value = "backups/archive")]
    pub(crate) archive_dir: PathBuf,

    /// Where database files are moved to
    #[arg(long, value_name = "DIR", default_value = "backups/app-cleanup")]
    pub(crate) backup_dir: PathBuf,

    /// Leave out what matches, as in .gitignore; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,

    /// The database that holds the ledger [default: the environment, else the private PostgreSQL]
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,

    /// A remark for the ledger
    #[arg(long, value_name = "TEXT", requires = "apply")]
    pub(crate) note: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command; the ledger is asked only with `--apply`.
///
/// # Errors
/// When the checkout cannot be searched or a change fails; the message lists the completed changes.
pub(crate) fn run(args: CleanupArgs, ledger: impl CleanupLedger) -> anyhow::Result<Exit> {
    run_on(&mut Terminal, &args, ledger, &Stop::listen()?)
}

/// What `--apply` did or would do.
#[derive(Clone, Copy)]
struct Changes<'a> {
    plan: &'a Plan,
    done: Option<(&'a app_checkout::Applied, &'a Archive)>,
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
    mut ledger: impl CleanupLedger,
    stop: &Stop,
) -> anyhow::Result<Exit> {
    let area = Area::new(&args.app, &args.backup_dir, &args.exclude)?;
    let before = app_checkout::scan(&area);
    if !args.apply {
        return listed(console, args, &before, None);
    }
    let plan = app_checkout::plan(&area, &before)?;
    let repository = Repository::open(area.root()).context("nothing was changed")?;
    let planned = Changes { plan: &plan, done: None };
    if !args.json {
        console.out(&output::diff(&plan, repository.is_some()))?;
    }
    if args.dry_run {
        return dry_run(console, args, &before, planned);
    }
    let proof =
        ledger.proof(args).context("cannot ask the ledger for a finished cutover; nothing was changed")?;
    let is_interrupted = match &repository {
        Some(repository) => repository.is_interrupted(&args.branch)?,
        None => false,
    };
    let is_due = before.findings.is_empty() && proof.is_ready(args.soak);
    if plan.is_empty() && !is_interrupted && !is_due {
        console.note("nothing is left that --apply could do");
        return listed(console, args, &before, Some(planned));
    }
    // Where nothing is left to commit, the cleanup is only recorded, whatever the state of the checkout.
    let repository = repository.filter(|_| !plan.is_empty() || is_interrupted);
    let request = PermissionRequest {
        args,
        area: &area,
        before: &before,
        plan: &plan,
        repository: repository.as_ref(),
        is_check_recorded: Cell::new(false),
    };
    if let Err(refusal) = request.permitted(console, &mut ledger, &proof, stop)? {
        let refused = words::refusal(&refusal);
        let unchanged = match request.is_check_recorded.get() {
            false => "nothing was changed",
            true => "nothing was changed; only the result of the check was recorded",
        };
        console.note(&format!("refused: {refused}; {unchanged}"));
        if args.json {
            console.out(&output::json(&args.app, &before, Some(planned), Some(&refused))?)?;
        }
        return Ok(Exit::Refused);
    }
    let MigrationProof::Ready { run, seal, is_cleaned_up, cutover_at, .. } = &proof else {
        anyhow::bail!("the proof of the migration is gone");
    };
    let archive = archived(args, seal, cutover_at, stop)?;
    console.note(&words::archived(&archive));
    let check = || {
        proof::check(&area, &plan, repository.as_ref(), args, &proof)
            .map_err(|refusal| anyhow::anyhow!("{}", words::refusal(&refusal)))
    };
    let branch = repository.as_ref().map(|repository| Branch {
        repository,
        name: &args.branch,
        message: &words::commit,
    });
    let applied = app_checkout::apply(&area, &plan, check, branch.as_ref())?;
    for line in words::done(&plan, &applied, repository.is_some().then_some(args.branch.as_str()), seal) {
        console.note(&line);
    }
    let after = app_checkout::scan(&area);
    if *is_cleaned_up {
        // Recorded before.
    } else if after.findings.is_empty() {
        let event = Event::CleanupFinished { archive: archive.path.clone(), sha256: archive.sha256.clone() };
        ledger
            .record(*run, &event, args.note.as_deref())
            .context("the cleanup is done and not recorded; run the same command again")?;
        console.note(words::FINISHED);
    } else {
        console.note(words::NOT_FINISHED);
    }
    listed(console, args, &after, Some(Changes { done: Some((&applied, &archive)), ..planned }))
}

fn dry_run(
    console: &mut impl Console,
    args: &CleanupArgs,
    before: &Listing,
    planned: Changes<'_>,
) -> anyhow::Result<Exit> {
    if planned.plan.is_empty() {
        console.note("nothing is left that --apply could do");
        return listed(console, args, before, Some(planned));
    }
    console.note("a dry run: nothing was changed");
    if args.json {
        return listed(console, args, before, Some(planned));
    }
    console.note(&words::summary(before));
    Ok(Exit::Differences)
}

/// Archives the sealed copy, or verifies the archive of an earlier call. A signal ends it without a trace.
fn archived(args: &CleanupArgs, seal: &Seal, cutover_at: &str, stop: &Stop) -> anyhow::Result<Archive> {
    let note = |archive: &str, database: &str| words::retention(archive, database, seal, cutover_at);
    let check_stop = || if stop.is_asked() { Err(row_mover::Error::stopped()) } else { Ok(()) };
    stop.in_order_locally(|| archive::archive(seal, &args.archive_dir, &note, &check_stop))
        .map_err(|error| stop.explain(error, not_changed))
}

/// What a permission is asked for.
struct PermissionRequest<'a> {
    args: &'a CleanupArgs,
    area: &'a Area,
    before: &'a Listing,
    plan: &'a Plan,
    repository: Option<&'a Repository>,
    /// Whether the result of `integrity_check` was recorded meanwhile.
    is_check_recorded: Cell<bool>,
}

impl PermissionRequest<'_> {
    /// Whether the plan may be carried out, by the ledger, the databases, git, the last sealed copy, and the user.
    fn permitted(
        &self,
        console: &mut impl Console,
        ledger: &mut impl CleanupLedger,
        proof: &MigrationProof,
        stop: &Stop,
    ) -> anyhow::Result<Result<(), Refusal>> {
        let args = self.args;
        if let Err(refusal) = proof::check(self.area, self.plan, self.repository, args, proof) {
            return Ok(Err(refusal));
        }
        if let MigrationProof::Ready { run, cutover_at, target, seal, is_cleaned_up, .. } = proof {
            console.note(&format!("{target} is in charge since {cutover_at}: run {run}"));
            // After the first cleanup nothing is left that depends on it.
            if !is_cleaned_up && let Err(refusal) = self.sound(console, ledger, *run, seal, stop)? {
                return Ok(Err(refusal));
            }
        }
        if args.yes {
            return Ok(Ok(()));
        }
        let branch = self.repository.is_some().then_some(args.branch.as_str());
        Ok(match console.ask(&words::question(self.before, self.plan, branch))? {
            Some(true) => Ok(()),
            Some(false) => Err(Refusal::Declined),
            None => Err(Refusal::NoTerminal),
        })
    }

    /// Whether the indexes of the last copy agree with its tables, or that is not asked for. The cutover has checked an earlier copy: what the
    /// app wrote after that is in the last one, which is checked here unless the ledger has its result.
    fn sound(
        &self,
        console: &mut impl Console,
        ledger: &mut impl CleanupLedger,
        run: i64,
        seal: &Seal,
        stop: &Stop,
    ) -> anyhow::Result<Result<(), Refusal>> {
        let found = match ledger.integrity(run)? {
            Some(found) => found,
            None if !seal.path.exists() => return Ok(Err(Refusal::CopyGone(seal.path.clone()))),
            None => {
                console.note(words::CHECKING);
                let observer = Screen::new(true, stop.clone());
                let checked = stop.in_order_locally(|| check_sealed_copy(seal, &observer));
                let found = checked.map_err(|error| stop.explain(error, not_changed))?;
                ledger.record_integrity(run, &found)?;
                self.is_check_recorded.set(true);
                found
            }
        };
        let Some(problem) = found.problems.first() else { return Ok(Ok(())) };
        if self.args.accept_damaged_indexes {
            console.note(&words::accepted(found.problems.len()));
            return Ok(Ok(()));
        }
        Ok(Err(Refusal::DamagedIndexes { copy: seal.path.clone(), problem: problem.clone() }))
    }
}

fn not_changed() -> String {
    "Nothing was changed. Run the same command again.".to_owned()
}

/// Prints the findings; the exit code is that of a difference if there are any.
fn listed(
    console: &mut impl Console,
    args: &CleanupArgs,
    listing: &Listing,
    changes: Option<Changes<'_>>,
) -> anyhow::Result<Exit> {
    let text = if args.json {
        output::json(&args.app, listing, changes, None)?
    } else {
        app_findings::lines(listing)
    };
    console.out(&text)?;
    if args.github {
        console.note(&output::annotations(&args.app, listing));
    }
    for remark in &listing.remarks {
        console.note(&format!("note: {}", app_findings::remark(remark)));
    }
    console.note(&words::summary(listing));
    Ok(if listing.findings.is_empty() { Exit::Done } else { Exit::Differences })
}

#[cfg(test)]
mod tests;
