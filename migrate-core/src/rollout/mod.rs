//! Whether a gradual rollout continues, steps on or goes back, as a pure function of what was observed.
//!
//! This module sends no request and waits for nothing: the caller samples, and asks [`decide`] after each sample.

use std::fmt;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// When a rollout goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// This many failed health checks in a row.
    pub failed_checks: usize,
    /// This many failures of the app within a step.
    pub app_failures: u32,
    /// The share of requests that may fail, in percent.
    pub errors_percent: u32,
    /// For how long the share of errors must be above that.
    pub errors_duration: Duration,
    /// The latency that is too much, in percent of the baseline.
    pub latency_percent: u32,
    /// A difference of latency up to this is noise, whatever its share.
    pub latency_noise: Duration,
    /// The time over which the share of errors and the latency are computed.
    pub window: Duration,
    /// Fewer requests than this within the window do not show a latency.
    pub requests_min: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            failed_checks: 3,
            app_failures: 5,
            errors_percent: 5,
            errors_duration: Duration::from_secs(300),
            latency_percent: 150,
            latency_noise: Duration::from_millis(10),
            window: Duration::from_secs(60),
            requests_min: 20,
        }
    }
}

/// What was observed since the sample before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The time since the step began.
    pub at: Duration,
    /// Whether the health check passed.
    pub is_healthy: bool,
    /// Failures of the app: requests without an answer, and restarts of its containers.
    pub app_failures: u32,
    /// Requests that were sent to the app.
    pub requests: u32,
    /// Those of them without an answer, or with one that reports an error of the server.
    pub errors: u32,
    /// The latency of each request that was answered.
    pub latencies: Vec<Duration>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Observe further.
    Hold,
    /// The step is done.
    StepOn,
    /// Stop the rollout and go back.
    GoBack(Reason),
}

/// Why a rollout goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Health checks failed in a row.
    HealthChecks {
        /// How many.
        failed: usize,
    },
    /// The app failed.
    AppFailures {
        /// How often within the step.
        failures: u32,
    },
    /// Too many requests failed for too long.
    Errors {
        /// The share of the last window, in percent, rounded down.
        percent: u32,
        /// For how long the share has been too large.
        duration: Duration,
    },
    /// Answers take too long.
    Latency {
        /// The 95th percentile of the last window.
        p95: Duration,
        /// The 95th percentile of the baseline.
        baseline: Duration,
    },
}

/// Decides after a sample. `samples` are those of the present step, in their order; without a baseline, the latency is not judged.
pub fn decide(limits: &Limits, soak: Duration, baseline: Option<Duration>, samples: &[Sample]) -> Decision {
    let Some(last) = samples.last() else { return Decision::Hold };
    let failed = samples.iter().rev().take_while(|sample| !sample.is_healthy).count();
    if failed >= limits.failed_checks {
        return Decision::GoBack(Reason::HealthChecks { failed });
    }
    let failures = samples.iter().fold(0_u32, |sum, sample| sum.saturating_add(sample.app_failures));
    if failures >= limits.app_failures {
        return Decision::GoBack(Reason::AppFailures { failures });
    }
    let errors_duration = errors_duration(limits, samples);
    if let Some(duration) = errors_duration
        && duration >= limits.errors_duration
    {
        let percent = error_percent(window(limits, samples)).unwrap_or(0);
        return Decision::GoBack(Reason::Errors { percent, duration });
    }
    if let Some((p95, baseline)) = too_slow(limits, baseline, samples) {
        return Decision::GoBack(Reason::Latency { p95, baseline });
    }
    // A step does not end while something is wrong: it either passes, or its limit is reached.
    match last.at >= soak && last.is_healthy && errors_duration.is_none() {
        true => Decision::StepOn,
        false => Decision::Hold,
    }
}

