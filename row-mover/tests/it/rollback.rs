//! A rollback: PostgreSQL is closed and archived, SQLite is proved to be the final copy, and a later migration begins afresh.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use migrate_core::cutover::{Archive, Event, Fence, Refusal, RollbackStep, Switch};
use postgres_client::{DbSettings, TargetUrl};
use row_mover::Error;
use row_mover::fence::{FenceId, MarkUse, WriteLock};
use row_mover::ledger;
use row_mover::observer::Silent;
use row_mover::rollback::{
    Author, Counted, OfflineRequest, Opened, Rollback, RollbackRequest, open_source_offline,
};
use row_mover::run::{self, Outcome};

use crate::support::{Case, chain, sqlite};

pub(crate) const SOURCE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'); \
    CREATE TABLE log (line TEXT); INSERT INTO log VALUES ('x'), ('x'), ('y');";

/// A cutover with a fence, and its events.
pub(crate) fn cut_over_with_fence(case: &Case) {
    let run = ledger::last_run(&mut case.session()).unwrap().unwrap();
    let lock = WriteLock::acquire(&case.source, Duration::from_secs(5)).unwrap().unwrap();
    let fence = lock.put_up(&FenceId::of(&run.seal.sha256), MarkUse::Always).unwrap();
    assert!(lock.commit(Instant::now() + Duration::from_secs(5)).unwrap());
    record_cutover(case, Some(fence));
}

/// A cutover of an app that was stopped, so that it needed no fence.
fn cut_over(case: &Case) {
    record_cutover(case, None);
}

fn record_cutover(case: &Case, fence: Option<Fence>) {
    let mut session = case.session();
    let run = ledger::last_run(&mut session).unwrap().unwrap();
    let switch = Switch::ByHand;
    for event in [
        Event::CutoverBegun,
        Event::TargetComplete { sha256: run.seal.sha256.clone() },
        Event::SourceClosed { fence, pause_ms: None },
        Event::AppSwitched { switch, share_percent: 100 },
        Event::CutoverFinished,
    ] {
        ledger::record_cutover_event(&mut session, run.id, &event, "test@host", None).unwrap();
    }
}

pub(crate) fn request(case: &Case) -> RollbackRequest {
    RollbackRequest {
        target: TargetUrl::parse(case.database.url()).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        workers: 2,
        sqlite: None,
        sealed_copy: None,
        restore_copy: false,
        accept_damaged_indexes: false,
        is_emergency: false,
        author: Author { name: "test@host".to_owned(), note: Some("a test".to_owned()) },
    }
}

/// Executes steps until the one of this name comes next, or all.
#[track_caller]
pub(crate) fn execute_until(rollback: &mut Rollback<'_>, end: Option<RollbackStep>) {
    loop {
        let step = rollback.next_step().unwrap().unwrap();
        if Some(step) == end || step == RollbackStep::Done {
            return;
        }
        let done = match step {
            RollbackStep::RecordClosed(fence) => rollback.record_closed(fence),
            RollbackStep::Begin => rollback.begin(0),
            RollbackStep::CloseTarget => rollback.close_target().map(drop),
            RollbackStep::Archive => rollback.archive().map(drop),
            RollbackStep::OpenSource => rollback.open_source().map(drop),
            RollbackStep::RecordOpened => rollback.record_opened().map(drop),
            RollbackStep::SwitchBack => rollback.record_switched_back(Switch::ByHand),
            RollbackStep::Finish => rollback.check_source().and_then(|()| rollback.finish()),
            RollbackStep::Done => Ok(()),
        };
        done.unwrap_or_else(|error: Error| panic!("{step:?}: {}", chain(&error)));
    }
}

#[track_caller]
fn refused_write(session: &mut postgres_client::Connection, sql: &str) {
    let error = session.query(sql, &[]).unwrap_err();
    assert_eq!(error.sqlstates(), ["25006"], "{sql}: {}", chain(&error));
}

#[test]
fn a_name_in_the_archive_that_is_taken_is_not_used() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over(&case);
    // As if another rollback had ended in each second of this one.
    case.execute(
        "DO $$ BEGIN FOR second IN 0..60 LOOP EXECUTE format('CREATE SCHEMA %I', 'public_until_' || to_char(\
         (now() + make_interval(secs => second)) AT TIME ZONE 'UTC', 'YYYYMMDD\"t\"HH24MISS\"z\"')); END LOOP; END $$",
    );
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    execute_until(&mut rollback, None);
    let archives = case.ask("SELECT table_schema FROM information_schema.tables WHERE table_name = 'log'");
    assert!(
        archives.len() == 1 && archives[0].starts_with("public_until_") && archives[0].ends_with("z_2"),
        "{archives:?}"
    );
}

