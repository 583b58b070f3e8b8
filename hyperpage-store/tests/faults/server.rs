//! A server that restarts, stops, is suspended, and has no room for another session.

use std::time::Duration;

use hyperpage_store::Error;
use test_database::occupied::Occupied;
use test_database::own_server::{OwnServer, StopMode};

use crate::client::Client;
use crate::harness::{App, settings};
use crate::ledger::{assert_consistent, state};
use crate::operations::Operation;

/// Opens all sessions of the pool.
fn fill_pool(app: &App, client: &Client) {
    let most = settings().db.pool_max;
    app.execute("CREATE FUNCTION wait_for_all() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$;
        CREATE TRIGGER wait_for_all BEFORE INSERT ON app_state FOR EACH ROW EXECUTE FUNCTION wait_for_all()");
    std::thread::scope(|scope| {
        for number in 0..most {
            scope.spawn(move || {
                let key = format!("filler {number}");
                client.run("fill the pool", move |store| {
                    hyperpage_store::Store::set_state(store, &key, None, crate::operations::NOW)
                });
            });
        }
    });
    app.execute("DROP TRIGGER wait_for_all ON app_state; DROP FUNCTION wait_for_all; DELETE FROM app_state WHERE key LIKE 'filler%'");
    assert_eq!(app.sessions(), most as usize);
}

#[test]
fn a_restart_between_two_calls_is_noticed_by_none_of_them() {
    let server = OwnServer::start_durable(&[]);
    for mode in [StopMode::Fast, StopMode::Immediate] {
        let app = App::on(&server);
        let client = app.client_at(app.database.url(), &settings());
        Operation::prepare(&app.client());
        fill_pool(&app, &client);
        // More calls than the pool has dead sessions.
        for operation in Operation::ALL {
            app.empty();
            Operation::prepare(&app.client());
            server.restart(mode);
            let result = client.call("after a restart", move |store| operation.run(store));
            assert!(result.is_ok(), "{mode:?}, {operation:?}: {result:?}");
        }
        assert_consistent(&app, &format!("{mode:?}"));
        app.assert_no_transaction_is_open(&format!("{mode:?}"));
    }
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
    occupied = { drop(occupied); Occupied::all(&server.url()) };
    client.run("no more room", |store| Operation::Complete.run(store));
    drop(occupied);
    assert_consistent(&app, "room");
    assert!(app.sessions() <= settings().db.pool_max as usize);
}

#[test]
fn calls_to_a_suspended_server_end_in_time_and_keep_their_promise_when_it_resumes() {
    let server = OwnServer::start_durable(&[]);
    for operation in Operation::ALL {
        let app = App::on(&server);
        let client = app.client_at(app.database.url(), &settings());
        Operation::prepare(&app.client());
        client.run("warm up", |store| hyperpage_store::Store::state(store, "entry"));
        let before = state(&app);
        let suspended = server.suspend();
        let result = client.call("suspended", move |store| operation.run(store));
        drop(suspended);
        // The server still reads what the app has sent before it notices that the app has gone.
        app.wait_until("the app's statements have ended", &App::busy_sessions("= 0"));
        let after = state(&app);
        match result {
            Err(Error::OutcomeUnknown { .. }) => {}
            Err(Error::Unavailable { .. } | Error::Database { .. } | Error::Busy { .. }) => {
                assert_eq!(after, before, "{operation:?} was carried out afterwards: {result:?}");
            }
            result => panic!("{operation:?}: {result:?}"),
        }
        assert_consistent(&app, &format!("{operation:?}"));
        client.run("resumed", |store| hyperpage_store::Store::state(store, "entry"));
        app.assert_no_transaction_is_open(&format!("{operation:?}"));
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
