//! Tables of samples with the decision, and all short sequences of samples against rules that must hold.

use std::time::Duration;

use super::{Decision, Limits, Reason, Sample, Steps, StepsError, decide, p95};

const EACH: Duration = Duration::from_secs(10);
const SOAK: Duration = Duration::from_secs(300);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A sample of ten requests of 20 ms, all of them answered.
fn good(index: usize) -> Sample {
    let at = EACH * u32::try_from(index + 1).unwrap();
    Sample { at, is_healthy: true, app_failures: 0, requests: 10, errors: 0, latencies: vec![ms(20); 10] }
}

fn samples(count: usize, change: impl Fn(usize, &mut Sample)) -> Vec<Sample> {
    let sample = |index| {
        let mut sample = good(index);
        change(index, &mut sample);
        sample
    };
    (0..count).map(sample).collect()
}

fn of(samples: &[Sample]) -> Decision {
    decide(&Limits::default(), SOAK, Some(ms(20)), samples)
}

#[test]
fn a_step_ends_after_its_soak() {
    assert_eq!(of(&[]), Decision::Hold);
    assert_eq!(of(&samples(29, |_, _| {})), Decision::Hold);
    assert_eq!(of(&samples(30, |_, _| {})), Decision::StepOn);
    let nothing = decide(&Limits::default(), Duration::ZERO, None, &samples(1, |_, _| {}));
    assert_eq!(nothing, Decision::StepOn);
}

#[test]
fn three_failed_health_checks_in_a_row_go_back() {
    let with = |failed: &'static [usize]| {
        of(&samples(6, move |index, sample| sample.is_healthy = !failed.contains(&index)))
    };
    for (failed, expected) in [
        (&[5][..], Decision::Hold),
        (&[4, 5], Decision::Hold),
        (&[0, 1, 3, 4], Decision::Hold),
        (&[3, 4, 5], Decision::GoBack(Reason::HealthChecks { failed: 3 })),
        (&[2, 3, 4, 5], Decision::GoBack(Reason::HealthChecks { failed: 4 })),
    ] {
        assert_eq!(with(failed), expected, "{failed:?}");
    }
}

#[test]
fn a_step_does_not_end_with_a_failed_health_check() {
    let failed_last = samples(30, |index, sample| sample.is_healthy = index != 29);
    assert_eq!(of(&failed_last), Decision::Hold);
}

#[test]
fn five_failures_of_the_app_go_back_however_far_apart() {
    let with = |every: usize, count: usize| {
        of(&samples(every * count, |index, sample| {
            sample.app_failures = u32::from(index % every == every - 1)
        }))
    };
    assert_eq!(with(5, 4), Decision::Hold);
    assert_eq!(with(5, 5), Decision::GoBack(Reason::AppFailures { failures: 5 }));
    let at_once = samples(1, |_, sample| sample.app_failures = 7);
    assert_eq!(of(&at_once), Decision::GoBack(Reason::AppFailures { failures: 7 }));
}

#[test]
fn errors_over_five_percent_for_five_minutes_go_back() {
    // Ten requests a sample and six samples a window: one error in three samples of a window is 5 %.
    let five_percent = samples(60, |index, sample| sample.errors = u32::from(index % 2 == 0));
    assert_eq!(of(&five_percent), Decision::StepOn);
    let more = |count| samples(count, |_, sample| sample.errors = 1);
    assert_eq!(of(&more(30)), Decision::Hold, "the soak is over, the errors are not");
    let reason = Reason::Errors { percent: 10, duration: Duration::from_secs(300) };
    assert_eq!(of(&more(31)), Decision::GoBack(reason));
    // One good minute in between, and the five minutes begin again.
    let with_pause = samples(40, |index, sample| sample.errors = u32::from(!(10..16).contains(&index)));
    assert_eq!(of(&with_pause), Decision::Hold);
    // Without requests there is no share.
    let silent = samples(40, |_, sample| {
        (sample.requests, sample.errors) = (0, 0);
        sample.latencies.clear();
    });
    assert_eq!(of(&silent), Decision::StepOn);
}

