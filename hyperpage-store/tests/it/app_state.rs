//! `app_state`: get, set, compare-and-set, delete.

use hyperpage_store::domain::{Expected, StateEntry};
use hyperpage_store::{Error, Table, Timestamp};

use crate::support::{Database, TEXTS, at, on_both};

on_both!(
    an_entry_is_set_replaced_and_deleted,
    compare_and_set_changes_only_what_is_as_expected,
    one_of_ten_wins,
    what_one_database_cannot_hold_is_refused,
);

fn an_entry_is_set_replaced_and_deleted(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.state("key").unwrap(), None);
    assert!(!store.delete_state("key").unwrap());
    for (ms, key) in (0..).zip(TEXTS) {
        for value in TEXTS.map(Some).into_iter().chain([None]) {
            store.set_state(key, value, at(ms)).unwrap();
            let expected =
                StateEntry { key: key.to_owned(), value: value.map(str::to_owned), updated_at: at(ms) };
            assert_eq!(store.state(key).unwrap(), Some(expected));
        }
    }
    assert!(store.delete_state("%_").unwrap());
    assert!(!store.delete_state("%_").unwrap());
    assert!(store.state("").unwrap().is_some());
    for extreme in
        [Timestamp::from_epoch_ms(-210_866_803_200_000), Timestamp::from_epoch_ms(9_224_318_015_999_999)]
    {
        store.set_state("extreme", None, extreme).unwrap();
        assert_eq!(store.state("extreme").unwrap().unwrap().updated_at, extreme);
    }
}

fn compare_and_set_changes_only_what_is_as_expected(database: &dyn Database) {
    let mut store = database.open();
    let mut set = |expected, value| store.compare_and_set_state("key", expected, value, at(1)).unwrap();
    assert!(!set(Expected::Value(None), Some("a")));
    assert!(set(Expected::Absent, None));
    assert!(!set(Expected::Absent, Some("a")));
    assert!(!set(Expected::Value(Some("")), Some("a")));
    assert!(set(Expected::Value(None), Some("a")));
    assert!(!set(Expected::Value(None), Some("b")));
    assert!(!set(Expected::Value(Some("A")), Some("b")));
    assert!(set(Expected::Value(Some("a")), Some("a")));
    assert!(set(Expected::Value(Some("a")), None));
    assert_eq!(store.state("key").unwrap().unwrap().value, None);
}

fn one_of_ten_wins(database: &dyn Database) {
    for expected in [Expected::Absent, Expected::Value(Some("before"))] {
        let mut store = database.open();
        match expected {
            Expected::Absent => {}
            Expected::Value(value) => store.set_state("key", value, at(0)).unwrap(),
        }
        let winners: Vec<usize> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..10)
                .map(|worker: usize| {
                    let mut store = database.open();
                    scope.spawn(move || {
                        let value = worker.to_string();
                        store.compare_and_set_state("key", expected, Some(&value), at(1)).unwrap()
                    })
                })
                .collect();
            let won = workers.into_iter().map(|worker| worker.join().unwrap());
            won.enumerate().filter(|(_, won)| *won).map(|(worker, _)| worker).collect()
        });
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(store.state("key").unwrap().unwrap().value, Some(winners[0].to_string()));
    }
}

fn what_one_database_cannot_hold_is_refused(database: &dyn Database) {
    let mut store = database.open();
    let nul = |result: Result<(), Error>, column| match result {
        Err(Error::NulCharacter { table: Table::AppState, column: refused }) => assert_eq!(refused, column),
        other => panic!("{other:?}"),
    };
    nul(store.state("a\0").map(drop), "key");
    nul(store.delete_state("a\0").map(drop), "key");
    nul(store.set_state("a\0", None, at(0)), "key");
    nul(store.set_state("a", Some("\0"), at(0)), "value");
    nul(store.compare_and_set_state("a", Expected::Value(Some("\0")), None, at(0)).map(drop), "value");
    let beyond = |result: Result<(), Error>, column| match result {
        Err(Error::OutOfRange { table: Table::AppState, column: refused }) => assert_eq!(refused, column),
        other => panic!("{other:?}"),
    };
    for epoch_ms in [i64::MIN, -210_866_803_200_001, 9_224_318_016_000_000, i64::MAX] {
        beyond(store.set_state("a", None, Timestamp::from_epoch_ms(epoch_ms)), "updated_at");
    }
    beyond(store.set_state(&"k".repeat(1_025), None, at(0)), "key");
    assert_eq!(store.state("a").unwrap(), None);
    let longest = "\u{1D11E}".repeat(256);
    store.set_state(&longest, None, at(0)).unwrap();
    assert!(store.state(&longest).unwrap().is_some());
}