#[test]
fn the_loss_is_exact() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over(&case);
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    assert_eq!(rollback.count_loss().unwrap().rows(), 0);
    case.execute(
        "UPDATE t SET v = 'z' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (9, 'n'), (10, 'n'); \
         INSERT INTO log VALUES ('x'); DELETE FROM log WHERE line = 'y'; CREATE TABLE extra (a int); INSERT INTO extra VALUES (1), (2)",
    );
    let loss = rollback.count_loss().unwrap();
    let by_table: Vec<(&str, Counted, [u64; 3])> = loss
        .tables
        .iter()
        .map(|table| (table.table.as_str(), table.counted, [table.inserted, table.changed, table.deleted]))
        .collect();
    assert_eq!(
        by_table,
        [
            ("log", Counted::Compared, [1, 0, 1]),
            ("t", Counted::Compared, [2, 1, 1]),
            ("public.extra", Counted::NewTable, [2, 0, 0])
        ]
    );
    assert_eq!(loss.rows(), 8);
    case.execute("ALTER TABLE t DROP COLUMN v");
    let loss = rollback.count_loss().unwrap();
    let table = loss.tables.iter().find(|table| table.table == "t").unwrap();
    assert_eq!((table.counted, table.inserted), (Counted::ColumnsChanged, 4));
}

#[test]
fn a_closed_database_refuses_the_owner_on_sessions_that_are_open() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over(&case);
    // The app is the owner of the tables, has a session open, and has prepared its statement.
    let mut app = case.session();
    app.script("PREPARE write AS INSERT INTO public.t VALUES ($1, 'app'); EXECUTE write (100)").unwrap();
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    let closed = rollback.close().unwrap();
    assert!(closed.tables >= 2, "{closed:?}");
    refused_write(&mut app, "EXECUTE write (101)");
    let words = case.diesel().batch_execute("DELETE FROM t").unwrap_err().to_string();
    assert_eq!(words, "closed by a rollback: SQLite is in charge");
    for write in [
        "UPDATE public.t SET v = 'z'",
        "DELETE FROM public.t",
        "TRUNCATE public.t",
        "INSERT INTO public.log VALUES ('z')",
        "INSERT INTO public.t VALUES (1, 'z') ON CONFLICT DO NOTHING",
        "MERGE INTO public.t USING (SELECT 1 AS id) AS s ON t.id = s.id WHEN MATCHED THEN DELETE",
    ] {
        refused_write(&mut app, write);
    }
    assert_eq!(case.ask("SELECT count(*) FROM t"), ["4"], "reads go on");
    // Twice is the same as once, and it can be undone.
    assert_eq!(rollback.close().unwrap().tables, closed.tables);
    rollback.reopen().unwrap();
    app.query("EXECUTE write (102)", &[]).unwrap();
    assert_eq!(case.ask("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), ["0"]);
}

#[test]
fn a_transaction_that_stays_open_is_ended() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over(&case);
    let mut app = case.session();
    app.script("BEGIN; INSERT INTO public.t VALUES (100, 'never committed')").unwrap();
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    assert_eq!(rollback.close().unwrap().ended_sessions, 1);
    assert!(app.script("COMMIT").is_err());
    assert_eq!(rollback.count_loss().unwrap().rows(), 0);
}

