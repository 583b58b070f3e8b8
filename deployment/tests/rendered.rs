//! The rendered files, as a person reviews them: what all topologies have in common once, and what differs as a difference.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use deployment::settings::{Environment, SecretSource, Settings, SettingsError, Topology};
use deployment::{File, SETTINGS_FILE, is_generated, render};
use similar::TextDiff;

fn settings(topology: Topology) -> Settings {
    let (app, tool) = ("registry.example/shop:1.4.2", "hyperpage-migration:0.1.0");
    Settings::new(topology, &"hyperpage".parse().unwrap(), app.parse().unwrap(), tool.parse().unwrap())
        .unwrap()
}

/// All files of one kind as one text.
fn in_full(files: &[File], is_shown: impl Fn(&str) -> bool) -> String {
    let shown = files.iter().filter(|file| is_shown(&file.path));
    shown.map(|file| format!("=== {}\n{}\n", file.path, file.text)).collect()
}

/// What differs between the files of two settings; `rename` is the path that a file has in the others.
fn differences(
    before: &[File],
    after: &[File],
    is_shown: impl Fn(&str) -> bool,
    rename: impl Fn(&str) -> String,
) -> String {
    let mut text = String::new();
    let find = |path: &str| before.iter().find(|file| file.path == path);
    for file in after.iter().filter(|file| is_shown(&file.path)) {
        match find(&rename(&file.path)) {
            None => text += &format!("=== {} (new)\n{}\n", file.path, file.text),
            Some(same) if same.text == file.text => {}
            Some(other) => {
                let diff = TextDiff::from_lines(&other.text, &file.text);
                text += &format!("=== {} (differs)\n{}\n", file.path, diff.unified_diff().context_radius(2));
            }
        }
    }
    let is_gone =
        |file: &&File| is_shown(&file.path) && !after.iter().any(|other| rename(&other.path) == file.path);
    before.iter().filter(is_gone).for_each(|file| text += &format!("=== {} (gone)\n", file.path));
    text
}

fn is_base(path: &str) -> bool {
    !path.starts_with("overlays/")
}

fn of_overlay(environment: Environment) -> impl Fn(&str) -> bool {
    move |path| path.starts_with(&format!("overlays/{}/", environment.name()))
}

#[test]
fn the_base_of_each_topology() {
    let same = str::to_owned;
    let [managed, stateful, sidecar] = [Topology::Managed, Topology::StatefulSet, Topology::Sidecar]
        .map(|topology| render(&settings(topology)));
    insta::assert_snapshot!("managed", in_full(&managed, is_base));
    insta::assert_snapshot!("statefulset-after-managed", differences(&managed, &stateful, is_base, same));
    insta::assert_snapshot!("sidecar-after-statefulset", differences(&stateful, &sidecar, is_base, same));
}

#[test]
fn the_overlays_of_each_topology() {
    let stateful = render(&settings(Topology::StatefulSet));
    let of = |environment: Environment| {
        move |path: &str| path.replace(&format!("overlays/{}/", environment.name()), "overlays/local/")
    };
    let files_of = |environment: Environment| -> Vec<File> {
        stateful.iter().filter(|file| of_overlay(environment)(&file.path)).cloned().collect()
    };
    let local = files_of(Environment::Local);
    let mut text = in_full(&local, |_| true);
    for environment in [Environment::Test, Environment::Production] {
        // Compared with the local overlay, file by file.
        text += &differences(&local, &files_of(environment), |_| true, of(environment));
    }
    insta::assert_snapshot!("overlays-statefulset", text);
    let same = str::to_owned;
    let is_overlay = |path: &str| !is_base(path);
    let managed = render(&settings(Topology::Managed));
    insta::assert_snapshot!(
        "overlays-managed-after-statefulset",
        differences(&stateful, &managed, is_overlay, same)
    );
    let sidecar = render(&settings(Topology::Sidecar));
    insta::assert_snapshot!(
        "overlays-sidecar-after-managed",
        differences(&managed, &sidecar, is_overlay, same)
    );
}

