//! The complete command: what it prints, what it changes, what it refuses, and its exit codes.

use super::*;
use clap::Parser as _;
use row_mover::source::integrity_check::Integrity;
use row_mover::source::seal::{self, Seal};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

mod audit;
mod content_and_links;
mod finishing;
mod on_a_branch;

#[derive(clap::Parser)]
#[command(args_override_self = true)]
struct Cli {
    #[command(flatten)]
    args: CleanupArgs,
}

#[derive(Default)]
struct Recorder {
    out: String,
    notes: String,
    answer: Option<bool>,
    recorded: Vec<Event>,
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

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn checkout(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    folder
}

/// A checkout from texts with files, each after a line `=== path`; the files of both apps come first.
fn app(own: &str) -> TempDir {
    let texts = [include_str!("tests/shared.txt"), own];
    let files = texts.iter().flat_map(|text| text.split("=== ")).filter_map(|file| file.split_once('\n'));
    checkout(&files.collect::<Vec<_>>())
}

/// Hyperpage on SQLite, with its database closed in WAL mode and both companion files.
fn sqlite_app() -> TempDir {
    let app = app(include_str!("tests/on-sqlite.txt"));
    database(&app.path().join("data/hyperpage.db"), CLOSED);
    app
}

/// A checkout with one database.
fn app_with_database() -> TempDir {
    let app = checkout(&[("package.json", "{}")]);
    database(&app.path().join("a.db"), CLOSED);
    app
}

const CLOSED: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// A database in WAL mode, copied while it was open, so that it has both companions. `last` runs before the copy.
fn database(path: &Path, last: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("source.db");
    let open = rusqlite::Connection::open(&source).unwrap();
    open.execute_batch(
        "PRAGMA journal_mode=WAL; CREATE TABLE jobs (id TEXT); INSERT INTO jobs VALUES ('one'), ('two');",
    )
    .unwrap();
    open.query_row(last, [], |_| Ok(())).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        fs::copy(format!("{}{suffix}", source.display()), format!("{}{suffix}", path.display())).unwrap();
    }
}

fn rows(path: &Path) -> i64 {
    let open = rusqlite::Connection::open(path).unwrap();
    open.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0)).unwrap()
}

fn git(root: &Path, arguments: &[&str]) {
    let output = std::process::Command::new("git").arg("-C").arg(root).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
}

/// Commits a folder, and with it files that it ignores.
fn committed(root: &Path, ignored: &[&str]) {
    git(root, &["init", "--quiet", "--initial-branch", "main"]);
    for (name, value) in [("user.name", "Test"), ("user.email", "test@example.org")] {
        git(root, &["config", name, value]);
    }
    git(root, &["add", "--all"]);
    if !ignored.is_empty() {
        git(root, &[&["add", "--force"], ignored].concat());
    }
    git(root, &["commit", "--quiet", "-m", "The app on SQLite"]);
}

