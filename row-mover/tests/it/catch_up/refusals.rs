//! What stops a catch-up: nothing is changed then, the words name the row and no other value, and what they advise works.

use super::{caught_up, counts, refused};
use crate::loud::loud_server;
use crate::support::{Case, sqlite};

const SOURCE: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id) ON DELETE CASCADE, kind TEXT CHECK (kind <> 'canary'));
    INSERT INTO parents VALUES (1, 'a'), (2, 'b');
    INSERT INTO children VALUES (1, 1, 'x'), (2, 2, 'y');";

#[test]
fn a_row_that_postgresql_refuses_is_named_and_nothing_is_changed() {
    let case = Case::new(SOURCE);
    case.moved();
    for (what, sql, repair, words) in [
        (
            "an orphan",
            "INSERT INTO children VALUES (7, 4711, 'x')",
            "DELETE FROM children WHERE id = 7",
            "table children: the row with the key id=7 was refused",
        ),
        (
            "a parent that goes without its child",
            "DELETE FROM parents WHERE id = 2",
            "INSERT INTO parents VALUES (2, 'b')",
            "foreign key children_parent_fkey of public.children: rows of the source break it",
        ),
        (
            "a row that breaks a CHECK",
            "PRAGMA ignore_check_constraints = ON; INSERT INTO children VALUES (8, 1, 'fine'), (9, 1, 'canary')",
            "DELETE FROM children WHERE id > 7",
            "table children: the row with the key id=9 was refused",
        ),
    ] {
        let words_there = refused(&case, sql);
        assert!(words_there.contains(words), "{what}: {words_there}");
        assert!(words_there.contains("RepairSourceAndCatchUp"), "{what}: {words_there}");
        assert!(!words_there.contains("4711") && !words_there.contains("canary'"), "{what}: {words_there}");
        assert_eq!(
            case.ask("SELECT (SELECT count(*) FROM parents), (SELECT count(*) FROM children)"),
            ["2|2"],
            "{what}"
        );
        sqlite(&case.source, repair);
    }
    // The copies of those that failed are gone.
    assert_eq!(case.backups().len(), 1);
    assert_eq!(
        counts(&caught_up(&case, "INSERT INTO children VALUES (3, 2, 'z')")),
        ["children +1 ~0 -0 !0"]
    );
}

#[test]
fn a_changed_schema_stops_with_what_has_changed() {
    let case = Case::new(SOURCE);
    case.moved();
    let words = refused(
        &case,
        "ALTER TABLE parents ADD COLUMN born TEXT; CREATE TABLE pets (id INTEGER PRIMARY KEY)",
    );
    assert!(words.contains("the schema of the SQLite file has changed since the last copy"), "{words}");
    assert!(words.contains("table pets is new") && words.contains("table parents was altered"), "{words}");
    assert!(words.contains("PlanAgainAndRestart"), "{words}");
}

#[test]
fn a_target_that_somebody_else_wrote_to_is_not_changed() {
    let case = Case::new(SOURCE);
    case.moved();
    case.execute("DELETE FROM children WHERE id = 1");
    let words = refused(&case, "UPDATE children SET kind = 'z' WHERE id = 1");
    assert!(words.contains("table children of the target lacks rows that were there"), "{words}");
}

#[test]
fn without_a_validated_migration_there_is_nothing_to_catch_up_with() {
    let case = Case::new(SOURCE);
    assert!(refused(&case, "").contains("holds no migration to catch up with"));
    case.moved();
    case.execute("DELETE FROM migration.phases WHERE phase = 'validate'");
    assert!(refused(&case, "").contains("is not validated"));
}

#[test]
fn once_sqlite_is_closed_nothing_is_caught_up() {
    let case = Case::new(SOURCE);
    case.moved();
    caught_up(&case, "INSERT INTO parents VALUES (3, 'c')");
    for event in [
        r#"{"event":"cutover_begun"}"#,
        r#"{"event":"target_complete","sha256":"00"}"#,
        r#"{"event":"source_closed","fence":null,"pause_ms":null}"#,
    ] {
        case.execute(&format!(
            "INSERT INTO migration.cutover_events (run_id, event, recorded_by) VALUES (1, '{event}', 'test')"
        ));
    }
    let words = refused(&case, "INSERT INTO parents VALUES (4, 'd')");
    assert!(
        words.contains("SQLite is closed since the cutover") && words.contains("CutoverBegun"),
        "{words}"
    );
}

/// Neither what is applied nor what is refused leaves a value or a key in the server's log.
#[test]
fn no_value_reaches_the_log_of_the_server() {
    const CANARIES: [&str; 2] = ["kanarienvogel", "7351246"];
    let server = loud_server();
    let case = Case::mapped_on(
        server.database(),
        "CREATE TABLE parents (k TEXT PRIMARY KEY, v TEXT UNIQUE CHECK (length(v) < 40), n INTEGER NOT NULL UNIQUE);
         CREATE TABLE children (id INTEGER PRIMARY KEY, k TEXT REFERENCES parents (k) ON DELETE CASCADE);
         CREATE TABLE heap (v TEXT, n INTEGER);
         INSERT INTO parents VALUES ('kanarienvogel-1', 'kanarienvogel-a', 7351246), ('kanarienvogel-2', 'kanarienvogel-b', 73512461);
         INSERT INTO children VALUES (7351246, 'kanarienvogel-1'); INSERT INTO heap VALUES ('kanarienvogel', 7351246)",
        "",
    );
    case.moved();
    // Every statement that changes rows, from here on. The numbers of chunks and sequences, which a server logs that logs everything, are
    // those of keys.
    case.execute(&format!("ALTER DATABASE {} SET log_statement = 'mod'", case.database.name()));
    caught_up(
        &case,
        "UPDATE parents SET n = n + 10; UPDATE parents SET n = n - 9; UPDATE parents SET v = v || 'x'; DELETE FROM heap; \
         INSERT INTO heap VALUES ('kanarienvogel-2', 7351246); INSERT INTO children VALUES (73512463, 'kanarienvogel-2')",
    );
    for (sql, repair) in [
        (
            "INSERT INTO children VALUES (73512464, 'kanarienvogel-3')",
            "DELETE FROM children WHERE k LIKE '%-3'",
        ),
        (
            "DELETE FROM parents WHERE k = 'kanarienvogel-1'",
            "INSERT INTO parents VALUES ('kanarienvogel-1', 'kanarienvogel-ax', 7351247)",
        ),
        (
            "PRAGMA ignore_check_constraints = ON; INSERT INTO parents VALUES ('kanarienvogel-4', 'kanarienvogel-that-is-longer-than-the-check-allows', 1)",
            "DELETE FROM parents WHERE n = 1",
        ),
    ] {
        refused(&case, sql);
        sqlite(&case.source, repair);
    }
    let log = server.log();
    for line in log.lines() {
        assert!(CANARIES.iter().all(|canary| !line.contains(canary)), "{line}");
    }
    assert!(log.contains("migration_added_"), "statements are logged");
}

#[test]
fn a_damaged_copy_is_no_base() {
    let case = Case::new(SOURCE);
    let moved = case.moved();
    std::fs::remove_file(&moved.seal.path).unwrap();
    assert!(refused(&case, "DELETE FROM children").contains("is gone"));
}
