//! What other people's tools say about the files of `deploy render`: kustomize builds each overlay, the schemas of three versions of
//! Kubernetes accept each object, our policies hold for what kustomize has made, and promtool accepts the alert rules.

use std::fs;
use std::path::Path;

use deployment::policy::violations;
use serde_json::Value;

use crate::place::{Output, Place, checkout, output};
use crate::support::{PythonEnvironment, command, python, tool};

/// The oldest version whose fields are used, one between, and the newest with a schema.
const VERSIONS: &str = "1.33,1.35,1.37";

const TOPOLOGIES: [&str; 3] = ["managed", "statefulset", "sidecar"];

fn render(place: &Place, topology: &str) {
    let arguments = [
        "deploy",
        "render",
        "--topology",
        topology,
        "--image",
        "registry.example/shop:1.4.2",
        "--out",
        topology,
    ];
    place.run(arguments.into_iter().chain(["--secret-store", "vault", "--secret-entry", "shop"])).expect(0);
}

/// What kustomize makes of a folder.
fn built(place: &Place, folder: &str) -> String {
    let result = output(command(tool("kubectl"), place.path()).args(["kustomize", folder]));
    assert!(
        result.code == Some(0) && result.stderr.is_empty(),
        "{}\nkubectl 1.27 or later is needed; `.ci/run` installs it",
        result.screen()
    );
    result.stdout
}

fn validator() -> PythonEnvironment {
    python(&checkout().join("xtask/tests/apps/manifests/requirements.txt"))
}

fn validated(place: &Place, environment: &PythonEnvironment, files: &[String]) -> Output {
    let program = checkout().join("xtask/tests/apps/manifests/validate.py");
    output(environment.program("python", place.path()).arg(program).arg(VERSIONS).args(files))
}

#[test]
#[ignore = "needs python3 with venv, and kubectl"]
fn every_overlay_is_valid_in_three_versions_and_keeps_the_policies() {
    let (place, environment) = (Place::new(), validator());
    for topology in TOPOLOGIES {
        render(&place, topology);
        for name in ["local", "test", "production"] {
            let folder = format!("{topology}/overlays/{name}");
            if topology == "sidecar" && name == "production" {
                assert!(!place.path().join(&folder).exists());
                continue;
            }
            let mut files = Vec::new();
            // The overlay itself, and the parts that are applied at other moments.
            for part in [".", "migration", "cutover", "route", "restore"] {
                if place.path().join(&folder).join(part).exists() {
                    let file = format!("{topology}-{name}-{}.yaml", part.trim_matches('.'));
                    fs::write(place.path().join(&file), built(&place, &format!("{folder}/{part}"))).unwrap();
                    files.push(file);
                }
            }
            let answer = validated(&place, &environment, &files).expect(0).json();
            let objects = answer["objects"].as_array().unwrap();
            assert!(answer["checked"].as_u64().unwrap() >= 3 * 12, "{folder}: {}", answer["checked"]);
            assert_eq!(violations(objects), [], "{folder}");
            let namespace =
                if name == "production" { "hyperpage".to_owned() } else { format!("hyperpage-{name}") };
            for object in objects {
                assert_eq!(object["metadata"]["namespace"], Value::from(namespace.as_str()), "{object}");
            }
        }
    }
}

/// What differs between environments arrives in the objects.
#[test]
#[ignore = "needs python3 with venv, and kubectl"]
fn overlays_change_what_they_name() {
    let (place, environment) = (Place::new(), validator());
    render(&place, "statefulset");
    for (name, replicas, pool, volume) in
        [("local", 1, "5", "2Gi"), ("test", 2, "5", "5Gi"), ("production", 3, "10", "20Gi")]
    {
        fs::write(place.path().join("all.yaml"), built(&place, &format!("statefulset/overlays/{name}")))
            .unwrap();
        let answer = validated(&place, &environment, &["all.yaml".to_owned()]).expect(0).json();
        let find = |kind: &str, name: &str| {
            let objects = answer["objects"].as_array().unwrap();
            objects
                .iter()
                .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
                .unwrap()
                .clone()
        };
        assert_eq!(find("Deployment", "hyperpage")["spec"]["replicas"], replicas);
        assert_eq!(find("ConfigMap", "hyperpage-database")["data"]["DB_POOL_MAX"], pool);
        let claim = &find("StatefulSet", "hyperpage-postgres")["spec"]["volumeClaimTemplates"][0]["spec"];
        assert_eq!(claim["resources"]["requests"]["storage"], volume);
    }
}

#[test]
#[ignore = "needs python3 with venv"]
fn an_object_with_an_unknown_field_or_a_wrong_type_is_noticed() {
    let (place, environment) = (Place::new(), validator());
    render(&place, "managed");
    let file = place.path().join("managed/base/app/hyperpage.deployment.yaml");
    let good = fs::read_to_string(&file).unwrap();
    let files = ["managed/base/app/hyperpage.deployment.yaml".to_owned()];
    validated(&place, &environment, &files).expect(0);
    for (from, to) in [("  replicas: 1\n", "  replicaz: 1\n"), ("  replicas: 1\n", "  replicas: one\n")] {
        fs::write(&file, good.replace(from, to)).unwrap();
        let refused = validated(&place, &environment, &files).expect(1);
        assert!(refused.stderr.contains("Deployment hyperpage in 1.33"), "{}", refused.stderr);
    }
}

#[test]
#[ignore = "needs promtool"]
fn promtool_accepts_the_alert_rules() {
    let place = Place::new();
    let check = |folder: &Path| {
        output(command(tool("promtool"), folder).args(["check", "rules", "prometheus-rules.yaml"]))
    };
    for topology in TOPOLOGIES {
        render(&place, topology);
        let folder = place.path().join(topology);
        let accepted = check(&folder).expect(0);
        assert!(accepted.stdout.contains("SUCCESS"), "{}", accepted.screen());
        let file = folder.join("prometheus-rules.yaml");
        let broken = fs::read_to_string(&file).unwrap().replace("== 0", "== (");
        fs::write(&file, broken).unwrap();
        assert_ne!(check(&folder).code, Some(0));
    }
}
