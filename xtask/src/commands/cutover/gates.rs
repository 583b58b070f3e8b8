//! The gates after a switch: whether PostgreSQL is healthy, and whether the app's work succeeds there.
//!
//! They are what the commands `health` and `smoke` check, by the same functions.

use std::fmt;
use std::time::Duration;

use ::health::{Monitor, Options};
use postgres_client::{DbSettings, TargetUrl};

use crate::commands::{health, smoke};
use crate::stop::Stop;
use crate::switch::rollout::HealthCheck;

/// How long the app's work is tried.
const SMOKE_TIMEOUT: Duration = Duration::from_secs(60);

/// A gate that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GateFailure {
    /// The readiness checks of `health` that failed, each with its reason.
    Health(Vec<String>),
    /// Operations of `smoke` that failed, each with its reason.
    Smoke(Vec<String>),
}

impl fmt::Display for GateFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GateFailure::Health(checks) => write!(f, "health: {}", checks.join("; ")),
            GateFailure::Smoke(operations) => write!(f, "smoke: {}", operations.join("; ")),
        }
    }
}

/// Checks whether PostgreSQL is healthy, again and again.
struct HealthGate(Monitor);

impl HealthGate {
    /// Begins to watch a database, with the thresholds that `health` has by default.
    ///
    /// # Errors
    /// When the plan's migrations cannot be read.
    fn new(url: &TargetUrl, settings: &DbSettings) -> anyhow::Result<HealthGate> {
        let options = Options { freshness: Duration::ZERO, ..Options::default() };
        Ok(HealthGate(health::monitor_with(options, settings, url, None, None)?))
    }

    /// Returns the failure, unless the gate holds.
    fn check(&self) -> Option<GateFailure> {
        let failures = health::failures(&self.0.readiness());
        (!failures.is_empty()).then_some(GateFailure::Health(failures))
    }
}

/// Begins to watch a database for a rollout.
///
/// # Errors
/// When the plan's migrations cannot be read.
pub(crate) fn health_check(url: &TargetUrl, settings: &DbSettings) -> anyhow::Result<HealthCheck> {
    let gate = HealthGate::new(url, settings)?;
    Ok(Box::new(move || gate.check().map(|failure| failure.to_string())))
}

/// Checks `health` and `smoke` once, and returns what does not hold.
///
/// # Errors
/// When they cannot be checked.
pub(crate) fn check(url: &TargetUrl, settings: &DbSettings, stop: &Stop) -> anyhow::Result<Vec<GateFailure>> {
    if let Some(failure) = HealthGate::new(url, settings)?.check() {
        // The app's work cannot succeed then, and would only be tried until its time is over.
        return Ok(vec![failure]);
    }
    let tried = smoke::try_work(url, settings, SMOKE_TIMEOUT, stop)?;
    let failures = smoke::failures(&tried);
    Ok(if failures.is_empty() { Vec::new() } else { vec![GateFailure::Smoke(failures)] })
}
