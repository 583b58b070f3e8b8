//! The command as a whole: what it says, what it changes, what it refuses, and its exit codes.

use super::*;
use crate::cleanup::testing::{checkout, contents, database, git, postgres_app, rows, sqlite_app, write};
use clap::Parser as _;
use row_mover::source::seal::{self, Seal};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

mod content_and_links;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: CleanupArgs,
}

#[derive(Default)]
struct Recorder {
    out: String,
    notes: String,
    answer: Option<bool>,
}

impl Console for Recorder {
    fn out(&mut self, text: &str) -> anyhow::Result<()> {
        self.out.push_str(text);
        Ok(())
    }

    fn note(&mut self, text: &str) {
        self.notes.push_str(text);
        self.notes.push('\n');
    }

    fn ask(&mut self, question: &str) -> anyhow::Result<Option<bool>> {
        self.note(question);
        Ok(self.answer)
    }
}

thread_local! {
    /// The backups of the migrations that a test has made.
    static SEALED: tempfile::TempDir = tempfile::tempdir().unwrap();
}

/// Seals a file as it is now, from elsewhere, so that nothing comes beside it. What is no database is sealed as if it were one.
fn sealed(path: &Path) -> Seal {
    SEALED.with(|folder| {
        let scratch = tempfile::tempdir_in(folder.path()).unwrap();
        let copied = scratch.path().join("source.db");
        if !path.exists()
            || fs::copy(path, &copied).is_ok() && !fs::read(&copied).unwrap().starts_with(b"SQLite")
        {
            let _ = fs::remove_file(&copied);
            rusqlite::Connection::open(&copied).unwrap().execute_batch("CREATE TABLE other (id)").unwrap();
        }
        let copy = seal::copy(&copied, folder.path(), &|_| Ok(())).unwrap();
        let hash = copy.hash(&|| Ok(())).unwrap();
        Seal { source_path: path.into(), ..copy.seal(hash).unwrap() }
    })
}

/// A validated migration of this file as it is now.
fn validated_of(path: &Path) -> MigrationProof {
    proof_with(sealed(path))
}

fn proof_with(seal: Seal) -> MigrationProof {
    let text = |text: &str| text.to_owned();
    MigrationProof::Validated {
        run: text("run-1"),
        finished_at: text("2025-11-02 10:00"),
        target: text("postgres://h/hyperpage"),
        seal: Box::new(seal),
    }
}

/// A validated migration of the one database that a checkout has.
fn validated(app: &Path) -> MigrationProof {
    let names = ["data/hyperpage.db", "data/a.db", "a.db"].map(|name| app.join(name));
    validated_of(names.iter().find(|path| path.exists()).unwrap_or(&names[0]))
}

fn not_validated(_: &Path) -> MigrationProof {
    MigrationProof::NotValidated {
        reason: "no validated migration stands in the ledger".into(),
        next: "cargo xtask validate".into(),
    }
}

/// Runs the command on a checkout with a backup folder beside it.
struct Case {
    backup: tempfile::TempDir,
    answer: Option<bool>,
    proof: fn(&Path) -> MigrationProof,
}

impl Case {
    fn new() -> Self {
        Self { backup: tempfile::tempdir().unwrap(), answer: None, proof: validated }
    }

    fn run(&self, app: &Path, options: &[&str]) -> (anyhow::Result<Exit>, Recorder) {
        let named =
            ["cleanup", "--app", app.to_str().unwrap(), "--backup-dir", self.backup.path().to_str().unwrap()];
        let args =
            Cli::try_parse_from(named.iter().chain(options)).unwrap_or_else(|error| panic!("{error}")).args;
        let mut console = Recorder { answer: self.answer, ..Recorder::default() };
        let exit = run_on(&mut console, &args, |_| Ok((self.proof)(app)));
        for text in [&mut console.out, &mut console.notes] {
            *text = text
                .replace(self.backup.path().to_str().unwrap(), "BACKUP")
                .replace(app.to_str().unwrap(), "APP");
        }
        (exit, console)
    }
}

