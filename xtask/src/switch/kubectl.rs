//! Runs `kubectl`: objects as JSON, with a time limit for each call.
//!
//! What `kubectl` is asked for is limited to a few verbs. YAML is read by `kubectl` itself, so that no parser of ours can disagree with it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use row_mover::Error;
use serde_json::Value;
use xshell::{Shell, cmd};

use super::child::{self, Unfinished};
use crate::stop::Stop;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The same for the server's answer, so that `kubectl` itself names what does not answer.
const REQUEST_TIMEOUT: &str = "--request-timeout=20s";

/// An annotation that no object has. Its removal is an edit that changes nothing and prints the objects as JSON, without a cluster.
const NO_ANNOTATION: &str = "hyperpage.example/none-";

/// The most lines of an error of `kubectl` that are shown.
const ERROR_LINES_MAX: usize = 4;

/// An object's kind, group, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectName {
    /// Such as `deployment.apps` or `service`.
    pub(crate) kind: String,
    /// None for the objects of a cluster, and for the default of the context.
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.kind.split('.').next().unwrap_or_default();
        write!(f, "{kind}/{}", self.name)
    }
}

impl ObjectName {
    /// The name of an object; none if it is no object.
    pub(crate) fn of(object: &Value) -> Option<ObjectName> {
        let kind = object.get("kind")?.as_str()?.to_ascii_lowercase();
        let kind = match object.get("apiVersion")?.as_str()?.split_once('/') {
            Some((group, _)) => format!("{kind}.{group}"),
            None => kind,
        };
        let metadata = object.get("metadata")?;
        let text = |name: &str| Some(metadata.get(name)?.as_str()?.to_owned());
        Some(ObjectName { kind, namespace: text("namespace"), name: text("name")? })
    }

    /// A Deployment.
    pub(crate) fn deployment(namespace: Option<String>, name: &str) -> ObjectName {
        ObjectName { kind: "deployment.apps".to_owned(), namespace, name: name.to_owned() }
    }
}

/// `kubectl` with a context.
#[derive(Debug, Clone)]
pub(crate) struct Kubectl {
    shell: Shell,
    context: Option<String>,
}

impl Kubectl {
    /// Finds `kubectl`, and checks that the context exists. No cluster is asked.
    ///
    /// # Errors
    /// When there is no `kubectl`, or no such context.
    pub(crate) fn new(context: Option<&str>, stop: &Stop) -> row_mover::error::Result<Kubectl> {
        let shell = Shell::new()
            .map_err(|error| Error::new("the current folder cannot be found").caused_by(error))?;
        Kubectl::with_shell(shell, context, stop)
    }

    /// The same with the variables of a shell, such as its PATH.
    pub(super) fn with_shell(
        shell: Shell,
        context: Option<&str>,
        stop: &Stop,
    ) -> row_mover::error::Result<Kubectl> {
        let kubectl = Kubectl { shell, context: context.map(str::to_owned) };
        match context {
            Some(name) => {
                let command = cmd!(kubectl.shell, "kubectl config get-contexts {name} --output=name");
                kubectl.finish(command.into(), "", stop).map_err(|error| {
                    if is_not_found(&error) {
                        return error;
                    }
                    Error::new(format!("kubectl has no context {name}"))
                        .caused_by(error)
                        .with_remedy_text("name one that `kubectl config get-contexts` lists with --context")
                })?;
            }
            None => drop(kubectl.finish(cmd!(kubectl.shell, "kubectl version --client").into(), "", stop)?),
        }
        Ok(kubectl)
    }

    /// The objects of a folder with a `kustomization.yaml`. No cluster is asked.
    pub(crate) fn rendered(&self, folder: &Path, stop: &Stop) -> row_mover::error::Result<Vec<Value>> {
        let command = cmd!(self.shell, "kubectl annotate --local -k {folder} {NO_ANNOTATION} --output=json");
        let text = self.finish(command.into(), "", stop).map_err(|error| {
            if is_not_found(&error) || error.is_stop() {
                return error;
            }
            Error::new(format!("{} cannot be read as manifests", folder.display())).caused_by(error).with_remedy_text(
                "name the folder of an overlay that `cargo xtask deploy render` wrote, such as k8s/overlays/production",
            )
        })?;
        let objects = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        let objects: Vec<Value> = objects.collect::<Result<_, _>>().map_err(unreadable)?;
        Ok(objects.into_iter().flat_map(items).collect())
    }

