//! What is repeated after an error, and what is not.

use std::cell::Cell;
use std::time::{Duration, Instant};

use hyperpage_store::postgres::{Operation, Source};
use hyperpage_store::{Error, Result};
use postgres_client::{AppSettings, Condition, DbSettings, PoolMode};
use test_database::TestDatabase;

use crate::support::{ask, connection, execute, kill_pid, pool, small_pool, text};

const ALL: [Operation; 4] =
    [Operation::Read, Operation::IdempotentWrite, Operation::Write, Operation::Transaction];

fn case() -> TestDatabase {
    let database = TestDatabase::create();
    let raise = "CREATE TABLE t (a int); \
         CREATE FUNCTION refuse(sqlstate text) RETURNS void LANGUAGE plpgsql AS \
         'BEGIN RAISE EXCEPTION USING ERRCODE = sqlstate; END'";
    connection(&database).client().script(raise).unwrap();
    database
}

fn client_error(error: &Error) -> &postgres_client::Error {
    match error {
        Error::Database { source } | Error::Busy { source } => source.downcast_ref().unwrap(),
        _ => panic!("{error:?}"),
    }
}

#[test]
fn conflicts_are_repeated_and_other_errors_are_not() {
    let database = case();
    for pool_mode in [PoolMode::Session, PoolMode::Transaction] {
        let mut pool = pool(&database, &AppSettings { pool_mode, ..small_pool(1) });
        for operation in ALL {
            for (sqlstate, expected) in
                [("40001", 3), ("40P01", 3), ("55P03", 1), ("57014", 1), ("23505", 1), ("53200", 1)]
            {
                let attempts = Cell::new(0);
                let result = pool.run(operation, |connection| {
                    attempts.set(attempts.get() + 1);
                    if attempts.get() < 3 {
                        execute(connection, &format!("SELECT refuse('{sqlstate}')"))?;
                    }
                    execute(connection, "SELECT 1")
                });
                assert_eq!(attempts.get(), expected, "{sqlstate} {operation:?} {pool_mode:?}");
                assert_eq!(result.is_ok(), expected == 3, "{result:?}");
                if sqlstate == "55P03" {
                    assert!(matches!(result, Err(Error::Busy { .. })), "{result:?}");
                }
            }
        }
        assert_eq!(pool.state().open, 1);
    }
}

#[test]
fn retries_are_bounded() {
    let database = case();
    let mut pool = pool(&database, &small_pool(1));
    let attempts = Cell::new(0);
    let result: Result<usize> = pool.run(Operation::Transaction, |connection| {
        attempts.set(attempts.get() + 1);
        execute(connection, "INSERT INTO t VALUES (1)")?;
        execute(connection, "SELECT refuse('40001')")
    });
    assert_eq!(client_error(&result.unwrap_err()).condition(), Some(Condition::SerializationFailure));
    assert_eq!(attempts.get(), 11);
    assert_eq!(ask(&database, "SELECT count(*) FROM t"), "0");

    // The deadline of the call ends them earlier.
    let db = DbSettings { statement_timeout: Duration::from_millis(1), ..small_pool(1).db };
    let settings = AppSettings { db, ..AppSettings::default() };
    let mut pool = crate::support::pool(&database, &settings);
    let timeout = pool.call_timeout();
    let started = Instant::now();
    let attempts = Cell::new(0);
    let result: Result<usize> = pool.run(Operation::Transaction, |connection| {
        attempts.set(attempts.get() + 1);
        std::thread::sleep(timeout.saturating_sub(started.elapsed()) + Duration::from_millis(1));
        execute(connection, "SELECT refuse('40001')")
    });
    assert!(result.is_err());
    assert_eq!(attempts.get(), 1);
}

#[test]
fn no_attempt_begins_after_the_deadline() {
    let database = case();
    let db = DbSettings {
        statement_timeout: Duration::ZERO,
        stall_timeout: Duration::from_secs(2),
        ..small_pool(1).db
    };
    let mut pool = pool(&database, &AppSettings { db, ..AppSettings::default() });
    let deadline = Instant::now() + pool.call_timeout();
    let attempts = Cell::new(0);
    let result: Result<usize> = pool.run(Operation::Transaction, |connection| {
        attempts.set(attempts.get() + 1);
        // The wait after this attempt is half a second or longer.
        if attempts.get() == 8 {
            let left = deadline.saturating_duration_since(Instant::now());
            std::thread::sleep(left.saturating_sub(Duration::from_millis(300)));
        }
        execute(connection, "SELECT refuse('40001')")
    });
    assert_eq!(client_error(&result.unwrap_err()).condition(), Some(Condition::SerializationFailure));
    assert_eq!(attempts.get(), 8);
}

/// Runs an insert during which the session is killed in the first attempt; returns the result and the number of attempts.
fn killed_underway(pool_mode: PoolMode, operation: Operation) -> (Result<usize>, u32, String) {
    let database = case();
    let mut pool = pool(&database, &AppSettings { pool_mode, ..small_pool(2) });
    let attempts = Cell::new(0);
    let result = std::thread::scope(|scope| {
        pool.run(operation, |connection| {
            attempts.set(attempts.get() + 1);
            if attempts.get() == 1 {
                let pid: i64 = text(connection, "pg_backend_pid()")?.parse().unwrap();
                let database = &database;
                scope.spawn(move || {
                    let sleeping = format!(
                        "SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep'"
                    );
                    crate::support::wait_for(database, &sleeping, "1");
                    kill_pid(database, pid);
                });
                return execute(connection, "INSERT INTO t SELECT 1 FROM pg_sleep(60)");
            }
            execute(connection, "INSERT INTO t VALUES (1)")
        })
    });
    (result, attempts.get(), ask(&database, "SELECT count(*) FROM t"))
}

