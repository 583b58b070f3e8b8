//! PgBouncer in transaction mode: the limits hold in each transaction, and nothing stays in sessions that others use next.

use std::time::Duration;

use hyperpage_store::domain::{JobId, JobStatus, NewJob};
use hyperpage_store::postgres::{Operation, Pool, Source};
use hyperpage_store::{Error, PostgresStore, Store, Timestamp};
use postgres_client::{AppSettings, Connection, PoolMode, TargetUrl};
use test_database::pgbouncer::PgBouncer;

use crate::support::{execute, migrated, small_pool, text};

const NOW: Timestamp = Timestamp::from_epoch_ms(1_705_312_800_123);

fn settings() -> AppSettings {
    AppSettings {
        pool_mode: PoolMode::Transaction,
        lock_timeout: Duration::from_millis(1_234),
        ..small_pool(4)
    }
}

fn job(number: usize) -> NewJob {
    NewJob {
        id: format!("job-{number}").as_str().into(),
        job_type: "sync".to_owned(),
        name: "a job".to_owned(),
        priority: 0,
        tool: None,
        endpoint: None,
        payload: serde_json::json!({"number": number}),
    }
}

#[test]
fn many_clients_share_few_sessions_and_leave_nothing_in_them() {
    let database = migrated();
    for more in ["default_pool_size = 1", "default_pool_size = 3\nserver_round_robin = 1"] {
        let Some(pooler) = PgBouncer::start(database.url(), "transaction", more) else { return };
        let through = pooler.url(database.url());
        let pool = Pool::open(&TargetUrl::parse(&through).unwrap(), &settings()).unwrap();
        let claimed: Vec<JobId> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|worker| {
                    let mut store = PostgresStore::new(pool.clone());
                    scope.spawn(move || {
                        for number in 0..10 {
                            assert!(store.enqueue(&job(worker * 10 + number), NOW).unwrap());
                        }
                        let claims = (0..10).map(|_| store.claim(NOW).unwrap().unwrap().id);
                        let claims: Vec<JobId> = claims.collect();
                        for id in &claims {
                            store.complete(id, &serde_json::json!(1), NOW).unwrap();
                        }
                        claims
                    })
                })
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        let mut distinct: Vec<&str> = claimed.iter().map(JobId::as_str).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!((claimed.len(), distinct.len()), (40, 40));

        let mut pool = pool;
        for operation in [Operation::Read, Operation::Write, Operation::Transaction] {
            let limit = pool.run(operation, |connection| text(connection, "current_setting('lock_timeout')"));
            assert_eq!(limit.unwrap(), "1234ms", "{operation:?}");
        }
        // Another client gets the same sessions as they were.
        let mut app = Connection::connect(&through, "another app", Duration::from_secs(5)).unwrap();
        for _ in 0..6 {
            let left = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'), \
                 current_setting('idle_in_transaction_session_timeout'), (SELECT count(*) FROM pg_prepared_statements), \
                 current_setting('application_name')";
            let left: (String, String, String, i64, String) = app.one(left, &[]).unwrap();
            let none = ("0".to_owned(), "0".to_owned(), "0".to_owned(), 0, "another app".to_owned());
            assert_eq!(left, none, "{more}");
        }
        let mut store = PostgresStore::new(pool);
        assert_eq!(store.job(&claimed[0]).unwrap().unwrap().status, JobStatus::Completed);
        assert_eq!(store.delete_finished(Timestamp::from_epoch_ms(NOW.epoch_ms() + 1)).unwrap(), 40);
    }
}

#[test]
fn a_restart_of_the_pooler_is_repeated_without_an_error() {
    let database = migrated();
    let Some(mut pooler) = PgBouncer::start(database.url(), "transaction", "") else { return };
    let mut pool = Pool::open(&TargetUrl::parse(&pooler.url(database.url())).unwrap(), &settings()).unwrap();
    let insert =
        |key: usize| format!("INSERT INTO app_state (key, value, updated_at) VALUES ('{key}', NULL, now())");
    for round in 0..3 {
        pool.run(Operation::Write, |connection| execute(connection, &insert(round))).unwrap();
        pooler.restart();
    }
    let count = pool.run(Operation::Read, |connection| text(connection, "SELECT count(*) FROM app_state"));
    assert_eq!(count.unwrap(), "3");
}

#[test]
fn session_mode_is_refused_behind_a_pooler_of_transactions_and_works_behind_one_of_sessions() {
    let database = migrated();
    let settings = AppSettings { pool_mode: PoolMode::Session, ..settings() };
    let Some(pooler) = PgBouncer::start(database.url(), "transaction", "") else { return };
    let mut pool = Pool::open(&TargetUrl::parse(&pooler.url(database.url())).unwrap(), &settings).unwrap();
    let error = pool.run(Operation::Read, |connection| text(connection, "SELECT 1")).unwrap_err();
    let Error::Unavailable { source } = &error else { panic!("{error:?}") };
    let refusal =
        std::error::Error::source(source.as_ref()).unwrap().downcast_ref::<postgres_client::Error>();
    let remedy = refusal.unwrap().remedy_text().unwrap();
    assert!(remedy.contains("DB_POOL_MODE"), "{remedy}");
    let mut app =
        Connection::connect(&pooler.url(database.url()), "another app", Duration::from_secs(5)).unwrap();
    assert_eq!(app.one::<String>("SELECT current_setting('lock_timeout')", &[]).unwrap(), "0");

    let Some(pooler) = PgBouncer::start(database.url(), "session", "") else { return };
    let mut pool = Pool::open(&TargetUrl::parse(&pooler.url(database.url())).unwrap(), &settings).unwrap();
    let limit = pool.run(Operation::Read, |connection| text(connection, "current_setting('lock_timeout')"));
    assert_eq!(limit.unwrap(), "1234ms");
}
