//! Values that are too long to be held in memory: they move and are proven all the same, and memory stays bounded.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use migrate_core::mapping::Mapping;
use migrate_core::plan::Plan;
use migrate_core::render;
use row_mover::row_encoder::PIECE_BYTES;
use row_mover::run::{self, Outcome, Request, Silent};
use row_mover::source::evidence;
use row_mover::source::rows::HELD_MAX_BYTES;
use row_mover::target::migration::Migration;

use crate::damage::check_each;
use crate::support::{Case, moved, request};

/// Where the child finds what it moves.
const CHILD_VARIABLES: [&str; 2] = ["LONG_TEST_DIR", "LONG_TEST_URL"];

/// What the program may hold at any size of a database.
const RESIDENT_MAX_KB: u64 = 64 << 10;

/// SQL for a text of so many bytes, in which characters of one to four bytes take turns.
fn text_sql(bytes: u32) -> String {
    // Ten bytes for each two digits; what is left is filled with letters.
    let (whole, rest) = (bytes / 10, bytes % 10);
    format!("replace(hex(zeroblob({whole})), '00', 'aé€😀') || '{}'", "z".repeat(rest as usize))
}

/// The private memory of this process, in kB. Pages of the sealed copy, which is mapped, are file cache that the system can take back.
fn private_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Calls `work`, and returns the most private memory of this process meanwhile, in kB, from samples each millisecond.
fn with_peak_kb<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sampled = scope.spawn(|| {
            let mut peak = private_kb();
            while !is_over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
                peak = peak.max(private_kb());
            }
            peak
        });
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        (done, sampled.join().unwrap())
    })
}

#[test]
#[ignore = "the process that measures its own memory, which another test of this module starts"]
fn child() {
    let [dir, url] = CHILD_VARIABLES.map(|name| std::env::var(name).ok());
    let (Some(dir), Some(url)) = (dir.map(PathBuf::from), url) else { return };
    let before = private_kb();
    let source = dir.join("source.db");
    let mapping = Mapping::from_toml("format = 1\n").unwrap();
    let ((_, planned), planning) = with_peak_kb(|| evidence::plan(&source, &mapping, 2, &|_| {}).unwrap());
    let plan = Plan::from_json(&fs::read_to_string(dir.join("plan.json")).unwrap()).unwrap();
    assert_eq!(planned, plan);
    let migrations = Migration::in_folder(&dir.join("migrations")).unwrap();
    // As large as anybody else's: memory is what is measured.
    let request = Request { chunk_bytes: run::CHUNK_BYTES, ..request(&dir, &url, &plan, &migrations) };
    let (done, moving) = with_peak_kb(|| moved(run::migrate(&request, &Silent)));
    let compared: u64 = done.validation.tables.iter().map(|table| table.equal).sum();
    fs::write(dir.join("peak"), format!("{compared} {before} {planning} {}", planning.max(moving))).unwrap();
}

/// Moves a case in a process of its own: the rows that were compared, and its most memory in kB before, after planning and at the end.
pub fn measured(case: &Case) -> [u64; 4] {
    fs::write(case.dir.path().join("plan.json"), render::plan_json(&case.plan)).unwrap();
    let values = [case.dir.path().to_str().unwrap(), case.database.url()];
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "long_values::child", "--ignored", "--nocapture", "--test-threads=1"])
        .envs(CHILD_VARIABLES.into_iter().zip(values))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let told = fs::read_to_string(case.dir.path().join("peak")).unwrap();
    let numbers: Vec<u64> = told.split(' ').map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

#[test]
fn memory_stays_bounded_whatever_the_length_of_a_value() {
    /// How long the values are, in millions of bytes; several hundred times what is read at once.
    const MILLIONS: u32 = 100;
    let case = Case::new(&format!(
        "CREATE TABLE keyed (id INTEGER PRIMARY KEY, b BLOB, t TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO keyed SELECT i, NULL, 'row' FROM n;
         CREATE TABLE named (k TEXT PRIMARY KEY, b BLOB); INSERT INTO named SELECT 'k' || id, x'00' FROM keyed;
         CREATE TABLE loose (b BLOB, n INTEGER); INSERT INTO loose SELECT x'01', id FROM keyed;
         INSERT INTO keyed VALUES (-5, randomblob({MILLIONS}000000), {text}), (500000, randomblob({MILLIONS}000000), 'short');
         INSERT INTO named VALUES ('k0', randomblob({MILLIONS}000000)); INSERT INTO loose VALUES (randomblob({MILLIONS}000000), 7);
         CREATE VIEW whole AS SELECT id, t FROM keyed;
         CREATE VIEW joined AS SELECT group_concat(a.k, '') AS v FROM named a, named b, named c;",
        text = text_sql(MILLIONS * 1_000_000),
    ));
    let [rows, before, planning, peak] = measured(&case);
    assert_eq!(rows, 3004);
    assert!(peak < RESIDENT_MAX_KB, "{before} kB before, {planning} kB after planning, {peak} kB at the end");
}

