//! Permanent faults: reported at once and not retried. After they are fixed, the same command resumes.

use std::sync::atomic::{AtomicBool, Ordering};

use migrate_core::phase::Phase;
use postgres_client::TargetUrl;
use row_mover::run::{self, Request};

use crate::engine::chain;
use crate::watch::{Step, Watch};
use crate::whole::{case, finish};

#[test]
fn permanent_faults_fail_at_once_and_the_run_resumes_after_the_repair() {
    for (what, at, harm, mend, expected) in [
        (
            "a constraint that rows break",
            Phase::Rows,
            "ALTER TABLE keyed ADD CONSTRAINT small CHECK (id < 30000)",
            "ALTER TABLE keyed DROP CONSTRAINT small",
            "23514: new row for relation \"keyed\" violates check constraint",
        ),
        (
            "a column that is in the way",
            Phase::Rows,
            "ALTER TABLE loose ADD COLUMN more text NOT NULL",
            "ALTER TABLE loose DROP COLUMN more",
            "23502: null value in column \"more\"",
        ),
        (
            "a table that is gone",
            Phase::Rows,
            "ALTER TABLE child RENAME TO aside",
            "ALTER TABLE aside RENAME TO child",
            "42P01: relation \"public.child\" does not exist",
        ),
        (
            "a name that is taken",
            Phase::Rows,
            "CREATE TABLE by_v ()",
            "DROP TABLE by_v",
            "42P07: relation \"by_v\" already exists",
        ),
        (
            "a ledger that takes nothing",
            Phase::Rows,
            "ALTER TABLE migration.chunks ADD CONSTRAINT none CHECK (rows < 5)",
            "ALTER TABLE migration.chunks DROP CONSTRAINT none",
            "23514: new row for relation \"chunks\"",
        ),
        (
            "a ledger that cannot be written",
            Phase::Validate,
            "ALTER TABLE migration.phases ADD CONSTRAINT none CHECK (phase <> 'validate')",
            "ALTER TABLE migration.phases DROP CONSTRAINT none",
            "23514: new row for relation \"phases\"",
        ),
    ] {
        let case = case();
        let is_done = AtomicBool::new(false);
        let hook = |step: Step<'_>| {
            if step == Step::Begins(at) && !is_done.swap(true, Ordering::SeqCst) {
                case.execute(harm);
            }
        };
        let watch = Watch::new(&hook);
        let said = match run::migrate(&case.request(), &watch) {
            Err(error) => chain(&error),
            Ok(outcome) => panic!("{what}: {outcome:?}"),
        };
        assert!(said.contains(expected), "{what}: {said}");
        assert!(said.contains("next: ") || at == Phase::Validate, "{what}: {said}");
        assert_eq!(watch.tries(), Vec::<String>::new(), "{what}");
        case.execute(mend);
        finish(&case, what);
    }
}

#[test]
fn a_server_that_turns_us_away_is_not_asked_again() {
    let case = case();
    let url = case.database.url();
    let (_, password) = url.rsplit_once('@').unwrap().0.rsplit_once(':').unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let host = url.rsplit_once('@').unwrap().1.split('/').next().unwrap();
    for (what, url, expected) in [
        ("a wrong password", url.replacen(password, "wrong", 1), "28P01"),
        ("no such database", url.replace(case.database.name(), "nowhere"), "3D000"),
        ("no server", url.replace(host, &nobody.to_string()), "Connection refused"),
    ] {
        let watch = Watch::new(&|_| {});
        let request = Request { target: TargetUrl::parse(&url).unwrap(), ..case.request() };
        let said = chain(&run::migrate(&request, &watch).unwrap_err());
        assert!(said.contains(expected) && said.contains("next: "), "{what}: {said}");
        assert_eq!(watch.tries(), Vec::<String>::new(), "{what}");
    }
    finish(&case, "at last");
}
