//! PgBouncer in transaction mode that restarts, and faults in transactions whose settings are their own.

use hyperpage_store::{Error, Store};
use postgres_client::{AppSettings, PoolMode};
use test_database::pgbouncer::PgBouncer;

use crate::harness::{App, settings};
use crate::ledger::{assert_consistent, state};
use crate::operations::{LATER, NOW, Operation, job};

/// The settings for a pooler of transactions.
pub fn transaction_mode() -> AppSettings {
    AppSettings { pool_mode: PoolMode::Transaction, ..settings() }
}

#[test]
fn a_pooler_that_restarts_between_two_calls_is_noticed_by_none_of_them() {
    let app = App::new();
    let Some(mut pooler) =
        PgBouncer::start(app.database.url(), "transaction", "ignore_startup_parameters = extra_float_digits")
    else {
        return;
    };
    let client = app.client_at(&pooler.url(app.database.url()), &transaction_mode());
    for operation in Operation::ALL {
        app.empty();
        Operation::prepare(&app.client());
        client.run("before", |store| store.state("entry"));
        pooler.restart();
        let result = client.call("restarted", move |store| operation.run(store));
        assert!(result.is_ok(), "{operation:?}: {result:?}");
    }
    assert_consistent(&app, "restarts");
}

#[test]
fn a_pooler_that_restarts_while_it_works_loses_and_repeats_nothing() {
    const JOBS: usize = 200;
    let app = App::new();
    let Some(mut pooler) = PgBouncer::start(app.database.url(), "transaction", "default_pool_size = 3")
    else {
        return;
    };
    let client = app.client_at(&pooler.url(app.database.url()), &transaction_mode());
    let (kept, unknown) = std::thread::scope(|scope| {
        let client = &client;
        let enqueuing = scope.spawn(move || {
            let (mut kept, mut unknown) = (Vec::new(), Vec::new());
            for number in 0..JOBS {
                let id = format!("job {number:03}");
                let job = job(&id, 0);
                match client.call("enqueue", move |store| store.enqueue(&job, NOW)) {
                    Ok(is_new) => {
                        assert!(is_new, "{id} was enqueued twice");
                        kept.push(id);
                    }
                    Err(Error::OutcomeUnknown { .. }) => unknown.push(id),
                    Err(Error::Unavailable { .. }) => {}
                    Err(error) => panic!("{id}: {error:?}"),
                }
            }
            (kept, unknown)
        });
        for _ in 0..5 {
            std::thread::sleep(std::time::Duration::from_millis(100));
            pooler.restart();
        }
        enqueuing.join().unwrap()
    });
    let found = app.ask("SELECT id FROM jobs ORDER BY id");
    assert!(kept.iter().all(|id| found.contains(id)), "a job that was enqueued is missing");
    assert!(
        found.iter().all(|id| kept.contains(id) || unknown.contains(id)),
        "a job is there that was not enqueued"
    );
    client.run("afterwards", |store| store.claim(LATER)).unwrap();
    assert_consistent(&app, "restarts");
    assert!(!state(&app).is_empty());
}
