//! The pool: sizes, exhaustion, connections that the server has closed, refusals.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use hyperpage_store::Error;
use hyperpage_store::postgres::{Operation, Pool, Source};
use postgres_client::retry::in_one_line;
use postgres_client::{AppPool, AppSettings, DbSettings, PoolState, TargetUrl};
use test_database::TestDatabase;

use crate::support::{execute, kill_pid, migrated, pool, small_pool, text, wait_for};

/// Far more than anything here takes, and far less than the deadlines that must not be waited for.
const AT_ONCE: Duration = Duration::from_secs(8);

const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity \
                        WHERE datname = current_database() AND application_name = 'hyperpage' AND pid <> pg_backend_pid()";

const PID: &str = "pg_backend_pid()";

#[test]
fn connections_are_opened_when_needed_and_reused() {
    let database = TestDatabase::create();
    let mut pool = pool(&database, &small_pool(3));
    assert_eq!(pool.state(), PoolState { max: 3, open: 0, idle: 0, in_use: 0, waiting: 0 });
    let pids: Vec<String> =
        (0..5).map(|_| pool.run(Operation::Read, |connection| text(connection, PID)).unwrap()).collect();
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
    let inside = pool.clone();
    pool.run(Operation::Read, |connection| {
        let state = inside.state();
        assert_eq!((state.open, state.idle, state.in_use), (1, 0, 1));
        text(connection, PID)
    })
    .unwrap();
    assert_eq!(pool.state(), PoolState { max: 3, open: 1, idle: 1, in_use: 0, waiting: 0 });
}

#[test]
fn exhaustion_is_an_error_within_the_connection_timeout_and_passes() {
    let database = TestDatabase::create();
    let pool = pool(&database, &small_pool(1));
    let (release, released) = channel::<()>();
    let (hold, held) = channel::<()>();
    std::thread::scope(|scope| {
        let shared = &pool;
        let holder = scope.spawn(move || {
            Source::run(&mut &*shared, Operation::Read, |_| {
                hold.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            })
        });
        held.recv().unwrap();
        let waiter = scope.spawn(|| {
            let started = Instant::now();
            let result = Source::run(&mut &pool, Operation::Read, |connection| text(connection, PID));
            (result, started.elapsed())
        });
        while pool.state().waiting == 0 {
            assert!(!waiter.is_finished());
            std::thread::sleep(Duration::from_millis(5));
        }
        let (result, waited) = waiter.join().unwrap();
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        assert!(waited >= Duration::from_secs(1) && waited < AT_ONCE, "{waited:?}");
        release.send(()).unwrap();
        holder.join().unwrap().unwrap();
    });
    assert_eq!(pool.state().waiting, 0);
    Source::run(&mut &pool, Operation::Read, |connection| text(connection, PID)).unwrap();
}

#[test]
fn connections_that_the_server_closed_are_replaced_without_an_error() {
    let database = migrated();
    let mut pool = pool(&database, &small_pool(4));
    // Four connections at a time.
    let barrier = &std::sync::Barrier::new(4);
    let shared = &pool;
    let pids: Vec<i64> = std::thread::scope(|scope| {
        let open = |_| {
            scope.spawn(move || {
                let pid = Source::run(&mut &*shared, Operation::Read, |connection| {
                    barrier.wait();
                    text(connection, PID)
                });
                pid.unwrap().parse().unwrap()
            })
        };
        let opened: Vec<_> = (0..4).map(open).collect();
        opened.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(pool.state().idle, 4);
    for pid in &pids {
        kill_pid(&database, *pid);
    }
    for operation in [Operation::Write, Operation::Transaction, Operation::Read] {
        let pid = pool.run(operation, |connection| text(connection, PID)).unwrap();
        assert!(!pids.contains(&pid.parse().unwrap()));
    }
}

#[test]
fn a_connection_in_a_transaction_does_not_return_to_the_pool() {
    let database = TestDatabase::create();
    let mut pool = pool(&database, &small_pool(1));
    let mut first = String::new();
    pool.run(Operation::Write, |connection| {
        first = text(connection, PID)?;
        execute(connection, "BEGIN")
    })
    .unwrap();
    let second = pool.run(Operation::Read, |connection| text(connection, PID)).unwrap();
    assert_ne!(first, second);

    let panicked = catch_unwind(AssertUnwindSafe(|| {
        pool.run(Operation::Transaction, |connection| {
            execute(connection, "SELECT 1")?;
            panic!("as expected");
            #[allow(unreachable_code, reason = "it has the type of the closure")]
            Ok(())
        })
    }));
    assert!(panicked.is_err());
    let third = pool.run(Operation::Read, |connection| text(connection, PID)).unwrap();
    assert_ne!(second, third);
    wait_for(&database, SESSIONS, "1");
}

#[test]
fn a_call_ends_at_its_deadline_though_a_connection_is_idle() {
    let database = TestDatabase::create();
    let target = TargetUrl::parse(database.url()).unwrap();
    let pool: AppPool<postgres_client::Connection> = AppPool::open(&target, &small_pool(1));
    drop(pool.get(Instant::now() + AT_ONCE).unwrap());
    let (end, ended) = channel();
    let shared = pool.clone();
    std::thread::spawn(move || end.send(shared.get(Instant::now()).is_err()));
    assert!(ended.recv_timeout(AT_ONCE).unwrap());
    // The connection itself is fine.
    assert_eq!(pool.state().idle, 1);
    drop(pool.get(Instant::now() + AT_ONCE).unwrap());
}

#[test]
fn a_refusal_for_good_is_an_error_at_once_and_says_why() {
    let database = TestDatabase::create();
    let db = DbSettings { connection_timeout: Duration::from_secs(60), ..DbSettings::default() };
    let settings = AppSettings { db, ..AppSettings::default() };
    let unknown = database.url().replace(database.name(), "no_such_database");
    let mut pool = Pool::open(&TargetUrl::parse(&unknown).unwrap(), &settings).unwrap();
    for _ in 0..2 {
        let started = Instant::now();
        let error = pool.run(Operation::Read, |connection| text(connection, PID)).unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
        let Error::Unavailable { source } = error else { panic!("{error:?}") };
        let source = source.downcast_ref::<postgres_client::Error>().unwrap();
        assert!(in_one_line(source).contains("3D000"), "{}", in_one_line(source));
        assert!(!source.is_transient());
    }
}

#[test]
fn the_minimum_is_opened_at_once_and_closed_with_the_pool() {
    let database = TestDatabase::create();
    let db = DbSettings { pool_min: 2, ..small_pool(3).db };
    let pool = pool(&database, &AppSettings { db, ..AppSettings::default() });
    wait_for(&database, SESSIONS, "2");
    assert_eq!(pool.state().max, 3);
    drop(pool);
    wait_for(&database, SESSIONS, "0");
}
