//! The plan on the screen: short for large databases, and each suggested line for `mapping.toml` works when pasted.

use std::fmt::Write as _;
use std::fs;

use rusqlite::Connection;
use serde_json::Value;

use crate::place::Place;

/// The number of lines on two screens.
const TWO_SCREENS: usize = 48;

/// Names with a meaning in TOML, a terminal or SQL, and columns for every kind of advice.
const HOSTILE: &str = r#"
    PRAGMA foreign_keys = OFF;
    CREATE TABLE "a.b ""c"" \ [x]" (id INTEGER PRIMARY KEY, "is_'active'" INTEGER, "x = 1" TEXT, "born at" DATE NOT NULL);
    INSERT INTO "a.b ""c"" \ [x]" VALUES (1, 1, '{"a": 1}', '2001-02-03'), (2, 0, '[]', '2001-02-30'), (3, 1, '{}', '2001-02-04');
    CREATE TABLE "[leave_behind]" ("" TEXT, "created_at" INTEGER, n INT REFERENCES "a.b ""c"" \ [x]" (id));
    INSERT INTO "[leave_behind]" VALUES ('a1b2c3d4-0000-4000-8000-000000000001', 1700000000123, 1), ('a1b2c3d4-0000-4000-8000-000000000002', 1700000000124, 9),
        (NULL, 1700000000125, 'three');
    CREATE VIEW "v ""1""" AS SELECT group_concat(r) FROM (SELECT 1.5 AS r);
    CREATE VIEW "LINES" AS SELECT group_concat(r) FROM (SELECT 2.5 AS r);
"#;

/// Creates a temporary file with this schema.
fn database(sql: &str) -> Place {
    let place = Place::new();
    let connection = Connection::open(place.path().join("any.db")).unwrap();
    connection.execute_batch(sql).unwrap();
    place
}

fn hostile() -> Place {
    // Names that turn the direction of text, break lines and cannot be seen.
    database(
        &HOSTILE
            .replace("LINES", "two\nlines \u{202e}\u{200b}\u{1b}[31m\u{e0001}")
            .replace("x = 1", "x\u{feff} = 1"),
    )
}

fn dry_run(place: &Place, more: &[&str]) -> String {
    let arguments = ["generate", "--sqlite", "any.db", "--out", "plan", "--dry-run"];
    let output = place.run(arguments.iter().chain(more)).expect(0);
    let (text, _) = output.stdout.split_once("\n--- ").unwrap_or((&output.stdout, ""));
    format!("{text}\n")
}

/// Returns the groups of lines that are printed for pasting.
fn pasted_groups(text: &str) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let line = line.strip_prefix("      ").filter(|line| !line.starts_with(' '));
        match line {
            Some(line) if line.starts_with('[') => groups.push(format!("{line}\n")),
            Some(line) if is_open => groups.last_mut().unwrap().extend([line, "\n"]),
            _ => {}
        }
        is_open = line.is_some_and(|line| line.starts_with('[') || is_open);
    }
    groups
}

/// Generates the plan with this `mapping.toml`.
fn planned(place: &Place, mapping: &str) -> Value {
    let folder = place.path().join("plan");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("mapping.toml"), format!("format = 1\n\n{mapping}")).unwrap();
    place.run(["generate", "--sqlite", "any.db", "--out", "plan"]).expect(0);
    serde_json::from_slice(&fs::read(folder.join("plan.json")).unwrap()).unwrap()
}

/// Fails unless the plan follows the decision in a group of lines.
#[track_caller]
fn assert_followed(plan: &Value, group: &str) {
    let decided: toml::Table = group.parse().unwrap();
    let named = |list: &Value, key: &str, name: &str| {
        list.as_array().unwrap().iter().find(|each| each[key] == name).cloned().unwrap()
    };
    for (object, reason) in decided.get("leave_behind").and_then(toml::Value::as_table).into_iter().flatten()
    {
        let left = named(&plan["left_behind"], "name", object);
        assert_eq!(left["reason"], reason.as_str().unwrap(), "{group}");
    }
    for (table, decided) in decided.get("tables").and_then(toml::Value::as_table).into_iter().flatten() {
        for (column, decided) in decided["columns"].as_table().unwrap() {
            let found = named(&named(&plan["tables"], "source", table)["columns"], "source", column);
            if let Some(conversion) = decided.get("as") {
                assert_eq!(found["conversion"], conversion.as_str().unwrap(), "{group}");
            }
            if let Some(policy) = decided.get("on_reject") {
                let is_text = policy.as_str() == Some("text");
                assert_eq!(found["on_reject"], policy.as_str().unwrap(), "{group}");
                assert!(!is_text || found["type"] == "text", "{group}");
            }
        }
    }
}

#[test]
fn each_line_for_the_mapping_works_when_it_is_pasted() {
    let place = hostile();
    let text = dry_run(&place, &["--verbose"]);
    let groups = pasted_groups(&text);
    assert!(groups.len() > 6, "{text}");
    for group in &groups {
        assert_followed(&planned(&place, group), group);
        // What stands behind a line as another choice works, too.
        for other in ["null", "text"].iter().filter(|other| group.contains(&format!("\"{other}\""))) {
            let group = group.replace("on_reject = \"skip\"", &format!("on_reject = \"{other}\""));
            assert_followed(&planned(&place, &group), &group);
        }
    }
    // All of them together, and once more on top of that: what is decided is not offered again.
    let all = groups.concat();
    let plan = planned(&place, &all);
    groups.iter().for_each(|group| assert_followed(&plan, group));
    let again = dry_run(&place, &["--verbose"]);
    assert_eq!(pasted_groups(&again), [""; 0], "{again}");
}

