//! Locks of others, statements that take too long, serialization failures and deadlocks.

use std::time::Duration;

use hyperpage_store::domain::{Consumption, JobChange};
use hyperpage_store::{Error, Store};
use postgres_client::AppSettings;
use serde_json::json;

use crate::client::Client;
use crate::harness::{App, settings};
use crate::ledger::{assert_consistent, state};
use crate::operations::{CALLS, LATER, Operation};

fn prepared() -> (App, Client) {
    let app = App::new();
    let client = app.client();
    Operation::prepare(&client);
    (app, client)
}

/// Waits until a session of the app waits for a lock.
#[track_caller]
fn wait_for_waiting(app: &App) {
    app.wait_until(
        "a session of the app waits for a lock",
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
}

#[test]
fn a_row_that_others_have_locked_makes_the_operation_busy_and_changes_nothing() {
    let (app, client) = prepared();
    let before = state(&app);
    let mut other = app.admin();
    other
        .script("BEGIN; SELECT FROM rate_limits FOR UPDATE; SELECT FROM jobs WHERE id = 'running' FOR UPDATE")
        .unwrap();
    for operation in [Operation::Consume, Operation::Complete, Operation::Fail, Operation::Recover] {
        let result = client.call("locked", move |store| operation.run(store));
        assert!(matches!(result, Err(Error::Busy { .. })), "{operation:?}: {result:?}");
        app.assert_no_transaction_is_open(&format!("{operation:?}"));
    }
    // A claim skips what others have locked.
    let claimed = client.run("claim", |store| store.claim(LATER)).unwrap();
    assert_eq!(claimed.id.as_str(), "pending");
    client.run("fail", |store| store.fail(&"pending".into(), "given back", LATER));
    other.script("ROLLBACK").unwrap();
    assert_ne!(state(&app), before);
    for operation in [Operation::Consume, Operation::Complete] {
        client.run("unlocked", move |store| operation.run(store));
    }
    assert_consistent(&app, "after locks");
}

#[test]
fn a_table_that_others_have_locked_makes_every_operation_busy() {
    let (app, client) = prepared();
    let before = state(&app);
    let mut other = app.admin();
    other
        .script("BEGIN; LOCK TABLE jobs, rate_limits, app_state, user_sessions IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    for operation in Operation::ALL {
        let result = client.call("locked", move |store| operation.run(store));
        assert!(matches!(result, Err(Error::Busy { .. })), "{operation:?}: {result:?}");
    }
    app.assert_no_transaction_is_open("locked");
    other.script("ROLLBACK").unwrap();
    assert_eq!(state(&app), before);
    client.run("unlocked", |store| Operation::Claim.run(store));
}

#[test]
fn a_statement_that_takes_too_long_is_ended_and_changes_nothing() {
    let (app, _) = prepared();
    let defaults = settings();
    let impatient = AppSettings {
        db: postgres_client::DbSettings { statement_timeout: Duration::from_millis(300), ..defaults.db },
        lock_timeout: Duration::ZERO,
        ..defaults
    };
    let client = app.client_at(app.database.url(), &impatient);
    let before = state(&app);
    let mut other = app.admin();
    other
        .script("BEGIN; LOCK TABLE jobs, rate_limits, app_state, user_sessions IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    for operation in Operation::ALL {
        let result = client.call("too long", move |store| operation.run(store));
        assert!(matches!(result, Err(Error::Database { .. })), "{operation:?}: {result:?}");
    }
    app.assert_no_transaction_is_open("too long");
    other.script("ROLLBACK").unwrap();
    assert_eq!(state(&app), before);
    client.run("unlocked", |store| Operation::Claim.run(store));
}

#[test]
fn a_serialization_failure_is_repeated_and_done_once() {
    let (app, _) = prepared();
    app.execute(&format!(
        "ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'",
        app.database.name()
    ));
    let client = app.client();
    let mut other = app.admin();
    // What others commit while the app waits for their lock is not in its snapshot.
    for (changed, operation) in [
        ("UPDATE rate_limits SET limit_remaining = limit_remaining - 1", Operation::Consume),
        ("UPDATE jobs SET name = name || ' renamed' WHERE id = 'running'", Operation::Complete),
    ] {
        other.script(&format!("BEGIN ISOLATION LEVEL READ COMMITTED; {changed}")).unwrap();
        let waiting = client.clone();
        let call = std::thread::spawn(move || waiting.call("waiting", move |store| operation.run(store)));
        wait_for_waiting(&app);
        other.script("COMMIT").unwrap();
        let result = call.join().unwrap();
        assert!(result.is_ok(), "{operation:?}: {result:?}");
    }
    assert_eq!(app.ask("SELECT limit_remaining FROM rate_limits"), [(CALLS - 1 - 7).to_string()]);
    assert_eq!(
        app.ask("SELECT status, name FROM jobs WHERE id = 'running'"),
        ["completed|job running renamed"]
    );
    assert_consistent(&app, "after serialization failures");
}

#[test]
fn a_deadlock_is_repeated_and_done_once() {
    let (app, _) = prepared();
    // The app's session is the first to check for a deadlock, and so its victim.
    app.execute(&format!("ALTER DATABASE {} SET deadlock_timeout = '50ms'", app.database.name()));
    let client = app.client();
    let mut other = app.admin();
    other.script("SET deadlock_timeout = '1min'").unwrap();
    other.script("BEGIN; SELECT FROM job_history WHERE job_id = 'running' FOR UPDATE").unwrap();
    let waiting = client.clone();
    let call = std::thread::spawn(move || {
        waiting.call("deadlock", |store| store.complete(&"running".into(), &json!("done"), LATER))
    });
    // The app has locked the job and waits for its attempt; now the other waits for the job.
    wait_for_waiting(&app);
    other.script("SELECT FROM jobs WHERE id = 'running' FOR UPDATE; COMMIT").unwrap();
    let result = call.join().unwrap();
    assert!(matches!(result, Ok(JobChange::Changed(_))), "{result:?}");
    app.wait_until(
        "the server counts a deadlock",
        "SELECT pg_stat_force_next_flush() IS NOT NULL AND deadlocks = 1 FROM pg_stat_database WHERE datname = current_database()",
    );
    assert_consistent(&app, "after a deadlock");
}

#[test]
fn a_conflict_that_lasts_is_given_up() {
    let (app, client) = prepared();
    // A sequence counts what is rolled back, too.
    app.execute(
        "CREATE SEQUENCE tries; GRANT ALL ON tries TO PUBLIC;
         CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM nextval('public.tries');
             RAISE EXCEPTION 'a conflict' USING ERRCODE = TG_ARGV[0];
         END $$;
         CREATE TRIGGER conflict BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION conflict('40001');
         CREATE TRIGGER refused BEFORE UPDATE ON rate_limits FOR EACH ROW EXECUTE FUNCTION conflict('23514')",
    );
    let before = state(&app);
    let conflict = client.call("conflict", |store| store.claim(LATER));
    assert!(matches!(conflict, Err(Error::Database { .. } | Error::Busy { .. })), "{conflict:?}");
    let tries: u32 = app.ask("SELECT last_value FROM tries")[0].parse().unwrap();
    assert!((2..=20).contains(&tries), "{tries} tries");
    // What cannot succeed is tried once.
    let refused = client.call("refused", |store| store.consume("limit", 7, LATER));
    assert!(matches!(refused, Err(Error::Database { .. })), "{refused:?}");
    assert_eq!(app.ask("SELECT last_value FROM tries"), [(tries + 1).to_string()]);
    assert_eq!(state(&app), before);
    app.execute("DROP TRIGGER conflict ON jobs; DROP TRIGGER refused ON rate_limits");
    client.run("claim", |store| store.claim(LATER)).unwrap();
    let consumed = client.run("consume", |store| store.consume("limit", 7, LATER));
    assert_eq!(consumed, Consumption::Granted { remaining: Some(CALLS - 7) });
}
