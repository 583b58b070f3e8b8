//! PostgreSQL in the cluster: a StatefulSet with its headless Service, or a container in the app's pod.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, ContainerPort, EmptyDirVolumeSource, EnvVar, PodTemplateSpec, Probe, Service,
    ServicePort, ServiceSpec, Volume,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::database::{APP_ROLE, DATABASE_NAME, KEY_ADMIN_PASSWORD, KEY_PASSWORD, POSTGRES_PORT};
use super::pods::{
    Resources, Size, claim, claimed, container, exec_probe, mount, pod, read_only_mount, scratch, scripts,
    secret_variable, variable,
};
use super::{Object, metadata};
use crate::names::Component;
use crate::settings::Settings;

/// The account `postgres` of the official image that Debian is the base of.
pub(super) const USER_ID: u32 = 999;

/// The size of the volume that the plan asks for.
const VOLUME_SIZE: &str = "20Gi";

/// Seconds until PostgreSQL is killed: it writes a checkpoint first.
pub(super) const GRACE_SECONDS: i64 = 120;

/// The volume with the data.
const DATA: &str = "data";

/// The plan's floor for memory and processor time.
pub(crate) const RESOURCES: Resources =
    Resources { requests: Size { cpu: "100m", memory: "512Mi" }, limits: Size { cpu: "1", memory: "1Gi" } };

/// The script that creates the app's role and database when the cluster is created.
pub(crate) const CREATE_DATABASE: &str = include_str!("../scripts/create-database.sh");

/// The objects of a PostgreSQL that has a pod to itself.
pub(super) fn objects(settings: &Settings) -> Vec<Object> {
    vec![
        Object::new(&stateful_set(settings), &[]),
        Object::new(&service(settings, Component::Postgres), &[]),
        Object::new(&scripts_map(settings), &[]),
    ]
}

/// The objects of a PostgreSQL in the app's pod, apart from its container.
pub(super) fn objects_of_the_sidecar(settings: &Settings) -> Vec<Object> {
    vec![
        Object::new(
            &service(settings, Component::App),
            &["PostgreSQL is in the app's pod: it answers only while the app is deployed."],
        ),
        Object::new(&scripts_map(settings), &[]),
        Object::new(&claim(settings, &settings.names().postgres(), Component::Postgres, VOLUME_SIZE), &[]),
    ]
}

fn stateful_set(settings: &Settings) -> StatefulSet {
    let mut spec = pod(USER_ID, vec![container_of(settings)], volumes(settings, false));
    spec.termination_grace_period_seconds = Some(GRACE_SECONDS);
    let mut template = claim(settings, DATA, Component::Postgres, VOLUME_SIZE);
    template.metadata =
        ObjectMeta { labels: Some(metadata::selecting(settings, Component::Postgres)), ..template.metadata };
    StatefulSet {
        metadata: metadata::named(settings, settings.names().postgres(), Component::Postgres),
        spec: Some(StatefulSetSpec {
            replicas: Some(1),
            selector: metadata::selector(settings, Component::Postgres),
            service_name: Some(settings.names().postgres()),
            template: PodTemplateSpec {
                metadata: Some(metadata::of_a_pod(settings, Component::Postgres)),
                spec: Some(spec),
            },
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: None,
            }),
            volume_claim_templates: Some(vec![template]),
            ..Default::default()
        }),
        status: None,
    }
}

/// The container of PostgreSQL.
pub(super) fn container_of(settings: &Settings) -> Container {
    // By TCP: the server that the image starts while it creates the cluster listens on its socket only.
    let is_ready = |period_seconds, failures| -> Option<Probe> {
        let command = ["pg_isready", "--host", "127.0.0.1", "--username", "postgres", "--dbname", "postgres"];
        Some(exec_probe(&command, period_seconds, failures))
    };
    let mut container = container("postgres", settings.postgres_image.as_str(), RESOURCES);
    if let Some(context) = &mut container.security_context {
        context.run_as_user = Some(i64::from(USER_ID));
        context.run_as_group = Some(i64::from(USER_ID));
    }
    Container {
        args: Some(
            ["-c", "max_connections=100", "-c", "log_min_duration_statement=-1"].map(str::to_owned).to_vec(),
        ),
        env: Some(variables(settings)),
        ports: Some(vec![ContainerPort {
            name: Some("postgres".to_owned()),
            container_port: i32::from(POSTGRES_PORT),
            protocol: Some("TCP".to_owned()),
            ..Default::default()
        }]),
        // A recovery after a crash may take minutes, and must not be interrupted.
        startup_probe: is_ready(10, 180),
        liveness_probe: is_ready(10, 12),
        readiness_probe: is_ready(5, 3),
        volume_mounts: Some(vec![
            mount(DATA, "/var/lib/postgresql/data"),
            mount("socket", "/var/run/postgresql"),
            mount("postgres-tmp", "/tmp"),
            mount("shared-memory", "/dev/shm"),
            read_only_mount("create-database", "/docker-entrypoint-initdb.d"),
        ]),
        ..container
    }
}

fn variables(settings: &Settings) -> Vec<EnvVar> {
    let secret = settings.secret.as_str();
    vec![
        variable("PGDATA", "/var/lib/postgresql/data/pgdata"),
        variable("POSTGRES_USER", "postgres"),
        variable("POSTGRES_DB", "postgres"),
        variable(
            "POSTGRES_INITDB_ARGS",
            "--encoding=UTF8 --locale=C.UTF-8 --data-checksums --auth-host=scram-sha-256",
        ),
        variable("APP_ROLE", APP_ROLE),
        variable("APP_DATABASE", DATABASE_NAME),
        secret_variable("POSTGRES_PASSWORD", secret, KEY_ADMIN_PASSWORD),
        secret_variable("APP_PASSWORD", secret, KEY_PASSWORD),
    ]
}

/// The volumes of the container; that of the data is a claim of its own in a sidecar.
pub(super) fn volumes(settings: &Settings, is_sidecar: bool) -> Vec<Volume> {
    let shared_memory = EmptyDirVolumeSource {
        medium: Some("Memory".to_owned()),
        size_limit: Some(Quantity("128Mi".to_owned())),
    };
    let mut volumes = vec![
        scratch("socket", "1Mi"),
        scratch("postgres-tmp", "64Mi"),
        Volume { name: "shared-memory".to_owned(), empty_dir: Some(shared_memory), ..Default::default() },
        scripts("create-database", &settings.names().postgres()),
    ];
    if is_sidecar {
        volumes.push(claimed(DATA, &settings.names().postgres(), false));
    }
    volumes
}

/// The headless Service, with the pods of a component behind it.
fn service(settings: &Settings, component: Component) -> Service {
    Service {
        metadata: metadata::named(settings, settings.names().postgres(), Component::Postgres),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            ports: Some(vec![ServicePort {
                name: Some("postgres".to_owned()),
                port: i32::from(POSTGRES_PORT),
                target_port: Some(IntOrString::String("postgres".to_owned())),
                protocol: Some("TCP".to_owned()),
                ..Default::default()
            }]),
            // In a sidecar the app is ready only once it reaches PostgreSQL by this name.
            publish_not_ready_addresses: (component == Component::App).then_some(true),
            selector: Some(metadata::selecting(settings, component)),
            ..Default::default()
        }),
        status: None,
    }
}

fn scripts_map(settings: &Settings) -> ConfigMap {
    ConfigMap {
        metadata: metadata::named(settings, settings.names().postgres(), Component::Postgres),
        data: Some(BTreeMap::from([("create-database.sh".to_owned(), CREATE_DATABASE.to_owned())])),
        ..Default::default()
    }
}
