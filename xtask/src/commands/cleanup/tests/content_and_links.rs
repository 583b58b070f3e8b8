//! The content of a database, and the targets of links.

use super::*;
use row_mover::fence::{FenceId, MarkUse, WriteLock};
use std::time::{Duration, Instant};

#[test]
fn what_counts_is_the_content_of_the_database() {
    // A checkpoint changes size and time of the file, but not the content of the database.
    let case = Case { proof: validated_before_a_checkpoint, ..Case::new() };
    let app = app_with_database();
    case.run(app.path(), &APPLY, Exit::Done);
    assert!(!app.path().join("a.db").exists());

    // Without the sealed copy, or with another in its place, nothing is removed.
    for proof in [validated_without_copy as fn(&Path) -> MigrationProof, validated_with_another_copy] {
        let (app, case) = (app_with_database(), Case { proof, ..Case::new() });
        let before = contents(app.path());
        let notes = case.run(app.path(), &APPLY, Exit::Refused).notes;
        assert!(notes.contains("a.db cannot be compared with the sealed copy: "), "{notes}");
        assert_eq!(contents(app.path()), before);
    }
}

/// Fences the database of a checkout as a cutover does, and empties the log as the app does when it closes the database.
fn fence(app: &Path, sha256: &str) {
    fence_with_log(app, sha256);
    empty_log(app, true);
}

/// Fences the database, so that the fence is in the log, where an app that is killed leaves it.
fn fence_with_log(app: &Path, sha256: &str) {
    let lock = WriteLock::acquire(&app.join("a.db"), Duration::from_secs(5)).unwrap().unwrap();
    lock.put_up(&FenceId::of(sha256), MarkUse::Always).unwrap();
    assert!(lock.commit(Instant::now() + Duration::from_secs(5)).unwrap());
}

/// What `cleanup` prints for a database whose log is not empty; the empty one may be kept, as with an app that has the database open.
fn empty_log(app: &Path, is_kept: bool) {
    let open = rusqlite::Connection::open(app.join("a.db")).unwrap();
    open.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_kept).unwrap();
    let busy: i64 = open.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
    open.close().unwrap();
}

fn write_to(app: &Path, sql: &str) {
    let open = rusqlite::Connection::open(app.join("a.db")).unwrap();
    open.execute_batch(sql).unwrap();
    open.close().unwrap();
}

fn sealed_hash(proof: &MigrationProof) -> String {
    match proof {
        MigrationProof::Ready { seal, .. } => seal.sha256.clone(),
        MigrationProof::NotReady { .. } => panic!("it is ready"),
    }
}

#[test]
fn a_fence_is_the_only_difference_that_counts_for_nothing() {
    type Proof = fn(&Path) -> MigrationProof;
    let fenced: Proof = |app| {
        let proof = validated(app);
        fence(app, &sealed_hash(&proof));
        proof
    };
    let fenced_by_another: Proof = |app| {
        let proof = validated(app);
        fence(app, &"0f".repeat(32));
        proof
    };
    let written_before_the_fence: Proof = |app| {
        let proof = validated(app);
        write_to(app, "UPDATE jobs SET id = 'TWO' WHERE id = 'two'");
        fence(app, &sealed_hash(&proof));
        proof
    };
    let with_a_trigger_more: Proof = |app| {
        let proof = validated(app);
        write_to(app, "CREATE TRIGGER more DELETE ON jobs BEGIN SELECT 1; END");
        fence(app, &sealed_hash(&proof));
        proof
    };
    for (name, proof, expected) in [
        ("fenced", fenced, Exit::Done),
        ("by another", fenced_by_another, Exit::Refused),
        ("written", written_before_the_fence, Exit::Refused),
        ("trigger", with_a_trigger_more, Exit::Refused),
    ] {
        let (app, case) = (app_with_database(), Case { proof, ..Case::new() });
        let notes = case.run(app.path(), &APPLY, expected).notes;
        assert_eq!(
            notes.contains("a.db was written to since it was sealed"),
            expected == Exit::Refused,
            "{name}: {notes}"
        );
        assert_eq!(app.path().join("a.db").exists(), expected == Exit::Refused, "{name}");
    }
}

