//! Databases and connections for the tests.

use diesel::{Connection as _, PgConnection};
use diesel_migrations::MigrationHarness;
use hyperpage_store::postgres::Connection;
use postgres_client::{AppSettings, TargetUrl, app_session};
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
