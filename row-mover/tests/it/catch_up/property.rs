//! Random changes of random schemas: after each catch-up a complete validation must find no difference. `CATCH_UP_ROUNDS` makes more.
//!
//! SQLite enforces its foreign keys here, as it does for an app that asks it to, so that every state of the source is one that PostgreSQL
//! accepts.

use row_mover::catch_up::{CatchUpOutcome, catch_up};
use row_mover::observer::Silent;
use rusqlite::Connection;
use test_database::chance::Chance;

use super::{assert_proven, request};
use crate::support::{Case, chain, sqlite};

/// Statements that change rows between two catch-ups.
const CHANGES: u64 = 25;

/// A schema with tables that point to each other and to themselves.
fn schema(chance: &mut Chance) -> String {
    let action = |chance: &mut Chance| {
        let actions = [
            "",
            "ON DELETE CASCADE",
            "ON DELETE SET NULL",
            "ON DELETE RESTRICT",
            "ON DELETE CASCADE ON UPDATE CASCADE",
        ];
        *chance.pick(&actions)
    };
    let mut sql = String::new();
    let unique = *chance.pick(&["UNIQUE", "", "NOT NULL UNIQUE"]);
    sql.push_str(&format!("CREATE TABLE a (id INTEGER PRIMARY KEY, u INTEGER {unique}, t TEXT, up INTEGER REFERENCES a (id) {});", action(chance)));
    let without = *chance.pick(&["", "WITHOUT ROWID"]);
    sql.push_str(&format!(
        "CREATE TABLE b (k TEXT NOT NULL, n INTEGER NOT NULL, a INTEGER REFERENCES a (id) {}, c INTEGER REFERENCES c (id) {}, v REAL, \
         PRIMARY KEY (k, n)) {without};",
        action(chance),
        action(chance)
    ));
    let generated = *chance.pick(&["", ", g INTEGER GENERATED ALWAYS AS (n * 2) STORED"]);
    sql.push_str(&format!(
        "CREATE TABLE c (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER, k TEXT, kn INTEGER, w TEXT UNIQUE{generated}, \
         FOREIGN KEY (k, kn) REFERENCES b (k, n) {}, UNIQUE (n, w));",
        action(chance)
    ));
    sql.push_str("CREATE TABLE heap (x TEXT, y INTEGER, z BLOB);");
    if chance.below(2) == 0 {
        sql.push_str("CREATE UNIQUE INDEX partial ON c (n) WHERE w IS NULL;");
    }
    sql
}

fn value(chance: &mut Chance) -> String {
    let number = chance.below(6);
    (*chance.pick(&[number.to_string(), (number as i64 - 3).to_string(), "NULL".to_owned()])).clone()
}

fn text(chance: &mut Chance) -> String {
    let number = chance.below(5);
    (*chance.pick(&[format!("'t{number}'"), format!("'é{number}''q'"), "NULL".to_owned(), "''".to_owned()]))
        .clone()
}

fn key(chance: &mut Chance) -> u64 {
    chance.below(9) + 1
}

/// A statement that may be refused by a constraint, which is as good.
fn change(chance: &mut Chance) -> String {
    let (number, other, v, w, t) = (key(chance), key(chance), value(chance), value(chance), text(chance));
    let k = format!("'k{}'", chance.below(3));
    match chance.below(16) {
        0 => format!("INSERT INTO a VALUES ({number}, {v}, {t}, {w})"),
        1 => format!("INSERT OR REPLACE INTO a VALUES ({number}, {v}, {t}, NULL)"),
        2 => format!("UPDATE a SET u = {v}, t = {t} WHERE id = {number}"),
        3 => format!("UPDATE a SET up = {v} WHERE id >= {number}"),
        4 => format!("UPDATE a SET id = {number} WHERE id = {other}"),
        5 => "UPDATE a SET u = u + 1000".to_owned(),
        6 => format!("DELETE FROM a WHERE id = {number}"),
        7 => format!("INSERT INTO b VALUES ({k}, {number}, {v}, {w}, {other} / 4.0)"),
        8 => format!("UPDATE b SET a = {v}, c = {w} WHERE k = {k}"),
        9 => format!("UPDATE b SET n = {number} WHERE k = {k} AND n = {other}"),
        10 => format!("DELETE FROM b WHERE n = {number}"),
        11 => format!("INSERT INTO c (n, k, kn, w) VALUES ({v}, {k}, {number}, {t})"),
        12 => format!("UPDATE c SET n = {v}, w = {t}, k = NULL WHERE id = {number}"),
        13 => format!("DELETE FROM c WHERE id % 5 = {number} % 5"),
        14 => format!("INSERT INTO heap VALUES ({t}, {v}, x'0{}')", number % 3),
        _ => format!("DELETE FROM heap WHERE rowid IN (SELECT rowid FROM heap WHERE y IS {v} LIMIT 1)"),
    }
}

/// Exchanges values of a unique column between two rows, as an app does that moves entries.
fn swap(chance: &mut Chance) -> String {
    let (one, other) = (key(chance), key(chance));
    format!(
        "CREATE TEMP TABLE IF NOT EXISTS swapped (id INTEGER, u INTEGER); DELETE FROM swapped; \
         INSERT INTO swapped SELECT {one}, u FROM a WHERE id = {other}; INSERT INTO swapped SELECT {other}, u FROM a WHERE id = {one}; \
         UPDATE a SET u = -1 - id WHERE id IN ({one}, {other}); \
         UPDATE a SET u = (SELECT s.u FROM swapped s WHERE s.id = a.id) WHERE id IN (SELECT id FROM swapped)"
    )
}

#[test]
fn random_changes_of_random_schemas_are_applied() {
    let mut chance = Chance::new();
    let rounds = std::env::var("CATCH_UP_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4);
    let mut applied_rows = 0;
    for round in 0..rounds {
        let (schema, mut done) = (schema(&mut chance), Vec::new());
        let case = {
            let dir = tempfile::tempdir().unwrap();
            let source = dir.path().join("source.db");
            sqlite(&source, &schema);
            run_changes(&source, &mut chance, &mut done, CHANGES * 4);
            let plan = crate::support::plan(&source, "");
            Case::planned(dir, source, plan)
        };
        case.moved();
        for number in 0..4 {
            done.clear();
            run_changes(&case.source, &mut chance, &mut done, CHANGES);
            let what =
                format!("round {round}, {}, {}\n{schema}\n{}", number, chance.seed(), done.join(";\n"));
            match catch_up(&request(&case), &Silent) {
                Ok(CatchUpOutcome::Applied(caught_up)) => applied_rows += caught_up.applied.rows(),
                Ok(CatchUpOutcome::Unchanged) => {}
                Err(error) => panic!("{what}\n{}", chain(&error)),
            }
            assert_proven(&case, &what);
        }
    }
    assert!(applied_rows > rounds * 20, "{applied_rows} rows were changed");
}

fn run_changes(source: &std::path::Path, chance: &mut Chance, done: &mut Vec<String>, count: u64) {
    let connection = Connection::open(source).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    for _ in 0..count {
        let sql = if chance.below(12) == 0 { swap(chance) } else { change(chance) };
        // Each is a transaction of its own: what violates something has no effect.
        if connection.execute_batch(&format!("BEGIN; {sql}; COMMIT")).is_ok() {
            done.push(sql);
        } else {
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
}