/// Every path below a folder with its content.
fn contents(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let walk = ignore::WalkBuilder::new(root).standard_filters(false).sort_by_file_path(Path::cmp).build();
    let files = walk.map(|entry| entry.unwrap().into_path()).filter(|path| path.is_file());
    files.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

thread_local! {
    /// The sealed copies of the migrations of a test.
    static SEALED: TempDir = tempfile::tempdir().unwrap();
}

/// A finished cutover of a file as it is now. A file that is not a database is sealed as if it were one.
fn validated_of(path: &Path) -> MigrationProof {
    SEALED.with(|folder| {
        let scratch = tempfile::tempdir_in(folder.path()).unwrap();
        let source = scratch.path().join("source.db");
        if fs::copy(path, &source).is_err() || !fs::read(&source).unwrap().starts_with(b"SQLite") {
            let _ = fs::remove_file(&source);
            rusqlite::Connection::open(&source).unwrap().execute_batch("CREATE TABLE other (id)").unwrap();
        }
        validated_as(path, &source)
    })
}

/// A finished cutover of the file at `path`, whose content was that of `source`.
fn validated_as(path: &Path, source: &Path) -> MigrationProof {
    let text = |text: &str| text.to_owned();
    let copy = SEALED.with(|folder| seal::copy(source, folder.path(), &|_| Ok(())).unwrap());
    let hash = copy.hash(&|| Ok(())).unwrap();
    MigrationProof::Ready {
        run: 1,
        cutover_at: text("2025-11-02T10:00:00.000Z"),
        age_seconds: 7 * 86_400,
        target: text("postgres://h/hyperpage"),
        seal: Box::new(Seal { source_path: path.into(), ..copy.seal(hash).unwrap() }),
        is_cleaned_up: false,
    }
}

/// A finished cutover of the one database of a checkout.
fn validated(app: &Path) -> MigrationProof {
    let names = ["data/hyperpage.db", "data/a.db", "a.db"].map(|name| app.join(name));
    validated_of(names.iter().find(|path| path.exists()).unwrap_or(&names[0]))
}

fn not_validated(_: &Path) -> MigrationProof {
    MigrationProof::NotReady {
        reason: "no validated migration is in the ledger".into(),
        next: "cargo xtask validate".into(),
    }
}

/// The same, where a cleanup was recorded before.
fn cleaned_up(app: &Path) -> MigrationProof {
    match validated(app) {
        MigrationProof::Ready { run, cutover_at, age_seconds, target, seal, .. } => {
            MigrationProof::Ready { run, cutover_at, age_seconds, target, seal, is_cleaned_up: true }
        }
        other => other,
    }
}

/// The same, a day ago.
fn recent(app: &Path) -> MigrationProof {
    match validated(app) {
        MigrationProof::Ready { run, cutover_at, target, seal, is_cleaned_up, .. } => {
            MigrationProof::Ready { run, cutover_at, age_seconds: 86_400, target, seal, is_cleaned_up }
        }
        other => other,
    }
}

/// A ledger that says what the test wants.
struct Told<'a> {
    case: &'a Case,
    app: &'a Path,
    recorded: &'a mut Vec<Event>,
}

impl CleanupLedger for Told<'_> {
    fn proof(&mut self, _: &CleanupArgs) -> anyhow::Result<MigrationProof> {
        Ok((self.case.proof)(self.app))
    }

    fn integrity(&mut self, _: i64) -> anyhow::Result<Option<Integrity>> {
        Ok(self.case.integrity.clone())
    }

    fn record_integrity(&mut self, _: i64, _: &Integrity) -> anyhow::Result<()> {
        Ok(())
    }

    fn record(&mut self, _: i64, event: &Event, _: Option<&str>) -> anyhow::Result<()> {
        self.recorded.push(event.clone());
        Ok(())
    }
}

