//! What others do meanwhile: an app that goes on writing the source, or already writes the target.

use postgres_client::watch::Watch;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use migrate_core::phase::Phase;
use row_mover::observer::{Observer, Silent};
use row_mover::run::{self, Outcome, Request};
use row_mover::target::migration::Migration;

use crate::support::{Case, chain, moved, plan, sqlite};

const SOURCE: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 1), (2, 2)";

/// An app that writes its database once, when a phase begins.
struct App {
    source: PathBuf,
    at: Phase,
    sql: &'static str,
    is_done: AtomicBool,
}

impl Observer for App {
    fn phase_started(&self, phase: Phase) {
        if phase == self.at && !self.is_done.swap(true, Ordering::SeqCst) {
            sqlite(&self.source, self.sql);
        }
    }
}

impl Watch for App {}

fn app(case: &Case, at: Phase, sql: &'static str) -> App {
    App { source: case.source.clone(), at, sql, is_done: AtomicBool::new(false) }
}

#[test]
fn a_schema_that_changes_before_the_seal_is_refused() {
    for (sql, named) in [
        ("ALTER TABLE t ADD COLUMN later TEXT DEFAULT 'x'", "t.later: in the source, not in the plan"),
        (
            "CREATE TABLE fresh (v TEXT); INSERT INTO fresh VALUES ('x')",
            "table fresh: in the source, not in the plan",
        ),
    ] {
        let case = Case::new(SOURCE);
        let before = case.target_objects();
        let error = run::migrate(&case.request(), &app(&case, Phase::Seal, sql)).unwrap_err();
        assert!(chain(&error).contains(named), "{}", chain(&error));
        assert_eq!(case.target_objects(), before, "{sql}");
        assert!(case.backups().is_empty(), "{sql}");
    }
}

#[test]
fn a_value_written_before_the_seal_is_found_before_anything_is_changed() {
    let case = Case::new(SOURCE);
    let before = case.target_objects();
    let writes = app(&case, Phase::Seal, "INSERT INTO t VALUES (3, 'no integer')");
    let Outcome::Rejected { findings, .. } = run::migrate(&case.request(), &writes).unwrap() else {
        panic!("it was not rejected")
    };
    assert_eq!(findings.offender_count(), 1);
    assert_eq!(findings.tables[0].offenders[0].first[0].key, "id=3");
    assert_eq!(case.target_objects(), before);
    assert!(case.backups().is_empty());
}

#[test]
fn rows_written_before_the_seal_move_and_later_ones_are_reported() {
    let case = Case::new(SOURCE);
    let moved = moved(run::migrate(&case.request(), &app(&case, Phase::Seal, "INSERT INTO t VALUES (3, 3)")));
    assert_eq!(moved.tables[0].rows, 3);
    let later = Case::new(SOURCE);
    let result = run::migrate(&later.request(), &app(&later, Phase::Rows, "INSERT INTO t VALUES (3, 3)"));
    let Outcome::Moved(moved) = result.unwrap() else { panic!("it did not move") };
    assert_eq!(moved.tables[0].rows, 2);
    assert!(moved.source_changed_since);
    assert!(moved.validation.is_proven());
}

#[test]
fn a_link_leads_to_the_log_beside_the_real_file() {
    let case = Case::new(SOURCE);
    let writer = rusqlite::Connection::open(&case.source).unwrap();
    writer
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (3, 3)",
        )
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.db");
    symlink(&case.source, &link).unwrap();
    let request = || Request { source: link.clone(), ..case.request() };
    assert_eq!(moved(run::migrate(&request(), &Silent)).tables[0].rows, 3);
    writer.execute("INSERT INTO t VALUES (4, 4)", []).unwrap();
    let Outcome::AlreadyDone(done) = run::migrate(&request(), &Silent).unwrap() else {
        panic!("it moved again")
    };
    assert!(done.source_changed_since);
}

#[test]
fn a_restart_drops_no_row_that_only_postgresql_has() {
    for (sql, named) in [
        ("INSERT INTO t VALUES (3, 3)", "t: 1 added, 0 changed"),
        ("UPDATE t SET v = 7 WHERE id = 2", "t: 0 added, 1 changed"),
        ("ALTER TABLE t ALTER v TYPE numeric; INSERT INTO t VALUES (3, 3)", "its columns were changed"),
    ] {
        let case = Case::new(SOURCE);
        case.moved();
        case.execute(sql);
        let restart = Request { restart: true, ..case.request() };
        for result in [run::migrate(&restart, &Silent), run::dry_run(&restart, &Silent)] {
            let words = chain(&result.unwrap_err());
            assert!(words.contains(named) && words.contains("next: ValidateOrDiscard"), "{words}");
        }
        assert_eq!(case.ask("SELECT count(*) FROM t WHERE v IN (3, 7)"), ["1"], "{sql}");
        moved(run::migrate(&Request { discard: true, ..restart }, &Silent));
        assert_eq!(case.ask("SELECT count(*) FROM t WHERE v IN (3, 7)"), ["0"], "{sql}");
    }
}

#[test]
fn a_dry_run_of_a_restart_lists_what_would_be_dropped() {
    let case = Case::new(SOURCE);
    case.moved();
    let restart = Request { restart: true, ..case.request() };
    let Outcome::DryRun { next, .. } = run::dry_run(&restart, &Silent).unwrap() else {
        panic!("it is no dry run")
    };
    assert!(next.starts_with("drop what run 1 made in "), "{next}");
    assert_eq!(case.ask("SELECT count(*) FROM t"), ["2"]);
}

#[test]
fn tables_that_are_gone_are_not_called_done() {
    let case = Case::new(SOURCE);
    case.moved();
    case.execute("DROP TABLE t");
    let words = chain(&case.refused());
    assert!(words.contains("tables are gone since: t"), "{words}");
}

#[test]
fn the_apps_own_later_migrations_are_left_to_the_app() {
    let case = Case::new(SOURCE);
    let folder = case.dir.path().join("migrations");
    let later = folder.join("9999-01-01-000000_nickname");
    std::fs::create_dir_all(&later).unwrap();
    std::fs::write(later.join("up.sql"), "ALTER TABLE t ADD COLUMN nick text; UPDATE t SET v = 0;").unwrap();
    std::fs::write(later.join("down.sql"), "ALTER TABLE t DROP COLUMN nick;").unwrap();
    let migrations = Migration::in_folder(&folder).unwrap();
    moved(run::migrate(&Request { migrations: &migrations, ..case.request() }, &Silent));
    assert_eq!(case.ask("SELECT sum(v) FROM t"), ["3"]);
    assert!(case.validated(false).1.is_proven());
}

#[test]
fn a_path_that_cannot_be_written_down_is_refused_before_anything_is_made() {
    use std::os::unix::ffi::OsStringExt;
    let case = Case::new(SOURCE);
    let name = std::ffi::OsString::from_vec(b"n\xffme.db".to_vec());
    let odd = case.dir.path().join(name);
    std::fs::rename(&case.source, &odd).unwrap();
    assert!(plan(&odd, "").table("t").is_some());
    let words = chain(&run::migrate(&Request { source: odd, ..case.request() }, &Silent).unwrap_err());
    assert!(words.contains("is not UTF-8"), "{words}");
    assert!(case.backups().is_empty());
}
