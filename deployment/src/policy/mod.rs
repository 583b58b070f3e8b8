//! Our own rules for manifests: pods without rights, limits, pinned images, probes, no secrets in files, and a closed network.
//!
//! They read the objects as JSON, so that they judge what any tool has made of them.

use std::fmt;

use serde_json::Value;

use crate::names::LABEL_COMPONENT;
use crate::value::Image;

/// A rule that an object breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The pod may run as root.
    Root,
    /// A container may get more rights than its parent has.
    PrivilegeEscalation,
    /// A container is privileged, or has capabilities.
    Capabilities,
    /// A container may write to its image.
    WritableImage,
    /// System calls are not filtered.
    Seccomp,
    /// The pod uses the network, the processes or the files of its node.
    Node,
    /// The pod can ask the cluster's API.
    ServiceAccountToken,
    /// A container has no requests or limits of processor time and memory.
    Resources,
    /// PostgreSQL has less than the plan's floor of 512 MiB and 100m.
    PostgresFloor,
    /// An image has no version.
    Image,
    /// A container that serves has no liveness or readiness probe.
    Probes,
    /// A secret is in a file.
    PlainSecret,
    /// An update may leave the app without a pod.
    Update,
    /// A pod that ends is cut off from its requests.
    Termination,
    /// A folder on the node's disk has no limit.
    EmptyDirLimit,
    /// No NetworkPolicy for both directions selects the pod.
    NetworkPolicy,
    /// Somebody else than the clients may reach PostgreSQL.
    OpenPostgres,
    /// The migration may write to the SQLite volume.
    WritableSource,
}

