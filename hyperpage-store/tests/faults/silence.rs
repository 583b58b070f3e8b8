//! A network that swallows everything without closing anything: each call ends by its deadline.

use hyperpage_store::{Error, Store};

use crate::client::Client;
use crate::harness::{App, settings};
use crate::injector::{Fault, Injector};
use crate::ledger::{assert_consistent, state};
use crate::operations::Operation;

/// Runs an operation that goes silent after `index` messages. Returns false where it sends fewer.
#[track_caller]
fn goes_silent(app: &App, injector: &Injector, operation: Operation, index: usize, is_new: bool) -> bool {
    app.empty();
    Operation::prepare(&app.client());
    let before = state(app);
    let client = app.client_at(&injector.proxy.url, &settings());
    if !is_new {
        client.run("warm up", |store| store.state("entry"));
    }
    injector.arm(index, Fault::Silence);
    let result =
        client.call(&format!("{operation:?}, silent after {index}"), move |store| operation.run(store));
    let Some(hit) = injector.disarm() else { return false };
    let what = format!("{operation:?}, silent at message {index}: {}", hit.text);
    let found = state(app);
    match &result {
        // Repeated on another connection. A claim skips the job that the silent session has locked.
        Ok(result) if operation == Operation::Claim && result == "None" => {
            assert_eq!(found, before, "{what}")
        }
        Ok(_) => assert!(!hit.is_commit && found != before, "{what}: {found:?}"),
        Err(Error::OutcomeUnknown { .. }) => {
            assert!(hit.is_commit || operation.is_single_write(), "{what}");
            assert_eq!(found, before, "{what}");
        }
        // Busy: repeated, while the silent session still has its locks.
        Err(Error::Unavailable { .. } | Error::Database { .. } | Error::Busy { .. }) => {
            assert_eq!(found, before, "{what}: {result:?}");
        }
        Err(error) => panic!("{what}: {error:?}"),
    }
    // The server notices nothing of the silence until the proxy closes the connection.
    injector.proxy.cut_all();
    app.wait_until(&what, &App::busy_sessions("= 0"));
    assert_consistent(app, &what);
    client.run(&what, |store| store.state("entry"));
    drop(client);
    app.assert_no_session_is_left(&what);
    true
}

/// Goes silent at each message of an operation.
#[track_caller]
fn at_each_message(operation: Operation, is_new: bool) {
    let app = App::new();
    let injector = Injector::start(&app);
    let mut index = 0;
    while goes_silent(&app, &injector, operation, index, is_new) {
        index += 1;
    }
    assert!(index > 0, "{operation:?} sends nothing");
}

#[test]
fn a_claim_ends_in_time_wherever_the_network_goes_silent() {
    at_each_message(Operation::Claim, false);
}

#[test]
fn a_completion_ends_in_time_wherever_the_network_goes_silent() {
    at_each_message(Operation::Complete, false);
}

#[test]
fn a_consumption_ends_in_time_wherever_the_network_goes_silent_also_while_connecting() {
    at_each_message(Operation::Consume, true);
}

#[test]
fn an_idempotent_write_ends_in_time_wherever_the_network_goes_silent() {
    at_each_message(Operation::TouchSession, false);
}

#[test]
fn sessions_that_went_silent_while_they_were_idle_are_replaced() {
    let app = App::new();
    let injector = Injector::start(&app);
    Operation::prepare(&app.client());
    let client: Client = app.client_at(&injector.proxy.url, &settings());
    client.run("warm up", |store| store.state("entry"));
    let opened = injector.proxy.connections();
    injector.arm(0, Fault::Silence);
    let result = client.call("silent", |store| store.state("entry"));
    assert!(matches!(result, Ok(_) | Err(Error::Unavailable { .. } | Error::Database { .. })), "{result:?}");
    assert!(injector.disarm().is_some());
    // The next call finds another session at the latest.
    client.run("replaced", |store| store.state("entry"));
    assert!(injector.proxy.connections() > opened);
}
