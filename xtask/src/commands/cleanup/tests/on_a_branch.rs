//! Changes as commits: one for each kind on a branch, refusals where git is in another state, and what a killed call leaves.

use super::*;
use row_mover::source::archive::RESTORED_CHECKSUMS;
use std::process::Command;

fn git_output(root: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The app with its database and `.env.local` in git.
fn committed_app() -> TempDir {
    let app = sqlite_app();
    committed(app.path(), &["data/hyperpage.db", ".env.local"]);
    app
}

const TITLES: &str = "Remove the SQLite database files\n\
                      Remove the path of the SQLite file from the environment\n\
                      Remove the SQLite packages\n\
                      The app on SQLite\n";

#[test]
fn each_kind_is_one_commit() {
    let (app, case) = (committed_app(), Case::new());
    case.run(app.path(), &APPLY, Exit::Differences);
    assert_eq!(git_output(app.path(), &["log", "--format=%s"]), TITLES);
    assert_eq!(git_output(app.path(), &["branch", "--show-current"]), "remove-sqlite\n");
    assert_eq!(git_output(app.path(), &["status", "--porcelain", "--untracked-files=no"]), "");
    let files = |commit: &str| git_output(app.path(), &["show", "--name-status", "--format=", commit]);
    assert_eq!(files("HEAD"), "D\tdata/hyperpage.db\n");
    assert!(files("HEAD~2").starts_with("M\tpackage.json\n"), "{}", files("HEAD~2"));
    git(app.path(), &["switch", "--quiet", "main"]);
    assert_eq!(rows(&app.path().join("data/hyperpage.db")), 2);
    let again = Case::new().run(app.path(), &APPLY, Exit::Refused).notes;
    assert!(again.contains("the branch remove-sqlite exists"), "{again}");
    Case::new().run(app.path(), &["--apply", "--yes", "--branch", "again"], Exit::Differences);
    assert_eq!(git_output(app.path(), &["log", "--format=%s"]), TITLES);
}

#[test]
fn a_detached_head_will_do() {
    let app = committed_app();
    git(app.path(), &["switch", "--quiet", "--detach"]);
    Case::new().run(app.path(), &APPLY, Exit::Differences);
    assert_eq!(git_output(app.path(), &["log", "--format=%s"]), TITLES);
}

#[test]
fn git_in_another_state_is_refused() {
    type Prepare = fn(&Path);
    let cases: [(&str, Prepare); 6] = [
        ("dirty", |app| fs::write(app.join("README.md"), "changed").unwrap()),
        ("staged", |app| {
            fs::write(app.join("new.txt"), "new").unwrap();
            git(app, &["add", "new.txt"]);
        }),
        ("branch", |app| git(app, &["branch", "remove-sqlite"])),
        ("merge", |app| {
            fs::write(app.join(".git/MERGE_HEAD"), git_output(app, &["rev-parse", "HEAD"])).unwrap()
        }),
        ("submodule", |app| {
            write(app, &[("sub/package.json", "{\"dependencies\":{\"sqlite3\":\"5\"}}")]);
            git(&app.join("sub"), &["init", "--quiet"]);
        }),
        ("unborn", |app| git(app, &["switch", "--quiet", "--orphan", "empty"])),
    ];
    let mut notes = String::new();
    for (name, prepare) in cases {
        let app = committed_app();
        if name == "unborn" {
            let fresh = sqlite_app();
            git(fresh.path(), &["init", "--quiet"]);
            git(fresh.path(), &["add", "--all"]);
            notes += &Case::new().run(fresh.path(), &APPLY, Exit::Refused).notes;
            continue;
        }
        prepare(app.path());
        let case = Case::new();
        let before = contents(app.path());
        notes += &format!("{name}: {}", case.run(app.path(), &APPLY, Exit::Refused).notes);
        let is_index = |path: &PathBuf| path.ends_with(".git/index");
        let same = |files: Vec<(PathBuf, Vec<u8>)>| {
            files.into_iter().filter(|(path, _)| !is_index(path)).collect::<Vec<_>>()
        };
        assert!(same(before) == same(contents(app.path())), "{name}: something changed");
        assert!(
            contents(case.backup.path()).is_empty() && contents(case.archive.path()).is_empty(),
            "{name}"
        );
    }
    let app = committed_app();
    notes += &Case::new().run(app.path(), &["--apply", "--yes", "--branch", "a b"], Exit::Refused).notes;
    insta::assert_snapshot!("git_refusals", notes);
}

#[test]
fn a_hook_that_refuses_stops_and_the_same_command_continues() {
    let (app, case) = (committed_app(), Case::new());
    let hook = app.path().join(".git/hooks/pre-commit");
    // Refuses the second commit only.
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\ngit diff --cached --name-only | grep -q env && { echo no env files today; exit 1; }\nexit 0\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let (error, console) = case.attempt(app.path(), &APPLY);
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.contains("no env files today") && error.contains("done so far: package.json"), "{error}");
    assert_eq!(console.recorded, []);
    assert!(app.path().join("data/hyperpage.db").exists());
    // A change of a person's own is still not committed along.
    fs::write(app.path().join("README.md"), "mine").unwrap();
    let notes = case.run(app.path(), &APPLY, Exit::Refused).notes;
    assert!(notes.contains("not committed: README.md;"), "{notes}");
    git(app.path(), &["restore", "README.md"]);
    fs::remove_file(&hook).unwrap();
    let console = case.run(app.path(), &APPLY, Exit::Differences);
    assert_eq!(git_output(app.path(), &["log", "--format=%s"]), TITLES);
    assert_eq!(console.recorded, [], "something is left for a person");
    assert!(!app.path().join(".git/sqlite-cleanup.json").exists());
    assert_eq!(git_output(app.path(), &["status", "--porcelain", "--untracked-files=no"]), "");
}