#[test]
fn after_a_rollback_a_migration_begins_afresh_and_the_history_stays() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over(&case);
    case.execute("INSERT INTO t VALUES (9, 'only in PostgreSQL')");
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    execute_until(&mut rollback, None);
    let archive = rollback.progress().unwrap().rollback().unwrap().archive.clone().unwrap();
    drop(rollback);
    let Archive::Schemas(schemas) = archive else { panic!("{archive:?}") };
    assert_eq!(
        case.ask(&format!("SELECT count(*) FROM {}.t", schemas[0])),
        ["4"],
        "the archive has all rows"
    );
    assert_eq!(case.ask("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), ["0"]);
    // Work goes on in SQLite, and later again in PostgreSQL.
    sqlite(&case.source, "INSERT INTO t VALUES (4, 'd')");
    let moved = case.moved();
    assert_eq!(moved.run, 2);
    assert_eq!(case.ask("SELECT count(*) FROM public.t"), ["4"]);
    assert!(case.validated(false).1.is_proven());
    case.moved_already();
    let first = ledger::cutover_events(&mut case.session(), 1).unwrap();
    assert_eq!(first.last().unwrap().event, Event::RollbackFinished);
    assert_eq!(first.last().unwrap().note.as_deref(), Some("a test"));
    // Nor does starting over forget it.
    let again = run::migrate(&run::Request { restart: true, ..case.request() }, &Silent);
    assert!(matches!(again, Ok(Outcome::Moved(_))), "{again:?}");
    assert_eq!(ledger::cutover_events(&mut case.session(), 1).unwrap(), first);
    assert_eq!(case.ask("SELECT id FROM migration.runs ORDER BY id"), ["1", "3"]);
    // A second cutover and rollback are possible, too.
    cut_over(&case);
    execute_until(&mut Rollback::open(&request, &Silent).unwrap(), None);
}

#[test]
fn each_step_is_continued_by_a_new_process() {
    for end in [
        RollbackStep::CloseTarget,
        RollbackStep::Archive,
        RollbackStep::OpenSource,
        RollbackStep::SwitchBack,
        RollbackStep::Finish,
    ] {
        let case = Case::new(SOURCE);
        case.moved();
        cut_over(&case);
        let request = request(&case);
        execute_until(&mut Rollback::open(&request, &Silent).unwrap(), Some(end));
        let mut rollback = Rollback::open(&request, &Silent).unwrap();
        assert_eq!(rollback.next_step().unwrap(), Ok(end));
        execute_until(&mut rollback, None);
        assert_eq!(rollback.events().last().unwrap().event, Event::RollbackFinished);
    }
}

#[test]
fn what_cannot_be_rolled_back_is_refused() {
    let case = Case::new(SOURCE);
    let request = request(&case);
    let words = chain(&Rollback::open(&request, &Silent).err().unwrap());
    assert!(words.contains("holds no migration"), "{words}");
    case.moved();
    let step = || Rollback::open(&request, &Silent).unwrap().next_step().unwrap();
    assert_eq!(step(), Err(Refusal::NothingToRollBack));
    cut_over(&case);
    assert_eq!(step(), Ok(RollbackStep::Begin));
    let run = ledger::last_run(&mut case.session()).unwrap().unwrap().id;
    let event = Event::CleanupFinished { archive: "a.zst".into(), sha256: "0".repeat(64) };
    ledger::record_cutover_event(&mut case.session(), run, &event, "test@host", None).unwrap();
    assert_eq!(step(), Err(Refusal::CleanedUp));
}

#[test]
fn a_file_that_differs_is_replaced_only_when_asked_for_and_is_kept() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over(&case);
    sqlite(&case.source, "UPDATE t SET v = 'written behind our back' WHERE id = 1");
    let plain = request(&case);
    let mut rollback = Rollback::open(&plain, &Silent).unwrap();
    execute_until(&mut rollback, Some(RollbackStep::OpenSource));
    let words = chain(&rollback.open_source().unwrap_err());
    assert!(words.contains("rows of table t differ") && words.contains("RestoreCopy"), "{words}");
    drop(rollback);
    let restoring = RollbackRequest { restore_copy: true, ..request(&case) };
    let mut rollback = Rollback::open(&restoring, &Silent).unwrap();
    let Opened::Restored(restored) = rollback.open_source().unwrap() else { panic!("not restored") };
    assert_eq!(value(&case.source), "a");
    assert_eq!(value(&restored.kept.unwrap()), "written behind our back");
    execute_until(&mut rollback, None);
}

