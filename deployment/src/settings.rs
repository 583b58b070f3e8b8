//! What is to be rendered. All values are checked; [`Settings::new`] and [`Settings::from_toml`] return nothing else.

use serde::{Deserialize, Serialize};

use crate::names::Names;
use crate::value::{AddressRange, AppName, ContainerPath, Image, Label, SecretKey};

/// The image of PostgreSQL, unless another one is named.
pub const POSTGRES_IMAGE: &str = "postgres:17.6-bookworm";

/// The oldest PostgreSQL that the migration supports.
const POSTGRES_MAJOR_MIN: u32 = 15;

/// Where PostgreSQL runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// Outside of the cluster, run by somebody else.
    Managed,
    /// In the cluster, with a volume of its own and nightly dumps.
    StatefulSet,
    /// In the app's pod. Not for production.
    Sidecar,
}

/// An overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A cluster on a developer's machine.
    Local,
    /// A cluster for tests.
    Test,
    /// Production.
    Production,
}

impl Environment {
    /// All of them.
    pub const ALL: [Environment; 3] = [Environment::Local, Environment::Test, Environment::Production];

    /// The name of its overlay.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Environment::Local => "local",
            Environment::Test => "test",
            Environment::Production => "production",
        }
    }
}

/// Where the Secret with PostgreSQL's password or URL comes from. Its content is never in a file that is rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// Somebody has created it.
    Existing,
    /// The External Secrets Operator creates it.
    External {
        /// The name of a ClusterSecretStore.
        store: Label,
        /// The key of the entry in the store.
        entry: SecretKey,
    },
}

/// The app on SQLite, whose objects are the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SqliteApp {
    /// Its Deployment.
    pub deployment: Label,
    /// Its Service.
    pub service: Label,
    /// The claim of the volume with the SQLite file.
    pub claim: Label,
    /// The path of the file within the volume, with a leading slash.
    pub file: ContainerPath,
}

/// What is to be rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Where PostgreSQL runs.
    pub topology: Topology,
    /// The app's name, from which those of its objects follow.
    pub app: AppName,
    /// The namespace in production; the others have the overlay's name appended.
    pub namespace: AppName,
    /// The overlays, in order.
    pub environments: Vec<Environment>,
    /// The app's image.
    pub image: Image,
    /// The image of this program.
    pub tool_image: Image,
    /// PostgreSQL's image.
    pub postgres_image: Image,
    /// The port on which the app listens.
    pub port: u16,
    /// The account that the app and this program run as: it must be able to read the SQLite file.
    pub user_id: u32,
    /// The Secret with PostgreSQL's password or URL.
    pub secret: Label,
    /// Where PostgreSQL listens outside of the cluster; if it is empty, at any address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub database_ranges: Vec<AddressRange>,
    /// The port there.
    pub database_port: u16,
    /// The Gateway that the HTTPRoute belongs to.
    pub gateway: Label,
    /// Where the Secret comes from.
    pub secret_source: SecretSource,
    /// The app on SQLite.
    pub sqlite: SqliteApp,
}

/// Why settings are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A sidecar loses its data with its pod's volume, and cannot be updated without a pause.
    #[error(
        "PostgreSQL in a sidecar is not for production: every new version of the app stops it, and it can have one pod only"
    )]
    SidecarInProduction,
    /// There is no such port.
    #[error(
        "a port must be between 1 and 65535, and the app's between 1024 and 65535, since it does not run as root"
    )]
    Port,
    /// Root.
    #[error("the account must not be root")]
    Root,
    /// Two objects of the app would have one name.
    #[error(
        "the app on SQLite keeps its own Deployment and Service, so that it can be switched back to: their name must not be `{name}`, the name of the new ones"
    )]
    SameName {
        /// The name.
        name: String,
    },
    /// It is a PostgreSQL that the migration does not support.
    #[error("PostgreSQL {major} is too old: 15 or later is needed")]
    OldPostgres {
        /// Its major version.
        major: u32,
    },
    /// An image of Alpine Linux.
    #[error(
        "an image of Alpine Linux has another account, and tools that the scripts for dumps do not work with; name one of Debian, such as {POSTGRES_IMAGE}"
    )]
    AlpinePostgres,
    /// No overlay is asked for.
    #[error("no environment is named")]
    NoEnvironment,
    /// A file of settings cannot be read.
    #[error("deployment.toml cannot be read: {0}")]
    Unreadable(String),
}

