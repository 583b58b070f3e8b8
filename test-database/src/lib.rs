//! A fresh PostgreSQL database for each test, dropped when the test ends, however it ends. For tests alone: whatever goes
//! wrong here panics, and so fails the test that asked.
//!
//! All tests of a run share one server: the one that `TEST_POSTGRES_URL` names, else the private test cluster of this
//! checkout, started by the first test that needs it. It goes on for the other test processes of the run;
//! `cargo xtask test` removes it at the end, and so does `cargo xtask postgres remove --test --yes`. Which version it
//! has, `TEST_POSTGRES_VERSION` says. Nothing here makes tables: a new database is as empty as `template0`.
//!
//! ```no_run
//! use test_database::TestDatabase;
//!
//! let database = TestDatabase::create();
//! // Connect to database.url(); it is dropped at the end of the scope.
//! ```
#![allow(clippy::panic, reason = "a test without its database fails, and says why")]

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use private_postgres::{Cluster, Options, Purpose};

mod url;

/// The URL of any database of a server on which databases may be created. An empty value counts as none.
pub const URL_VARIABLE: &str = "TEST_POSTGRES_URL";

/// The major version of the private test cluster, where no URL is given.
pub const VERSION_VARIABLE: &str = "TEST_POSTGRES_VERSION";

/// What the name of every test database begins with.
pub const NAME_PREFIX: &str = "test_";

/// How often a creation is tried while the template is in use; the server itself waits 5 s each time.
const ATTEMPTS: u32 = 5;

/// A database that one test has for itself. Dropping the guard drops the database and ends whatever sessions it has.
pub struct TestDatabase {
    name: String,
    url: String,
    server: String,
}

impl TestDatabase {
    /// Creates an empty database (UTF-8, from `template0`); starts the server where that is needed.
    ///
    /// # Panics
    /// Where there is no server to be had, or it does not let this user create databases.
    #[must_use]
    #[track_caller]
    pub fn create() -> Self {
        Self::create_on(server())
    }

    /// The same on another server than that of the run: the one that this URL of any of its databases names.
    ///
    /// # Panics
    /// Where it is not to be reached, or does not let this user create databases.
    #[must_use]
    #[track_caller]
    pub fn create_on(server: &str) -> Self {
        Self::create_from(server, "template0 ENCODING 'UTF8'")
    }

    /// Another database with the same content, made by PostgreSQL itself. No session may be in this one meanwhile; one that is
    /// about to end is waited for.
    ///
    /// # Panics
    /// Where a session stays, or PostgreSQL cannot copy the database.
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
            let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
            match execute(server, &sql) {
                Ok(()) => return Self { name, url, server: server.to_owned() },
                Err(message) if attempt < ATTEMPTS && is_template_in_use(&message) => attempt += 1,
                Err(message) => panic!("cannot create the test database {name}: {message}"),
            }
        }
    }

    /// The URL of the database, with the password in it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name: lower-case letters, digits and underscores, no other test's.
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
            // A second panic would end the process and hide the first, which says what is wrong.
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

/// The URL of a database of the server of this run; found, and its server started, once for a process.
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

/// Whether another session is in the template at this moment (SQLSTATE 55006, which Diesel does not pass on): autovacuum may
/// be. A server that speaks another language than English is not understood; then the creation fails at once.
fn is_template_in_use(message: &str) -> bool {
    message.contains("is being accessed by other users")
}

/// A name that no other test has: the process, a count within it, and chance, as process ids come again.
fn unused_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // The standard library seeds it from the system's random source.
    let chance = RandomState::new().hash_one(count);
    format!("{NAME_PREFIX}{}_{count}_{chance:016x}", std::process::id())
}