#[test]
fn the_archive_is_restored_by_the_commands_of_its_note() {
    let (app, case) = (sqlite_app(), Case::new());
    case.run(app.path(), &APPLY, Exit::Differences);
    let folder = fs::read_dir(case.archive.path()).unwrap().next().unwrap().unwrap().path();
    let note = fs::read_to_string(folder.join("RETENTION.txt")).unwrap();
    let (_, commands) = note.split_once("How to restore it, in this folder\n").unwrap();
    let restored = Command::new("sh").args(["-ec", commands]).current_dir(&folder).output().unwrap();
    assert!(restored.status.success(), "{restored:?}");
    let database = fs::read_to_string(folder.join(RESTORED_CHECKSUMS)).unwrap();
    assert_eq!(rows(&folder.join(database.trim_end().split_once("  ").unwrap().1)), 2);
    for file in fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
        let is_ours = file.extension().is_some_and(|end| end == "zst" || end == "txt");
        assert!(!is_ours || fs::metadata(&file).unwrap().permissions().mode() & 0o777 == 0o400, "{file:?}");
    }
}

#[test]
fn an_archive_is_complete_and_verified_again() {
    let app = app_with_database();
    let folder = tempfile::tempdir().unwrap();
    let MigrationProof::Ready { seal, .. } = validated(app.path()) else { panic!("it is ready") };
    let archive = || archive::archive(&seal, folder.path(), &|_, _| String::new(), &|| Ok(()));
    let stopped = archive::archive(&seal, folder.path(), &|_, _| String::new(), &|| {
        Err(row_mover::Error::new("stopped"))
    });
    stopped.unwrap_err();
    assert!(contents(folder.path()).is_empty(), "nothing is left of an archive that was stopped");
    let first = archive().unwrap();
    assert!(!first.is_earlier);
    let again = archive().unwrap();
    assert_eq!(again, Archive { is_earlier: true, ..first.clone() });
    fs::set_permissions(&first.path, fs::Permissions::from_mode(0o600)).unwrap();
    let mut bytes = fs::read(&first.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&first.path, bytes).unwrap();
    let error = format!("{:#}", anyhow::Error::new(archive().unwrap_err()));
    assert!(error.contains("is not an archive of"), "{error}");
}

#[test]
fn check_needs_no_ledger_and_annotates() {
    let app = checkout(&[
        ("package.json", "{\"dependencies\":{\"sqlite3\":\"5\"}}"),
        ("a,b.ts", "import 'sqlite3'"),
    ]);
    let console = Case::new().run(app.path(), &["--check", "--github"], Exit::Differences);
    insta::assert_snapshot!("check", format!("{}\n{}", console.out, console.notes));
    let clean = checkout(&[("package.json", "{}")]);
    Case::new().run(clean.path(), &["--check", "--github", "--json"], Exit::Done);
}

#[test]
fn durations_are_read_as_people_write_them() {
    for (text, seconds) in
        [("7d", 604_800), ("12h", 43_200), ("30m", 1800), ("1d 2h", 93_600), ("0s", 0), ("1w", 604_800)]
    {
        assert_eq!(words::parse_duration(text).map(|found| found.as_secs()), Ok(seconds), "{text}");
    }
    for text in ["", "7", "d", "1mo", "-1d", "soon"] {
        assert!(words::parse_duration(text).is_err(), "{text}");
    }
}
