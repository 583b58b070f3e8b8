//! Connections that are cut or stall during rows, builds and validation.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use migrate_core::phase::Phase;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::run::{self, Request};
use test_database::chance::{Chance, rounds};
use test_database::proxy::{Action, Piece, Proxy};

use crate::engine::Case;
use crate::watch::{Step, Watch};
use crate::whole::{assert_recovered, case};

fn through<'a>(case: &'a Case, proxy: &Proxy) -> Request<'a> {
    Request { target: TargetUrl::parse(&proxy.url).unwrap(), ..case.request() }
}

#[test]
fn a_run_resumes_after_a_connection_is_cut_at_any_byte() {
    /// How often the connection of one migration is cut.
    const CUTS: usize = 6;
    let mut chance = Chance::new();
    for round in 0..rounds(1) {
        let what = format!("round {round}, {}", chance.seed());
        let case = case();
        let limits: Vec<u64> = (0..CUTS).map(|_| 20_000 + chance.below(1_500_000)).collect();
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cuts);
        // In both directions: rows that are sent, and rows that are read back.
        let proxy = Proxy::start(case.database.url(), move |piece| {
            let done = counted.load(Ordering::SeqCst);
            let is_due = limits.get(done).is_some_and(|limit| piece.total > *limit);
            let is_mine = is_due
                && counted.compare_exchange(done, done + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok();
            if is_mine { Action::Cut } else { Action::Forward }
        });
        let watch = Watch::new(&|_| {});
        assert_recovered(&case, run::migrate(&through(&case, &proxy), &watch), &what);
        assert!(cuts.load(Ordering::SeqCst) >= 3, "{what}: {cuts:?}");
        assert!(!watch.tries().is_empty(), "{what}");
    }
}

#[test]
fn a_run_resumes_after_a_complete_outage_in_any_phase() {
    let chance = Mutex::new(Chance::new());
    let seed = chance.lock().unwrap().seed();
    for round in 0..rounds(1) {
        let what = format!("round {round}, {seed}");
        let case = case();
        let proxy = Proxy::start(case.database.url(), |_| Action::Forward);
        let (builds, compared) = (AtomicUsize::new(0), AtomicBool::new(false));
        let cuts = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let hook = |step: Step<'_>| {
                let is_due = match step {
                    Step::Begins(phase) => {
                        matches!(phase, Phase::Seal | Phase::Schema | Phase::Rows | Phase::Validate)
                    }
                    Step::Builds(_) => builds.fetch_add(1, Ordering::SeqCst).is_multiple_of(3),
                    Step::Compared => !compared.swap(true, Ordering::SeqCst),
                    _ => false,
                };
                if is_due {
                    cuts.lock().unwrap().push(format!("{step:?}"));
                    let delay = chance.lock().unwrap().time_below(Duration::from_millis(30));
                    let proxy = &proxy;
                    scope.spawn(move || {
                        std::thread::sleep(delay);
                        proxy.cut_all();
                    });
                }
            };
            let watch = Watch::new(&hook);
            let result = run::migrate(&through(&case, &proxy), &watch);
            let what = format!("{what}, cut at {:?}", cuts.lock().unwrap());
            assert_recovered(&case, result, &what);
            assert!(!watch.tries().is_empty(), "{what}");
        });
    }
}

/// Once `is_due` returns true on a connection, the proxy silently drops everything on it.
#[track_caller]
fn stalled(what: &str, is_due: impl Fn(&Piece<'_>) -> bool + Send + Sync + 'static) {
    let case = case();
    let is_lost = Arc::new(AtomicBool::new(false));
    let once = Arc::clone(&is_lost);
    let proxy = Proxy::start(case.database.url(), move |piece| {
        if is_due(piece) && !once.swap(true, Ordering::SeqCst) { Action::Silence } else { Action::Forward }
    });
    let watch = Watch::new(&|_| {});
    let settings = DbSettings { stall_timeout: Duration::from_millis(1000), ..case.request().settings };
    let started = Instant::now();
    let result = run::migrate(&Request { settings, ..through(&case, &proxy) }, &watch);
    let took = started.elapsed();
    assert!(is_lost.load(Ordering::SeqCst), "{what}: nothing was lost");
    assert!(
        watch.tries().iter().any(|note| note.contains("took nothing and sent nothing")),
        "{what}: {:?}",
        watch.tries()
    );
    // The lock of the session that nobody hears of any more must not be waited for.
    assert!(took < Duration::from_secs(60), "{what}: {took:?}");
    // What was read from when the stall came ends with the middle-man; nobody waits for its locks.
    drop(proxy);
    assert_recovered(&case, result, what);
}

#[test]
fn a_stall_while_rows_move_is_given_up() {
    let mut chance = Chance::new();
    let after = 300_000 + chance.below(700_000);
    stalled(&format!("rows, {}", chance.seed()), move |piece| piece.is_from_client && piece.total > after);
}

#[test]
fn a_stall_before_a_build_is_given_up() {
    stalled("build", |piece| piece.is_from_client && piece.contains(b"CREATE INDEX"));
}

#[test]
fn a_stall_at_the_answer_to_a_build_is_given_up() {
    // The build runs inside a block that catches violations by rows.
    stalled("build's answer", |piece| !piece.is_from_client && piece.contains(b"DO\0"));
}

#[test]
fn a_stall_while_rows_are_read_back_is_given_up() {
    stalled("validation", |piece| !piece.is_from_client && piece.total > 400_000);
}

#[test]
fn a_stall_of_the_session_with_the_lock_is_given_up() {
    // The first connection of a run holds the lock. The run checks before each step that it still does.
    stalled("the lock", |piece| {
        piece.connection == 0 && piece.is_from_client && piece.contains(b"SELECT pg_backend_pid()\0")
    });
}
