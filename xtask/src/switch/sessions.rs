//! Waits until the app works with PostgreSQL, which its sessions show.

use std::time::{Duration, Instant};

use postgres_client::session::{APPLICATION_NAME, STATUS_NAME, open_bulk};
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
    AND application_name NOT IN ($1, $2, $3) ORDER BY 1";

/// The names of this program's own sessions.
const OWN: [&str; 3] = [APPLICATION_NAME, STATUS_NAME, health::APPLICATION_NAME];

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
        let found: Vec<String> = connection.load(SESSIONS_SQL, &OWN.map(Some))?;
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