/// A text without what differs between runs.
fn masked(text: &str) -> String {
    let line = |line: &str| match line.split_once(' ') {
        Some(("committed", rest)) => {
            format!("committed HASH: {}\n", rest.split_once(": ").map_or(rest, |(_, title)| title))
        }
        Some((verb @ ("archived" | "verified"), _)) => format!("{verb} ARCHIVE\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// A run of the command with folders of its own.
struct Case {
    backup: TempDir,
    archive: TempDir,
    answer: Option<bool>,
    proof: fn(&Path) -> MigrationProof,
    integrity: Option<Integrity>,
}

impl Case {
    fn new() -> Self {
        Self {
            backup: tempfile::tempdir().unwrap(),
            archive: tempfile::tempdir().unwrap(),
            answer: None,
            proof: validated,
            integrity: None,
        }
    }

    fn attempt(&self, app: &Path, options: &[&str]) -> (anyhow::Result<Exit>, Recorder) {
        self.attempt_until(app, options, &Stop::default())
    }

    fn attempt_until(&self, app: &Path, options: &[&str], stop: &Stop) -> (anyhow::Result<Exit>, Recorder) {
        let (app_text, backup) = (app.to_str().unwrap(), self.backup.path().to_str().unwrap());
        let archive = self.archive.path().to_str().unwrap();
        let named = ["cleanup", "--backup-dir", backup, "--archive-dir", archive, "--app", app_text];
        let args = Cli::try_parse_from(named.iter().chain(options)).ok().unwrap().args;
        let mut console = Recorder { answer: self.answer, ..Recorder::default() };
        let ledger = Told { case: self, app, recorded: &mut console.recorded };
        let mut terminal = Recorder { answer: self.answer, ..Recorder::default() };
        let exit = run_on(&mut terminal, &args, ledger, stop);
        (console.out, console.notes) = (terminal.out, masked(&terminal.notes));
        for text in [&mut console.out, &mut console.notes] {
            *text = text.replace(backup, "BACKUP").replace(app_text, "APP");
        }
        (exit, console)
    }

    #[track_caller]
    fn run(&self, app: &Path, options: &[&str], expected: Exit) -> Recorder {
        let (exit, console) = self.attempt(app, options);
        assert_eq!(exit.unwrap(), expected, "{}", console.notes);
        console
    }
}

const APPLY: [&str; 2] = ["--apply", "--yes"];

#[test]
fn applying_makes_the_mechanical_changes() {
    let (app, case) = (sqlite_app(), Case { answer: Some(true), ..Case::new() });
    committed(app.path(), &["data/hyperpage.db"]);
    let before = case.run(app.path(), &[], Exit::Differences);
    let console = case.run(app.path(), &["--apply"], Exit::Differences);
    let (diff, left) = console.out.split_at(console.out.find(".env.example:").unwrap());
    insta::assert_snapshot!("diff", diff);
    insta::assert_snapshot!("notes", console.notes);
    assert!(left.lines().count() < before.out.lines().count());
    assert!(!left.contains("data/hyperpage.db:1"), "{left}");
    assert_eq!(console.recorded, [], "something is left for a person");
    assert!(!app.path().join("data/hyperpage.db").exists());
    assert_eq!(rows(&case.backup.path().join("data/hyperpage.db")), 2);
    assert_eq!(
        fs::read_to_string(app.path().join(".env.local")).unwrap(),
        "SESSION_SECRET=hunter2\nREDIS_URL=redis://u:hunter3@h/0\n"
    );
    let console = case.run(app.path(), &APPLY, Exit::Differences);
    assert!(console.notes.starts_with("nothing is left that --apply could do\n"), "{}", console.notes);
    assert_eq!(console.out, left);
    assert_eq!(console.recorded, []);
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
    for (name, app, options, answer, proof, expected) in [
        ("other", sqlite_app(), &APPLY[..], None, other, Exit::Refused),
        ("gone", sqlite_app(), &APPLY, None, gone, Exit::Refused),
        ("written", sqlite_app(), &APPLY, None, written, Exit::Refused),
        ("no proof", sqlite_app(), &APPLY, None, not_validated as Proof, Exit::Refused),
        ("too early", sqlite_app(), &APPLY, None, recent, Exit::Refused),
        ("no terminal", sqlite_app(), &["--apply"], None, validated, Exit::Refused),
        ("no", sqlite_app(), &["--apply"], Some(false), validated, Exit::Refused),
        ("in use", in_use, &APPLY, None, validated, Exit::Refused),
        ("dry run", sqlite_app(), &["--apply", "--dry-run"], None, not_validated, Exit::Differences),
    ] {
        let case = Case { answer, proof, ..Case::new() };
        let before = contents(app.path());
        let console = case.run(app.path(), options, expected);
        // The app wrote to it when the proof was requested.
        let before = if name == "written" { contents(app.path()) } else { before };
        assert_eq!(before, contents(app.path()), "{name}");
        assert!(contents(case.backup.path()).is_empty(), "{name}");
        assert!(contents(case.archive.path()).is_empty(), "{name}");
        assert_eq!(console.recorded, [], "{name}");
        assert!(console.out.contains("-    \"better-sqlite3\""), "{name}: the diff comes first");
        insta::assert_snapshot!(format!("refusal_{}", name.replace(' ', "_")), console.notes);
    }
}

/// Changes one letter of a value in a database file, whose size and times stay the same.
fn write_keeping_size_and_times(path: &Path) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.windows(3).rposition(|letters| letters == b"two").unwrap();
    bytes[at] = b'T';
    fs::write(path, bytes).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn a_second_database_stays_only_where_it_is_left_out() {
    let (app, case) = (sqlite_app(), Case::new());
    database(&app.path().join("data/other.db"), CLOSED);
    let before = contents(app.path());
    let notes = case.run(app.path(), &APPLY, Exit::Refused).notes;
    assert!(
        notes.contains("refused: data/other.db is not the database that was migrated; what was"),
        "{notes}"
    );
    assert_eq!(before, contents(app.path()));
    case.run(app.path(), &["--apply", "--yes", "--exclude", "data/other.db*"], Exit::Differences);
    assert!(app.path().join("data/other.db").exists());
    assert!(!app.path().join("data/hyperpage.db").exists());
}

#[test]
fn a_backup_folder_in_the_checkout_is_private_and_not_for_git() {
    let app = sqlite_app();
    let backup = app.path().join("kept");
    Case::new().run(
        app.path(),
        &["--apply", "--yes", "--backup-dir", backup.to_str().unwrap()],
        Exit::Differences,
    );
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
    open.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t (a)").unwrap();
    open.query_row(CLOSED, [], |_| Ok(())).unwrap();
    let notes = case.run(app.path(), &APPLY, Exit::Refused).notes;
    assert!(notes.contains("a.db is in use: another process has it locked"), "{notes}");
    open.close().unwrap();
    case.run(app.path(), &APPLY, Exit::Done);
}

#[test]
fn a_failure_before_the_first_change_leaves_the_checkout() {
    let (app, case) = (sqlite_app(), Case::new());
    // A file at the path of the backup's folder.
    fs::write(case.backup.path().join("data"), "in the way").unwrap();
    let before = contents(app.path());
    let error = format!("{:#}", case.attempt(app.path(), &APPLY).0.unwrap_err());
    assert!(error.starts_with("nothing was changed") || error.contains("no free name"), "{error}");
    assert_eq!(before, contents(app.path()));
}

#[test]
fn secrets_do_not_show() {
    let (app, case) = (sqlite_app(), Case::new());
    let package = "{\n  \"scripts\": { \"x\": \"psql postgres://u:hunter8@h/db\", \"y\": \"a://u:hunter9@c/r@h/ b://z\" },\n  \"dependencies\": { \"sqlite3\": \"5\" }\n}\n";
    let env = "A=hunter5\nDATABASE_PATH=x.db?key=hunter6\nB=hunter7\nDATABASE_URL=file:./hunter2.db?key=hunter3\nTURSO_AUTH_TOKEN=hunter4\n";
    write(app.path(), &[(".env", env), ("sub/package.json", package)]);
    let diff = case.run(app.path(), &["--apply", "--dry-run"], Exit::Differences).out;
    let masked = ["-DATABASE_PATH=***", "u:***@h/db", "a://u:***@h/ b://z"];
    assert!(masked.iter().all(|text| diff.contains(text)), "{diff}");
    let listing = case.run(app.path(), &[], Exit::Differences).out;
    assert!(listing.contains(".env:4: has the path or address") && listing.contains(".env:5:"), "{listing}");
    assert!(!diff.contains("hunter") && !listing.contains("hunter"), "{diff}{listing}");
}

#[test]
fn line_ends_and_permissions_stay() {
    let text = "{\r\n\t\"dependencies\": {\r\n\t\t\"pg\": \"8\",\r\n\t\t\"sqlite3\": \"5\"\r\n\t}\r\n}";
    let app = checkout(&[("package.json", text)]);
    let package = app.path().join("package.json");
    fs::set_permissions(&package, fs::Permissions::from_mode(0o640)).unwrap();
    Case::new().run(app.path(), &APPLY, Exit::Done);
    assert_eq!(fs::read_to_string(&package).unwrap(), text.replace(",\r\n\t\t\"sqlite3\": \"5\"", ""));
    assert_eq!(fs::metadata(&package).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(app.path()).unwrap().count(), 1);
}

#[test]
fn json_has_the_documented_fields() {
    let app =
        checkout(&[("package.json", "{\"dependencies\":{\"sqlite3\":\"5\"}}"), ("a.ts", "import 'sqlite3'")]);
    let console = Case::new().run(app.path(), &["--apply", "--dry-run", "--json"], Exit::Differences);
    insta::assert_snapshot!("json", console.out);
    let case = Case { proof: not_validated, ..Case::new() };
    let console = case.run(app.path(), &["--apply", "--json"], Exit::Refused);
    let document: serde_json::Value = serde_json::from_str(&console.out).unwrap();
    assert_eq!(document["refused"], "no validated migration is in the ledger; next: cargo xtask validate");
    assert_eq!(document["changes"]["applied"], false);
}
