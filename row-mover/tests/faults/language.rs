//! A server whose messages are German: transient errors, stops and lost connections are recognised all the same, by their SQLSTATEs.
//!
//! glibc translates for `LANGUAGE` where the locale is not `C`, even if no other locale is installed. The server inherits the variable, so
//! that the test runs in a process of its own.

use std::process::{Command, Stdio};

use postgres_client::session::open_bulk;
use postgres_client::{Connection, DbSettings, TargetUrl};
use row_mover::Error;
use row_mover::run::{self, Silent};

use crate::engine::{chain, session};
use crate::server::Server;
use crate::whole::{assert_recovered, on_server};

/// What the process prints when it is done, or why it left everything out.
const DONE: &str = "recognised in German";
const LEFT_OUT: &str = "this PostgreSQL has no German messages";

#[test]
fn errors_are_recognised_in_another_language() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "language::in_german", "--ignored", "--nocapture"])
        .env("PRIVATE_POSTGRES_LANGUAGE", "de")
        .stdin(Stdio::null())
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
    let server = Server::start_with(&["lc_messages = 'C.UTF-8'"]);
    let mut admin = session(&server.url());
    // An account that may not choose the language of its messages.
    admin.script("CREATE ROLE plain LOGIN CREATEDB PASSWORD 'p'; CREATE TABLE t (id int); INSERT INTO t VALUES (1); GRANT ALL ON t TO plain").unwrap();
    let place = server.url().rsplit_once('@').unwrap().1.to_owned();
    let url = format!("postgres://plain:p@{place}");
    let open = || open_bulk(&TargetUrl::parse(&url).unwrap(), &DbSettings::default());
    let failure = |connection: &mut Connection, sql: &str| -> Error { connection.script(sql).unwrap_err() };
    let mut connection = open().unwrap();
    let division = chain(&failure(&mut connection, "SELECT 1 / 0"));
    if !division.contains("Division durch Null") {
        println!("{LEFT_OUT}: {division}");
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
    admin.script("ALTER ROLE plain PASSWORD 'p'").unwrap();

    let case = on_server(&url);
    let moved = run::migrate(&case.request(), &Silent);
    assert_recovered(&case, moved, "in German");
    drop(case);
    println!("{DONE}");
}
