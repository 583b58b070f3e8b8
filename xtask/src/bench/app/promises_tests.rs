//! Each promise with figures just inside and just outside of each bound.

use super::backend::BackendKind::{self, Postgres, SqliteFull, SqliteNormal};
use super::connections::ConnectionFigures;
use super::growth::{GrowthFigures, Operation, OperationFigures};
use super::json_queries::{JsonFigures, PatternFigures};
use super::losses::{Loss, losses};
use super::measure::{ErrorCounts, Load};
use super::pacing::Pacing;
use super::promises::{Evidence, Promise, Verdict, judge, most_served};
use super::results::{CellFigures, Latency, Results};
use super::words;
use super::workload::Workload;

fn at(p50: f64) -> Latency {
    Latency { p50, ..Latency::default() }
}

fn cell(backend: BackendKind, workload: Workload, users: u32, pacing: Pacing) -> CellFigures {
    CellFigures {
        backend,
        load: Load { workload, users, pacing },
        throughput: 100.0,
        throughput_spread: (90.0, 110.0),
        served_share: (pacing == Pacing::ThinkTime).then_some(1.0),
        starved_users: None,
        operations: 1_000,
        errors: ErrorCounts::default(),
        latency: Latency { p50: 1.0, p95: 5.0, p99: 9.0, max: 10.0 },
        claim: None,
    }
}

#[track_caller]
fn verdict(results: &Results, promise: Promise) -> Verdict {
    judge(results).into_iter().find(|one| one.promise == promise).unwrap().verdict
}

/// Both databases with all writing workloads for each number of users.
fn writing(users: &[u32], pacing: Pacing) -> Results {
    let mut results = Results::default();
    for workload in Workload::WRITING {
        for users in users {
            for backend in [SqliteFull, Postgres] {
                results.cells.push(cell(backend, workload, *users, pacing));
            }
        }
    }
    results
}

#[track_caller]
fn change(
    results: &mut Results,
    backend: BackendKind,
    workload: Workload,
    users: u32,
    change: impl Fn(&mut CellFigures),
) {
    let found = results
        .cells
        .iter_mut()
        .find(|cell| cell.backend == backend && cell.load.workload == workload && cell.load.users == users);
    change(found.unwrap());
}

#[test]
fn without_figures_nothing_is_judged() {
    for judgement in judge(&Results::default()) {
        assert_eq!(judgement.verdict, Verdict::NotMeasured, "{:?}", judgement.promise);
    }
}

#[test]
fn a_pool_must_save_four_fifths_with_each_number_of_threads() {
    let figures = |threads, pooled| ConnectionFigures {
        threads,
        statement: at(1.0),
        per_request: at(11.0),
        pooled: at(pooled),
    };
    for (pooled, expected) in
        [([3.0, 3.0], Verdict::Met), ([2.9, 3.01], Verdict::MetInPart), ([3.01, 3.01], Verdict::NotMet)]
    {
        let [one, ten] = pooled;
        let results = Results { connections: vec![figures(1, one), figures(10, ten)], ..Results::default() };
        assert_eq!(verdict(&results, Promise::ConnectionOverhead), expected, "{pooled:?}");
    }
}

#[test]
fn a_hundred_users_are_served_within_all_bounds() {
    type Change = fn(&mut CellFigures);
    let cases: [(Change, bool); 6] = [
        (|cell| cell.latency.p95 = 100.0, true),
        (|cell| cell.latency.p95 = 100.1, false),
        (|cell| cell.served_share = Some(0.95), true),
        (|cell| cell.served_share = Some(0.949), false),
        (|cell| cell.served_share = None, false),
        (|cell| cell.errors.busy = 1, false),
    ];
    for (at, (apply, is_served)) in cases.into_iter().enumerate() {
        let mut results = writing(&[20, 100, 200], Pacing::ThinkTime);
        change(&mut results, Postgres, Workload::Queue, 100, apply);
        let expected = if is_served { Verdict::Met } else { Verdict::MetInPart };
        assert_eq!(verdict(&results, Promise::ConcurrentUsers), expected, "case {at}");
        // Larger numbers do not count where a smaller one was not served.
        assert_eq!(most_served(&results, Postgres), Some(if is_served { 200 } else { 20 }), "case {at}");
        assert_eq!(most_served(&results, SqliteFull), Some(200));
        assert_eq!(most_served(&results, SqliteNormal), None);
    }
    let mut results = writing(&[100], Pacing::ThinkTime);
    for workload in Workload::WRITING {
        change(&mut results, Postgres, workload, 100, |cell| cell.latency.p95 = 101.0);
    }
    assert_eq!(verdict(&results, Promise::ConcurrentUsers), Verdict::NotMet);
    assert_eq!(verdict(&writing(&[50], Pacing::ThinkTime), Promise::ConcurrentUsers), Verdict::NotMeasured);
}