/// Returns the 95th percentile: the smallest latency that at least 95 % of all do not exceed.
pub fn p95(latencies: &[Duration]) -> Option<Duration> {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * 95).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// The samples of the window that ends with the last one.
fn window<'a>(limits: &Limits, samples: &'a [Sample]) -> &'a [Sample] {
    let Some(last) = samples.last() else { return samples };
    let begin = samples.partition_point(|sample| sample.at + limits.window <= last.at);
    &samples[begin.min(samples.len())..]
}

/// The share of failed requests in percent, rounded down; none without requests.
fn error_percent(samples: &[Sample]) -> Option<u32> {
    let sum = |of: fn(&Sample) -> u32| samples.iter().map(|sample| u64::from(of(sample))).sum::<u64>();
    let (requests, errors) = (sum(|sample| sample.requests), sum(|sample| sample.errors));
    (errors * 100).checked_div(requests).map(|percent| u32::try_from(percent).unwrap_or(u32::MAX))
}

fn has_errors(limits: &Limits, samples: &[Sample]) -> bool {
    let sum = |of: fn(&Sample) -> u32| samples.iter().map(|sample| u64::from(of(sample))).sum::<u64>();
    sum(|sample| sample.errors) * 100 > sum(|sample| sample.requests) * u64::from(limits.errors_percent)
}

/// For how long the share of errors has been too large; none if it is not now.
fn errors_duration(limits: &Limits, samples: &[Sample]) -> Option<Duration> {
    let last = samples.last()?;
    let is_over = |end: &usize| has_errors(limits, window(limits, &samples[..=*end]));
    let first = (0..samples.len()).rev().take_while(is_over).last()?;
    Some(last.at.saturating_sub(samples[first].at))
}

/// The latency of the last window and the baseline, if the former is too large.
fn too_slow(limits: &Limits, baseline: Option<Duration>, samples: &[Sample]) -> Option<(Duration, Duration)> {
    let baseline = baseline?;
    let latencies: Vec<Duration> =
        window(limits, samples).iter().flat_map(|sample| &sample.latencies).copied().collect();
    if latencies.len() < limits.requests_min {
        return None;
    }
    let p95 = p95(&latencies)?;
    let is_larger = p95.as_nanos() * 100 > baseline.as_nanos() * u128::from(limits.latency_percent);
    (is_larger && p95.saturating_sub(baseline) > limits.latency_noise).then_some((p95, baseline))
}

/// The shares of requests that reach PostgreSQL, step by step, in percent: they increase, and the last one is 100.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps(Vec<u8>);

/// Why shares are no steps of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepsError {
    /// A share is not a whole number from 1 to 100.
    NotAShare,
    /// A share is not larger than the one before it.
    NotIncreasing,
    /// The last share is not 100.
    NotComplete,
}

impl fmt::Display for StepsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StepsError::NotAShare => "a share is a whole number from 1 to 100",
            StepsError::NotIncreasing => "each share must be larger than the one before it",
            StepsError::NotComplete => "the last share must be 100",
        })
    }
}

impl std::error::Error for StepsError {}

impl Steps {
    /// All at once.
    pub fn at_once() -> Steps {
        Steps(vec![100])
    }

    /// The steps below 100 %.
    pub fn partial(&self) -> &[u8] {
        self.0.split_last().map_or(&[], |(_, partial)| partial)
    }

    /// All steps.
    pub fn all(&self) -> &[u8] {
        &self.0
    }
}

impl std::str::FromStr for Steps {
    type Err = StepsError;

    /// Reads a list such as `10,50,100`.
    fn from_str(text: &str) -> Result<Steps, StepsError> {
        let shares =
            text.split(',').map(|share| share.trim().parse::<u8>().map_err(|_| StepsError::NotAShare));
        let shares: Vec<u8> = shares.collect::<Result<_, _>>()?;
        if !shares.iter().all(|share| (1..=100).contains(share)) {
            return Err(StepsError::NotAShare);
        }
        if !shares.is_sorted_by(|before, after| before < after) {
            return Err(StepsError::NotIncreasing);
        }
        match shares.last() {
            Some(100) => Ok(Steps(shares)),
            _ => Err(StepsError::NotComplete),
        }
    }
}
