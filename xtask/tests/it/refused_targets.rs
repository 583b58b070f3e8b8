//! Targets that cannot be reached or used: each exits with 2 and a specific message, and no password is shown.

use test_database::TestDatabase;

use crate::place::{Output, Place, output};
use crate::server::{everything, execute};

/// A password that must not be shown.
const PASSWORD: &str = "s3cret-canary";

/// Returns the parts of a database's URL: user, password, and the host with its port.
fn parts(database: &TestDatabase) -> (String, String, String) {
    let (_, rest) = database.url().split_once("://").unwrap();
    let (login, rest) = rest.split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, _) = rest.split_once('/').unwrap();
    (user.to_owned(), password.to_owned(), host.to_owned())
}

#[track_caller]
fn without_password(output: &Output, passwords: &[&str]) {
    for password in passwords.iter().filter(|password| !password.is_empty()) {
        assert!(!output.screen().contains(password), "a password is shown: {}", output.screen());
    }
}

#[test]
fn a_target_that_cannot_be_reached_is_refused() {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    let before = (everything(&database), place.state());
    let (user, password, host) = parts(&database);
    let name = database.name();
    for (case, url) in [
        ("wrong_password", format!("postgres://{user}:{PASSWORD}@{host}/{name}")),
        ("unknown_user", format!("postgres://nobody_here:{PASSWORD}@{host}/{name}")),
        ("unreachable", format!("postgres://{user}:{PASSWORD}@127.0.0.1:1/{name}")),
        ("no_socket", format!("host=/nowhere dbname=app user=me password={PASSWORD}")),
        ("no_database", format!("postgres://{user}:{password}@{host}/nowhere_at_all")),
        ("no_url", format!("{PASSWORD}@{host}")),
        ("mysql", format!("mysql://{user}:{PASSWORD}@{host}/{name}")),
        ("bad_port", format!("postgres://{user}:{PASSWORD}@127.0.0.1:port/{name}")),
        ("password_with_at", format!("postgres://{user}:half@{PASSWORD}@127.0.0.1:5432/{name}")),
        ("password_with_slash", format!("postgres://{user}:{PASSWORD}/half@127.0.0.1:5432/{name}")),
        ("bad_option", format!("postgres://{user}:{PASSWORD}@{host}/{name}?{PASSWORD}=1")),
        ("bad_sslmode", format!("postgres://{user}:{PASSWORD}@{host}/{name}?sslmode=certainly")),
        (
            "verify_full_without_tls",
            format!("postgres://{user}:{PASSWORD}@{host}/{name}?sslmode=verify-full"),
        ),
        ("empty", String::new()),
    ] {
        for command in [
            &["migrate", "--sqlite", "hyperpage.db"][..],
            &["migrate", "--sqlite", "hyperpage.db", "--dry-run", "--json"],
            &["validate"],
        ] {
            let mut arguments = command.to_vec();
            arguments.extend(["--postgres", &url]);
            let output = place.run(arguments).expect(2);
            without_password(&output, &[PASSWORD, &password]);
            assert_eq!(output.stdout, "", "{case}");
            place.snapshot(&format!("refusals-target_{case}"), &output.screen());
        }
    }
    assert_eq!((everything(&database), place.state()), before);
}

#[test]
fn a_password_from_the_environment_is_not_shown_either() {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    let (user, password, host) = parts(&database);
    let (host, port) = host.split_once(':').unwrap_or((&host, "5432"));
    let mut command = place.command(["migrate", "--sqlite", "hyperpage.db"]);
    command.env("POSTGRES_HOST", host).env("POSTGRES_PORT", port).env("POSTGRES_USER", user);
    command.env("POSTGRES_DB", database.name()).env("POSTGRES_PASSWORD", PASSWORD);
    let refused = output(&mut command).expect(2);
    without_password(&refused, &[PASSWORD, &password]);
    let port_refused = output(command.env("POSTGRES_PORT", "abc")).expect(2);
    place.snapshot("refusals-target_port_variable", &port_refused.screen());
    command.env("POSTGRES_PORT", port);
    let moved = output(command.env("POSTGRES_PASSWORD", &password)).expect(0);
    without_password(&moved, &[&password]);
}

#[test]
fn a_target_in_which_we_may_not_create_is_refused() {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    let (_, _, host) = parts(&database);
    let role = format!("{}_guest", database.name());
    execute(&database, &format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"));
    let url = format!("postgres://{role}:{PASSWORD}@{host}/{}", database.name());
    let before = (everything(&database), place.state());
    let run = |case: &str, grant: &str| {
        execute(&database, grant);
        let output = place.run(["migrate", "--sqlite", "hyperpage.db", "--postgres", &url]).expect(2);
        without_password(&output, &[PASSWORD]);
        place.snapshot(&format!("refusals-target_{case}"), &output.screen());
    };
    run("no_schema_right", "SELECT");
    run("no_table_right", &format!("GRANT CREATE ON DATABASE {} TO {role}", database.name()));
    assert_eq!((everything(&database), place.state()), before);
    execute(&database, &format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn a_database_that_is_not_utf8_is_refused() {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    let (user, password, host) = parts(&database);
    let name = format!("{}_latin1", database.name());
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    execute(&database, &create);
    let url = format!("postgres://{user}:{password}@{host}/{name}");
    let output = place.run(["migrate", "--sqlite", "hyperpage.db", "--postgres", &url]);
    execute(&database, &format!("DROP DATABASE {name}"));
    place.snapshot("refusals-target_latin1", &output.expect(2).screen());
    assert!(!place.path().join("backups").exists());
}
