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
use super::route::{self, Backends, Requests, Unsuited};
use super::workload::{await_rollout, missing};
use crate::output;
use crate::stop::Stop;

/// The variable with options of libpq that node-postgres reads too.
const PGOPTIONS: &str = "PGOPTIONS";

/// Its value before the cutover: a session of the app on PostgreSQL cannot write by accident.
const READ_ONLY: &str = "-c default_transaction_read_only=on";

/// The file with the settings of a rendered deployment.
const SETTINGS_FILE: &str = "deployment.toml";

/// The app in a cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    kubectl: Kubectl,
    route: ObjectName,
    backends: Backends,
    postgres: ObjectName,
    /// How many pods the app on PostgreSQL has.
    postgres_replicas: u64,
    sqlite: ObjectName,
    timeout: Duration,
}

impl Cluster {
    /// Reads the manifests, and checks that the cluster has their objects.
    pub(super) fn open(folder: &Path, context: Option<&str>, timeout: Duration, stop: &Stop) -> Result<Cluster> {
        let kubectl = Kubectl::new(context, stop)?;
        let objects = kubectl.rendered(folder, stop)?;
        let named = |kind: &str| {
            let of_kind = objects.iter().filter(|object| object.get("kind").and_then(Value::as_str) == Some(kind));
            of_kind.filter_map(|object| Some((ObjectName::of(object)?, object))).collect::<Vec<_>>()
        };
        let lacks = |what: &str| {
            Error::new(format!("the manifests in {} have no {what}", folder.display())).with_remedy_text(
                "name the folder of an overlay that `cargo xtask deploy render` wrote, such as DIR/overlays/production",
            )
        };
        let services: Vec<String> = named("Service").into_iter().map(|(name, _)| name.name).collect();
        let routes = named("HTTPRoute");
        let found = routes.iter().find_map(|(name, route)| {
            services.iter().find_map(|service| Some((name, service, route::other_backend(route, service)?)))
        });
        let (route, service, sqlite_service) = found.ok_or_else(|| lacks("HTTPRoute with the Services of both databases"))?;
        let deployments = named("Deployment");
        let (postgres, deployment) =
            deployments.iter().find(|(name, _)| name.name == *service).ok_or_else(|| lacks("Deployment of the app"))?;
        let sqlite = sqlite_deployment(folder)?.unwrap_or_else(|| sqlite_service.clone());
        let cluster = Cluster {
            kubectl,
            backends: Backends { postgres: service.clone(), sqlite: sqlite_service },
            route: route.clone(),
            postgres: postgres.clone(),
            postgres_replicas: replicas(deployment).max(1),
            sqlite: ObjectName::deployment(postgres.namespace.clone(), &sqlite),
            timeout,
        };
        for object in [&cluster.route, &cluster.postgres, &cluster.sqlite] {
            cluster.live(object, stop)?;
        }
        cluster.rules(Requests::All, 100, stop)?;
        Ok(cluster)
    }

    /// Checks that reading requests can be divided.
    pub(super) fn check_reading_rule(&self, stop: &Stop) -> Result<()> {
        self.rules(Requests::Reading, 1, stop).map(drop)
    }

    /// What a switch to PostgreSQL does.
    pub(super) fn describe_postgres(&self) -> String {
        format!(
            "start {} with {}, send all requests of {} to it, and stop {}",
            self.postgres,
            crate::report::counted(self.postgres_replicas, "pod"),
            self.route,
            self.sqlite
        )
    }

    /// What a switch to SQLite does.
    pub(super) fn describe_sqlite(&self) -> String {
        format!("start {}, send all requests of {} to it, and stop {}", self.sqlite, self.route, self.postgres)
    }

    /// Starts the app on PostgreSQL with sessions that cannot write, and sends this share of the reading requests to it.
    pub(super) fn share_reading(&self, share_percent: u8, stop: &Stop) -> Result<()> {
        if share_percent > 0 {
            self.kubectl.set_variable(&self.postgres, PGOPTIONS, Some(READ_ONLY), stop)?;
            self.start(&self.postgres, self.postgres_replicas, stop)?;
        }
        self.divide(Requests::Reading, share_percent, stop)
    }

