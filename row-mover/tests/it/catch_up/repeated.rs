//! Catch-ups one after the other: copies, the ledger, dry runs and a source that nobody writes to.

use postgres_client::TargetUrl;
use row_mover::catch_up::{CatchUpOutcome, CatchUpRequest, CatchUps, catch_up};
use row_mover::ledger;
use row_mover::observer::Silent;
use row_mover::source::integrity_check::IntegrityState;

use super::{assert_proven, caught_up, request};
use crate::support::{Case, chain, sqlite};

const SOURCE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t (v) VALUES ('a'), ('b'), ('c')";

#[test]
fn the_first_copy_and_the_present_one_stay() {
    let case = Case::new(SOURCE);
    let first = case.moved().seal;
    for number in 0..4 {
        let caught_up = caught_up(&case, &format!("INSERT INTO t (v) VALUES ('new {number}')"));
        let seal = caught_up.seal.unwrap();
        let mut expected = [first.path.parent().unwrap().to_owned(), seal.path.parent().unwrap().to_owned()];
        let mut there = case.backups();
        there.sort();
        expected.sort();
        assert_eq!(there, expected);
        assert_eq!(ledger::last_run(&mut case.session()).unwrap().unwrap().seal, seal);
    }
    let catch_ups = ledger::catch_ups(&mut case.session(), 1).unwrap();
    assert_eq!(catch_ups.len(), 4);
    assert_eq!(catch_ups[0].base, first);
    assert!(catch_ups.windows(2).all(|pair| pair[0].seal == pair[1].base));
    assert!(catch_ups.iter().all(|done| (done.inserted, done.updated, done.deleted) == (1, 0, 0)));
    // A run that is asked for again is done.
    case.moved_already();
}

#[test]
fn the_new_copy_has_not_been_checked_until_that_is_asked_for() {
    let case = Case::new(SOURCE);
    case.moved_with_check();
    assert!(ledger::integrity(&mut case.session(), 1).unwrap().is_some());
    sqlite(&case.source, "DELETE FROM t WHERE id = 1");
    catch_up(&request(&case), &Silent).unwrap();
    assert!(ledger::integrity(&mut case.session(), 1).unwrap().is_none());
    assert_proven(&case, "after a catch-up");
    assert!(ledger::integrity(&mut case.session(), 1).unwrap().is_none());
    let (_, validation) = case.validated_with_check();
    assert!(validation.is_proven());
    assert!(ledger::integrity(&mut case.session(), 1).unwrap().is_some());
}

#[test]
fn a_copy_with_repaired_indexes_takes_the_place_of_a_damaged_one() {
    let case = Case::new(&format!(
        "{SOURCE}; CREATE TABLE u (k TEXT PRIMARY KEY, v TEXT UNIQUE); INSERT INTO u VALUES ('k1', 'v1'), ('k2', 'v2')"
    ));
    sqlite(
        &case.source,
        "PRAGMA writable_schema = ON;
         CREATE TEMP TABLE roots AS SELECT name, rootpage FROM sqlite_schema WHERE name LIKE 'sqlite_autoindex_u_%';
         UPDATE sqlite_schema SET rootpage = (SELECT r.rootpage FROM roots r WHERE r.name <> sqlite_schema.name)
         WHERE name IN (SELECT name FROM roots)",
    );
    let problems = || ledger::integrity(&mut case.session(), 1).unwrap().map(|found| found.problems.len());
    case.moved_with_check();
    assert!(problems() > Some(0));
    let next_rows = |what: &str| match catch_up(&request(&case), &Silent) {
        Ok(CatchUpOutcome::Applied(caught_up)) => Some(caught_up.applied.rows()),
        Ok(CatchUpOutcome::Unchanged) => None,
        Err(error) => panic!("{what}: {}", chain(&error)),
    };
    assert_eq!(next_rows("nobody has written"), None);
    assert!(problems() > Some(0));
    sqlite(&case.source, "REINDEX");
    assert_eq!(next_rows("no row has changed"), Some(0));
    assert_eq!(problems(), None);
    assert_eq!(case.validated_with_check().1.integrity_state(), IntegrityState::Sound);
    // A sound copy is not replaced without a change.
    sqlite(&case.source, "REINDEX");
    assert_eq!(next_rows("sound already"), None);
    assert_eq!(problems(), Some(0));
}

