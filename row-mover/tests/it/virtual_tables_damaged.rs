//! Virtual tables whose index is damaged or out of step with its rows: no reason to refuse a file, and a reason to say so.

use row_mover::run::{self, Outcome, Request, Silent};
use row_mover::source::integrity_check::IntegrityState;

use crate::support::{Case, plan, sqlite};

/// Each virtual table, a statement that damages it, and what of it moves: its rows, and not those that were damaged.
struct Damaged {
    name: &'static str,
    schema: &'static str,
    damage: &'static str,
    /// What PostgreSQL then has.
    query: &'static str,
    rows: &'static [&'static str],
}

const FILES: &[Damaged] = &[
    Damaged {
        name: "fts4, a row that the index does not know",
        schema: "CREATE VIRTUAL TABLE docs USING fts4 (title, body); INSERT INTO docs VALUES ('one', 'some words'), ('two', 'more words');",
        damage: "UPDATE docs_content SET c1body = 'other words' WHERE docid = 2",
        query: "SELECT title, body FROM docs ORDER BY title",
        rows: &["one|some words", "two|other words"],
    },
    Damaged {
        name: "fts4, no index",
        schema: "CREATE VIRTUAL TABLE docs USING fts4 (title, body); INSERT INTO docs VALUES ('one', 'some words'), ('two', 'more words');",
        damage: "DELETE FROM docs_segdir",
        query: "SELECT title, body FROM docs ORDER BY title",
        rows: &["one|some words", "two|more words"],
    },
    Damaged {
        name: "fts3, a broken root",
        schema: "CREATE VIRTUAL TABLE docs USING fts3 (title, body); INSERT INTO docs VALUES ('one', 'some words'), ('two', 'more words');",
        damage: "UPDATE docs_segdir SET root = x'00ffffffff'",
        query: "SELECT title, body FROM docs ORDER BY title",
        rows: &["one|some words", "two|more words"],
    },
    Damaged {
        name: "fts5, a row that the index does not know",
        schema: "CREATE VIRTUAL TABLE docs USING fts5 (title, body); INSERT INTO docs VALUES ('one', 'some words'), ('two', 'more words');",
        damage: "UPDATE docs_content SET c1 = 'other words' WHERE id = 2",
        query: "SELECT title, body FROM docs ORDER BY title",
        rows: &["one|some words", "two|other words"],
    },
    Damaged {
        name: "fts5, an index that is lost",
        schema: "CREATE VIRTUAL TABLE docs USING fts5 (title, body); INSERT INTO docs VALUES ('one', 'some words'), ('two', 'more words');",
        damage: "DELETE FROM docs_data WHERE id > 10",
        query: "SELECT title, body FROM docs ORDER BY title",
        rows: &["one|some words", "two|more words"],
    },
    Damaged {
        name: "fts5, a structure that is no structure",
        schema: "CREATE VIRTUAL TABLE docs USING fts5 (title, body); INSERT INTO docs VALUES ('one', 'some words'), ('two', 'more words');",
        damage: "UPDATE docs_data SET block = x'ffffffffffff' WHERE id = 10",
        // The module cannot read its table, and its rows move as the ordinary table that they are in.
        query: "SELECT count(*) FROM docs_content",
        rows: &["2"],
    },
    Damaged {
        name: "fts5 of another table's rows",
        schema: "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes VALUES (1, 'some words'), (2, 'more words');
                 CREATE VIRTUAL TABLE docs USING fts5 (body, content = 'notes', content_rowid = 'id');
                 INSERT INTO docs (docs) VALUES ('rebuild');",
        damage: "DELETE FROM docs_data WHERE id > 10",
        query: "SELECT id, body FROM notes ORDER BY id",
        rows: &["1|some words", "2|more words"],
    },
    Damaged {
        name: "rtree, a row without a place",
        schema: "CREATE VIRTUAL TABLE areas USING rtree (id, x0, x1); INSERT INTO areas VALUES (1, 0, 1), (2, 5, 6);",
        damage: "DELETE FROM areas_rowid WHERE rowid = 2",
        query: "SELECT id FROM areas ORDER BY id",
        rows: &["1", "2"],
    },
];

/// A sound table whose rows must move beside the damaged one.
const BESIDE: &str = "CREATE TABLE beside (id INTEGER PRIMARY KEY, v TEXT UNIQUE); INSERT INTO beside VALUES (1, 'a'), (2, 'b');";

#[test]
fn an_index_that_is_out_of_step_is_named_and_its_rows_move() {
    let mut wrong = Vec::new();
    for file in FILES {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, &format!("{BESIDE} {}", file.schema));
        sqlite(&source, file.damage);
        let checked = rusqlite::Connection::open(&source).unwrap();
        let first: String = checked.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_ne!(first, "ok", "{}", file.name);
        drop(checked);
        let plan = plan(&source, "");
        let case = Case::planned(dir, source, plan);
        let moved = match run::migrate(&Request { integrity_check: true, ..case.request() }, &Silent) {
            Ok(Outcome::Moved(moved)) => moved,
            other => {
                wrong.push(format!("{}: {first}: {other:?}", file.name));
                continue;
            }
        };
        let integrity = moved.validation.integrity.clone().unwrap();
        let is_named = integrity
            .left_out
            .iter()
            .any(|left| left.contains("virtual table") && left.contains("out of step"));
        let is_sound = moved.validation.integrity_state() == IntegrityState::Sound;
        if !moved.validation.is_proven() || !is_sound || !is_named {
            wrong.push(format!("{}: {first}: {:?}", file.name, moved.validation));
        }
        assert_eq!(case.ask(file.query), file.rows, "{}", file.name);
        assert_eq!(case.ask("SELECT count(*) FROM beside"), ["2"]);
        let again = case.validated(false).1.integrity.unwrap();
        assert_eq!(
            (again.problems, again.left_out),
            (integrity.problems, integrity.left_out),
            "{}",
            file.name
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
