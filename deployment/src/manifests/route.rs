//! The HTTPRoute of the Gateway API, with the weights of the app on SQLite and of the app on PostgreSQL.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::{Object, metadata};
use crate::names::Component;
use crate::settings::Settings;
use crate::yaml;

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

fn route(settings: &Settings, postgres_percent: u8) -> HttpRoute {
    let postgres_percent = postgres_percent.min(100);
    let backend = |name: String, weight: u8| Backend { name, port: 80, weight };
    HttpRoute {
        api_version: "gateway.networking.k8s.io/v1",
        kind: "HTTPRoute",
        metadata: metadata::named(settings, settings.names().route(), Component::App),
        spec: Spec {
            parent_refs: vec![Parent { name: settings.gateway.to_string() }],
            rules: vec![Rule {
                backend_refs: vec![
                    backend(settings.sqlite.service.to_string(), 100 - postgres_percent),
                    backend(settings.names().app(), postgres_percent),
                ],
            }],
        },
    }
}

/// The object that sends this share of requests to the app on PostgreSQL, in percent.
pub(super) fn object(settings: &Settings, postgres_percent: u8) -> Object {
    Object::new(&route(settings, postgres_percent), &[])
}

/// The YAML of the HTTPRoute that sends this share of requests to the app on PostgreSQL, in percent; more than 100 is 100. It names no
/// namespace.
#[must_use]
pub fn route_text(settings: &Settings, postgres_percent: u8) -> String {
    yaml::document(&route(settings, postgres_percent), &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Topology;

    #[test]
    fn the_weights_are_always_100() {
        let image = || "app:1".parse().unwrap();
        let settings = Settings::new(Topology::Managed, &"shop".parse().unwrap(), image(), image()).unwrap();
        for (percent, expected) in [(0, (100, 0)), (10, (90, 10)), (100, (0, 100)), (255, (0, 100))] {
            let route = route(&settings, percent);
            let [sqlite, postgres] = route.spec.rules[0].backend_refs.as_slice() else {
                panic!("two backends")
            };
            assert_eq!((sqlite.name.as_str(), postgres.name.as_str()), ("shop-sqlite", "shop"));
            assert_eq!((sqlite.weight, postgres.weight), expected);
        }
    }
}
