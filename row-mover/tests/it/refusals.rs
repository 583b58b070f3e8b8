//! Targets and backup folders that a migration refuses: in words that say what stands in the way, with nothing changed.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use postgres_client::{DbSettings, TargetUrl};
use row_mover::run::{self, Request, Silent};
use row_mover::source::seal::free_bytes;

use crate::support::{Case, ask, chain, session};

const SOURCE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x')";

fn at(url: &str) -> TargetUrl {
    TargetUrl::parse(url).unwrap()
}

/// The refusal of a run and of a dry run, which must be the same; the names of this test's own things are masked.
#[track_caller]
fn refusal(case: &Case, request: &Request<'_>) -> String {
    let words = chain(&run::migrate(request, &Silent).unwrap_err());
    assert_eq!(chain(&run::dry_run(request, &Silent).unwrap_err()), words);
    assert!(case.backups().is_empty(), "{words}: {:?}", case.backups());
    words.replace(case.database.name(), "DATABASE").replace(&case.dir.path().display().to_string(), "DIR")
}

/// Host and port of the test server.
fn address(case: &Case) -> &str {
    case.database.url().split(['@', '/']).nth(3).unwrap()
}

#[test]
fn whatever_is_not_ours_is_in_the_way() {
    for (sql, name) in [
        ("CREATE TABLE \"somebody's\" (x int)", "table somebody's"),
        ("CREATE TABLE t (id bigint)", "table t"),
        ("CREATE VIEW seen AS SELECT 1", "view seen"),
        ("CREATE MATERIALIZED VIEW kept AS SELECT 1 AS x", "materialized view kept"),
        ("CREATE SEQUENCE numbers", "sequence numbers"),
        ("CREATE TABLE parts (x int) PARTITION BY RANGE (x)", "table parts"),
        ("CREATE SCHEMA migration; CREATE TABLE migration.theirs (x int)", "schema migration"),
    ] {
        let case = Case::new(SOURCE);
        case.execute(sql);
        let before = case.target_objects();
        let words = refusal(&case, &case.request());
        assert!(words.contains(&format!("is not empty, and what is there is not ours: {name}\n")), "{words}");
        assert_eq!(case.target_objects(), before);
    }
    let case = Case::new(SOURCE);
    for number in 0..12 {
        case.execute(&format!("CREATE TABLE other_{number} (x int)"));
    }
    assert!(refusal(&case, &case.request()).contains("table other_7, and 2 more\n"));
}

#[test]
fn another_schema_is_not_in_the_way() {
    let case = Case::new(SOURCE);
    case.execute("CREATE SCHEMA app; CREATE TABLE app.t (x int); CREATE SCHEMA migration");
    case.moved();
}

#[test]
fn another_encoding_is_refused() {
    for encoding in ["SQL_ASCII", "LATIN1"] {
        let case = Case::new(SOURCE);
        let name = format!("{}_{}", case.database.name(), encoding.to_lowercase());
        case.execute(&format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
        ));
        let url = case.database.url().replace(case.database.name(), &name);
        let words = refusal(&case, &Request { target: at(&url), ..case.request() });
        let tables = ask(
            &mut session(&url),
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        );
        case.execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        assert!(words.contains(&format!("has the encoding {encoding}, and UTF8 is needed")), "{words}");
        assert_eq!(tables, ["0"]);
    }
}

