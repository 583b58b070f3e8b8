//! How PostgreSQL is reached: settings in a ConfigMap, the password in a Secret that is only referred to.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, EnvVar};
use serde::Serialize;

use super::pods::secret_variable;
use super::{Object, metadata};
use crate::names::Component;
use crate::settings::{SecretSource, Settings, Topology};

/// The app's database, and its role.
pub(crate) const DATABASE_NAME: &str = "hyperpage";
/// The role that the app and the migration use.
pub(crate) const APP_ROLE: &str = "hyperpage";
/// The port of PostgreSQL in the cluster.
pub(crate) const POSTGRES_PORT: u16 = 5432;

/// The key of a URL with a password: what a provider of PostgreSQL hands out.
pub(crate) const KEY_URL: &str = "DATABASE_URL";
/// The key of the password of [`APP_ROLE`].
pub(crate) const KEY_PASSWORD: &str = "POSTGRES_PASSWORD";
/// The key of the password of the superuser, which only PostgreSQL's own pods get.
pub(crate) const KEY_ADMIN_PASSWORD: &str = "POSTGRES_ADMIN_PASSWORD";

/// The most connections of one process of the app, before an overlay changes it.
pub(crate) const POOL_MAX: u32 = 10;

/// Returns the keys that the Secret must have.
#[must_use]
pub fn secret_keys(topology: Topology) -> &'static [&'static str] {
    match topology {
        Topology::Managed => &[KEY_URL],
        Topology::StatefulSet | Topology::Sidecar => &[KEY_PASSWORD, KEY_ADMIN_PASSWORD],
    }
}

/// The settings, and the ExternalSecret where one is wanted.
pub(super) fn objects(settings: &Settings) -> Vec<Object> {
    let mut objects = vec![Object::new(
        &config_map(settings),
        &[
            "The settings of connections; docs/configuration.md describes them. Pods read them when they start:",
            "kubectl rollout restart applies a change.",
        ],
    )];
    if let SecretSource::External { store, entry } = &settings.secret_source {
        let external = external_secret(settings, store.as_str(), entry.as_str());
        objects.push(Object::new(
            &external,
            &["The External Secrets Operator copies these properties of the entry into the Secret."],
        ));
    }
    objects
}

fn config_map(settings: &Settings) -> ConfigMap {
    let mut data = BTreeMap::from([
        ("DB_POOL_MAX".to_owned(), POOL_MAX.to_string()),
        ("DB_POOL_MIN".to_owned(), "0".to_owned()),
        ("DB_CONNECTION_TIMEOUT".to_owned(), "10000".to_owned()),
        ("DB_IDLE_TIMEOUT".to_owned(), "30000".to_owned()),
        ("DB_STATEMENT_TIMEOUT".to_owned(), "30000".to_owned()),
    ]);
    if settings.has_own_postgres() {
        let host = settings.names().postgres();
        data.extend([
            ("POSTGRES_HOST".to_owned(), host),
            ("POSTGRES_PORT".to_owned(), POSTGRES_PORT.to_string()),
            ("POSTGRES_DB".to_owned(), DATABASE_NAME.to_owned()),
            ("POSTGRES_USER".to_owned(), APP_ROLE.to_owned()),
        ]);
    }
    ConfigMap {
        metadata: metadata::named(settings, settings.names().config(), Component::Postgres),
        data: Some(data),
        ..Default::default()
    }
}

/// The variable with the secret part of the connection.
pub(super) fn secret_variables(settings: &Settings) -> Vec<EnvVar> {
    let key = if settings.has_own_postgres() { KEY_PASSWORD } else { KEY_URL };
    vec![secret_variable(key, settings.secret.as_str(), key)]
}

/// An object of the External Secrets Operator, which `k8s-openapi` does not have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalSecret {
    api_version: &'static str,
    kind: &'static str,
    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    spec: ExternalSecretSpec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalSecretSpec {
    refresh_interval: &'static str,
    secret_store_ref: StoreReference,
    target: ExternalTarget,
    data: Vec<ExternalData>,
}

#[derive(Serialize)]
struct StoreReference {
    kind: &'static str,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalTarget {
    name: String,
    creation_policy: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalData {
    secret_key: &'static str,
    remote_ref: RemoteReference,
}

#[derive(Serialize)]
struct RemoteReference {
    key: String,
    property: &'static str,
}

fn external_secret(settings: &Settings, store: &str, entry: &str) -> ExternalSecret {
    let of_key = |&key: &&'static str| ExternalData {
        secret_key: key,
        remote_ref: RemoteReference { key: entry.to_owned(), property: key },
    };
    ExternalSecret {
        api_version: "external-secrets.io/v1",
        kind: "ExternalSecret",
        metadata: metadata::named(settings, settings.secret.as_str(), Component::Postgres),
        spec: ExternalSecretSpec {
            refresh_interval: "1h",
            secret_store_ref: StoreReference { kind: "ClusterSecretStore", name: store.to_owned() },
            target: ExternalTarget { name: settings.secret.to_string(), creation_policy: "Owner" },
            data: secret_keys(settings.topology).iter().map(of_key).collect(),
        },
    }
}
