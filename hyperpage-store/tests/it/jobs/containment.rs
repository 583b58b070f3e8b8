//! Jobs by what their payload contains. What that means is PostgreSQL's to say: its operator `@>` judges both databases.

use hyperpage_store::Store;
use serde_json::{Value, json};
use test_database::chance::Chance;

use super::{ids, new_job};
use crate::support::{Database, Postgres, Sqlite, at, on_both};
use hyperpage_store::domain::NewJob;

on_both!(the_oldest_are_returned_up_to_the_limit, payloads_of_other_writers_are_searched);

/// Documents as others write them. Each one is compared with each one.
const DOCUMENTS: [&str; 76] = [
    "null",
    "true",
    "false",
    "0",
    "-0.0",
    "1",
    "1.0",
    "1e0",
    "10e-1",
    "1.5",
    "-1",
    "100000000000000000000",
    "1e20",
    "9007199254740993",
    "9007199254740992.0",
    "0.1",
    "0.10",
    r#""""#,
    r#""a""#,
    r#""\u0061""#,
    r#""A""#,
    r#""1""#,
    r#""null""#,
    r#""a\"b""#,
    r#""a\\b""#,
    r#""a/b""#,
    r#""a\/b""#,
    r#""ключ""#,
    r#""\u043a\u043b\u044e\u0447""#,
    "\"\u{1D11E}\"",
    r#""\ud834\udd1e""#,
    "[]",
    "[[]]",
    "[{}]",
    "{}",
    "[null]",
    "[1]",
    "[1.0]",
    "[1, 1]",
    "[1, 2]",
    "[2, 1, 1]",
    "[1, [2]]",
    "[[1, 2]]",
    "[[1], [2]]",
    "[[2, 1], [3]]",
    "[[[1]]]",
    r#"["a"]"#,
    r#"["\u0061", "b"]"#,
    r#"[["a"]]"#,
    r#"[{"a": 1}]"#,
    r#"[{"a": 1, "b": 2}, {"a": 2}]"#,
    r#"[{"a": 1}, {"b": 2}]"#,
    r#"[{"b": 2}]"#,
    r#"{"a": null}"#,
    r#"{"a": 1}"#,
    r#"{"a": 1.0}"#,
    r#"{"\u0061": 1e0}"#,
    r#"{"a": 2, "a": 1}"#,
    r#"{"a": 1, "a": 2}"#,
    r#"{"a": "1"}"#,
    r#"{"a": [1]}"#,
    r#"{"a": [1, 2]}"#,
    r#"{"a": [2, {"b": 1}]}"#,
    r#"{"a": [{"b": 1, "c": 2}, 2]}"#,
    r#"{"a": {}}"#,
    r#"{"a": []}"#,
    r#"{"a": {"b": 1}}"#,
    r#"{"a": {"b": 1, "c": [1, "x"]}, "d": true}"#,
    r#"{"a": {"c": ["x"]}}"#,
    r#"{"a": {"c": "x"}}"#,
    r#"{"a": true, "b": 2}"#,
    r#"{"b": 2, "a": true}"#,
    r#"{"": 1}"#,
    r#"{"": ""}"#,
    r#"{"A": 1}"#,
    r#"{"a b": 1}"#,
];

/// Adds the documents to both databases as they are written.
fn add_documents(sqlite: &Sqlite, postgres: &Postgres) {
    for (index, document) in DOCUMENTS.iter().enumerate() {
        let document = document.replace('\'', "''");
        for database in [sqlite as &dyn Database, postgres] {
            let moment = database.moment(0);
            database.execute(&format!(
                "INSERT INTO jobs (id, type, name, priority, status, payload, created_at, updated_at)
                 VALUES ('{index:02}', 't', 'n', 0, 'completed', '{document}', {moment}, {moment})"
            ));
        }
    }
}

#[test]
fn both_databases_contain_what_the_operator_says() {
    let (sqlite, postgres) = (Sqlite::create(), Postgres::create());
    add_documents(&sqlite, &postgres);
    let (mut on_sqlite, mut on_postgres) = (sqlite.open(), postgres.open());
    let mut pairs = 0;
    for pattern in DOCUMENTS {
        let expected = postgres.texts(&format!(
            "SELECT id AS value FROM jobs WHERE payload @> '{}'::jsonb ORDER BY id",
            pattern.replace('\'', "''")
        ));
        let expected: Vec<String> = expected.into_iter().flatten().collect();
        let value: Value = serde_json::from_str(pattern).unwrap();
        for store in [&mut on_sqlite, &mut on_postgres] {
            assert_eq!(ids(&store.jobs_containing(&value, u32::MAX).unwrap()), expected, "{pattern}");
        }
        assert!(!expected.is_empty(), "each document contains itself: {pattern}");
        pairs += expected.len();
    }
    assert!(pairs > DOCUMENTS.len() * 2, "{pairs} of {}", DOCUMENTS.len().pow(2));
}

