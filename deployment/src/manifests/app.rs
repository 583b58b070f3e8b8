//! The app on PostgreSQL: Deployment, Service and PodDisruptionBudget.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvFromSource, Lifecycle, LifecycleHandler, PodTemplateSpec, SecretEnvSource,
    Service, ServicePort, ServiceSpec, SleepAction, TopologySpreadConstraint,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::pods::{Resources, Size, container, http_probe, mount, pod, scratch, variable, variables_of};
use super::{Object, database, metadata, postgres};
use crate::names::Component;
use crate::settings::{Settings, Topology};

/// The name of the app's port.
pub(super) const PORT_NAME: &str = "http";

/// Seconds for which a pod that is about to end goes on answering, until nobody sends it requests any more.
const PRE_STOP_SECONDS: i64 = 10;

/// Seconds until a pod is killed: `PRE_STOP_SECONDS`, ten for requests and the pool, and as many in reserve.
const GRACE_SECONDS: i64 = 30;

const RESOURCES: Resources =
    Resources { requests: Size { cpu: "100m", memory: "256Mi" }, limits: Size { cpu: "1", memory: "512Mi" } };

/// The objects of the app.
pub(super) fn objects(settings: &Settings) -> Vec<Object> {
    let is_sidecar = settings.topology == Topology::Sidecar;
    let remarks: &[&str] = if is_sidecar {
        &["NOT FOR PRODUCTION: PostgreSQL runs in the app's pod, and stops with it."]
    } else {
        &[]
    };
    let mut objects = vec![Object::new(&deployment(settings), remarks), Object::new(&service(settings), &[])];
    // A single pod with a budget could never leave its node.
    if !is_sidecar {
        objects.push(Object::new(&disruption_budget(settings), &[]));
    }
    objects
}

fn deployment(settings: &Settings) -> Deployment {
    let is_sidecar = settings.topology == Topology::Sidecar;
    let mut containers = vec![app_container(settings)];
    let mut volumes = vec![scratch("tmp", "64Mi"), scratch("next-cache", "256Mi")];
    let strategy = if is_sidecar {
        // The volume belongs to one pod at a time.
        DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None }
    } else {
        DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(RollingUpdateDeployment {
                max_surge: Some(IntOrString::Int(1)),
                max_unavailable: Some(IntOrString::Int(0)),
            }),
        }
    };
    if is_sidecar {
        containers.push(postgres::container_of(settings));
        volumes.extend(postgres::volumes(settings, true));
    }
    let mut spec = pod(settings.user_id, containers, volumes);
    spec.termination_grace_period_seconds =
        Some(if is_sidecar { postgres::GRACE_SECONDS } else { GRACE_SECONDS });
    spec.topology_spread_constraints = (!is_sidecar).then(|| vec![spread(settings)]);
    let mut metadata = metadata::named(settings, settings.names().app(), Component::App);
    if is_sidecar {
        metadata.annotations =
            Some([("hyperpage.example/not-for-production".to_owned(), "true".to_owned())].into());
    }
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(1),
            revision_history_limit: Some(5),
            progress_deadline_seconds: Some(300),
            selector: metadata::selector(settings, Component::App),
            strategy: Some(strategy),
            template: PodTemplateSpec {
                metadata: Some(metadata::of_a_pod(settings, Component::App)),
                spec: Some(spec),
            },
            ..Default::default()
        }),
        status: None,
    }
}

fn app_container(settings: &Settings) -> Container {
    Container {
        ports: Some(vec![ContainerPort {
            name: Some(PORT_NAME.to_owned()),
            container_port: i32::from(settings.port),
            protocol: Some("TCP".to_owned()),
            ..Default::default()
        }]),
        env: Some(
            [
                variable("NODE_ENV", "production"),
                variable("HOSTNAME", "0.0.0.0"),
                variable("PORT", settings.port.to_string()),
            ]
            .into_iter()
            .chain(database::secret_variables(settings))
            .collect(),
        ),
        env_from: Some(vec![
            variables_of(&settings.names().config()),
            // The app's own secrets, such as OAUTH_ENCRYPTION_KEY.
            EnvFromSource {
                secret_ref: Some(SecretEnvSource { name: settings.names().app(), optional: Some(true) }),
                ..Default::default()
            },
        ]),
        startup_probe: Some(http_probe("/api/live", PORT_NAME, 2, 60)),
        liveness_probe: Some(http_probe("/api/live", PORT_NAME, 10, 3)),
        readiness_probe: Some(http_probe("/api/ready", PORT_NAME, 5, 3)),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction { seconds: PRE_STOP_SECONDS }),
                ..Default::default()
            }),
            ..Default::default()
        }),
        volume_mounts: Some(vec![mount("tmp", "/tmp"), mount("next-cache", "/app/.next/cache")]),
        ..container("app", settings.image.as_str(), RESOURCES)
    }
}

fn spread(settings: &Settings) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        label_selector: Some(metadata::selector(settings, Component::App)),
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        ..Default::default()
    }
}

fn service(settings: &Settings) -> Service {
    Service {
        metadata: metadata::named(settings, settings.names().app(), Component::App),
        spec: Some(ServiceSpec {
            ports: Some(vec![ServicePort {
                name: Some(PORT_NAME.to_owned()),
                port: 80,
                target_port: Some(IntOrString::String(PORT_NAME.to_owned())),
                protocol: Some("TCP".to_owned()),
                ..Default::default()
            }]),
            selector: Some(metadata::selecting(settings, Component::App)),
            type_: Some("ClusterIP".to_owned()),
            ..Default::default()
        }),
        status: None,
    }
}

fn disruption_budget(settings: &Settings) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata::named(settings, settings.names().app(), Component::App),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(metadata::selector(settings, Component::App)),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..Default::default()
        }),
        status: None,
    }
}