#[test]
fn values_around_the_limit_move_and_each_difference_is_found() {
    let held = HELD_MAX_BYTES;
    let sizes = [held - 1, held, held + 1, 3 * held + 7];
    let mut rows = String::new();
    for (id, bytes) in (1..).zip(sizes) {
        let text = text_sql(bytes);
        rows.push_str(&format!(
            "INSERT INTO numbered VALUES ({id}, randomblob({bytes}), {text}, {id});
             INSERT INTO named SELECT 'k' || (9 - id), b, t FROM numbered WHERE id = {id};
             INSERT INTO loose SELECT b, t FROM numbered WHERE id = {id};
             INSERT INTO pairs SELECT id, b FROM numbered WHERE id = {id};
             INSERT INTO doubled (id, t) SELECT id, t FROM numbered WHERE id = {id};
             INSERT INTO mixed SELECT id, CASE WHEN id % 2 THEN b ELSE t END FROM numbered WHERE id = {id};"
        ));
    }
    let case = Case::mapped(
        &format!(
            "CREATE TABLE numbered (id INTEGER PRIMARY KEY, b BLOB, t TEXT NOT NULL, n INTEGER);
             CREATE TABLE named (k TEXT PRIMARY KEY, b BLOB, t TEXT);
             CREATE TABLE loose (b BLOB, t TEXT);
             CREATE TABLE pairs (id INTEGER PRIMARY KEY, b BLOB) WITHOUT ROWID;
             CREATE TABLE doubled (id INTEGER PRIMARY KEY, t TEXT, s INTEGER GENERATED ALWAYS AS (length(t)) STORED);
             CREATE TABLE mixed (id INTEGER PRIMARY KEY, v);
             INSERT INTO numbered VALUES (-3, NULL, '', NULL), (100, x'', 'é', 0);
             INSERT INTO named VALUES ('a', NULL, NULL), ('z', x'00', 'z'); INSERT INTO loose VALUES (NULL, NULL), (x'', '');
             {rows}"
        ),
        "[tables.mixed.columns]\nv = { as = \"bytea_from_any\" }",
    );
    let told = case.moved();
    let equal: Vec<(&str, u64)> =
        told.validation.tables.iter().map(|table| (table.table.as_str(), table.equal)).collect();
    assert_eq!(
        equal,
        [("doubled", 4), ("loose", 6), ("mixed", 4), ("named", 6), ("numbered", 6), ("pairs", 4)]
    );
    let flip = |column: &str, at: u32| {
        format!("{column} = set_byte({column}, {at}, 255 - get_byte({column}, {at}))")
    };
    let changes = [
        ("numbered", flip("b", held * 2), "WHERE id = 4", vec!["numbered id=4 different b"]),
        ("numbered", flip("b", held), "WHERE id = 3", vec!["numbered id=3 different b"]),
        ("numbered", flip("b", 0), "WHERE id = 2", vec!["numbered id=2 different b"]),
        ("named", flip("b", held), "WHERE k = 'k6'", vec!["named k='k6' different b"]),
        ("pairs", flip("b", held * 3 + 6), "WHERE id = 4", vec!["pairs id=4 different b"]),
        ("mixed", flip("v", held + 3), "WHERE id = 4", vec!["mixed id=4 different v"]),
        (
            "loose",
            flip("b", held),
            "WHERE octet_length(b) > 3000000",
            vec!["loose rowid=6, ctid=(0,7) different b"],
        ),
    ];
    let changes: Vec<(String, String, Vec<&str>)> = changes
        .into_iter()
        .map(|(table, set, filter, found)| {
            let change = format!("UPDATE {table} SET {set} {filter}");
            (change.clone(), change, found)
        })
        .collect();
    let changes: Vec<(&str, &str, Vec<&str>)> =
        changes.iter().map(|(change, back, found)| (change.as_str(), back.as_str(), found.clone())).collect();
    check_each(&case, &changes);
    check_each(
        &case,
        &[
            (
                "CREATE SCHEMA aside; CREATE TABLE aside.kept AS SELECT * FROM numbered WHERE id = 4; DELETE FROM numbered WHERE id = 4",
                "INSERT INTO numbered SELECT * FROM aside.kept; DROP SCHEMA aside CASCADE",
                vec!["numbered id=4 missing"],
            ),
            (
                "INSERT INTO numbered SELECT 50, b, t, n FROM numbered WHERE id = 4",
                "DELETE FROM numbered WHERE id = 50",
                vec!["numbered id=50 extra"],
            ),
            (
                "UPDATE numbered SET t = t || 'x', b = b || '\\x00' WHERE id = 4",
                "UPDATE numbered SET t = left(t, -1), b = substr(b, 1, octet_length(b) - 1) WHERE id = 4",
                vec!["numbered id=4 different b, t"],
            ),
            (
                "CREATE SCHEMA aside; CREATE TABLE aside.kept AS SELECT * FROM numbered WHERE id = 4; UPDATE numbered SET b = NULL, t = 'short' WHERE id = 4",
                "UPDATE numbered SET b = kept.b, t = kept.t FROM aside.kept WHERE kept.id = numbered.id; DROP SCHEMA aside CASCADE",
                vec!["numbered id=4 different b, t"],
            ),
            (
                "CREATE SCHEMA aside; CREATE TABLE aside.kept AS SELECT t FROM numbered WHERE id = 4; UPDATE numbered SET t = numbered.t || kept.t FROM aside.kept WHERE id = 100",
                "UPDATE numbered SET t = 'é' WHERE id = 100; DROP SCHEMA aside CASCADE",
                vec!["numbered id=100 different t"],
            ),
        ],
    );
}

