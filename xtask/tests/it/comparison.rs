//! `validate --sqlite`: a target that any tool may have filled is compared with a file; what differs is named, and what is printed
//! repairs the structure.

use std::fs;

use rusqlite::Connection;
use serde_json::Value;
use test_database::TestDatabase;

use crate::place::{Output, Place, output};
use crate::server::{everything, execute};

const SOURCE: &str = "CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE Book (id INTEGER PRIMARY KEY AUTOINCREMENT, author_id INTEGER NOT NULL REFERENCES author ON DELETE CASCADE,
        title TEXT NOT NULL DEFAULT '', price REAL CHECK (price >= 0), pages INTEGER, made_at DATETIME DEFAULT CURRENT_TIMESTAMP);
    CREATE INDEX by_author ON Book (author_id, title);
    INSERT INTO author VALUES (1, 'Ada'), (2, 'Émile'), (3, 'Third');
    INSERT INTO Book (author_id, title, price, pages, made_at) VALUES (1, 'One', 0.1, 10, '2024-01-02 03:04:05'), (2, 'Two', 2.5, NULL, NULL);
    INSERT INTO Book (author_id, title) VALUES (1, 'deleted'); DELETE FROM Book WHERE title = 'deleted';";

const TARGET: &str = "CREATE TABLE author (id bigserial PRIMARY KEY, name text);
    INSERT INTO author VALUES (1, 'Ada'), (2, 'Émile'), (4, 'Fourth'); SELECT setval('author_id_seq', 4);
    CREATE TABLE book (id bigserial PRIMARY KEY, author_id bigint REFERENCES author, title text, price real, pages integer,
        made_at timestamptz DEFAULT now(), note text);
    INSERT INTO book VALUES (1, 1, 'One', 0.1, 10, '2024-01-02 03:04:05Z'), (2, 2, 'Two', 2.5, NULL, NULL); SELECT setval('book_id_seq', 2);";

fn place() -> (Place, TestDatabase) {
    let place = Place::new();
    Connection::open(place.path().join("shop.db")).unwrap().execute_batch(SOURCE).unwrap();
    let database = TestDatabase::create();
    execute(&database, TARGET);
    (place, database)
}

#[track_caller]
fn validate(place: &Place, database: &TestDatabase, more: &[&str]) -> Output {
    let arguments = ["validate", "--sqlite", "shop.db", "--postgres", database.url(), "--quiet"];
    place.run(arguments.iter().chain(more))
}

fn without_hash(text: &str) -> String {
    let Some((before, rest)) = text.split_once("SHA-256 ") else { return text.to_owned() };
    let hash: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    format!("{before}SHA-256 {rest}").replace(&hash, "[HASH]")
}

#[test]
fn what_differs_is_named_and_the_printed_statements_repair_the_structure() {
    let (place, database) = place();
    let before = everything(&database);
    let found = validate(&place, &database, &["--no-report"]).expect(1);
    place.snapshot("comparison-screen", &without_hash(&found.screen()));
    assert_eq!(everything(&database), before, "something was written to the target");
    let json: Value = validate(&place, &database, &["--json", "--no-report"]).expect(1).json();
    let statements = json["result"]["structure"]["repair_sql"].as_array().unwrap();
    let statements: Vec<&str> = statements.iter().map(|sql| sql.as_str().unwrap()).collect();
    let indented = statements.iter().map(|sql| format!("  {sql}\n")).collect::<String>();
    assert!(found.stdout.contains(&indented), "{}", found.stdout);
    execute(&database, &statements.join("\n"));
    let json: Value = validate(&place, &database, &["--json", "--no-report"]).expect(1).json();
    assert_eq!(json["result"]["structure"]["equal"], true, "{json:#}");
    execute(
        &database,
        "DELETE FROM author WHERE id = 4; INSERT INTO author VALUES (3, 'Third'); UPDATE book SET price = 0.1 WHERE id = 1",
    );
    let equal = validate(&place, &database, &["--no-report"]).expect(0);
    place.snapshot("comparison-equal", &without_hash(&equal.screen()));
}

#[test]
fn the_report_has_each_form() {
    let (place, database) = place();
    let found = validate(&place, &database, &["--junit", "result.xml", "--github"]).expect(1);
    let folder = fs::read_dir(place.path().join("reports")).unwrap().next().unwrap().unwrap().path();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("comparison.json")).unwrap();
    let difference = "NOT NULL is missing: author.name";
    assert!(
        json["result"]["structure"]["differences"]
            .as_array()
            .unwrap()
            .iter()
            .any(|found| found["words"] == difference)
    );
    assert!(read("repair.sql").contains("ALTER TABLE public.author ALTER COLUMN name SET NOT NULL;"));
    assert!(read("comparison.md").starts_with("# NOT equal\n"), "{}", read("comparison.md"));
    let xml = fs::read_to_string(place.path().join("result.xml")).unwrap();
    assert!(xml.contains("name=\"author\"") && xml.contains(difference), "{xml}");
    assert!(found.stdout.contains("::error title=NOT equal::"), "{}", found.stdout);
}

#[test]
fn a_sealed_copy_is_compared_instead_of_a_new_one() {
    let (place, database) = place();
    fs::copy(place.path().join("shop.db"), place.path().join("sealed.db")).unwrap();
    Connection::open(place.path().join("shop.db"))
        .unwrap()
        .execute_batch("DELETE FROM Book; DELETE FROM author")
        .unwrap();
    let json: Value = validate(&place, &database, &["--sealed-copy", "sealed.db", "--json", "--no-report"])
        .expect(1)
        .json();
    assert_eq!(json["result"]["tables"][0]["source_rows"], 2, "{json:#}");
}

#[test]
fn a_migration_of_ours_is_compared_too() {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    place.run(["migrate", "--sqlite", "hyperpage.db", "--quiet", "--postgres", database.url()]).expect(0);
    let output = place
        .run(["validate", "--sqlite", "hyperpage.db", "--postgres", database.url(), "--no-report"])
        .expect(0);
    assert!(
        output.stderr.contains("`cargo xtask validate` without --sqlite compares it with its plan"),
        "{}",
        output.screen()
    );
}

#[test]
fn the_sealed_copy_is_removed_whether_the_databases_are_equal_or_cannot_be_compared() {
    let (place, database) = place();
    let temporary = place.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    for (url, code) in [(database.url(), 1), ("postgres://nobody@127.0.0.1:1/none", 2)] {
        let arguments = ["validate", "--sqlite", "shop.db", "--postgres", url, "--no-report", "--quiet"];
        output(place.command(arguments).env("TMPDIR", &temporary)).expect(code);
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    }
}