#[test]
fn a_latency_half_as_slow_again_goes_back() {
    let with = |latency: u64, baseline: Option<u64>, count: usize| {
        let slow = samples(count, |_, sample| sample.latencies = vec![ms(latency); 10]);
        decide(&Limits::default(), SOAK, baseline.map(ms), &slow)
    };
    let back = |p95, baseline| Decision::GoBack(Reason::Latency { p95: ms(p95), baseline: ms(baseline) });
    for (latency, baseline, count, expected) in [
        (150, Some(100), 6, Decision::Hold),
        (151, Some(100), 6, back(151, 100)),
        (151, Some(100), 2, back(151, 100)),
        // Ten requests show no latency.
        (151, Some(100), 1, Decision::Hold),
        // 8 ms more is noise for a request of 4 ms.
        (12, Some(4), 6, Decision::Hold),
        (15, Some(4), 6, back(15, 4)),
        (10_000, None, 6, Decision::Hold),
    ] {
        assert_eq!(with(latency, baseline, count), expected, "{latency} {baseline:?} {count}");
    }
    // What was slow more than a minute ago is over.
    let recovered = samples(12, |index, sample| {
        if index < 6 {
            sample.latencies = vec![ms(900); 10];
        }
    });
    assert_eq!(of(&recovered), Decision::Hold);
}

#[test]
fn the_95th_percentile_is_a_latency_that_occurred() {
    let numbers = |count: u64| (1..=count).rev().map(ms).collect::<Vec<_>>();
    for (count, expected) in [(0, None), (1, Some(1)), (19, Some(19)), (20, Some(19)), (100, Some(95))] {
        assert_eq!(p95(&numbers(count)), expected.map(ms), "{count}");
    }
}

/// All sequences of up to six samples of six kinds, with limits that so few samples reach: 55,986 sequences.
#[test]
fn every_short_sequence_follows_the_rules() {
    let limits = Limits {
        app_failures: 3,
        errors_duration: EACH * 3,
        window: EACH * 2,
        requests_min: 2,
        ..Limits::default()
    };
    let soak = EACH * 4;
    let mut decisions = [0_u32; 3];
    for length in 1..=6_u32 {
        for number in 0..6_u32.pow(length) {
            let kinds: Vec<u32> = (0..length).map(|place| number / 6_u32.pow(place) % 6).collect();
            let found = samples(kinds.len(), |index, sample| match kinds[index] {
                0 => {}
                1 => sample.is_healthy = false,
                2 => (sample.app_failures, sample.errors) = (1, 1),
                3 => sample.errors = 2,
                4 => sample.latencies = vec![ms(500); 10],
                _ => (sample.requests, sample.latencies) = (0, Vec::new()),
            });
            let decision = decide(&limits, soak, Some(ms(20)), &found);
            let ends_with = |kind: u32, count: usize| {
                kinds.len() >= count && kinds.iter().rev().take(count).all(|found| *found == kind)
            };
            let failures = kinds.iter().filter(|kind| **kind == 2).count();
            let has_reason = match &decision {
                Decision::GoBack(Reason::HealthChecks { failed }) => *failed >= 3 && ends_with(1, 3),
                Decision::GoBack(Reason::AppFailures { failures: counted }) => {
                    failures >= 3 && usize::try_from(*counted).unwrap() == failures
                }
                Decision::GoBack(Reason::Errors { percent, duration }) => {
                    *percent >= 5 && *duration >= EACH * 3 && kinds.len() >= 4
                }
                Decision::GoBack(Reason::Latency { p95, .. }) => {
                    *p95 == ms(500) && kinds.iter().rev().take(2).any(|kind| *kind == 4)
                }
                Decision::StepOn => kinds.len() >= 4 && !ends_with(1, 1) && !ends_with(3, 1),
                Decision::Hold => true,
            };
            assert!(has_reason, "{kinds:?}: {decision:?}");
            let must_go_back = ends_with(1, 3) || failures >= 3 || ends_with(3, 4) || ends_with(4, 1);
            assert!(!must_go_back || matches!(decision, Decision::GoBack(_)), "{kinds:?}: {decision:?}");
            decisions[match decision {
                Decision::Hold => 0,
                Decision::StepOn => 1,
                Decision::GoBack(_) => 2,
            }] += 1;
        }
    }
    assert!(decisions.iter().all(|count| *count > 1000), "{decisions:?}");
}

#[test]
fn steps_increase_to_a_hundred() {
    for (text, expected) in [
        ("10,50,100", Ok(&[10, 50][..])),
        ("100", Ok(&[])),
        (" 1, 100 ", Ok(&[1])),
        ("10,50", Err(StepsError::NotComplete)),
        ("50,10,100", Err(StepsError::NotIncreasing)),
        ("10,10,100", Err(StepsError::NotIncreasing)),
        ("0,100", Err(StepsError::NotAShare)),
        ("101", Err(StepsError::NotAShare)),
        ("", Err(StepsError::NotAShare)),
        ("ten,100", Err(StepsError::NotAShare)),
        ("10;100", Err(StepsError::NotAShare)),
    ] {
        let found = text.parse::<Steps>();
        assert_eq!(found.as_ref().map(Steps::partial).map_err(|error| *error), expected, "{text}");
    }
    assert_eq!(Steps::at_once().all(), [100]);
}
