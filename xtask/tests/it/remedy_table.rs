//! Remedies for each kind of refusal: every line that is offered is followed word for word, and then a migration begins.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{execute, value};

/// A kind of refusal.
#[derive(Clone, Copy, Default)]
struct Kind {
    /// The source.
    source: &'static str,
    /// The app's tables in the target; none where tables are made.
    target: &'static str,
    /// Decisions that were made before.
    mapping: &'static str,
    /// What a person does who repairs the rows by hand.
    repair: &'static str,
    /// The lines by their beginnings, in their order.
    offered: &'static [&'static str],
}

/// The lines under one heading, of which one has to be followed; those before the first heading solve everything.
type Advice = Vec<(String, Vec<String>)>;

struct Case {
    place: Place,
    database: TestDatabase,
    kind: Kind,
}

impl Case {
    fn new(kind: Kind) -> Case {
        let case = Case { place: Place::new(), database: TestDatabase::create(), kind };
        if !kind.target.is_empty() {
            execute(&case.database, kind.target);
        }
        case.in_sqlite(kind.source);
        if !kind.mapping.is_empty() {
            case.decide(kind.mapping);
        }
        case
    }

    fn in_sqlite(&self, sql: &str) {
        Connection::open(self.place.path().join("any.db")).unwrap().execute_batch(sql).unwrap();
    }

    fn decide(&self, lines: &str) {
        let folder = self.place.path().join("plans/any");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("mapping.toml"), format!("format = 1\n{lines}\n")).unwrap();
    }

    fn migrate(&self, more: &[&str]) -> Output {
        let mut arguments = vec!["migrate", "--sqlite", "any.db", "--postgres", self.database.url()];
        if !self.kind.target.is_empty() {
            arguments.push("--into-existing");
        }
        arguments.extend_from_slice(more);
        self.place.run(arguments)
    }

    /// The lines of a migration that must be refused.
    #[track_caller]
    fn advice(&self) -> Advice {
        let refused = self.migrate(&[]).expect(1);
        let (_, text) = refused.stdout.split_once("nothing was changed.\n").unwrap();
        let text = &text[text.find("next, ").unwrap_or_else(|| panic!("no advice: {text}"))..];
        let mut advice = Advice::new();
        for line in text.lines().take_while(|line| !line.starts_with('(')) {
            match line
                .strip_prefix("    ")
                .or_else(|| line.strip_prefix("  ").filter(|line| !line.ends_with(':')))
            {
                Some(remedy) => advice.last_mut().unwrap().1.push(remedy.to_owned()),
                None => advice.push((line.trim().to_owned(), Vec::new())),
            }
        }
        advice.retain(|(_, lines)| !lines.is_empty());
        advice
    }

    /// Follows lines, one for each problem, and asserts that rows move and are proven.
    #[track_caller]
    fn follow(&self, lines: &[&str]) {
        let (mut flags, mut sections) = (Vec::new(), BTreeMap::<&str, Vec<&str>>::new());
        for line in lines {
            if let Some(policy) = line.strip_prefix("--on-reject ") {
                flags.extend(["--on-reject", policy.split_whitespace().next().unwrap()]);
            } else if let Some(decision) = line.strip_prefix("in mapping.toml: ") {
                let (section, entry) = decision.split_once("], ").unwrap();
                sections.entry(section).or_default().push(entry);
            } else if let Some((_, sql)) = line.split_once("such as: UPDATE ") {
                self.in_sqlite(&format!("UPDATE {sql}"));
            } else if let Some((_, sql)) = line.split_once("run again: ") {
                execute(&self.database, sql);
            } else if *line == "repair the rows in SQLite" {
                assert!(!self.kind.repair.is_empty(), "{line}");
                self.in_sqlite(self.kind.repair);
            } else {
                panic!("no way to follow {line}");
            }
        }
        if !sections.is_empty() {
            let words = sections.iter().map(|(name, lines)| format!("{name}]\n{}\n", lines.join("\n")));
            self.decide(&words.collect::<String>());
        }
        let output = self.migrate(&flags);
        assert!(
            !output.stdout.contains("nothing was changed") && output.stdout.contains("Proven"),
            "{lines:#?} did not help:\n{}",
            output.screen()
        );
    }
}

/// Checks what is offered, and follows each line: alone where it solves everything, else with a line for each other problem.
#[track_caller]
fn check(kind: Kind) {
    let case = Case::new(kind);
    let advice = case.advice();
    assert!(!Path::new(&case.place.path().join("rejects")).exists());
    let lines: Vec<&str> = advice.iter().flat_map(|(_, lines)| lines).map(String::as_str).collect();
    let is_equal = lines.len() == kind.offered.len()
        && lines.iter().zip(kind.offered).all(|(line, begin)| line.starts_with(begin));
    assert!(is_equal, "{lines:#?} is not {:#?}", kind.offered);
    let (at_once, each): (Vec<_>, Vec<_>) =
        advice.iter().partition(|(heading, _)| heading.starts_with("next, "));
    for line in at_once.iter().flat_map(|(_, lines)| lines) {
        Case::new(kind).follow(&[line]);
    }
    for turn in 0..each.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0) {
        let chosen: Vec<&str> =
            each.iter().map(|(_, lines)| lines[turn.min(lines.len() - 1)].as_str()).collect();
        Case::new(kind).follow(&chosen);
    }
}