#[test]
fn growth_may_double_a_median_of_postgresql() {
    let operation =
        |backend, operation, large| OperationFigures { backend, operation, small: at(1.0), large: at(large) };
    for (claim, read, expected) in
        [(2.0, 1.0, Verdict::Met), (2.01, 1.0, Verdict::MetInPart), (2.01, 3.0, Verdict::NotMet)]
    {
        let operations = vec![
            operation(Postgres, Operation::Claim, claim),
            operation(Postgres, Operation::ReadJob, read),
            operation(SqliteFull, Operation::Claim, 90.0),
        ];
        let growth = Some(GrowthFigures { jobs: [1, 100], bytes: [[1, 2]; 2], operations });
        let results = Results { growth, ..Results::default() };
        assert_eq!(verdict(&results, Promise::DataGrowth), expected, "{claim} {read}");
    }
}

#[test]
fn documents_are_compared_with_the_faster_way_of_sqlite() {
    for (milliseconds, expected) in [
        ([[1.0, 9.0, 1.1], [1.0, 2.0, 3.0]], Verdict::Met),
        ([[1.0, 9.0, 1.0], [1.0, 2.0, 3.0]], Verdict::MetInPart),
        ([[1.0, 0.9, 2.0], [4.0, 2.0, 3.0]], Verdict::NotMet),
    ] {
        let pattern =
            |milliseconds| PatternFigures { name: "p", is_selective: true, matches: 1, milliseconds };
        let json = Some(JsonFigures { jobs: 100, patterns: milliseconds.map(pattern).to_vec() });
        let results = Results { json, ..Results::default() };
        assert_eq!(verdict(&results, Promise::JsonQueries), expected, "{milliseconds:?}");
    }
}

#[test]
fn writes_must_be_faster_at_each_number_of_competing_users() {
    let mut results = writing(&[1, 10, 50], Pacing::NoThinkTime);
    for workload in Workload::WRITING {
        change(&mut results, Postgres, workload, 10, |cell| cell.throughput = 100.1);
        change(&mut results, Postgres, workload, 50, |cell| cell.throughput = 300.0);
        // A single user competes with nobody.
        change(&mut results, Postgres, workload, 1, |cell| cell.throughput = 10.0);
    }
    assert_eq!(verdict(&results, Promise::WriteConcurrency), Verdict::Met);
    let mut failed = results.clone();
    change(&mut failed, Postgres, Workload::Mixed, 50, |cell| cell.errors.other = 1);
    assert_eq!(verdict(&failed, Promise::WriteConcurrency), Verdict::MetInPart);
    change(&mut results, Postgres, Workload::Sessions, 10, |cell| cell.throughput = 100.0);
    assert_eq!(verdict(&results, Promise::WriteConcurrency), Verdict::MetInPart);
    for workload in Workload::WRITING {
        change(&mut results, Postgres, workload, 10, |cell| cell.throughput = 100.0);
    }
    assert_eq!(verdict(&results, Promise::WriteConcurrency), Verdict::NotMet);
}

#[test]
fn the_expected_load_is_equal_better_or_unnoticed() {
    for (p95, expected) in [
        ([5.5, 5.0], Verdict::Met),
        ([5.6, 5.0], Verdict::MetWithCondition),
        ([20.0, 5.0], Verdict::MetWithCondition),
        ([20.1, 5.0], Verdict::NotMet),
    ] {
        let mut results = writing(&[10, 20, 100], Pacing::ThinkTime);
        let [ten, twenty] = p95;
        change(&mut results, Postgres, Workload::Queue, 10, |cell| cell.latency.p95 = ten);
        change(&mut results, Postgres, Workload::Mixed, 20, |cell| cell.latency.p95 = twenty);
        // Nobody expects so many.
        change(&mut results, Postgres, Workload::Mixed, 100, |cell| cell.latency.p95 = 900.0);
        assert_eq!(verdict(&results, Promise::ExpectedLoad), expected, "{p95:?}");
    }
}

#[test]
fn acid_is_judged_by_the_checks_after_each_load() {
    let results = Results { checked_loads: 3, ..Results::default() };
    assert_eq!(verdict(&results, Promise::Acid), Verdict::Met);
}

#[test]
fn losses_are_found_with_their_worst_number_of_users() {
    let mut results = writing(&[1, 10], Pacing::NoThinkTime);
    assert_eq!(losses(&results), []);
    change(&mut results, Postgres, Workload::Queue, 1, |cell| cell.throughput = 50.0);
    change(&mut results, Postgres, Workload::Queue, 10, |cell| cell.throughput = 90.0);
    let found = losses(&results);
    let expected = Loss::Throughput {
        workload: Workload::Queue,
        users: vec![1, 10],
        worst_users: 1,
        worst: [100.0, 50.0],
    };
    assert_eq!(found, [expected]);
    let [place, factor, when] = words::loss(&found[0]);
    assert_eq!(place, "job queue, no think time, users: 1, 10");
    assert!(factor.starts_with("2.0 times slower with 1"), "{factor}");
    assert!(when.contains("100 of them take 1,000 ms more"), "{when}");
}

#[test]
fn a_share_is_never_rounded_up_to_its_bound() {
    for (share, words) in [(0.8, "80 %"), (0.79999, "79.9 %"), (0.9565, "95.6 %"), (1.0, "100 %")] {
        assert_eq!(words::percent(share), words);
    }
    let none = words::evidence(&Evidence::None);
    assert_eq!(none, "");
}
