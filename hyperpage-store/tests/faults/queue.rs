//! Workers that empty a queue while sessions are killed, connections cut and replies withheld at random: at the end each job was completed
//! once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hyperpage_store::domain::{Consumption, Job, JobChange, JobStatus, NewRateLimit};
use hyperpage_store::{Error, Store};
use serde_json::json;
use test_database::chance::{Chance, rounds};
use test_database::proxy::{Action, Proxy};

use crate::client::Client;
use crate::harness::{App, kill_sessions, settings};
use crate::ledger::assert_consistent;
use crate::operations::{LATER, NOW, job};

const JOBS: usize = 80;
const WORKERS: usize = 6;
/// Calls that a worker consumes for each job.
const AMOUNT: u16 = 3;
/// Calls of each worker's limit, more than it consumes.
const CALLS: i32 = 1_000_000;
/// A fault happens after at most this many messages.
const GAP_MAX: u64 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KillAll,
    CutThis,
    CutCommit,
    ReplyLost,
    CommitReplyLost,
}

const FAULTS: [Fault; 5] =
    [Fault::KillAll, Fault::CutThis, Fault::CutCommit, Fault::ReplyLost, Fault::CommitReplyLost];

/// Chooses faults while messages pass.
struct Storm {
    chance: Chance,
    /// Messages until the next fault.
    left: u64,
    pending: Option<Fault>,
    done: BTreeMap<Fault, usize>,
}

impl Storm {
    fn new(seed: u64) -> Storm {
        Storm { chance: Chance::of(seed), left: GAP_MAX, pending: None, done: BTreeMap::new() }
    }

    /// The fault that is due at a message of the client.
    fn next(&mut self, is_commit: bool) -> Option<Fault> {
        if self.pending.is_none() {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                self.left = 1 + self.chance.below(GAP_MAX);
                self.pending = Some(*self.chance.pick(&FAULTS));
            }
        }
        let fault = self.pending?;
        if matches!(fault, Fault::CutCommit | Fault::CommitReplyLost) && !is_commit {
            return None;
        }
        self.pending = None;
        *self.done.entry(fault).or_default() += 1;
        Some(fault)
    }
}

fn stormy(app: &App, storm: &Arc<Mutex<Storm>>, is_calm: &Arc<AtomicBool>) -> Proxy {
    let (storm, is_calm) = (Arc::clone(storm), Arc::clone(is_calm));
    let direct = app.database.url().to_owned();
    Proxy::start(app.database.url(), move |piece| {
        if !piece.is_from_client || is_calm.load(Ordering::SeqCst) {
            return Action::Forward;
        }
        let due = storm.lock().unwrap().next(piece.contains(b"COMMIT\0"));
        match due {
            None => Action::Forward,
            Some(Fault::CutThis | Fault::CutCommit) => Action::Cut,
            Some(Fault::ReplyLost | Fault::CommitReplyLost) => Action::WithholdReply,
            Some(Fault::KillAll) => {
                kill_sessions(&direct);
                Action::Forward
            }
        }
    })
}

/// What the workers know to have happened.
#[derive(Default)]
struct Known {
    /// Attempts that a worker was given: a job's id and the attempt's number.
    claimed: BTreeSet<(String, i32)>,
    completed: BTreeSet<String>,
    /// Calls that were granted, by limit.
    consumed: BTreeMap<String, i32>,
}

/// How often an outcome was unknown, or there was no connection.
#[derive(Default)]
struct Troubles {
    unknown: AtomicUsize,
    unavailable: AtomicUsize,
}

struct Round<'a> {
    what: &'a str,
    client: &'a Client,
    /// Asks what became of an operation, without faults.
    direct: &'a Client,
    known: &'a Mutex<Known>,
    troubles: &'a Troubles,
}

