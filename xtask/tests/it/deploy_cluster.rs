//! `deploy check` and `deploy apply`. `kubectl` is the stand-in of `tests/stand_ins/`, which has a cluster of its own.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::place::{Output, Place, output};

/// A folder of manifests, and a cluster without any object.
struct Cluster {
    place: Place,
}

impl Cluster {
    fn new() -> Cluster {
        let cluster = Cluster { place: Place::new() };
        let labels = json!({"app": "shop"});
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "shop", "labels": labels},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                {"name": "app", "image": "shop:1", "env": [{"name": "LOG", "value": "info"}]}]}}}});
        let route = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "shop", "namespace": "shop"},
            "spec": {"parentRefs": [{"name": "shop"}], "rules": [{"backendRefs": [{"name": "shop", "weight": 0}]}]}});
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop-database", "namespace": "shop"}, "data": {"DB_POOL_MAX": "10"}});
        cluster.write("k8s/overlays/test/kustomization.yaml", "");
        for (name, object) in [("a", &deployment), ("b", &route), ("c", &config)] {
            cluster.write(&format!("k8s/overlays/test/{name}.json"), &object.to_string());
            cluster.write(&format!("k8s/overlays/production/{name}.json"), &object.to_string());
        }
        cluster.write("k8s/overlays/production/kustomization.yaml", "");
        cluster
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.place.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn objects(&self) -> Value {
        let text = fs::read_to_string(self.place.path().join("objects.json"));
        text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }

    /// Changes objects in the cluster, as somebody else would.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut objects = self.objects();
        change(&mut objects);
        self.write("objects.json", &objects.to_string());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command([&["deploy"], arguments].concat());
        let stand_ins = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand_ins");
        command
            .env("PATH", format!("{stand_ins}:{}", std::env::var("PATH").unwrap()))
            .env("KUBECTL_CLUSTER", self.place.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        output(&mut self.command(arguments))
    }
}

const TEST: &str = "k8s/overlays/test";
const PRODUCTION: &str = "k8s/overlays/production";

#[test]
fn what_is_applied_is_what_a_check_finds() {
    let cluster = Cluster::new();
    cluster.place.snapshot(
        "deploy_check_nothing_applied",
        &cluster.run(&["check", "--manifests", TEST]).expect(1).screen(),
    );
    let dry = cluster.run(&["apply", "--manifests", TEST, "--dry-run"]).expect(0);
    assert!(dry.stderr.contains("nothing was changed"), "{}", dry.screen());
    assert_eq!(cluster.objects(), Value::Null);
    cluster.place.snapshot("deploy_apply", &cluster.run(&["apply", "--manifests", TEST]).expect(0).screen());
    cluster.place.snapshot(
        "deploy_check_same",
        &cluster.run(&["check", "--manifests", TEST, "--context", "test"]).expect(0).screen(),
    );
}

#[test]
fn each_difference_is_named_without_its_value() {
    let cluster = Cluster::new();
    cluster.run(&["apply", "--manifests", TEST]).expect(0);
    cluster.change(|objects| {
        objects["deployment/shop/shop"]["spec"]["template"]["spec"]["containers"][0]["image"] =
            json!("shop:hidden-word");
        objects["configmap/shop/shop-database"]["data"] = json!({});
        objects.as_object_mut().unwrap().remove("httproute/shop/shop");
    });
    let text = cluster.run(&["check", "--manifests", TEST]).expect(1);
    assert!(!text.screen().contains("hidden-word"));
    cluster.place.snapshot("deploy_check_different", &text.screen());
    let json = cluster.run(&["check", "--manifests", TEST, "--json"]).expect(1).json();
    assert_eq!((&json["command"], &json["is_same"]), (&json!("deploy check"), &json!(false)));
    let difference = json!([{"path": "spec.template.spec.containers[app].image", "difference": "changed"}]);
    assert_eq!(
        (&json["objects"][0]["differences"], &json["objects"][1]["state"]),
        (&difference, &json!("missing"))
    );
}

#[test]
fn who_applies_does_not_decide_about_pods_and_weights() {
    let cluster = Cluster::new();
    cluster.run(&["apply", "--manifests", TEST]).expect(0);
    let rules = json!([{"backendRefs": [{"name": "shop", "weight": 100}]}]);
    cluster.change(|objects| {
        objects["deployment/shop/shop"]["spec"]["replicas"] = json!(0);
        objects["httproute/shop/shop"]["spec"]["rules"] = rules.clone();
    });
    cluster.run(&["check", "--manifests", TEST]).expect(0);
    cluster.run(&["apply", "--manifests", TEST]).expect(0);
    let objects = cluster.objects();
    assert_eq!(objects["deployment/shop/shop"]["spec"]["replicas"], json!(0));
    assert_eq!(objects["httproute/shop/shop"]["spec"]["rules"], rules);
}

#[test]
fn production_is_changed_only_after_a_confirmation() {
    let cluster = Cluster::new();
    cluster.place.snapshot(
        "deploy_apply_production",
        &cluster.run(&["apply", "--manifests", PRODUCTION]).expect(2).screen(),
    );
    assert_eq!(cluster.objects(), Value::Null);
    // The remedy that is printed.
    cluster.run(&["apply", "--manifests", PRODUCTION, "--yes"]).expect(0);
}

#[test]
fn a_pod_that_does_not_start_ends_the_wait() {
    let cluster = Cluster::new();
    cluster.write("behaviour.json", r#"{"shop": "CrashLoopBackOff"}"#);
    cluster
        .place
        .snapshot("deploy_apply_crash", &cluster.run(&["apply", "--manifests", TEST]).expect(2).screen());
    // The remedy that is printed: repair it, and run the same command again.
    cluster.write("behaviour.json", "{}");
    cluster.run(&["apply", "--manifests", TEST]).expect(0);
    cluster.write("behaviour.json", r#"{"shop": "Unschedulable"}"#);
    let late = cluster.run(&["apply", "--manifests", TEST, "--timeout", "1s"]).expect(2);
    assert!(late.stderr.contains("Unschedulable: 0/3 nodes are available"), "{}", late.screen());
}

#[test]
fn what_cannot_be_asked_is_exit_status_2() {
    let cluster = Cluster::new();
    let context = cluster.run(&["check", "--manifests", TEST, "--context", "elsewhere"]).expect(2);
    cluster.place.snapshot("deploy_check_no_context", &context.screen());
    let folder = cluster.run(&["check", "--manifests", "k8s"]).expect(2);
    cluster.place.snapshot("deploy_check_no_manifests", &folder.screen());
    let without = output(cluster.command(&["check", "--manifests", TEST]).env("PATH", "/nowhere")).expect(2);
    cluster.place.snapshot("deploy_check_no_kubectl", &without.screen());
    cluster.write(
        "behaviour.json",
        r#"{"refuses": "Error from server (Forbidden): deployments.apps is forbidden"}"#,
    );
    let refused = cluster.run(&["apply", "--manifests", TEST]).expect(2);
    assert!(refused.stderr.contains("because: Error from server (Forbidden)"), "{}", refused.screen());
}
