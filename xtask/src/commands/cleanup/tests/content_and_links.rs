//! What a database holds, and where links lead.

use super::*;

#[test]
fn what_counts_is_the_content_of_the_database() {
    // A checkpoint changes size and time of the file, and nothing of what the database holds.
    let (app, case) =
        (checkout(&[("package.json", "{}")]), Case { proof: validated_before_a_checkpoint, ..Case::new() });
    database(&app.path().join("a.db"), "PRAGMA wal_checkpoint(TRUNCATE)");
    let (exit, console) = case.run(app.path(), &["--apply", "--yes"]);
    assert_eq!(exit.unwrap(), Exit::Done, "{}", console.notes);
    assert!(!app.path().join("a.db").exists());

    // Without the sealed copy, or with another in its place, nothing is removed.
    for proof in [validated_without_copy as fn(&Path) -> MigrationProof, validated_with_another_copy] {
        let (app, case) = (checkout(&[("package.json", "{}")]), Case { proof, ..Case::new() });
        database(&app.path().join("a.db"), "PRAGMA wal_checkpoint(TRUNCATE)");
        let before = contents(app.path());
        let (exit, console) = case.run(app.path(), &["--apply", "--yes"]);
        assert_eq!(exit.unwrap(), Exit::Refused, "{}", console.notes);
        assert!(
            console.notes.contains("a.db cannot be compared with the sealed copy: "),
            "{}",
            console.notes
        );
        assert_eq!(contents(app.path()), before);
    }
}

/// A migration of the same content while it was in the log, which the app has brought into the file since.
fn validated_before_a_checkpoint(app: &Path) -> MigrationProof {
    SEALED.with(|folder| {
        let source = folder.path().join("log/a.db");
        database(&source, "SELECT 1");
        assert!(fs::metadata(source.with_file_name("a.db-wal")).unwrap().len() > 0);
        assert_ne!(fs::read(&source).unwrap(), fs::read(app.join("a.db")).unwrap());
        let copy = seal::copy(&source, folder.path(), &|_| Ok(())).unwrap();
        let hash = copy.hash(&|| Ok(())).unwrap();
        proof_with(Seal { source_path: app.join("a.db"), ..copy.seal(hash).unwrap() })
    })
}

fn sealed_path(proof: &MigrationProof) -> &Path {
    match proof {
        MigrationProof::Validated { seal, .. } => &seal.path,
        MigrationProof::NotValidated { .. } => panic!("it is validated"),
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
    let outside = checkout(&[("notes.md", "SQLite"), ("settings/x", "")]);
    database(&outside.path().join("data/app.db"), "PRAGMA wal_checkpoint(TRUNCATE)");
    let (app, case) =
        (checkout(&[("package.json", "{}"), ("docs/a.md", ""), ("build/b.md", "")]), Case::new());
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
    ];
    for (name, target) in &links {
        std::os::unix::fs::symlink(target, app.path().join(name)).unwrap();
    }
    let (exit, console) = case.run(app.path(), &[]);
    assert_eq!(exit.unwrap(), Exit::Differences);
    let told: Vec<String> =
        console.out.lines().map(|line| line.split("; ").next().unwrap_or_default().to_owned()).collect();
    assert_eq!(
        told,
        [
            "README.md:1: symbolic link to a file outside of the checkout",
            "data:1: symbolic link to a folder outside of the checkout",
            "gone:1: symbolic link that leads nowhere",
            "innocent.bin:1: symbolic link to a SQLite database, or with the name of one",
            "loop:1: cannot be read: symbolic link, filesystem loop or indirection limit (e.g. symlink loop)",
            "made:1: symbolic link to a folder that is not searched",
        ]
    );

    // What the remedy says works.
    let (exit, console) = case.run(&outside.path().join("data"), &[]);
    assert_eq!(exit.unwrap(), Exit::Differences);
    assert!(console.out.contains("app.db:1: SQLite database"), "{}", console.out);
    let named = ["data", "innocent.bin", "README.md", "gone", "loop", "made"];
    let options: Vec<&str> = named.iter().flat_map(|name| ["--exclude", name]).collect();
    assert_eq!(case.run(app.path(), &options).0.unwrap(), Exit::Done);
}
