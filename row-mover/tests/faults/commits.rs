//! Unknown commits: the server committed, but the reply was lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use postgres_client::TargetUrl;
use row_mover::run::{self, Request};
use test_database::chance::{Chance, rounds};
use test_database::proxy::{Action, Proxy};

use crate::watch::Watch;
use crate::whole::{assert_recovered, case};

/// One commit in this many gets no reply.
const UNANSWERED_EACH: u64 = 3;

#[test]
fn a_commit_without_a_reply_is_checked_in_the_ledger() {
    let mut chance = Chance::new();
    for round in 0..rounds(1) {
        let first = chance.below(UNANSWERED_EACH);
        let what =
            format!("round {round}, commits {first} and each {UNANSWERED_EACH} after it, {}", chance.seed());
        let case = case();
        let commits = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&commits);
        let proxy = Proxy::start(case.database.url(), move |piece| {
            let is_commit = piece.is_from_client && piece.contains(b"COMMIT\0");
            if is_commit && counted.fetch_add(1, Ordering::SeqCst) % UNANSWERED_EACH == first {
                Action::WithholdReply
            } else {
                Action::Forward
            }
        });
        let watch = Watch::new(&|_| {});
        let request = Request { target: TargetUrl::parse(&proxy.url).unwrap(), ..case.request() };
        let result = run::migrate(&request, &watch);
        assert_recovered(&case, result, &format!("{what}: {:#?}", watch.tries()));
        let commits = commits.load(Ordering::SeqCst);
        assert!(commits > 12, "{what}: {commits} commits");
        assert!(watch.tries().len() as u64 >= commits / UNANSWERED_EACH / 2, "{what}: {:?}", watch.tries());
    }
}
