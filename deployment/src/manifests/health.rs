//! `health --serve` in a pod of its own: the metrics that the alert rules use.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, PodTemplateSpec, Service, ServicePort, ServiceSpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::pods::{Resources, Size, container, http_probe, mount, pod, scratch, variables_of};
use super::{Object, database, metadata};
use crate::names::Component;
use crate::settings::Settings;

/// The port of `health --serve`.
pub(crate) const PORT: u16 = 9187;
/// Its name.
pub(super) const PORT_NAME: &str = "health";

const RESOURCES: Resources = Resources {
    requests: Size { cpu: "20m", memory: "32Mi" },
    limits: Size { cpu: "200m", memory: "128Mi" },
};

/// The Deployment and its Service.
pub(super) fn objects(settings: &Settings) -> Vec<Object> {
    let remarks = &[
        "Serves the metrics that prometheus-rules.yaml uses. It is ready whenever it runs: that PostgreSQL is not is a metric.",
    ];
    vec![Object::new(&deployment(settings), remarks), Object::new(&service(settings), &[])]
}

fn deployment(settings: &Settings) -> Deployment {
    let address = format!("0.0.0.0:{PORT}");
    let container = Container {
        command: Some(["xtask", "health", "--serve", &address, "--public"].map(str::to_owned).to_vec()),
        env: Some(database::secret_variables(settings)),
        env_from: Some(vec![variables_of(&settings.names().config())]),
        ports: Some(vec![ContainerPort {
            name: Some(PORT_NAME.to_owned()),
            container_port: i32::from(PORT),
            protocol: Some("TCP".to_owned()),
            ..Default::default()
        }]),
        liveness_probe: Some(http_probe("/livez", PORT_NAME, 10, 3)),
        readiness_probe: Some(http_probe("/livez", PORT_NAME, 10, 3)),
        volume_mounts: Some(vec![mount("tmp", "/tmp")]),
        ..container("postgres-health", settings.tool_image.as_str(), RESOURCES)
    };
    let mut metadata_of_pod = metadata::of_a_pod(settings, Component::Health);
    metadata_of_pod.annotations = Some(BTreeMap::from([
        ("prometheus.io/scrape".to_owned(), "true".to_owned()),
        ("prometheus.io/port".to_owned(), PORT.to_string()),
        ("prometheus.io/path".to_owned(), "/metrics".to_owned()),
    ]));
    Deployment {
        metadata: metadata::named(settings, settings.names().health(), Component::Health),
        spec: Some(DeploymentSpec {
            replicas: Some(1),
            selector: metadata::selector(settings, Component::Health),
            template: PodTemplateSpec {
                metadata: Some(metadata_of_pod),
                spec: Some(pod(settings.user_id, vec![container], vec![scratch("tmp", "16Mi")])),
            },
            ..Default::default()
        }),
        status: None,
    }
}

fn service(settings: &Settings) -> Service {
    Service {
        metadata: metadata::named(settings, settings.names().health(), Component::Health),
        spec: Some(ServiceSpec {
            ports: Some(vec![ServicePort {
                name: Some(PORT_NAME.to_owned()),
                port: i32::from(PORT),
                target_port: Some(IntOrString::String(PORT_NAME.to_owned())),
                protocol: Some("TCP".to_owned()),
                ..Default::default()
            }]),
            selector: Some(metadata::selecting(settings, Component::Health)),
            type_: Some("ClusterIP".to_owned()),
            ..Default::default()
        }),
        status: None,
    }
}
