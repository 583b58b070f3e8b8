//! The settings of a session arrive at the server, and a URL's own have precedence.

use std::time::Duration;

use postgres_client::{AppSettings, DbSettings, PoolMode, TargetUrl, app_session};
use test_database::TestDatabase;

use crate::support::session;

fn show(connection: &mut postgres_client::Connection, name: &str) -> String {
    connection.one("SELECT current_setting($1)", &[Some(name)]).unwrap()
}

fn unusual() -> AppSettings {
    AppSettings {
        db: DbSettings { statement_timeout: Duration::from_millis(12_345), ..DbSettings::default() },
        lock_timeout: Duration::from_millis(1_234),
        idle_in_transaction_timeout: Duration::from_millis(23_456),
        keepalive_idle: Duration::from_millis(45_001),
        application_name: "an app's name".to_owned(),
        pool_mode: PoolMode::Session,
    }
}

#[test]
fn each_setting_arrives() {
    let database = TestDatabase::create();
    let mut connection = session(&database, &unusual());
    for (name, value) in [
        ("statement_timeout", "12345ms"),
        ("lock_timeout", "1234ms"),
        ("idle_in_transaction_session_timeout", "23456ms"),
        ("application_name", "an app's name"),
        ("TimeZone", "UTC"),
        ("client_encoding", "UTF8"),
        ("tcp_keepalives_idle", "46"),
        ("tcp_keepalives_interval", "15"),
        ("tcp_keepalives_count", "3"),
        ("search_path", "\"$user\", public"),
    ] {
        assert_eq!(show(&mut connection, name), value, "{name}");
    }

    // The longest time that the settings accept.
    let keepalive_idle = Duration::from_millis(32_767_000);
    let mut connection = session(&database, &AppSettings { keepalive_idle, ..AppSettings::default() });
    assert_eq!(show(&mut connection, "tcp_keepalives_idle"), "32767");

    // Zero is no limit.
    let unlimited = AppSettings {
        db: DbSettings { statement_timeout: Duration::ZERO, ..DbSettings::default() },
        lock_timeout: Duration::ZERO,
        idle_in_transaction_timeout: Duration::ZERO,
        ..AppSettings::default()
    };
    let mut connection = session(&database, &unlimited);
    for name in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
        assert_eq!(show(&mut connection, name), "0", "{name}");
    }
    assert_eq!(show(&mut connection, "application_name"), "hyperpage");
}

#[test]
fn in_transaction_mode_each_limit_arrives_in_a_transaction_and_stays_nowhere_else() {
    let database = TestDatabase::create();
    let settings = AppSettings { pool_mode: PoolMode::Transaction, ..unusual() };
    let mut connection = session(&database, &settings);
    let limits = [
        ("statement_timeout", "12345ms"),
        ("lock_timeout", "1234ms"),
        ("idle_in_transaction_session_timeout", "23456ms"),
    ];
    for _ in 0..2 {
        for (name, _) in limits {
            assert_eq!(show(&mut connection, name), "0", "{name}");
        }
        connection
            .transaction(|connection| {
                for (name, value) in limits {
                    assert_eq!(show(connection, name), value, "{name}");
                }
                Ok(())
            })
            .unwrap();
    }
    let changed = "SELECT count(*) FROM pg_settings WHERE source = 'session' AND name <> 'client_encoding'";
    assert_eq!(connection.one::<i64>(changed, &[]).unwrap(), 0);
}

#[test]
fn a_url_has_precedence() {
    let database = TestDatabase::create();
    let open = |options: &str| {
        let separator = if database.url().contains('?') { '&' } else { '?' };
        let url = TargetUrl::parse(&format!("{}{separator}{options}", database.url())).unwrap();
        app_session::open(&url, &unusual())
    };
    let mut connection = open("application_name=of%20the%20URL").unwrap();
    assert_eq!(show(&mut connection, "application_name"), "of the URL");
    // libpq refuses a value that is no number only where it uses it.
    for option in
        ["keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "keepalives"]
    {
        let error = open(&format!("{option}=none&hostaddr=127.0.0.1")).map(drop).expect_err(option);
        let chain = postgres_client::retry::in_one_line(&error);
        assert!(chain.contains(option), "{chain}");
    }
}

#[test]
fn a_statement_ends_by_its_timeout_and_a_lock_by_its_own() {
    let database = TestDatabase::create();
    let settings = AppSettings {
        db: DbSettings { statement_timeout: Duration::from_millis(400), ..DbSettings::default() },
        lock_timeout: Duration::from_millis(200),
        ..AppSettings::default()
    };
    for pool_mode in [PoolMode::Session, PoolMode::Transaction] {
        let settings = AppSettings { pool_mode, ..settings.clone() };
        let mut holder = session(&database, &AppSettings::default());
        holder.script("CREATE TABLE IF NOT EXISTS t ()").unwrap();
        holder.script("BEGIN; LOCK t").unwrap();
        let mut connection = session(&database, &settings);
        for (sql, condition) in [
            ("SELECT pg_sleep(30)", postgres_client::Condition::QueryCanceled),
            ("SELECT * FROM t", postgres_client::Condition::LockNotAvailable),
        ] {
            let error = connection.transaction(|connection| connection.execute(sql, &[])).unwrap_err();
            assert_eq!((error.condition(), error.loss()), (Some(condition), None), "{sql}");
        }
        assert!(connection.is_idle());
    }
}
