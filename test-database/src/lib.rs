//! A fresh PostgreSQL database for each test, dropped when the test ends, however it ends, and the seed of tests that vary. For
//! tests only: every problem panics, and so fails the test.
//!
//! All tests of a run share one server: the one that `TEST_POSTGRES_URL` names, else the private test cluster of this
//! checkout, started by the first test that needs it. It keeps running for the other test processes of the run;
//! `cargo xtask test` removes it at the end, and so does `cargo xtask postgres remove --test --yes`. `TEST_POSTGRES_VERSION`
//! sets its version. A new database is as empty as `template0`.
//!
//! ```no_run
//! use test_database::TestDatabase;
//!
//! let database = TestDatabase::create();
//! // Connect to database.url(); it is dropped at the end of the scope.
//! ```
//!
//! For tests of faults there are a server that one test has to itself ([`own_server`]), a [`proxy`] in front of a server,
//! [`pgbouncer`], sessions that leave no room for others ([`occupied`]), and faults chosen by the seed ([`chance`]).
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test without its database fails with the reason")]

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use private_postgres::{Cluster, Options, Purpose};

pub mod chance;
pub mod occupied;
pub mod own_server;
pub mod pgbouncer;
pub mod proxy;
mod seed;
pub mod suspended;
mod url;

pub use seed::{SEED_VARIABLE, is_ci, seed};

/// Names a server by the URL of any of its databases. An empty value counts as none.
pub const URL_VARIABLE: &str = "TEST_POSTGRES_URL";

/// The major version of the private test cluster, where no URL is given.
pub const VERSION_VARIABLE: &str = "TEST_POSTGRES_VERSION";

/// The beginning of every test database's name.
pub const NAME_PREFIX: &str = "test_";

/// Attempts to create a database while the template is in use; the server waits 5 s each time.
const ATTEMPTS: u32 = 5;

/// A database for one test. Dropping the guard drops the database and ends its sessions.
pub struct TestDatabase {
    name: String,
    url: String,
    server: String,
}

impl TestDatabase {
    /// Creates an empty database (UTF-8, from `template0`); starts the server where that is needed.
    ///
    /// # Panics
    /// When no server can be started or reached, or it does not let this user create databases.
    #[must_use]
    #[track_caller]
    pub fn create() -> Self {
        Self::create_on(server())
    }

    /// Creates an empty database on another server than that of the run, given the URL of any of its databases.
    ///
    /// # Panics
    /// When it cannot be reached, or does not let this user create databases.
    #[must_use]
    #[track_caller]
    pub fn create_on(server: &str) -> Self {
        Self::create_from(server, "template0 ENCODING 'UTF8'")
    }

    /// Creates another database with the same content. No session may use this one meanwhile; one that is about to end is waited
    /// for.
    ///
    /// # Panics
    /// When a session does not end, or PostgreSQL cannot copy the database.
    #[must_use]
    #[track_caller]
    pub fn copy(&self) -> Self {
        Self::create_from(&self.server, &self.name)
    }

    #[track_caller]
    fn create_from(server: &str, template: &str) -> Self {
        let name = unused_name();
        let url = url::with_database(server, &name)
            .unwrap_or_else(|| panic!("{URL_VARIABLE} must begin with postgres:// or postgresql://"));
        let mut attempt = 1;
        loop {
            // Copying files takes a quarter of the processor time of writing all pages to the log.
            let sql = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY");
            match execute(server, &sql) {
                Ok(()) => return Self { name, url, server: server.to_owned() },
                Err(message) if attempt < ATTEMPTS && is_template_in_use(&message) => attempt += 1,
                Err(message) => panic!("cannot create the test database {name}: {message}"),
            }
        }
    }

    /// Returns the URL of the database, including the password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns its name: lower-case letters, digits and underscores, unique to this test.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A test may have dropped or renamed it for purposes of its own.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let Err(message) = execute(&self.server, &drop) else { return };
        let problem = format!("cannot drop the test database {}: {message}", self.name);
        if std::thread::panicking() {
            // A second panic would end the process and hide the first one, which has the reason.
            let _ = writeln!(std::io::stderr(), "{problem}");
        } else {
            panic!("{problem}");
        }
    }
}

impl fmt::Debug for TestDatabase {
    /// Leaves the URL out: it holds the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestDatabase").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Returns the URL of a database of this run's server, which is started once for a process.
#[track_caller]
fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(url) = variable(URL_VARIABLE) {
            return url;
        }
        let version = variable(VERSION_VARIABLE).map(|text| {
            text.parse()
                .unwrap_or_else(|_| panic!("{VERSION_VARIABLE} must be a number such as 17, not {text:?}"))
        });
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let options = Options { version, throwaway: true, ..Options::new(checkout, Purpose::Test) };
        let url = Cluster::open(options).and_then(|cluster| {
            cluster.start()?;
            cluster.url("postgres")
        });
        url.unwrap_or_else(|error| panic!("cannot start the private test cluster: {error}"))
    })
}

/// Runs one statement in a session of its own, outside of any test database.
fn execute(server: &str, sql: &str) -> Result<(), String> {
    let mut connection = PgConnection::establish(server).map_err(|error| error.to_string())?;
    connection.batch_execute(sql).map_err(|error| error.to_string())
}

/// Returns whether another session, autovacuum for instance, uses the template (SQLSTATE 55006, which Diesel does not expose). The
/// message of a server in another language is not recognised; then the creation fails at once.
fn is_template_in_use(message: &str) -> bool {
    message.contains("is being accessed by other users")
}

/// Returns a unique name: the process, a count within it, and a random number, since process ids are reused.
fn unused_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // The standard library seeds it from the system's random source.
    let chance = RandomState::new().hash_one(count);
    format!("{NAME_PREFIX}{}_{count}_{chance:016x}", std::process::id())
}
