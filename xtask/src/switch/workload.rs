//! Waits until the pods of a Deployment run, and reports why they do not.
//!
//! `kubectl rollout status` would only report that its time is over: the Deployment and its pods are asked themselves, so that a pod that
//! cannot start ends the wait at once, with its reason.

use std::fmt;
use std::time::{Duration, Instant};

use row_mover::Error;
use serde_json::Value;

use super::kubectl::{Kubectl, ObjectName};
use crate::stop::Stop;

/// Interval at which the cluster is asked.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Reasons that no wait removes. `ErrImagePull` and `ContainerCreating` may pass, and are reported when the time is over.
const LASTING: [&str; 6] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
];

/// Why a pod does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodProblem {
    pub(crate) pod: String,
    /// The container; none if the pod has no node yet.
    pub(crate) container: Option<String>,
    /// Such as `CrashLoopBackOff` or `Unschedulable`.
    pub(crate) reason: String,
    /// The message of the cluster.
    pub(crate) message: Option<String>,
    /// How the container ended before, such as `Error` with its exit code.
    pub(crate) last_end: Option<(String, i64)>,
}

impl PodProblem {
    fn is_lasting(&self) -> bool {
        LASTING.contains(&&*self.reason)
    }
}

impl fmt::Display for PodProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pod {}", self.pod)?;
        if let Some(container) = &self.container {
            write!(f, ", container {container}")?;
        }
        write!(f, ": {}", self.reason)?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some((reason, code)) = &self.last_end {
            write!(f, "; it ended before with {reason}, exit code {code}")?;
        }
        Ok(())
    }
}

/// How far a Deployment is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    Done,
    Waiting(String),
    /// The cluster has given up.
    Exceeded(String),
}

/// Waits until a Deployment runs as it is specified: every pod is of the last version and available, and none of an earlier one is left.
///
/// # Errors
/// When a pod cannot start, the time is over, there is no such Deployment, or the work is to stop.
pub(crate) fn await_rollout(
    kubectl: &Kubectl,
    deployment: &ObjectName,
    timeout: Duration,
    stop: &Stop,
) -> row_mover::error::Result<()> {
    let began = Instant::now();
    loop {
        let found = kubectl.get(deployment, stop)?.ok_or_else(|| missing(deployment))?;
        let progress = progress(&found);
        if progress == Progress::Done {
            return Ok(());
        }
        let problems = problems(&pods(kubectl, deployment, &found, stop)?);
        let is_over = began.elapsed() >= timeout || matches!(progress, Progress::Exceeded(_));
        let lasting = problems.iter().find(|problem| problem.is_lasting());
        if let Some(problem) = lasting.or_else(|| problems.first().filter(|_| is_over)) {
            return Err(failed(kubectl, deployment, problem, stop));
        }
        if is_over {
            let (Progress::Waiting(what) | Progress::Exceeded(what)) = progress else { return Ok(()) };
            return Err(Error::new(format!("{deployment} does not run as specified"))
                .caused_by(format!("{what}, after {} s", began.elapsed().as_secs()))
                .with_remedy_text(remedy(deployment)));
        }
        pause(POLL_INTERVAL, stop)?;
    }
}

