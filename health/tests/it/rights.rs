//! Roles with few rights: what they may not see is not known, and the printed grant makes it known.

use health::{Check, ExpectedList, Fact, Grant, Known, State, Unknown};
use test_database::TestDatabase;

use crate::support::{Role, execute, expecting, monitor, options, state};

#[test]
fn the_grants_that_are_printed_work() {
    let database = TestDatabase::create();
    execute(
        database.url(),
        "CREATE SCHEMA \"my app\"; CREATE TABLE \"my app\".__diesel_schema_migrations (version text); \
         INSERT INTO \"my app\".__diesel_schema_migrations VALUES ('1')",
    );
    let role = Role::create(&database, "");
    let list = || ExpectedList::diesel("my app", [("1_a".to_owned(), "1".to_owned())]);
    let ask = || expecting(&role.url(), vec![list()], true).readiness();
    let before = ask();
    assert!(before.is_ready, "what is not known is no failure: {before:?}");
    let State::NotKnown(Unknown::MissingRight { grant: select @ Grant::Select { .. } }) =
        state(&before, Check::Migrations)
    else {
        panic!("{before:?}");
    };
    let State::NotKnown(Unknown::MissingRight { grant: monitor @ Grant::Monitor { .. } }) =
        state(&before, Check::Disk)
    else {
        panic!("{before:?}");
    };
    execute(database.url(), select.sql());
    execute(database.url(), monitor.sql());
    let after = ask();
    assert!(matches!(state(&after, Check::Migrations), State::Ok(Fact::Migrations { .. })), "{after:?}");
    assert!(
        !matches!(state(&after, Check::Disk), State::NotKnown(Unknown::MissingRight { .. })),
        "{after:?}"
    );
}

#[test]
fn details_that_a_role_may_not_see_are_not_known_until_they_are_granted() {
    let database = TestDatabase::create();
    let role = Role::create(&database, "");
    let monitor = monitor(&role.url(), options());
    let before = monitor.details();
    let found = before.found.as_ref().unwrap();
    let grant = |unknown: Option<&Unknown>| match unknown {
        Some(Unknown::MissingRight { grant }) => grant.sql().to_owned(),
        other => panic!("{other:?}"),
    };
    let unknown =
        [unknown_of(&found.sessions), unknown_of(&found.longest_transaction), unknown_of(&found.standbys)];
    let [sql, second, third] = unknown.map(grant);
    assert_eq!([&second, &third], [&sql, &sql]);
    // Everybody sees these.
    assert_eq!(unknown_of(&found.oldest_lock_wait), None);
    assert_eq!(unknown_of(&found.replication_slots), None);
    assert_eq!(unknown_of(&found.database_bytes), None);
    assert_eq!(unknown_of(&found.statistics), None);
    assert_eq!(unknown_of(&found.freezing), None);
    assert_eq!(unknown_of(&found.largest_tables), None);
    execute(database.url(), &sql);
    let after = monitor.details();
    let found = after.found.as_ref().unwrap();
    assert!(found.sessions.value().is_some() && found.standbys.value().is_some(), "{found:?}");
    assert!(found.longest_transaction.value().is_some(), "{found:?}");
}

fn unknown_of<T>(known: &Known<T>) -> Option<&Unknown> {
    match known {
        Known::Known(_) => None,
        Known::NotKnown(unknown) => Some(unknown),
    }
}
