//! The gradual rollout around a cutover. `migrate_core::rollout` decides; here are the requests, the gates, and the shares.
//!
//! Once SQLite is closed, a request that writes can only go to PostgreSQL, and what is read from SQLite is out of date. Shares below
//! 100 % therefore come before the freeze, for requests that read: catch-ups keep PostgreSQL recent, its sessions are read-only, and going
//! back loses nothing. At the freeze everything is switched at once, and is observed for one more step.

use std::fmt;
use std::time::{Duration, Instant};

use clap::Args;
use migrate_core::rollout::{Decision, Limits, Reason, Sample, Steps, decide, p95};
use postgres_client::{DbSettings, TargetUrl};
use row_mover::Error;

use super::probe::{Answer, PageUrl, UrlError};
use super::workload::pause;
use super::{Destination, Means, Switcher};
use crate::output;
use crate::stop::Stop;

/// Interval between samples. A sample is a health check, and one request to the app.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// The cluster is asked for restarts with every fifth sample: that takes three calls of `kubectl`.
const SAMPLES_PER_RESTART_CHECK: usize = 5;

/// Interval between catch-ups while reading requests are divided.
const CATCH_UP_INTERVAL: Duration = Duration::from_secs(30);

/// Requests from which the baseline is computed.
const BASELINE_REQUESTS: u32 = 30;

/// Interval between them.
const BASELINE_INTERVAL: Duration = Duration::from_millis(100);

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

    /// A page of the app on PostgreSQL that is requested once a second, such as http://127.0.0.1:3000/api/ready
    #[arg(long, value_name = "URL")]
    pub(crate) app_url: Option<String>,

    /// The same page of the app on SQLite, whose latency is the baseline [default: --app-url before the switch]
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

/// The reason in words.
pub(crate) struct ReasonWords<'a>(pub(crate) &'a Reason);

impl fmt::Display for ReasonWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::HealthChecks { failed } => write!(f, "{failed} health checks in a row failed"),
            Reason::AppFailures { failures } => {
                write!(
                    f,
                    "the app failed {failures} times: requests without an answer, and restarts of containers"
                )
            }
            Reason::Errors { percent, duration } => {
                write!(
                    f,
                    "more than 5 % of the requests failed for {} s, {percent} % of the last minute's",
                    duration.as_secs()
                )
            }
            Reason::Latency { p95, baseline } => write!(
                f,
                "95 % of the requests took up to {} ms, and {} ms on SQLite",
                p95.as_millis(),
                baseline.as_millis()
            ),
        }
    }
}

/// Checks whether PostgreSQL is healthy, and returns what is not, in words.
pub(crate) type HealthCheck = Box<dyn Fn() -> Option<String>>;

/// Begins to check a database.
type BeginHealthCheck = dyn Fn(&TargetUrl, &DbSettings) -> anyhow::Result<HealthCheck>;

/// A gradual rollout.
pub(crate) struct Rollout<'a> {
    pub(crate) args: &'a RolloutArgs,
    pub(crate) switcher: &'a Switcher,
    pub(crate) url: &'a TargetUrl,
    pub(crate) settings: &'a DbSettings,
    pub(crate) begin_health_check: &'a BeginHealthCheck,
    pub(crate) stop: &'a Stop,
}

