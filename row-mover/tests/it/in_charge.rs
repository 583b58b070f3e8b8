//! What a cutover protects: no other command removes or replaces tables that take the app's writes, or keeps a cutover from going on.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use migrate_core::cutover::{Event, Fence, RollbackStep, SourceState};
use migrate_core::phase::Phase;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::catch_up::{CatchUpRequest, catch_up};
use row_mover::cutover::{Cutover, CutoverRequest, Frozen};
use row_mover::fence::{self, FenceId, MarkUse, WriteLock};
use row_mover::ledger;
use row_mover::observer::Silent;
use row_mover::rollback::{Author, OfflineRequest, Opened, Rollback, RollbackRequest, open_source_offline};
use row_mover::run::{self, Request, UndoRequest};

use crate::rollback::{SOURCE, cut_over_with_fence, execute_until, request};
use crate::support::{Case, chain, sqlite};

fn cutover_request(case: &Case) -> CutoverRequest {
    CutoverRequest {
        target: TargetUrl::parse(case.database.url()).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        backup_dir: case.backup_dir(),
        rejects_dir: case.source.with_file_name("rejects"),
        mark_use: MarkUse::WhereNeeded,
        pause_max: Duration::from_secs(30),
        lock_wait_max: Duration::from_secs(5),
        author: Author { name: "test@host".to_owned(), note: None },
    }
}

fn undo(case: &Case) -> row_mover::Result<Option<run::Undone>> {
    let request = UndoRequest {
        target: TargetUrl::parse(case.database.url()).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        workers: 2,
        discard: true,
        dry_run: false,
    };
    run::undo(&request, &Silent)
}

fn events(case: &Case) -> usize {
    let mut session = case.session();
    let run = ledger::last_run(&mut session).unwrap().unwrap();
    ledger::cutover_events(&mut session, run.id).unwrap().len()
}

#[test]
fn tables_that_take_writes_are_neither_dropped_nor_replaced() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over_with_fence(&case);
    let restart = || Request { restart: true, discard: true, ..case.request() };
    // Also before the app has written anything.
    for written in ["SELECT 1", "INSERT INTO t VALUES (100, 'of the app')"] {
        case.execute(written);
        for refused in
            [run::migrate(&restart(), &Silent).map(drop), run::dry_run(&restart(), &Silent).map(drop)]
        {
            let words = chain(&refused.unwrap_err());
            assert!(words.contains("was cut over"), "{words}");
        }
    }
    // A run that is not validated could be undone.
    case.execute("DELETE FROM migration.phases WHERE phase = 'validate'");
    let words = chain(&undo(&case).unwrap_err());
    assert!(words.contains("was cut over"), "{words}");
    assert_eq!(case.ask("SELECT v FROM t WHERE id = 100"), ["of the app"]);
}

#[test]
fn no_other_migration_begins_in_the_middle_of_a_rollback() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over_with_fence(&case);
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    // Archived: the database looks empty, and SQLite is still closed.
    execute_until(&mut rollback, Some(RollbackStep::OpenSource));
    drop(rollback);
    let words = chain(&run::migrate(&case.request(), &Silent).unwrap_err());
    assert!(words.contains("is being rolled back"), "{words}");
    execute_until(&mut Rollback::open(&request, &Silent).unwrap(), None);
    case.moved();
}

#[test]
fn a_validation_after_the_cutover_does_not_keep_it_from_going_on() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over_with_fence(&case);
    case.execute("INSERT INTO t VALUES (100, 'of the app')");
    let (_, validation) = case.validated(false);
    assert!(!validation.is_proven());
    let run = ledger::last_run(&mut case.session()).unwrap().unwrap();
    assert!(run.state.done.contains(&Phase::Validate));
    let cutover = cutover_request(&case);
    Cutover::open(&cutover, &Silent).unwrap().next_step().unwrap();
}

#[test]
fn an_event_that_cannot_follow_is_not_recorded() {
    let case = Case::new(SOURCE);
    case.moved();
    let request = cutover_request(&case);
    let mut cutover = Cutover::open(&request, &Silent).unwrap();
    cutover.record(Event::CutoverBegun).unwrap();
    cutover.record(Event::CutoverFinished).unwrap_err();
    drop(cutover);
    assert_eq!(events(&case), 1);
    let frozen = Cutover::open(&request, &Silent).unwrap().freeze().unwrap();
    assert!(matches!(frozen, Frozen::Closed(_)), "{frozen:?}");
    let request = crate::rollback::request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    let before = events(&case);
    rollback.finish().unwrap_err();
    assert_eq!(events(&case), before);
    execute_until(&mut rollback, None);
}

#[test]
fn a_catch_up_after_a_fence_that_is_not_recorded_says_so() {
    let case = Case::new(SOURCE);
    case.moved();
    let request = cutover_request(&case);
    let mut cutover = Cutover::open(&request, &Silent).unwrap();
    cutover.record(Event::CutoverBegun).unwrap();
    cutover.freeze().unwrap();
    drop(cutover);
    // Killed between the fence and its event.
    case.execute("DELETE FROM migration.cutover_events WHERE event LIKE '%source_closed%'");
    let catch_ups = CatchUpRequest {
        target: request.target.clone(),
        settings: request.settings,
        backup_dir: request.backup_dir.clone(),
        rejects_dir: request.rejects_dir.clone(),
        dry_run: false,
        replace_equal_copy: false,
    };
    let error = catch_up(&catch_ups, &Silent).unwrap_err();
    let words = chain(&error);
    assert!(words.contains("closed by the fence of a cutover") && words.contains("CutoverBegun"), "{words}");
}

