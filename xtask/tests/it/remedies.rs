//! Remedies of `migrate` if rows prevent the start: each line is followed to the letter, and then the rows are migrated.

use std::fs;

use fixtures::hostile::HostileCase;
use rusqlite::Connection;
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::value;

/// The possible advice, by the prefixes of its lines.
const SKIP: &str = "--on-reject skip";
const NULL: &str = "--on-reject null";
const TEXT: &str = "--on-reject text";
const BYTEA: &str = "--on-reject bytea";
const AS: &str = "in mapping.toml: [tables.t.columns], ";
const REPAIR: &str = "repair the rows in SQLite";

struct Case {
    place: Place,
    database: TestDatabase,
}

impl Case {
    fn new(sql: &str) -> Case {
        let case = Case { place: Place::new(), database: TestDatabase::create() };
        case.source(sql);
        case
    }

    fn source(&self, sql: &str) {
        Connection::open(self.place.path().join("any.db")).unwrap().execute_batch(sql).unwrap();
    }

    fn migrate(&self, more: &[&str]) -> Output {
        let mut arguments = vec!["migrate", "--sqlite", "any.db", "--postgres", self.database.url()];
        arguments.extend_from_slice(more);
        self.place.run(arguments)
    }

    /// Runs a migration that must be refused without changes, and returns the lines of advice.
    #[track_caller]
    fn advice(&self, more: &[&str]) -> Vec<String> {
        let refused = self.migrate(more).expect(1);
        assert_eq!(
            value(
                &self.database,
                "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            ),
            "0"
        );
        let (_, advice) = refused.stdout.split_once("next, ").unwrap();
        let lines = advice.lines().filter(|line| line.starts_with("  ") && !line.ends_with(':'));
        lines.map(|line| line.trim_start().to_owned()).collect()
    }

    /// Migrates with a plan that is generated with this mapping.
    fn planned(&self, mapping: &str) -> Output {
        let folder = self.place.path().join("plan");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("mapping.toml"), format!("format = 1\n{mapping}")).unwrap();
        self.place.run(["generate", "--sqlite", "any.db", "--out", "plan"]).expect(0);
        self.migrate(&["--plan", "plan"])
    }
}

/// Asserts that the advice has exactly these lines, in this order.
#[track_caller]
fn assert_begins(advice: &[String], expected: &[&str]) {
    let is_equal = advice.len() == expected.len()
        && advice.iter().zip(expected).all(|(line, begin)| line.starts_with(begin));
    assert!(is_equal, "{advice:#?} is not {expected:#?}");
}

#[test]
fn policies_are_offered_where_they_help_and_not_again() {
    let years = "CREATE TABLE t (id INTEGER PRIMARY KEY, born INT);
                 INSERT INTO t VALUES (1, 2024), (2, '2023-02-30'), (3, 2025), (4, 2026);";
    let case = Case::new(years);
    assert_begins(&case.advice(&[]), &[REPAIR, SKIP, NULL, TEXT, AS]);
    case.migrate(&["--on-reject", "text"]).expect(0);
    for policy in ["skip", "null"] {
        // Proven, with rejects.
        Case::new(years).migrate(&["--on-reject", policy]).expect(1);
    }
    Case::new(years).planned("[tables.t.columns]\nborn = { as = \"text_from_any\" }").expect(0);
    // Text cannot hold a NUL or a blob, so `text` is not offered, and not offered again if it was chosen.
    let nul = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
               INSERT INTO t VALUES (1, 'a'), (2, CAST(x'610062' AS TEXT)), (3, 'c');";
    let case = Case::new(nul);
    assert_begins(&case.advice(&[]), &[REPAIR, SKIP, NULL, BYTEA, AS]);
    assert_begins(&case.advice(&["--on-reject", "text"]), &[REPAIR, SKIP, NULL, BYTEA, AS]);
    case.migrate(&["--on-reject", "null"]).expect(1);
    // Bytes can hold both, and text that is not UTF-8. Where another value does not fit, or the column is a key, they are no remedy.
    for sql in [nul.to_owned(), nul.replace("610062", "61ff")] {
        let case = Case::new(&sql);
        assert_begins(&case.advice(&[]), &[REPAIR, SKIP, NULL, BYTEA, AS]);
        case.migrate(&["--on-reject", "bytea"]).expect(0);
        assert_eq!(value(&case.database, "SELECT encode(v, 'escape') FROM t WHERE id = 3"), "c");
        Case::new(&sql).planned("on_reject = \"bytea\"").expect(0);
        Case::new(&sql).planned("[tables.t.columns]\nv = { on_reject = \"bytea\" }").expect(0);
    }
    let key = nul.replace("v TEXT", "v TEXT UNIQUE");
    assert!(!Case::new(&key).advice(&[]).iter().any(|line| line.starts_with(BYTEA)));
    let limit = Case::new(nul).advice(&["--on-reject", "skip", "--reject-limit", "0"]);
    assert!(limit.iter().any(|line| line.starts_with(AS) && line.contains("bytea_from_any")), "{limit:?}");
    Case::new(nul).planned("[tables.t.columns]\nv = { as = \"bytea_from_any\" }").expect(0);
}

