//! `cargo xtask catch-up`: apply what has changed in SQLite since the last copy, without stopping the app.
//!
//! Here are the options and the repetition; the engine is `row_mover::catch_up`, and `text` has the words.

mod text;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use postgres_client::TargetUrl;
use row_mover::catch_up::{CatchUpOutcome, CatchUpRequest, CatchUps};

use crate::exit::Exit;
use crate::screen::Screen;
use crate::stop::Stop;
use crate::target::{self, TargetArgs};
use crate::{output, private};

/// How often is checked whether a signal has come, while nothing else is done.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The options of `catch-up`.
#[derive(Args, Debug)]
#[command(
    after_help = "The SQLite file is copied and compared with the last copy; the changes are applied to PostgreSQL\n\
    in one transaction, and the changed rows are read back. The app keeps running, and its file is not\n\
    written to.\n\n\
    Exit status: 0 PostgreSQL equals the new copy, 2 could not run or refused; nothing was changed then.\n\n\
    Examples:\n  \
    cargo xtask catch-up\n  \
    cargo xtask catch-up --dry-run\n  \
    cargo xtask catch-up --watch --interval 30\n  \
    cargo xtask catch-up --watch --until 1000     until at most 1,000 rows differ\n\n\
    -h lists the common options, --help all of them."
)]
pub(crate) struct CatchUpArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Catch up again and again until a signal comes; a copy is only made after somebody has written
    #[arg(long)]
    watch: bool,

    /// With --watch: how long to wait after each time, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, requires = "watch", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,

    /// With --watch: end once no more than this many rows have changed at a time
    #[arg(long, value_name = "ROWS", requires = "watch")]
    until: Option<u64>,

    /// Apply the changes and roll them back, to see what would change and whether PostgreSQL accepts it
    #[arg(long, conflicts_with = "watch")]
    dry_run: bool,

    /// The folder for sealed copies of the source
    #[arg(long, value_name = "DIR", default_value = "backups", hide_short_help = true)]
    backup_dir: PathBuf,

    /// The folder for rejected rows; each copy has a folder of its own in it
    #[arg(long, value_name = "DIR", default_value = "rejects", hide_short_help = true)]
    rejects_dir: PathBuf,

    /// Print the result as JSON, with --watch one line for each time
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Print nothing but the result
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

/// Runs `catch-up`.
///
/// # Errors
/// When it is refused or fails; nothing was changed then, or with `--watch` nothing that is not recorded.
pub(crate) fn run(args: &CatchUpArgs) -> anyhow::Result<Exit> {
    let stop = Stop::listen()?;
    let settings = target::settings()?;
    let request = CatchUpRequest {
        target: resolve_target(args)?,
        settings,
        backup_dir: args.backup_dir.clone(),
        rejects_dir: args.rejects_dir.clone(),
        dry_run: args.dry_run,
        replace_equal_copy: false,
    };
    let mut catch_ups = CatchUps::new(&request);
    loop {
        let screen = Screen::new(args.quiet || args.watch, stop.clone());
        let result = stop.in_order(&request.target, &settings, || catch_ups.next(&screen));
        screen.finish();
        let remedy =
            || "Nothing was changed by the catch-up that was stopped. Run the same command again.".to_owned();
        let outcome = result.map_err(|error| stop.explain(error, remedy))?;
        let shown = match args.json {
            true => text::json(&outcome, &request, args.watch)?,
            false => text::text(&outcome, &request, args.watch),
        };
        output::stdout(&shown)?;
        let is_small = args.until.is_some_and(|until| rows(&outcome) <= until);
        if !args.watch || is_small || !wait(&stop, Duration::from_secs(args.interval)) {
            return Ok(Exit::Done);
        }
    }
}

/// Waits; false if a signal came meanwhile.
fn wait(stop: &Stop, interval: Duration) -> bool {
    let until = Instant::now() + interval;
    while Instant::now() < until {
        if stop.is_asked() {
            return false;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    !stop.is_asked()
}

fn rows(outcome: &CatchUpOutcome) -> u64 {
    match outcome {
        CatchUpOutcome::Unchanged => 0,
        CatchUpOutcome::Applied(caught_up) => caught_up.applied.rows(),
    }
}

fn resolve_target(args: &CatchUpArgs) -> anyhow::Result<TargetUrl> {
    match target::named(&args.target)? {
        Some(url) => Ok(url),
        None => {
            let remark = output::remarks(args.quiet);
            private::recall_exact(private::remembered()?.last, args.target.pg_version, false, remark)
        }
    }
}
