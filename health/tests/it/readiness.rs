//! Readiness of databases that are ready, read-only, short of connections or of space, or lack migrations.

use health::{
    APPLICATION_NAME, Check, Disk, DiskSource, ExpectedList, Fact, Failure, Limit, Monitor, Options, State,
    Unknown,
};
use postgres_client::{DbSettings, TargetUrl, pool};
use test_database::TestDatabase;

use crate::support::{Role, execute, expecting, failure, monitor, options, session, state};

const LIST_SQL: &str = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY, \
    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); \
    INSERT INTO __diesel_schema_migrations VALUES ('1'), ('2')";

fn diesel(versions: &[&str]) -> ExpectedList {
    ExpectedList::diesel(
        "public",
        versions.iter().map(|version| (format!("{version}_name"), (*version).to_owned())),
    )
}

#[test]
fn a_database_that_serves_is_ready() {
    let database = TestDatabase::create();
    execute(database.url(), LIST_SQL);
    let monitor = expecting(database.url(), vec![diesel(&["1", "2"])], true);
    let readiness = monitor.readiness();
    assert!(readiness.is_ready, "{readiness:?}");
    let names: Vec<Check> = readiness.checks.iter().map(|result| result.check).collect();
    assert_eq!(names, Check::ALL);
    for check in [Check::Answers, Check::Primary, Check::Writable, Check::Migrations, Check::Connections] {
        assert!(matches!(state(&readiness, check), State::Ok(_)), "{readiness:?}");
    }
    assert_eq!(state(&readiness, Check::Pool), &State::NotKnown(Unknown::NoPool));
    // The superuser's server runs on this machine in a test, unless somebody names another one.
    match state(&readiness, Check::Disk) {
        State::Ok(Fact::Disk(disk)) => assert!(disk.size_bytes > 0 && disk.free_bytes <= disk.size_bytes),
        State::NotKnown(Unknown::OnAnotherMachine | Unknown::FolderNotVisible) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_list_that_is_there_must_be_complete() {
    let database = TestDatabase::create();
    let drizzle = || ExpectedList::drizzle([("0000_a".to_owned(), "aa".to_owned())]);
    let both = || vec![diesel(&["1", "2"]), drizzle()];
    let check = |is_certain| {
        state(&expecting(database.url(), both(), is_certain).readiness(), Check::Migrations).clone()
    };
    let tables =
        || ["public.__diesel_schema_migrations", "drizzle.__drizzle_migrations"].map(str::to_owned).to_vec();
    // Nothing proves that this database should have them, or it is certain.
    assert_eq!(check(false), State::NotKnown(Unknown::NoMigrationList { tables: tables() }));
    assert_eq!(check(true), State::Failed(Failure::NoMigrationList { tables: tables() }));
    execute(database.url(), LIST_SQL);
    let State::Ok(Fact::Migrations { lists }) = check(true) else { panic!("{:?}", check(true)) };
    assert_eq!((lists.len(), lists[0].applied, lists[0].others), (1, 2, 0));

    execute(
        database.url(),
        "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial, hash text NOT NULL, created_at bigint)",
    );
    let [_, table] = tables().try_into().unwrap();
    let missing = Failure::MigrationsMissing { table, names: vec!["0000_a".to_owned()] };
    assert_eq!(check(true), State::Failed(missing));
    // The app's later migrations are no fault.
    execute(
        database.url(),
        "INSERT INTO drizzle.__drizzle_migrations (hash) VALUES ('aa'), ('bb'); INSERT INTO __diesel_schema_migrations VALUES ('3')",
    );
    let State::Ok(Fact::Migrations { lists }) = check(true) else { panic!("{:?}", check(true)) };
    assert_eq!(lists.iter().map(|list| (list.applied, list.others)).collect::<Vec<_>>(), [(2, 1), (1, 1)]);

    execute(database.url(), "DELETE FROM __diesel_schema_migrations WHERE version = '2'");
    let readiness = expecting(database.url(), both(), false).readiness();
    let missing = Failure::MigrationsMissing { table: tables().remove(0), names: vec!["2_name".to_owned()] };
    assert_eq!(failure(&readiness), (Check::Migrations, missing));
}

/// A guess does not judge a database whose list has nothing of what is guessed: another app with Diesel serves as well.
#[test]
fn the_list_of_another_app_is_not_judged_by_a_guess() {
    let database = TestDatabase::create();
    execute(database.url(), LIST_SQL);
    let check = |is_certain| {
        let readiness = expecting(database.url(), vec![diesel(&["8", "9"])], is_certain).readiness();
        state(&readiness, Check::Migrations).clone()
    };
    assert_eq!(check(false), State::NotKnown(Unknown::NothingExpected));
    assert!(matches!(check(true), State::Failed(Failure::MigrationsMissing { .. })), "{:?}", check(true));
}

#[test]
fn what_is_no_list_is_not_read() {
    let database = TestDatabase::create();
    execute(
        database.url(),
        "CREATE FUNCTION loud() RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'read'; END$$; \
         CREATE VIEW __diesel_schema_migrations AS SELECT loud() AS version",
    );
    let readiness = expecting(database.url(), vec![diesel(&["1"])], true).readiness();
    let table = "public.__diesel_schema_migrations".to_owned();
    assert_eq!(state(&readiness, Check::Migrations), &State::NotKnown(Unknown::NotAList { table }));
    let nothing = monitor(database.url(), options()).readiness();
    assert_eq!(state(&nothing, Check::Migrations), &State::NotKnown(Unknown::NothingExpected));
}

#[test]
fn a_database_that_becomes_read_only_is_noticed_by_a_kept_session() {
    let database = TestDatabase::create();
    let monitor = monitor(database.url(), options());
    assert!(monitor.readiness().is_ready);
    let name = database.name();
    execute(database.url(), &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    assert_eq!(failure(&monitor.readiness()), (Check::Writable, Failure::ReadOnly));
    let again = "BEGIN READ WRITE; ";
    execute(
        database.url(),
        &format!("{again} ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT"),
    );
    assert!(monitor.readiness().is_ready);
}

#[test]
fn the_tightest_limit_of_connections_counts() {
    let database = TestDatabase::create();
    let role = Role::create(&database, "CONNECTION LIMIT 3");
    let monitor = |connections_min| {
        let readiness = monitor(&role.url(), Options { connections_min, ..options() }).readiness();
        state(&readiness, Check::Connections).clone()
    };
    let fact = |left, limit, max| State::Ok(Fact::Connections { left, limit, max });
    assert_eq!(monitor(1), fact(2, Limit::Role, 3));
    let _another = session(&role.url());
    assert_eq!(monitor(1), fact(1, Limit::Role, 3));
    let few = Failure::FewConnections { left: 1, limit: Limit::Role, max: 3, min: 2 };
    assert_eq!(monitor(2), State::Failed(few));
    execute(database.url(), &format!("ALTER DATABASE {} CONNECTION LIMIT 2", database.name()));
    // The one that altered it may still be counted.
    let State::Failed(Failure::FewConnections { left: 0, limit: Limit::Database, max: 2, min: 1 }) =
        monitor(1)
    else {
        panic!("{:?}", monitor(1));
    };
}

#[test]
fn a_stated_size_is_compared_with_what_is_used() {
    let database = TestDatabase::create();
    // A server that listens on this machine is measured instead: a connection through another address hides that it does.
    let with = |size, percent| {
        let options = Options { disk_size_bytes: Some(size), disk_free_min_percent: percent, ..options() };
        state(&monitor(database.url(), options).readiness(), Check::Disk).clone()
    };
    match with(1, 100) {
        State::Failed(Failure::DiskFull { disk, min_percent: 100 }) => {
            // Wherever the numbers come from, no disk that is in use is entirely free.
            assert!(disk.free_percent() < 100.0, "{disk:?}");
            assert!(disk.source != DiskSource::StatedSize || disk.free_bytes == 0, "{disk:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(with(u64::MAX, 0), State::Ok(Fact::Disk(_))));
}

/// A role that may not read the data directory's path, but the sizes, cannot measure: the stated size decides, wherever the server runs.
#[test]
fn a_stated_size_decides_where_the_disk_cannot_be_measured() {
    let database = TestDatabase::create();
    let role = Role::create(&database, "");
    execute(
        database.url(),
        &format!(
            "GRANT pg_read_all_stats TO {0}; GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO {0}",
            role.name
        ),
    );
    let with = |disk_size_bytes, percent| {
        let options = Options { disk_size_bytes, disk_free_min_percent: percent, ..options() };
        state(&monitor(&role.url(), options).readiness(), Check::Disk).clone()
    };
    assert!(
        matches!(with(None, 100), State::NotKnown(Unknown::MissingRight { .. })),
        "{:?}",
        with(None, 100)
    );
    let State::Failed(Failure::DiskFull { disk, min_percent: 5 }) = with(Some(1), 5) else {
        panic!("{:?}", with(Some(1), 5));
    };
    assert_eq!(disk, Disk { free_bytes: 0, size_bytes: 1, source: DiskSource::StatedSize });
    // A pebibyte: what is used is subtracted.
    let size = 1 << 50;
    let State::Ok(Fact::Disk(disk)) = with(Some(size), 5) else { panic!("{:?}", with(Some(size), 5)) };
    assert_eq!((disk.size_bytes, disk.source), (size, DiskSource::StatedSize));
    assert!(disk.free_bytes < size && disk.free_bytes > size / 2, "{disk:?}");
}

#[test]
fn the_pool_has_to_return_a_connection() {
    let database = TestDatabase::create();
    let target = TargetUrl::parse(database.url()).unwrap();
    let pool = pool::open(&target, &DbSettings { pool_max: 1, ..DbSettings::default() }).unwrap();
    let options = Options { timeout: std::time::Duration::from_secs(2), ..options() };
    let monitor = Monitor::new(target, options, Some(pool.clone()), |_| Ok(health::Expected::default()));
    let readiness = monitor.readiness();
    let State::Ok(Fact::Pool(found)) = state(&readiness, Check::Pool) else { panic!("{readiness:?}") };
    assert_eq!((found.connections, found.max), (1, 1));
    let taken = pool::get(&pool).unwrap();
    let (check, failure) = failure(&monitor.readiness());
    assert_eq!(check, Check::Pool);
    assert!(matches!(failure, Failure::PoolExhausted(found) if (found.connections, found.idle) == (1, 0)));
    drop(taken);
    assert!(monitor.readiness().is_ready);
}

#[test]
fn fifty_probes_at_once_open_one_connection() {
    let database = TestDatabase::create();
    // An answer that stays fresh, since a busy machine may start the last thread late.
    let options = Options { freshness: std::time::Duration::from_secs(600), ..options() };
    let monitor = monitor(database.url(), options);
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| assert!(monitor.readiness().is_ready));
        }
    });
    let sql =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1";
    let connections: i64 = session(database.url()).one(sql, &[Some(APPLICATION_NAME)]).unwrap();
    assert_eq!(connections, 1);
}

#[test]
fn a_probe_changes_nothing_and_keeps_no_transaction_open() {
    let database = TestDatabase::create();
    let monitor = monitor(database.url(), options());
    assert!(monitor.readiness().is_ready);
    monitor.details();
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database() \
               AND (backend_xid IS NOT NULL OR xact_start IS NOT NULL)";
    let open: i64 = session(database.url()).one(sql, &[Some(APPLICATION_NAME)]).unwrap();
    assert_eq!(open, 0);
}
