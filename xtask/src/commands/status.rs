//! `cargo xtask status`: the state of a migration, who works on it, and what to run next. It only reads.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use postgres_client::TargetUrl;
use row_mover::status::{self, Standing, Status};
use serde_json::json;

use crate::exit::Exit;
use crate::target::{self, TargetArgs};
use crate::{output, private, remedy, report, screen};

mod text;

/// The options of `status`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 the run is finished and proven, 1 it is unfinished or its validation found\n\
    differences, 2 there is no run, or it cannot be read.\n\n\
    Examples:\n  \
    cargo xtask status                what was begun last in the private PostgreSQL\n  \
    cargo xtask status --watch 5      again every 5 seconds, until it is done\n  \
    cargo xtask status --postgres postgres://app@db.example/shop --json"
)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Show the last `migrate --sample` into the private PostgreSQL, whatever the environment names
    #[arg(long, conflicts_with = "postgres")]
    sample: bool,

    /// Print again every SECONDS until the run is done; Ctrl-C ends it [default: 2]
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    watch: Option<u64>,

    /// Print the status as JSON; with --watch, one object on each line
    #[arg(long)]
    json: bool,
}

/// Runs `status`.
pub(crate) fn run(args: &StatusArgs) -> anyhow::Result<Exit> {
    let settings = target::settings()?;
    let url = resolve_target(args)?;
    let Some(seconds) = args.watch else {
        let status = status::status(&url, &settings)?;
        return show(&status, &url, args.json, false).map(|()| exit(&status));
    };
    let is_redrawn = !args.json && std::io::stdout().is_terminal();
    let mut is_first = true;
    loop {
        match status::status(&url, &settings) {
            Ok(status) => {
                if is_redrawn {
                    output::stdout(screen::CLEAR)?;
                } else if !is_first && !args.json {
                    output::stdout("\n")?;
                }
                show(&status, &url, args.json, true)?;
                if status.standing == Standing::Validated && !status.is_at_work {
                    return Ok(exit(&status));
                }
            }
            // The server may be restarting.
            Err(error) if !is_first => output::failure(&error.into()),
            Err(error) => return Err(error.into()),
        }
        is_first = false;
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

fn resolve_target(args: &StatusArgs) -> anyhow::Result<TargetUrl> {
    if !args.sample
        && let Some(url) = target::named(&args.target)?
    {
        return Ok(url);
    }
    let memory = private::remembered()?;
    // People ask about a run that began and did not end.
    let last =
        if args.sample { memory.begun.sample.or(memory.sample) } else { memory.begun.last.or(memory.last) };
    private::recall(last, args.target.pg_version, args.sample, output::note).map(|(url, _)| url)
}

fn show(status: &Status, url: &TargetUrl, is_json: bool, is_line: bool) -> anyhow::Result<()> {
    if !is_json {
        return output::stdout(&text::status_text(status, url));
    }
    let mut value = json!({ "format": report::JSON_FORMAT, "command": "status", "target": url.to_string() });
    if let (Some(fields), serde_json::Value::Object(more)) =
        (value.as_object_mut(), serde_json::to_value(status)?)
    {
        fields.extend(more);
        fields.insert("next".to_owned(), remedy::next_step(&status.next).into());
    }
    let text = if is_line { serde_json::to_string(&value) } else { serde_json::to_string_pretty(&value) };
    output::stdout(&text?)
}

fn exit(status: &Status) -> Exit {
    match status.standing {
        Standing::Validated => Exit::Done,
        Standing::Unfinished => Exit::Differences,
        // A migration that is at work and has no run in the ledger yet is unfinished too.
        Standing::None if status.is_at_work => Exit::Differences,
        Standing::None => Exit::Refused,
    }
}