impl Settings {
    /// Settings with defaults for all that is not named here.
    ///
    /// # Errors
    /// Never for valid names; the defaults are checked like any other value.
    pub fn new(
        topology: Topology,
        app: &AppName,
        image: Image,
        tool_image: Image,
    ) -> Result<Settings, crate::value::ValueError> {
        let names = Names::new(app.as_str());
        Ok(Settings {
            topology,
            app: app.clone(),
            namespace: app.clone(),
            environments: Environment::ALL
                .into_iter()
                .filter(|environment| {
                    topology != Topology::Sidecar || *environment != Environment::Production
                })
                .collect(),
            image,
            tool_image,
            postgres_image: POSTGRES_IMAGE.parse()?,
            port: 3000,
            user_id: 1000,
            secret: names.secret().parse()?,
            database_ranges: Vec::new(),
            database_port: 5432,
            gateway: names.app().parse()?,
            secret_source: SecretSource::Existing,
            sqlite: SqliteApp {
                deployment: names.sqlite_app().parse()?,
                service: names.sqlite_app().parse()?,
                claim: names.sqlite_claim().parse()?,
                file: "/hyperpage.db".parse()?,
            },
        })
    }

    /// Checks what concerns several values.
    ///
    /// # Errors
    /// When they contradict each other.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.environments.is_empty() {
            return Err(SettingsError::NoEnvironment);
        }
        if self.topology == Topology::Sidecar && self.environments.contains(&Environment::Production) {
            return Err(SettingsError::SidecarInProduction);
        }
        if self.port < 1024 || self.database_port == 0 {
            return Err(SettingsError::Port);
        }
        if self.user_id == 0 {
            return Err(SettingsError::Root);
        }
        check_postgres(&self.postgres_image)?;
        let app = self.names().app();
        let is_same = |name: &&Label| name.as_str() == app;
        match [&self.sqlite.deployment, &self.sqlite.service].into_iter().find(is_same) {
            Some(_) => Err(SettingsError::SameName { name: app }),
            None => Ok(()),
        }
    }

    /// Reads the `deployment.toml` of a rendered folder.
    ///
    /// # Errors
    /// When it is no such file, or a value in it is refused.
    pub fn from_toml(text: &str) -> Result<Settings, SettingsError> {
        let settings: Settings =
            toml::from_str(text).map_err(|error| SettingsError::Unreadable(error.message().to_owned()))?;
        settings.check()?;
        Ok(settings)
    }

    /// The names of the app's objects.
    #[must_use]
    pub fn names(&self) -> Names {
        Names::new(self.app.as_str())
    }

    /// The namespace of an overlay.
    #[must_use]
    pub fn namespace_of(&self, environment: Environment) -> String {
        match environment {
            Environment::Production => self.namespace.to_string(),
            other => format!("{}-{}", self.namespace, other.name()),
        }
    }

    /// Whether PostgreSQL runs in the cluster.
    #[must_use]
    pub fn has_own_postgres(&self) -> bool {
        self.topology != Topology::Managed
    }
}

/// Checks what the tag of an image says of its PostgreSQL. Another tag, or a digest, is believed.
fn check_postgres(image: &Image) -> Result<(), SettingsError> {
    let tag = image.tag().unwrap_or_default();
    if tag.contains("alpine") {
        return Err(SettingsError::AlpinePostgres);
    }
    let number = tag.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    match number.parse() {
        Ok(major) if major < POSTGRES_MAJOR_MIN => Err(SettingsError::OldPostgres { major }),
        _ => Ok(()),
    }
}
