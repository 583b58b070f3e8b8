//! Whole checkouts: everything that is left in Hyperpage on SQLite, nothing in Hyperpage on PostgreSQL, and what a file system
//! can put in the way.

use super::testing::{checkout, contents, database, git, listing, postgres_app, sqlite_app, write};
use super::{Area, lines, scan, summary};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

fn shown(root: &Path) -> Vec<String> {
    lines(&listing(root)).lines().map(str::to_owned).collect()
}

fn places(root: &Path) -> Vec<String> {
    let place = |line: &String| line.split("; ").next().unwrap_or_default().to_owned();
    shown(root).iter().map(place).collect()
}

#[test]
fn hyperpage_on_sqlite() {
    let app = sqlite_app();
    git(app.path(), &["init"]);
    git(app.path(), &["add", "-f", "data/hyperpage.db", "src"]);
    let before = contents(app.path());
    let found = listing(app.path());
    insta::assert_snapshot!("hyperpage_on_sqlite", format!("{}\n{}", lines(&found), summary(&found)));
    assert_eq!(found, listing(app.path()), "the listing is the same twice");
    assert_eq!(before, contents(app.path()), "searching changes nothing");
}

#[test]
fn hyperpage_on_postgresql_is_clean() {
    let app = postgres_app();
    let found = listing(app.path());
    assert_eq!(lines(&found), "");
    assert!(found.files_read >= 20, "{found:?}");
}

#[test]
fn values_never_show() {
    let app = sqlite_app();
    write(app.path(), &[(".env", "DATABASE_URL=file:./hunter2.db?key=hunter3\nTURSO_AUTH_TOKEN=hunter4\n")]);
    let all = lines(&listing(app.path()));
    assert!(all.contains(".env:1: `DATABASE_URL` points") && all.contains(".env:2:"), "{all}");
    assert!(!all.contains("hunter"), "{all}");
}