const REPAIR: &str = "repair the rows in SQLite";
const SKIP: &str = "--on-reject skip";
const NULL: &str = "--on-reject null";
const TEXT: &str = "--on-reject text";
const BYTEA: &str = "--on-reject bytea";
const AS_TEXT: &str = "in mapping.toml: [tables.t.columns], v = { as = \"text_from_any\" }";
const AS_BYTEA: &str = "in mapping.toml: [tables.t.columns], v = { as = \"bytea_from_any\" }";

/// A column of years of which one is none.
const YEARS: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);
    INSERT INTO t VALUES (1, 2024), (2, '2023-02-30'), (3, 2025), (4, 2026);";

#[test]
fn values_of_tables_that_are_made() {
    check(Kind {
        source: YEARS,
        repair: "UPDATE t SET v = 2023 WHERE id = 2",
        offered: &[REPAIR, SKIP, NULL, TEXT, AS_TEXT],
        ..Kind::default()
    });
    // A conversion that was decided is not changed by an option.
    check(Kind {
        source: YEARS,
        mapping: "[tables.t.columns]\nv = { as = \"bigint\" }",
        repair: "UPDATE t SET v = 2023 WHERE id = 2",
        offered: &[REPAIR, SKIP, NULL, AS_TEXT],
        ..Kind::default()
    });
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT NOT NULL);
                 INSERT INTO t VALUES (1, 2024), (2, '2023-02-30'), (3, 2025), (4, 2026);",
        repair: "UPDATE t SET v = 2023 WHERE id = 2",
        offered: &[REPAIR, SKIP, TEXT, AS_TEXT],
        ..Kind::default()
    });
    // The plan is made again with the policy, and the foreign key becomes NOT VALID.
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);
                 INSERT INTO t VALUES (1, 2024), (2, '2023-02-30'), (3, 2025), (4, 2026);
                 CREATE TABLE child (id INTEGER PRIMARY KEY, t INT REFERENCES t (id)); INSERT INTO child VALUES (1, 2);",
        repair: "UPDATE t SET v = 2023 WHERE id = 2",
        offered: &[REPAIR, SKIP, NULL, TEXT, AS_TEXT],
        ..Kind::default()
    });
    // A rule that asks for a value.
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT, CHECK (v IS NOT NULL));
                 INSERT INTO t VALUES (1, 2024), (2, '2023-02-30'), (3, 2025), (4, 2026);",
        repair: "UPDATE t SET v = 2023 WHERE id = 2",
        offered: &[REPAIR, SKIP, TEXT, AS_TEXT],
        ..Kind::default()
    });
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
                 INSERT INTO t VALUES (1, 'a'), (2, CAST(x'6100' AS TEXT)), (3, 'c');",
        repair: "UPDATE t SET v = 'b' WHERE id = 2",
        offered: &[REPAIR, SKIP, NULL, BYTEA, AS_BYTEA],
        ..Kind::default()
    });
}

#[test]
fn values_that_a_columns_affinity_turns_back() {
    // TEXT turns 5 into '5'.
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, '5'), (2, '7');",
        mapping: "[tables.t.columns]\nv = { as = \"bigint\" }",
        offered: &[SKIP, NULL, AS_TEXT],
        ..Kind::default()
    });
    // NUMERIC turns '1' into 1.
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v NUMERIC); INSERT INTO t VALUES (1, 'a'), (2, '1.0');",
        mapping: "[tables.t.columns]\nv = { as = \"text\" }",
        offered: &[SKIP, NULL, AS_TEXT],
        ..Kind::default()
    });
    // A column without an affinity keeps both.
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB); INSERT INTO t VALUES (1, 5), (2, '7');",
        mapping: "[tables.t.columns]\nv = { as = \"bigint\" }",
        offered: &[
            "repair the rows in SQLite, such as: UPDATE \"t\" SET \"v\" = CAST(\"v\" AS INTEGER) WHERE typeof(\"v\") = 'text';",
            SKIP,
            NULL,
            AS_TEXT,
        ],
        ..Kind::default()
    });
}

