//! A source that changes while it is copied: by an app when SQLite's locks cannot be used, by `cp`, and by a rename. Afterwards PostgreSQL
//! holds one state of the file, or nothing.

use std::fs;
use std::process::Command;

use migrate_core::mapping::Mapping;
use row_mover::run::{self, Moved, Outcome};
use row_mover::source::evidence;
use row_mover::source::undisturbed::Protection;
use test_database::chance::{Chance, rounds};

use crate::engine::{chain, moved, sqlite};
use crate::kept::{Hands, Kept, RunningApp, SUM, Scanning, TRANSFER, run_app};

/// One in each of the two passes over the pages.
const SHARES: [f64; 2] = [0.25, 0.75];

#[track_caller]
fn assert_read(moved: &Moved, protection: Protection, attempts: u32) {
    let method = moved.seal.read_method.unwrap();
    assert_eq!((method.protection, method.attempts), (protection, attempts));
}

#[test]
fn a_commit_during_a_read_without_locks_is_moved_completely() {
    for share in SHARES {
        let kept = Kept::new("WAL");
        let transfer = |nth| {
            if nth == 1 {
                kept.app(TRANSFER);
            }
        };
        let (outcome, tries) = kept.migrate(share, &transfer);
        let moved = moved(outcome);
        assert_eq!(tries, 2);
        assert_eq!(kept.case.ask(SUM), ["1000"]);
        assert_eq!(kept.case.ask("SELECT n FROM last"), ["1"]);
        // The app could not remove its log, which reveals its commit, nor the shared memory, which locks need.
        assert_read(&moved, Protection::SqliteLocks, 2);
    }
}

#[test]
fn a_log_that_is_removed_behind_sqlites_back_hides_nothing() {
    let kept = Kept::new("WAL");
    let transfer = |nth| {
        if nth == 1 {
            kept.app(&format!("{TRANSFER} PRAGMA wal_checkpoint(TRUNCATE)"));
            kept.remove_log();
        }
    };
    let (outcome, tries) = kept.migrate(0.25, &transfer);
    let moved = moved(outcome);
    assert_eq!((tries, kept.case.ask(SUM)), (2, vec!["1000".to_owned()]));
    assert_read(&moved, Protection::UnchangedFile, 2);
}

#[test]
fn a_file_that_nobody_writes_is_copied_at_once_in_a_folder_that_is_closed() {
    for (journal_mode, protection) in
        [("WAL", Protection::UnchangedFile), ("DELETE", Protection::SqliteLocks)]
    {
        let kept = Kept::new(journal_mode);
        let (outcome, tries) = kept.migrate(0.25, &|_| {});
        assert_eq!(tries, 1);
        assert_read(&moved(outcome), protection, 1);
    }
}

#[test]
fn an_app_that_has_it_open_lends_its_shared_memory() {
    let kept = Kept::new("WAL");
    kept.open();
    let _app = RunningApp::start(&kept.source, &format!("PRAGMA wal_autocheckpoint = 0; {TRANSFER}"));
    kept.close();
    let (outcome, _) = kept.migrate(0.25, &|_| run_app(&kept.source, TRANSFER));
    assert_read(&moved(outcome), Protection::SqliteLocks, 1);
    assert_eq!(kept.case.ask("SELECT n FROM last"), ["1"]);
    assert_eq!(kept.case.ask(SUM), ["1000"]);
}

#[test]
fn a_log_that_a_crash_left_is_read_and_an_app_that_comes_back_does_not_tear_it() {
    for comes_back in [false, true] {
        let kept = Kept::new("WAL");
        kept.open();
        let mut app = RunningApp::start(&kept.source, &format!("PRAGMA wal_autocheckpoint = 0; {TRANSFER}"));
        app.process.kill().unwrap();
        drop(app);
        kept.close();
        let (outcome, _) = kept.migrate(0.25, &|_| {
            if comes_back {
                kept.app(&format!("{TRANSFER} PRAGMA wal_checkpoint"));
            }
        });
        let moved = moved(outcome);
        assert_eq!(kept.case.ask(SUM), ["1000"], "{comes_back}");
        assert_eq!(moved.seal.read_method.unwrap().protection, Protection::SqliteLocks, "{comes_back}");
        let transferred = kept.case.ask("SELECT n FROM last");
        assert!(["1", "2"].contains(&transferred[0].as_str()), "{transferred:?}");
    }
}

#[test]
fn a_copy_over_it_is_noticed_with_and_without_locks() {
    // A closed folder prevents SQLite's locks for a WAL database only.
    for (journal_mode, is_closed) in [("WAL", true), ("DELETE", false), ("WAL", false)] {
        for share in SHARES {
            let kept = Kept::new(journal_mode);
            let other = kept.case.dir.path().join("other.db");
            fs::copy(&kept.source, &other).unwrap();
            sqlite(
                &other,
                &format!(
                    "{TRANSFER} UPDATE filler SET v = v || 'x'; UPDATE filler SET v = hex(zeroblob(2000))"
                ),
            );
            if !is_closed {
                kept.open_for_everyone();
            }
            let what = format!("{journal_mode}, closed: {is_closed}, at {share}");
            let (outcome, tries) = kept.migrate(share, &|nth| {
                if nth == 1 {
                    assert!(Command::new("cp").args([&other, &kept.source]).status().unwrap().success());
                }
            });
            let moved = moved(outcome);
            assert_eq!((tries, kept.case.ask("SELECT n FROM last")), (2, vec!["1".to_owned()]), "{what}");
            assert_eq!(kept.case.ask(SUM), ["1000"], "{what}");
            assert_eq!(moved.seal.read_method.unwrap().attempts, 2, "{what}");
        }
    }
}

