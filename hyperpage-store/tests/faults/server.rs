//! A server that restarts, stops, is suspended, and has no room for another session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyperpage_store::{Error, Result, Store};
use test_database::occupied::Occupied;
use test_database::own_server::{OwnServer, StopMode};

use crate::client::Client;
use crate::harness::{App, settings};
use crate::ledger::{assert_consistent, state};
use crate::operations::{NOW, Operation, job};

/// Opens all sessions of the pool.
fn fill_pool(app: &App, client: &Client) {
    let most = settings().db.pool_max;
    app.execute("CREATE FUNCTION wait_for_all() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$;
        CREATE TRIGGER wait_for_all BEFORE INSERT ON app_state FOR EACH ROW EXECUTE FUNCTION wait_for_all()");
    std::thread::scope(|scope| {
        for number in 0..most {
            scope.spawn(move || {
                let key = format!("filler {number}");
                client.run("fill the pool", move |store| store.set_state(&key, None, NOW));
            });
        }
    });
    app.execute("DROP TRIGGER wait_for_all ON app_state; DROP FUNCTION wait_for_all; DELETE FROM app_state WHERE key LIKE 'filler%'");
    assert_eq!(app.sessions(), most as usize);
}

#[test]
fn a_restart_between_two_calls_is_noticed_by_none_of_them() {
    let server = OwnServer::start_durable(&[]);
    for (mode, operations) in [
        (StopMode::Fast, [Operation::Claim, Operation::Enqueue, Operation::Consume]),
        (StopMode::Immediate, [Operation::Complete, Operation::CompareAndSet, Operation::Recover]),
    ] {
        let app = App::on(&server);
        let client = app.client_at(app.database.url(), &settings());
        Operation::prepare(&app.client());
        for operation in operations {
            fill_pool(&app, &client);
            server.restart(mode);
            let what = format!("{mode:?}, {operation:?}");
            client.run(&what, move |store| operation.run(store));
            assert_consistent(&app, &what);
            app.assert_no_transaction_is_open(&what);
        }
    }
}

#[test]
fn calls_during_restarts_end_in_time_and_nothing_is_done_twice() {
    let server = OwnServer::start_durable(&[]);
    let app = App::on(&server);
    let client = app.client_at(app.database.url(), &settings());
    let is_over = AtomicBool::new(false);
    let enqueued = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let (client, is_over) = (&client, &is_over);
                scope.spawn(move || enqueue_until(client, worker, is_over))
            })
            .collect();
        for mode in [StopMode::Fast, StopMode::Immediate, StopMode::Fast] {
            std::thread::sleep(Duration::from_millis(300));
            server.restart(mode);
        }
        is_over.store(true, Ordering::SeqCst);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    let found = app.ask("SELECT id FROM jobs");
    let kept = enqueued.iter().flat_map(|of_worker| &of_worker.kept);
    let unknown: Vec<&String> = enqueued.iter().flat_map(|of_worker| &of_worker.unknown).collect();
    assert!(kept.clone().all(|id| found.contains(id)), "a job that was enqueued is missing");
    let kept: Vec<&String> = kept.collect();
    assert!(!kept.is_empty());
    assert!(
        found.iter().all(|id| kept.contains(&id) || unknown.contains(&id)),
        "a job is there that was not enqueued"
    );
    client.run("afterwards", |store| Operation::Claim.run(store));
    app.assert_no_transaction_is_open("restarts");
    assert!(app.sessions() <= settings().db.pool_max as usize);
}

#[derive(Default)]
struct Enqueued {
    kept: Vec<String>,
    unknown: Vec<String>,
}

/// Enqueues one job after another. Without a connection or an answer nothing is changed.
fn enqueue_until(client: &Client, worker: usize, is_over: &AtomicBool) -> Enqueued {
    let mut enqueued = Enqueued::default();
    for number in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let id = format!("job {worker}-{number}");
        let job = job(&id, 0);
        match client.call(&id, move |store| store.enqueue(&job, NOW)) {
            Ok(is_new) => {
                assert!(is_new, "{id} was enqueued twice");
                enqueued.kept.push(id);
            }
            Err(Error::OutcomeUnknown { .. }) => enqueued.unknown.push(id),
            Err(Error::Unavailable { .. } | Error::Database { .. }) => {}
            Err(error) => panic!("{id}: {error:?}"),
        }
    }
    enqueued
}

