//! When a cleanup is finished, which ends the way back.

use super::*;

/// A cleanup ends the way back only once nothing is left, which may be a while after its changes, in any state of the repository.
#[test]
fn it_is_recorded_once_nothing_is_left() {
    let app = checkout(&[
        ("package.json", "{\"dependencies\":{\"sqlite3\":\"5\"}}"),
        ("src/db.ts", "import 'sqlite3'\n"),
    ]);
    committed(app.path(), &[]);
    let case = Case { answer: Some(true), ..Case::new() };
    let console = case.run(app.path(), &["--apply"], Exit::Differences);
    assert_eq!(console.recorded, []);
    assert!(console.notes.contains("rollback` stays possible"), "{}", console.notes);
    assert!(console.notes.contains("the cleanup is not finished"), "{}", console.notes);
    fs::write(app.path().join("src/db.ts"), "import 'pg'\n").unwrap();
    git(app.path(), &["commit", "--quiet", "--all", "-m", "The app on PostgreSQL"]);
    git(app.path(), &["switch", "--quiet", "main"]);
    git(app.path(), &["merge", "--quiet", "remove-sqlite"]);
    write(app.path(), &[("README.md", "not committed")]);
    let console = case.run(app.path(), &["--apply"], Exit::Done);
    assert!(matches!(&console.recorded[..], [Event::CleanupFinished { .. }]), "{}", console.notes);
    assert!(console.notes.contains("record that nothing of SQLite is left"), "{}", console.notes);
    assert!(console.notes.contains("Afterwards `cargo xtask rollback` is refused"), "{}", console.notes);
    let console = Case { proof: cleaned_up, ..case }.run(app.path(), &["--apply"], Exit::Done);
    assert!(console.notes.starts_with("nothing is left that --apply could do\n"), "{}", console.notes);
    assert_eq!(console.recorded, []);
}

/// What may stay is named, and then no longer keeps the cleanup from ending.
#[test]
fn what_is_excluded_does_not_keep_it_open() {
    let app = checkout(&[
        ("package.json", "{\"dependencies\":{\"sqlite3\":\"5\"}}"),
        ("src/db.ts", "import 'sqlite3'\n"),
    ]);
    let options = ["--apply", "--yes", "--exclude", "src/**"];
    let console = Case::new().run(app.path(), &options, Exit::Done);
    assert!(matches!(&console.recorded[..], [Event::CleanupFinished { .. }]), "{}", console.notes);
}

/// A signal during the archive leaves the checkout, the archive's folder and the ledger as they were.
#[test]
fn a_signal_during_the_archive_leaves_nothing() {
    let (app, case, stop) = (app_with_database(), Case::new(), Stop::default());
    let before = contents(app.path());
    stop.ask();
    let (result, console) = case.attempt_until(app.path(), &APPLY, &stop);
    assert!(row_mover::error::is_stop(result.unwrap_err().downcast_ref().unwrap()));
    assert_eq!(console.recorded, []);
    assert!(contents(case.archive.path()).is_empty() && contents(case.backup.path()).is_empty());
    assert_eq!(before, contents(app.path()));
}

/// A last copy with damaged indexes keeps everything as it is, unless a person has decided.
#[test]
fn damaged_indexes_are_accepted_by_name_alone() {
    let app = app_with_database();
    let problems = vec!["row 1 missing from index by_name".to_owned(), "and another".to_owned()];
    let case = Case { integrity: Some(Integrity { problems, ..Integrity::default() }), ..Case::new() };
    let before = contents(app.path());
    let notes = case.run(app.path(), &APPLY, Exit::Refused).notes;
    assert!(notes.contains("do not agree with its tables: row 1 missing from index by_name; "), "{notes}");
    assert!(notes.contains("then give --accept-damaged-indexes; nothing was changed"), "{notes}");
    assert!(contents(case.archive.path()).is_empty() && contents(case.backup.path()).is_empty());
    assert_eq!(before, contents(app.path()));
    let options = ["--apply", "--yes", "--accept-damaged-indexes"];
    let console = case.run(app.path(), &options, Exit::Done);
    assert!(console.notes.contains("note: integrity_check found 2 problems in"), "{}", console.notes);
    assert!(matches!(&console.recorded[..], [Event::CleanupFinished { .. }]), "{}", console.notes);
    // Once it is recorded, nothing depends on it any more.
    let again = Case { proof: cleaned_up, ..case };
    write(app.path(), &[(".env", "DATABASE_PATH=x.db\n")]);
    again.run(app.path(), &APPLY, Exit::Done);
}

/// A copy that is gone cannot be checked, whatever an archive has.
#[test]
fn a_copy_that_is_gone_is_put_back_before() {
    let app = checkout(&[("package.json", "{}"), (".env", "DATABASE_PATH=x.db\n")]);
    let case = Case { proof: without_copy, ..Case::new() };
    let before = contents(app.path());
    let notes = case.run(app.path(), &APPLY, Exit::Refused).notes;
    assert!(
        notes.contains("is gone, and SQLite's integrity_check has not run over it; next: put it"),
        "{notes}"
    );
    assert_eq!(before, contents(app.path()));
}

fn without_copy(app: &Path) -> MigrationProof {
    let proof = validated(app);
    if let MigrationProof::Ready { seal, .. } = &proof {
        fs::remove_file(&seal.path).unwrap();
    }
    proof
}