    /// Sends all requests to PostgreSQL, and stops the app on SQLite.
    pub(super) fn to_postgres(&self, stop: &Stop) -> Result<()> {
        self.kubectl.set_variable(&self.postgres, PGOPTIONS, None, stop)?;
        self.start(&self.postgres, self.postgres_replicas, stop)?;
        self.divide(Requests::All, 100, stop)?;
        self.stop(&self.sqlite, stop)
    }

    /// Sends all requests to SQLite, and stops the app on PostgreSQL. SQLite has one writer, and its volume usually one pod.
    pub(super) fn to_sqlite(&self, stop: &Stop) -> Result<()> {
        self.start(&self.sqlite, 1, stop)?;
        self.divide(Requests::All, 0, stop)?;
        self.stop(&self.postgres, stop)
    }

    /// How often containers of the app on PostgreSQL have been restarted.
    pub(super) fn restarts(&self, stop: &Stop) -> Result<u64> {
        super::workload::restarts(&self.kubectl, &self.postgres, stop)
    }

    fn live(&self, object: &ObjectName, stop: &Stop) -> Result<Value> {
        self.kubectl.get(object, stop)?.ok_or_else(|| missing(object))
    }

    /// A Deployment that has pods keeps their number: an autoscaler may have chosen it.
    fn start(&self, deployment: &ObjectName, count: u64, stop: &Stop) -> Result<()> {
        if replicas(&self.live(deployment, stop)?) == 0 {
            output::note(&format!("starting {deployment}"));
            self.kubectl.scale(deployment, count, stop)?;
        }
        await_rollout(&self.kubectl, deployment, self.timeout, stop)
    }

    fn stop(&self, deployment: &ObjectName, stop: &Stop) -> Result<()> {
        if replicas(&self.live(deployment, stop)?) > 0 {
            output::note(&format!("stopping {deployment}"));
            self.kubectl.scale(deployment, 0, stop)?;
        }
        await_rollout(&self.kubectl, deployment, self.timeout, stop)
    }

    fn rules(&self, requests: Requests, share_percent: u8, stop: &Stop) -> Result<(Value, Value)> {
        let live = self.live(&self.route, stop)?;
        let rules = route::divided(&live, &self.backends, requests, share_percent).map_err(|unsuited| {
            let Backends { postgres, sqlite } = &self.backends;
            let what = match unsuited {
                Unsuited::NoRule => format!("{} has no rule with the Services {postgres} and {sqlite}", self.route),
                Unsuited::NoReadingRule => format!("{} has no rule for the methods GET and HEAD alone", self.route),
            };
            Error::new(what).with_remedy_text("apply the manifests again: `cargo xtask deploy apply --manifests DIR`")
        })?;
        Ok((live, rules))
    }

    fn divide(&self, requests: Requests, share_percent: u8, stop: &Stop) -> Result<()> {
        let (live, rules) = self.rules(requests, share_percent, stop)?;
        if live.pointer("/spec/rules") == Some(&rules) {
            return Ok(());
        }
        let which = if requests == Requests::All { "requests" } else { "reading requests" };
        output::note(&format!("{share_percent} % of the {which} go to PostgreSQL"));
        self.kubectl.patch(&self.route, &json!({ "spec": { "rules": rules } }), stop)
    }
}

fn replicas(deployment: &Value) -> u64 {
    deployment.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1)
}

/// The Deployment of the app on SQLite that the settings above an overlay name.
fn sqlite_deployment(overlay: &Path) -> Result<Option<String>> {
    let Some(path) = overlay.ancestors().take(3).map(|folder| folder.join(SETTINGS_FILE)).find(|path| path.is_file())
    else {
        return Ok(None);
    };
    let unreadable = |path: &PathBuf| format!("{} cannot be read", path.display());
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Error::new(unreadable(&path)).caused_by(error))?;
    let settings: toml::Table =
        text.parse().map_err(|error: toml::de::Error| Error::new(unreadable(&path)).caused_by(error.message().to_owned()))?;
    let name = settings.get("sqlite").and_then(|sqlite| sqlite.get("deployment")).and_then(toml::Value::as_str);
    Ok(name.map(str::to_owned))
}
