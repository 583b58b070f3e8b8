//! The fence on files in both journal modes: what it refuses, what still works, and that it is taken down exactly.

use std::path::Path;
use std::time::{Duration, Instant};

use migrate_core::cutover::{Fence, SourceState};
use row_mover::fence::{self, FenceId, MarkUse, WriteLock};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};

const MODES: [&str; 2] = ["wal", "delete"];

/// Ordinary tables of every kind, without anything that needs the mark.
const TABLES: &str = "
    CREATE TABLE parent (id INTEGER PRIMARY KEY, v TEXT UNIQUE);
    CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES parent ON DELETE CASCADE);
    CREATE TABLE \"odd \"\"name\" (k TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE strict_one (k INTEGER PRIMARY KEY, n INT) STRICT;
    CREATE TABLE computed (a INT, b INT GENERATED ALWAYS AS (a * 2) STORED);
    CREATE VIEW seen AS SELECT * FROM parent;
    CREATE TRIGGER through INSTEAD OF INSERT ON seen BEGIN INSERT INTO parent (v) VALUES (NEW.v); END;
    CREATE TRIGGER moved_to_postgresql_of_the_app AFTER INSERT ON child BEGIN SELECT 1; END;
    INSERT INTO parent VALUES (1, 'a'), (2, 'b'); INSERT INTO child (parent) VALUES (1);
    INSERT INTO \"odd \"\"name\" VALUES ('x'); INSERT INTO strict_one VALUES (1, 1); INSERT INTO computed (a) VALUES (1);";

/// Virtual tables and a table that looks like the storage of one.
const SEARCH: &str = "
    CREATE VIRTUAL TABLE docs USING fts5(body); INSERT INTO docs VALUES ('hello');
    CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1); INSERT INTO boxes VALUES (1, 0, 1);
    CREATE TABLE docs_extra (v);";

/// Every way to write rows that triggers refuse.
const WRITES: [&str; 18] = [
    "INSERT INTO parent VALUES (3, 'c')",
    "INSERT OR REPLACE INTO parent VALUES (1, 'c')",
    "REPLACE INTO parent VALUES (1, 'c')",
    "INSERT OR IGNORE INTO parent VALUES (3, 'c')",
    "INSERT OR FAIL INTO parent VALUES (3, 'c')",
    "INSERT OR ROLLBACK INTO parent VALUES (3, 'c')",
    "INSERT INTO parent VALUES (1, 'c') ON CONFLICT (id) DO UPDATE SET v = 'c'",
    "INSERT INTO parent VALUES (1, 'c') ON CONFLICT DO NOTHING",
    "UPDATE parent SET v = v",
    "UPDATE OR REPLACE parent SET v = 'b' WHERE id = 1",
    "DELETE FROM parent",
    "DELETE FROM parent WHERE id = 1",
    "INSERT INTO seen (v) VALUES ('c')",
    "INSERT INTO child (parent) VALUES (2)",
    "INSERT INTO \"odd \"\"name\" VALUES ('y')",
    "UPDATE strict_one SET n = 2",
    "INSERT INTO computed (a) VALUES (2)",
    "INSERT INTO parent SELECT id + 10, v || 'x' FROM parent",
];

/// What only the mark refuses.
const PAST_TRIGGERS: [&str; 8] = [
    "INSERT INTO docs VALUES ('x')",
    "DELETE FROM docs",
    "INSERT INTO boxes VALUES (2, 0, 1)",
    "INSERT INTO docs_extra VALUES (1)",
    "CREATE TABLE t2 (a)",
    "DROP TABLE child",
    "ALTER TABLE child RENAME TO c2",
    "PRAGMA user_version = 7",
];

struct File {
    dir: tempfile::TempDir,
    app: Connection,
}

impl File {
    fn new(mode: &str, sql: &str) -> File {
        let dir = tempfile::tempdir().unwrap();
        let app = Connection::open(dir.path().join("app.db")).unwrap();
        app.execute_batch(&format!("PRAGMA journal_mode = {mode}; PRAGMA foreign_keys = ON; {sql}")).unwrap();
        app.busy_timeout(Duration::from_secs(5)).unwrap();
        File { dir, app }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("app.db")
    }

