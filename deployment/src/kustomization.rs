//! The kustomizations: a base for each part, and overlays for the environments.

use serde::Serialize;
use serde_json::{Value, json};

use crate::file::File;
use crate::manifests::{self, Resources, Size};
use crate::settings::{Environment, Settings, Topology};
use crate::yaml;

/// A `kustomization.yaml`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kustomization {
    api_version: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    resources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    patches: Vec<Patch>,
}

/// A list of changes of one object.
#[derive(Debug, Serialize)]
struct Patch {
    target: Target,
    /// JSON Patch (RFC 6902), as a text.
    patch: String,
}

#[derive(Debug, Serialize)]
struct Target {
    kind: &'static str,
    name: String,
}

/// A change: it fails if there is nothing to replace.
fn replaced(path: &str, value: impl Into<Value>) -> Value {
    json!({ "op": "replace", "path": path, "value": value.into() })
}

impl Kustomization {
    fn new(namespace: Option<String>, resources: Vec<String>, patches: Vec<Patch>) -> Kustomization {
        Kustomization {
            api_version: "kustomize.config.k8s.io/v1beta1",
            kind: "Kustomization",
            namespace,
            resources,
            patches,
        }
    }
}

impl Patch {
    fn new(kind: &'static str, name: String, changes: &[Value]) -> Patch {
        let lines: Vec<String> = changes.iter().map(Value::to_string).collect();
        Patch { target: Target { kind, name }, patch: format!("[\n  {}\n]\n", lines.join(",\n  ")) }
    }
}

/// The kustomization of a part's base.
pub(crate) fn base(listed: &[String], remarks: &[&str]) -> String {
    yaml::document(&Kustomization::new(None, listed.to_vec(), Vec::new()), remarks)
}

/// What differs between environments.
struct Scale {
    replicas: u32,
    pool_max: u32,
    app: Resources,
    postgres: Resources,
    volume_size: &'static str,
}

const fn resources(requests: Size, limits: Size) -> Resources {
    Resources { requests, limits }
}

const fn size(cpu: &'static str, memory: &'static str) -> Size {
    Size { cpu, memory }
}

/// The processes of all replicas, with one more during an update, have fewer connections than PostgreSQL's 100.
const fn scale(environment: Environment) -> Scale {
    // The plan's floor, everywhere.
    let floor = resources(size("100m", "512Mi"), size("1", "1Gi"));
    match environment {
        Environment::Local => Scale {
            replicas: 1,
            pool_max: 5,
            app: resources(size("50m", "128Mi"), size("1", "512Mi")),
            postgres: floor,
            volume_size: "2Gi",
        },
        Environment::Test => Scale {
            replicas: 2,
            pool_max: 5,
            app: resources(size("100m", "256Mi"), size("1", "512Mi")),
            postgres: floor,
            volume_size: "5Gi",
        },
        Environment::Production => Scale {
            replicas: 3,
            pool_max: 10,
            app: resources(size("250m", "384Mi"), size("1", "768Mi")),
            postgres: resources(size("500m", "1Gi"), size("2", "2Gi")),
            volume_size: "20Gi",
        },
    }
}

/// Returns the files of an overlay: one kustomization for each part, and one for those that run all the time.
pub(crate) fn overlay(settings: &Settings, environment: Environment) -> Vec<File> {
    let folder = format!("overlays/{}", environment.name());
    let mut files = vec![File {
        path: format!("{folder}/kustomization.yaml"),
        text: yaml::document(
            &Kustomization::new(
                None,
                vec![manifests::DATABASE.to_owned(), manifests::APP.to_owned()],
                Vec::new(),
            ),
            &["What runs all the time after the cutover. Before it, apply the folder `database` alone."],
        ),
    }];
    for part in manifests::parts(settings) {
        let patches = match part.name {
            manifests::DATABASE => database_patches(settings, environment),
            manifests::APP => app_patches(settings, environment),
            _ => Vec::new(),
        };
        let text = yaml::document(
            &Kustomization::new(
                Some(settings.namespace_of(environment)),
                vec![format!("../../../base/{}", part.name)],
                patches,
            ),
            part.remarks,
        );
        files.push(File { path: format!("{folder}/{}/kustomization.yaml", part.name), text });
    }
    files
}

fn resources_value(resources: Resources) -> Value {
    serde_json::to_value(resources.requirements()).unwrap_or_default()
}

fn app_patches(settings: &Settings, environment: Environment) -> Vec<Patch> {
    let scale = scale(environment);
    let replicas = if settings.topology == Topology::Sidecar { 1 } else { scale.replicas };
    let changes = [
        replaced("/spec/replicas", replicas),
        replaced("/spec/template/spec/containers/0/resources", resources_value(scale.app)),
    ];
    vec![Patch::new("Deployment", settings.names().app(), &changes)]
}

fn database_patches(settings: &Settings, environment: Environment) -> Vec<Patch> {
    let scale = scale(environment);
    let names = settings.names();
    let pool = replaced("/data/DB_POOL_MAX", scale.pool_max.to_string());
    let mut patches = vec![Patch::new("ConfigMap", names.config(), &[pool])];
    if settings.topology == Topology::StatefulSet {
        let changes = [
            replaced("/spec/template/spec/containers/0/resources", resources_value(scale.postgres)),
            replaced("/spec/volumeClaimTemplates/0/spec/resources/requests/storage", scale.volume_size),
        ];
        patches.push(Patch::new("StatefulSet", names.postgres(), &changes));
    }
    patches
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `max_connections` of the StatefulSet, without the three that PostgreSQL reserves.
    const CONNECTIONS: u32 = 97;

    #[test]
    fn all_processes_together_find_enough_connections() {
        for environment in Environment::ALL {
            let scale = scale(environment);
            // One replica more during an update, a migration's workers, three of the health checks, and a dump.
            let used = (scale.replicas + 1) * scale.pool_max + scale.pool_max + 3 + 1;
            assert!(used < CONNECTIONS, "{environment:?}: {used}");
        }
    }
}
