//! Compares rendered objects with those of a cluster: what is rendered must be there with the same values. What the cluster adds by itself
//! is no difference. It compares values and asks no cluster.

use std::fmt;

use serde_json::{Map, Value};

/// The number of pods and the weights of a route: `cutover`, `rollback` and autoscalers change them in the cluster.
const RUNNING_STATE: [(&str, &str); 2] = [("Deployment", "spec.replicas"), ("HTTPRoute", "spec.rules")];

/// A field that is not as it is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldDifference {
    /// Such as `spec.template.spec.containers[app].image`.
    pub(super) path: String,
    pub(super) kind: DifferenceKind,
}

/// How a field differs. It has no values: those of a Secret would be printed with all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DifferenceKind {
    /// The cluster has another value.
    Changed,
    /// The cluster lacks it.
    Missing,
    /// The cluster has an element of a list that is not rendered.
    Added,
}

impl DifferenceKind {
    /// Its name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            DifferenceKind::Changed => "changed",
            DifferenceKind::Missing => "missing",
            DifferenceKind::Added => "added",
        }
    }
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DifferenceKind::Changed => "has another value in the cluster",
            DifferenceKind::Missing => "is not in the cluster",
            DifferenceKind::Added => "is in the cluster only",
        })
    }
}

/// Returns the fields of a rendered object that the live one does not have as they are.
pub(super) fn differences(rendered: &Value, live: &Value) -> Vec<FieldDifference> {
    let mut comparison =
        Comparison { found: Vec::new(), kind: text(rendered, "kind").unwrap_or_default().to_owned() };
    comparison.compare("", rendered, live);
    comparison.found
}

struct Comparison {
    found: Vec<FieldDifference>,
    kind: String,
}

impl Comparison {
    fn compare(&mut self, path: &str, rendered: &Value, live: &Value) {
        if RUNNING_STATE.contains(&(&*self.kind, path)) {
            return;
        }
        match (rendered, live) {
            (Value::Object(rendered), Value::Object(live)) => self.objects(path, rendered, live),
            (Value::Array(rendered), Value::Array(live)) => self.lists(path, rendered, live),
            _ if is_same(path, rendered, live) => {}
            _ => self.add(path, DifferenceKind::Changed),
        }
    }

    fn objects(&mut self, path: &str, rendered: &Map<String, Value>, live: &Map<String, Value>) {
        for (name, rendered) in rendered {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match live.get(name) {
                Some(live) => self.compare(&path, rendered, live),
                // The server drops what is empty.
                None if is_empty(rendered) => {}
                None => self.add(&path, DifferenceKind::Missing),
            }
        }
    }

    /// Elements with names are paired by them, since their order means nothing; all others by their place.
    fn lists(&mut self, path: &str, rendered: &[Value], live: &[Value]) {
        let is_named = |list: &[Value]| list.iter().all(|element| element_name(element).is_some());
        if !is_named(rendered) || !is_named(live) {
            for index in 0..rendered.len().max(live.len()) {
                let path = format!("{path}[{index}]");
                match (rendered.get(index), live.get(index)) {
                    (Some(rendered), Some(live)) => self.compare(&path, rendered, live),
                    (Some(_), None) => self.add(&path, DifferenceKind::Missing),
                    (None, _) => self.add(&path, DifferenceKind::Added),
                }
            }
            return;
        }
        let find = |list: &[Value], element: &Value| {
            list.iter().find(|other| element_name(other) == element_name(element)).cloned()
        };
        for element in rendered {
            let path = format!("{path}[{}]", element_name(element).unwrap_or_default());
            match find(live, element) {
                Some(live) => self.compare(&path, element, &live),
                None => self.add(&path, DifferenceKind::Missing),
            }
        }
        for element in live.iter().filter(|element| find(rendered, element).is_none()) {
            self.add(
                &format!("{path}[{}]", element_name(element).unwrap_or_default()),
                DifferenceKind::Added,
            );
        }
    }

    fn add(&mut self, path: &str, kind: DifferenceKind) {
        self.found.push(FieldDifference { path: path.to_owned(), kind });
    }
}

/// The name by which an element of a list is known: containers, variables, volumes and ports have names, mounts have paths.
fn element_name(element: &Value) -> Option<&str> {
    ["name", "mountPath", "key"].into_iter().find_map(|field| text(element, field))
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        _ => false,
    }
}