impl Rollout<'_> {
    /// Checks the options before anything changes: shares below 100 % need manifests, and the baseline's page must answer.
    ///
    /// # Errors
    /// When the rollout would not work.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if !self.args.canary.partial().is_empty() && !matches!(self.switcher.means, Means::Manifests(_)) {
            return Err(Error::new("only a route between two versions of the app divides requests")
                .with_remedy_text("leave out --canary; or name the manifests of the app with --manifests instead of an env file")
                .into());
        }
        self.switcher
            .check_destination(&Destination::Postgres { url: self.url.clone(), share_percent: 100 })?;
        page(self.args.app_url.as_ref(), "--app-url")?;
        let page = page(self.args.baseline_url.as_ref(), "--baseline-url")?;
        if let (Some(page), Some(url)) = (page, &self.args.baseline_url)
            && !is_fine(page.get())
        {
            return Err(Error::new(format!("{url} (--baseline-url) does not answer, or reports an error"))
                .with_remedy_text("name a page of the running app; in a cluster, `kubectl port-forward` makes its port reachable from here")
                .into());
        }
        Ok(())
    }

    /// Measures the baseline, and goes through the steps below 100 %, before the freeze. `catch_up` is called between samples, so that what
    /// is read from PostgreSQL is recent.
    ///
    /// # Errors
    /// When the app does not run on PostgreSQL, a catch-up fails, or the work is to stop. SQLite has all requests again then.
    pub(crate) fn before_freeze(
        &self,
        catch_up: &mut dyn FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<RolloutOutcome> {
        self.switcher.baseline.set(self.measure_baseline()?);
        if self.args.canary.partial().is_empty() {
            return Ok(RolloutOutcome::Held);
        }
        // A signal ends the steps in order: SQLite has to get its requests back.
        self.stop.in_order(self.url, self.settings, || self.steps_or_back(catch_up))
    }

    fn steps_or_back(
        &self,
        catch_up: &mut dyn FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<RolloutOutcome> {
        let outcome = self.partial_steps(catch_up);
        if !matches!(outcome, Ok(RolloutOutcome::Held)) {
            output::note("the rollout stops: SQLite gets all requests again");
            // Going back is not stopped: the request to stop is a reason for it.
            let back = self
                .switcher
                .switch(&Destination::Sqlite { path: std::path::PathBuf::new() }, &Stop::default());
            if let Err(error) = back {
                output::failure(&error);
                output::note(
                    "part of the reading requests still reach PostgreSQL; run the same command again, or `cargo xtask rollback`",
                );
            }
        }
        outcome
    }

    fn partial_steps(
        &self,
        catch_up: &mut dyn FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<RolloutOutcome> {
        catch_up()?;
        for share_percent in self.args.canary.partial() {
            let to = Destination::Postgres { url: self.url.clone(), share_percent: *share_percent };
            self.switcher.switch(&to, self.stop)?;
            let reason = self.observe(catch_up)?;
            if let Some(reason) = reason {
                return Ok(RolloutOutcome::WentBack { share_percent: *share_percent, reason });
            }
        }
        Ok(RolloutOutcome::Held)
    }

    /// Observes the app after everything was switched to PostgreSQL, for one soak. It changes nothing.
    ///
    /// # Errors
    /// When the gates cannot be checked, or the work is to stop.
    pub(crate) fn after_switch(&self) -> anyhow::Result<RolloutOutcome> {
        let reason = self.observe(&mut || Ok(()))?;
        Ok(match reason {
            Some(reason) => RolloutOutcome::WentBack { share_percent: 100, reason },
            None => RolloutOutcome::Held,
        })
    }

    /// Samples until a step is done; returns the reason to go back, if there is one.
    fn observe(&self, catch_up: &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<Option<Reason>> {
        let failed_health = (self.begin_health_check)(self.url, self.settings)?;
        let page = page(self.args.app_url.as_ref(), "--app-url")?;
        let mut restarts = self.switcher.restarts(self.stop)?;
        let (began, mut caught_up) = (Instant::now(), Instant::now());
        let mut samples: Vec<Sample> = Vec::new();
        loop {
            if caught_up.elapsed() >= CATCH_UP_INTERVAL {
                catch_up()?;
                caught_up = Instant::now();
            }
            let failure = failed_health();
            if let Some(failure) = &failure {
                output::note(failure);
            }
            let mut sample = Sample {
                at: began.elapsed(),
                is_healthy: failure.is_none(),
                app_failures: 0,
                requests: 0,
                errors: 0,
                latencies: Vec::new(),
            };
            if let Some(page) = &page {
                add_answer(&mut sample, page.get());
            }
            // A cluster that does not answer says nothing about the app.
            if samples.len().is_multiple_of(SAMPLES_PER_RESTART_CHECK)
                && let Ok(Some(now)) = self.switcher.restarts(self.stop)
            {
                let more = now.saturating_sub(restarts.unwrap_or(now));
                sample.app_failures += u32::try_from(more).unwrap_or(u32::MAX);
                restarts = Some(now);
            }
            samples.push(sample);
            match decide(&Limits::default(), self.args.soak, self.switcher.baseline.get(), &samples) {
                Decision::Hold => pause(SAMPLE_INTERVAL, self.stop)?,
                Decision::StepOn => return Ok(None),
                Decision::GoBack(reason) => return Ok(Some(reason)),
            }
        }
    }

    /// The latency of the app on SQLite; none without a page, or if the page does not answer yet.
    fn measure_baseline(&self) -> anyhow::Result<Option<Duration>> {
        let page = match &self.args.baseline_url {
            Some(url) => page(Some(url), "--baseline-url")?,
            None => page(self.args.app_url.as_ref(), "--app-url")?,
        };
        let Some(page) = page else { return Ok(None) };
        let mut latencies = Vec::new();
        for _ in 0..BASELINE_REQUESTS {
            let answer = page.get();
            match answer {
                Answer::Status { latency, .. } if is_fine(answer) => latencies.push(latency),
                _ => {
                    output::note(
                        "no baseline: the page of --app-url does not answer before the switch, so that no latency is compared",
                    );
                    return Ok(None);
                }
            }
            pause(BASELINE_INTERVAL, self.stop)?;
        }
        Ok(p95(&latencies))
    }
}

fn is_fine(answer: Answer) -> bool {
    matches!(answer, Answer::Status { status: 0..500, .. })
}

fn add_answer(sample: &mut Sample, answer: Answer) {
    sample.requests += 1;
    match answer {
        Answer::Status { latency, .. } => sample.latencies.push(latency),
        Answer::None => sample.app_failures += 1,
    }
    if !is_fine(answer) {
        sample.errors += 1;
    }
}

fn page(url: Option<&String>, option: &str) -> anyhow::Result<Option<PageUrl>> {
    let Some(url) = url else { return Ok(None) };
    let page = PageUrl::parse(url).map_err(|error| {
        let remedy = match error {
            UrlError::Https => "name the app's own port, such as http://127.0.0.1:3000/api/ready; in a cluster, `kubectl port-forward` makes it reachable",
            UrlError::Malformed => "name a page such as http://127.0.0.1:3000/api/ready",
        };
        Error::new(format!("{option} cannot be used")).caused_by(error).with_remedy_text(remedy)
    })?;
    Ok(Some(page))
}
