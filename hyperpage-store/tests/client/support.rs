//! Databases and connections for the tests.

use std::time::{Duration, Instant};

use diesel::sql_types::Text;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl};
use diesel_migrations::MigrationHarness;
use hyperpage_store::Result;
use hyperpage_store::postgres::{Connection, Pool};
use postgres_client::{AppSettings, DbSettings, TargetUrl, app_session};
use schema_pg::MIGRATIONS;
use test_database::TestDatabase;

/// A database with the app's tables.
pub fn migrated() -> TestDatabase {
    let database = TestDatabase::create();
    PgConnection::establish(database.url()).unwrap().run_pending_migrations(MIGRATIONS).unwrap();
    database
}

/// A session of the app.
pub fn session(database: &TestDatabase, settings: &AppSettings) -> postgres_client::Connection {
    app_session::open(&TargetUrl::parse(database.url()).unwrap(), settings).unwrap()
}

/// The same for Diesel.
pub fn connection(database: &TestDatabase) -> Connection {
    Connection::from(session(database, &AppSettings::default()))
}

/// Ends the session of another connection.
pub fn kill(database: &TestDatabase, victim: &mut postgres_client::Connection) {
    let pid: i64 = victim.one("SELECT pg_backend_pid()", &[]).unwrap();
    kill_pid(database, pid);
}

/// Ends a session, and waits until it has ended.
pub fn kill_pid(database: &TestDatabase, pid: i64) {
    let mut killer = session(database, &AppSettings::default());
    let has_ended: bool =
        killer.one("SELECT pg_terminate_backend($1::integer, 10000)", &[Some(&pid.to_string())]).unwrap();
    assert!(has_ended);
}

/// Settings with a pool of so many connections, and a second to get one.
pub fn small_pool(pool_max: u32) -> AppSettings {
    let db = DbSettings { pool_max, connection_timeout: Duration::from_secs(1), ..DbSettings::default() };
    AppSettings { db, ..AppSettings::default() }
}

/// A pool of the app.
pub fn pool(database: &TestDatabase, settings: &AppSettings) -> Pool {
    Pool::open(&TargetUrl::parse(database.url()).unwrap(), settings).unwrap()
}

/// Runs a statement of Diesel that returns nothing.
pub fn execute(connection: &mut Connection, sql: &str) -> Result<usize> {
    Ok(diesel::sql_query(sql).execute(connection)?)
}

/// A query's only value.
pub fn text(connection: &mut Connection, sql: &str) -> Result<String> {
    #[derive(QueryableByName)]
    struct Value {
        #[diesel(sql_type = Text)]
        value: String,
    }
    let sql = format!("SELECT ({sql})::text AS value");
    Ok(diesel::sql_query(sql).get_result::<Value>(connection)?.value)
}

/// A query's only value, on a connection of its own.
pub fn ask(database: &TestDatabase, sql: &str) -> String {
    text(&mut connection(database), sql).unwrap()
}

/// Waits until a query on a connection of its own returns this.
#[track_caller]
pub fn wait_for(database: &TestDatabase, sql: &str, expected: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while ask(database, sql) != expected {
        assert!(Instant::now() < deadline, "{sql} is not {expected} in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}
