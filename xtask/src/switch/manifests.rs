//! The switch by manifests: the Deployments of the app on both databases, and the route between them.
//!
//! The objects of the app on PostgreSQL are those that `deploy render` wrote. Those of the app on SQLite are the user's own: the route
//! names the Service, and `deployment.toml` the Deployment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use row_mover::Error;
use row_mover::error::Result;
use serde_json::{Value, json};

use super::kubectl::{Kubectl, ObjectName};
use super::route::{self, Backends, NoRule, Requests};
use super::workload::{await_rollout, missing};
use crate::output;
use crate::report::counted;
use crate::stop::Stop;

/// The variable with options of libpq that node-postgres reads too.
const PGOPTIONS: &str = "PGOPTIONS";

/// Its value before the cutover: a session of the app on PostgreSQL cannot write by accident.
const READ_ONLY: &str = "-c default_transaction_read_only=on";

/// What to do about a folder that is no overlay.
const OVERLAY_REMEDY: &str =
    "name the folder of an overlay that `cargo xtask deploy render` wrote, such as k8s/overlays/production";

/// The file with the settings of a rendered deployment.
const SETTINGS_FILE: &str = "deployment.toml";

/// The folders of an overlay with the app on PostgreSQL, and with the route.
const APP_FOLDER: &str = "app";
const ROUTE_FOLDER: &str = "route";

/// The app in a cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    kubectl: Kubectl,
    /// The objects of the app on PostgreSQL, as they are rendered.
    app: Vec<Value>,
    postgres: ObjectName,
    postgres_replicas: u64,
    /// The route, as it is rendered.
    route: Value,
    route_name: ObjectName,
    backends: Backends,
    sqlite: ObjectName,
    timeout: Duration,
}

impl Cluster {
    /// Reads the manifests, and checks that the cluster has the app on SQLite and takes the objects of the app on PostgreSQL.
    pub(super) fn open(kubectl: Kubectl, folder: &Path, timeout: Duration, stop: &Stop) -> Result<Cluster> {
        let app = kubectl.rendered(&folder.join(APP_FOLDER), stop)?;
        let routes = kubectl.rendered(&folder.join(ROUTE_FOLDER), stop)?;
        let lacks = |what: &str| {
            Error::new(format!("the manifests in {} have no {what}", folder.display()))
                .with_remedy_text(OVERLAY_REMEDY)
        };
        let services = of_kind(&app, "Service");
        let found = of_kind(&routes, "HTTPRoute").into_iter().find_map(|(name, route)| {
            services.iter().find_map(|(service, _)| {
                let sqlite = route::other_backend(route, &service.name)?;
                Some((name.clone(), route.clone(), Backends { postgres: service.name.clone(), sqlite }))
            })
        });
        let (route_name, route, backends) =
            found.ok_or_else(|| lacks("HTTPRoute with the Services of both databases"))?;
        let deployments = of_kind(&app, "Deployment");
        let deployment = deployments.into_iter().find(|(name, _)| name.name == backends.postgres);
        let (postgres, deployment) = deployment.ok_or_else(|| lacks("Deployment of the app"))?;
        let sqlite = sqlite_deployment(folder)?.unwrap_or_else(|| backends.sqlite.clone());
        let cluster = Cluster {
            postgres_replicas: replicas(deployment).max(1),
            sqlite: ObjectName::deployment(postgres.namespace.clone(), &sqlite),
            postgres,
            kubectl,
            app,
            route,
            route_name,
            backends,
            timeout,
        };
        cluster.live(&cluster.sqlite, stop)?.ok_or_else(|| {
            Error::new(format!("{}, the app on SQLite, is not in the cluster", cluster.sqlite)).with_remedy_text(
                "name its Deployment: `cargo xtask deploy render … --sqlite-deployment NAME`, or another cluster with --context",
            )
        })?;
        let mut objects = cluster.app.clone();
        objects.push(cluster.route.clone());
        cluster.kubectl.apply(&objects, true, stop)?;
        Ok(cluster)
    }

    /// What a switch to PostgreSQL does.
    pub(super) fn describe_postgres(&self) -> String {
        format!(
            "start {} with {}, send all requests of {} to it, and stop {}",
            self.postgres,
            counted(self.postgres_replicas, "pod"),
            self.route_name,
            self.sqlite
        )
    }

    /// What a switch to SQLite does.
    pub(super) fn describe_sqlite(&self) -> String {
        format!(
            "start {}, send all requests of {} to it, and stop {}",
            self.sqlite, self.route_name, self.postgres
        )
    }

    /// Starts the app on PostgreSQL with sessions that cannot write, and sends this share of the reading requests to it.
    pub(super) fn share_reading(&self, share_percent: u8, stop: &Stop) -> Result<()> {
        self.start_postgres(true, stop)?;
        self.divide(Requests::Reading, share_percent, stop)
    }

