//! An arbitrary SQLite file: the generated plan, the handling of its odd rows, and the outcome of a run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value, json};
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::value;

/// A shop with a date where a year is declared, an invalid number, and an order without a customer.
const SHOP: &str = "
    CREATE TABLE customers ( -- who buys
        id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, is_admin INTEGER NOT NULL DEFAULT 0,
        born INT, created_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000));
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), quantity INT, total DECIMAL(10, 2));
    INSERT INTO customers VALUES (1, 'a@example.org', 1, 2001, 1700000000123), (2, 'b@example.org', 0, '2023-02-30', 1700000000124),
        (3, 'c@example.org', 0, 2004, 1700000000125);
    INSERT INTO orders VALUES (1, 1, 5, 19.99), (2, 3, 'three', 5), (3, 9, 1, 0.1), (4, NULL, 2, NULL);
";

fn shop() -> (Place, TestDatabase) {
    let place = Place::new();
    let connection = Connection::open(place.path().join("shop.db")).unwrap();
    connection.execute_batch(&format!("PRAGMA foreign_keys = OFF; {SHOP}")).unwrap();
    (place, TestDatabase::create())
}

fn migrate(place: &Place, database: &TestDatabase, more: &[&str]) -> Output {
    let mut arguments = vec!["migrate", "--sqlite", "shop.db", "--postgres", database.url()];
    arguments.extend_from_slice(more);
    place.run(arguments)
}

fn validate(place: &Place, database: &TestDatabase, more: &[&str]) -> Output {
    let mut arguments = vec!["validate", "--plan", "plans/shop", "--postgres", database.url()];
    arguments.extend_from_slice(more);
    place.run(arguments)
}

fn has_table(database: &TestDatabase) -> bool {
    value(database, "SELECT (to_regclass('public.orders') IS NOT NULL)::text") == "true"
}

#[test]
fn values_that_cannot_move_stop_it_before_anything_is_created() {
    let (place, database) = shop();
    place.snapshot("any_file-dry_run", &migrate(&place, &database, &["--dry-run"]).expect(1).screen());
    assert!(!place.path().join("plans").exists(), "a dry run keeps nothing");
    place.snapshot("any_file-stopped", &migrate(&place, &database, &[]).expect(1).screen());
    assert!(!has_table(&database));
    assert!(!place.path().join("rejects").exists() && !place.path().join("backups").exists());
}

