//! The Jobs that run this program: the migration, which cannot write to the SQLite volume, and the cutover, which sets the fence there.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};

use super::pods::{
    Resources, Size, claim, claimed, container, mount, pod, read_only_mount, scratch, variables_of,
};
use super::{Object, database, metadata};
use crate::names::Component;
use crate::settings::Settings;

/// The volume for sealed copies, which are as large as the SQLite file, rejects and plans.
const VOLUME_SIZE: &str = "20Gi";
/// Where it is mounted: the working directory, in which the program keeps its folders.
const WORK: &str = "/work";
/// Where the SQLite volume is mounted.
const SQLITE: &str = "/sqlite";
/// Seconds for the statements that are under way when a pod ends.
const GRACE_SECONDS: i64 = 60;

const RESOURCES: Resources =
    Resources { requests: Size { cpu: "500m", memory: "512Mi" }, limits: Size { cpu: "2", memory: "1Gi" } };

/// The Job that migrates, and the volume that both Jobs work in.
pub(super) fn objects(settings: &Settings) -> Vec<Object> {
    let name = settings.names().migration();
    let file = sqlite_file(settings);
    let command = ["xtask", "migrate", "--sqlite", &file];
    vec![
        Object::new(
            &job(settings, &name, &command, true),
            &[
                "The SQLite volume is mounted read-only. A volume that one node may use at a time needs this pod on the node of the app.",
                "A Job that was interrupted resumes: delete it and apply it again.",
            ],
        ),
        Object::new(
            &claim(settings, &name, Component::Migration, VOLUME_SIZE),
            &["Keep it until `cleanup`: `validate` and `rollback` read the sealed copies in it."],
        ),
    ]
}

/// The Job that cuts over.
pub(super) fn cutover(settings: &Settings) -> Object {
    // The ledger knows the file, by the path that the migration's Job has for it.
    let command = ["xtask", "cutover", "--fence", "--yes"];
    Object::new(&job(settings, &settings.names().cutover(), &command, false), &[])
}

fn sqlite_file(settings: &Settings) -> String {
    format!("{SQLITE}{}", settings.sqlite.file)
}

fn job(settings: &Settings, name: &str, command: &[&str], is_read_only: bool) -> Job {
    let sqlite = if is_read_only { read_only_mount("sqlite", SQLITE) } else { mount("sqlite", SQLITE) };
    let container = Container {
        command: Some(command.iter().map(|&part| part.to_owned()).collect()),
        env: Some(database::secret_variables(settings)),
        env_from: Some(vec![variables_of(&settings.names().config())]),
        working_dir: Some(WORK.to_owned()),
        volume_mounts: Some(vec![sqlite, mount("work", WORK), mount("tmp", "/tmp")]),
        ..container("xtask", settings.tool_image.as_str(), RESOURCES)
    };
    let volumes = vec![
        claimed("sqlite", settings.sqlite.claim.as_str(), is_read_only),
        claimed("work", &settings.names().migration(), false),
        scratch("tmp", "1Gi"),
    ];
    let spec = PodSpec {
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        ..pod(settings.user_id, vec![container], volumes)
    };
    Job {
        metadata: metadata::named(settings, name, Component::Migration),
        spec: Some(JobSpec {
            // A person reads the reason first.
            backoff_limit: Some(0),
            template: PodTemplateSpec {
                metadata: Some(metadata::of_a_pod(settings, Component::Migration)),
                spec: Some(spec),
            },
            ..Default::default()
        }),
        status: None,
    }
}
