//! The helpers for tests of faults do what they promise, against a server of one's own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use test_database::TestDatabase;
use test_database::occupied::Occupied;
use test_database::own_server::{OwnServer, StopMode};
use test_database::proxy::{Action, Proxy};

/// A server that answers needs much less.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

/// Sends what a client sends first, and returns whether the server answers.
fn answers(port: u16) -> bool {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
    // A request for encryption.
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    match stream.read(&mut [0]) {
        Ok(read) => read > 0,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
            false
        }
    }
}

#[test]
fn a_suspended_server_answers_nobody_and_resumes() {
    let server = OwnServer::start(&[]);
    let port = server.cluster.status().unwrap().port.unwrap();
    let mut session = PgConnection::establish(&server.url()).unwrap();
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let suspended = server.suspend();
        scope.spawn(|| {
            session.batch_execute("SELECT 1").unwrap();
            done.send(()).unwrap();
        });
        assert!(!answers(port));
        assert!(is_done.recv_timeout(ANSWER_TIMEOUT).is_err());
        drop(suspended);
        is_done.recv_timeout(Duration::from_secs(60)).unwrap();
    });
    // The next question may be asked before the postmaster runs again.
    assert!((0..20).any(|_| answers(port)));
    server.restart(StopMode::Immediate);
    assert!(session.batch_execute("SELECT 1").is_err());
    assert_eq!(server.cluster.status().unwrap().port, Some(port));
}

#[test]
fn an_occupied_server_has_no_room_until_a_session_ends() {
    let server = OwnServer::start(&["max_connections = 6"]);
    let mut occupied = Occupied::all(&server.url());
    assert_eq!(occupied.len(), 6);
    assert!(PgConnection::establish(&server.url()).is_err());
    occupied.free(1);
    // The server notices the end of a session a moment later.
    assert!((0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        PgConnection::establish(&server.url()).is_ok()
    }));
}

#[test]
fn a_proxy_withholds_the_reply_to_what_the_server_has_done() {
    let database = TestDatabase::create();
    for (action, kept) in [(Action::WithholdReply, true), (Action::Cut, false)] {
        let proxy = Proxy::start(database.url(), move |piece| {
            if piece.is_from_client && piece.contains(b"CREATE TABLE") { action } else { Action::Forward }
        });
        let table = format!("t_{kept}");
        let mut through = PgConnection::establish(&proxy.url).unwrap();
        assert!(through.batch_execute(&format!("CREATE TABLE {table} ()")).is_err());
        let mut direct = PgConnection::establish(database.url()).unwrap();
        assert_eq!(direct.batch_execute(&format!("SELECT FROM {table}")).is_ok(), kept, "{action:?}");
    }
}
