//! A rollback of a file with a fence: it is taken down in the transaction that proves the file.

use std::fs;

use migrate_core::cutover::RollbackStep;
use row_mover::ledger;
use row_mover::observer::Silent;
use row_mover::rollback::{Author, OfflineRequest, Opened, Rollback, RollbackRequest, open_source_offline};

use crate::rollback::{SOURCE, cut_over_with_fence, execute_until, request};
use crate::support::{Case, chain, sqlite};

#[test]
fn the_fence_is_taken_down_in_the_transaction_that_proves_the_file() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over_with_fence(&case);
    let app = rusqlite::Connection::open(&case.source).unwrap();
    app.execute("INSERT INTO t VALUES (7, 'refused')", []).unwrap_err();
    drop(app);
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    rollback.rehearse_source().unwrap();
    execute_until(&mut rollback, Some(RollbackStep::OpenSource));
    assert_eq!(rollback.open_source().unwrap(), Opened::Proved);
    sqlite(&case.source, "INSERT INTO t VALUES (7, 'accepted')");
    execute_until(&mut rollback, None);
}

#[test]
fn a_crash_after_the_fence_is_down_does_not_doubt_what_the_app_has_written_since() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over_with_fence(&case);
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    execute_until(&mut rollback, Some(RollbackStep::OpenSource));
    rollback.open_source().unwrap();
    drop(rollback);
    // The event of it was not recorded.
    case.execute("DELETE FROM migration.cutover_events WHERE event LIKE '%source_opened%'");
    sqlite(&case.source, "INSERT INTO t VALUES (7, 'since')");
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    assert_eq!(rollback.next_step().unwrap(), Ok(RollbackStep::RecordOpened));
    execute_until(&mut rollback, None);
}

#[test]
fn a_fenced_file_that_somebody_changed_is_not_opened() {
    let case = Case::new(SOURCE);
    case.moved();
    let run = ledger::last_run(&mut case.session()).unwrap().unwrap();
    sqlite(&case.source, "UPDATE t SET v = 'past the fence' WHERE id = 3");
    cut_over_with_fence(&case);
    let plain = request(&case);
    let mut rollback = Rollback::open(&plain, &Silent).unwrap();
    execute_until(&mut rollback, Some(RollbackStep::OpenSource));
    rollback.rehearse_source().unwrap_err();
    let words = chain(&rollback.open_source().unwrap_err());
    assert!(words.contains("rows of table t differ"), "{words}");
    drop(rollback);
    let app = rusqlite::Connection::open(&case.source).unwrap();
    app.execute("INSERT INTO t VALUES (7, 'refused')", []).unwrap_err();
    drop(app);
    let restoring = RollbackRequest { restore_copy: true, ..request(&case) };
    let mut rollback = Rollback::open(&restoring, &Silent).unwrap();
    assert_eq!(rollback.next_step().unwrap(), Ok(RollbackStep::OpenSource));
    let Opened::Restored(restored) = rollback.open_source().unwrap() else { panic!("not restored") };
    assert_eq!(fs::read(&run.seal.path).unwrap(), fs::read(restored.path).unwrap());
    execute_until(&mut rollback, None);
}

#[test]
fn without_postgresql_the_copy_is_found_by_the_fence() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over_with_fence(&case);
    let offline = OfflineRequest {
        sqlite: case.source.clone(),
        backup_dir: case.backup_dir(),
        sealed_copy: None,
        restore_copy: false,
        accept_damaged_indexes: false,
        dry_run: false,
        author: Author::default(),
    };
    // A later copy of the same file is not the one of the fence.
    let other = row_mover::source::seal::copy(&case.source, &case.backup_dir(), &|_| Ok(())).unwrap();
    let hash = other.hash(&|| Ok(())).unwrap();
    let other = other.seal(hash).unwrap();
    let reopened = open_source_offline(&offline, &Silent).unwrap();
    assert_ne!(reopened.copy.path, other.path);
    assert_eq!(reopened.opened, Some(Opened::Proved));
    sqlite(&case.source, "INSERT INTO t VALUES (7, 'accepted')");
    let request = request(&case);
    execute_until(&mut Rollback::open(&request, &Silent).unwrap(), None);
}