impl Round<'_> {
    /// The result of a call; none where its outcome is unknown. A call without a connection is made again: it has done nothing.
    fn outcome<T: Send + 'static>(
        &self,
        call: impl Fn(&mut crate::client::AppStore) -> hyperpage_store::Result<T> + Clone + Send + 'static,
    ) -> Option<T> {
        loop {
            match self.client.call(self.what, call.clone()) {
                Ok(done) => return Some(done),
                Err(Error::OutcomeUnknown { .. }) => {
                    self.troubles.unknown.fetch_add(1, Ordering::SeqCst);
                    return None;
                }
                Err(Error::Unavailable { .. } | Error::Database { .. } | Error::Busy { .. }) => {
                    self.troubles.unavailable.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => panic!("{}: {error:?}", self.what),
            }
        }
    }

    fn status(&self, id: &str) -> Option<JobStatus> {
        let id = id.into();
        self.direct.run(self.what, move |store| store.job(&id)).map(|job| job.status)
    }

    fn enqueue_all(&self) {
        for number in 0..JOBS {
            let id = format!("job {number:03}");
            loop {
                let new = job(&id, i32::try_from(number % 3).unwrap());
                match self.outcome(move |store| store.enqueue(&new, NOW)) {
                    Some(is_new) => assert!(is_new, "{}: {id} was enqueued twice", self.what),
                    None if self.status(&id).is_none() => continue,
                    None => {}
                }
                break;
            }
        }
    }

    /// Works until no job is pending. A job whose claim has an unknown outcome is left to a recovery.
    fn work(&self, worker: usize) {
        let limit = format!("worker {worker}");
        loop {
            match self.outcome(|store| store.claim(LATER)) {
                None => {}
                Some(None) => return,
                Some(Some(job)) => {
                    self.note_claim(&job);
                    self.consume(&limit);
                    self.complete(job.id.as_str());
                }
            }
        }
    }

    fn note_claim(&self, job: &Job) {
        let attempt = job.retry_count + job.recovery_attempts + 1;
        let is_new = self.known.lock().unwrap().claimed.insert((job.id.as_str().to_owned(), attempt));
        assert!(is_new, "{}: attempt {attempt} at {} was given to two workers", self.what, job.id.as_str());
    }

    /// Consumes calls of a limit that no other worker uses, so that what became of an unknown outcome can be asked.
    fn consume(&self, limit: &str) {
        let before = self.known.lock().unwrap().consumed.get(limit).copied().unwrap_or(0);
        let id = limit.to_owned();
        let granted = self.outcome(move |store| store.consume(&id, AMOUNT, LATER));
        let remaining = match granted {
            Some(Consumption::Granted { remaining }) => {
                assert_eq!(remaining, Some(CALLS - before - i32::from(AMOUNT)), "{}: {limit}", self.what);
                remaining
            }
            Some(other) => panic!("{}: {other:?}", self.what),
            None => {
                let id = limit.to_owned();
                let found = self.direct.run(self.what, move |store| store.rate_limit(&id));
                let remaining = found.and_then(|found| found.limit_remaining).unwrap();
                assert!(
                    [CALLS - before, CALLS - before - i32::from(AMOUNT)].contains(&remaining),
                    "{}: {limit} has {remaining} calls",
                    self.what
                );
                Some(remaining)
            }
        };
        self.known.lock().unwrap().consumed.insert(limit.to_owned(), CALLS - remaining.unwrap());
    }

    fn complete(&self, id: &str) {
        loop {
            let job = id.into();
            match self.outcome(move |store| store.complete(&job, &json!({"by": "a worker"}), LATER)) {
                Some(JobChange::Changed(_)) => {}
                Some(other) => panic!("{}: {id}: {other:?}", self.what),
                None => match self.status(id) {
                    Some(JobStatus::Completed) => {}
                    Some(JobStatus::Running) => continue,
                    other => panic!("{}: {id} is {other:?}", self.what),
                },
            }
            break;
        }
        let is_new = self.known.lock().unwrap().completed.insert(id.to_owned());
        assert!(is_new, "{}: {id} was completed twice", self.what);
    }

    /// Makes the jobs pending again whose claims had an unknown outcome. Nobody works meanwhile.
    fn recover(&self) -> bool {
        let is_left = |direct: &Client| {
            let ids: Vec<String> = (0..JOBS).map(|number| format!("job {number:03}")).collect();
            ids.into_iter().any(|id| {
                let id = id.as_str().into();
                direct
                    .run("left", move |store| store.job(&id))
                    .is_some_and(|job| job.status != JobStatus::Completed)
            })
        };
        if !is_left(self.direct) {
            return false;
        }
        // One that was kept and is repeated finds nothing to recover.
        while self
            .outcome(|store| {
                store.recover(hyperpage_store::Timestamp::from_epoch_ms(LATER.epoch_ms() + 1), LATER)
            })
            .is_none()
        {}
        true
    }
}

#[test]
fn each_job_is_completed_once_whatever_is_killed_cut_or_withheld() {
    let mut chance = Chance::new();
    for number in 0..rounds(2) {
        let what = format!("round {number}, {}", chance.seed());
        round(&what, chance.below(u64::MAX));
    }
}

fn round(what: &str, seed: u64) {
    let app = App::new();
    let storm = Arc::new(Mutex::new(Storm::new(seed)));
    let is_calm = Arc::new(AtomicBool::new(false));
    let proxy = stormy(&app, &storm, &is_calm);
    let client = app.client_at(&proxy.url, &settings());
    let direct = app.client();
    let (known, troubles) = (Mutex::default(), Troubles::default());
    let round = Round { what, client: &client, direct: &direct, known: &known, troubles: &troubles };
    for worker in 0..WORKERS {
        let limit = NewRateLimit {
            id: format!("worker {worker}"),
            platform: "github".to_owned(),
            limit_remaining: Some(CALLS),
            limit_total: Some(CALLS),
            reset_time: None,
        };
        direct.run(what, move |store| store.save_rate_limit(&limit, NOW));
    }
    round.enqueue_all();
    let mut recoveries = 0;
    loop {
        std::thread::scope(|scope| {
            for worker in 0..WORKERS {
                let round = &round;
                scope.spawn(move || round.work(worker));
            }
        });
        if !round.recover() {
            break;
        }
        recoveries += 1;
        assert!(recoveries < 50, "{what}: the queue does not become empty");
    }
    is_calm.store(true, Ordering::SeqCst);

    let known = known.into_inner().unwrap();
    assert_eq!(known.completed.len(), JOBS, "{what}");
    assert_eq!(app.ask("SELECT count(*) FROM jobs WHERE status = 'completed'"), [JOBS.to_string()], "{what}");
    assert_eq!(
        app.ask("SELECT count(*) FROM job_history WHERE status = 'completed'"),
        [JOBS.to_string()],
        "{what}"
    );
    for (limit, consumed) in &known.consumed {
        let remaining = app.ask(&format!("SELECT limit_remaining FROM rate_limits WHERE id = '{limit}'"));
        assert_eq!(remaining, [(CALLS - consumed).to_string()], "{what}: {limit}");
    }
    assert_consistent(&app, what);
    client.run(what, |store| store.state("entry"));
    app.assert_no_transaction_is_open(what);
    assert!(app.sessions() <= settings().db.pool_max as usize, "{what}: sessions are leaked");
    drop(client);
    app.assert_no_session_is_left(what);
    let done = storm.lock().unwrap().done.clone();
    assert!(
        done.len() == FAULTS.len() && done.values().sum::<usize>() > 20,
        "{what}: too few faults: {done:?}"
    );
    assert!(troubles.unknown.load(Ordering::SeqCst) > 0, "{what}: no outcome was unknown: {done:?}");
}
