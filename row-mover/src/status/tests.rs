//! Tests the status that follows from the data, case by case, without a database.

use super::*;

fn run(done: &[Phase]) -> RunStatus {
    let phase = |&phase: &Phase| PhaseStatus { phase, seconds: 1.0, finished_at: "then".to_owned() };
    let table = |name: &str, done, all| TableStatus {
        table: name.to_owned(),
        chunks: 4,
        chunks_done: done,
        bytes: done * 100,
        bytes_all: all,
        seconds: 2.0,
        ..TableStatus::default()
    };
    RunStatus {
        phases: done.iter().map(phase).collect(),
        tables: vec![table("jobs", 1, Some(500)), table("users", 4, Some(400))],
        validated_at: done.contains(&Phase::Validate).then(|| "then".to_owned()),
        ..RunStatus::default()
    }
}

#[test]
fn what_comes_next_follows_from_the_phases_that_are_done() {
    for (done, standing, next) in [
        (2, Standing::Unfinished, NextStep::Resume(Phase::Schema)),
        (3, Standing::Unfinished, NextStep::Resume(Phase::Rows)),
        (4, Standing::Unfinished, NextStep::Resume(Phase::Constraints)),
        (5, Standing::Unfinished, NextStep::Validate),
        (6, Standing::Validated, NextStep::Nothing { validated_at: Some("then".to_owned()) }),
    ] {
        let status = Status::new(Some(run(&Phase::ALL[..done])), false, Vec::new(), None);
        assert_eq!((status.standing, status.next), (standing, next), "{done} phases done");
    }
    let none = Status::new(None, false, Vec::new(), None);
    assert_eq!((none.standing, none.next), (Standing::None, NextStep::Migrate));
    for (run, next) in [
        (None, NextStep::AwaitSeal),
        (Some(run(&Phase::ALL[..3])), NextStep::Await),
        (Some(run(&Phase::ALL)), NextStep::Await),
    ] {
        assert_eq!(Status::new(run, true, Vec::new(), None).next, next);
    }
}

#[test]
fn time_is_estimated_while_rows_move_and_never_without_a_rate() {
    let moving = || Some(run(&Phase::ALL[..3]));
    let estimate = |run, is_at_work, rate| Status::new(run, is_at_work, Vec::new(), rate).estimate;
    assert_eq!(
        estimate(moving(), true, Some(200.0)),
        Some(Estimate { bytes_per_second: 200.0, rows_seconds_left: Some(2.0) })
    );
    assert_eq!(estimate(moving(), false, Some(200.0)), None, "nobody moves anything");
    assert_eq!(estimate(moving(), true, None), None, "nothing to go on");
    let mut uncounted = run(&Phase::ALL[..3]);
    uncounted.tables[0].bytes_all = None;
    let found = estimate(Some(uncounted), true, Some(200.0)).unwrap();
    assert_eq!(found.rows_seconds_left, None, "nobody knows how much is left");
    let mut done = run(&Phase::ALL[..4]);
    done.tables[0].chunks_done = 4;
    assert_eq!(estimate(Some(done), true, Some(200.0)), None, "the rows are there");
}

#[test]
fn the_share_of_a_table_is_by_bytes_where_they_are_counted() {
    let run = run(&[]);
    assert_eq!(run.tables[0].share(), Some(0.2));
    assert_eq!(run.tables[1].share(), Some(1.0));
    let uncounted = TableStatus { bytes_all: None, ..run.tables[0].clone() };
    assert_eq!(uncounted.share(), Some(0.25));
    assert_eq!(TableStatus::default().share(), None);
    assert_eq!(TableStatus { rows_all: Some(0), ..TableStatus::default() }.share(), Some(1.0), "it is empty");
    // Rows were counted as preflight saw them: a policy or the app may make them more.
    let more = TableStatus { bytes: 700, ..run.tables[0].clone() };
    assert_eq!(more.share(), Some(1.0));
}
