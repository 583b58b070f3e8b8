//! Each topology keeps all rules, and each rule notices a manifest that breaks it.

use serde_json::{Value, json};

use super::{Rule, violations};
use crate::manifests;
use crate::settings::{Settings, Topology};

const ALL: [Topology; 3] = [Topology::Managed, Topology::StatefulSet, Topology::Sidecar];

fn objects(topology: Topology) -> Vec<Value> {
    let image = || "app:1".parse().unwrap();
    let settings = Settings::new(topology, &"shop".parse().unwrap(), image(), image()).unwrap();
    manifests::parts(&settings).into_iter().flat_map(|part| part.objects).map(|object| object.value).collect()
}

#[test]
fn every_topology_keeps_every_rule() {
    for topology in ALL {
        let objects = objects(topology);
        assert!(objects.len() > 12, "{topology:?}");
        assert_eq!(violations(&objects), [], "{topology:?}");
    }
}

/// The object of a kind and name.
fn position(objects: &[Value], kind: &str, name: &str) -> usize {
    objects.iter().position(|object| object["kind"] == kind && object["metadata"]["name"] == name).unwrap()
}

/// Sets what a pointer names, or removes it; the parent must be there.
fn change(object: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match (object.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")), value) {
        (Value::Object(map), Some(value)) => _ = map.insert(key.to_owned(), value),
        (Value::Object(map), None) => assert!(map.remove(key).is_some(), "no {pointer}"),
        (Value::Array(list), Some(value)) => list.push(value),
        (parent, _) => panic!("{parent} has no parts"),
    }
}

const POD: &str = "/spec/template/spec";
const FIRST: &str = "/spec/template/spec/containers/0";