#[test]
fn columns_whose_remedies_differ() {
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT, w TEXT, x INT NOT NULL);
                 INSERT INTO t VALUES (1, 2024, 'a', 1), (2, '2023-02-30', CAST(x'6100' AS TEXT), 2),
                                      (3, 2025, 'c', 'three'), (4, 2026, 'd', 4);",
        repair: "UPDATE t SET v = 2023, w = 'b' WHERE id = 2; UPDATE t SET x = 3 WHERE id = 3",
        offered: &[
            SKIP,
            REPAIR,
            AS_TEXT,
            "in mapping.toml: [tables.t.columns], v = { on_reject = \"skip\" }",
            "in mapping.toml: [tables.t.columns], v = { on_reject = \"null\" }",
            REPAIR,
            "in mapping.toml: [tables.t.columns], w = { as = \"bytea_from_any\" }",
            "in mapping.toml: [tables.t.columns], w = { on_reject = \"skip\" }",
            "in mapping.toml: [tables.t.columns], w = { on_reject = \"null\" }",
            REPAIR,
            "in mapping.toml: [tables.t.columns], x = { as = \"text_from_any\" }",
            "in mapping.toml: [tables.t.columns], x = { on_reject = \"skip\" }",
        ],
        ..Kind::default()
    });
}

#[test]
fn values_of_tables_that_an_app_made() {
    // Its type cannot change.
    let source =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 2024), (2, 'none');";
    check(Kind {
        source,
        target: "CREATE TABLE t (id int PRIMARY KEY, v int)",
        repair: "UPDATE t SET v = 2023 WHERE id = 2",
        offered: &[REPAIR, SKIP, NULL],
        ..Kind::default()
    });
    check(Kind {
        source,
        target: "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL)",
        repair: "UPDATE t SET v = 2023 WHERE id = 2",
        offered: &[REPAIR, SKIP],
        ..Kind::default()
    });
    check(Kind {
        source,
        target: "CREATE TABLE t (id int PRIMARY KEY, v int CONSTRAINT has_v CHECK (v IS NOT NULL))",
        repair: "UPDATE t SET v = 2023 WHERE id = 2",
        offered: &[REPAIR, SKIP],
        ..Kind::default()
    });
    // A row that others point to cannot be skipped, but its value can be NULL.
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 2024), (2, 'none');
                 CREATE TABLE child (id INTEGER PRIMARY KEY, t INT REFERENCES t (id)); INSERT INTO child VALUES (1, 2);",
        target: "CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE child (id int PRIMARY KEY, t int REFERENCES t);",
        repair: "UPDATE t SET v = 2023 WHERE id = 2",
        offered: &[REPAIR, NULL],
        ..Kind::default()
    });
    // Floating point has more digits than the column keeps.
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v NUMERIC); INSERT INTO t VALUES (1, 0.1), (2, 0.1 * 3);",
        target: "CREATE TABLE t (id int PRIMARY KEY, v numeric(10,2) NOT NULL)",
        repair: "UPDATE t SET v = round(v, 2)",
        offered: &[REPAIR, SKIP, "in mapping.toml: [tables.t.columns], v = { round = \"scale\" }"],
        ..Kind::default()
    });
}

#[test]
fn rows_that_the_rules_of_an_app_refuse() {
    // No policy for values helps against a key or a CHECK.
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'a');",
        target: "CREATE TABLE t (id int PRIMARY KEY, v text UNIQUE)",
        repair: "UPDATE t SET v = 'b' WHERE id = 2",
        offered: &[REPAIR],
        ..Kind::default()
    });
    check(Kind {
        source: "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 5), (2, -5);",
        target: "CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v > 0))",
        repair: "UPDATE t SET v = 6 WHERE id = 2",
        offered: &[
            REPAIR,
            "lift the rule in PostgreSQL, and run again: ALTER TABLE public.t DROP CONSTRAINT",
        ],
        ..Kind::default()
    });
}

#[test]
fn a_key_of_a_type_that_no_conversion_produces_is_text_for_the_migration() {
    let case = Case::new(Kind {
        source: "CREATE TABLE t (id TEXT PRIMARY KEY, v INT); INSERT INTO t VALUES ('16/B374D848', 1), ('0/10', 2);",
        target: "CREATE TABLE t (id pg_lsn PRIMARY KEY, v int)",
        ..Kind::default()
    });
    let refused = case.migrate(&[]);
    assert_ne!(refused.code, Some(0));
    let (before, after) = refused.stderr.split_once("and after the migration and its validation").unwrap();
    let statement = |words: &str| {
        let at = words.find("ALTER TABLE").unwrap();
        words[at..=at + words[at..].find(';').unwrap()].split_whitespace().collect::<Vec<_>>().join(" ")
    };
    execute(&case.database, &statement(before));
    let moved = case.migrate(&[]).expect(0);
    assert!(moved.stdout.contains("Proven"), "{}", moved.stdout);
    execute(&case.database, &statement(after));
    assert_eq!(
        value(&case.database, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM t"),
        "0/10 16/B374D848"
    );
    let kind = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum = 1";
    assert_eq!(value(&case.database, kind), "pg_lsn");
}
