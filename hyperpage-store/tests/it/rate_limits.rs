//! `rate_limits`: load, save, consume, drop the expired.

use std::collections::BTreeSet;

use hyperpage_store::domain::{Consumption, NewRateLimit, RateLimit};
use hyperpage_store::{Error, Table, Timestamp};

use crate::support::{Database, Sqlite, TEXTS, at, on_both};

on_both!(
    a_limit_is_saved_and_replaced,
    calls_are_consumed_down_to_zero,
    ten_threads_get_no_more_than_there_is,
    expired_limits_are_dropped,
    what_one_database_cannot_hold_is_refused,
);

fn limit(id: &str, remaining: Option<i32>) -> NewRateLimit {
    NewRateLimit {
        id: id.to_owned(),
        platform: "github".to_owned(),
        limit_remaining: remaining,
        limit_total: Some(5_000),
        reset_time: Some(at(1_000)),
    }
}

fn a_limit_is_saved_and_replaced(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.rate_limit("a").unwrap(), None);
    for text in TEXTS {
        let first = NewRateLimit { platform: text.to_owned(), ..limit(text, Some(i32::MIN)) };
        let bare =
            NewRateLimit { limit_remaining: None, limit_total: None, reset_time: None, ..limit(text, None) };
        for (ms, new) in [(1, first), (2, bare), (3, limit(text, Some(i32::MAX)))] {
            store.save_rate_limit(&new, at(ms)).unwrap();
            let expected = RateLimit {
                id: new.id,
                platform: new.platform,
                limit_remaining: new.limit_remaining,
                limit_total: new.limit_total,
                reset_time: new.reset_time,
                last_updated: at(ms),
                created_at: at(1),
            };
            assert_eq!(store.rate_limit(text).unwrap(), Some(expected));
        }
    }
}

fn calls_are_consumed_down_to_zero(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.consume("a", 1, at(0)).unwrap(), Consumption::NotFound);
    store.save_rate_limit(&limit("a", Some(5)), at(0)).unwrap();
    let granted = |remaining| Consumption::Granted { remaining: Some(remaining) };
    let exhausted = |remaining| Consumption::Exhausted { remaining, reset_time: Some(at(1_000)) };
    for (ms, amount, expected) in [
        (1, 0, granted(5)),
        (2, 2, granted(3)),
        (3, 4, exhausted(3)),
        (4, u16::MAX, exhausted(3)),
        (5, 3, granted(0)),
        (6, 1, exhausted(0)),
        (7, 0, granted(0)),
    ] {
        assert_eq!(store.consume("a", amount, at(ms)).unwrap(), expected);
        let limit = store.rate_limit("a").unwrap().unwrap();
        let is_granted = matches!(expected, Consumption::Granted { .. });
        assert_eq!(limit.last_updated == at(ms), is_granted, "a refusal changes nothing");
    }
    store.save_rate_limit(&limit("unknown", None), at(0)).unwrap();
    let granted = Consumption::Granted { remaining: None };
    assert_eq!(store.consume("unknown", u16::MAX, at(1)).unwrap(), granted);
    // The app has written a negative number: not even nothing is left.
    store.save_rate_limit(&limit("negative", Some(-3)), at(0)).unwrap();
    assert_eq!(store.consume("negative", 0, at(1)).unwrap(), exhausted(-3));
}

fn ten_threads_get_no_more_than_there_is(database: &dyn Database) {
    const CALLS: usize = 200;
    let mut store = database.open();
    store.save_rate_limit(&limit("a", Some(200)), at(0)).unwrap();
    let rests: Vec<i32> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..10)
            .map(|_| {
                let mut store = database.open();
                scope.spawn(move || {
                    let mut rests = Vec::new();
                    loop {
                        match store.consume("a", 1, at(1)).unwrap() {
                            Consumption::Granted { remaining } => rests.push(remaining.unwrap()),
                            Consumption::Exhausted { remaining: 0, .. } => return rests,
                            other => panic!("{other:?}"),
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(rests.len(), CALLS);
    // Each rest is returned once.
    assert_eq!(rests.into_iter().collect::<BTreeSet<_>>(), (0..200).collect());
    assert_eq!(store.rate_limit("a").unwrap().unwrap().limit_remaining, Some(0));
}

fn expired_limits_are_dropped(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.drop_expired_rate_limits(at(0)).unwrap(), 0);
    for (id, reset_time) in [("a", Some(at(1))), ("b", Some(at(2))), ("c", Some(at(3))), ("d", None)] {
        store.save_rate_limit(&NewRateLimit { reset_time, ..limit(id, None) }, at(0)).unwrap();
    }
    // A period has ended at the moment of its end.
    assert_eq!(store.drop_expired_rate_limits(at(2)).unwrap(), 2);
    let left = database.texts("SELECT id AS value FROM rate_limits ORDER BY id");
    assert_eq!(left, [Some("c".to_owned()), Some("d".to_owned())]);
}

fn what_one_database_cannot_hold_is_refused(database: &dyn Database) {
    let mut store = database.open();
    let nul = "a\0".to_owned();
    let never = Timestamp::from_epoch_ms(i64::MIN);
    for (result, column) in [
        (store.rate_limit(&nul).map(drop), "id"),
        (store.consume(&nul, 1, at(0)).map(drop), "id"),
        (store.save_rate_limit(&limit(&nul, None), at(0)), "id"),
        (
            store.save_rate_limit(&NewRateLimit { platform: nul.clone(), ..limit("a", None) }, at(0)),
            "platform",
        ),
    ] {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::NulCharacter { table: Table::RateLimits, column: of } if of == column),
            "{error:?}"
        );
    }
    for (result, column) in [
        (store.save_rate_limit(&limit("a", None), never), "last_updated"),
        (
            store.save_rate_limit(&NewRateLimit { reset_time: Some(never), ..limit("a", None) }, at(0)),
            "reset_time",
        ),
        (store.consume("a", 1, never).map(drop), "last_updated"),
        (store.drop_expired_rate_limits(never).map(drop), "reset_time"),
    ] {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::OutOfRange { table: Table::RateLimits, column: of } if of == column),
            "{error:?}"
        );
    }
    assert_eq!(store.rate_limit("a").unwrap(), None);
}

/// SQLite sorts text above every number, and computes with it as if it were 0.
#[test]
fn text_instead_of_a_number_grants_nothing() {
    let database = Sqlite::create();
    let mut store = database.open();
    for text in ["'many'", "'5 of 10'", "2.5", "3000000000"] {
        store.save_rate_limit(&limit("a", Some(1)), at(0)).unwrap();
        database.execute(&format!("UPDATE rate_limits SET limit_remaining = {text}"));
        let error = store.consume("a", 1, at(1)).unwrap_err();
        assert!(matches!(error, Error::UnknownValue { column: "limit_remaining", .. }), "{text}: {error:?}");
        let kept = database.texts("SELECT quote(limit_remaining) AS value FROM rate_limits");
        assert_eq!(kept, [Some(text.to_owned())]);
    }
}
