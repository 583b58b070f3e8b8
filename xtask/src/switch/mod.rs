//! Switches the app between the databases: by an env file, or by Kubernetes manifests that `kubectl` applies.
//!
//! `cutover` and `rollback` decide when; nothing here knows the ledger.

mod child;
mod env_file;
mod env_lines;
mod env_text;
pub(crate) mod kubectl;
mod manifests;
mod probe;
pub(crate) mod rollout;
mod route;
mod sessions;
pub(crate) mod time;
pub(crate) mod workload;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use migrate_core::cutover::Switch;
use postgres_client::TargetUrl;
use row_mover::Error;
use xshell::{Shell, cmd};

use crate::stop::Stop;
use crate::{output, question, target};
use env_file::EnvFile;
use kubectl::Kubectl;
use manifests::Cluster;

/// The options that name what the app is switched by. Without one, a person switches it and confirms that.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Switching the app")]
pub(crate) struct SwitchArgs {
    /// The app's env file, in which the database is named
    #[arg(long, value_name = "FILE", conflicts_with = "manifests")]
    pub(crate) env_file: Option<PathBuf>,

    /// A command that restarts the app after its env file has changed, run by `sh -c`; without one, a person restarts it
    #[arg(long, value_name = "COMMAND", requires = "env_file")]
    pub(crate) restart_command: Option<String>,

    /// The name of the app's sessions in pg_stat_activity [default: any session that is not this program's own]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(crate) app_name: Option<String>,

    /// The folder of an overlay that `deploy render` wrote; `kubectl` applies it
    #[arg(long, value_name = "DIR")]
    pub(crate) manifests: Option<PathBuf>,

    /// The context of `kubectl`
    #[arg(long, value_name = "NAME", requires = "manifests")]
    pub(crate) context: Option<String>,

    /// How long the app may take to start, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time::parse, hide_short_help = true)]
    pub(crate) switch_timeout: Duration,
}

impl Default for SwitchArgs {
    fn default() -> SwitchArgs {
        SwitchArgs {
            env_file: None,
            restart_command: None,
            app_name: None,
            manifests: None,
            context: None,
            switch_timeout: Duration::from_secs(300),
        }
    }
}

/// Where the app is switched to.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// PostgreSQL, with the share of requests that reach it, in percent. A share below 100 is for requests that read.
    Postgres { url: TargetUrl, share_percent: u8 },
    /// The SQLite file.
    Sqlite { path: PathBuf },
}

/// What the app is switched by.
#[derive(Debug)]
pub(crate) struct Switcher {
    args: SwitchArgs,
    means: Means,
    /// Whether somebody at the terminal confirms that they have switched the app.
    asks: bool,
    /// The latency of the app before it was switched, once a rollout has measured it.
    baseline: Cell<Option<Duration>>,
}

#[derive(Debug)]
enum Means {
    EnvFile(EnvFile),
    Manifests(Box<Cluster>),
    ByHand,
}

impl Switcher {
    /// Finds out what the app is switched by, and whether that will work, before anything changes.
    ///
    /// # Errors
    /// When the env file or the manifests cannot be used, or `kubectl` does not reach the cluster.
    pub(crate) fn check(args: &SwitchArgs) -> anyhow::Result<Switcher> {
        let means = match (&args.env_file, &args.manifests) {
            (Some(path), _) => Means::EnvFile(EnvFile::open(path)?),
            (None, Some(folder)) => {
                let stop = Stop::default();
                let kubectl = Kubectl::new(args.context.as_deref(), &stop)?;
                let cluster = Cluster::open(kubectl, folder, args.switch_timeout, &stop)?;
                Means::Manifests(Box::new(cluster))
            }
            (None, None) => Means::ByHand,
        };
        Ok(Switcher { args: args.clone(), means, asks: true, baseline: Cell::new(None) })
    }

    /// The same; where a person switches the app, nobody is asked whether it is done.
    pub(crate) fn without_questions(self) -> Switcher {
        Switcher { asks: false, ..self }
    }

    /// Checks that a switch to a destination will work as far as that can be known: an env file gets no password.
    ///
    /// # Errors
    /// When it will not.
    pub(crate) fn check_destination(&self, to: &Destination) -> anyhow::Result<()> {
        match (&self.means, to) {
            (Means::EnvFile(file), Destination::Postgres { url, .. }) => Ok(file.check(url)?),
            _ => Ok(()),
        }
    }

    /// What a switch would do, for people.
    pub(crate) fn describe(&self, to: &Destination) -> String {
        match (&self.means, to) {
            (Means::EnvFile(file), Destination::Postgres { url, .. }) => {
                format!("write DATABASE_URL={url} into {}, and {}", file.named().display(), self.restart())
            }
            (Means::EnvFile(file), Destination::Sqlite { .. }) => {
                format!(
                    "restore {} as it was before the cutover, and {}",
                    file.named().display(),
                    self.restart()
                )
            }
            (Means::Manifests(cluster), Destination::Postgres { .. }) => cluster.describe_postgres(),
            (Means::Manifests(cluster), Destination::Sqlite { .. }) => cluster.describe_sqlite(),
            (Means::ByHand, Destination::Postgres { url, .. }) => {
                format!("ask you to start the app with {url}")
            }
            (Means::ByHand, Destination::Sqlite { path }) => {
                format!("ask you to start the app with {}", path.display())
            }
        }
    }

