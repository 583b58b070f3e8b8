//! `users`: save at login, find by provider and id, by address.

use hyperpage_store::domain::{NewUser, User, UserId};
use hyperpage_store::{Error, Table, Timestamp};

use crate::support::{Database, TEXTS, at, on_both};

on_both!(
    a_user_is_added_and_replaced,
    users_are_found_by_provider_and_address,
    ten_logins_at_once_are_one_user,
    a_user_with_a_value_that_the_app_does_not_know_is_not_changed,
    what_one_database_cannot_hold_is_refused,
);

fn user(provider: &str, id: &str, email: Option<&str>) -> NewUser {
    NewUser {
        provider: provider.to_owned(),
        provider_user_id: id.to_owned(),
        email: email.map(str::to_owned),
        username: None,
        display_name: None,
        avatar_url: None,
    }
}

fn a_user_is_added_and_replaced(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.user("github", "1").unwrap(), None);
    for text in TEXTS {
        let full = NewUser {
            username: Some(text.to_owned()),
            display_name: Some(text.to_owned()),
            avatar_url: Some(text.to_owned()),
            ..user(text, text, Some(text))
        };
        for (ms, new) in [(1, user(text, text, None)), (2, full), (3, user(text, text, Some("a@b")))] {
            let saved = store.save_user(&new, at(ms)).unwrap();
            let expected = User {
                id: UserId::from(format!("{text}:{text}")),
                provider: new.provider,
                provider_user_id: new.provider_user_id,
                email: new.email,
                username: new.username,
                display_name: new.display_name,
                avatar_url: new.avatar_url,
                created_at: at(1),
                updated_at: at(ms),
            };
            assert_eq!(saved, expected);
            assert_eq!(store.user(text, text).unwrap(), Some(expected));
        }
    }
}

fn users_are_found_by_provider_and_address(database: &dyn Database) {
    let mut store = database.open();
    for (provider, id, email) in [
        ("gitlab", "1", Some("a@b")),
        ("github", "1", Some("a@b")),
        ("github", "2", Some("A@b")),
        ("github", "a:b", None),
    ] {
        store.save_user(&user(provider, id, email), at(0)).unwrap();
    }
    let ids = |users: Vec<User>| users.into_iter().map(|user| user.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(store.users_by_email("a@b").unwrap()), ["github:1", "gitlab:1"]);
    assert_eq!(ids(store.users_by_email("A@b").unwrap()), ["github:2"]);
    assert_eq!(store.users_by_email("%").unwrap(), []);
    assert_eq!(store.user("github", "a:b").unwrap().unwrap().id.as_str(), "github:a:b");
    // The same id, but another user.
    assert_eq!(store.user("github:a", "b").unwrap(), None);
    assert_eq!(store.user("gitlab", "2").unwrap(), None);
}

fn ten_logins_at_once_are_one_user(database: &dyn Database) {
    std::thread::scope(|scope| {
        for worker in 0..10 {
            let mut store = database.open();
            scope.spawn(move || {
                let email = format!("{worker}@b");
                let saved = store.save_user(&user("github", "1", Some(&email)), at(worker)).unwrap();
                assert_eq!(saved.email, Some(email));
            });
        }
    });
    assert_eq!(database.texts("SELECT id AS value FROM users"), [Some("github:1".to_owned())]);
}

fn a_user_with_a_value_that_the_app_does_not_know_is_not_changed(database: &dyn Database) {
    let mut store = database.open();
    store.save_user(&user("github", "1", None), at(1)).unwrap();
    database.execute("UPDATE users SET created_at = 'infinity'");
    let saved = store.save_user(&user("github", "1", Some("a@b")), at(2));
    assert!(matches!(saved, Err(Error::UnknownValue { column: "created_at", .. })), "{saved:?}");
    assert_eq!(database.texts("SELECT email AS value FROM users"), [None]);
}

fn what_one_database_cannot_hold_is_refused(database: &dyn Database) {
    let mut store = database.open();
    let nul = || Some("\0".to_owned());
    let good = || user("github", "1", None);
    for (new, expected) in [
        (user("\0", "1", None), "provider"),
        (user("github", "\0", None), "provider_user_id"),
        (user("github", "1", Some("\0")), "email"),
        (NewUser { username: nul(), ..good() }, "username"),
        (NewUser { display_name: nul(), ..good() }, "display_name"),
        (NewUser { avatar_url: nul(), ..good() }, "avatar_url"),
    ] {
        match store.save_user(&new, at(0)) {
            Err(Error::NulCharacter { table: Table::Users, column }) => assert_eq!(column, expected),
            other => panic!("{other:?}"),
        }
    }
    let long = "i".repeat(1_020);
    for (new, expected) in [
        // Another user could have the same id.
        (user("git:hub", "1", None), "provider"),
        (user("github", &long, None), "id"),
        (user("github", "1", Some(&"e".repeat(1_025))), "email"),
    ] {
        match store.save_user(&new, at(0)) {
            Err(Error::OutOfRange { table: Table::Users, column }) => assert_eq!(column, expected),
            other => panic!("{other:?}"),
        }
    }
    let never = store.save_user(&good(), Timestamp::from_epoch_ms(i64::MAX));
    assert!(matches!(never, Err(Error::OutOfRange { column: "updated_at", .. })), "{never:?}");
    assert!(store.user("\0", "1").is_err() && store.user("github", "\0").is_err());
    assert!(store.users_by_email("\0").is_err());
    assert_eq!(database.texts("SELECT id AS value FROM users"), []);
}