#[test]
fn listing_says_by_its_exit_code_whether_something_is_left() {
    let case = Case::new();
    let (exit, console) = case.run(sqlite_app().path(), &[]);
    assert_eq!(exit.unwrap(), Exit::Differences);
    assert!(console.out.lines().count() > 40, "{}", console.out);
    let (exit, console) = case.run(postgres_app().path(), &[]);
    assert_eq!((exit.unwrap(), console.out.as_str()), (Exit::Done, ""));
    insta::assert_snapshot!(console.notes, @"nothing of SQLite is left: 28 files searched");
}

#[test]
fn applying_does_what_is_mechanical() {
    let (app, case) = (sqlite_app(), Case::new());
    git(app.path(), &["init"]);
    git(app.path(), &["add", "-f", "data/hyperpage.db"]);
    let (exit, before) = case.run(app.path(), &[]);
    exit.unwrap();
    let (exit, console) = case.run(app.path(), &["--apply", "--yes"]);
    assert_eq!(exit.unwrap(), Exit::Differences);
    let (diff, left) = console.out.split_at(console.out.find(".env.example:").unwrap());
    insta::assert_snapshot!("diff", diff);
    insta::assert_snapshot!("notes", console.notes);
    assert!(left.lines().count() < before.out.lines().count());
    assert!(
        left.contains("data/hyperpage.db:1: SQLite database file, gone from the work tree and still tracked"),
        "{left}"
    );
    assert!(!app.path().join("data/hyperpage.db").exists());
    assert_eq!(rows(&case.backup.path().join("data/hyperpage.db")), 2);
    assert_eq!(
        fs::read_to_string(app.path().join(".env.local")).unwrap(),
        "SESSION_SECRET=hunter2\nREDIS_URL=redis://u:hunter3@h/0\n"
    );
    let (exit, console) = case.run(app.path(), &["--apply", "--yes"]);
    assert_eq!(exit.unwrap(), Exit::Differences);
    assert!(console.notes.starts_with("nothing is left that --apply could do\n"), "{}", console.notes);
    assert_eq!(console.out, left);
}

#[test]
fn a_second_backup_gets_another_name() {
    let (app, case) = (checkout(&[("package.json", "{}")]), Case::new());
    for _ in 0..3 {
        database(&app.path().join("data/a.db"), "PRAGMA wal_checkpoint(TRUNCATE)");
        let (exit, _) = case.run(app.path(), &["--apply", "--yes"]);
        assert_eq!(exit.unwrap(), Exit::Done);
    }
    for name in ["a.db", "a.1.db", "a.2.db"] {
        for ending in ["-wal", "-shm", ""] {
            assert!(case.backup.path().join(format!("data/{name}{ending}")).exists(), "{name}{ending}");
        }
        assert_eq!(rows(&case.backup.path().join("data").join(name)), 2);
    }
}

