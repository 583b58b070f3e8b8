//! `cargo xtask health`: whether PostgreSQL is fit to serve, for a person, a probe or Prometheus.
//!
//! Here are the options; the crate `health` asks and serves, `text` has the words, and `expected` finds the migrations.

mod details_text;
mod expected;
mod text;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::health::http::{BindError, Bounds, Server};
use ::health::{Check, Details, Monitor, Options, Readiness, State};
use anyhow::Context;
use clap::Args;
use postgres_client::watch::StopFlag;
use postgres_client::{DbSettings, TargetUrl, pool};
use row_mover::Error;
use serde_json::json;

use crate::exit::Exit;
use crate::report::JSON_FORMAT;
use crate::target::{self, TargetArgs};
use crate::{output, private};

/// The options of `health`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 ready, 1 not ready (a server that cannot be reached is not), 2 could not ask: a\n\
    wrong option, a URL or a plan that cannot be read, an address that is refused. With --serve: 0 when\n\
    SIGINT or SIGTERM ends it.\n\n\
    Examples:\n  \
    cargo xtask health                     the last migration's database: checks and details\n  \
    cargo xtask health --ready --timeout 1000 --postgres postgres://app@db.example/shop\n  \
    cargo xtask health --live              for a liveness probe: asks no database\n  \
    cargo xtask health --serve 127.0.0.1:9187"
)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Check the database of the last `migrate --sample`, whatever the environment names
    #[arg(long, conflicts_with = "postgres")]
    sample: bool,

    /// The folder with the plan's migrations [default: what the ledger names, else schema-pg]
    #[arg(long, value_name = "DIR")]
    plan: Option<PathBuf>,

    /// Only whether this process runs: asks no database
    #[arg(long, conflicts_with_all = ["postgres", "pg_version", "sample", "plan", "ready", "serve", "timeout"])]
    live: bool,

    /// Only whether the database is ready, without details
    #[arg(long, conflicts_with = "serve")]
    ready: bool,

    /// How long an answer may take, in milliseconds, connecting included
    #[arg(long, value_name = "MS", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    timeout: u64,

    /// Print the result as JSON
    #[arg(long, conflicts_with = "serve")]
    json: bool,

    #[command(flatten)]
    thresholds: ThresholdArgs,

    #[command(flatten)]
    server: ServerArgs,
}

/// What must be left.
#[derive(Args, Debug)]
#[command(next_help_heading = "What must be left")]
struct ThresholdArgs {
    /// Sessions that must be able to begin
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_connections: u32,

    /// Share of the server's disk that must be free, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100))]
    min_disk: u32,

    /// The size of the server's disk, such as 100GB, where it cannot be measured because the server is on another machine
    #[arg(long, value_name = "SIZE", value_parser = size_bytes)]
    disk_size: Option<u64>,
}

/// Serving answers.
#[derive(Args, Debug)]
#[command(next_help_heading = "Serving")]
struct ServerArgs {
    /// Answer /livez, /readyz and /metrics at this address, such as 127.0.0.1:9187 or localhost:0, until a signal arrives
    #[arg(long, value_name = "ADDR", value_parser = address)]
    serve: Option<SocketAddr>,

    /// Permit an address that other machines can reach
    #[arg(long, requires = "serve")]
    public: bool,
}

/// Runs `health`.
pub(crate) fn run(args: &HealthArgs) -> anyhow::Result<Exit> {
    if args.live {
        return live(args.json);
    }
    let settings = target::settings()?;
    // An address that is refused is refused before anything is asked.
    let server = args.server.serve.map(|address| bind(address, args.server.public)).transpose()?;
    let (url, folder) = resolve_target(args)?;
    let monitor = monitor(args, &settings, &url, folder)?;
    match server {
        Some(server) => serve(server, monitor),
        None => print(args, &url, &monitor),
    }
}

/// Whoever reads this is alive.
fn live(is_json: bool) -> anyhow::Result<Exit> {
    let is_live = ::health::is_live();
    let text = match is_json {
        true => json!({ "format": JSON_FORMAT, "command": "health", "is_live": is_live }).to_string(),
        false => "live".to_owned(),
    };
    output::stdout(&text)?;
    Ok(if is_live { Exit::Done } else { Exit::Differences })
}