#[test]
fn every_rule_notices_what_breaks_it() {
    let cases: Vec<(Rule, &str, &str, String, Option<Value>)> = vec![
        (Rule::Root, "Deployment", "shop", format!("{POD}/securityContext/runAsNonRoot"), None),
        (Rule::Root, "Deployment", "shop", format!("{POD}/securityContext/runAsUser"), Some(json!(0))),
        (
            Rule::Root,
            "StatefulSet",
            "shop-postgres",
            format!("{FIRST}/securityContext/runAsUser"),
            Some(json!(0)),
        ),
        (
            Rule::Root,
            "Job",
            "shop-migration",
            format!("{FIRST}/securityContext/runAsNonRoot"),
            Some(json!(false)),
        ),
        (
            Rule::PrivilegeEscalation,
            "Deployment",
            "shop",
            format!("{FIRST}/securityContext/allowPrivilegeEscalation"),
            None,
        ),
        (
            Rule::Capabilities,
            "Deployment",
            "shop",
            format!("{FIRST}/securityContext/capabilities/drop"),
            Some(json!(["NET_RAW"])),
        ),
        (
            Rule::Capabilities,
            "Deployment",
            "shop",
            format!("{FIRST}/securityContext/capabilities/add"),
            Some(json!(["NET_RAW"])),
        ),
        (
            Rule::Capabilities,
            "Deployment",
            "shop",
            format!("{FIRST}/securityContext/privileged"),
            Some(json!(true)),
        ),
        (
            Rule::WritableImage,
            "StatefulSet",
            "shop-postgres",
            format!("{FIRST}/securityContext/readOnlyRootFilesystem"),
            None,
        ),
        (Rule::Seccomp, "Job", "shop-migration", format!("{POD}/securityContext/seccompProfile"), None),
        (
            Rule::Seccomp,
            "Deployment",
            "shop",
            format!("{POD}/securityContext/seccompProfile/type"),
            Some(json!("Unconfined")),
        ),
        (Rule::Node, "Deployment", "shop", format!("{POD}/hostNetwork"), Some(json!(true))),
        (
            Rule::Node,
            "Deployment",
            "shop",
            format!("{POD}/volumes/-"),
            Some(json!({ "name": "x", "hostPath": { "path": "/" } })),
        ),
        (
            Rule::ServiceAccountToken,
            "Deployment",
            "shop",
            format!("{POD}/automountServiceAccountToken"),
            None,
        ),
        (Rule::Resources, "Deployment", "shop", format!("{FIRST}/resources/limits/memory"), None),
        (Rule::Resources, "Job", "shop-cutover", format!("{FIRST}/resources"), None),
        (
            Rule::PostgresFloor,
            "StatefulSet",
            "shop-postgres",
            format!("{FIRST}/resources/requests/memory"),
            Some(json!("256Mi")),
        ),
        (
            Rule::PostgresFloor,
            "StatefulSet",
            "shop-postgres",
            format!("{FIRST}/resources/requests/cpu"),
            Some(json!("50m")),
        ),
        (Rule::Image, "Deployment", "shop", format!("{FIRST}/image"), Some(json!("app:latest"))),
        (Rule::Image, "Deployment", "shop-postgres-health", format!("{FIRST}/image"), Some(json!("app"))),
        (Rule::Probes, "Deployment", "shop", format!("{FIRST}/readinessProbe"), None),
        (Rule::Probes, "StatefulSet", "shop-postgres", format!("{FIRST}/livenessProbe"), None),
        (
            Rule::PlainSecret,
            "Deployment",
            "shop",
            format!("{FIRST}/env/-"),
            Some(json!({ "name": "DATABASE_URL", "value": "x" })),
        ),
        (
            Rule::PlainSecret,
            "ConfigMap",
            "shop-database",
            "/data/POSTGRES_PASSWORD".to_owned(),
            Some(json!("x")),
        ),
        (
            Rule::Update,
            "Deployment",
            "shop",
            "/spec/strategy/rollingUpdate/maxUnavailable".to_owned(),
            Some(json!(1)),
        ),
        (Rule::Update, "Deployment", "shop", "/spec/strategy/type".to_owned(), Some(json!("Recreate"))),
        (Rule::Termination, "Deployment", "shop", format!("{FIRST}/lifecycle/preStop"), None),
        (
            Rule::Termination,
            "Deployment",
            "shop",
            format!("{POD}/terminationGracePeriodSeconds"),
            Some(json!(15)),
        ),
        (
            Rule::EmptyDirLimit,
            "Deployment",
            "shop",
            format!("{POD}/volumes/-"),
            Some(json!({ "name": "x", "emptyDir": {} })),
        ),
        (
            Rule::NetworkPolicy,
            "NetworkPolicy",
            "shop-postgres",
            "/spec/policyTypes".to_owned(),
            Some(json!(["Ingress"])),
        ),
        (
            Rule::NetworkPolicy,
            "NetworkPolicy",
            "shop",
            "/spec/podSelector/matchLabels/x".to_owned(),
            Some(json!("y")),
        ),
        (Rule::OpenPostgres, "NetworkPolicy", "shop-postgres", "/spec/ingress/0/from".to_owned(), None),
        (
            Rule::OpenPostgres,
            "NetworkPolicy",
            "shop-postgres",
            "/spec/ingress/0/from/-".to_owned(),
            Some(json!({ "podSelector": {} })),
        ),
        (
            Rule::OpenPostgres,
            "NetworkPolicy",
            "shop-postgres",
            "/spec/ingress/0/from/0/namespaceSelector".to_owned(),
            Some(json!({})),
        ),
        (Rule::OpenPostgres, "NetworkPolicy", "shop-postgres", "/spec/ingress/-".to_owned(), Some(json!({}))),
        (
            Rule::WritableSource,
            "Job",
            "shop-migration",
            format!("{POD}/volumes/0/persistentVolumeClaim/readOnly"),
            None,
        ),
    ];
    let mut broken: Vec<Rule> = Vec::new();
    for (rule, kind, name, pointer, value) in cases {
        let mut objects = objects(Topology::StatefulSet);
        let at = position(&objects, kind, name);
        change(&mut objects[at], &pointer, value);
        let found = violations(&objects);
        assert_eq!(
            found.iter().map(|found| found.rule).collect::<Vec<_>>(),
            [rule],
            "{kind} {name} {pointer}: {found:?}"
        );
        // What breaks a rule is named; a missing policy is noticed at the pod.
        assert!(rule == Rule::NetworkPolicy || found[0].object == format!("{kind} {name}"), "{found:?}");
        broken.push(rule);
    }
    broken.sort();
    broken.dedup();
    // The last rule of the list has the number of those before it.
    assert_eq!(broken.len(), Rule::WritableSource as usize + 1, "a rule has no case: {broken:?}");
}

#[test]
fn a_secret_with_content_is_noticed() {
    for key in ["data", "stringData"] {
        let secret = json!({ "kind": "Secret", "metadata": { "name": "a" }, key: { "password": "x" } });
        assert_eq!(violations(&[secret])[0].rule, Rule::PlainSecret);
    }
    assert_eq!(violations(&[json!({ "kind": "Secret", "metadata": { "name": "a" } })]), []);
}
