//! A server that has no room for another connection.

use std::sync::Mutex;
use std::time::Duration;

use migrate_core::phase::Phase;
use row_mover::run::{self, Request};
use row_mover::target::bulk::BulkConnection;
use row_mover::target::{DbSettings, TargetUrl};

use crate::engine::{Case, session};
use crate::watch::{Step, Watch};
use crate::whole::{assert_recovered, case};

/// A role of little power that owns the database of a case; it is dropped with it.
struct Role {
    case: Option<Case>,
    name: String,
    url: String,
}

impl Role {
    fn owning(case: Case) -> Role {
        let name = format!("role_{}", case.database.name());
        case.execute(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'faults'; ALTER DATABASE {} OWNER TO {name}",
            case.database.name()
        ));
        let (_, rest) = case.database.url().rsplit_once('@').unwrap();
        let url = format!("postgres://{name}:faults@{rest}");
        Role { case: Some(case), name, url }
    }

    fn case(&self) -> &Case {
        self.case.as_ref().unwrap()
    }

    fn limit(&self, connections: i32) {
        self.case().execute(&format!("ALTER ROLE {} CONNECTION LIMIT {connections}", self.name));
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let anywhere = self.case().database.url().replace(self.case().database.name(), "postgres");
        drop(self.case.take());
        session(&anywhere).query(&format!("DROP ROLE {}", self.name), &[]).unwrap();
    }
}

#[track_caller]
fn assert_said(tries: &[String], what: &str) {
    assert!(tries.iter().any(|note| note.contains("too many connections for role")), "{what}: {tries:?}");
}

#[test]
fn a_run_that_finds_no_room_waits_for_it() {
    let role = Role::owning(case());
    role.limit(1);
    let occupied: Mutex<Option<BulkConnection>> = Mutex::new(Some(session(&role.url)));
    let hook = |step: Step<'_>| {
        if step == Step::TriesAgain && occupied.lock().unwrap().take().is_some() {
            role.limit(20);
        }
    };
    let watch = Watch::new(&hook);
    let request = Request { target: TargetUrl::parse(&role.url).unwrap(), ..role.case().request() };
    assert_recovered(role.case(), run::migrate(&request, &watch), "no room at the beginning");
    assert_said(&watch.tries(), "no room at the beginning");
}

#[test]
fn a_run_that_loses_its_room_waits_for_it() {
    let role = Role::owning(case());
    let hook = |step: Step<'_>| match step {
        // The lanes open connections of their own then.
        Step::Begins(Phase::Rows) => role.limit(1),
        Step::TriesAgain => role.limit(20),
        _ => {}
    };
    let watch = Watch::new(&hook);
    let request = Request { target: TargetUrl::parse(&role.url).unwrap(), ..role.case().request() };
    assert_recovered(role.case(), run::migrate(&request, &watch), "no room for the lanes");
    assert_said(&watch.tries(), "no room for the lanes");
}

#[test]
fn lanes_without_a_connection_leave_the_work_to_the_others() {
    let role = Role::owning(case());
    // One keeps the lock and some are pooled, so that one or two are left for eight lanes.
    role.limit(5);
    let watch = Watch::new(&|_| {});
    let settings =
        DbSettings { pool_max: 2, retry_timeout: Duration::from_millis(300), ..DbSettings::default() };
    let target = TargetUrl::parse(&role.url).unwrap();
    let request = Request { target, workers: 8, settings, ..role.case().request() };
    assert_recovered(role.case(), run::migrate(&request, &watch), "fewer connections than lanes");
    assert_said(&watch.tries(), "fewer connections than lanes");
}
