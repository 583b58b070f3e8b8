//! How the programs of a server are found, and what is said where they are not.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::{Checkout, helper, said, start_as_told};
use private_postgres::{Binaries, Cluster, Error, Options};

#[test]
fn the_programs_that_are_found_make_a_server() {
    let found = Binaries::find(None).unwrap();
    assert!(found.major >= 15);
    assert!(found.version.starts_with(&found.major.to_string()));
    for name in ["initdb", "pg_ctl", "postgres"] {
        assert!(found.program(name).is_some(), "{name}");
    }
    assert_eq!(found.program("no_such_program"), None);
    assert_eq!(Binaries::find(Some(found.major)).unwrap(), found);
}

#[test]
fn a_version_that_is_not_to_be_had_leaves_nothing_behind() {
    let checkout = Checkout::new();
    let of = |version| Cluster::open(Options { version: Some(version), ..checkout.options() });
    let old = of(14).unwrap_err();
    assert_eq!(old.to_string(), "PostgreSQL 14 is not supported: 15 or later is needed");

    let error = of(99).unwrap().start().unwrap_err();
    assert!(matches!(error, Error::NoBinaries { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("no PostgreSQL 99 ") && text.contains("apt-get install postgresql"), "{text}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("there is no package for PostgreSQL 99"), "{cause}");
    assert_eq!(fs::read_dir(&checkout.path).unwrap().count(), 0);
}

#[test]
fn pg_bindir_must_fit() {
    let checkout = Checkout::new();
    let real = Binaries::find(None).unwrap();
    let folder = |name: &str, programs: &[(&str, &str)]| -> PathBuf {
        let folder = checkout.path.join(name);
        fs::create_dir(&folder).unwrap();
        for (name, says) in programs {
            let path = folder.join(name);
            fs::write(&path, format!("#!/bin/sh\n{says}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    };
    let server = |says| [("initdb", "exit 1"), ("pg_ctl", "exit 1"), ("postgres", says)];
    let nowhere = checkout.path.join("nowhere");
    let clients = folder("clients", &[("psql", "exit 0"), ("pg_config", "exit 0")]);
    let old = folder("old", &server("echo 'postgres (PostgreSQL) 14.23'"));
    let broken = folder("broken", &server("echo 'cannot open libicu' >&2; exit 127"));
    let mute = folder("mute", &server("exit 0"));

    let unfit =
        "point it at a folder with initdb, pg_ctl and postgres of PostgreSQL 15 or later, or unset it";
    let other = real.major + 1;
    let cases: [(&Path, Option<u32>, String); 6] = [
        (&nowhere, None, format!("there is no program {}/initdb; {unfit}", nowhere.display())),
        (&clients, None, format!("there is no program {}/initdb; {unfit}", clients.display())),
        (&old, None, format!("it holds PostgreSQL 14.23; {unfit}")),
        (&broken, None, "failed: cannot open libicu".to_owned()),
        (&mute, None, "which names no version".to_owned()),
        (
            &real.bindir,
            Some(other),
            format!("holds PostgreSQL {}, but version {other} was asked for", real.major),
        ),
    ];
    for (bindir, version, expected) in cases {
        let mut command = helper("start_from_another_process", &checkout.path);
        command.env("PG_BINDIR", bindir);
        if let Some(version) = version {
            command.env("TEST_VERSION", version.to_string());
        }
        let output = command.output().unwrap();
        let error = said(&output, "error").unwrap_or_else(|| panic!("{output:?}"));
        assert!(error.contains(&format!("PG_BINDIR={}", bindir.display())), "{error}");
        assert!(error.contains(&expected), "expected {expected:?} in {error:?}");
    }
    assert!(!checkout.path.join(".postgres").exists());

    let mut command = helper("start_from_another_process", &checkout.path);
    let output = command.env("PG_BINDIR", &real.bindir).output().unwrap();
    assert!(said(&output, "pid").is_some(), "{output:?}");
}

#[test]
#[ignore = "runs in a process of its own, for the test above"]
fn start_from_another_process() {
    start_as_told();
}
