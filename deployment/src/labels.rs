//! The label by which a cutover and a rollback find the app's objects: they know no name of a manifest.
//!
//! During a cutover two versions of the app exist. Each has a Deployment and a Service, and all four carry [`DATABASE_LABEL`] in their
//! metadata. One `HTTPRoute` (Gateway API) names both Services as backends, in two rules: the first matches the methods GET and HEAD, the
//! second everything else. Rendered, the weights are 100 for SQLite and 0 for PostgreSQL.

/// The label that names the database with which a Deployment or a Service of the app works.
pub const DATABASE_LABEL: &str = "hyperpage.example/database";

/// Its value for the app on PostgreSQL.
pub const POSTGRES: &str = "postgres";

/// Its value for the app on SQLite.
pub const SQLITE: &str = "sqlite";