#[test]
fn names_of_others_neither_move_the_cursor_nor_hide() {
    let text = dry_run(&hostile(), &[]);
    let is_hidden = |letter: char| {
        (letter.is_control() && letter != '\n')
            || ['\u{202e}', '\u{200b}', '\u{feff}', '\u{e0001}'].contains(&letter)
    };
    assert!(!text.chars().any(is_hidden), "{text:?}");
    hostile().snapshot("plan_text-hostile", &text);
}

#[test]
fn a_large_schema_has_a_summary_of_two_screens() {
    let mut sql = String::from("PRAGMA foreign_keys = OFF; BEGIN;");
    for number in 0..200 {
        let parent = number / 2;
        write!(
            sql,
            "CREATE TABLE t{number:03} (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES t{parent:03} (id), name TEXT NOT NULL, is_active INTEGER,
                created_at INTEGER, payload TEXT, born DATE, price DECIMAL(10, 2));
             CREATE INDEX i{number:03} ON t{number:03} (name);
             CREATE VIEW v{number:03} AS SELECT group_concat(price) FROM t{number:03};
             INSERT INTO t{number:03} VALUES (1, 1, 'a', 1, 1700000000123, '{{}}', '2001-02-03', 1.5), (2, 7, 'b', 0, 1700000000124, '[]', '2001-02-30', 2),
                (3, 2, 'c', 0, 1700000000125, '[]', '2001-02-05', 2);"
        )
        .unwrap();
    }
    let place = database(&(sql + "COMMIT"));
    let text = dry_run(&place, &[]);
    let (summary, _) = text.split_once("\nTables\n\n").unwrap();
    assert!(summary.lines().count() <= TWO_SCREENS, "{summary}");
    place.snapshot("plan_text-two_hundred_tables", summary);
    assert!(text.lines().all(|line| line.chars().count() <= 100 || line.contains("SELECT")), "{text}");
}

#[test]
fn every_detail_is_printed_where_it_is_asked_for() {
    let long = "a".repeat(70);
    let place = database(&format!(
        "CREATE TABLE Users (Id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT COLLATE NOCASE NOT NULL UNIQUE,
                             Name TEXT COLLATE RTRIM, created INTEGER DEFAULT (unixepoch() * 1000), active BOOLEAN,
                             body TEXT DEFAULT '', own TEXT COLLATE BINARY, n INTEGER, g TEXT AS (upper(Name)));
         CREATE TABLE {long} (k TEXT PRIMARY KEY, xmin TEXT, parent INTEGER REFERENCES Users (Id), chk INTEGER CHECK (chk > 0));
         CREATE INDEX {long}9 ON {long} (xmin DESC, chk); CREATE UNIQUE INDEX U ON Users (lower(email)) WHERE active;
         PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = 1;
         INSERT INTO Users VALUES (1, 'a@x', 'b', 1700000000123, 1, '{{\"a\": 1}}', 'x', 3),
                                  (2, 'B@x', 'c ', 1700000000124, 2, '[]', 'y', 'abc');
         INSERT INTO {long} VALUES (NULL, 'x', 99, 1), ('y', 'x', 1, -2);"
    ));
    let mapping = "schema = \"app\"\non_reject = \"null\"\nreject_limit = \"50%\"\n\
                   [tables.Users.columns]\nown = { skip = \"nobody reads it\" }\nn = { on_reject = \"skip\", secret = true }\n\
                   [[tables_matching]]\ntable = \"aaa*\"\nschema = \"archive\"";
    planned(&place, mapping);
    place.snapshot("plan_text-brief", &dry_run(&place, &[]));
    place.snapshot("plan_text-verbose", &dry_run(&place, &["--verbose"]));
}

#[test]
fn operator_classes_are_shown() {
    let place =
        database("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, w TEXT); CREATE INDEX by_w ON t (w DESC);");
    fs::create_dir_all(place.path().join("plan")).unwrap();
    let mapping = "format = 1\n[tables.t.columns]\nv = { as = \"jsonb\" }\n[[tables.t.indexes]]\nname = \"by_v\"\nmethod = \"gin\"\n\
                   columns = [\"v\"]\nops = { v = \"jsonb_path_ops\" }\nwhy = \"documents\"\n[tables.t.index_ops]\nby_w = { w = \"text_pattern_ops\" }\n";
    fs::write(place.path().join("plan/mapping.toml"), mapping).unwrap();
    let short = dry_run(&place, &[]);
    assert!(short.contains("indexes by_w (text_pattern_ops), by_v (added, jsonb_path_ops)"), "{short}");
    let verbose = dry_run(&place, &["--verbose"]);
    for line in [
        "index by_w (w text_pattern_ops desc)",
        "index by_v using gin (v jsonb_path_ops)  [added: documents]",
    ] {
        assert!(verbose.contains(line), "{verbose}");
    }
}