#[test]
fn refusals_change_nothing() {
    let in_use = sqlite_app();
    database(&in_use.path().join("data/hyperpage.db"), "SELECT 1");
    type Proof = fn(&Path) -> MigrationProof;
    let other: Proof = |app| validated_of(&app.join("package.json"));
    let gone: Proof = |app| validated_of(&app.join("data/gone.db"));
    let written: Proof = |app| {
        let proof = validated(app);
        write_keeping_size_and_times(&app.join("data/hyperpage.db"));
        proof
    };
    for (name, app, options, answer, proof, wanted) in [
        ("other", sqlite_app(), vec!["--apply", "--yes"], None, other, Exit::Refused),
        ("gone", sqlite_app(), vec!["--apply", "--yes"], None, gone, Exit::Refused),
        ("written", sqlite_app(), vec!["--apply", "--yes"], None, written, Exit::Refused),
        ("no proof", sqlite_app(), vec!["--apply", "--yes"], None, not_validated as Proof, Exit::Refused),
        ("no terminal", sqlite_app(), vec!["--apply"], None, validated, Exit::Refused),
        ("no", sqlite_app(), vec!["--apply"], Some(false), validated, Exit::Refused),
        ("in use", in_use, vec!["--apply", "--yes"], None, validated, Exit::Refused),
        ("dry run", sqlite_app(), vec!["--apply", "--dry-run"], None, not_validated, Exit::Differences),
    ] {
        let case = Case { answer, proof, ..Case::new() };
        let before = contents(app.path());
        let (exit, console) = case.run(app.path(), &options);
        assert_eq!(exit.unwrap(), wanted, "{name}");
        // The app wrote to it when the proof was asked for.
        let before = if name == "written" { contents(app.path()) } else { before };
        assert_eq!(before, contents(app.path()), "{name}");
        assert!(contents(case.backup.path()).is_empty(), "{name}");
        assert!(console.out.contains("-    \"better-sqlite3\""), "{name}: the diff comes first");
        insta::assert_snapshot!(format!("refusal_{}", name.replace(' ', "_")), console.notes);
    }
}

/// Changes one letter of a value in a database file, whose size and times stay as they were.
fn write_keeping_size_and_times(path: &Path) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    let place = bytes.windows(3).rposition(|letters| letters == b"two").unwrap();
    bytes[place] = b'T';
    fs::write(path, bytes).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn a_yes_at_the_terminal_is_enough() {
    let (app, case) = (sqlite_app(), Case { answer: Some(true), ..Case::new() });
    let (exit, console) = case.run(app.path(), &["--apply"]);
    assert_eq!(exit.unwrap(), Exit::Differences);
    assert!(console.notes.contains("Change 3 files and move 3? [y/N]\nchanged "), "{}", console.notes);
}

#[test]
fn a_second_database_stays_only_where_it_is_left_out() {
    let (app, case) = (sqlite_app(), Case::new());
    database(&app.path().join("data/other.db"), "PRAGMA wal_checkpoint(TRUNCATE)");
    let before = contents(app.path());
    let (exit, console) = case.run(app.path(), &["--apply", "--yes"]);
    assert_eq!(exit.unwrap(), Exit::Refused);
    assert!(
        console.notes.contains("refused: data/other.db is not the database that was migrated; what was"),
        "{}",
        console.notes
    );
    assert_eq!(before, contents(app.path()));
    let (exit, _) = case.run(app.path(), &["--apply", "--yes", "--exclude", "data/other.db*"]);
    assert_eq!(exit.unwrap(), Exit::Differences);
    assert!(app.path().join("data/other.db").exists());
    assert!(!app.path().join("data/hyperpage.db").exists());
}

#[test]
fn a_backup_folder_in_the_checkout_is_private_and_not_for_git() {
    let (app, case) = (sqlite_app(), Case::new());
    let backup = app.path().join("kept");
    let named = ["cleanup", "--app", app.path().to_str().unwrap(), "--backup-dir", backup.to_str().unwrap()];
    let args = Cli::try_parse_from(named.iter().chain(&["--apply", "--yes"])).ok().unwrap().args;
    let exit = run_on(&mut Recorder::default(), &args, |_| Ok((case.proof)(app.path())));
    assert_eq!(exit.unwrap(), Exit::Differences);
    for folder in [&backup, &backup.join("data")] {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700, "{folder:?}");
    }
    assert_eq!(fs::read_to_string(backup.join(".gitignore")).unwrap(), "*\n");
    assert_eq!(rows(&backup.join("data/hyperpage.db")), 2);
}

#[test]
fn an_open_database_is_refused() {
    let (app, case) = (checkout(&[("package.json", "{}")]), Case::new());
    let open = rusqlite::Connection::open(app.path().join("a.db")).unwrap();
    open.execute_batch("CREATE TABLE t (a)").unwrap();
    let (exit, console) = case.run(app.path(), &["--apply", "--yes"]);
    assert_eq!(exit.unwrap(), Exit::Refused);
    assert!(console.notes.contains("a.db is open for writing in process"), "{}", console.notes);
    open.close().unwrap();
    let (exit, _) = case.run(app.path(), &["--apply", "--yes"]);
    assert_eq!(exit.unwrap(), Exit::Done);
}

