//! Who may reach whom. PostgreSQL is reached by the app, the migration, the dumps and the health checks, and by nobody else.

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::database::POSTGRES_PORT;
use super::{Object, health, metadata};
use crate::names::Component;
use crate::settings::{Settings, Topology};

/// Whoever may reach PostgreSQL.
pub(crate) fn clients(topology: Topology) -> &'static [Component] {
    match topology {
        Topology::StatefulSet => {
            &[Component::App, Component::Migration, Component::Health, Component::Backup]
        }
        Topology::Managed | Topology::Sidecar => &[Component::App, Component::Migration, Component::Health],
    }
}

fn tcp(port: u16) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(i32::from(port))),
        protocol: Some("TCP".to_owned()),
        end_port: None,
    }
}

/// The names of Services are resolved by whatever pod of the cluster does so.
fn name_resolution() -> NetworkPolicyEgressRule {
    let udp = NetworkPolicyPort { protocol: Some("UDP".to_owned()), ..tcp(53) };
    NetworkPolicyEgressRule { ports: Some(vec![udp, tcp(53)]), to: None }
}

/// The way to PostgreSQL.
fn to_postgres(settings: &Settings) -> NetworkPolicyEgressRule {
    let component = match settings.topology {
        Topology::Managed => {
            let of = |cidr: String| NetworkPolicyPeer {
                ip_block: Some(IPBlock { cidr, except: None }),
                ..Default::default()
            };
            let peers: Vec<_> = settings.database_ranges.iter().map(|range| of(range.to_string())).collect();
            let to = (!peers.is_empty()).then_some(peers);
            return NetworkPolicyEgressRule { ports: Some(vec![tcp(settings.database_port)]), to };
        }
        Topology::StatefulSet => Component::Postgres,
        Topology::Sidecar => Component::App,
    };
    let peer = NetworkPolicyPeer {
        pod_selector: Some(metadata::selector(settings, component)),
        ..Default::default()
    };
    NetworkPolicyEgressRule { ports: Some(vec![tcp(POSTGRES_PORT)]), to: Some(vec![peer]) }
}

/// Lets the clients of PostgreSQL reach it.
fn from_clients(settings: &Settings) -> NetworkPolicyIngressRule {
    let of = |&component: &Component| NetworkPolicyPeer {
        pod_selector: Some(metadata::selector(settings, component)),
        ..Default::default()
    };
    NetworkPolicyIngressRule {
        from: Some(clients(settings.topology).iter().map(of).collect()),
        ports: Some(vec![tcp(POSTGRES_PORT)]),
    }
}

fn policy(
    settings: &Settings,
    name: String,
    component: Component,
    ingress: Vec<NetworkPolicyIngressRule>,
    egress: Vec<NetworkPolicyEgressRule>,
) -> NetworkPolicy {
    NetworkPolicy {
        metadata: metadata::named(settings, name, component),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(metadata::selector(settings, component)),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            // Nothing is permitted that is not listed.
            ingress: Some(ingress),
            egress: Some(egress),
        }),
    }
}

/// The policies of PostgreSQL and of all its clients but the app.
pub(super) fn of_the_database(settings: &Settings) -> Vec<Object> {
    let names = settings.names();
    let any_namespace =
        NetworkPolicyPeer { namespace_selector: Some(LabelSelector::default()), ..Default::default() };
    let scrapes =
        NetworkPolicyIngressRule { from: Some(vec![any_namespace]), ports: Some(vec![tcp(health::PORT)]) };
    let client_rules = || vec![name_resolution(), to_postgres(settings)];
    let mut policies = vec![
        policy(settings, names.migration(), Component::Migration, vec![], client_rules()),
        policy(settings, names.health(), Component::Health, vec![scrapes], client_rules()),
    ];
    if settings.topology == Topology::StatefulSet {
        policies.push(policy(
            settings,
            names.postgres(),
            Component::Postgres,
            vec![from_clients(settings)],
            vec![],
        ));
        policies.push(policy(settings, names.backup(), Component::Backup, vec![], client_rules()));
    }
    policies.iter().map(|policy| Object::new(policy, &[])).collect()
}

/// The policy of the app: requests come in, and it reaches PostgreSQL and other services by HTTPS.
pub(super) fn of_the_app(settings: &Settings) -> Object {
    let requests = NetworkPolicyIngressRule { from: None, ports: Some(vec![tcp(settings.port)]) };
    let mut ingress = vec![requests];
    if settings.topology == Topology::Sidecar {
        ingress.push(from_clients(settings));
    }
    let https = NetworkPolicyEgressRule { ports: Some(vec![tcp(443)]), to: None };
    let egress = vec![name_resolution(), to_postgres(settings), https];
    Object::new(&policy(settings, settings.names().app(), Component::App, ingress, egress), &[])
}