/// An app that is killed after the cutover leaves the fence in the log; what is printed then works.
#[test]
fn the_log_of_a_fence_is_emptied_by_the_command_that_is_printed() {
    thread_local! { static PROOF: std::cell::RefCell<Option<MigrationProof>> = const { std::cell::RefCell::new(None) }; }
    let proof: fn(&Path) -> MigrationProof = |_| PROOF.with_borrow(|proof| proof.clone().unwrap());
    let (app, case) = (app_with_database(), Case { proof, ..Case::new() });
    PROOF.set(Some(validated(app.path())));
    fence_with_log(app.path(), &sealed_hash(&proof(app.path())));
    let before = contents(app.path());
    let notes = case.run(app.path(), &APPLY, Exit::Refused).notes;
    assert!(notes.contains("then run `sqlite3 a.db 'PRAGMA wal_checkpoint(TRUNCATE)'`"), "{notes}");
    assert_eq!(contents(app.path()), before);
    empty_log(app.path(), false);
    case.run(app.path(), &APPLY, Exit::Done);
    assert!(!app.path().join("a.db").exists());
}

/// A migration of the same content while it was in the log, which the app has since written into the file.
fn validated_before_a_checkpoint(app: &Path) -> MigrationProof {
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("a.db");
    database(&source, "SELECT 1");
    assert!(fs::metadata(source.with_file_name("a.db-wal")).unwrap().len() > 0);
    assert_ne!(fs::read(&source).unwrap(), fs::read(app.join("a.db")).unwrap());
    validated_as(&app.join("a.db"), &source)
}

fn sealed_path(proof: &MigrationProof) -> &Path {
    match proof {
        MigrationProof::Ready { seal, .. } => &seal.path,
        MigrationProof::NotReady { .. } => panic!("it is validated"),
    }
}

fn validated_without_copy(app: &Path) -> MigrationProof {
    let proof = validated(app);
    fs::remove_file(sealed_path(&proof)).unwrap();
    proof
}

fn validated_with_another_copy(app: &Path) -> MigrationProof {
    let proof = validated(app);
    let other = validated_of(&app.join("package.json"));
    fs::rename(sealed_path(&other), sealed_path(&proof)).unwrap();
    proof
}

#[test]
fn links_to_what_is_searched_nowhere_else_are_named() {
    let outside = checkout(&[("notes.md", "SQLite"), ("settings/x", ""), ("src/a.ts", "import 'sqlite3'")]);
    database(&outside.path().join("data/app.db"), CLOSED);
    let files = [("package.json", "{}"), ("docs/a.md", ""), ("build/b.md", "")];
    let (app, case) = (checkout(&files), Case::new());
    let links = [
        ("data", outside.path().join("data")),
        ("innocent.bin", outside.path().join("data/app.db")),
        ("README.md", outside.path().join("notes.md")),
        ("gone", outside.path().join("nothing")),
        ("loop", "loop".into()),
        ("made", "build".into()),
        ("here", ".".into()),
        ("documents", "docs".into()),
        ("picture.png", outside.path().join("notes.md")),
        ("node_modules", outside.path().join("settings")),
        ("source", outside.path().join("src")),
    ];
    for (name, target) in &links {
        std::os::unix::fs::symlink(target, app.path().join(name)).unwrap();
    }
    let listing = case.run(app.path(), &[], Exit::Differences).out;
    insta::assert_snapshot!(audit::without_remedies(&listing), @"
    README.md:1: symbolic link to a file that is not searched
    data:1: symbolic link to a folder that is not searched
    gone:1: symbolic link to nothing
    innocent.bin:1: symbolic link to a SQLite database, or with the name of one
    loop:1: cannot be read: symbolic link, filesystem loop or indirection limit (e.g. symlink loop)
    made:1: symbolic link to a folder that is not searched
    source:1: symbolic link to a folder that is not searched
    ");

    // The remedy works.
    let listing = case.run(&outside.path().join("data"), &[], Exit::Differences).out;
    assert!(listing.contains("app.db:1: SQLite database"), "{listing}");
    let named = ["data", "innocent.bin", "README.md", "gone", "loop", "made", "source"];
    let options: Vec<&str> = named.iter().flat_map(|name| ["--exclude", name]).collect();
    case.run(app.path(), &options, Exit::Done);
}
