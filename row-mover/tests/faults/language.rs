//! Servers whose messages are in another language: transient errors, stops and lost connections are recognised all the same, by their
//! SQLSTATEs.
//!
//! glibc translates for `LANGUAGE` where the locale is not `C`, even if no other locale is installed. The server inherits the variable, so
//! that the tests run in a process of its own.

use std::process::{Command, Stdio};

use postgres_client::session::open_bulk;
use postgres_client::{Connection, DbSettings, TargetUrl};
use row_mover::Error;
use row_mover::run::{self, Silent};
use test_database::own_server::OwnServer;

use crate::engine::{chain, session};
use crate::whole::{assert_recovered, on_server};

/// What the process prints when it is done, or why it left everything out.
const DONE: &str = "recognised in German";
const LEFT_OUT: &str = "this PostgreSQL has no German messages";

/// The variable that private servers take their language from.
const VARIABLE: &str = "PRIVATE_POSTGRES_LANGUAGE";

/// Tests that need a superuser, whose sessions switch to English, or that look for the server's own words.
const IN_ENGLISH_ONLY: [&str; 5] = [
    "language::",
    "disk::a_full_disk_of_the_server",
    "lasting::what_lasts",
    "locks::a_role_without_the_right",
    "many_tables::",
];

/// Starts a server that keeps commits through a crash, in the language that is asked for.
#[track_caller]
pub fn start_durable(settings: &[&str]) -> OwnServer {
    let language = std::env::var_os(VARIABLE).map(|_| "lc_messages = 'C.UTF-8'");
    let settings: Vec<&str> = settings.iter().copied().chain(language).collect();
    OwnServer::start_durable(&settings)
}

/// The URL of a server's role that creates databases and roles, and may not set the language of its messages.
#[track_caller]
pub fn plain_url(server: &OwnServer) -> String {
    let sql = "DO $$ BEGIN CREATE ROLE plain LOGIN CREATEDB CREATEROLE PASSWORD 'secret'; EXCEPTION WHEN duplicate_object THEN END $$";
    session(&server.url()).script(sql).unwrap();
    format!("postgres://plain:secret@{}", server.url().rsplit_once('@').unwrap().1)
}

/// Runs the other tests on servers of another language: those that `FAULTS_TESTS` names, or all.
#[test]
#[ignore = "it takes as long as all the others"]
fn the_suite_in_another_language() {
    let language = std::env::var("FAULTS_LANGUAGE").unwrap_or_else(|_| "de".to_owned());
    if std::env::var_os(VARIABLE).is_none() {
        // Its own server inherits the variable, too.
        let this = ["--exact", "language::the_suite_in_another_language", "--ignored", "--nocapture"];
        assert!(tests().args(this).env(VARIABLE, language).status().unwrap().success());
        return;
    }
    let server = start_durable(&[]);
    let url = plain_url(&server);
    let mut plain = open_bulk(&TargetUrl::parse(&url).unwrap(), &DbSettings::default()).unwrap();
    let message = chain(&plain.script("SELECT 1 / 0").unwrap_err());
    assert!(!message.contains("division by zero"), "this PostgreSQL has no messages in {language}");
    drop(plain);
    let named = std::env::var("FAULTS_TESTS").unwrap_or_default();
    let mut suite = tests();
    suite.args(named.split_whitespace()).args(IN_ENGLISH_ONLY.iter().flat_map(|name| ["--skip", name]));
    assert!(suite.env("TEST_POSTGRES_URL", &url).status().unwrap().success());
}

/// This program, to run some of its tests.
fn tests() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.stdin(Stdio::null());
    command
}

#[test]
fn errors_are_recognised_in_another_language() {
    let output = tests()
        .args(["--exact", "language::in_german", "--ignored", "--nocapture"])
        .env(VARIABLE, "de")
        .output()
        .unwrap();
    let printed =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{printed}");
    match printed.contains(LEFT_OUT) {
        true => eprintln!("left out: {LEFT_OUT}"),
        false => assert!(printed.contains(DONE), "{printed}"),
    }
}

