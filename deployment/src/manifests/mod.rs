//! The objects of Kubernetes, typed, in parts that are applied at different moments.

mod app;
pub(crate) mod backup;
pub(crate) mod database;
pub(crate) mod health;
mod metadata;
mod migration;
pub(crate) mod network;
mod pods;
pub(crate) mod postgres;
mod route;

use serde::Serialize;
use serde_json::Value;

use crate::settings::{Settings, Topology};

pub(crate) use pods::{Resources, Size};

/// An object, and the comments above it.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// The object.
    pub(crate) value: Value,
    /// Lines for whoever reads the file.
    pub(crate) remarks: &'static [&'static str],
}

impl Object {
    /// Takes over a typed object.
    fn new(object: &impl Serialize, remarks: &'static [&'static str]) -> Object {
        // The types of Kubernetes serialise as JSON, which is what they are for.
        Object { value: serde_json::to_value(object).unwrap_or_default(), remarks }
    }

    /// The name of its file: name and kind.
    pub(crate) fn file_name(&self) -> String {
        let text = |pointer: &str| self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        format!("{}.{}.yaml", text("/metadata/name"), text("/kind").to_ascii_lowercase())
    }
}

/// Objects that are applied together.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The name of its folder.
    pub(crate) name: &'static str,
    /// Its objects.
    pub(crate) objects: Vec<Object>,
    /// Lines for whoever reads its kustomization.
    pub(crate) remarks: &'static [&'static str],
}

/// The part with PostgreSQL, its settings, and who may reach it. It is applied before a migration.
pub(crate) const DATABASE: &str = "database";
/// The part with the app on PostgreSQL. It is applied at the cutover.
pub(crate) const APP: &str = "app";
/// The part with the Job that migrates.
pub(crate) const MIGRATION: &str = "migration";
/// The part with the Job that cuts over.
pub(crate) const CUTOVER: &str = "cutover";
/// The part with the Job that restores a dump.
pub(crate) const RESTORE: &str = "restore";
/// The part with the weights of both versions of the app.
pub(crate) const ROUTE: &str = "route";

/// All parts of a deployment.
pub(crate) fn parts(settings: &Settings) -> Vec<Part> {
    let is_sidecar = settings.topology == Topology::Sidecar;
    let mut database = database::objects(settings);
    database.extend(health::objects(settings));
    database.extend(network::of_the_database(settings));
    let mut parts = vec![];
    if settings.topology == Topology::StatefulSet {
        database.extend(postgres::objects(settings));
        database.extend(backup::objects(settings));
        parts.push(Part {
            name: RESTORE,
            objects: backup::restore_objects(settings),
            remarks: &["Restores a dump into a database of its own; docs/deploying.md has the steps."],
        });
    }
    if is_sidecar {
        database.extend(postgres::objects_of_the_sidecar(settings));
    }
    let mut app = app::objects(settings);
    app.push(network::of_the_app(settings));
    parts.splice(
        0..0,
        [
            Part {
                name: DATABASE,
                objects: database,
                remarks: &["PostgreSQL, its settings, and who may reach it: apply it before a migration."],
            },
            Part {
                name: APP,
                objects: app,
                remarks: &["The app on PostgreSQL: apply it at the cutover, not before, since its workers would begin."],
            },
            Part {
                name: MIGRATION,
                objects: migration::objects(settings),
                remarks: &["The Job that migrates. It does not write to the SQLite file."],
            },
            Part {
                name: CUTOVER,
                objects: vec![migration::cutover(settings)],
                remarks: &["The Job that catches up once more and closes the SQLite file. The volume is writable, for the fence."],
            },
            Part {
                name: ROUTE,
                objects: vec![route::object(settings)],
                remarks: &["The weights of both versions of the app: all requests go to SQLite. `cutover` and `rollback` change them in the cluster."],
            },
        ],
    );
    parts
}