#[test]
fn a_statement_that_was_lost_underway_is_repeated_only_where_nothing_can_be_kept_twice() {
    for (pool_mode, operation, is_repeated) in [
        (PoolMode::Session, Operation::IdempotentWrite, true),
        (PoolMode::Session, Operation::Write, false),
        (PoolMode::Session, Operation::Transaction, true),
        (PoolMode::Transaction, Operation::Write, true),
    ] {
        let (result, attempts, rows) = killed_underway(pool_mode, operation);
        if is_repeated {
            assert_eq!((result.unwrap(), attempts, rows.as_str()), (1, 2, "1"), "{operation:?}");
        } else {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
            assert_eq!((attempts, rows.as_str()), (1, "0"));
        }
    }
}

#[test]
fn a_write_that_was_kept_is_not_repeated_when_the_read_after_it_is_lost() {
    let database = case();
    let mut pool = pool(&database, &small_pool(2));
    let attempts = Cell::new(0);
    let result = pool.run(Operation::Write, |connection| {
        attempts.set(attempts.get() + 1);
        execute(connection, "INSERT INTO t VALUES (1)")?;
        let pid: i64 = connection.client().one("SELECT pg_backend_pid()", &[])?;
        kill_pid(&database, pid);
        text(connection, "SELECT count(*) FROM t")
    });
    assert!(matches!(result, Err(Error::OutcomeUnknown { .. })), "{result:?}");
    assert_eq!((attempts.get(), ask(&database, "SELECT count(*) FROM t").as_str()), (1, "1"));
}

#[test]
fn a_single_connection_repeats_nothing_and_says_what_is_unknown() {
    for (operation, is_unknown) in
        [(Operation::Write, true), (Operation::Transaction, false), (Operation::Read, false)]
    {
        let database = case();
        let mut single = connection(&database);
        let attempts = Cell::new(0);
        let result: Result<usize> = single.run(operation, |connection| {
            attempts.set(attempts.get() + 1);
            let suicide = "INSERT INTO t SELECT 1 WHERE pg_terminate_backend(pg_backend_pid(), 5000)";
            execute(connection, suicide)
        });
        assert_eq!(matches!(result, Err(Error::OutcomeUnknown { .. })), is_unknown, "{result:?}");
        assert!(result.is_err());
        assert_eq!(attempts.get(), 1);
    }
    // In a transaction that is open already, an operation is a part of it.
    let database = case();
    let mut single = connection(&database);
    diesel::Connection::begin_test_transaction(&mut single).unwrap();
    let insert = |connection: &mut hyperpage_store::postgres::Connection| {
        execute(connection, "INSERT INTO t VALUES (1)")
    };
    for operation in ALL {
        assert_eq!(single.run(operation, insert).unwrap(), 1);
    }
    let undone: Result<usize> = single.run(Operation::Transaction, |connection| {
        execute(connection, "INSERT INTO t VALUES (1)")?;
        execute(connection, "SELECT refuse('23505')")
    });
    assert!(undone.is_err());
    let count = single.run(Operation::Read, |connection| text(connection, "SELECT count(*) FROM t"));
    assert_eq!(count.unwrap(), "4");
    assert_eq!(ask(&database, "SELECT count(*) FROM t"), "0");
}

#[test]
fn a_transaction_that_is_lost_before_its_commit_is_repeated_and_kept_once() {
    let database = case();
    let mut pool = pool(&database, &small_pool(2));
    let attempts = Cell::new(0);
    let result = pool.run(Operation::Transaction, |connection| {
        attempts.set(attempts.get() + 1);
        execute(connection, "INSERT INTO t VALUES (1)")?;
        if attempts.get() == 1 {
            let pid = text(connection, "pg_backend_pid()")?.parse().unwrap();
            kill_pid(&database, pid);
        }
        Ok(())
    });
    result.unwrap();
    assert_eq!((attempts.get(), ask(&database, "SELECT count(*) FROM t").as_str()), (2, "1"));
}

#[test]
fn a_kept_statement_that_no_longer_fits_is_repeated_with_its_transaction() {
    let database = case();
    let mut pool = pool(&database, &small_pool(1));
    let read = |connection: &mut hyperpage_store::postgres::Connection| {
        let none: [Option<&[u8]>; 0] = [];
        let rows = connection.client().prepared_query("SELECT * FROM t", &[], &none);
        rows.map(|rows| rows.columns()).map_err(Error::from)
    };
    assert_eq!(pool.run(Operation::Transaction, read).unwrap(), 1);
    connection(&database).client().script("ALTER TABLE t ADD COLUMN b text").unwrap();
    assert_eq!(pool.run(Operation::Transaction, read).unwrap(), 2);
    connection(&database).client().script("ALTER TABLE t ADD COLUMN c text").unwrap();
    assert_eq!(pool.run(Operation::Read, read).unwrap(), 3);
}