    fn close(&self, mark_use: MarkUse) -> Fence {
        let lock = WriteLock::acquire(&self.path(), Duration::from_secs(1)).unwrap().unwrap();
        let fence = lock.put_up(&id(), mark_use).unwrap();
        assert!(lock.commit(Instant::now() + Duration::from_secs(1)).unwrap());
        fence
    }

    fn open(&self) {
        fence::open(&self.path(), &id(), &|_| Ok(())).unwrap();
    }

    fn state(&self) -> SourceState {
        fence::detect(&self.path(), Some(&id())).unwrap()
    }
}

fn id() -> FenceId {
    FenceId::of("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
}

/// The schema and all rows, through a connection of its own.
fn content(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let ask = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let values: Vec<_> = (0..columns).map(|i| format!("{:?}", row.get_ref(i).unwrap())).collect();
            Ok(values.join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    };
    let mut all = ask("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema ORDER BY name");
    for table in ["parent", "child", "\"odd \"\"name\"", "strict_one", "computed", "sqlite_sequence"] {
        all.extend(ask(&format!("SELECT * FROM {table} ORDER BY 1")));
    }
    all.extend(ask("PRAGMA integrity_check"));
    all.extend(ask("PRAGMA journal_mode"));
    all
}

#[test]
fn every_write_is_refused_and_the_fence_is_taken_down_exactly() {
    for mode in MODES {
        for mark_use in [MarkUse::WhereNeeded, MarkUse::Always] {
            let file = File::new(mode, TABLES);
            let before = content(&file.path());
            // Prepared before there is a fence.
            let mut prepared = file.app.prepare("INSERT INTO parent (v) VALUES ('prepared')").unwrap();
            let fence = file.close(mark_use);
            assert_eq!(file.state(), SourceState::Closed(fence));
            let message = match fence {
                Fence::Triggers => "moved to PostgreSQL",
                Fence::TriggersAndReadOnlyMark => "attempt to write a readonly database",
            };
            assert_eq!(prepared.execute([]).unwrap_err().to_string(), message, "{mode}");
            let later = Connection::open(file.path()).unwrap();
            for app in [&file.app, &later] {
                for sql in WRITES {
                    let refused = app.execute_batch(sql).map_err(|error| error.to_string());
                    assert!(
                        refused.as_ref().is_err_and(|words| words.starts_with(message)),
                        "{mode} {sql}: {refused:?}"
                    );
                }
                let rows: i64 = app.query_row("SELECT count(*) FROM seen", [], |row| row.get(0)).unwrap();
                assert_eq!(rows, 2);
            }
            drop((prepared, later));
            file.open();
            assert_eq!(file.state(), SourceState::Open);
            assert_eq!(content(&file.path()), before, "{mode}");
            Connection::open(file.path())
                .unwrap()
                .execute_batch("INSERT INTO parent VALUES (3, 'c')")
                .unwrap();
        }
    }
}

#[test]
fn the_mark_stops_what_passes_triggers_and_reads_go_on() {
    for mode in MODES {
        let file = File::new(mode, &format!("{TABLES}{SEARCH}"));
        let before = content(&file.path());
        assert_eq!(file.close(MarkUse::WhereNeeded), Fence::TriggersAndReadOnlyMark);
        let later = Connection::open(file.path()).unwrap();
        // As some drivers open a file: a trigger on a shadow table would make every read fail.
        later.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).unwrap();
        for app in [&file.app, &later] {
            for sql in PAST_TRIGGERS.iter().chain(&["VACUUM"]) {
                let code = app.execute_batch(sql).map_err(|error| error.sqlite_error_code());
                assert_eq!(code, Err(Some(ErrorCode::ReadOnly)), "{mode} {sql}");
            }
            let found = "SELECT count(*) FROM docs WHERE docs MATCH 'hello'";
            assert_eq!(app.query_row(found, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
        }
        drop(later);
        // A release that was killed after the mark leaves the triggers.
        file.open();
        assert_eq!(content(&file.path()), before, "{mode}");
        Connection::open(file.path()).unwrap().execute_batch("INSERT INTO docs VALUES ('x')").unwrap();
    }
}

#[test]
fn a_failed_verification_leaves_the_triggers_and_the_release_is_repeatable() {
    for mode in MODES {
        let file = File::new(mode, &format!("{TABLES}{SEARCH}"));
        let before = content(&file.path());
        file.close(MarkUse::WhereNeeded);
        let refused = fence::open(&file.path(), &id(), &|_| Err(row_mover::Error::new("not equal")));
        assert_eq!(refused.unwrap_err().to_string(), "not equal");
        assert_eq!(file.state(), SourceState::Closed(Fence::Triggers), "{mode}");
        for _ in 0..2 {
            file.open();
            assert_eq!(file.state(), SourceState::Open);
        }
        assert_eq!(content(&file.path()), before, "{mode}");
    }
}

#[test]
fn a_lock_that_is_dropped_leaves_nothing() {
    for mode in MODES {
        let file = File::new(mode, &format!("{TABLES}{SEARCH}"));
        let before = content(&file.path());
        let lock = WriteLock::acquire(&file.path(), Duration::from_secs(1)).unwrap().unwrap();
        assert!(WriteLock::acquire(&file.path(), Duration::from_millis(50)).unwrap().is_none());
        lock.put_up(&id(), MarkUse::Always).unwrap();
        drop(lock);
        assert_eq!(file.state(), SourceState::Open);
        assert_eq!(content(&file.path()), before, "{mode}");
    }
}

#[test]
fn a_reader_delays_the_fence_without_a_log_and_never_for_good() {
    let file = File::new("delete", TABLES);
    let reader = Connection::open(file.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM parent").unwrap();
    let lock = WriteLock::acquire(&file.path(), Duration::from_secs(1)).unwrap().unwrap();
    lock.put_up(&id(), MarkUse::WhereNeeded).unwrap();
    assert!(!lock.commit(Instant::now() + Duration::from_millis(100)).unwrap());
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(file.state(), SourceState::Open);
    assert_eq!(file.close(MarkUse::WhereNeeded), Fence::Triggers);
}

#[test]
fn the_fence_of_another_cutover_and_a_damaged_one_are_recognised() {
    let file = File::new("wal", TABLES);
    file.close(MarkUse::WhereNeeded);
    let other = FenceId::of("ffffffffffffffffffffffffffffffff");
    assert_eq!(fence::detect(&file.path(), Some(&other)).unwrap(), SourceState::OtherFence);
    assert_eq!(fence::detect(&file.path(), None).unwrap(), SourceState::OtherFence);
    let refused = fence::open(&file.path(), &other, &|_| Ok(())).unwrap_err();
    assert!(std::error::Error::source(&refused).unwrap().to_string().contains("another cutover"));
    // Without the mark, the app's migrations still run.
    file.app.execute_batch("CREATE TABLE late (a)").unwrap();
    assert_eq!(file.state(), SourceState::Damaged);
    assert_eq!(fence::detect(&file.dir.path().join("none.db"), Some(&id())).unwrap(), SourceState::Unknown);
    file.open();
    assert_eq!(file.state(), SourceState::Open);
}

#[test]
fn a_file_with_collations_of_the_app_is_verified_and_opened() {
    for mode in MODES {
        let file = File::new(mode, "");
        file.app.create_collation("of_the_app", |one, other| other.cmp(one)).unwrap();
        file.app
            .execute_batch(
                "CREATE TABLE words (k TEXT COLLATE of_the_app PRIMARY KEY, v) WITHOUT ROWID; \
                 CREATE TABLE others (k TEXT COLLATE of_the_app UNIQUE); \
                 INSERT INTO words VALUES ('a', 1), ('b', 2); INSERT INTO others VALUES ('a'), ('b')",
            )
            .unwrap();
        file.close(MarkUse::WhereNeeded);
        let verify = |connection: &Connection| {
            for table in ["words", "others"] {
                let sql = format!("SELECT count(k) FROM {table} NOT INDEXED");
                assert_eq!(connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
            }
            Ok(())
        };
        fence::open(&file.path(), &id(), &verify).unwrap();
        file.app.execute("INSERT INTO words VALUES ('c', 3)", []).unwrap();
    }
}
