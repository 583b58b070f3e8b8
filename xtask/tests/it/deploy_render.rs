//! `deploy render`: what it writes, what it refuses, and whose files it leaves alone. The content of the files is tested in `deployment`.

use std::fs;
use std::path::Path;
use std::process::Command;

use test_database::TestDatabase;

use crate::place::{Output, Place, checkout, contents, copy_folder, output};

const IMAGE: &str = "registry.example/shop:1.4.2";

/// Renders into `k8s`.
fn render(place: &Place, topology: &str, more: &[&str]) -> Output {
    let arguments = ["deploy", "render", "--topology", topology, "--image", IMAGE, "--out", "k8s"];
    place.run(arguments.iter().chain(more))
}

#[test]
fn files_are_written_once_and_checked() {
    let place = Place::new();
    let before = place.state();
    let shown = render(&place, "statefulset", &["--dry-run"]).expect(0);
    assert_eq!(place.state(), before);
    assert!(shown.stderr.contains("would write k8s/base/app/hyperpage.deployment.yaml"), "{}", shown.stderr);
    let missing = render(&place, "statefulset", &["--check"]).expect(1);
    assert!(missing.stdout.contains("+kind: StatefulSet"), "{}", missing.stdout);
    assert_eq!(place.state(), before);

    let written = render(&place, "statefulset", &[]).expect(0);
    assert_eq!(written.stdout, "");
    assert!(written.stderr.contains(
        "needed: the Secret hyperpage-database with POSTGRES_PASSWORD and POSTGRES_ADMIN_PASSWORD"
    ));
    assert!(
        written.stderr.ends_with("next: kubectl apply --kustomize k8s/overlays/production/database\n"),
        "{}",
        written.stderr
    );
    let state = place.state();
    render(&place, "statefulset", &["--check"]).expect(0);
    render(&place, "statefulset", &[]).expect(0);
    assert_eq!(place.state(), state);

    let file = place.path().join("k8s/base/app/hyperpage.service.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("port: 80\n", "port: 81\n")).unwrap();
    let stale = render(&place, "statefulset", &["--check"]).expect(1);
    assert!(
        stale.stdout.contains("-  - name: http") || stale.stdout.contains("-    port: 81\n+    port: 80\n"),
        "{}",
        stale.stdout
    );
    let json = render(&place, "statefulset", &["--check", "--json"]).expect(1).json();
    let states: Vec<&str> =
        json["files"].as_array().unwrap().iter().map(|file| file["state"].as_str().unwrap()).collect();
    assert_eq!(states.iter().filter(|state| **state == "stale").count(), 1);
    render(&place, "statefulset", &["--json"]).expect(0).json();
    assert_eq!(place.state(), state);
}

#[test]
fn files_of_somebody_else_are_left_alone() {
    let place = Place::new();
    render(&place, "managed", &[]).expect(0);
    let own = place.path().join("k8s/compose.yaml");
    fs::write(&own, "# mine\nservices: {}\n").unwrap();
    let state = place.state();
    let refused = render(&place, "statefulset", &[]).expect(2);
    assert!(
        refused.stderr.contains("compose.yaml") && refused.stderr.contains("--keep-own"),
        "{}",
        refused.stderr
    );
    assert_eq!(place.state(), state);
    render(&place, "statefulset", &["--check"]).expect(2);
    let kept = render(&place, "statefulset", &["--keep-own"]).expect(0);
    assert!(kept.stderr.contains("kept your own compose.yaml"), "{}", kept.stderr);
    assert_eq!(fs::read_to_string(&own).unwrap(), "# mine\nservices: {}\n");
    assert!(place.path().join("k8s/base/restore/hyperpage-postgres-restore.job.yaml").exists());

    // What another topology had goes, and a file of one's own beside it stays.
    let beside = place.path().join("k8s/base/restore/notes.yaml");
    fs::write(&beside, "a: b\n").unwrap();
    let stale = render(&place, "managed", &["--keep-own", "--check"]).expect(1);
    assert!(stale.stderr.contains("belongs to other settings"), "{}", stale.stderr);
    render(&place, "managed", &["--keep-own"]).expect(0);
    assert!(beside.exists());
    assert!(!place.path().join("k8s/base/restore/hyperpage-postgres-restore.job.yaml").exists());
    assert!(!place.path().join("k8s/overlays/production/restore").exists());
    render(&place, "managed", &["--keep-own", "--check"]).expect(0);
}

#[test]
fn what_would_be_unsafe_is_refused() {
    let place = Place::new();
    let before = place.state();
    let refused = |topology: &str, more: &[&str], expected: &str| {
        let output = render(&place, topology, more).expect(2);
        assert!(output.stderr.contains(expected), "{more:?}: {}", output.stderr);
        assert_eq!(output.stdout, "");
    };
    refused("sidecar", &["--env", "production"], "not for production");
    refused("sidecar", &["--env", "local", "--env", "production"], "not for production");
    refused("statefulset", &["--postgres-image", "postgres:latest"], "the tag `latest` moves");
    refused("statefulset", &["--postgres-image", "postgres"], "neither a tag nor a digest");
    refused("managed", &["--tool-image", "a b:1"], "no reference to an image");
    refused("managed", &["--user-id", "0"], "must not be root");
    refused("managed", &["--port", "80"], "1024");
    refused("managed", &["--sqlite-service", "hyperpage"], "must not be `hyperpage`");
    refused("managed", &["--secret-store", "vault"], "--secret-entry");
    for hostile in ["a\nb: c", "a\"b", "- a", "&a", "a: b", "A", "a.b", "-a", &"a".repeat(31)] {
        refused("managed", &[&format!("--namespace={hostile}")], "--namespace");
        refused("managed", &[&format!("--app={hostile}")], "--app");
    }
    refused("managed", &["--sqlite-file", "/../etc/passwd"], "--sqlite-file");
    refused("managed", &["--database-range", "10.0.0.0/33"], "--database-range");
    let output =
        place.run(["deploy", "render", "--topology", "managed", "--image", "shop", "--out", "k8s"]).expect(2);
    assert!(output.stderr.contains("neither a tag nor a digest"), "{}", output.stderr);
    assert_eq!(place.state(), before);
}

/// The folder that the Dockerfile makes of this checkout, below `root`.
fn lay_out(dockerfile: &str, root: &Path) {
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY --from=build ")) {
        let (from, to) = line.split_once(' ').unwrap();
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        match from.strip_prefix("/src/") {
            Some("target/debug/xtask") => _ = fs::copy(env!("CARGO_BIN_EXE_xtask"), to).unwrap(),
            Some(folder) => {
                fs::create_dir(&to).unwrap();
                copy_folder(&checkout().join(folder), &to);
            }
            None => fs::write(to, "").unwrap(),
        }
    }
    fs::create_dir(root.join("work")).unwrap();
}

