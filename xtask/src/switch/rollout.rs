//! The gradual rollout around a cutover. `migrate_core::rollout` decides; here are the requests, the gates, and the shares.
//!
//! Once SQLite is closed, a request that writes can only go to PostgreSQL, and what was read from SQLite would be out of date. Shares
//! below 100 % therefore come before the freeze, for requests that read: PostgreSQL is kept up to date by catch-ups, its sessions are
//! read-only, and going back loses nothing. At the freeze everything is switched at once, and is observed for one more step.

use std::time::Duration;

use clap::Args;
use migrate_core::rollout::{Reason, Steps};
use postgres_client::{DbSettings, TargetUrl};

use super::Switcher;
use crate::stop::Stop;

/// The options of a gradual rollout.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Gradual rollout")]
pub(crate) struct RolloutArgs {
    /// The shares of reading requests that reach PostgreSQL before the cutover, in percent, such as 10,50,100
    #[arg(long, value_name = "SHARES", default_value = "100")]
    pub(crate) canary: Steps,

    /// How long each share is observed, such as 30s, 5m or 1h
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = super::time::parse)]
    pub(crate) soak: Duration,

    /// A page of the app on PostgreSQL that is requested once a second, such as http://127.0.0.1:3000/api/health
    #[arg(long, value_name = "URL")]
    pub(crate) app_url: Option<String>,

    /// The same page of the app on SQLite, whose latency is the baseline [default: --app-url before the first step]
    #[arg(long, value_name = "URL", requires = "app_url")]
    pub(crate) baseline_url: Option<String>,
}

/// How a rollout ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RolloutOutcome {
    /// Every step held.
    Held,
    /// A step did not hold. Before the freeze, SQLite has all requests again; after it, PostgreSQL keeps them until a rollback.
    WentBack {
        /// The share that PostgreSQL had, in percent.
        share_percent: u8,
        /// Why.
        reason: Reason,
    },
}

/// A gradual rollout.
pub(crate) struct Rollout<'a> {
    pub(crate) args: &'a RolloutArgs,
    pub(crate) switcher: &'a Switcher,
    pub(crate) url: &'a TargetUrl,
    pub(crate) settings: &'a DbSettings,
    pub(crate) stop: &'a Stop,
}

impl Rollout<'_> {
    /// Checks the options before anything changes: shares below 100 % need manifests with a route, and the app's pages must answer.
    ///
    /// # Errors
    /// When the rollout would not work.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        Ok(())
    }

    /// The steps below 100 %, before the freeze. `catch_up` is called between samples, so that what is read from PostgreSQL is recent.
    /// Returns at once if there are no such steps.
    ///
    /// # Errors
    /// When the app does not run on PostgreSQL, a catch-up fails, or the work is to stop. SQLite has all requests again then.
    pub(crate) fn before_freeze(
        &self,
        _catch_up: &mut dyn FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<RolloutOutcome> {
        anyhow::bail!("not written yet")
    }

    /// Observes the app after everything was switched to PostgreSQL, for one soak. It changes nothing.
    ///
    /// # Errors
    /// When the gates cannot be checked, or the work is to stop.
    pub(crate) fn after_switch(&self) -> anyhow::Result<RolloutOutcome> {
        anyhow::bail!("not written yet")
    }
}
