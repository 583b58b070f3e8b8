//! The HTTPRoute of the Gateway API, with the weights of the app on SQLite and of the app on PostgreSQL.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::{Object, metadata};
use crate::names::Component;
use crate::settings::Settings;

/// An HTTPRoute, which `k8s-openapi` does not have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpRoute {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
    spec: Spec,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    parent_refs: Vec<Parent>,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
struct Parent {
    name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    backend_refs: Vec<Backend>,
}

#[derive(Debug, Serialize)]
struct Backend {
    name: String,
    port: u16,
    weight: u8,
}

/// The route that sends all requests to the app on SQLite.
pub(super) fn object(settings: &Settings) -> Object {
    let backend = |name: String, weight: u8| Backend { name, port: 80, weight };
    let route = HttpRoute {
        api_version: "gateway.networking.k8s.io/v1",
        kind: "HTTPRoute",
        metadata: metadata::named(settings, settings.names().route(), Component::App),
        spec: Spec {
            parent_refs: vec![Parent { name: settings.gateway.to_string() }],
            rules: vec![Rule {
                backend_refs: vec![
                    backend(settings.sqlite.service.to_string(), 100),
                    backend(settings.names().app(), 0),
                ],
            }],
        },
    };
    Object::new(&route, &[])
}
