//! An env file is switched there and back, and one that cannot be used is refused unchanged.

use std::os::unix::fs::{PermissionsExt, symlink};

use postgres_client::connection::Connection;

use super::*;

/// Keeps a session of the app in the database until it is dropped.
fn session(database: &TestDatabase, name: &str) -> Connection {
    Connection::connect(database.url(), name, Duration::from_secs(10)).unwrap()
}

fn env_switcher(file: &Path, restart_command: Option<String>) -> anyhow::Result<Switcher> {
    Switcher::check(&SwitchArgs {
        env_file: Some(file.to_owned()),
        restart_command,
        app_name: Some("shop-app".to_owned()),
        switch_timeout: Duration::from_secs(2),
        ..SwitchArgs::default()
    })
}

#[test]
fn an_env_file_is_switched_there_and_back() {
    let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::create());
    let url = url_of(&database);
    let (file, link, log) =
        (folder.path().join("app.env"), folder.path().join("link"), folder.path().join("log"));
    let before = format!("# the app\nDATABASE_PATH=a.db\nDATABASE_URL={}\nX=1", database.url());
    fs::write(&file, &before).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    let switcher = env_switcher(&link, Some(format!("echo restarted >> {}", log.display()))).unwrap();
    let to = Destination::Postgres { url, share_percent: 100 };
    switcher.check_destination(&to).unwrap();
    let error = switcher.switch(&to, &Stop::default()).unwrap_err();
    assert!(error.to_string().starts_with("the app has not connected to postgres://"), "{error:#}");
    let _session = session(&database, "shop-app");
    for _ in 0..2 {
        assert_eq!(switcher.switch(&to, &Stop::default()).unwrap(), Switch::EnvFile(link.clone()));
        let after = fs::read_to_string(&file).unwrap();
        assert_eq!(
            after,
            before.replace("DATABASE_PATH", "# off since the cutover to PostgreSQL: DATABASE_PATH")
        );
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    }
    switcher.switch(&to_sqlite(), &Stop::default()).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&log).unwrap(), "restarted\n".repeat(4));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no temporary file is left");
}

#[test]
fn an_env_file_that_cannot_be_used_is_refused_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    for (path, expected) in [
        (missing.as_path(), "cannot be used"),
        (folder.path(), "cannot be used"),
        // Nobody writes into this folder.
        (Path::new("/proc/version"), "no file can be written next to"),
    ] {
        let error = env_switcher(path, None).unwrap_err();
        assert!(error.to_string().contains(expected), "{error:#}");
    }
    let file = folder.path().join("app.env");
    let url = TargetUrl::parse("postgres://app:hidden-word@db/shop").unwrap();
    for (text, expected) in [
        ("DATABASE_PATH=a\n", "has a password, which is not written"),
        ("X=1\n", "it has no line that sets DATABASE_PATH"),
        ("DATABASE_PATH='a\n'\n", "the value in line 1 has more than one line"),
    ] {
        fs::write(&file, text).unwrap();
        let switcher = env_switcher(&file, None).unwrap();
        let to = Destination::Postgres { url: url.clone(), share_percent: 100 };
        for error in [
            switcher.check_destination(&to).unwrap_err(),
            switcher.switch(&to, &Stop::default()).unwrap_err(),
        ] {
            assert!(format!("{error:#}").contains(expected), "{error:#}");
            assert!(!format!("{error:?}{}", crate::remedy::of(&error).unwrap()).contains("hidden-word"));
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    // The password is there already: the remedy that is printed.
    fs::write(&file, "DATABASE_PATH=a\nDATABASE_URL=postgres://app:hidden-word@db/shop\n").unwrap();
    env_switcher(&file, None)
        .unwrap()
        .check_destination(&Destination::Postgres { url, share_percent: 100 })
        .unwrap();
}

#[test]
fn a_restart_command_that_fails_or_never_ends_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.env");
    let to = to_postgres(100);
    for (command, expected) in
        [("exit 3", "exit status: 3"), ("sleep 60", "it has not ended within 2 s (--switch-timeout)")]
    {
        fs::write(&file, "DATABASE_PATH=a\n").unwrap();
        let switcher = env_switcher(&file, Some(command.to_owned())).unwrap();
        let error = switcher.switch(&to, &Stop::default()).unwrap_err();
        assert!(format!("{error:#}").contains(expected), "{error:#}");
        switcher.switch(&to_sqlite(), &Stop::default()).unwrap_err();
        assert_eq!(fs::read_to_string(&file).unwrap(), "DATABASE_PATH=a\n");
    }
}