fn is_same(path: &str, rendered: &Value, live: &Value) -> bool {
    if rendered == live {
        return true;
    }
    let is_quantity = [".limits.", ".requests.", "sizeLimit"].iter().any(|part| path.contains(part));
    match (quantity(rendered), quantity(live)) {
        (Some(rendered), Some(live)) => is_quantity && (rendered - live).abs() <= rendered.abs() * 1e-9,
        _ => false,
    }
}

/// A quantity such as `500m`, `0.5` or `1Gi`: the server returns it in another spelling.
fn quantity(value: &Value) -> Option<f64> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let split = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(rendered: &Value, live: &Value) -> Vec<String> {
        differences(rendered, live)
            .iter()
            .map(|found| format!("{} {}", found.path, found.kind.name()))
            .collect()
    }

    fn deployment() -> Value {
        json!({"kind": "Deployment", "metadata": {"name": "shop", "labels": {"a": "b"}}, "spec": {"replicas": 2, "template": {"spec": {
            "containers": [
                {"name": "app", "image": "shop:1", "args": ["a", "b"], "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                 "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}, "securityContext": {}},
            ], "volumes": []}}}})
    }

    #[test]
    fn what_the_cluster_adds_is_no_difference() {
        let mut live = deployment();
        live["metadata"]["uid"] = json!("x");
        live["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "3"});
        live["spec"]["replicas"] = json!(5);
        live["spec"]["progressDeadlineSeconds"] = json!(600);
        live["status"] = json!({"replicas": 5});
        let container = &mut live["spec"]["template"]["spec"]["containers"][0];
        container["imagePullPolicy"] = json!("IfNotPresent");
        container["resources"]["limits"] = json!({"cpu": "0.5", "memory": "1024Mi"});
        container["env"] = json!([{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]);
        container.as_object_mut().unwrap().remove("securityContext");
        live["spec"]["template"]["spec"].as_object_mut().unwrap().remove("volumes");
        assert_eq!(found(&deployment(), &live), Vec::<String>::new());
    }

    #[test]
    fn each_changed_field_is_named_without_its_value() {
        type Change = fn(&mut Value);
        let cases: [(Change, &[&str]); 8] = [
            (
                |live| live["spec"]["template"]["spec"]["containers"][0]["image"] = json!("shop:2"),
                &["spec.template.spec.containers[app].image changed"],
            ),
            (
                |live| {
                    live["spec"]["template"]["spec"]["containers"][0]["env"][1] =
                        json!({"name": "C", "value": "secret"})
                },
                &[
                    "spec.template.spec.containers[app].env[B] missing",
                    "spec.template.spec.containers[app].env[C] added",
                ],
            ),
            (
                |live| live["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["a"]),
                &["spec.template.spec.containers[app].args[1] missing"],
            ),
            (
                |live| live["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["b", "a", "c"]),
                &[
                    "spec.template.spec.containers[app].args[0] changed",
                    "spec.template.spec.containers[app].args[1] changed",
                    "spec.template.spec.containers[app].args[2] added",
                ],
            ),
            (
                |live| {
                    live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] =
                        json!("501m")
                },
                &["spec.template.spec.containers[app].resources.limits.cpu changed"],
            ),
            (|live| live["metadata"]["labels"] = json!({}), &["metadata.labels.a missing"]),
            (|live| live["spec"] = json!(null), &["spec changed"]),
            (|live| *live = json!({}), &["kind missing", "metadata missing", "spec missing"]),
        ];
        for (change, expected) in cases {
            let mut live = deployment();
            change(&mut live);
            assert_eq!(found(&deployment(), &live), expected);
        }
    }

    #[test]
    fn quantities_are_compared_by_value_where_they_are_quantities() {
        let of = |field: &str, value: Value| json!({"limits": {"cpu": value.clone()}, field: value});
        assert_eq!(found(&of("x", json!("1")), &of("x", json!("1000m"))), ["x changed"]);
        assert_eq!(
            found(&json!({"a": {"requests": {"m": "1500M"}}}), &json!({"a": {"requests": {"m": "1.5G"}}})),
            Vec::<String>::new()
        );
    }
}