#[test]
fn an_option_does_not_overrule_the_decision_for_a_column() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, born INT);
         INSERT INTO t VALUES (1, 2024), (2, '2023-02-30'), (3, 2025), (4, 2026);",
    );
    let stop = "[tables.t.columns]\nborn = { as = \"bigint\", on_reject = \"stop\" }";
    let refused = case.planned(stop).expect(1);
    assert!(!refused.stdout.contains(SKIP) && !refused.stdout.contains(TEXT), "{}", refused.stdout);
    assert!(
        refused.stdout.contains("in mapping.toml: [tables.t.columns], born = { on_reject = \"skip\" }"),
        "{}",
        refused.stdout
    );
    case.planned(&stop.replace("stop", "skip")).expect(1);
    assert_eq!(value(&case.database, "SELECT count(*) FROM t"), "3");
}

#[test]
fn more_rejects_than_the_limit_are_helped_by_a_higher_one() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, born INT);
         INSERT INTO t VALUES (1, 2024), (2, '2023-02-30'), (3, 2025), (4, 2026);",
    );
    let advice = case.advice(&["--on-reject", "skip", "--reject-limit", "0"]);
    assert_begins(&advice, &[REPAIR, "raise --reject-limit, or omit it", AS]);
    case.planned("[tables.t.columns]\nborn = { as = \"text_from_any\" }").expect(0);
}

#[test]
fn an_orphan_needs_a_plan_that_was_made_for_it() {
    let place = Place::new();
    let built = HostileCase::named("orphan").unwrap().build(place.path()).unwrap();
    fs::rename(place.path().join("orphan.db"), place.path().join("any.db")).unwrap();
    let case = Case { place, database: TestDatabase::create() };
    let advice = case.advice(&[]);
    drop(built);
    assert_begins(&advice, &[REPAIR, "make the plan again from this file: "]);
    // Rows that break a constraint lead to exit status 1, and are proven.
    let moved = case.planned("").expect(1);
    assert!(moved.stdout.contains("NOT VALID"), "{}", moved.stdout);
}

#[test]
fn a_value_that_sqlite_cannot_compute_is_rejected_or_its_column_is_skipped() {
    let sql =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, doc TEXT); INSERT INTO t VALUES (1, '{}'), (2, 'no JSON');
               ALTER TABLE t ADD COLUMN kind TEXT AS (json_extract(doc, '$.kind'));";
    let case = Case::new(sql);
    let refused = case.migrate(&[]).expect(1);
    case.place.snapshot("remedies-uncomputed", &refused.screen());
    assert_begins(
        &case.advice(&[]),
        &[
            REPAIR,
            SKIP,
            NULL,
            "in mapping.toml: [tables.t.columns], kind = { skip",
            "in mapping.toml: [leave_behind], t = ",
        ],
    );
    case.migrate(&["--on-reject", "skip"]).expect(1);
    Case::new(sql).migrate(&["--on-reject", "null"]).expect(1);
    Case::new(sql).planned("[tables.t.columns]\nkind = { skip = \"broken\" }").expect(0);
    let more = format!("{sql} CREATE TABLE other (id INTEGER PRIMARY KEY);");
    Case::new(&more).planned("[leave_behind]\nt = \"broken\"").expect(0);
}

#[test]
fn a_row_that_is_too_wide_needs_fewer_columns_or_shorter_ones() {
    let columns: Vec<String> = (0..1020).map(|number| format!("c{number} INTEGER")).collect();
    let values = vec!["7000000000000"; 1020].join(", ");
    let sql = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, {}); INSERT INTO t VALUES (1, {values});",
        columns.join(", ")
    );
    let case = Case::new(&sql);
    let refused = case.migrate(&["--quiet"]).expect(1);
    case.place.snapshot("remedies-wide", &refused.screen());
    assert_begins(&case.advice(&["--on-reject", "skip"]), &[REPAIR, "skip columns of t in mapping.toml"]);
    let skipped: String = (0..10).map(|number| format!("c{number} = {{ skip = \"too wide\" }}\n")).collect();
    case.planned(&format!("[tables.t.columns]\n{skipped}")).expect(0);
}