#[test]
fn a_file_that_takes_its_place_is_the_one_that_moves() {
    for (journal_mode, is_closed) in [("WAL", true), ("DELETE", false), ("WAL", false)] {
        let kept = Kept::new(journal_mode);
        let other = kept.case.dir.path().join("other.db");
        fs::copy(&kept.source, &other).unwrap();
        sqlite(&other, TRANSFER);
        if !is_closed {
            kept.open_for_everyone();
        }
        let (outcome, tries) = kept.migrate(0.75, &|nth| {
            if nth == 1 {
                if is_closed {
                    kept.open();
                }
                fs::rename(&other, &kept.source).unwrap();
                if is_closed {
                    kept.close();
                }
            }
        });
        let moved = moved(outcome);
        assert_eq!(tries, 2, "{journal_mode}, closed: {is_closed}");
        assert_eq!(kept.case.ask("SELECT n FROM last"), ["1"], "{journal_mode}, closed: {is_closed}");
        assert_eq!(moved.seal.read_method.unwrap().attempts, 2);
    }
}

#[test]
fn a_file_that_is_overwritten_in_every_attempt_is_refused_until_that_stops() {
    for (journal_mode, is_closed) in [("WAL", true), ("DELETE", false)] {
        let kept = Kept::new(journal_mode);
        let other = kept.case.dir.path().join("other.db");
        fs::copy(&kept.source, &other).unwrap();
        if !is_closed {
            kept.open_for_everyone();
        }
        let copy_over =
            |_| assert!(Command::new("cp").args([&other, &kept.source]).status().unwrap().success());
        let (outcome, tries) = kept.migrate(0.25, &copy_over);
        let words = chain(&outcome.unwrap_err());
        assert!(
            words.contains("was written to each time it was read, 5 times in a row")
                && words.contains("because: it was modified")
                && words.contains("next: stop whatever copies over it"),
            "{words}"
        );
        assert_eq!(tries, 5);
        kept.assert_nothing_was_made();
        moved(kept.migrate(0.25, &|_| {}).0);
    }
}

#[test]
fn a_dry_run_and_a_plan_are_of_one_state() {
    let kept = Kept::new("WAL");
    let mapping = Mapping::from_toml("format = 1").unwrap();
    for is_dry_run in [true, false] {
        let work = |hands: &Hands| {
            if is_dry_run {
                run::dry_run(&kept.request(), &Scanning(hands)).map(|_| ())
            } else {
                evidence::plan(&kept.source, &mapping, 2, &|_| hands.act()).map(|_| ())
            }
        };
        for transfers in [1, u32::MAX] {
            // Without its log, so that the next attempt has no locks, either.
            let transfer = |nth| {
                if nth <= transfers {
                    kept.app(&format!("{TRANSFER} PRAGMA wal_checkpoint(TRUNCATE)"));
                    kept.remove_log();
                }
            };
            match kept.with_hands(&transfer, &work).0 {
                Ok(()) => assert_eq!(transfers, 1),
                Err(error) => {
                    assert_eq!(transfers, u32::MAX, "{}", chain(&error));
                    assert!(chain(&error).contains("5 times in a row"), "{}", chain(&error));
                }
            }
        }
    }
}

#[test]
fn at_no_moment_a_commit_is_torn() {
    let mut chance = Chance::new();
    for round in 0..rounds(4) {
        let kept = Kept::new("WAL");
        let share = f64::from(u32::try_from(chance.below(95)).unwrap()) / 100.0;
        let (transfers, leaves_log) = (u32::try_from(chance.below(7)).unwrap(), chance.below(2) == 0);
        let what = format!(
            "round {round}: {transfers} transfers at {share}, leaves its log: {leaves_log}, {}",
            chance.seed()
        );
        let (outcome, tries) = kept.migrate(share, &|nth| {
            if nth <= transfers {
                kept.app(&format!("{TRANSFER} PRAGMA wal_checkpoint(TRUNCATE)"));
                if !leaves_log {
                    kept.remove_log();
                }
            }
        });
        match outcome {
            Ok(Outcome::Moved(moved)) => {
                assert!(moved.validation.is_proven(), "{what}");
                assert_eq!(kept.case.ask(SUM), ["1000"], "{what}");
                assert_eq!(moved.seal.read_method.unwrap().attempts, tries, "{what}");
            }
            Ok(other) => panic!("{what}: {other:?}"),
            Err(error) => {
                assert!(transfers >= 5 && !leaves_log, "{what}: {}", chain(&error));
                assert!(chain(&error).contains("5 times in a row"), "{what}: {}", chain(&error));
                kept.assert_nothing_was_made();
            }
        }
    }
}