#[test]
fn a_role_without_the_right_to_create_gets_the_grant_to_run() {
    let case = Case::new(SOURCE);
    let role = format!("limited_{}", case.database.name());
    case.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'x'"));
    let (_, rest) = case.database.url().split_once('@').unwrap();
    let target = at(&format!("postgres://{role}:x@{rest}"));
    let refused = || {
        refusal(&case, &Request { target: target.clone(), ..case.request() })
            .replace("limited_DATABASE", "ROLE")
    };
    let without_database = refused();
    case.execute(&format!("GRANT CREATE ON DATABASE {} TO {role}", case.database.name()));
    let without_schema = refused();
    case.execute(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
    let granted = run::migrate(&Request { target: target.clone(), ..case.request() }, &Silent);
    case.execute(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
    insta::assert_snapshot!(format!("{without_database}\n\n{without_schema}"), @r#"
    ROLE may not create a schema in database DATABASE, which the ledger needs
    next: GRANT CREATE ON DATABASE DATABASE TO ROLE

    ROLE may not create tables in schema public of database DATABASE
    next: GRANT USAGE, CREATE ON SCHEMA public TO ROLE
    "#);
    crate::support::moved(granted);
}

#[test]
fn a_role_without_default_privileges_gets_the_grant_to_run() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, g INTEGER AS (id * 2) STORED); INSERT INTO t (id) VALUES (1)",
    );
    let name = case.database.name();
    let role = format!("limited_{name}");
    case.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT CREATE ON DATABASE {name} TO {role}; GRANT CREATE ON SCHEMA public TO {role};
         REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC; REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC"
    ));
    let (_, rest) = case.database.url().split_once('@').unwrap();
    let target = at(&format!("postgres://{role}:x@{rest}"));
    let mut told = Vec::new();
    for _ in 0..2 {
        let words = refusal(&case, &Request { target: target.clone(), ..case.request() });
        let (_, remedy) = words.split_once("next: ").unwrap();
        case.execute(
            &remedy
                .replace("limited_DATABASE", &role)
                .replace("DATABASE DATABASE", &format!("DATABASE {name}")),
        );
        told.push(words.replace("limited_DATABASE", "ROLE"));
    }
    let granted = run::migrate(&Request { target, ..case.request() }, &Silent);
    case.execute(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
    insta::assert_snapshot!(told.join("\n\n"), @r#"
    ROLE may not use PL/pgSQL in database DATABASE, which the load needs
    next: GRANT USAGE ON LANGUAGE plpgsql TO ROLE

    ROLE may not make temporary tables in database DATABASE, and rows of this plan go through one
    next: GRANT TEMPORARY ON DATABASE DATABASE TO ROLE
    "#);
    crate::support::moved(granted);
}

#[test]
fn a_missing_server_is_reported_at_once() {
    let case = Case::new(SOURCE);
    // A port that was just free and that nobody listens at any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let started = Instant::now();
    let words = refusal(
        &case,
        &Request { target: at(&format!("postgres://me:x@127.0.0.1:{port}/app")), ..case.request() },
    );
    // Half of the time for which a fault that may pass is retried.
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    assert!(
        words.contains("PostgreSQL cannot be reached") && words.contains("Connection refused"),
        "{words}"
    );
    assert!(words.contains(&format!("tried postgres://me@127.0.0.1:{port}/app")), "{words}");
}

#[test]
fn a_server_that_never_answers_is_not_waited_for() {
    let case = Case::new(SOURCE);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = DbSettings { connection_timeout: Duration::from_millis(700), ..case.request().settings };
    let target = at(&format!("postgres://me:x@127.0.0.1:{port}/app"));
    let started = Instant::now();
    let words = refusal(&case, &Request { target, settings, ..case.request() });
    // Twice: once to run and once to run dry. The upper bound is half of the time for which a fault that may pass is retried.
    let took = started.elapsed();
    assert!((Duration::from_millis(1400)..Duration::from_secs(60)).contains(&took), "{took:?}");
    assert!(words.contains("no answer in time") && words.contains("DB_CONNECTION_TIMEOUT"), "{words}");
}

#[test]
fn a_database_or_a_password_that_is_not_there_is_named() {
    let case = Case::new(SOURCE);
    let nowhere = case.database.url().replace(case.database.name(), "nowhere_at_all");
    let words = refusal(&case, &Request { target: at(&nowhere), ..case.request() });
    assert!(words.contains("database \"nowhere_at_all\" does not exist"), "{words}");
    let wrong = format!("postgres://nobody_at_all:wr0ng@{}/postgres", address(&case));
    let words = refusal(&case, &Request { target: at(&wrong), ..case.request() });
    assert!(words.contains("password authentication failed for user \"nobody_at_all\""), "{words}");
    assert!(!words.contains("wr0ng"), "{words}");
}

#[test]
fn a_backup_folder_that_cannot_be_made_stops_everything() {
    let case = Case::new(SOURCE);
    let file = case.dir.path().join("a-file");
    fs::write(&file, "in the way").unwrap();
    for backup_dir in [file.clone(), file.join("below")] {
        let error = run::migrate(&Request { backup_dir, ..case.request() }, &Silent).unwrap_err();
        let words = chain(&error);
        assert!(
            words.contains("the backup folder") && words.contains("next: OtherBackupFolder(Write)"),
            "{words}"
        );
        assert_eq!(case.target_objects(), [] as [&str; 0]);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
    case.moved();
}

#[test]
fn a_disk_that_is_too_small_is_reported_before_anything_is_written() {
    let case = Case::new(SOURCE);
    // Pages beyond those that the header counts are none of the database's; the hole takes no room itself.
    let free = free_bytes(&case.backup_dir()).unwrap();
    fs::OpenOptions::new().write(true).open(&case.source).unwrap().set_len(free + (1 << 30)).unwrap();
    // How much is free changes from one moment to the next.
    let words = chain(&case.refused());
    assert!(case.backups().is_empty());
    assert!(words.contains("bytes free, and the sealed copy needs"), "{words}");
    assert_eq!(case.target_objects(), [] as [&str; 0]);
}