    /// Sends all requests to PostgreSQL, and stops the app on SQLite.
    pub(super) fn to_postgres(&self, stop: &Stop) -> Result<()> {
        self.start_postgres(false, stop)?;
        self.divide(Requests::All, 100, stop)?;
        self.stop(&self.sqlite, stop)
    }

    /// Sends all requests to SQLite, and stops the app on PostgreSQL. SQLite has one writer, and its volume usually one pod.
    pub(super) fn to_sqlite(&self, stop: &Stop) -> Result<()> {
        if replicas(&self.live(&self.sqlite, stop)?.ok_or_else(|| missing(&self.sqlite))?) == 0 {
            output::note(&format!("starting {}", self.sqlite));
            self.kubectl.scale(&self.sqlite, 1, stop)?;
        }
        await_rollout(&self.kubectl, &self.sqlite, self.timeout, stop)?;
        self.divide(Requests::All, 0, stop)?;
        self.stop(&self.postgres, stop)
    }

    /// How often containers of the app on PostgreSQL have been restarted.
    pub(super) fn restarts(&self, stop: &Stop) -> Result<u64> {
        super::workload::restarts(&self.kubectl, &self.postgres, stop)
    }

    fn live(&self, object: &ObjectName, stop: &Stop) -> Result<Option<Value>> {
        self.kubectl.get(object, stop)
    }

    /// Applies the objects of the app on PostgreSQL, and waits until it runs. A Deployment that has pods keeps their number, which an
    /// autoscaler may have chosen.
    fn start_postgres(&self, is_read_only: bool, stop: &Stop) -> Result<()> {
        let live = self.live(&self.postgres, stop)?.map_or(0, |live| replicas(&live));
        let count = if live == 0 { self.postgres_replicas } else { live };
        let mut objects = self.app.clone();
        for object in &mut objects {
            if ObjectName::of(object).as_ref() == Some(&self.postgres) {
                object["spec"]["replicas"] = json!(count);
                if is_read_only {
                    make_read_only(object);
                }
            }
        }
        output::note(&format!("applying {} with {}", self.postgres, counted(count, "pod")));
        self.kubectl.apply(&objects, false, stop)?;
        await_rollout(&self.kubectl, &self.postgres, self.timeout, stop)
    }

    fn stop(&self, deployment: &ObjectName, stop: &Stop) -> Result<()> {
        let Some(live) = self.live(deployment, stop)? else { return Ok(()) };
        if replicas(&live) > 0 {
            output::note(&format!("stopping {deployment}"));
            self.kubectl.scale(deployment, 0, stop)?;
        }
        await_rollout(&self.kubectl, deployment, self.timeout, stop)
    }

    fn divide(&self, requests: Requests, share_percent: u8, stop: &Stop) -> Result<()> {
        let rules =
            route::divided(&self.route, &self.backends, requests, share_percent).map_err(|NoRule| {
                Error::new(format!("{} has no rule with both Services", self.route_name))
                    .with_remedy_text(OVERLAY_REMEDY)
            })?;
        let which = if requests == Requests::All { "requests" } else { "reading requests" };
        output::note(&format!("{share_percent} % of the {which} go to PostgreSQL"));
        let mut route = self.route.clone();
        route["spec"]["rules"] = rules;
        self.kubectl.apply(&[route], false, stop)
    }
}

/// The objects of a kind, with their names.
fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<(ObjectName, &'a Value)> {
    let is_of_kind = |object: &&Value| object.get("kind").and_then(Value::as_str) == Some(kind);
    objects.iter().filter(is_of_kind).filter_map(|object| Some((ObjectName::of(object)?, object))).collect()
}

/// Adds the variable to each container of a Deployment.
fn make_read_only(deployment: &mut Value) {
    let containers = deployment.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        let variable = json!({ "name": PGOPTIONS, "value": READ_ONLY });
        match container.get_mut("env").and_then(Value::as_array_mut) {
            Some(variables) => variables.push(variable),
            None => container["env"] = json!([variable]),
        }
    }
}

fn replicas(deployment: &Value) -> u64 {
    deployment.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1)
}

/// The Deployment of the app on SQLite that the settings above an overlay name.
fn sqlite_deployment(overlay: &Path) -> Result<Option<String>> {
    let Some(path) =
        overlay.ancestors().take(3).map(|folder| folder.join(SETTINGS_FILE)).find(|path| path.is_file())
    else {
        return Ok(None);
    };
    let unreadable = |path: &PathBuf| format!("{} cannot be read", path.display());
    let text =
        std::fs::read_to_string(&path).map_err(|error| Error::new(unreadable(&path)).caused_by(error))?;
    let settings: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        Error::new(unreadable(&path)).caused_by(error.message().to_owned())
    })?;
    let name =
        settings.get("sqlite").and_then(|sqlite| sqlite.get("deployment")).and_then(toml::Value::as_str);
    Ok(name.map(str::to_owned))
}