fn value(path: &Path) -> String {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("SELECT v FROM t WHERE id = 1", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_copy_that_was_changed_is_refused_before_anything_changes() {
    let case = Case::new(SOURCE);
    let moved = case.moved();
    cut_over(&case);
    let damaged = case.dir.path().join("damaged.db");
    let mut bytes = fs::read(&moved.seal.path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    for path in [damaged, case.dir.path().join("missing.db")] {
        let request = RollbackRequest { sealed_copy: Some(path), ..request(&case) };
        let words = chain(&Rollback::open(&request, &Silent).unwrap().verify_copy().unwrap_err());
        assert!(words.contains("NameCopyOfRollback"), "{words}");
    }
    Rollback::open(&request(&case), &Silent).unwrap().verify_copy().unwrap();
}

#[test]
fn without_postgresql_the_app_gets_its_file_back_and_the_rest_follows() {
    let case = Case::new(SOURCE);
    case.moved();
    cut_over(&case);
    let offline = |dry_run| OfflineRequest {
        sqlite: case.source.clone(),
        backup_dir: case.backup_dir(),
        sealed_copy: None,
        restore_copy: false,
        accept_damaged_indexes: false,
        dry_run,
        author: Author { name: "test@host".to_owned(), note: None },
    };
    assert_eq!(open_source_offline(&offline(true), &Silent).unwrap().opened, None);
    assert_eq!(open_source_offline(&offline(false), &Silent).unwrap().opened, Some(Opened::Proved));
    // The app works in SQLite, and the command is given once more.
    sqlite(&case.source, "INSERT INTO t VALUES (4, 'd')");
    assert_eq!(open_source_offline(&offline(false), &Silent).unwrap().opened, Some(Opened::Earlier));
    // PostgreSQL is back: what the app has written since stays.
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    execute_until(&mut rollback, None);
    drop(rollback);
    sqlite(&case.source, "INSERT INTO t VALUES (5, 'e')");
    assert_eq!(case.moved().run, 2);
    assert_eq!(case.ask("SELECT count(*) FROM t"), ["5"]);
}

#[test]
fn privileges_and_extensions_of_the_default_schema_are_kept() {
    let case = Case::new(SOURCE);
    case.execute("CREATE EXTENSION citext SCHEMA public; GRANT CREATE ON SCHEMA public TO pg_monitor WITH GRANT OPTION");
    case.moved();
    cut_over(&case);
    let acl = "SELECT nspowner::regrole, array(SELECT unnest(nspacl)::text ORDER BY 1) FROM pg_namespace WHERE nspname = 'public'";
    let before = case.ask(acl);
    let request = request(&case);
    execute_until(&mut Rollback::open(&request, &Silent).unwrap(), None);
    assert_eq!(case.ask(acl), before);
    assert_eq!(
        case.ask("SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'citext'"),
        ["public"]
    );
}

#[test]
fn the_export_has_each_row_that_is_lost() {
    let case = Case::mapped(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, at TEXT, data BLOB, amount REAL, ok BOOLEAN); \
         INSERT INTO t VALUES (1, 'a', '2026-01-01T00:00:00Z', x'00ff', 1.5, 1), (2, 'b', NULL, NULL, NULL, 0), (3, 'c', NULL, NULL, NULL, 0); \
         CREATE TABLE log (line TEXT); INSERT INTO log VALUES ('x'), ('x'), ('y'); \
         CREATE TABLE pair (a TEXT, b INT, v TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO pair VALUES ('k', 1, 'old'), ('k', 2, 'gone')",
        "",
    );
    case.moved();
    cut_over(&case);
    case.execute(
        "UPDATE t SET v = E'line\nbreak \"quoted\"' WHERE id = 1; DELETE FROM t WHERE id = 2; ALTER TABLE t ADD COLUMN extra jsonb; \
         INSERT INTO t (id, v, extra) VALUES (9, repeat('é', 1500000), '{\"a\": 1}'); INSERT INTO log VALUES ('x'), (NULL); \
         UPDATE pair SET v = 'new' WHERE b = 1; DELETE FROM pair WHERE b = 2; CREATE TABLE extra (a int); INSERT INTO extra VALUES (5)",
    );
    let request = request(&case);
    let mut rollback = Rollback::open(&request, &Silent).unwrap();
    let loss = rollback.count_loss().unwrap();
    let path = case.dir.path().join("lost.jsonl");
    fs::write(&path, "an earlier one").unwrap();
    assert_eq!(rollback.export(&path, &loss).unwrap(), loss.rows());
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    let mut rows: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let long = rows.iter_mut().find(|row| row["key"]["id"] == 9).unwrap();
    assert_eq!(long["postgresql"]["v"].as_str().unwrap(), "é".repeat(1_500_000));
    long["postgresql"]["v"] = "é, 1500000 times".into();
    rows.sort_by_key(|row| row.to_string());
    let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("rollback_export", lines.join("\n"));
    let names: Vec<String> = fs::read_dir(case.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("lost"))
        .collect();
    assert_eq!(names, ["lost.jsonl"]);
}