fn enqueue(store: &mut dyn Store, id: &str, payload: Value, ms: i64) {
    assert!(store.enqueue(&NewJob { payload, ..new_job(id, 0) }, at(ms)).unwrap());
}

fn the_oldest_are_returned_up_to_the_limit(database: &dyn Database) {
    let mut store = database.open();
    let pattern = json!({"user": "github:1"});
    assert_eq!(store.jobs_containing(&pattern, 5).unwrap(), []);
    for (id, user, ms) in [("d", 1, 3), ("c", 1, 2), ("b", 2, 1), ("é", 1, 1), ("a", 1, 2)] {
        enqueue(&mut *store, id, json!({"user": format!("github:{user}"), "n": [user]}), ms);
    }
    let mut found = |pattern: &Value, limit| {
        let jobs = store.jobs_containing(pattern, limit).unwrap();
        ids(&jobs).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found(&pattern, 0), [""; 0]);
    assert_eq!(found(&pattern, 3), ["é", "a", "c"]);
    assert_eq!(found(&pattern, u32::MAX), ["é", "a", "c", "d"]);
    assert_eq!(found(&json!({"n": [2]}), 9), ["b"]);
    assert_eq!(found(&json!({}), 9), ["b", "é", "a", "c", "d"]);
    assert_eq!(found(&json!({"user": "github:_"}), 9), [""; 0]);
}

/// More texts than SQLite searches for, in documents with and without escapes.
fn payloads_of_other_writers_are_searched(database: &dyn Database) {
    let mut store = database.open();
    let members: Vec<String> = (0..20).map(|index| format!("\"key {index}\": \"value {index}\"")).collect();
    let plain = format!("{{{}}}", members.join(", "));
    let escaped = plain.replace("key 7", "\\u006bey 7");
    let other = plain.replace("value 0", "value 00");
    let moment = database.moment(0);
    for (id, payload) in [("escaped", escaped), ("other", other), ("plain", plain.clone())] {
        database.execute(&format!(
            "INSERT INTO jobs (id, type, name, priority, status, payload, created_at, updated_at)
             VALUES ('{id}', 't', 'n', 0, 'completed', '{payload}', {moment}, {moment})"
        ));
    }
    let pattern: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!(ids(&store.jobs_containing(&pattern, 9).unwrap()), ["escaped", "plain"]);
}

/// A small document out of few values, so that one often contains another.
fn random_document(chance: &mut Chance, depth: u32) -> Value {
    const TEXTS: [&str; 4] = ["", "a", "b\"\\", "\u{1D11E}\u{1}"];
    const NUMBERS: [&str; 4] = ["0", "1", "1.0", "1.5"];
    match chance.below(if depth == 0 { 5 } else { 10 }) {
        0 => Value::Null,
        1 => Value::Bool(chance.below(2) == 0),
        2 | 3 => chance.pick(&NUMBERS).parse().unwrap(),
        4 => Value::from(*chance.pick(&TEXTS)),
        5..=7 => (0..chance.below(4)).map(|_| random_document(chance, depth - 1)).collect(),
        _ => {
            let members = 0..chance.below(4);
            let member = |_| ((*chance.pick(&TEXTS)).to_owned(), random_document(chance, depth - 1));
            Value::Object(members.map(member).collect())
        }
    }
}

#[test]
fn random_documents_are_contained_alike() {
    let mut chance = Chance::new();
    let (sqlite, postgres) = (Sqlite::create(), Postgres::create());
    let (mut on_sqlite, mut on_postgres) = (sqlite.open(), postgres.open());
    for index in 0..200 {
        let document = random_document(&mut chance, 3);
        for store in [&mut on_sqlite, &mut on_postgres] {
            enqueue(&mut **store, &format!("{index:03}"), document.clone(), 0);
        }
    }
    let mut pairs = 0;
    for _ in 0..200 {
        let pattern = random_document(&mut chance, 2);
        let found = [&mut on_sqlite, &mut on_postgres].map(|store| {
            let jobs = store.jobs_containing(&pattern, u32::MAX).unwrap();
            ids(&jobs).into_iter().map(str::to_owned).collect::<Vec<_>>()
        });
        assert_eq!(found[0], found[1], "{pattern} ({})", chance.seed());
        pairs += found[0].len();
    }
    assert!(pairs > 200, "{pairs} of 40,000 pairs ({})", chance.seed());
}
