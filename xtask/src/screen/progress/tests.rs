//! What each kind of work reads like, by a made-up clock.

use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn to_move(table: &str, chunks: usize, done: u64, bytes: Option<u64>) -> TableToMove {
    TableToMove { table: table.to_owned(), chunks, bytes_done: done, bytes, ..TableToMove::default() }
}

fn moving() -> Progress {
    let mut progress = Progress::default();
    progress.begin("rows", Unit::Bytes, None, at(0));
    let tables = [
        to_move("jobs", 2, 0, Some(86_000_000)),
        to_move("job_history", 2, 20_000_000, None),
        to_move("users", 1, 0, Some(41_000_000)),
    ];
    progress.rows_begin(&tables, |table| (table == "job_history").then_some(109_000_000), at(0));
    progress
}

#[test]
fn rows_are_told_by_bytes_with_a_rate_and_the_time_that_rows_have_left() {
    let mut progress = moving();
    assert_eq!(progress.line(at(0)).unwrap(), "rows        20.0 MB of 236.0 MB (8 %)");
    progress.add_to("jobs", 12_000_000, None, at(1));
    progress.add_to("job_history", 9_000_000, None, at(1));
    progress.look(at(1));
    assert_eq!(
        progress.line(at(1)).unwrap(),
        "rows        41.0 MB of 236.0 MB (17 %)  21.0 MB/s  about 9 seconds left for rows; \
         jobs 12.0 MB of 86.0 MB, job_history 29.0 MB of 109.0 MB"
    );
    progress.take_back("jobs", 12_000_000);
    assert!(progress.line(at(1)).unwrap().starts_with("rows        29.0 MB of 236.0 MB (12 %)"));
}

#[test]
fn a_table_is_shown_while_it_is_worked_at() {
    let names = |progress: &Progress, now| -> Vec<String> {
        progress.tables(now).into_iter().map(|item| item.name).collect()
    };
    let mut progress = moving();
    assert!(names(&progress, at(0)).is_empty(), "none has begun");
    progress.add_to("users", 1, None, at(1));
    progress.add_to("jobs", 1, None, at(1));
    assert_eq!(names(&progress, at(1)), ["jobs", "users"], "they keep the plan's order");
    progress.chunk_done("users");
    progress.chunk_done("jobs");
    assert_eq!(names(&progress, at(1)), ["jobs"], "the other has no chunk left");
    assert!(names(&progress, at(3)).is_empty(), "nothing is heard of it any more");
    progress.add_to("jobs", 1, None, at(9));
    assert_eq!(names(&progress, at(9)), ["jobs"]);
}

#[test]
fn without_a_count_there_is_no_percent_and_no_time() {
    let mut progress = Progress::default();
    progress.begin("rows", Unit::Bytes, None, at(0));
    progress.rows_begin(&[to_move("a", 2, 0, None), to_move("b", 1, 0, Some(10))], |_| None, at(0));
    progress.add_to("a", 4_000_000, None, at(2));
    assert_eq!(progress.line(at(2)).unwrap(), "rows        4.0 MB  2.0 MB/s; a 4.0 MB");
    assert_eq!(progress.total(at(2)).unwrap().share, None);
}

#[test]
fn builds_run_beside_the_rows_and_after_them() {
    let mut progress = moving();
    progress.build_started("jobs", "index by_status", at(1));
    assert!(progress.line(at(4)).unwrap().ends_with("; building index by_status of jobs  00:00:03"));
    progress.end();
    assert_eq!(progress.line(at(5)), None);
    progress.begin("constraints", Unit::None, None, at(5));
    progress.build_started("", "view v", at(6));
    assert_eq!(
        progress.line(at(125)).unwrap(),
        "constraints 00:02:00; building index by_status of jobs  00:02:04, building view v  00:01:59"
    );
    progress.build_finished("jobs", "index by_status");
    progress.build_finished("jobs", "index by_status");
    assert_eq!(progress.builds(at(125)).len(), 1);
}

#[test]
fn scans_and_comparisons_are_told_by_rows_and_a_seal_in_percent() {
    let mut progress = Progress::default();
    progress.begin("preflight", Unit::Rows, None, at(0));
    progress.add(123_456);
    assert_eq!(progress.line(at(2)).unwrap(), "preflight   123,456 rows  61,728 rows/s");
    progress.begin("seal", Unit::Share, Some(1000), at(2));
    progress.set(999);
    assert_eq!(progress.line(at(4)).unwrap(), "seal        99 %");
    progress.begin("validate", Unit::Rows, Some(40_000), at(4));
    progress.add_to("jobs", 10_000, Some(30_000), at(5));
    assert_eq!(
        progress.line(at(5)).unwrap(),
        "validate    10,000 of 40,000 rows (25 %)  10,000 rows/s  about 3 seconds left for validate; jobs 10,000 of 30,000 rows"
    );
}

#[test]
fn a_view_that_is_compared_is_named_once_all_rows_are() {
    let mut progress = Progress::default();
    progress.begin("validate", Unit::Rows, Some(100), at(0));
    progress.add_to("jobs", 100, Some(100), at(1));
    progress.view_started("late_orders", at(2));
    let line = progress.line(at(9)).unwrap();
    assert!(
        line.contains("100 of 100 rows (100 %)") && line.ends_with("; comparing view late_orders  00:00:07"),
        "{line}"
    );
    progress.view_finished("late_orders");
    assert!(!progress.line(at(9)).unwrap().contains("view"));
}

#[test]
fn names_are_anybodys_and_reach_no_terminal_as_they_are() {
    let mut progress = Progress::default();
    progress.begin("validate", Unit::Rows, None, at(0));
    progress.add_to("a\u{1b}[2Jb", 1, None, at(0));
    progress.add_to(&"n".repeat(300), 1, None, at(0));
    progress.build_started("t\n", "index\r", at(0));
    let line = progress.line(at(0)).unwrap();
    assert!(line.contains("a\\u{1b}[2Jb") && line.contains("index\\r of t\\n"), "{line}");
    assert!(line.len() < 200 && !line.contains(char::is_control), "{line}");
}
