//! Servers, databases and roles with too few connections.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use migrate_core::phase::Phase;
use postgres_client::connection::Connection;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::ledger::ChunkDone;
use row_mover::run::{self, Observer, Outcome, Purpose, Request, Silent, ValidationRequest};
use row_mover::status::status;
use row_mover::validate::CompareOptions;

use crate::engine::{Case, chain, session};
use crate::watch::{Step, Watch};
use crate::whole::{assert_recovered, assert_recovered_quietly, case};

/// A role without privileges that owns the database of a case. Dropped with the database.
struct Role {
    case: Option<Case>,
    name: String,
    url: String,
}

impl Role {
    fn owning(case: Case) -> Role {
        let name = format!("role_{}", case.database.name());
        case.execute(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'faults'; GRANT {name} TO CURRENT_USER; ALTER DATABASE {} OWNER TO {name}",
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
    assert!(tries.iter().any(|note| note.contains("53300")), "{what}: {tries:?}");
}

#[test]
fn a_run_that_finds_no_room_waits_for_it() {
    let role = Role::owning(case());
    role.limit(1);
    let occupied: Mutex<Option<Connection>> = Mutex::new(Some(session(&role.url)));
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
    // Several lanes retry at the same time, and PostgreSQL alters a role for one session at a time.
    let one_at_a_time = Mutex::new(());
    let hook = |step: Step<'_>| {
        let _one = one_at_a_time.lock().unwrap();
        match step {
            // The lanes open their connections in this phase.
            Step::Begins(Phase::Rows) => role.limit(1),
            Step::TriesAgain => role.limit(20),
            _ => {}
        }
    };
    let watch = Watch::new(&hook);
    let request = Request { target: TargetUrl::parse(&role.url).unwrap(), ..role.case().request() };
    assert_recovered(role.case(), run::migrate(&request, &watch), "no room for the lanes");
    assert_said(&watch.tries(), "no room for the lanes");
}

#[test]
fn lanes_without_a_connection_leave_the_work_to_the_others() {
    let role = Role::owning(case());
    let hook = |step: Step<'_>| {
        // After the count. One connection holds the lock and some are pooled, so that one or two are left for eight lanes.
        if step == Step::Begins(Phase::Rows) {
            role.limit(5);
        }
    };
    let watch = Watch::new(&hook);
    let settings =
        DbSettings { pool_max: 2, retry_timeout: Duration::from_millis(300), ..DbSettings::default() };
    let target = TargetUrl::parse(&role.url).unwrap();
    let request = Request { target, workers: 8, settings, ..role.case().request() };
    assert_recovered(role.case(), run::migrate(&request, &watch), "fewer connections than lanes");
    assert_said(&watch.tries(), "fewer connections than lanes");
}

/// Stops a run half-way.
struct StopsAfter {
    moved: AtomicUsize,
    chunks: usize,
}

impl Observer for StopsAfter {
    fn rows_moved(&self, _table: &str, _done: &ChunkDone) {
        self.moved.fetch_add(1, Ordering::SeqCst);
    }
}

impl postgres_client::watch::Watch for StopsAfter {
    fn is_stopped(&self) -> bool {
        self.moved.load(Ordering::SeqCst) >= self.chunks
    }
}

/// Migrates, validates twice, and reads the status with limited connections. No connection may be refused.
#[track_caller]
fn moves_within(role: &Role, limit: i32) {
    let target = || TargetUrl::parse(&role.url).unwrap();
    // Without retries, a refused connection ends the run.
    let settings = DbSettings { retry_timeout: Duration::ZERO, ..DbSettings::default() };
    let request = || Request { target: target(), workers: 4, settings, ..role.case().request() };
    let stops = StopsAfter { moved: AtomicUsize::new(0), chunks: 2 };
    let error = run::migrate(&request(), &stops).unwrap_err();
    assert!(error.is_stop(), "limit {limit}: {}", chain(&error));
    let looked = AtomicUsize::new(0);
    let hook = |step: Step<'_>| {
        // One connection is kept free for `status`.
        if limit > 2
            && matches!(step, Step::Begins(Phase::Rows) | Step::Builds(_) | Step::Begins(Phase::Validate))
        {
            let status = status(&target(), &settings)
                .unwrap_or_else(|error| panic!("limit {limit}: {}", chain(&error)));
            assert!(status.is_at_work);
            looked.fetch_add(1, Ordering::SeqCst);
        }
    };
    let watch = Watch::new(&hook);
    assert_recovered_quietly(role.case(), run::migrate(&request(), &watch), &watch);
    assert_eq!(looked.load(Ordering::SeqCst) > 2, limit > 2, "limit {limit}");
    let validation = ValidationRequest {
        target: target(),
        settings,
        migrations: &role.case().migrations,
        options: CompareOptions { workers: 4, ..CompareOptions::default() },
        purpose: Purpose::Proof,
        integrity_check: false,
    };
    let (_, found) = run::validate(&validation, &Silent)
        .unwrap_or_else(|error| panic!("limit {limit}: {}", chain(&error)));
    assert!(found.is_proven(), "limit {limit}: {found:?}");
    // A restart checks for rows written since, which compares all rows.
    let again = run::migrate(&Request { restart: true, ..request() }, &Silent);
    assert!(
        matches!(&again, Ok(Outcome::Moved(moved)) if moved.validation.is_proven()),
        "limit {limit}: {again:?}"
    );
}

#[test]
fn a_role_that_may_have_few_connections_moves_everything() {
    let role = Role::owning(case());
    for limit in [2, 3, 4] {
        role.limit(limit);
        moves_within(&role, limit);
        role.case().execute("DROP SCHEMA public, migration, drizzle CASCADE");
        role.case().execute(&format!("CREATE SCHEMA public AUTHORIZATION {}", role.name));
    }
}

#[test]
fn a_database_with_a_low_connection_limit_is_a_valid_target() {
    let role = Role::owning(case());
    role.case().execute(&format!("ALTER DATABASE {} CONNECTION LIMIT 2", role.case().database.name()));
    moves_within(&role, 2);
}

#[test]
fn a_limit_of_one_connection_is_refused_with_a_remedy_before_anything_is_created() {
    let role = Role::owning(case());
    role.limit(1);
    let request = || Request { target: TargetUrl::parse(&role.url).unwrap(), ..role.case().request() };
    let began = std::time::Instant::now();
    let error = run::migrate(&request(), &Silent).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(60), "what never passes is not waited for");
    let words = chain(&error);
    assert!(words.contains("need 2, and 1 is free") && words.contains("CONNECTION LIMIT 1"), "{words}");
    assert_eq!(role.case().target_objects(), Vec::<String>::new());
    assert!(role.case().backups().is_empty());
    let (_, remedy) = error.remedy_text().unwrap().split_once(": ").unwrap();
    role.case().execute(remedy);
    let watch = Watch::new(&|_| {});
    assert_recovered_quietly(role.case(), run::migrate(&request(), &watch), &watch);
    role.limit(1);
    let validation = ValidationRequest {
        target: TargetUrl::parse(&role.url).unwrap(),
        settings: DbSettings::default(),
        migrations: &role.case().migrations,
        options: CompareOptions::default(),
        purpose: Purpose::Proof,
        integrity_check: false,
    };
    let words = chain(&run::validate(&validation, &Silent).map(|_| ()).unwrap_err());
    assert!(words.contains("need 2, and 1 is free"), "{words}");
}
