//! Waits until the app works with PostgreSQL, which its sessions show.

use std::time::{Duration, Instant};

use postgres_client::session::{STATUS_NAME, open_bulk};
use postgres_client::{DbSettings, TargetUrl};
use row_mover::Error;
use row_mover::error::Result;

use super::workload::pause;
use crate::stop::Stop;

/// Interval at which the server is asked.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The names of the sessions in the database that are not this program's own.
const SESSIONS_SQL: &str = "
    SELECT DISTINCT application_name FROM pg_catalog.pg_stat_activity
    WHERE datname = pg_catalog.current_database() AND backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
    AND application_name NOT LIKE $1 AND application_name NOT IN ($2, $3) ORDER BY 1";

/// The beginning of the names of this program's sessions that work; those that only watch have names of their own.
const OWN: &str = "hyperpage-migration%";

/// Waits until a session of the app is in the database: one with this name, or without a name any that is not this program's own.
///
/// # Errors
/// When there is none in time, the server cannot be asked, or the work is to stop.
pub(super) fn await_app(
    url: &TargetUrl,
    settings: &DbSettings,
    name: Option<&str>,
    timeout: Duration,
    stop: &Stop,
) -> Result<()> {
    let mut connection = open_bulk(url, settings)?;
    let began = Instant::now();
    loop {
        let found: Vec<String> =
            connection.load(SESSIONS_SQL, &[Some(OWN), Some(STATUS_NAME), Some(health::APPLICATION_NAME)])?;
        if name.map_or(!found.is_empty(), |name| found.iter().any(|session| session == name)) {
            return Ok(());
        }
        if began.elapsed() >= timeout {
            let what = format!("the app has not connected to {url} within {} s", timeout.as_secs());
            let cause = match (name, found.as_slice()) {
                (_, []) => "no session but this program's own is in the database".to_owned(),
                (Some(name), others) => {
                    format!("no session is named {name}; there are: {}", others.join(", "))
                }
                (None, others) => others.join(", "),
            };
            return Err(Error::new(what).caused_by(cause).with_remedy_text(
                "start the app with the changed env file, or name its sessions with --app-name; then run the same command again",
            ));
        }
        pause(POLL_INTERVAL, stop)?;
    }
}

#[cfg(test)]
mod tests {
    use postgres_client::connection::Connection;
    use test_database::TestDatabase;

    use super::*;

    #[test]
    fn only_the_apps_sessions_show_that_it_works() {
        assert!(postgres_client::session::APPLICATION_NAME.starts_with(OWN.trim_end_matches('%')));
        let database = TestDatabase::create();
        let url = TargetUrl::parse(database.url()).unwrap();
        let settings = DbSettings::from_lookup(|_| None).unwrap();
        let open = |name| Connection::connect(database.url(), name, Duration::from_secs(10)).unwrap();
        let own = [postgres_client::session::APPLICATION_NAME, STATUS_NAME, health::APPLICATION_NAME];
        let _own: Vec<Connection> = own.into_iter().map(open).collect();
        let wait = |name| await_app(&url, &settings, name, Duration::ZERO, &Stop::default());
        assert!(wait(None).is_err());
        let _app = open("shop");
        wait(None).unwrap();
        wait(Some("shop")).unwrap();
        assert!(wait(Some("other")).is_err());
    }
}