#[test]
fn a_stopped_server_is_unavailable_and_available_once_it_is_started() {
    let server = OwnServer::start_durable(&[]);
    let app = App::on(&server);
    let client = app.client_at(app.database.url(), &settings());
    Operation::prepare(&client);
    let before = state(&app);
    server.cluster.stop(StopMode::Fast).unwrap();
    for operation in [Operation::Claim, Operation::Consume, Operation::SetState] {
        let result = client.call("stopped", move |store| operation.run(store));
        assert!(matches!(result, Err(Error::Unavailable { .. })), "{operation:?}: {result:?}");
    }
    server.cluster.start().unwrap();
    assert_eq!(state(&app), before);
    client.run("started", |store| Operation::Claim.run(store));
    assert_consistent(&app, "started again");
}

#[test]
fn a_server_without_room_is_unavailable_until_there_is_some() {
    let server = OwnServer::start(&["max_connections = 12", "superuser_reserved_connections = 0"]);
    let app = App::on(&server);
    Operation::prepare(&app.client());
    let client = app.client_at(app.database.url(), &settings());
    let mut occupied = Occupied::all(&server.url());
    for operation in [Operation::Claim, Operation::Consume] {
        let result = client.call("no room", move |store| operation.run(store));
        assert!(matches!(result, Err(Error::Unavailable { .. })), "{operation:?}: {result:?}");
    }
    // One session for the app, one for the test.
    occupied.free(2);
    client.run("room", |store| Operation::Claim.run(store));
    // A session that the pool has does not need any room.
    occupied = {
        drop(occupied);
        Occupied::all(&server.url())
    };
    client.run("no more room", |store| Operation::Complete.run(store));
    drop(occupied);
    assert_consistent(&app, "room");
    assert!(app.sessions() <= settings().db.pool_max as usize);
}

/// An app's store with an open session, and the state of its database.
struct Warm {
    operation: Operation,
    app: App,
    client: Client,
    before: Vec<String>,
}

impl Warm {
    fn new(server: &OwnServer, operation: Operation) -> Warm {
        let app = App::on(server);
        let client = app.client_at(app.database.url(), &settings());
        Operation::prepare(&app.client());
        client.run("warm up", |store| store.state("entry"));
        let before = state(&app);
        Warm { operation, app, client, before }
    }

    fn call(&self) -> Result<String> {
        let operation = self.operation;
        self.client.call(&format!("{operation:?} on a suspended server"), move |store| operation.run(store))
    }

    /// Checks what the server has done once it has resumed.
    #[track_caller]
    fn judge(&self, result: Result<String>) {
        let Warm { operation, app, client, before } = self;
        // The server still reads what the app has sent before it notices that the app has gone.
        app.wait_until("the app's statements have ended", &App::busy_sessions("= 0"));
        match result {
            Err(Error::OutcomeUnknown { .. }) => assert!(operation.is_single_write(), "{operation:?}"),
            Err(Error::Unavailable { .. } | Error::Database { .. }) => {
                assert!(
                    !operation.is_single_write() || operation.is_idempotent(),
                    "{operation:?}: {result:?}"
                );
                assert_eq!(&state(app), before, "{operation:?} was carried out afterwards: {result:?}");
            }
            result => panic!("{operation:?}: {result:?}"),
        }
        assert_consistent(app, &format!("{operation:?}"));
        client.run("resumed", |store| store.state("entry"));
        app.assert_no_transaction_is_open(&format!("{operation:?}"));
    }
}

#[test]
fn calls_to_a_suspended_server_end_in_time_and_keep_their_promise_when_it_resumes() {
    let server = OwnServer::start_durable(&[]);
    let warm: Vec<Warm> = Operation::ALL.iter().map(|operation| Warm::new(&server, *operation)).collect();
    let suspended = server.suspend();
    let results = std::thread::scope(|scope| {
        let calls: Vec<_> = warm.iter().map(|warm| scope.spawn(|| warm.call())).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect::<Vec<_>>()
    });
    drop(suspended);
    for (warm, result) in warm.iter().zip(results) {
        warm.judge(result);
    }
}

#[test]
fn a_suspension_that_is_shorter_than_the_deadline_is_only_a_delay() {
    let server = OwnServer::start_durable(&[]);
    let app = App::on(&server);
    let client = app.client_at(app.database.url(), &settings());
    Operation::prepare(&client);
    std::thread::scope(|scope| {
        let suspended = server.suspend();
        let call = scope.spawn(|| client.call("short", |store| Operation::Claim.run(store)));
        std::thread::sleep(Duration::from_millis(200));
        drop(suspended);
        let result = call.join().unwrap();
        assert!(result.is_ok(), "{result:?}");
    });
    assert_consistent(&app, "a short suspension");
}