#[test]
fn nothing_is_copied_while_nobody_writes() {
    let case = Case::new(SOURCE);
    case.moved();
    let request = request(&case);
    let mut catch_ups = CatchUps::new(&request);
    let mut next = |what: &str| match catch_ups.next(&Silent) {
        Ok(CatchUpOutcome::Unchanged) => 0,
        Ok(CatchUpOutcome::Applied(caught_up)) => caught_up.applied.rows(),
        Err(error) => panic!("{what}: {}", chain(&error)),
    };
    assert_eq!(next("nothing has changed"), 0);
    assert_eq!(next("nobody has written"), 0);
    sqlite(&case.source, "UPDATE t SET v = 'x'");
    assert_eq!(next("three rows"), 3);
    assert_eq!(next("nobody has written since"), 0);
    // A copy could not be made now.
    let backups = case.backup_dir();
    let aside = case.dir.path().join("aside");
    std::fs::rename(&backups, &aside).unwrap();
    std::fs::write(&backups, "in its place").unwrap();
    assert_eq!(next("without a copy"), 0);
    std::fs::remove_file(&backups).unwrap();
    std::fs::rename(&aside, &backups).unwrap();
    sqlite(&case.source, "UPDATE t SET v = v");
    assert_eq!(next("a write that changes nothing"), 0);
    sqlite(&case.source, "DELETE FROM t");
    assert_eq!(next("all of them"), 3);
    assert_proven(&case, "after all");
}

/// An app that closes the file removes its log, although the connection that waits for changes still has it open.
#[test]
fn an_app_that_is_restarted_between_two_catch_ups_is_noticed() {
    let case = Case::new(&format!("PRAGMA journal_mode = WAL; {SOURCE}"));
    case.moved();
    let request = request(&case);
    let mut catch_ups = CatchUps::new(&request);
    for number in 0..4 {
        sqlite(&case.source, &format!("INSERT INTO t (v) VALUES ('new {number}')"));
        match catch_ups.next(&Silent) {
            Ok(CatchUpOutcome::Applied(caught_up)) => assert_eq!(caught_up.applied.rows(), 1),
            other => panic!("{number}: {other:?}"),
        }
        assert!(matches!(catch_ups.next(&Silent), Ok(CatchUpOutcome::Unchanged)));
    }
    assert_proven(&case, "after four restarts");
}

#[test]
fn a_dry_run_applies_everything_and_changes_nothing() {
    let case = Case::new(SOURCE);
    case.moved();
    sqlite(&case.source, "INSERT INTO t (v) VALUES ('d'); DELETE FROM t WHERE id = 1");
    let request = CatchUpRequest { dry_run: true, ..request(&case) };
    for _ in 0..2 {
        let Ok(CatchUpOutcome::Applied(caught_up)) = catch_up(&request, &Silent) else {
            panic!("not applied")
        };
        assert_eq!(caught_up.applied.rows(), 2);
        assert!(caught_up.seal.is_none());
    }
    assert_eq!(
        case.ask("SELECT string_agg(v, '' ORDER BY id), (SELECT last_value FROM t_id_seq) FROM t"),
        ["abc|3"]
    );
    assert_eq!(case.ask("SELECT count(*) FROM migration.catch_ups"), ["0"]);
    assert_eq!(case.backups().len(), 1);
    assert_proven(&case, "as before");
}

#[test]
fn another_migration_of_the_target_keeps_a_catch_up_out() {
    let case = Case::new(SOURCE);
    case.moved();
    let mut rival = case.session();
    rival.query("SELECT pg_advisory_lock(7237971062)", &[]).unwrap();
    let request = CatchUpRequest { target: TargetUrl::parse(case.database.url()).unwrap(), ..request(&case) };
    let error = catch_up(&request, &Silent).unwrap_err();
    assert!(chain(&error).contains("another migration is at work"), "{}", chain(&error));
}
