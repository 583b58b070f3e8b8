//! Servers that cannot be reached, refuse, are suspended, full or in recovery: each is named, within the deadline.

use std::fs;
use std::time::{Duration, Instant};

use health::{Check, Failure, Options, Readiness};
use test_database::TestDatabase;
use test_database::occupied::Occupied;
use test_database::own_server::{OwnServer, StopMode};
use test_database::proxy::{Action, Proxy};

use crate::support::{Role, as_role, execute, failure, monitor, options};

/// The time that a machine under load may add to a deadline.
const SLACK: Duration = Duration::from_secs(10);

#[track_caller]
fn failure_within(timeout: Duration, ask: impl FnOnce() -> std::sync::Arc<Readiness>) -> Failure {
    let began = Instant::now();
    let (check, failure) = failure(&ask());
    assert!(began.elapsed() < timeout + SLACK, "{:?}", began.elapsed());
    assert_eq!(check, Check::Answers);
    failure
}

#[test]
fn what_refuses_is_named() {
    let database = TestDatabase::create();
    let role = Role::create(&database, "");
    let ask = |url: &str| failure(&monitor(url, options()).readiness()).1;
    let wrong = ask(&as_role(database.url(), &role.name, "wrong"));
    assert_eq!(wrong, Failure::WrongPassword);
    assert!(wrong.is_permanent());
    // Without a password, whoever runs the tests.
    let url = as_role(database.url(), &role.name, "");
    assert_eq!(ask(&format!("{url}?passfile=/nonexistent")), Failure::WrongPassword);
    execute(database.url(), &format!("ALTER ROLE {} NOLOGIN", role.name));
    assert_eq!(ask(&role.url()), Failure::NotAuthorized);
    let (before, _) = database.url().rsplit_once('/').unwrap();
    assert_eq!(ask(&format!("{before}/{}_x", database.name())), Failure::NoSuchDatabase);
    assert!(matches!(ask("postgres://x@127.0.0.1:1/x"), Failure::Unreachable { .. }));
    assert!(matches!(ask("postgres://x@%2Fnowhere/x"), Failure::Unreachable { .. }));
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let database = TestDatabase::create();
    let timeout = Duration::from_millis(300);
    let proxy = Proxy::start(database.url(), |_| Action::Silence);
    let monitor = monitor(&proxy.url, Options { timeout, ..options() });
    for _ in 0..2 {
        let failure = failure_within(timeout, || monitor.readiness());
        assert_eq!(failure, Failure::NoAnswer { timeout_ms: 300 });
    }
    let began = Instant::now();
    assert_eq!(monitor.details().failure, Some(Failure::NoAnswer { timeout_ms: 300 }));
    assert!(began.elapsed() < timeout + SLACK);
}

#[test]
fn a_suspended_server_is_given_up_and_recovers() {
    let server = OwnServer::start(&[]);
    let timeout = Duration::from_secs(1);
    let monitor = monitor(&server.url(), Options { timeout, ..options() });
    wait_until_ready(|| monitor.readiness());
    {
        let _suspended = server.suspend();
        for _ in 0..3 {
            let failure = failure_within(timeout, || monitor.readiness());
            assert_eq!(failure, Failure::NoAnswer { timeout_ms: 1000 });
        }
        let details = monitor.details();
        assert_eq!(details.failure, Some(Failure::NoAnswer { timeout_ms: 1000 }));
    }
    wait_until_ready(|| monitor.readiness());
}

#[test]
fn a_restarted_server_is_ready_again_at_the_next_probe() {
    let server = OwnServer::start(&[]);
    let monitor = monitor(&server.url(), options());
    assert!(monitor.readiness().is_ready);
    server.restart(StopMode::Immediate);
    assert!(monitor.readiness().is_ready, "the kept connection is replaced");
    server.cluster.stop(StopMode::Fast).unwrap();
    assert!(matches!(failure(&monitor.readiness()).1, Failure::Unreachable { .. } | Failure::NotAccepting));
}

#[test]
fn a_server_without_connections_is_not_ready() {
    let server = OwnServer::start(&["max_connections = 10"]);
    let database = server.database();
    let role = Role::create(&database, "");
    let mut occupied = Occupied::all(&role.url());
    let full = monitor(&role.url(), options());
    assert_eq!(failure(&full.readiness()), (Check::Answers, Failure::TooManyConnections));
    // A superuser may use the reserved ones, and sees that no app has any.
    let (check, few) = failure(&monitor(database.url(), options()).readiness());
    assert!(matches!(few, Failure::FewConnections { left: 0, .. }), "{few:?}");
    assert_eq!(check, Check::Connections);
    let count = occupied.len();
    occupied.free(count);
    wait_until_ready(|| full.readiness());
}

#[test]
fn a_server_in_recovery_is_not_ready() {
    let server = OwnServer::start(&["wal_level = replica"]);
    let status = server.cluster.status().unwrap();
    server.cluster.stop(StopMode::Fast).unwrap();
    let signal = status.data_dir.join("standby.signal");
    fs::write(&signal, "").unwrap();
    let owner = fs::metadata(&status.data_dir).unwrap();
    let (user, group) =
        (std::os::unix::fs::MetadataExt::uid(&owner), std::os::unix::fs::MetadataExt::gid(&owner));
    std::os::unix::fs::chown(&signal, Some(user), Some(group)).unwrap();
    server.cluster.start().unwrap();
    let monitor = monitor(&server.url(), options());
    assert_eq!(failure(&monitor.readiness()), (Check::Primary, Failure::InRecovery));
    let details = monitor.details();
    let found = details.found.as_ref().unwrap();
    assert!(matches!(found.replay_lag_seconds, health::Known::Known(_)), "{found:?}");
    assert!(matches!(found.standbys, health::Known::Known(_)), "{found:?}");
}

#[track_caller]
fn wait_until_ready(ask: impl Fn() -> std::sync::Arc<Readiness>) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let readiness = ask();
        if readiness.is_ready {
            return;
        }
        assert!(Instant::now() < deadline, "{readiness:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
