//! `cargo xtask smoke`: tries what the app does on a migrated database, in transactions that are rolled back.
//!
//! Here are the options and the exit status. `hyperpage_store` tries the operations of Hyperpage on its tables, `row_mover::smoke` those of
//! any other database.

use std::time::Duration;

use clap::Args;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::Error;
use row_mover::smoke::{self, SmokeTest, Verdict};

use crate::exit::Exit;
use crate::screen::Screen;
use crate::stop::Stop;
use crate::target::{self, TargetArgs};
use crate::{output, private};
use hyperpage::{HyperpageSmoke, Recognized};

mod hyperpage;
mod hyperpage_output;
mod json;
mod text;

/// The options of `smoke`.
#[derive(Args, Debug)]
#[command(after_help = "Everything is rolled back; only sequences advance.\n\n\
    Exit status: 0 everything passed, 1 an operation failed or could not be tried, 2 could not run.\n\n\
    Examples:\n  \
    cargo xtask smoke --sample            what the last `migrate --sample` moved\n  \
    cargo xtask smoke --postgres postgres://app@db.example/shop\n  \
    cargo xtask smoke --postgres postgres://app@db.example/shop --timeout 60 --json")]
pub(crate) struct SmokeArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Try what the last `migrate --sample` moved into the private PostgreSQL, whatever the environment names
    #[arg(long, conflicts_with = "postgres")]
    sample: bool,

    /// Stop trying after this many seconds; what is left counts as not tried
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,

    /// Exit with 0 if some operations passed, and the others were not tried or refused with RAISE
    #[arg(long)]
    accept_untried: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What was tried.
pub(crate) enum Tried {
    /// The app's operations.
    Hyperpage(HyperpageSmoke),
    /// The tables of any other database.
    Tables(SmokeTest),
}

/// Runs `smoke`.
pub(crate) fn run(args: &SmokeArgs) -> anyhow::Result<Exit> {
    let stop = Stop::listen()?;
    let settings = target::settings()?;
    let url = resolve_target(args)?;
    let timeout = Duration::from_secs(args.timeout);
    stop.in_order(&url, &settings, || {
        let tried = try_work(&url, &settings, timeout, &stop)?;
        print(args, &url, &tried)
    })
}

/// Tries what the app does with its database.
///
/// # Errors
/// When the database cannot be reached, takes no writes, or has no tables, or the work is to stop.
pub(crate) fn try_work(
    url: &TargetUrl,
    settings: &DbSettings,
    timeout: Duration,
    stop: &Stop,
) -> anyhow::Result<Tried> {
    smoke::check_target(url, settings)?;
    match hyperpage::recognize(url, settings)? {
        Recognized::Hyperpage => {
            return Ok(Tried::Hyperpage(hyperpage::smoke(url, settings, timeout, stop)?));
        }
        Recognized::Other => {}
        Recognized::Altered(differences) => output::note(&hyperpage_output::altered(&differences)),
    }
    let screen = Screen::new(true, stop.clone());
    let result = smoke::smoke_test(url, settings, timeout, &screen);
    screen.finish();
    let nothing_changed = || "Nothing was changed. Run the same command again.".to_owned();
    let test = result.map_err(|error| stop.explain(error, nothing_changed))?;
    if test.tables.is_empty() {
        return Err(Error::new(format!("{url} has no table to try"))
            .with_remedy_text("migrate into it first, or name the database that was migrated")
            .into());
    }
    Ok(Tried::Tables(test))
}

/// Returns what failed, each operation with its reason. What could not be tried is no failure, unless nothing passed.
pub(crate) fn failures(tried: &Tried) -> Vec<String> {
    let (failed, has_passed) = match tried {
        Tried::Hyperpage(smoke) => (hyperpage_output::failures(smoke), hyperpage_output::has_passed(smoke)),
        Tried::Tables(test) => (text::failures(test), text::has_passed(test)),
    };
    match failed.is_empty() && !has_passed {
        true => vec!["no operation could be tried".to_owned()],
        false => failed,
    }
}

fn print(args: &SmokeArgs, url: &TargetUrl, tried: &Tried) -> anyhow::Result<Exit> {
    match tried {
        Tried::Hyperpage(smoke) => {
            let exit = hyperpage_output::exit(smoke, args.accept_untried);
            if args.json {
                output::stdout(&hyperpage_output::json(smoke, url, exit == Exit::Done)?)?;
            } else {
                output::stdout(&hyperpage_output::text(smoke, url))?;
                output::note("sequences may have advanced, nothing else has changed");
            }
            Ok(exit)
        }
        Tried::Tables(test) => {
            let exit = exit(test, args.accept_untried);
            if args.json {
                output::stdout(&json::smoke_json(test, url, exit == Exit::Done)?)?;
            } else {
                output::stdout(&text::smoke_text(test, url))?;
                output::note(&text::remarks(test));
            }
            Ok(exit)
        }
    }
}

fn exit(test: &SmokeTest, accepts_untried: bool) -> Exit {
    let steps = test.tables.iter().flat_map(|table| &table.steps);
    let verdicts: Vec<Verdict> = steps.map(|step| step.outcome.verdict()).collect();
    exit_of(&verdicts, accepts_untried)
}

/// The worst outcome decides. A smoke test that tried nothing with success proves nothing, whatever is accepted.
fn exit_of(verdicts: &[Verdict], accepts_untried: bool) -> Exit {
    let is_accepted = |verdict: &Verdict| match verdict {
        Verdict::Passed => true,
        Verdict::Undecided => accepts_untried,
        Verdict::Failed => false,
    };
    match verdicts.contains(&Verdict::Passed) && verdicts.iter().all(is_accepted) {
        true => Exit::Done,
        false => Exit::Differences,
    }
}

fn resolve_target(args: &SmokeArgs) -> anyhow::Result<TargetUrl> {
    if !args.sample
        && let Some(url) = target::named(&args.target)?
    {
        return Ok(url);
    }
    let memory = private::remembered()?;
    let last = if args.sample { memory.sample } else { memory.last };
    private::recall_exact(last, args.target.pg_version, args.sample, output::note)
}
