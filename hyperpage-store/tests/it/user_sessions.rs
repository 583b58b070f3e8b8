//! `user_sessions`: create, touch, find, expire, end all of a user.

use hyperpage_store::domain::{NewSession, Session, SessionId, UserId};
use hyperpage_store::{Error, Table};

use crate::support::{Database, TEXTS, at, on_both};

on_both!(
    a_session_is_created_once_touched_and_found,
    sessions_expire_by_their_last_use,
    the_sessions_of_a_user_end_together,
    what_one_database_cannot_hold_is_refused,
);

fn session(id: &str, user: &str) -> NewSession {
    NewSession { id: SessionId::from(id), user_id: UserId::from(user), provider: "github".to_owned() }
}

fn a_session_is_created_once_touched_and_found(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.session(&"s".into()).unwrap(), None);
    assert!(!store.touch_session(&"s".into(), at(0)).unwrap());
    for id in TEXTS {
        let new = session(id, "github:1");
        assert!(store.create_session(&new, at(0)).unwrap());
        assert!(!store.create_session(&session(id, "github:2"), at(1)).unwrap());
        assert!(store.touch_session(&new.id, at(5)).unwrap());
        let expected = Session {
            id: new.id.clone(),
            user_id: new.user_id.clone(),
            provider: new.provider.clone(),
            created_at: at(0),
            last_activity: at(5),
        };
        assert_eq!(store.session(&new.id).unwrap(), Some(expected));
    }
}

fn sessions_expire_by_their_last_use(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.expire_sessions(at(0)).unwrap(), 0);
    for (ms, id) in [(0, "a"), (1, "b"), (2, "c")] {
        store.create_session(&session(id, "github:1"), at(ms)).unwrap();
    }
    store.touch_session(&"a".into(), at(9)).unwrap();
    assert_eq!(store.expire_sessions(at(2)).unwrap(), 1);
    assert_eq!(store.session(&"b".into()).unwrap(), None);
    assert!(store.session(&"a".into()).unwrap().is_some() && store.session(&"c".into()).unwrap().is_some());
    assert_eq!(store.expire_sessions(at(10)).unwrap(), 2);
}

fn the_sessions_of_a_user_end_together(database: &dyn Database) {
    let mut store = database.open();
    for (id, user) in [("a", "github:1"), ("b", "github:1"), ("c", "github:11")] {
        store.create_session(&session(id, user), at(0)).unwrap();
    }
    assert_eq!(store.end_sessions_of(&"github:1".into()).unwrap(), 2);
    assert_eq!(store.end_sessions_of(&"github:1".into()).unwrap(), 0);
    assert!(store.session(&"c".into()).unwrap().is_some());
}

fn what_one_database_cannot_hold_is_refused(database: &dyn Database) {
    let mut store = database.open();
    let refused = [
        (store.session(&"s\0secret".into()).map(drop), "session_id"),
        (store.touch_session(&"s\0secret".into(), at(0)).map(drop), "session_id"),
        (store.create_session(&session("s\0secret", "u"), at(0)).map(drop), "session_id"),
        (store.create_session(&session("s", "secret\0"), at(0)).map(drop), "user_id"),
        (store.end_sessions_of(&"secret\0".into()).map(drop), "user_id"),
    ];
    for (result, column) in refused {
        let error = result.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
        assert!(
            matches!(error, Error::NulCharacter { table: Table::UserSessions, column: at } if at == column),
            "{error:?}"
        );
    }
}
