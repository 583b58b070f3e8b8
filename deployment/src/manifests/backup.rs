//! Nightly dumps of PostgreSQL, and the Job that restores one.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, Job, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar, PodSpec, PodTemplateSpec};

use super::database::{APP_ROLE, DATABASE_NAME, KEY_ADMIN_PASSWORD, KEY_PASSWORD, POSTGRES_PORT};
use super::pods::{
    Resources, Size, claim, claimed, container, mount, pod, read_only_mount, scratch, scripts,
    secret_variable, variable,
};
use super::{Object, metadata, postgres};
use crate::names::Component;
use crate::settings::Settings;

/// The script that dumps.
pub(crate) const BACKUP: &str = include_str!("../scripts/backup.sh");
/// The script that restores.
pub(crate) const RESTORE: &str = include_str!("../scripts/restore.sh");

/// Every night, in UTC.
const SCHEDULE: &str = "17 2 * * *";
/// Dumps that are kept: two weeks.
const KEPT: &str = "14";
/// As large as the volume of PostgreSQL: dumps are compressed.
const VOLUME_SIZE: &str = "20Gi";
/// Seconds until a dump is given up.
const DEADLINE_SECONDS: i64 = 6 * 3600;

const RESOURCES: Resources =
    Resources { requests: Size { cpu: "100m", memory: "128Mi" }, limits: Size { cpu: "1", memory: "512Mi" } };

/// The database into which a dump is restored.
const RESTORED: &str = "hyperpage_restored";

/// The CronJob, its scripts and its volume.
pub(super) fn objects(settings: &Settings) -> Vec<Object> {
    let name = settings.names().backup();
    let files = [("backup.sh", BACKUP), ("restore.sh", RESTORE)];
    let map = ConfigMap {
        metadata: metadata::named(settings, &name, Component::Backup),
        data: Some(
            files
                .into_iter()
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .collect::<BTreeMap<_, _>>(),
        ),
        ..Default::default()
    };
    vec![
        Object::new(&cron_job(settings), &[]),
        Object::new(&map, &[]),
        Object::new(&claim(settings, &name, Component::Backup, VOLUME_SIZE), &[]),
    ]
}

/// The Job that restores.
pub(super) fn restore_objects(settings: &Settings) -> Vec<Object> {
    let own = [
        variable("RESTORE_DATABASE", RESTORED),
        variable("APP_ROLE", APP_ROLE),
        variable("RESTORE_DUMP", ""),
    ];
    let spec =
        pod_spec(settings, "restore", "/scripts/restore.sh", "postgres", KEY_ADMIN_PASSWORD, own.to_vec());
    let job = Job {
        metadata: metadata::named(settings, settings.names().restore(), Component::Backup),
        spec: Some(JobSpec {
            backoff_limit: Some(0),
            active_deadline_seconds: Some(DEADLINE_SECONDS),
            template: PodTemplateSpec {
                metadata: Some(metadata::of_a_pod(settings, Component::Backup)),
                spec: Some(spec),
            },
            ..Default::default()
        }),
        status: None,
    };
    vec![Object::new(&job, &["Without a value, RESTORE_DUMP is the newest dump."])]
}

fn cron_job(settings: &Settings) -> CronJob {
    let own = vec![variable("BACKUP_KEEP", KEPT)];
    let spec = pod_spec(settings, "backup", "/scripts/backup.sh", APP_ROLE, KEY_PASSWORD, own);
    let job = JobSpec {
        backoff_limit: Some(2),
        active_deadline_seconds: Some(DEADLINE_SECONDS),
        ttl_seconds_after_finished: Some(7 * 24 * 3600),
        template: PodTemplateSpec {
            metadata: Some(metadata::of_a_pod(settings, Component::Backup)),
            spec: Some(spec),
        },
        ..Default::default()
    };
    CronJob {
        metadata: metadata::named(settings, settings.names().backup(), Component::Backup),
        spec: Some(CronJobSpec {
            concurrency_policy: Some("Forbid".to_owned()),
            failed_jobs_history_limit: Some(3),
            job_template: JobTemplateSpec { metadata: None, spec: Some(job) },
            schedule: SCHEDULE.to_owned(),
            starting_deadline_seconds: Some(3600),
            successful_jobs_history_limit: Some(3),
            suspend: None,
            time_zone: Some("Etc/UTC".to_owned()),
        }),
        status: None,
    }
}

/// A pod that runs a script as this role.
fn pod_spec(
    settings: &Settings,
    name: &str,
    script: &str,
    role: &str,
    key: &str,
    own: Vec<EnvVar>,
) -> PodSpec {
    let mut env = vec![
        variable("PGHOST", settings.names().postgres()),
        variable("PGPORT", POSTGRES_PORT.to_string()),
        variable("PGDATABASE", DATABASE_NAME),
        variable("PGUSER", role),
        secret_variable("PGPASSWORD", settings.secret.as_str(), key),
        variable("BACKUP_DIR", "/backups"),
    ];
    env.extend(own);
    let container = Container {
        command: Some(vec!["/bin/sh".to_owned(), script.to_owned()]),
        env: Some(env),
        volume_mounts: Some(vec![
            mount("backups", "/backups"),
            mount("tmp", "/tmp"),
            read_only_mount("scripts", "/scripts"),
        ]),
        ..container(name, settings.postgres_image.as_str(), RESOURCES)
    };
    let backup = settings.names().backup();
    let volumes =
        vec![claimed("backups", &backup, false), scratch("tmp", "64Mi"), scripts("scripts", &backup)];
    PodSpec { restart_policy: Some("Never".to_owned()), ..pod(postgres::USER_ID, vec![container], volumes) }
}
