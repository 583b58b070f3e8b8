//! The HTTP server: endpoints, methods, bounds, and what happens while the database does not answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use health::http::{BindError, Bounds, Server};
use health::{Monitor, Options};
use postgres_client::watch::StopFlag;
use test_database::TestDatabase;
use test_database::proxy::{Action, Proxy};

use crate::exposition::parse;
use crate::support::{TIMEOUT, monitor, options};

/// A server that ends with the test.
struct Served {
    address: SocketAddr,
    stop: StopFlag,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    #[track_caller]
    fn start(monitor: Monitor, bounds: Bounds) -> Served {
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), false, bounds).unwrap();
        let (address, stop) = (server.address(), StopFlag::default());
        let flag = stop.clone();
        let thread = Some(std::thread::spawn(move || server.run(monitor, &flag).unwrap()));
        Served { address, stop, thread }
    }

    #[track_caller]
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }

    /// Sends a request and reads the response until the server closes the connection.
    #[track_caller]
    fn send(&self, request: &str) -> Response {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        Response::read(stream)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Response {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.set();
        let ended = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            ended.unwrap();
        }
    }
}

#[derive(Debug)]
struct Response {
    status: u16,
    head: String,
    body: String,
}

impl Response {
    #[track_caller]
    fn read(mut stream: TcpStream) -> Response {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Response { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line == header)
    }
}

fn unreachable() -> Monitor {
    monitor("postgres://x@127.0.0.1:1/x", options())
}

