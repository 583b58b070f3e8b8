//! A server that crashes and is started again, on a separate cluster: asynchronous commits are lost in the crash.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use row_mover::run;
use test_database::chance::{Chance, rounds};
use test_database::own_server::OwnServer;
use test_database::own_server::StopMode;

use crate::engine::{Case, ask, session};
use crate::language::{plain_url, start_durable};
use crate::watch::{Step, Watch};
use crate::whole::{assert_recovered, on_server};

/// A server whose asynchronous commits stay in memory as long as possible, so that a crash loses them.
struct Server(OwnServer);

impl Server {
    fn start() -> Server {
        let settings = ["wal_buffers = '64MB'", "wal_level = 'replica'", "max_wal_senders = 0"];
        Server(start_durable(&settings))
    }

    /// Suspends the WAL writer, which writes asynchronous commits to disk.
    fn hold_up_the_writer(&self) -> Writer {
        let sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'";
        let pid = ask(&mut session(&self.0.url()), sql)[0].parse().unwrap();
        let writer = Writer(rustix::process::Pid::from_raw(pid).unwrap());
        rustix::process::kill_process(writer.0, rustix::process::Signal::STOP).unwrap();
        writer
    }

    fn crash(&self, writer: &Writer) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // The server waits for this process to end. By the time it continues, it has been told to stop at once.
                std::thread::sleep(Duration::from_millis(200));
                let _ = rustix::process::kill_process(writer.0, rustix::process::Signal::CONT);
            });
            self.0.cluster.stop(StopMode::Immediate).unwrap();
        });
    }
}

/// The WAL writer process.
struct Writer(rustix::process::Pid);

/// Crashes the server after `moved_before` chunks and `built_before` started builds, and starts it again. Returns how many chunks were
/// loaded in total.
#[track_caller]
fn crashed(server: &Server, case: &Case, moved_before: usize, built_before: usize, what: &str) -> usize {
    let (moved, built, crashes) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let writer = server.hold_up_the_writer();
    std::thread::scope(|scope| {
        let hook = |step: Step<'_>| {
            match step {
                Step::Moved => moved.fetch_add(1, Ordering::SeqCst),
                Step::Builds(_) => built.fetch_add(1, Ordering::SeqCst),
                _ => return,
            };
            let is_due =
                moved.load(Ordering::SeqCst) >= moved_before && built.load(Ordering::SeqCst) >= built_before;
            if is_due && crashes.fetch_add(1, Ordering::SeqCst) == 0 {
                // While the lanes are working.
                scope.spawn(|| {
                    server.crash(&writer);
                    server.0.cluster.start().unwrap();
                });
            }
        };
        let watch = Watch::new(&hook);
        let result = run::migrate(&case.request(), &watch);
        assert!(crashes.load(Ordering::SeqCst) > 0, "{what}: no crash");
        assert!(!watch.tries().is_empty(), "{what}");
        assert_recovered(case, result, what);
    });
    moved.load(Ordering::SeqCst)
}

#[test]
fn commits_that_a_crashed_server_lost_are_repeated() {
    let server = Server::start();
    let mut chance = Chance::new();
    let whole = Mutex::new(0);
    {
        let case = on_server(&plain_url(&server.0));
        let watch_hook = |step: Step<'_>| {
            if step == Step::Moved {
                *whole.lock().unwrap() += 1;
            }
        };
        let result = run::migrate(&case.request(), &Watch::new(&watch_hook));
        assert_recovered(&case, result, "undisturbed");
    }
    let whole = whole.into_inner().unwrap();
    let mut again = 0;
    for round in 0..rounds(1) {
        for (moved, built) in [(2 + chance.below(3), 0), (0, 1 + chance.below(6))] {
            let what = format!("round {round}, after {moved} chunks and {built} builds, {}", chance.seed());
            let case = on_server(&plain_url(&server.0));
            let count = |number: u64| usize::try_from(number).unwrap();
            let moves = crashed(&server, &case, count(moved), count(built), &what);
            // A chunk whose commit got no reply is loaded, but not reported.
            again += moves.saturating_sub(whole);
        }
    }
    eprintln!("{again} chunks were forgotten by the server and moved again ({})", chance.seed());
    assert!(again > 0, "no commit was forgotten, {}", chance.seed());
    a_server_that_is_starting_is_waited_for(&server);
}

/// A server that recovers from a slow archive reports that it is starting up.
fn a_server_that_is_starting_is_waited_for(server: &Server) {
    let case = on_server(&plain_url(&server.0));
    session(&server.0.url()).query("ALTER SYSTEM SET restore_command = 'sleep 0.7; false'", &[]).unwrap();
    // Otherwise it would accept read-only sessions before recovery ends.
    session(&server.0.url()).query("ALTER SYSTEM SET hot_standby = off", &[]).unwrap();
    server.0.cluster.stop(StopMode::Fast).unwrap();
    let data = server.0.cluster.status().unwrap().data_dir;
    fs::write(data.join("recovery.signal"), "").unwrap();
    let owner = fs::metadata(&data).unwrap();
    std::os::unix::fs::chown(data.join("recovery.signal"), Some(owner.uid()), Some(owner.gid())).unwrap();
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| server.0.cluster.start().unwrap());
        // Wait until it accepts connections; an unreachable server is a permanent fault.
        let address = case.database.url().rsplit_once('@').unwrap().1.split('/').next().unwrap().to_owned();
        while std::net::TcpStream::connect(&address).is_err() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let watch = Watch::new(&|_| {});
        let result = run::migrate(&case.request(), &watch);
        starting.join().unwrap();
        assert_recovered(&case, result, "starting up");
        let is_starting = |note: &String| note.contains("57P03");
        assert!(watch.tries().iter().any(is_starting), "{:?}", watch.tries());
    });
}