    /// An object of the cluster; none if there is none.
    pub(crate) fn get(&self, object: &ObjectName, stop: &Stop) -> row_mover::error::Result<Option<Value>> {
        let ObjectName { kind, name, .. } = object;
        let text =
            self.call(&["get", kind, name, "--ignore-not-found", "--output=json"], object, "", stop)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&text).map(Some).map_err(unreadable)
    }

    /// The objects of a kind with these labels, in the namespace of `near`.
    pub(crate) fn list(
        &self,
        kind: &str,
        selector: &str,
        near: &ObjectName,
        stop: &Stop,
    ) -> row_mover::error::Result<Vec<Value>> {
        let filter = if kind == "events" { "--field-selector" } else { "--selector" };
        let text = self.call(&["get", kind, filter, selector, "--output=json"], near, "", stop)?;
        serde_json::from_str(&text).map(items).map_err(unreadable)
    }

    /// Applies objects; with `dry_run` the cluster only checks them.
    pub(crate) fn apply(
        &self,
        objects: &[Value],
        dry_run: bool,
        stop: &Stop,
    ) -> row_mover::error::Result<()> {
        let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
        let mode = if dry_run { "--dry-run=server" } else { "--dry-run=none" };
        let command =
            cmd!(self.shell, "kubectl apply -f - {mode} {REQUEST_TIMEOUT}").args(self.context_option());
        self.finish(command.into(), &list, stop).map(drop)
    }

    /// Sets the number of pods of a Deployment.
    pub(crate) fn scale(
        &self,
        object: &ObjectName,
        replicas: u64,
        stop: &Stop,
    ) -> row_mover::error::Result<()> {
        let ObjectName { kind, name, .. } = object;
        self.call(&["scale", &format!("{kind}/{name}"), &format!("--replicas={replicas}")], object, "", stop)
            .map(drop)
    }

    fn call(
        &self,
        arguments: &[&str],
        near: &ObjectName,
        input: &str,
        stop: &Stop,
    ) -> row_mover::error::Result<String> {
        let namespace = near.namespace.as_ref().map(|namespace| format!("--namespace={namespace}"));
        let command = cmd!(self.shell, "kubectl {arguments...} {REQUEST_TIMEOUT}")
            .args(namespace)
            .args(self.context_option());
        self.finish(command.into(), input, stop)
    }

    fn context_option(&self) -> Option<String> {
        self.context.as_ref().map(|context| format!("--context={context}"))
    }

    fn finish(&self, command: Command, input: &str, stop: &Stop) -> row_mover::error::Result<String> {
        let what = shown(&command);
        match child::run(command, input, TIMEOUT, stop) {
            Ok(finished) if finished.status.success() => Ok(finished.stdout),
            Ok(finished) => {
                let lines: Vec<&str> = finished
                    .stderr
                    .lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty())
                    .take(ERROR_LINES_MAX)
                    .collect();
                Err(Error::new(format!("`{what}` failed")).caused_by(lines.join("\n")))
            }
            Err(Unfinished::NotStarted(error)) => {
                Err(Error::new("kubectl cannot be started").caused_by(error).with_remedy_text(
                    "install it (`apt-get install kubernetes-client`), or add its folder to PATH",
                ))
            }
            Err(Unfinished::TimedOut) => {
                Err(Error::new(format!("`{what}` has not ended within {} s", TIMEOUT.as_secs()))
                    .with_remedy_text(
                        "check that the cluster answers (`kubectl version`), and run the same command again",
                    ))
            }
            Err(Unfinished::Stopped) => Err(Error::stopped()),
        }
    }
}

fn is_not_found(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>())
}

/// The command without the options that every call has, and without a patch.
fn shown(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    let is_shown = |argument: &String| {
        argument != REQUEST_TIMEOUT && argument != NO_ANNOTATION && !argument.starts_with('{')
    };
    let shown: Vec<String> = arguments.filter(is_shown).collect();
    format!("kubectl {}", shown.join(" "))
}

fn items(object: Value) -> Vec<Value> {
    match object {
        Value::Object(mut fields)
            if fields.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List")) =>
        {
            match fields.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        object => vec![object],
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::new("what kubectl printed is no JSON").caused_by(error)
}
