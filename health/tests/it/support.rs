//! Monitors of test databases, and what tests do to the databases.

use std::time::Duration;

use health::{Check, Expected, ExpectedList, Failure, Monitor, Options, Readiness, State};
use postgres_client::{Connection, TargetUrl};

/// A deadline that a busy machine meets.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// Options with which every probe asks.
pub(crate) fn options() -> Options {
    // A machine whose own disk is full tests something else.
    Options { timeout: TIMEOUT, freshness: Duration::ZERO, disk_free_min_percent: 0, ..Options::default() }
}

/// A monitor of a database that expects no migrations.
pub(crate) fn monitor(url: &str, options: Options) -> Monitor {
    Monitor::new(TargetUrl::parse(url).unwrap(), options, None, |_| Ok(Expected::default()))
}

/// A monitor of a database that expects these lists.
pub(crate) fn expecting(url: &str, lists: Vec<ExpectedList>, is_certain: bool) -> Monitor {
    let expected = Expected { lists, is_certain };
    Monitor::new(TargetUrl::parse(url).unwrap(), options(), None, move |_| Ok(expected.clone()))
}

#[track_caller]
pub(crate) fn session(url: &str) -> Connection {
    Connection::connect(url, "health-test", TIMEOUT).unwrap()
}

#[track_caller]
pub(crate) fn execute(url: &str, sql: &str) {
    session(url).script(sql).unwrap();
}

/// The result of a check.
#[track_caller]
pub(crate) fn state(readiness: &Readiness, check: Check) -> &State {
    readiness.state(check).unwrap()
}

/// The only failure.
#[track_caller]
pub(crate) fn failure(readiness: &Readiness) -> (Check, Failure) {
    assert!(!readiness.is_ready);
    let failures: Vec<_> = readiness.failures().collect();
    let [(check, failure)] = failures[..] else { panic!("{failures:?}") };
    (check, failure.clone())
}

/// The URL of the same database for another role.
pub(crate) fn as_role(url: &str, role: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    format!("{scheme}://{role}:{password}@{}", rest.rsplit_once('@').unwrap().1)
}

/// A role that is dropped with what it owns and may, with a password.
pub(crate) struct Role {
    pub(crate) name: String,
    server: String,
}

impl Role {
    #[track_caller]
    pub(crate) fn create(database: &test_database::TestDatabase, options: &str) -> Role {
        let name = format!("{}_r", database.name());
        execute(database.url(), &format!("CREATE ROLE {name} LOGIN PASSWORD 'right' {options}"));
        Role { name, server: database.url().to_owned() }
    }

    /// The database's URL for this role.
    pub(crate) fn url(&self) -> String {
        as_role(&self.server, &self.name, "right")
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let name = &self.name;
        let dropped = Connection::connect(&self.server, "health-test", TIMEOUT).and_then(|mut session| {
            session.script(&format!("DROP OWNED BY {name} CASCADE; DROP ROLE {name}"))
        });
        if !std::thread::panicking() {
            dropped.unwrap();
        }
    }
}
