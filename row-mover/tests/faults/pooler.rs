//! PgBouncer in front of the server. One that lends sessions per transaction or statement is refused before anything of ours could stay
//! in a session of the app; one that lends them per connection works like the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use postgres_client::connection::Connection;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::run::{self, Request, Silent};
use row_mover::status::status;
use test_database::pgbouncer::PgBouncer;

use crate::engine::{Case, ask, chain, moved, session};

/// A refusal that takes longer has waited for something.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

/// The advisory locks that are held in this database.
const LOCKS: &str = "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database \
    WHERE locktype = 'advisory' AND datname = current_database()";

fn case() -> Case {
    Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
}

/// What the app sees of sessions through the pooler: none has a setting, a lock or a table of ours.
#[track_caller]
fn assert_untouched(case: &Case, through: &str) {
    let settings = "SELECT string_agg(current_setting(name), ' ') FROM unnest(ARRAY['search_path', 'statement_timeout', 'row_security']) AS name";
    let mut app = Connection::connect(through, "app", Duration::from_secs(5)).unwrap();
    assert_eq!(ask(&mut app, settings), ["\"$user\", public 0 on"]);
    assert_eq!(case.ask(LOCKS), ["0"]);
    assert_eq!(case.target_objects(), Vec::<String>::new());
}

#[test]
fn a_pooler_of_transactions_or_statements_is_refused_at_once_and_the_address_it_names_works() {
    for (mode, more) in [
        ("transaction", ""),
        ("statement", ""),
        ("transaction", "server_round_robin = 1"),
        ("transaction", "default_pool_size = 1"),
    ] {
        let case = case();
        let Some(pooler) = PgBouncer::start(case.database.url(), mode, more) else { return };
        let through = pooler.url(case.database.url());
        let request = || Request { target: TargetUrl::parse(&through).unwrap(), ..case.request() };
        let started = Instant::now();
        for attempt in [
            run::migrate(&request(), &Silent).map(drop),
            run::dry_run(&request(), &Silent).map(drop),
            status(&request().target, &DbSettings::default()).map(drop),
        ] {
            let error = chain(&attempt.expect_err("a pooler of transactions was accepted"));
            assert!(
                error.contains("lends a session of the server for one transaction"),
                "{mode} {more}: {error}"
            );
            let port = case.ask("SELECT current_setting('port')").remove(0);
            assert!(error.contains(&format!("port={port}")), "{mode} {more}: {error}");
        }
        assert!(started.elapsed() < REFUSED_WITHIN, "{mode} {more}: {:?}", started.elapsed());
        if mode == "transaction" {
            assert_untouched(&case, &through);
        }
        case.moved();
    }
}

#[test]
fn a_busy_pooler_of_transactions_is_refused() {
    let case = case();
    let Some(pooler) = PgBouncer::start(case.database.url(), "transaction", "") else { return };
    let through = pooler.url(case.database.url());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut app = Connection::connect(&through, "app", Duration::from_secs(5)).unwrap();
                while !is_over.load(Ordering::SeqCst) {
                    ask(&mut app, "SELECT pg_sleep(0.0005)");
                }
            });
        }
        let request = Request { target: TargetUrl::parse(&through).unwrap(), ..case.request() };
        let attempt = run::migrate(&request, &Silent);
        is_over.store(true, Ordering::SeqCst);
        let error = chain(&attempt.unwrap_err());
        assert!(error.contains("lends a session of the server for one transaction"), "{error}");
    });
    assert_untouched(&case, &through);
}

#[test]
fn a_pooler_of_connections_works_like_the_server() {
    let case = case();
    let Some(pooler) = PgBouncer::start(case.database.url(), "session", "") else { return };
    let through = pooler.url(case.database.url());
    moved(run::migrate(&Request { target: TargetUrl::parse(&through).unwrap(), ..case.request() }, &Silent));
    case.moved_already();
    drop(session(&through));
    assert_eq!(case.ask(LOCKS), ["0"]);
}
