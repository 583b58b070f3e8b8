//! The listing: every remaining use in Hyperpage on SQLite, nothing in Hyperpage on PostgreSQL, and hostile file systems.

use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// The lines of a listing without the remedies.
pub(super) fn without_remedies(listing: &str) -> String {
    listing.lines().map(|line| line.split("; ").next().unwrap_or_default().to_owned() + "\n").collect()
}

#[track_caller]
fn found(app: &Path) -> String {
    without_remedies(&Case::new().run(app, &[], Exit::Differences).out)
}

#[test]
fn hyperpage_on_sqlite() {
    let app = sqlite_app();
    git(app.path(), &["init"]);
    git(app.path(), &["add", "-f", "data/hyperpage.db", "src"]);
    let before = contents(app.path());
    let console = Case::new().run(app.path(), &[], Exit::Differences);
    insta::assert_snapshot!("hyperpage_on_sqlite", console.out + "\n" + &console.notes);
    assert_eq!(before, contents(app.path()), "searching changes nothing");
}

#[test]
fn hyperpage_on_postgresql_is_clean() {
    let console = Case::new().run(app(include_str!("on-postgresql.txt")).path(), &[], Exit::Done);
    assert_eq!(console.out, "");
    insta::assert_snapshot!(console.notes, @"nothing of SQLite is left: 28 files searched");
    let empty = Case::new().run(checkout(&[]).path(), &[], Exit::Done);
    insta::assert_snapshot!(empty.notes, @"
    note: there is no package.json here: is this the app's checkout?
    nothing of SQLite is left: 0 files searched
    ");
}

#[test]
fn hostile_names() {
    let app = checkout(&[("package.json", "{}")]);
    for name in [
        &b"with space.ts"[..],
        b"new\nline.ts",
        b"quo\"te.ts",
        b"bad\xff.ts",
        b"\x1b[31m.ts",
        b"-rf.ts",
        "\u{202e}.ts".as_bytes(),
    ] {
        fs::write(app.path().join(OsStr::from_bytes(name)), "import 'better-sqlite3'").unwrap();
    }
    insta::assert_snapshot!(found(app.path()), @r#"
    "\u{1b}[31m.ts":1: uses the module `better-sqlite3`
    -rf.ts:1: uses the module `better-sqlite3`
    "bad\xff.ts":1: uses the module `better-sqlite3`
    "new\nline.ts":1: uses the module `better-sqlite3`
    "quo\"te.ts":1: uses the module `better-sqlite3`
    with space.ts:1: uses the module `better-sqlite3`
    "\u{202e}.ts":1: uses the module `better-sqlite3`
    "#);
}

#[test]
fn hostile_contents() {
    let app = checkout(&[
        ("package.json", "{ <<<<<<< HEAD"),
        ("bad.yaml", "a: [\nname: sqlite"),
        ("deep.yaml", &"[".repeat(9999)),
    ]);
    fs::write(app.path().join("latin1.md"), b"caf\xe9 with SQLite").unwrap();
    fs::write(app.path().join("stream.ts"), b"\x47\0\0better-sqlite3").unwrap();
    fs::write(app.path().join(".env.latin1"), b"# caf\xe9\nDATABASE_PATH=x.db\n").unwrap();
    fs::File::create(app.path().join("huge.sql")).unwrap().set_len(1 << 33).unwrap();
    fs::write(app.path().join("long.md"), "x".repeat(65 << 20)).unwrap();
    insta::assert_snapshot!(found(app.path()), @"
    .env.latin1:2: uses `DATABASE_PATH`
    bad.yaml:2: mentions SQLite
    latin1.md:1: mentions SQLite
    long.md:1: cannot be read: longer than 64 MiB
    package.json:1: is not valid JSON
    ");
    let nothing = Case::new().run(app.path(), &["--apply", "--dry-run"], Exit::Differences);
    assert!(nothing.notes.starts_with("nothing is left that --apply could do"), "{}", nothing.notes);
}

#[test]
fn git_knows_what_is_gone_and_what_it_ignores() {
    let app = checkout(&[
        ("package.json", "{}"),
        (".gitignore", "*.ts\nprivate/\n"),
        ("kept.ts", "import 'sqlite3'"),
        ("ignored.ts", "import 'sqlite3'"),
    ]);
    for name in ["gone.db", "kept.sqlite", "private/hidden.db", "dist/built.db"] {
        database(&app.path().join(name), CLOSED);
    }
    write(app.path(), &[("private/.env", "DATABASE_PATH=x\n")]);
    git(app.path(), &["init"]);
    git(app.path(), &["add", "-f", "kept.ts", "gone.db", "kept.sqlite", "dist/built.db"]);
    for name in ["gone.db", "gone.db-wal", "gone.db-shm"] {
        fs::remove_file(app.path().join(name)).unwrap();
    }
    insta::assert_snapshot!(found(app.path()), @"
    dist/built.db:1: SQLite database, tracked by git
    gone.db:1: database file, gone from the work tree and still tracked by git
    kept.sqlite:1: SQLite database, tracked by git
    kept.sqlite-shm:1: companion of a SQLite database
    kept.sqlite-wal:1: companion of a SQLite database
    kept.ts:1: uses the module `sqlite3`
    private/.env:1: uses `DATABASE_PATH`
    private/hidden.db:1: SQLite database
    private/hidden.db-shm:1: companion of a SQLite database
    private/hidden.db-wal:1: companion of a SQLite database
    ");
}

#[test]
fn excluded_files_are_left_out() {
    let (app, case) = (sqlite_app(), Case::new());
    assert_eq!(case.run(app.path(), &["--exclude", "*"], Exit::Done).out, "");
    let some = ["--exclude", "src/**", "--exclude", "data/", "--exclude", "*.md"];
    let left = case.run(app.path(), &some, Exit::Differences).out;
    assert!(!["src/", "data/hyperpage.db:1", "README.md"].iter().any(|path| left.contains(path)), "{left}");
    assert!(left.contains("package.json:9:"), "{left}");
}

#[test]
fn what_is_no_checkout_is_an_error() {
    let (app, case) = (checkout(&[("file", "")]), Case::new());
    let error = |path: &Path, options: &[&str]| {
        let error = format!("{:#}", case.attempt(path, options).0.unwrap_err());
        error.replace(&*app.path().canonicalize().unwrap().to_string_lossy(), "DIR")
    };
    let inside = app.path().to_str().unwrap();
    insta::assert_snapshot!(
        [
            error(&app.path().join("missing"), &[]),
            error(&app.path().join("file"), &[]),
            error(app.path(), &["--exclude", "!x"]),
            error(app.path(), &["--exclude", "{x"]),
            Area::new(app.path(), Path::new(inside), &[]).err().unwrap().to_string().replace(inside, "DIR"),
        ]
        .join("\n"),
        @"
        cannot open the app's checkout DIR/missing: No such file or directory (os error 2)
        DIR/file is not a folder: give the folder with the app's package.json
        --exclude !x: a glob that begins with ! would include
        --exclude {x is not a glob: error parsing glob '!{x': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
        the backup folder DIR contains the checkout itself: give another one with --backup-dir
        "
    );
}

/// Root may read everything, so the test runs itself again as nobody where it is root.
#[test]
fn what_cannot_be_read_is_reported() {
    use std::os::unix::{fs::MetadataExt as _, process::CommandExt as _};
    const NOBODY: u32 = 65534;
    const FOLDER: &str = "CLEANUP_UNREADABLE_FOLDER";
    const RESULT: &str = "CLEANUP_UNREADABLE_RESULT";
    if let Some(folder) = std::env::var_os(FOLDER) {
        fs::write(std::env::var_os(RESULT).unwrap(), found(Path::new(&folder))).unwrap();
        return;
    }
    let files =
        [("package.json", "{}"), ("a.ts", "import 'sqlite3'"), ("secret.ts", ""), ("closed/b.ts", "")];
    let app = checkout(&files);
    let set_mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    ["secret.ts", "closed"].iter().for_each(|name| set_mode(&app.path().join(name), 0));
    let found = if fs::metadata(app.path()).unwrap().uid() == 0 {
        let shared = tempfile::tempdir().unwrap();
        let (program, result) = (shared.path().join("tests"), shared.path().join("result"));
        // By another process: a program that another test begins meanwhile would hold a descriptor of ours, and the copy would be "busy".
        let copied =
            std::process::Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
        assert!(copied.unwrap().success());
        [shared.path(), app.path(), &program].iter().for_each(|path| set_mode(path, 0o777));
        let mut child = std::process::Command::new(&program);
        child.args(["--exact", "commands::cleanup::tests::audit::what_cannot_be_read_is_reported"]);
        child.env(FOLDER, app.path()).env(RESULT, &result).current_dir("/").uid(NOBODY).gid(NOBODY);
        let output = child.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(result).unwrap()
    } else {
        found(app.path())
    };
    set_mode(&app.path().join("closed"), 0o755);
    insta::assert_snapshot!(found, @"
    a.ts:1: uses the module `sqlite3`
    closed:1: cannot be read: permission denied
    secret.ts:1: cannot be read: permission denied
    ");
}