#[test]
fn a_key_that_is_too_long_needs_another_index_or_none() {
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, u TEXT UNIQUE);
               CREATE INDEX by_v ON t (v); CREATE INDEX \"lower v\" ON t (lower(v));
               CREATE TABLE named (k TEXT PRIMARY KEY); CREATE TABLE child (k TEXT REFERENCES named (k));
               INSERT INTO t VALUES (1, hex(randomblob(4000)), hex(randomblob(3000)));
               INSERT INTO named VALUES (substr('fixed' || hex(randomblob(3000)), 1, 5000));";
    let case = Case::new(sql);
    let refused = case.migrate(&["--quiet"]).expect(1);
    let shown = refused.screen();
    assert!(
        shown.contains(
            "named, named_pkey on btree (k): 1 of 1 row: keys of up to 5,000 bytes, and a B-tree takes 2,704"
        ),
        "{shown}"
    );
    assert!(shown.contains("t, by_v on btree (v): 1 of 1 row: keys of up to 8,000 bytes"), "{shown}");
    let advice = case.advice(&[]);
    assert_begins(
        &advice,
        &[
            REPAIR,
            "skip named_pkey in mapping.toml: [tables.named.skip_indexes], named_pkey = \"its keys are too long\"",
            REPAIR,
            "skip t_u_key in mapping.toml: [tables.t.skip_indexes], t_u_key = \"its keys are too long\"",
            REPAIR,
            "skip by_v in mapping.toml: [tables.t.skip_indexes], by_v = \"its keys are too long\", with a hash index",
            REPAIR,
            "skip lower v in mapping.toml: [tables.t.skip_indexes], \"lower v\" = \"its keys are too long\"",
        ],
    );
    // The lines of the advice, joined by commas.
    let mut mapping = String::from(
        "[tables.named.skip_indexes]\nnamed_pkey = \"its keys are too long\"\n[tables.t.skip_indexes]\n",
    );
    for line in advice.iter().filter(|line| line.contains("[tables.t.skip_indexes]")) {
        let (_, entry) = line.split_once("skip_indexes], ").unwrap();
        mapping.push_str(entry.split_once(", with").map_or(entry, |(entry, _)| entry));
        mapping.push('\n');
    }
    let (_, hash) = advice.iter().find_map(|line| line.split_once("equality: ")).unwrap();
    mapping.push_str(&hash.replacen("]], ", "]]\n", 1).replace("\", ", "\"\n").replace("], ", "]\n"));
    let moved = case.planned(&mapping).expect(0);
    assert!(moved.stdout.contains("Proven"), "{}", moved.stdout);
    assert_eq!(
        value(
            &case.database,
            "SELECT string_agg(indexdef, '; ' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'public' AND tablename IN ('t', 'named', 'child')"
        ),
        "CREATE INDEX by_v ON public.t USING hash (v); CREATE UNIQUE INDEX t_pkey ON public.t USING btree (id)"
    );
    let unknown = "[tables.t.skip_indexes]\nby_w = \"there is none\"";
    fs::write(case.place.path().join("plan/mapping.toml"), format!("format = 1\n{unknown}")).unwrap();
    let refused = case.place.run(["generate", "--sqlite", "any.db", "--out", "plan"]).expect(2);
    assert!(refused.stderr.contains("by_v"), "{}", refused.stderr);
}

#[test]
fn a_key_that_is_too_long_for_an_added_index_needs_another_index_or_none() {
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, tags TEXT);
               INSERT INTO t VALUES (1, hex(randomblob(4000)), json_array(hex(randomblob(4000))));";
    let columns = "[tables.t.columns]\ntags = { as = \"text_array_from_json\" }\n";
    let index =
        |name: &str, more: &str| format!("[[tables.t.indexes]]\nname = \"{name}\"\n{more}\nwhy = \"test\"\n");
    let by_v = index("by_v", "columns = [\"v\"]");
    let by_tag = index("by_tag", "method = \"gin\"\ncolumns = [\"tags\"]");
    let case = Case::new(sql);
    let refused = case.planned(&format!("{columns}{by_v}{by_tag}")).expect(1);
    let advice: Vec<&str> =
        refused.stdout.lines().map(str::trim).filter(|line| line.starts_with("remove ")).collect();
    let [of_v, of_tag] = advice.as_slice() else { panic!("{}", refused.stdout) };
    assert_eq!(*of_tag, "remove by_tag from [[tables.t.indexes]] in mapping.toml");
    let (remove, hash) =
        of_v.split_once(", with a hash index in its place where queries ask for equality: ").unwrap();
    assert_eq!(remove, "remove by_v from [[tables.t.indexes]] in mapping.toml");
    let hash = hash.replacen("]], ", "]]\n", 1).replace("\", ", "\"\n").replace("], ", "]\n");
    case.planned(&format!("{columns}{hash}")).expect(0);
}