#[test]
fn hostile_names() {
    let app = checkout(&[("package.json", "{}")]);
    for name in
        [&b"with space.ts"[..], b"new\nline.ts", b"quo\"te.ts", b"bad\xff.ts", b"\x1b[31m.ts", b"-rf.ts"]
    {
        fs::write(app.path().join(OsStr::from_bytes(name)), "import 'better-sqlite3'").unwrap();
    }
    insta::assert_snapshot!(places(app.path()).join("\n"), @r#"
    "\u{1b}[31m.ts":1: imports `better-sqlite3`
    -rf.ts:1: imports `better-sqlite3`
    "bad\xff.ts":1: imports `better-sqlite3`
    "new\nline.ts":1: imports `better-sqlite3`
    "quo\"te.ts":1: imports `better-sqlite3`
    with space.ts:1: imports `better-sqlite3`
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
    insta::assert_snapshot!(places(app.path()).join("\n"), @r"
    .env.latin1:2: sets `DATABASE_PATH`
    bad.yaml:2: speaks of SQLite
    latin1.md:1: speaks of SQLite
    long.md:1: cannot be read: longer than 64 MiB
    package.json:1: is not valid JSON
    ");
    assert!(listing(app.path()).findings.iter().all(|finding| !finding.hit.mechanical));
}

#[test]
fn links_are_not_followed() {
    let outside = checkout(&[("src/a.ts", "import 'better-sqlite3'")]);
    database(&outside.path().join("real.db"), "SELECT 1");
    let app = checkout(&[("package.json", "{}")]);
    symlink(outside.path().join("src"), app.path().join("src")).unwrap();
    symlink(outside.path().join("real.db"), app.path().join("app.db")).unwrap();
    symlink(app.path(), app.path().join("loop")).unwrap();
    assert_eq!(
        places(app.path()),
        [
            "app.db:1: symbolic link to a SQLite database, or with the name of one",
            "src:1: symbolic link to a folder outside of the checkout"
        ]
    );
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
        database(&app.path().join(name), "PRAGMA wal_checkpoint(TRUNCATE)");
    }
    write(app.path(), &[("other.db", "no database"), ("private/.env", "DATABASE_PATH=x\n")]);
    git(app.path(), &["init"]);
    git(app.path(), &["add", "-f", "kept.ts", "gone.db", "other.db", "kept.sqlite", "dist/built.db"]);
    for name in ["gone.db", "gone.db-wal", "gone.db-shm", "other.db"] {
        fs::remove_file(app.path().join(name)).unwrap();
    }
    insta::assert_snapshot!(places(app.path()).join("\n"), @r"
    dist/built.db:1: SQLite database, tracked by git
    gone.db:1: SQLite database file, gone from the work tree and still tracked by git
    kept.sqlite:1: SQLite database, tracked by git
    kept.sqlite-shm:1: companion of a SQLite database
    kept.sqlite-wal:1: companion of a SQLite database
    kept.ts:1: imports `sqlite3`
    private/.env:1: sets `DATABASE_PATH`
    private/hidden.db:1: SQLite database
    private/hidden.db-shm:1: companion of a SQLite database
    private/hidden.db-wal:1: companion of a SQLite database
    ");
}

#[test]
fn excluded_files_are_left_out() {
    let app = sqlite_app();
    let backup = app.path().join("backups");
    let everything = ["*".to_owned()];
    assert_eq!(scan(&Area::new(app.path(), &backup, &everything).unwrap()).findings, []);
    let some = ["src/**".to_owned(), "data/".to_owned(), "*.md".to_owned()];
    let left = lines(&scan(&Area::new(app.path(), &backup, &some).unwrap()));
    assert!(
        !left.contains("src/") && !left.contains("data/hyperpage.db:1") && !left.contains("README.md"),
        "{left}"
    );
    assert!(left.contains("package.json:9:"), "{left}");
}

#[test]
fn an_empty_folder_is_clean_and_suspicious() {
    let app = tempfile::tempdir().unwrap();
    let found = listing(app.path());
    assert_eq!(found.findings, []);
    assert_eq!(found.remarks, ["there is no package.json here: is this the app's checkout?"]);
}

#[test]
fn what_is_no_checkout_is_an_error() {
    let app = checkout(&[("file", "")]);
    let error = |root: &str, backup: &str, glob: &str| {
        let exclude = [glob.to_owned()];
        let made = Area::new(&app.path().join(root), &app.path().join(backup), &exclude);
        format!("{:#}", made.err().unwrap())
            .replace(&*app.path().canonicalize().unwrap().to_string_lossy(), "DIR")
    };
    insta::assert_snapshot!(error("missing", "b", "x"), @"cannot open the app's checkout DIR/missing: No such file or directory (os error 2)");
    insta::assert_snapshot!(error("file", "b", "x"), @"DIR/file is no folder: give the folder with the app's package.json");
    insta::assert_snapshot!(error("", "", "x"), @"the backup folder DIR/ holds the checkout itself: give another one with --backup-dir");
    insta::assert_snapshot!(error("", "b", "!x"), @"--exclude !x: a glob that begins with ! would include");
    insta::assert_snapshot!(error("", "b", "{x"), @"--exclude {x is no glob: error parsing glob '!{x': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)");
}

/// Root may read everything, so the test runs itself again as nobody where it is root.
#[test]
fn what_cannot_be_read_is_reported() {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65534;
    const FOLDER: &str = "CLEANUP_UNREADABLE_FOLDER";
    const RESULT: &str = "CLEANUP_UNREADABLE_RESULT";
    if let Some(folder) = std::env::var_os(FOLDER) {
        fs::write(std::env::var_os(RESULT).unwrap(), places(Path::new(&folder)).join("\n")).unwrap();
        return;
    }
    let app = checkout(&[
        ("package.json", "{}"),
        ("a.ts", "import 'sqlite3'"),
        ("secret.ts", ""),
        ("closed/b.ts", ""),
    ]);
    close(app.path());
    let found = if fs::metadata(app.path()).unwrap().uid() == 0 {
        let shared = tempfile::tempdir().unwrap();
        let (program, result) = (shared.path().join("tests"), shared.path().join("result"));
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        for path in [shared.path(), app.path(), &program] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        let name = "cleanup::tests::what_cannot_be_read_is_reported";
        let mut child = std::process::Command::new(&program);
        child.args(["--exact", name]).env(FOLDER, app.path()).env(RESULT, &result).current_dir("/");
        let output = child.uid(NOBODY).gid(NOBODY).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(result).unwrap()
    } else {
        places(app.path()).join("\n")
    };
    fs::set_permissions(app.path().join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    let wanted = [
        "a.ts:1: imports `sqlite3`",
        "closed:1: cannot be read: permission denied",
        "secret.ts:1: cannot be read: permission denied",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), wanted);
}

fn close(app: &Path) {
    for name in ["secret.ts", "closed"] {
        fs::set_permissions(app.join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
}
