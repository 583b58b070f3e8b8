//! A Compose file for a developer's machine: PostgreSQL, the app, and the migration on request.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::manifests::database::{APP_ROLE, DATABASE_NAME};
use crate::manifests::postgres::CREATE_DATABASE;
use crate::settings::Settings;
use crate::yaml;

#[derive(Serialize)]
struct Compose {
    name: String,
    services: BTreeMap<&'static str, Service>,
    configs: BTreeMap<&'static str, Config>,
    volumes: BTreeMap<&'static str, Empty>,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Config {
    content: String,
}

#[derive(Serialize, Default)]
struct Service {
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    read_only: bool,
    cap_drop: Vec<&'static str>,
    security_opt: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    command: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profiles: Vec<&'static str>,
    environment: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    configs: Vec<MountedConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<String>,
    tmpfs: Vec<&'static str>,
    mem_limit: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    depends_on: BTreeMap<&'static str, Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<Healthcheck>,
}

#[derive(Serialize)]
struct MountedConfig {
    source: &'static str,
    target: &'static str,
    mode: u32,
}

#[derive(Serialize)]
struct Condition {
    condition: &'static str,
}

#[derive(Serialize)]
struct Healthcheck {
    test: Vec<&'static str>,
    interval: &'static str,
    timeout: &'static str,
    retries: u32,
}

/// A password that Compose asks for: it is in the environment, or in a file `.env` that is not written here.
fn asked(name: &str) -> String {
    format!("${{{name}:?set it in the environment or in .env}}")
}

fn service(image: &str) -> Service {
    Service {
        image: image.to_owned(),
        read_only: true,
        cap_drop: vec!["ALL"],
        security_opt: vec!["no-new-privileges:true"],
        tmpfs: vec!["/tmp"],
        mem_limit: "1g",
        ..Default::default()
    }
}

fn connection() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("POSTGRES_HOST", "postgres".to_owned()),
        ("POSTGRES_PORT", "5432".to_owned()),
        ("POSTGRES_DB", DATABASE_NAME.to_owned()),
        ("POSTGRES_USER", APP_ROLE.to_owned()),
        ("POSTGRES_PASSWORD", asked("POSTGRES_PASSWORD")),
    ])
}

fn postgres(settings: &Settings) -> Service {
    Service {
        user: Some("999:999".to_owned()),
        environment: BTreeMap::from([
            ("POSTGRES_USER", "postgres".to_owned()),
            ("POSTGRES_DB", "postgres".to_owned()),
            ("POSTGRES_PASSWORD", asked("POSTGRES_ADMIN_PASSWORD")),
            (
                "POSTGRES_INITDB_ARGS",
                "--encoding=UTF8 --locale=C.UTF-8 --data-checksums --auth-host=scram-sha-256".to_owned(),
            ),
            ("APP_ROLE", APP_ROLE.to_owned()),
            ("APP_DATABASE", DATABASE_NAME.to_owned()),
            ("APP_PASSWORD", asked("POSTGRES_PASSWORD")),
        ]),
        configs: vec![MountedConfig {
            source: "create-database",
            target: "/docker-entrypoint-initdb.d/create-database.sh",
            mode: 0o555,
        }],
        ports: vec!["127.0.0.1:5432:5432".to_owned()],
        volumes: vec!["postgres:/var/lib/postgresql/data".to_owned()],
        tmpfs: vec!["/tmp", "/var/run/postgresql:uid=999,gid=999"],
        healthcheck: Some(Healthcheck {
            test: vec![
                "CMD",
                "pg_isready",
                "--host",
                "127.0.0.1",
                "--username",
                "postgres",
                "--dbname",
                "postgres",
            ],
            interval: "5s",
            timeout: "5s",
            retries: 30,
        }),
        ..service(settings.postgres_image.as_str())
    }
}

/// Returns the Compose file.
pub(crate) fn text(settings: &Settings) -> String {
    let user = format!("{0}:{0}", settings.user_id);
    let port = settings.port;
    let after_postgres = || BTreeMap::from([("postgres", Condition { condition: "service_healthy" })]);
    let mut environment = connection();
    environment.extend([
        ("NODE_ENV", "production".to_owned()),
        ("HOSTNAME", "0.0.0.0".to_owned()),
        ("PORT", port.to_string()),
        ("OAUTH_ENCRYPTION_KEY", "${OAUTH_ENCRYPTION_KEY:-}".to_owned()),
    ]);
    let app = Service {
        user: Some(user.clone()),
        environment,
        ports: vec![format!("127.0.0.1:{port}:{port}")],
        tmpfs: vec!["/tmp", "/app/.next/cache"],
        depends_on: after_postgres(),
        ..service(settings.image.as_str())
    };
    let file = format!("/sqlite{}", settings.sqlite.file);
    let migrate = Service {
        user: Some(user),
        command: ["xtask", "migrate", "--sqlite", &file].map(str::to_owned).to_vec(),
        profiles: vec!["migration"],
        environment: connection(),
        volumes: vec!["${SQLITE_FOLDER:-./data}:/sqlite:ro".to_owned(), "work:/work".to_owned()],
        depends_on: after_postgres(),
        ..service(settings.tool_image.as_str())
    };
    let compose = Compose {
        name: settings.app.to_string(),
        services: BTreeMap::from([("app", app), ("migrate", migrate), ("postgres", postgres(settings))]),
        // Compose would replace `$NAME`.
        configs: BTreeMap::from([(
            "create-database",
            Config { content: CREATE_DATABASE.replace('$', "$$") },
        )]),
        volumes: BTreeMap::from([("postgres", Empty {}), ("work", Empty {})]),
    };
    yaml::document(
        &compose,
        &[
            "For a developer's machine. POSTGRES_PASSWORD and POSTGRES_ADMIN_PASSWORD come from the environment or from .env.",
            "docker compose run --rm migrate    moves the SQLite file in SQLITE_FOLDER; docker compose up app    starts the app.",
        ],
    )
}