fn resolve_target(args: &HealthArgs) -> anyhow::Result<(TargetUrl, Option<PathBuf>)> {
    if !args.sample
        && let Some(url) = target::named(&args.target)?
    {
        return Ok((url, None));
    }
    let memory = private::remembered()?;
    let last = if args.sample { memory.sample } else { memory.last };
    private::recall_as_it_is(last, args.target.pg_version, args.sample, output::note)
}

fn monitor(
    args: &HealthArgs,
    settings: &DbSettings,
    url: &TargetUrl,
    remembered: Option<PathBuf>,
) -> anyhow::Result<Monitor> {
    let timeout = Duration::from_millis(args.timeout);
    let options = Options {
        timeout,
        connections_min: args.thresholds.min_connections,
        disk_free_min_percent: args.thresholds.min_disk,
        disk_size_bytes: args.thresholds.disk_size,
        ..Options::default()
    };
    monitor_with(options, settings, url, args.plan.clone(), remembered)
}

/// Returns a monitor of a database, with a pool as the app has it.
pub(crate) fn monitor_with(
    options: Options,
    settings: &DbSettings,
    url: &TargetUrl,
    plan: Option<PathBuf>,
    remembered: Option<PathBuf>,
) -> anyhow::Result<Monitor> {
    let timeout = options.timeout;
    // As the app's, except that nothing may take longer than an answer, and that no connection is kept for reserve.
    let settings = DbSettings {
        pool_min: 0,
        connection_timeout: timeout,
        statement_timeout: timeout,
        stall_timeout: timeout,
        ..*settings
    };
    let pool = pool::open(url, &settings)?;
    let find = expected::finder(plan, remembered)?;
    Ok(Monitor::new(url.clone(), options, Some(pool), find))
}

/// Returns what makes a database unready: each failed check with its reason.
pub(crate) fn failures(readiness: &Readiness) -> Vec<String> {
    let words = |(check, failure): (Check, &::health::Failure)| {
        format!("{}: {}", check.name(), text::failure_words(failure))
    };
    readiness.failures().map(words).collect()
}

fn print(args: &HealthArgs, url: &TargetUrl, monitor: &Monitor) -> anyhow::Result<Exit> {
    let readiness = monitor.readiness();
    // A server that does not answer is not asked again.
    let has_answered = matches!(readiness.state(Check::Answers), Some(State::Ok(_)));
    let details = (has_answered && !args.ready).then(|| monitor.details());
    let text = match args.json {
        true => json_text(url, &readiness, details.as_deref())?,
        false => {
            let mut text = text::readiness_text(&readiness, url);
            if let Some(details) = &details {
                text.push_str(&details_text::details_text(details));
            }
            text
        }
    };
    output::stdout(&text)?;
    Ok(if readiness.is_ready { Exit::Done } else { Exit::Differences })
}

fn json_text(url: &TargetUrl, readiness: &Readiness, details: Option<&Details>) -> anyhow::Result<String> {
    let mut value = json!({ "format": JSON_FORMAT, "command": "health", "target": url.to_string() });
    if let (Some(fields), serde_json::Value::Object(more)) =
        (value.as_object_mut(), serde_json::to_value(readiness)?)
    {
        fields.extend(more);
        if let Some(details) = details {
            fields.insert("details".to_owned(), serde_json::to_value(details)?);
        }
    }
    Ok(serde_json::to_string_pretty(&value)?)
}

fn bind(address: SocketAddr, is_public: bool) -> anyhow::Result<Server> {
    Server::bind(address, is_public, Bounds::default()).map_err(|error| {
        let remedy = match &error {
            BindError::NotLoopback(_) => {
                "add --public to permit that, where a firewall or a network policy limits who may connect; or serve 127.0.0.1"
            }
            BindError::Refused(..) => "name another address or port; port 0 is any free one",
        };
        // The cause of a refused address is the system's.
        let what = error.to_string();
        let refused = Error::new(what).with_remedy_text(remedy);
        match error {
            BindError::NotLoopback(_) => refused.caused_by("probes and metrics need no password"),
            BindError::Refused(_, cause) => refused.caused_by(cause),
        }
        .into()
    })
}