/// No container engine is needed: the program runs in a folder with the files that the Dockerfile copies, by the command of the Job.
#[test]
fn the_image_has_what_a_migration_reads() {
    let (place, database) = (Place::new(), TestDatabase::create());
    render(&place, "managed", &[]).expect(0);
    let dockerfile = fs::read_to_string(place.path().join("k8s/Dockerfile")).unwrap();
    let root = place.path().join("image");
    lay_out(&dockerfile, &root);
    let sqlite = Place::new();
    sqlite.sample();
    let manifest = dockerfile.lines().find_map(|line| line.strip_prefix("ENV CARGO_MANIFEST_DIR=")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(root.join("usr/local/bin/xtask"));
        command
            .args(arguments)
            .current_dir(root.join("work"))
            .env_clear()
            .env("HOME", "/nonexistent")
            .env("NO_COLOR", "1");
        command.env("CARGO_MANIFEST_DIR", root.join(manifest.trim_start_matches('/')));
        output(command.env("DATABASE_URL", database.url()))
    };
    let file = sqlite.path().join("hyperpage.db");
    let file = file.to_str().unwrap();
    let job =
        fs::read_to_string(place.path().join("k8s/base/migration/hyperpage-migration.job.yaml")).unwrap();
    assert!(
        job.contains("- xtask\n        - migrate\n        - --sqlite\n        - /sqlite/hyperpage.db\n"),
        "{job}"
    );

    let (image, source) = (contents(&root.join("app")), sqlite.state());
    let moved = run(&["migrate", "--sqlite", file]).expect(0);
    assert!(moved.stdout.contains("Proven"), "{}", moved.screen());
    run(&["validate"]).expect(0);
    run(&["health", "--ready"]).expect(0);
    assert_eq!(
        (contents(&root.join("app")), sqlite.state()),
        (image, source),
        "only the volume is written to"
    );
    // It reads the image's plan and no other.
    fs::remove_dir_all(root.join("app/schema-pg")).unwrap();
    let without = run(&["migrate", "--sqlite", file, "--dry-run"]).expect(2);
    assert!(
        without.stderr.contains("image/app/schema-pg") || without.stderr.contains("schema-pg"),
        "{}",
        without.stderr
    );
}