#[test]
#[ignore = "it needs a variable that another test sets"]
fn in_german() {
    let server = start_durable(&[]);
    let url = plain_url(&server);
    let mut admin = session(&server.url());
    admin.script("CREATE TABLE t (id int); INSERT INTO t VALUES (1); GRANT ALL ON t TO plain").unwrap();
    let open = || open_bulk(&TargetUrl::parse(&url).unwrap(), &DbSettings::default());
    let failure = |connection: &mut Connection, sql: &str| -> Error { connection.script(sql).unwrap_err() };
    let mut connection = open().unwrap();
    let division = chain(&failure(&mut connection, "SELECT 1 / 0"));
    if !division.contains("Division durch Null") {
        eprintln!("{LEFT_OUT}: {division}");
        return;
    }

    admin.script("BEGIN; LOCK TABLE t").unwrap();
    let lock = failure(&mut connection, "SET lock_timeout = 50; SELECT FROM public.t");
    assert!(lock.is_lock_timeout() && lock.is_transient() && lock.is_stall(), "{}", chain(&lock));
    admin.script("ROLLBACK").unwrap();

    let time = failure(&mut connection, "SET statement_timeout = 50; SELECT pg_sleep(60)");
    assert!(time.is_transient() && !time.is_stall(), "{}", chain(&time));
    connection.script("SET statement_timeout = 0").unwrap();

    connection.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM public.t").unwrap();
    admin.script("UPDATE t SET id = 2").unwrap();
    let serialization = failure(&mut connection, "UPDATE public.t SET id = 3");
    assert!(serialization.is_transient() && !serialization.is_lock_timeout(), "{}", chain(&serialization));
    connection.script("ROLLBACK").unwrap();

    let disk = failure(&mut connection, "DO $$ BEGIN RAISE 'kein Platz' USING ERRCODE = '53100'; END $$");
    let disk = disk.with_remedy();
    assert!(disk.remedy_text().is_some_and(|next| next.contains("disk")), "{}", chain(&disk));

    let backend = connection.backend().pid().to_owned();
    let ended = std::thread::scope(|scope| {
        let ended = scope.spawn(|| failure(&mut connection, "SELECT pg_sleep(60)"));
        let sql =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1::int AND state = 'active'";
        while admin.query(sql, &[Some(&backend)]).unwrap().is_empty() {}
        ended.join().unwrap()
    });
    assert!(ended.is_transient() && !ended.is_stop(), "{}", chain(&ended));
    assert!(failure(&mut connection, "SELECT 1").is_transient());

    let mut connection = open().unwrap();
    let cancelled = std::thread::scope(|scope| {
        let backend = connection.backend().pid().to_owned();
        let cancelled = scope.spawn(|| failure(&mut connection, "SELECT pg_sleep(60)"));
        let sql =
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = $1::int AND state = 'active'";
        while admin.query(sql, &[Some(&backend)]).unwrap().is_empty() {}
        cancelled.join().unwrap()
    });
    assert!(cancelled.is_stop(), "{}", chain(&cancelled));

    admin.script("ALTER ROLE plain CONNECTION LIMIT 1").unwrap();
    let crowded = open().map(drop).unwrap_err();
    assert!(crowded.is_transient() && !crowded.is_unreachable(), "{}", chain(&crowded));
    admin.script("ALTER ROLE plain CONNECTION LIMIT -1; ALTER ROLE plain PASSWORD 'q'").unwrap();
    let refused = open().map(drop).unwrap_err();
    assert!(!refused.is_transient() && !refused.is_unreachable(), "{}", chain(&refused));
    admin.script("ALTER ROLE plain PASSWORD 'secret'").unwrap();

    let case = on_server(&url);
    let moved = run::migrate(&case.request(), &Silent);
    assert_recovered(&case, moved, "in German");
    drop(case);
    eprintln!("{DONE}");
}