#[test]
fn options_change_what_they_name() {
    let plain = settings(Topology::Managed);
    let mut chosen = plain.clone();
    chosen.namespace = "shop".parse().unwrap();
    chosen.secret = "shop-credentials".parse().unwrap();
    chosen.secret_source =
        SecretSource::External { store: "vault".parse().unwrap(), entry: "shop.production".parse().unwrap() };
    chosen.database_ranges = vec!["10.0.0.5/32".parse().unwrap(), "10.0.1.0/24".parse().unwrap()];
    chosen.database_port = 6432;
    chosen.port = 8080;
    chosen.user_id = 1234;
    chosen.gateway = "public".parse().unwrap();
    chosen.sqlite.deployment = "shop-old".parse().unwrap();
    chosen.sqlite.service = "shop-old".parse().unwrap();
    chosen.sqlite.claim = "shop-files".parse().unwrap();
    chosen.sqlite.file = "/db/shop.db".parse().unwrap();
    chosen.environments = vec![Environment::Production];
    let text = differences(&render(&plain), &render(&chosen), |_| true, str::to_owned);
    insta::assert_snapshot!("options", text);
}

#[test]
fn every_file_names_who_wrote_it_and_is_the_same_each_time() {
    for topology in [Topology::Managed, Topology::StatefulSet, Topology::Sidecar] {
        let files = render(&settings(topology));
        assert_eq!(files, render(&settings(topology)));
        for file in &files {
            assert!(is_generated(&file.text), "{}", file.path);
            assert!(file.text.ends_with('\n') && !file.text.ends_with("\n\n"), "{}", file.path);
            assert!(!file.text.contains('\t') && !file.text.contains("cannot be written"), "{}", file.path);
        }
        let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), files.len(), "two files have one path");
    }
    assert!(!is_generated("apiVersion: v1\n"));
    assert!(!is_generated(""));
}

#[test]
fn the_settings_are_read_back() {
    for topology in [Topology::Managed, Topology::StatefulSet, Topology::Sidecar] {
        let mut expected = settings(topology);
        expected.secret_source =
            SecretSource::External { store: "vault".parse().unwrap(), entry: "a".parse().unwrap() };
        let files = render(&expected);
        let file = files.iter().find(|file| file.path == SETTINGS_FILE).unwrap();
        assert_eq!(Settings::from_toml(&file.text), Ok(expected));
        for (from, to) in [
            ("app = \"hyperpage\"", "app = \"a\\nb\""),
            ("shop:1.4.2", "shop:latest"),
            ("port = 3000", "port = 80"),
        ] {
            assert!(Settings::from_toml(&file.text.replace(from, to)).is_err(), "{to}");
        }
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let mut sidecar = settings(Topology::Sidecar);
    assert_eq!(sidecar.check(), Ok(()));
    assert_eq!(sidecar.environments, [Environment::Local, Environment::Test]);
    sidecar.environments.push(Environment::Production);
    assert_eq!(sidecar.check(), Err(SettingsError::SidecarInProduction));
    let check = |change: fn(&mut Settings)| {
        let mut settings = settings(Topology::Managed);
        change(&mut settings);
        settings.check()
    };
    assert_eq!(check(|settings| settings.user_id = 0), Err(SettingsError::Root));
    assert_eq!(check(|settings| settings.port = 80), Err(SettingsError::Port));
    assert_eq!(check(|settings| settings.database_port = 0), Err(SettingsError::Port));
    assert_eq!(check(|settings| settings.environments.clear()), Err(SettingsError::NoEnvironment));
    let postgres = |image: &str| {
        let mut settings = settings(Topology::StatefulSet);
        settings.postgres_image = image.parse().unwrap();
        settings.check()
    };
    assert_eq!(postgres("postgres:14.2"), Err(SettingsError::OldPostgres { major: 14 }));
    assert_eq!(postgres("postgres:17.6-alpine"), Err(SettingsError::AlpinePostgres));
    for image in ["postgres:15", "registry.example:5000/pg:18beta1", "postgres:shop-1"] {
        assert_eq!(postgres(image), Ok(()), "{image}");
    }
    let same = Err(SettingsError::SameName { name: "hyperpage".to_owned() });
    assert_eq!(check(|settings| settings.sqlite.service = "hyperpage".parse().unwrap()), same);
}

/// The longest name leaves room: a pod's name, with its hashes, and each label have at most 63 bytes.
#[test]
fn names_are_not_too_long() {
    let app = "a".repeat(deployment::value::APP_BYTES_MAX);
    let names = deployment::names::Names::new(&app);
    // A CronJob's name may have 52 bytes.
    for name in [
        names.backup(),
        names.health(),
        names.migration(),
        names.postgres(),
        names.restore(),
        names.sqlite_claim(),
    ] {
        assert!(name.len() <= 52, "{name}");
    }
}
