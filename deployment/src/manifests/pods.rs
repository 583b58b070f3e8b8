//! What all pods have in common: an account without rights, resources, probes and volumes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapEnvSource, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvFromSource,
    EnvVar, EnvVarSource, ExecAction, HTTPGetAction, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, Probe, ResourceRequirements,
    SeccompProfile, SecretKeySelector, SecurityContext, Volume, VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata;
use crate::names::Component;
use crate::settings::Settings;

/// Processor time and memory, in the notation of Kubernetes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) cpu: &'static str,
    pub(crate) memory: &'static str,
}

/// What a container is given, and the most that it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources {
    pub(crate) requests: Size,
    pub(crate) limits: Size,
}

impl Resources {
    /// As the object of a container.
    pub(crate) fn requirements(self) -> ResourceRequirements {
        let of = |size: Size| {
            let quantity = |text: &str| Quantity(text.to_owned());
            Some(BTreeMap::from([
                ("cpu".to_owned(), quantity(size.cpu)),
                ("memory".to_owned(), quantity(size.memory)),
            ]))
        };
        ResourceRequirements { requests: of(self.requests), limits: of(self.limits), claims: None }
    }
}

/// A container without rights.
pub(super) fn container(name: &str, image: &str, resources: Resources) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        resources: Some(resources.requirements()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            privileged: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A pod of this account, whose volumes belong to its group.
pub(super) fn pod(user_id: u32, containers: Vec<Container>, volumes: Vec<Volume>) -> PodSpec {
    let id = Some(i64::from(user_id));
    PodSpec {
        automount_service_account_token: Some(false),
        containers,
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            fs_group: id,
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            run_as_group: id,
            run_as_non_root: Some(true),
            run_as_user: id,
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..Default::default()
        }),
        volumes: Some(volumes),
        ..Default::default()
    }
}

/// Asks a path of the port with this name.
pub(super) fn http_probe(path: &str, port: &str, period_seconds: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(port.to_owned()),
            ..Default::default()
        }),
        period_seconds: Some(period_seconds),
        // Readiness answers within two seconds, whatever the database does.
        timeout_seconds: Some(3),
        failure_threshold: Some(failures),
        ..Default::default()
    }
}

/// Runs a command in the container.
pub(super) fn exec_probe(command: &[&str], period_seconds: i32, failures: i32) -> Probe {
    Probe {
        exec: Some(ExecAction { command: Some(command.iter().map(|&part| part.to_owned()).collect()) }),
        period_seconds: Some(period_seconds),
        timeout_seconds: Some(5),
        failure_threshold: Some(failures),
        ..Default::default()
    }
}

/// A folder that goes with the pod, with its greatest size.
pub(super) fn scratch(name: &str, size: &str) -> Volume {
    let source = EmptyDirVolumeSource { size_limit: Some(Quantity(size.to_owned())), medium: None };
    Volume { name: name.to_owned(), empty_dir: Some(source), ..Default::default() }
}

/// The volume of a claim.
pub(super) fn claimed(name: &str, claim: &str, is_read_only: bool) -> Volume {
    let source = PersistentVolumeClaimVolumeSource {
        claim_name: claim.to_owned(),
        read_only: is_read_only.then_some(true),
    };
    Volume { name: name.to_owned(), persistent_volume_claim: Some(source), ..Default::default() }
}

/// The files of a ConfigMap, which may be executed.
pub(super) fn scripts(name: &str, config_map: &str) -> Volume {
    let source = ConfigMapVolumeSource {
        name: config_map.to_owned(),
        default_mode: Some(0o555),
        ..Default::default()
    };
    Volume { name: name.to_owned(), config_map: Some(source), ..Default::default() }
}

/// Mounts a volume.
pub(super) fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), ..Default::default() }
}

/// Mounts a volume for reading.
pub(super) fn read_only_mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { read_only: Some(true), ..mount(name, path) }
}

/// A claim that one node may use at a time.
pub(super) fn claim(
    settings: &Settings,
    name: &str,
    component: Component,
    size: &str,
) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: metadata::named(settings, name, component),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), Quantity(size.to_owned()))])),
                limits: None,
            }),
            ..Default::default()
        }),
        status: None,
    }
}

/// A variable with a value.
pub(super) fn variable(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.into()), value_from: None }
}

/// A variable whose value is in a Secret.
pub(super) fn secret_variable(name: &str, secret: &str, key: &str) -> EnvVar {
    let reference = SecretKeySelector { name: secret.to_owned(), key: key.to_owned(), optional: Some(false) };
    let source = EnvVarSource { secret_key_ref: Some(reference), ..Default::default() };
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}

/// The variables of a ConfigMap.
pub(super) fn variables_of(config_map: &str) -> EnvFromSource {
    let source = ConfigMapEnvSource { name: config_map.to_owned(), optional: Some(false) };
    EnvFromSource { config_map_ref: Some(source), ..Default::default() }
}
