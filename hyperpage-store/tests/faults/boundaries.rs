//! A fault at each message of each operation: before a commit the operation is repeated and done once, at a commit its outcome is unknown.

use hyperpage_store::Error;
use postgres_client::AppSettings;

use crate::client::Client;
use crate::harness::{App, settings};
use crate::injector::{Fault, Hit, Injector};
use crate::ledger::{assert_consistent, state};
use crate::operations::Operation;
use crate::pooler::transaction_mode;

/// No operation sends as many messages.
const MESSAGES_MAX: usize = 60;

/// An operation with the states before and after it, and its result.
struct Subject {
    operation: Operation,
    before: Vec<String>,
    after: Vec<String>,
    result: String,
}

impl Subject {
    /// Runs the operation undisturbed.
    fn of(app: &App, client: &Client, operation: Operation) -> Subject {
        app.empty();
        Operation::prepare(client);
        let before = state(app);
        let result = client.run("undisturbed", move |store| operation.run(store));
        let after = state(app);
        assert_ne!(before, after, "{operation:?} changes nothing");
        assert_consistent(app, &format!("{operation:?}"));
        Subject { operation, before, after, result }
    }
}

/// How often an operation ended in each way.
#[derive(Debug, Default)]
struct Outcomes {
    done: usize,
    unknown_and_kept: usize,
    unknown_and_not_kept: usize,
}

/// Injects a fault at each message of an operation and checks what became of it.
#[track_caller]
fn at_each_message(
    app: &App,
    injector: &Injector,
    settings: &AppSettings,
    subject: &Subject,
    fault: Fault,
    outcomes: &mut Outcomes,
) {
    let operation = subject.operation;
    let direct = app.client();
    for index in 0..MESSAGES_MAX {
        app.empty();
        Operation::prepare(&direct);
        let client = app.client_at(&injector.proxy.url, settings);
        // The first call opens the session.
        client.run("warm up", store_is_reached);
        injector.arm(index, fault);
        let result = client.call(&format!("{operation:?}"), move |store| operation.run(store));
        let Some(hit) = injector.disarm() else {
            assert!(index > 0, "{operation:?} sent nothing");
            assert_eq!(result.unwrap(), subject.result, "{operation:?} without a fault");
            return;
        };
        let what = format!("{operation:?}, {fault:?} at message {index}: {}", hit.text);
        judge(app, subject, fault, &hit, result, &what, outcomes);
        assert_consistent(app, &what);
        // The same store works again at once.
        client.run(&what, store_is_reached);
        drop(client);
        app.assert_no_session_is_left(&what);
    }
    panic!("{operation:?} sends more than {MESSAGES_MAX} messages");
}

fn store_is_reached(store: &mut impl hyperpage_store::Store) -> hyperpage_store::Result<()> {
    store.state("entry").map(|entry| assert!(entry.is_some()))
}

fn judge(
    app: &App,
    subject: &Subject,
    fault: Fault,
    hit: &Hit,
    result: hyperpage_store::Result<String>,
    what: &str,
    outcomes: &mut Outcomes,
) {
    let found = state(app);
    match result {
        Ok(result) => {
            assert_eq!(result, subject.result, "{what}");
            assert_eq!(found, subject.after, "{what}");
            let is_lost = matches!(fault, Fault::Cut | Fault::ReplyLost | Fault::Silence);
            let may_be_repeated = subject.operation.is_idempotent();
            assert!(
                !hit.is_commit || !is_lost || may_be_repeated,
                "{what}: nobody can know that this was kept once"
            );
            outcomes.done += 1;
        }
        Err(Error::OutcomeUnknown { .. }) => {
            assert!(
                hit.is_commit || (subject.operation.is_single_write() && !subject.operation.is_idempotent()),
                "{what}: it may be repeated, but its outcome counts as unknown"
            );
            if found == subject.after {
                assert_eq!(fault, Fault::ReplyLost, "{what}: kept, although it did not arrive");
                outcomes.unknown_and_kept += 1;
            } else {
                assert_eq!(found, subject.before, "{what}");
                outcomes.unknown_and_not_kept += 1;
            }
        }
        Err(error) => panic!("{what}: {error:?}"),
    }
}

/// Injects a fault at each message of some operations, and returns how they ended.
#[track_caller]
fn everywhere(settings: &AppSettings, operations: &[Operation], fault: Fault) -> Outcomes {
    let app = App::new();
    let injector = Injector::start(&app);
    let direct = app.client();
    let mut outcomes = Outcomes::default();
    for operation in operations {
        let subject = Subject::of(&app, &direct, *operation);
        at_each_message(&app, &injector, settings, &subject, fault, &mut outcomes);
    }
    outcomes
}

#[test]
fn a_cut_before_a_commit_is_repeated_and_one_at_a_commit_is_unknown_and_not_kept() {
    let outcomes = everywhere(&settings(), &Operation::ALL, Fault::Cut);
    assert!(outcomes.done > 0 && outcomes.unknown_and_not_kept > 0, "{outcomes:?}");
    assert_eq!(outcomes.unknown_and_kept, 0, "{outcomes:?}");
}

#[test]
fn a_reply_that_is_lost_before_a_commit_is_repeated_and_that_to_a_commit_is_unknown_and_kept() {
    let outcomes = everywhere(&settings(), &Operation::ALL, Fault::ReplyLost);
    assert!(outcomes.done > 0 && outcomes.unknown_and_kept > 0, "{outcomes:?}");
}

#[test]
fn a_session_that_is_killed_at_any_statement_leaves_nothing_half_done() {
    let outcomes = everywhere(&settings(), &Operation::ALL, Fault::Killed);
    assert!(outcomes.done > 0, "{outcomes:?}");
    assert_eq!(outcomes.unknown_and_kept, 0, "{outcomes:?}");
}

#[test]
fn a_single_write_in_transaction_mode_is_unknown_at_its_commit_only() {
    let operations =
        [Operation::Enqueue, Operation::Consume, Operation::CompareAndSet, Operation::TouchSession];
    for fault in [Fault::Cut, Fault::ReplyLost] {
        let outcomes = everywhere(&transaction_mode(), &operations, fault);
        let (kept, not_kept) = (outcomes.unknown_and_kept, outcomes.unknown_and_not_kept);
        // One for each that may not be repeated.
        let expected = if fault == Fault::ReplyLost { (3, 0) } else { (0, 3) };
        assert_eq!((kept, not_kept), expected, "{fault:?}: {outcomes:?}");
    }
}
