//! The names of the objects in the cluster, which those who render manifests and those who change a running cluster share.

/// The label with the app's name that every object has.
pub const LABEL_PART_OF: &str = "app.kubernetes.io/part-of";

/// The label with an object's role within the app, one of [`Component`].
pub const LABEL_COMPONENT: &str = "app.kubernetes.io/component";

/// The label of the name of whatever runs in a pod.
pub const LABEL_NAME: &str = "app.kubernetes.io/name";

/// The label with the program that wrote an object.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The value of [`LABEL_MANAGED_BY`].
pub const MANAGED_BY: &str = "cargo-xtask-deploy";

/// The role of a pod within the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The app on PostgreSQL.
    App,
    /// PostgreSQL itself.
    Postgres,
    /// The Job that migrates, or cuts over.
    Migration,
    /// `health --serve`, which Prometheus scrapes.
    Health,
    /// The CronJob that dumps PostgreSQL.
    Backup,
}

impl Component {
    /// The value of [`LABEL_COMPONENT`].
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Component::App => "app",
            Component::Postgres => "postgres",
            Component::Migration => "migration",
            Component::Health => "postgres-health",
            Component::Backup => "postgres-backup",
        }
    }

    /// The value of [`LABEL_NAME`]: what runs in the pod.
    #[must_use]
    pub const fn program(self, app: &str) -> &str {
        match self {
            Component::App => app,
            Component::Postgres | Component::Backup => "postgres",
            Component::Migration | Component::Health => "xtask",
        }
    }
}

/// The names of the objects of one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    app: String,
}

impl Names {
    /// The names of the objects of `app`, which must be a valid label.
    #[must_use]
    pub fn new(app: &str) -> Names {
        Names { app: app.to_owned() }
    }

    /// The Deployment, its Service, its PodDisruptionBudget and the HTTPRoute of the app on PostgreSQL.
    #[must_use]
    pub fn app(&self) -> String {
        self.app.clone()
    }

    /// The Deployment and Service of the app on SQLite, unless the settings name others: these objects are the user's own.
    #[must_use]
    pub fn sqlite_app(&self) -> String {
        self.with("sqlite")
    }

    /// The claim of the volume with the SQLite file, unless the settings name another one: it is the user's own.
    #[must_use]
    pub fn sqlite_claim(&self) -> String {
        self.with("data")
    }

    /// The HTTPRoute with the weights of both Services.
    #[must_use]
    pub fn route(&self) -> String {
        self.app.clone()
    }

    /// The ConfigMap with the settings of connections.
    #[must_use]
    pub fn config(&self) -> String {
        self.with("database")
    }

    /// The Secret with the URL of PostgreSQL, unless the settings name another one.
    #[must_use]
    pub fn secret(&self) -> String {
        self.with("database")
    }

    /// The StatefulSet of PostgreSQL and its headless Service.
    #[must_use]
    pub fn postgres(&self) -> String {
        self.with("postgres")
    }

    /// The Job that migrates.
    #[must_use]
    pub fn migration(&self) -> String {
        self.with("migration")
    }

    /// The Job that cuts over.
    #[must_use]
    pub fn cutover(&self) -> String {
        self.with("cutover")
    }

    /// The Deployment of `health --serve`, and its Service.
    #[must_use]
    pub fn health(&self) -> String {
        self.with("postgres-health")
    }

    /// The CronJob that dumps PostgreSQL, and the claim of the volume for dumps.
    #[must_use]
    pub fn backup(&self) -> String {
        self.with("postgres-backup")
    }

    /// The Job that restores a dump.
    #[must_use]
    pub fn restore(&self) -> String {
        self.with("postgres-restore")
    }

    fn with(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.app)
    }
}