/// Serves until a signal arrives. A server has no other end, so that it is done then.
fn serve(server: Server, monitor: Monitor) -> anyhow::Result<Exit> {
    let stop = StopFlag::default();
    stop_on_signals(&stop)?;
    output::note(&format!("listening on http://{}", server.address()));
    server.run(monitor, &stop).context("the server cannot run")?;
    output::note("stopped");
    Ok(Exit::Done)
}

fn stop_on_signals(stop: &StopFlag) -> anyhow::Result<()> {
    const POLL_INTERVAL: Duration = Duration::from_millis(20);
    let has_arrived = Arc::new(AtomicBool::new(false));
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let number = signal.as_raw();
        // A second signal ends the program at once.
        signal_hook::flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&has_arrived))
            .context("cannot handle signals")?;
        signal_hook::flag::register(number, Arc::clone(&has_arrived)).context("cannot handle signals")?;
    }
    let stop = stop.clone();
    let watch = move || {
        while !has_arrived.load(Ordering::Relaxed) {
            std::thread::sleep(POLL_INTERVAL);
        }
        stop.set();
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(watch).context("cannot handle signals")?;
    Ok(())
}

/// An address and a port; `localhost` is the loopback address.
fn address(text: &str) -> Result<SocketAddr, String> {
    let parsed = match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        None => text.parse().ok(),
    };
    parsed.ok_or_else(|| "not an address with a port, such as 127.0.0.1:9187 or [::1]:9187".to_owned())
}

/// A size as PostgreSQL's settings have it: a number with kB, MB, GB or TB, each 1024 times the one before.
fn size_bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let power = match unit.trim() {
        "B" | "" => 0,
        "kB" => 1,
        "MB" => 2,
        "GB" => 3,
        "TB" => 4,
        _ => return Err("not a size such as 100GB; the units are B, kB, MB, GB and TB".to_owned()),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1024_u64.pow(power)));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "not a size such as 100GB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_postgresql_reads_them() {
        for (text, bytes) in [
            ("1", Some(1)),
            ("100GB", Some(107_374_182_400)),
            ("2 MB", Some(2_097_152)),
            ("1TB", Some(1_099_511_627_776)),
            ("0", None),
            ("GB", None),
            ("1gb", None),
            ("-1GB", None),
            ("99999999999999TB", None),
        ] {
            assert_eq!(size_bytes(text).ok(), bytes, "{text}");
        }
    }

    #[test]
    fn addresses_have_a_port() {
        for (text, expected) in [
            ("127.0.0.1:9187", Some("127.0.0.1:9187")),
            ("localhost:0", Some("127.0.0.1:0")),
            ("[::1]:80", Some("[::1]:80")),
            ("0.0.0.0:1", Some("0.0.0.0:1")),
            ("127.0.0.1", None),
            ("db.example:80", None),
            ("localhost:99999", None),
        ] {
            assert_eq!(address(text).ok().map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }

    /// The page shows commands for a shell, and arrays for Kubernetes, which are JSON too.
    #[test]
    fn every_command_of_the_page_is_accepted() {
        let page = include_str!("../../../docs/health.md");
        let of_shell = page.lines().filter_map(|line| {
            let words = line.strip_prefix("cargo ")?.split(" #").next()?;
            Some(words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        });
        let of_probe = page.lines().filter_map(|line| {
            let array = line.split_once("command: ")?.1.trim_end_matches(" }");
            serde_json::from_str::<Vec<String>>(array).ok()
        });
        let commands: Vec<Vec<String>> = of_shell.chain(of_probe).collect();
        assert_eq!(commands.len(), 7, "{commands:?}");
        for command in commands {
            let parsed = <crate::Cli as clap::Parser>::try_parse_from(&command);
            assert!(
                parsed.is_ok(),
                "{command:?}: {}",
                parsed.err().map(|error| error.to_string()).unwrap_or_default()
            );
        }
    }
}