/// A table in which long values stand beside values that PostgreSQL cannot hold, and in which some of the long ones are that.
fn with_rejects() -> String {
    let (long, piece) = (HELD_MAX_BYTES * 2, u32::try_from(PIECE_BYTES).unwrap());
    let sound = text_sql(long);
    // A character of three bytes lies over the border of two pieces.
    let cut = format!("hex(zeroblob({})) || 'z€' || {sound}", piece / 2 - 1);
    format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, b BLOB, n INTEGER, j TEXT);
         INSERT INTO t VALUES (1, {sound}, zeroblob({long}), 1, '[1]'), (2, 'short', x'', 2, NULL),
           (3, CAST(CAST({sound} AS BLOB) || x'00' AS TEXT), zeroblob({long}), 3, NULL),
           (4, CAST(CAST({sound} AS BLOB) || x'e282' AS TEXT), x'04', 4, NULL),
           (5, {cut}, zeroblob({long}), 5, '[\"' || {sound} || '\",  1]'),
           (6, {sound}, zeroblob({long}), 'no number', NULL),
           (7, {sound}, zeroblob({long}), 7, '[1]'), (8, 'short', CAST(zeroblob({long}) AS TEXT), 8, NULL);"
    )
}

const TYPED: &str = "[tables.t.columns]\nn = { as = \"bigint\" }\nv = { as = \"text\" }\nb = { as = \"bytea\" }\nj = { as = \"jsonb\" }";

#[test]
fn a_long_text_that_postgresql_cannot_hold_is_found_at_its_last_byte() {
    let case = Case::mapped(&with_rejects(), TYPED);
    let Ok(Outcome::Rejected { findings, .. }) = run::migrate(&case.request(), &Silent) else {
        panic!("not refused")
    };
    let found: Vec<String> = (findings.tables[0].offenders.iter())
        .flat_map(|column| {
            column.first.iter().map(|row| format!("{} {} {}", row.key, column.column, row.reason))
        })
        .collect();
    assert_eq!(
        found,
        [
            "id=3 v NUL character at byte 2097152, which PostgreSQL text cannot hold",
            "id=4 v invalid UTF-8 at byte 2097152",
            "id=6 n text where integer is expected",
            "id=8 b text where blob is expected",
        ]
    );
    assert_eq!(case.target_objects(), Vec::<String>::new());
}

#[test]
fn skipped_rows_with_long_values_are_saved_in_full() {
    for (policy, moved, nulled) in [("skip", "1,2,5,7", "0"), ("null", "1,2,3,4,5,6,7,8", "4")] {
        let case = Case::mapped(&with_rejects(), &format!("on_reject = \"{policy}\"\n{TYPED}"));
        let told = case.moved();
        assert_eq!(case.ask("SELECT string_agg(id::text, ',' ORDER BY id) FROM t"), [moved]);
        assert_eq!(case.ask("SELECT sum(nulled) FROM migration.chunks"), [nulled]);
        let lengths = "SELECT octet_length(v), octet_length(b), position('z€' in v), octet_length((j->0)::text) FROM t WHERE id = 5";
        assert_eq!(case.ask(lengths), ["2359298|2097152|262143|2097154"], "{policy}");
        let file = fs::read_to_string(&told.rejected[0].file).unwrap();
        let rows: Vec<serde_json::Value> =
            file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |row: &serde_json::Value| {
            let length = |column: &str, class: &str| row["row"][column][class].as_str().map(str::len);
            (
                row["rowid"].as_i64().unwrap(),
                length("v", "text"),
                length("v", "text_hex"),
                length("b", "blob_hex"),
            )
        };
        assert_eq!(
            rows.iter().map(of).collect::<Vec<_>>(),
            [
                (3, Some(2_097_153), None, Some(4_194_304)),
                (4, None, Some(4_194_308), Some(2)),
                (6, Some(2_097_152), None, Some(4_194_304)),
                (8, Some(5), None, None),
            ]
        );
        let text = rows[2]["row"]["v"]["text"].as_str().unwrap();
        assert!(text.bytes().eq("aé€😀".bytes().cycle().take(2_097_150).chain(*b"zz")));
        assert_eq!(rows[3]["row"]["b"]["text"].as_str().map(str::len), Some(2_097_152));
    }
}