#[test]
fn a_note_that_the_file_was_opened_does_not_count_once_it_is_closed_again() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over_with_fence(&case);
    let run = ledger::last_run(&mut case.session()).unwrap().unwrap();
    let offline = OfflineRequest {
        sqlite: case.source.clone(),
        backup_dir: case.backup_dir(),
        sealed_copy: None,
        restore_copy: false,
        accept_damaged_indexes: false,
        dry_run: false,
        author: Author::default(),
    };
    open_source_offline(&offline, &Silent).unwrap();
    let id = FenceId::of(&run.seal.sha256);
    let lock = WriteLock::acquire(&case.source, Duration::from_secs(5)).unwrap().unwrap();
    assert_eq!(lock.put_up(&id, MarkUse::WhereNeeded).unwrap(), Fence::Triggers);
    assert!(lock.commit(Instant::now() + Duration::from_secs(5)).unwrap());
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    execute_until(&mut rollback, Some(RollbackStep::OpenSource));
    assert_eq!(rollback.open_source().unwrap(), Opened::Proved);
    assert_eq!(fence::detect(&case.source, Some(&id)).unwrap(), SourceState::Open);
    sqlite(&case.source, "INSERT INTO t VALUES (7, 'accepted')");
}

#[test]
fn a_file_that_another_one_has_replaced_is_not_fenced() {
    let case = Case::new(SOURCE);
    case.moved();
    let request = cutover_request(&case);
    let other = case.source.with_file_name("other.db");
    std::fs::copy(&case.source, &other).unwrap();
    let replaces = Replaces { other: other.clone(), source: case.source.clone() };
    let mut cutover = Cutover::open(&request, &replaces).unwrap();
    cutover.record(Event::CutoverBegun).unwrap();
    let words = chain(&cutover.freeze().unwrap_err());
    assert!(words.contains("another file took its place"), "{words}");
    drop(cutover);
    assert!(!other.exists(), "it was put in the place");
    assert_eq!(fence::detect(&case.source, None).unwrap(), SourceState::Open);
    assert_eq!(events(&case), 1, "PostgreSQL is as it was");
}

/// Puts a backup of the app's file in its place while it is frozen.
struct Replaces {
    other: PathBuf,
    source: PathBuf,
}

impl row_mover::observer::Watch for Replaces {
    fn is_stopped(&self) -> bool {
        // Only the first call finds it.
        let _ = std::fs::rename(&self.other, &self.source);
        false
    }
}

impl row_mover::observer::Observer for Replaces {}

#[test]
fn a_role_without_ownership_is_refused_before_anything_changes() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over_with_fence(&case);
    let url = case.database.url();
    let role = format!("rollback_{}", std::process::id());
    case.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA migration, public TO {role}; \
         GRANT ALL ON ALL TABLES IN SCHEMA migration, public TO {role}"
    ));
    let before = case.ask("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal");
    let request = RollbackRequest { target: as_role(url, &role), ..request(&case) };
    let outcome = Rollback::open(&request, &Silent).map(|mut rollback| rollback.check_rights());
    let words = chain(&outcome.unwrap().unwrap_err());
    let after = case.ask("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal");
    case.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    assert!(words.contains("does not own") || words.contains("may not rename"), "{words}");
    assert_eq!((after, events(&case)), (before, 5));
}

fn as_role(url: &str, role: &str) -> TargetUrl {
    let (scheme, rest) = url.split_once("://").unwrap();
    let host = rest.split_once('@').map_or(rest, |(_, host)| host);
    TargetUrl::parse(&format!("{scheme}://{role}:p@{host}")).unwrap()
}

#[test]
fn what_a_step_relies_on_is_on_the_disk_when_it_is_committed() {
    let case = Case::new(SOURCE);
    case.moved();
    // A ledger that says how durable the commit of each of its entries is.
    case.execute(
        "CREATE TABLE migration.durable (entry text, setting text); \
         CREATE FUNCTION migration.note_durable() RETURNS trigger LANGUAGE plpgsql AS \
         $$BEGIN INSERT INTO migration.durable VALUES (TG_TABLE_NAME, current_setting('synchronous_commit')); RETURN NULL; END$$; \
         CREATE TRIGGER noted AFTER INSERT ON migration.catch_ups FOR EACH ROW EXECUTE FUNCTION migration.note_durable(); \
         CREATE TRIGGER noted AFTER INSERT ON migration.cutover_events FOR EACH ROW EXECUTE FUNCTION migration.note_durable()",
    );
    let request = cutover_request(&case);
    let catch_ups = CatchUpRequest {
        target: request.target.clone(),
        settings: request.settings,
        backup_dir: request.backup_dir.clone(),
        rejects_dir: request.rejects_dir.clone(),
        dry_run: false,
        replace_equal_copy: false,
    };
    sqlite(&case.source, "INSERT INTO t VALUES (7, 'later')");
    catch_up(&catch_ups, &Silent).unwrap();
    let mut cutover = Cutover::open(&request, &Silent).unwrap();
    cutover.record(Event::CutoverBegun).unwrap();
    cutover.freeze().unwrap();
    drop(cutover);
    let request = crate::rollback::request(&case);
    execute_until(&mut Rollback::open(&request, &Silent).unwrap(), None);
    assert_eq!(
        case.ask("SELECT DISTINCT entry, setting FROM migration.durable ORDER BY 1"),
        ["catch_ups|on", "cutover_events|on"]
    );
}