/// Waits, unless the work is to stop.
pub(crate) fn pause(time: Duration, stop: &Stop) -> row_mover::error::Result<()> {
    let until = Instant::now() + time;
    loop {
        if stop.is_asked() {
            return Err(Error::stopped());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// How often the containers of a Deployment's pods have been restarted.
pub(crate) fn restarts(
    kubectl: &Kubectl,
    deployment: &ObjectName,
    stop: &Stop,
) -> row_mover::error::Result<u64> {
    let Some(found) = kubectl.get(deployment, stop)? else { return Err(missing(deployment)) };
    let pods = pods(kubectl, deployment, &found, stop)?;
    Ok(pods.iter().flat_map(statuses).filter_map(|status| status.get("restartCount")?.as_u64()).sum())
}

pub(crate) fn missing(object: &ObjectName) -> Error {
    Error::new(format!("{object} is not in the cluster"))
        .with_remedy_text("apply the manifests first: `cargo xtask deploy apply --manifests DIR`")
}

fn remedy(deployment: &ObjectName) -> String {
    let namespace = deployment
        .namespace
        .as_ref()
        .map(|namespace| format!(" --namespace={namespace}"))
        .unwrap_or_default();
    format!("`kubectl describe {deployment}{namespace}` has more; repair it, and run the same command again")
}

fn failed(kubectl: &Kubectl, deployment: &ObjectName, problem: &PodProblem, stop: &Stop) -> Error {
    let selector = format!("involvedObject.name={},type=Warning", problem.pod);
    // The events only add to the reason: without them it is reported as it is.
    let events = kubectl.list("events", &selector, deployment, stop).unwrap_or_default();
    let event = events.iter().rev().find_map(|event| {
        let text = |name: &str| event.get(name)?.as_str();
        let message = text("message")?;
        (problem.message.as_deref() != Some(message))
            .then(|| format!("\n{}: {message}", text("reason").unwrap_or("event")))
    });
    Error::new(format!("{deployment} does not run as specified"))
        .caused_by(format!("{problem}{}", event.unwrap_or_default()))
        .with_remedy_text(remedy(deployment))
}

fn progress(deployment: &Value) -> Progress {
    let number = |path: &str| deployment.pointer(path).and_then(Value::as_u64);
    let specified = number("/spec/replicas").unwrap_or(1);
    let [updated, available, all] = ["updatedReplicas", "availableReplicas", "replicas"]
        .map(|name| number(&format!("/status/{name}")).unwrap_or(0));
    let is_observed = number("/status/observedGeneration") >= number("/metadata/generation");
    let conditions = deployment.pointer("/status/conditions").and_then(Value::as_array).map(Vec::as_slice);
    let is_exceeded = conditions
        .unwrap_or_default()
        .iter()
        .any(|condition| condition.get("reason").and_then(Value::as_str) == Some("ProgressDeadlineExceeded"));
    let what = format!("{available} of {specified} pods are available, {updated} are of the last version");
    match is_observed {
        true if updated == specified && available == specified && all == specified => Progress::Done,
        true if is_exceeded => Progress::Exceeded(what),
        _ => Progress::Waiting(what),
    }
}

/// The pods of a Deployment's last version.
fn pods(
    kubectl: &Kubectl,
    deployment: &ObjectName,
    found: &Value,
    stop: &Stop,
) -> row_mover::error::Result<Vec<Value>> {
    let labels = found.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
        .collect();
    let selector = selector.join(",");
    let revision = |object: &Value| {
        object
            .pointer("/metadata/annotations/deployment.kubernetes.io~1revision")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let sets = kubectl.list("replicasets.apps", &selector, deployment, stop)?;
    let last = sets.iter().find(|set| revision(set).is_some() && revision(set) == revision(found));
    let last = last.and_then(|set| set.pointer("/metadata/name")).and_then(Value::as_str);
    let mut pods = kubectl.list("pods", &selector, deployment, stop)?;
    pods.retain(|pod| {
        let owners = pod.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let is_of_last = last.is_none_or(|last| {
            owners.into_iter().flatten().any(|owner| owner.get("name").and_then(Value::as_str) == Some(last))
        });
        is_of_last && pod.pointer("/metadata/deletionTimestamp").is_none()
    });
    Ok(pods)
}

fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .filter_map(|name| pod.pointer(&format!("/status/{name}"))?.as_array())
        .flatten()
}

fn problems(pods: &[Value]) -> Vec<PodProblem> {
    pods.iter().filter_map(problem).collect()
}

fn problem(pod: &Value) -> Option<PodProblem> {
    let name = pod.pointer("/metadata/name")?.as_str()?.to_owned();
    let text = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let waiting = statuses(pod).filter_map(|status| {
        let reason = text(status, "/state/waiting/reason")?;
        let last_end = || {
            let reason = text(status, "/lastState/terminated/reason")?;
            Some((reason, status.pointer("/lastState/terminated/exitCode")?.as_i64()?))
        };
        Some(PodProblem {
            pod: name.clone(),
            container: text(status, "/name"),
            reason,
            message: text(status, "/state/waiting/message"),
            last_end: last_end(),
        })
    });
    let of_containers = waiting.max_by_key(PodProblem::is_lasting);
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let of_pod = || {
        let condition = conditions?.iter().find(|condition| {
            condition.get("type").and_then(Value::as_str) == Some("PodScheduled")
                && condition.get("status").and_then(Value::as_str) == Some("False")
        })?;
        Some(PodProblem {
            pod: name.clone(),
            container: None,
            reason: text(condition, "/reason")?,
            message: text(condition, "/message"),
            last_end: None,
        })
    };
    of_containers.or_else(of_pod)
}