/// A rule that is broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// Kind and name of the object.
    pub object: String,
    /// The container, if it concerns one.
    pub container: Option<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.object, self.rule)?;
        self.container.as_ref().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn is_true(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

fn is_false(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(false)
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The template of an object's pods.
fn template(object: &Value) -> Option<&Value> {
    match text(object, "/kind") {
        "Deployment" | "StatefulSet" | "Job" => object.pointer("/spec/template"),
        "CronJob" => object.pointer("/spec/jobTemplate/spec/template"),
        "Pod" => Some(object),
        _ => None,
    }
}

/// Returns the rules that these objects break. They must be complete: a pod without a NetworkPolicy among them breaks a rule.
#[must_use]
pub fn violations(objects: &[Value]) -> Vec<Violation> {
    let mut found = Vec::new();
    for object in objects {
        let name = format!("{} {}", text(object, "/kind"), text(object, "/metadata/name"));
        let mut report = |is_broken: bool, rule: Rule, container: Option<&str>| {
            if is_broken {
                found.push(Violation { rule, object: name.clone(), container: container.map(str::to_owned) });
            }
        };
        report(holds_secret(object), Rule::PlainSecret, None);
        report(is_open(object), Rule::OpenPostgres, None);
        let Some(template) = template(object) else { continue };
        check_pod(object, template, &mut report);
        for container in ["/spec/containers", "/spec/initContainers"]
            .into_iter()
            .flat_map(|list_of| list(template, list_of))
        {
            check_container(object, template, container, &mut report);
        }
        report(!is_closed_in(objects, template), Rule::NetworkPolicy, None);
    }
    found
}

type Report<'a> = dyn FnMut(bool, Rule, Option<&str>) + 'a;

fn check_pod(object: &Value, template: &Value, report: &mut Report) {
    let context = "/spec/securityContext";
    let user = template.pointer(&format!("{context}/runAsUser")).and_then(Value::as_u64).unwrap_or(0);
    report(user == 0 || !is_true(template, &format!("{context}/runAsNonRoot")), Rule::Root, None);
    report(
        text(template, &format!("{context}/seccompProfile/type")) != "RuntimeDefault",
        Rule::Seccomp,
        None,
    );
    let uses_node =
        ["hostNetwork", "hostPID", "hostIPC"].iter().any(|name| is_true(template, &format!("/spec/{name}")))
            || list(template, "/spec/volumes").iter().any(|volume| volume.get("hostPath").is_some());
    report(uses_node, Rule::Node, None);
    report(!is_false(template, "/spec/automountServiceAccountToken"), Rule::ServiceAccountToken, None);
    let has_no_limit =
        |volume: &Value| volume.get("emptyDir").is_some_and(|folder| folder.get("sizeLimit").is_none());
    report(list(template, "/spec/volumes").iter().any(has_no_limit), Rule::EmptyDirLimit, None);
    if text(object, "/kind") == "Deployment" && component(template) == "app" {
        let has_postgres = list(template, "/spec/containers").len() > 1;
        let max = object.pointer("/spec/strategy/rollingUpdate/maxUnavailable").and_then(Value::as_u64);
        let is_gapless = max == Some(0) && text(object, "/spec/strategy/type") == "RollingUpdate";
        // A pod with PostgreSQL in it cannot exist twice.
        report(!has_postgres && !is_gapless, Rule::Update, None);
    }
    if text(object, "/kind") == "Job" && component(template) == "migration" {
        let sqlite = list(template, "/spec/volumes").iter().find(|volume| text(volume, "/name") == "sqlite");
        let is_read_only = sqlite.is_some_and(|volume| is_true(volume, "/persistentVolumeClaim/readOnly"));
        report(!is_read_only && !is_cutover(template), Rule::WritableSource, None);
    }
}

/// Whether the pod cuts over: the fence needs a writable volume.
fn is_cutover(template: &Value) -> bool {
    let command = list(template, "/spec/containers/0/command");
    command.iter().any(|part| part == "cutover") && command.iter().any(|part| part == "--fence")
}

fn component(template: &Value) -> &str {
    template
        .pointer("/metadata/labels")
        .and_then(|labels| labels.get(LABEL_COMPONENT))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn check_container(object: &Value, template: &Value, container: &Value, report: &mut Report) {
    let name = Some(text(container, "/name"));
    let user = container.pointer("/securityContext/runAsUser").and_then(Value::as_u64);
    report(user == Some(0) || !is_true(container, "/securityContext/runAsNonRoot"), Rule::Root, name);
    report(
        !is_false(container, "/securityContext/allowPrivilegeEscalation"),
        Rule::PrivilegeEscalation,
        name,
    );
    let dropped = list(container, "/securityContext/capabilities/drop");
    let has_capabilities = !dropped.iter().any(|capability| capability == "ALL")
        || !list(container, "/securityContext/capabilities/add").is_empty()
        || is_true(container, "/securityContext/privileged");
    report(has_capabilities, Rule::Capabilities, name);
    report(!is_true(container, "/securityContext/readOnlyRootFilesystem"), Rule::WritableImage, name);
    let sizes = ["requests/cpu", "requests/memory", "limits/cpu", "limits/memory"];
    report(
        sizes.iter().any(|size| text(container, &format!("/resources/{size}")).is_empty()),
        Rule::Resources,
        name,
    );
    report(text(container, "/image").parse::<Image>().is_err(), Rule::Image, name);
    let is_secret = |variable: &Value| {
        let name = text(variable, "/name").to_ascii_uppercase();
        let is_named =
            ["PASSWORD", "SECRET", "TOKEN", "DATABASE_URL", "_KEY"].iter().any(|part| name.contains(part));
        is_named && variable.get("value").is_some()
    };
    report(list(container, "/env").iter().any(is_secret), Rule::PlainSecret, name);
    if matches!(text(object, "/kind"), "Deployment" | "StatefulSet") {
        let has = |probe: &str| container.get(probe).is_some_and(Value::is_object);
        report(!has("livenessProbe") || !has("readinessProbe"), Rule::Probes, name);
    }
    if name == Some("app") {
        let stop = container.pointer("/lifecycle/preStop/sleep/seconds").and_then(Value::as_u64).unwrap_or(0);
        let grace =
            template.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_u64).unwrap_or(0);
        // The app's own end takes up to ten seconds.
        report(stop == 0 || grace < stop + 10, Rule::Termination, name);
    }
    if name == Some("postgres") {
        let memory = mebibytes(text(container, "/resources/requests/memory"));
        let cpu = millicores(text(container, "/resources/requests/cpu"));
        report(memory < 512 || cpu < 100, Rule::PostgresFloor, name);
    }
}

/// A quantity of memory in MiB; 0 for one in another notation.
fn mebibytes(quantity: &str) -> u64 {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    match (quantity.strip_suffix("Mi"), quantity.strip_suffix("Gi")) {
        (Some(mebi), _) => number(mebi),
        (_, Some(gibi)) => number(gibi).saturating_mul(1024),
        _ => 0,
    }
}

/// A quantity of processor time in thousandths.
fn millicores(quantity: &str) -> u64 {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    quantity.strip_suffix('m').map_or_else(|| number(quantity).saturating_mul(1000), number)
}

/// Whether an object holds a secret itself.
fn holds_secret(object: &Value) -> bool {
    let is_filled =
        |key: &str| object.get(key).and_then(Value::as_object).is_some_and(|data| !data.is_empty());
    match text(object, "/kind") {
        "Secret" => is_filled("data") || is_filled("stringData"),
        "ConfigMap" => object.get("data").and_then(Value::as_object).is_some_and(|data| {
            data.keys()
                .any(|key| key.contains("PASSWORD") || key.contains("DATABASE_URL") || key.contains("SECRET"))
        }),
        _ => false,
    }
}

/// The port of PostgreSQL in the cluster.
const POSTGRES_PORT: u64 = 5432;

/// Whether a NetworkPolicy lets others than chosen pods of its namespace reach PostgreSQL.
fn is_open(object: &Value) -> bool {
    if text(object, "/kind") != "NetworkPolicy" {
        return false;
    }
    let holds_postgres =
        object.pointer("/spec/podSelector/matchLabels").and_then(|labels| labels.get(LABEL_COMPONENT));
    let is_postgres = holds_postgres.is_some_and(|component| component == "postgres");
    list(object, "/spec/ingress").iter().any(|rule| {
        let ports = list(rule, "/ports");
        let concerns = (is_postgres && ports.is_empty())
            || ports.iter().any(|port| port.get("port").and_then(Value::as_u64) == Some(POSTGRES_PORT));
        let is_client = |peer: &Value| {
            peer.get("namespaceSelector").is_none()
                && peer.get("ipBlock").is_none()
                && peer
                    .pointer("/podSelector/matchLabels")
                    .and_then(|labels| labels.get(LABEL_COMPONENT))
                    .is_some_and(|component| {
                        ["app", "migration", "postgres-health", "postgres-backup"]
                            .iter()
                            .any(|client| component == client)
                    })
        };
        let from = list(rule, "/from");
        concerns && (from.is_empty() || !from.iter().all(is_client))
    })
}

/// Whether a NetworkPolicy for both directions selects the pods of the template.
fn is_closed_in(objects: &[Value], template: &Value) -> bool {
    let labels = template.pointer("/metadata/labels");
    objects.iter().filter(|object| text(object, "/kind") == "NetworkPolicy").any(|policy| {
        let wanted = policy.pointer("/spec/podSelector/matchLabels").and_then(Value::as_object);
        let selects = wanted.is_some_and(|wanted| {
            wanted.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
        });
        let directions = list(policy, "/spec/policyTypes");
        selects
            && ["Ingress", "Egress"].iter().all(|direction| directions.iter().any(|found| found == direction))
    })
}

#[cfg(test)]
mod tests;
