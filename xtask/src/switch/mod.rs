//! Switches the app between the databases: by an env file, or by Kubernetes manifests that `kubectl` applies.
//!
//! `cutover` and `rollback` decide when; nothing here knows the ledger.

#![allow(dead_code)]

pub(crate) mod rollout;
pub(crate) mod time;

use std::path::PathBuf;

use clap::Args;
use migrate_core::cutover::Switch;
use postgres_client::TargetUrl;

use crate::stop::Stop;

/// The options that name what the app is switched by. Without one, a person switches it and confirms that.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Switching the app")]
pub(crate) struct SwitchArgs {
    /// The app's env file, in which the database is named
    #[arg(long, value_name = "FILE", conflicts_with = "manifests")]
    pub(crate) env_file: Option<PathBuf>,

    /// The folder of an overlay that `deploy render` wrote and `deploy apply` applied
    #[arg(long, value_name = "DIR")]
    pub(crate) manifests: Option<PathBuf>,

    /// The context of `kubectl`
    #[arg(long, value_name = "NAME", requires = "manifests")]
    pub(crate) context: Option<String>,

    /// A command that restarts the app after its env file has changed, run by `sh -c`
    #[arg(long, value_name = "COMMAND", requires = "env_file")]
    pub(crate) restart_command: Option<String>,
}

/// Where the app is switched to.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// PostgreSQL, with the share of requests that reach it, in percent.
    Postgres { url: TargetUrl, share_percent: u8 },
    /// The SQLite file.
    Sqlite { path: PathBuf },
}

/// What the app is switched by.
#[derive(Debug)]
pub(crate) struct Switcher {
    args: SwitchArgs,
}

impl Switcher {
    /// Finds out what the app is switched by, and whether that will work, before anything changes.
    ///
    /// # Errors
    /// When the env file or the manifests cannot be used, or `kubectl` does not reach the cluster.
    pub(crate) fn check(args: &SwitchArgs) -> anyhow::Result<Switcher> {
        Ok(Switcher { args: args.clone() })
    }

    /// What a switch would do, for people.
    pub(crate) fn describe(&self, _to: &Destination) -> String {
        String::new()
    }

    /// Switches the app, and returns once the app runs with the destination. Switching twice is the same as once.
    ///
    /// # Errors
    /// When the app does not run with the destination; the message has the reason.
    pub(crate) fn switch(&self, _to: &Destination, _stop: &Stop) -> anyhow::Result<Switch> {
        anyhow::bail!("not written yet")
    }
}