#[test]
fn a_failure_before_the_first_change_leaves_the_checkout() {
    let (app, case) = (sqlite_app(), Case::new());
    // A file where the backup's folder would be.
    fs::write(case.backup.path().join("data"), "in the way").unwrap();
    let before = contents(app.path());
    let (exit, _) = case.run(app.path(), &["--apply", "--yes"]);
    let error = format!("{:#}", exit.unwrap_err());
    assert!(error.starts_with("nothing was changed") || error.contains("no free name"), "{error}");
    assert_eq!(before, contents(app.path()));
}

#[test]
fn secrets_do_not_show_in_a_diff() {
    let (app, case) = (sqlite_app(), Case::new());
    write(
        app.path(),
        &[
            (".env", "A=hunter5\nDATABASE_PATH=x.db?key=hunter6\nB=hunter7\n"),
            (
                "sub/package.json",
                "{\n  \"scripts\": { \"x\": \"psql postgres://u:hunter8@h/db\" },\n  \"dependencies\": { \"sqlite3\": \"5\" }\n}\n",
            ),
        ],
    );
    let (_, console) = case.run(app.path(), &["--apply", "--dry-run"]);
    assert!(
        console.out.contains("-DATABASE_PATH=***") && console.out.contains("u:***@h/db"),
        "{}",
        console.out
    );
    assert!(!console.out.contains("hunter"), "{}", console.out);
}

#[test]
fn line_ends_and_permissions_stay() {
    let (app, case) = (checkout(&[]), Case::new());
    write(
        app.path(),
        &[(
            "package.json",
            "{\r\n\t\"dependencies\": {\r\n\t\t\"pg\": \"8\",\r\n\t\t\"sqlite3\": \"5\"\r\n\t}\r\n}",
        )],
    );
    let package = app.path().join("package.json");
    fs::set_permissions(&package, fs::Permissions::from_mode(0o640)).unwrap();
    let (exit, _) = case.run(app.path(), &["--apply", "--yes"]);
    assert_eq!(exit.unwrap(), Exit::Done);
    assert_eq!(
        fs::read_to_string(&package).unwrap(),
        "{\r\n\t\"dependencies\": {\r\n\t\t\"pg\": \"8\"\r\n\t}\r\n}"
    );
    assert_eq!(fs::metadata(&package).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(app.path()).unwrap().count(), 1);
}

#[test]
fn json_has_the_documented_fields() {
    let (app, case) = (
        checkout(&[("package.json", "{\"dependencies\":{\"sqlite3\":\"5\"}}"), ("a.ts", "import 'sqlite3'")]),
        Case::new(),
    );
    let (exit, console) = case.run(app.path(), &["--apply", "--dry-run", "--json"]);
    assert_eq!(exit.unwrap(), Exit::Differences);
    insta::assert_snapshot!("json", console.out);
    let (exit, console) =
        Case { proof: not_validated, ..Case::new() }.run(app.path(), &["--apply", "--json"]);
    assert_eq!(exit.unwrap(), Exit::Refused);
    let document: serde_json::Value = serde_json::from_str(&console.out).unwrap();
    assert_eq!(
        document["refused"],
        "no validated migration stands in the ledger; next: cargo xtask validate"
    );
    assert_eq!(document["changes"]["applied"], false);
}

#[test]
fn options_that_need_another_are_refused() {
    for options in [&["--yes"][..], &["--dry-run"], &["--apply", "--unknown"]] {
        assert!(Cli::try_parse_from([&["cleanup", "--app", "x"], options].concat()).is_err(), "{options:?}");
    }
    assert!(Cli::try_parse_from(["cleanup"]).is_err());
}
