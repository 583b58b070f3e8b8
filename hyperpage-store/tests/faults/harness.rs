//! A database of the app, ways to ask it directly, and stores of the app on it.

use std::time::{Duration, Instant};

use diesel::{Connection as _, PgConnection};
use diesel_migrations::MigrationHarness;
use postgres_client::{AppSettings, Connection, DbSettings};
use test_database::TestDatabase;
use test_database::own_server::OwnServer;

use crate::client::Client;

/// The `application_name` of the sessions that faults are for.
pub const NAME: &str = "faults-app";

/// The `application_name` of the app's sessions that prepare and check.
const DIRECT_NAME: &str = "faults-direct";

/// Condition of the sessions that faults are for.
const OURS: &str = "datname = current_database() AND application_name = 'faults-app'";

/// Waiting for an effect on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Settings with short limits, so that faults end soon.
pub fn settings() -> AppSettings {
    AppSettings {
        db: DbSettings {
            pool_max: 4,
            pool_min: 0,
            connection_timeout: Duration::from_millis(2_000),
            statement_timeout: Duration::from_millis(2_000),
            ..DbSettings::default()
        },
        lock_timeout: Duration::from_millis(500),
        application_name: NAME.to_owned(),
        ..AppSettings::default()
    }
}

/// An empty database with the app's tables.
pub struct App {
    pub database: TestDatabase,
}

impl App {
    /// Creates it on the server of the run.
    pub fn new() -> App {
        App::in_database(TestDatabase::create())
    }

    /// Creates it on another server.
    pub fn on(server: &OwnServer) -> App {
        App::in_database(server.database())
    }

    fn in_database(database: TestDatabase) -> App {
        let mut migrating = PgConnection::establish(database.url()).unwrap();
        migrating.run_pending_migrations(schema_pg::MIGRATIONS).unwrap();
        App { database }
    }

    /// Opens a session of an administrator.
    pub fn admin(&self) -> Connection {
        session(self.database.url())
    }

    /// Runs statements as an administrator.
    #[track_caller]
    pub fn execute(&self, sql: &str) {
        self.admin().script(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Returns the rows of a query, their values separated by `|`.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> Vec<String> {
        let rows = self.admin().query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let shown = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
        rows.into_iter().map(|row| row.into_iter().map(shown).collect::<Vec<_>>().join("|")).collect()
    }

    /// Removes all rows.
    pub fn empty(&self) {
        self.execute("TRUNCATE jobs, job_history, rate_limits, app_state, user_sessions RESTART IDENTITY");
    }

    /// Opens the app's store without faults.
    pub fn client(&self) -> Client {
        self.client_at(
            self.database.url(),
            &AppSettings { application_name: DIRECT_NAME.to_owned(), ..settings() },
        )
    }

    /// Opens the app's store through another address.
    pub fn client_at(&self, url: &str, settings: &AppSettings) -> Client {
        Client::new(url, settings)
    }

    /// Returns the number of sessions that faults are for.
    #[track_caller]
    pub fn sessions(&self) -> usize {
        self.ask(&format!("SELECT count(*) FROM pg_stat_activity WHERE {OURS}"))[0].parse().unwrap()
    }

    /// Returns a query whether the number of the app's sessions that work or have a transaction open compares like this.
    pub fn busy_sessions(comparison: &str) -> String {
        format!("SELECT count(*) {comparison} FROM pg_stat_activity WHERE {OURS} AND state <> 'idle'")
    }

    /// Waits until a query returns true.
    #[track_caller]
    pub fn wait_until(&self, what: &str, sql: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.ask(sql) != ["t"] {
            assert!(Instant::now() < deadline, "{what}: {sql}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Checks that the app has no transaction open once its calls have ended.
    #[track_caller]
    pub fn assert_no_transaction_is_open(&self, what: &str) {
        self.wait_until(&format!("{what}: a transaction stays open"), &App::busy_sessions("= 0"));
    }

    /// Checks that the app's sessions end with its store.
    #[track_caller]
    pub fn assert_no_session_is_left(&self, what: &str) {
        let none = format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE {OURS}");
        self.wait_until(&format!("{what}: a session is left"), &none);
    }
}

/// Opens a session of an administrator.
#[track_caller]
fn session(url: &str) -> Connection {
    Connection::connect(url, "faults-admin", PATIENCE).unwrap_or_else(|error| panic!("{error:?}"))
}

/// Ends all sessions that faults are for, and waits until they are gone.
pub fn kill_sessions(url: &str) {
    let sql = format!("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE {OURS}");
    session(url).query(&sql, &[]).unwrap();
}