#[test]
fn every_endpoint_answers() {
    let database = TestDatabase::create();
    let served = Served::start(monitor(database.url(), options()), Bounds::default());
    let live = served.get("/livez");
    assert_eq!((live.status, live.body.as_str()), (200, "{\"status\":\"live\"}\n"));
    assert!(live.has("content-type: application/json") && live.has("cache-control: no-store"), "{live:?}");
    let ready = served.get("/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (200, "{\"status\":\"ready\"}\n"));
    let verbose = served.get("/readyz?verbose").json();
    assert_eq!(verbose["checks"].as_array().unwrap().len(), 7);
    assert_eq!(verbose["checks"][0]["check"], "answers");
    assert_eq!(verbose["checks"][0]["state"], "ok");
    let metrics = served.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.has("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(parse(&metrics.body).len() > 20);
    let unknown = served.get("/metrics/");
    assert_eq!((unknown.status, &unknown.json()["error"]), (404, &"not_found".into()));
}

#[test]
fn a_database_that_is_down_is_not_ready_but_the_process_lives() {
    let served = Served::start(unreachable(), Bounds::default());
    let ready = served.get("/readyz");
    assert_eq!(ready.status, 503);
    assert_eq!(
        ready.json(),
        serde_json::json!({ "status": "not_ready", "failed":
            [{ "check": "answers", "state": "failed", "reason": "unreachable" }] })
    );
    assert_eq!(served.get("/livez").status, 200);
    assert_eq!(served.get("/metrics").status, 200);
}

#[test]
fn head_has_no_body_and_other_methods_are_refused() {
    let served = Served::start(unreachable(), Bounds::default());
    for (path, status) in [("/livez", 200), ("/readyz", 503), ("/metrics", 200), ("/x", 404)] {
        let head = served.send(&format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        assert_eq!((head.status, head.body.as_str()), (status, ""), "{path}");
        assert!(!head.has("content-length: 0"), "{head:?}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "FROB"] {
        let refused = served.send(&format!("{method} /readyz HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(refused.status, 405, "{method}");
        assert!(refused.has("allow: get, head") && refused.has("connection: close"), "{refused:?}");
    }
    for body in ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] {
        let refused = served.send(&format!("GET /livez HTTP/1.1\r\nHost: x\r\n{body}"));
        assert_eq!(refused.status, 413, "{body}");
    }
}

#[test]
fn a_connection_serves_several_requests() {
    let served = Served::start(unreachable(), Bounds::default());
    let two =
        "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let both = served.send(two);
    assert_eq!(both.body.matches("\"live\"").count(), 2, "{both:?}");
}

#[test]
fn what_is_too_large_or_no_http_is_refused() {
    let served = Served::start(unreachable(), Bounds::default());
    let long = "a".repeat(9000);
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    for request in [
        format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n"),
        format!("GET /livez?{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
        "nonsense\r\n\r\n".to_owned(),
    ] {
        let refused = served.send(&request);
        assert!((400..500).contains(&refused.status), "{refused:?}");
    }
    assert_eq!(served.get("/livez").status, 200);
}

#[test]
fn a_slow_head_is_cut_off() {
    let bounds = Bounds { head_timeout: Duration::from_millis(300), ..Bounds::default() };
    let served = Served::start(unreachable(), bounds);
    let began = Instant::now();
    let mut slow = served.connect();
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
    // One byte after the other would reset a timeout of reading.
    let mut writer = slow.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        while writer.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = slow.read_to_end(&mut rest);
    assert!(began.elapsed() < TIMEOUT, "it was cut off");
    drop(slow);
    drip.join().unwrap();

    let mut idle = served.connect();
    assert_eq!(idle.read(&mut [0]).unwrap(), 0, "an idle connection is closed");
}

#[test]
fn idle_connections_do_not_keep_a_probe_out() {
    let bounds = Bounds { connections_max: 32, head_timeout: Duration::from_secs(600), ..Bounds::default() };
    let served = Served::start(unreachable(), bounds);
    let mut idle: Vec<TcpStream> = (0..200).map(|_| served.connect()).collect();
    for stream in &mut idle {
        // A server that has closed it already resets the connection.
        let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nX-Slow: ");
    }
    assert_eq!(served.get("/livez").status, 200);
    assert_eq!(served.get("/readyz").status, 503);
    let mut oldest = idle.swap_remove(0);
    let end = oldest.read(&mut [0; 1]);
    assert!(matches!(end, Ok(0)) || end.is_err(), "the oldest was closed: {end:?}");
}

#[test]
fn fifty_probes_at_once_make_one_connection() {
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.url(), |_| Action::Forward);
    let options = Options { freshness: Duration::from_secs(600), ..options() };
    let served = Served::start(monitor(&proxy.url, options), Bounds::default());
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| assert_eq!(served.get("/readyz").status, 200));
        }
    });
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn a_silent_database_delays_readiness_to_the_deadline_and_liveness_not_at_all() {
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.url(), |_| Action::Silence);
    let options = Options { timeout: Duration::from_millis(500), freshness: Duration::ZERO, ..options() };
    let served = Served::start(monitor(&proxy.url, options), Bounds::default());
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let ready = served.get("/readyz");
                assert_eq!((ready.status, &ready.json()["failed"][0]["reason"]), (503, &"no_answer".into()));
            });
        }
        for _ in 0..10 {
            assert_eq!(served.get("/livez").status, 200);
        }
    });
    assert_eq!(served.get("/metrics").status, 200);
}

#[test]
fn requests_under_way_are_answered_before_the_end() {
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.url(), |_| Action::Silence);
    let options = Options { timeout: Duration::from_secs(2), ..options() };
    let served = Served::start(monitor(&proxy.url, options), Bounds::default());
    let _idle = served.connect();
    let mut waiting = served.connect();
    waiting.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    while proxy.connections() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let address = served.address;
    let began = Instant::now();
    drop(served);
    assert!(began.elapsed() < TIMEOUT, "idle connections are not waited for");
    assert_eq!(Response::read(waiting).status, 503);
    assert!(TcpStream::connect(address).is_err(), "nothing listens any more");
}

#[test]
fn only_loopback_is_served_unless_asked() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
        let address: SocketAddr = address.parse().unwrap();
        let refused = Server::bind(address, false, Bounds::default()).unwrap_err();
        assert!(matches!(refused, BindError::NotLoopback(found) if found == address), "{refused:?}");
    }
    let public = Server::bind("0.0.0.0:0".parse().unwrap(), true, Bounds::default()).unwrap();
    assert_ne!(public.address().port(), 0);
    let taken = Server::bind(public.address(), true, Bounds::default()).unwrap_err();
    assert!(matches!(taken, BindError::Refused(..)), "{taken:?}");
    Server::bind("127.8.9.10:0".parse().unwrap(), false, Bounds::default()).unwrap();
}