#[test]
fn skipped_rows_are_saved_in_full_and_stay_in_the_ledger() {
    let (place, database) = shop();
    let moved = migrate(&place, &database, &["--on-reject", "skip"]).expect(1);
    place.snapshot("any_file-skipped", &moved.screen());
    assert_eq!(value(&database, "SELECT string_agg(id::text, ',' ORDER BY id) FROM customers"), "1,3");
    assert_eq!(value(&database, "SELECT string_agg(id::text, ',' ORDER BY id) FROM orders"), "1,3,4");
    let runs: Vec<_> =
        fs::read_dir(place.path().join("rejects")).unwrap().map(|run| run.unwrap().path()).collect();
    assert_eq!(runs.len(), 1);
    assert_eq!(fs::metadata(&runs[0]).unwrap().permissions().mode() & 0o777, 0o700);
    let file = runs[0].join("orders.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let line: Value = serde_json::from_str(fs::read_to_string(file).unwrap().trim_end()).unwrap();
    assert_eq!(
        line,
        json!({
            "table": "orders", "rowid": 2, "what": "skipped",
            "reasons": [{ "column": "quantity", "reason": "text where integer is expected" }],
            "row": { "id": { "integer": "2" }, "customer": { "integer": "3" }, "quantity": { "text": "three" }, "total": { "integer": "5" } },
        })
    );
    place.snapshot("any_file-validated", &validate(&place, &database, &[]).expect(1).screen());
    // A second run migrates nothing, and still reports the rejects.
    place
        .snapshot("any_file-again", &migrate(&place, &database, &["--on-reject", "skip"]).expect(1).screen());
}

#[test]
fn values_become_null_where_that_is_asked_for() {
    let (place, database) = shop();
    let moved = migrate(&place, &database, &["--on-reject", "null", "--json"]).expect(1).json();
    let rejected: Vec<_> = (moved["result"]["rejected"].as_array().unwrap().iter())
        .map(|table| (table["table"].clone(), table["skipped"].clone(), table["nulled"].clone()))
        .collect();
    assert_eq!(rejected, [(json!("customers"), json!(0), json!(1)), (json!("orders"), json!(0), json!(1))]);
    assert_eq!((&moved["proven"], &moved["breaches"][0]["rows"]), (&json!(true), &json!(1)));
    assert_eq!(value(&database, "SELECT count(*) || ' ' || count(born) FROM customers"), "3 2");
    // The orphaned order and the lost values are separate findings.
    validate(&place, &database, &["--accept-broken-constraints"]).expect(1);
}

#[test]
fn rejected_values_become_text_on_request() {
    let (place, database) = shop();
    migrate(&place, &database, &["--on-reject", "text", "--accept-broken-constraints"]).expect(0);
    assert_eq!(value(&database, "SELECT quantity FROM orders WHERE id = 2"), "three");
    assert_eq!(value(&database, "SELECT born FROM customers WHERE id = 2"), "2023-02-30");
    validate(&place, &database, &["--accept-broken-constraints"]).expect(0);
    validate(&place, &database, &[]).expect(1);
}

#[test]
fn more_rejects_than_the_limit_stop_it() {
    let (place, database) = shop();
    let within = ["--on-reject", "skip", "--reject-limit", "2"];
    for limit in ["1", "25%"] {
        let stopped = migrate(&place, &database, &["--on-reject", "skip", "--reject-limit", limit]).expect(1);
        assert!(stopped.stdout.contains(&format!("the limit is {limit}")), "{}", stopped.stdout);
        assert!(!has_table(&database));
    }
    migrate(&place, &database, &within).expect(1);
    assert!(has_table(&database));
}

#[test]
fn options_without_effect_are_refused() {
    let (place, database) = shop();
    for (options, words) in [
        (["--on-reject", "ignore"], "possible values: stop, skip, null, text, bytea"),
        (["--reject-limit", "many"], "a reject limit is a number of rows"),
        (["--autoincrement", "uuid"], "possible values: identity, serial"),
    ] {
        let refused = migrate(&place, &database, &options).expect(2);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

#[test]
fn a_plan_can_be_reviewed_and_decided_upon_before_anything_moves() {
    let (place, database) = shop();
    place.run(["generate", "--sqlite", "shop.db", "--out", "reviewed"]).expect(0);
    let mapping = place.path().join("reviewed/mapping.toml");
    fs::write(
        &mapping,
        "format = 1\n[tables.customers.columns]\nborn = { as = \"text_from_any\" }\n[tables.orders]\nrename = \"purchases\"\n\
         [tables.orders.columns]\nquantity = { on_reject = \"null\" }\n",
    )
    .unwrap();
    place.run(["generate", "--sqlite", "shop.db", "--out", "reviewed", "--check"]).expect(1);
    place.run(["generate", "--sqlite", "shop.db", "--out", "reviewed"]).expect(0);
    place.run(["generate", "--sqlite", "shop.db", "--out", "reviewed", "--check"]).expect(0);
    migrate(&place, &database, &["--plan", "reviewed", "--accept-broken-constraints"]).expect(1);
    assert_eq!(value(&database, "SELECT count(*) || ' ' || count(quantity) FROM purchases"), "4 3");
    assert_eq!(value(&database, "SELECT max(born) FROM customers"), "2023-02-30");
}

#[test]
fn the_longest_name_that_sqlite_accepts_moves() {
    let place = Place::new();
    // SQLite appends `-journal` to the name.
    let name = format!("{}é.db", "n".repeat(238));
    assert_eq!(name.len(), 243);
    Connection::open(place.path().join(&name))
        .unwrap()
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; {SHOP}"))
        .unwrap();
    let database = TestDatabase::create();
    let arguments = ["migrate", "--sqlite", &name, "--postgres", database.url(), "--on-reject", "skip"];
    place.run(arguments).expect(1);
    assert_eq!(value(&database, "SELECT count(*) FROM customers"), "2");
    for folder in ["backups", "rejects", "reports"] {
        let runs: Vec<_> = fs::read_dir(place.path().join(folder))
            .unwrap()
            .map(|run| run.unwrap().file_name().into_string().unwrap())
            .filter(|run| !run.starts_with('.'))
            .collect();
        assert!(runs.len() == 1 && runs[0].starts_with("nnn") && runs[0].len() < 150, "{folder}: {runs:?}");
    }
}

#[test]
fn nothing_is_writable_for_others_whatever_the_umask_is() {
    let (place, database) = shop();
    let output = Command::new("sh")
        .args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_xtask")])
        .args(["migrate", "--sqlite", "shop.db", "--postgres", database.url(), "--on-reject", "skip"])
        .current_dir(place.path())
        .env_clear()
        .env("HOME", place.path())
        .env("PATH", std::env::var_os("PATH").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let mut folders = vec![place.path().to_owned()];
    let mut names = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o022, 0, "{}: {mode:o}", entry.path().display());
            names.push(entry.file_name().into_string().unwrap());
            if entry.metadata().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    for name in ["plans", "plan.json", "backups", "manifest.json", "rejects", "orders.jsonl", "reports"] {
        assert!(names.iter().any(|found| found == name), "{name} is not there: {names:?}");
    }
}