    /// Switches the app, and returns once the app runs with the destination. Switching twice is the same as once.
    ///
    /// # Errors
    /// When the app does not run with the destination; the message has the reason.
    pub(crate) fn switch(&self, to: &Destination, stop: &Stop) -> anyhow::Result<Switch> {
        match &self.means {
            Means::EnvFile(file) => {
                let has_changed = match to {
                    Destination::Postgres { share_percent, .. } if *share_percent < 100 => {
                        return Err(Error::new("an env file cannot divide requests")
                            .with_remedy_text("leave out --canary; it needs --manifests")
                            .into());
                    }
                    Destination::Postgres { url, .. } => file.to_postgres(url)?,
                    Destination::Sqlite { .. } => file.to_sqlite()?,
                };
                let state = if has_changed { "is changed" } else { "was changed before" };
                output::note(&format!("the env file {} {state}", file.named().display()));
                self.restart_app(to, stop)?;
                Ok(Switch::EnvFile(file.named().to_owned()))
            }
            Means::Manifests(cluster) => {
                match to {
                    Destination::Postgres { share_percent: 100.., .. } => cluster.to_postgres(stop)?,
                    Destination::Postgres { share_percent, .. } => {
                        cluster.share_reading(*share_percent, stop)?
                    }
                    Destination::Sqlite { .. } => cluster.to_sqlite(stop)?,
                }
                Ok(Switch::Manifests(self.args.manifests.clone().unwrap_or_default()))
            }
            Means::ByHand => {
                let text = match to {
                    Destination::Postgres { url, .. } => format!("start the app with {url} now"),
                    Destination::Sqlite { path } => format!("start the app with {} now", path.display()),
                };
                self.by_hand(&text, to, stop)?;
                Ok(Switch::ByHand)
            }
        }
    }

    /// Whoever is at the terminal confirms it; without a terminal, sessions show it where PostgreSQL is the destination.
    fn by_hand(&self, text: &str, to: &Destination, stop: &Stop) -> anyhow::Result<()> {
        if self.asks && question::can_ask() {
            return match question::ask(&format!("{text}, and press Enter once it works:"), stop)? {
                Some(_) => Ok(()),
                None => Err(Error::stopped().into()),
            };
        }
        output::note(text);
        self.await_app(to, stop)
    }

    /// How often containers of the app on PostgreSQL have been restarted; none if that is not known.
    fn restarts(&self, stop: &Stop) -> anyhow::Result<Option<u64>> {
        match &self.means {
            Means::Manifests(cluster) => Ok(Some(cluster.restarts(stop)?)),
            Means::EnvFile(_) | Means::ByHand => Ok(None),
        }
    }

    fn restart(&self) -> String {
        match &self.args.restart_command {
            Some(command) => format!("run `{command}`"),
            None => "ask you to restart the app".to_owned(),
        }
    }

    fn restart_app(&self, to: &Destination, stop: &Stop) -> anyhow::Result<()> {
        match &self.args.restart_command {
            Some(command) => {
                output::note(&format!("$ {command}"));
                run_restart_command(command, self.args.switch_timeout, stop)?;
            }
            None => output::note("the env file takes effect when the app starts: restart it now"),
        }
        self.await_app(to, stop)
    }

    /// Sessions show that the app works with PostgreSQL. Nothing shows that it works with SQLite.
    fn await_app(&self, to: &Destination, stop: &Stop) -> anyhow::Result<()> {
        let Destination::Postgres { url, .. } = to else { return Ok(()) };
        let name = self.args.app_name.as_deref();
        Ok(sessions::await_app(url, &target::settings()?, name, self.args.switch_timeout, stop)?)
    }
}

fn run_restart_command(command: &str, timeout: Duration, stop: &Stop) -> anyhow::Result<()> {
    let what = || format!("the restart command `{command}` failed");
    let remedy = "restart the app by hand, and run the same command again; the env file is changed";
    let shell = Shell::new()?;
    let status =
        child::run_visibly(cmd!(shell, "sh -c {command}").into(), timeout, stop).map_err(|unfinished| {
            match unfinished {
                child::Unfinished::NotStarted(error) => {
                    Error::new(what()).caused_by(error).with_remedy_text(remedy)
                }
                child::Unfinished::TimedOut => Error::new(what())
                    .caused_by(format!("it has not ended within {} s (--switch-timeout)", timeout.as_secs()))
                    .with_remedy_text(remedy),
                child::Unfinished::Stopped => Error::stopped(),
            }
        })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(what()).caused_by(status.to_string()).with_remedy_text(remedy).into())
}

#[cfg(test)]
mod tests;
