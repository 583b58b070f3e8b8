//! Diesel's queries and transactions on the client.

use diesel::connection::{Connection as _, SimpleConnection};
use diesel::data_types::PgTimestamp;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz};
use hyperpage_store::postgres::{Connection, client_error};
use postgres_client::{AppSettings, Condition, Loss, PoolMode};
use schema_pg::schema::{app_state, job_history, jobs, oauth_tokens, rate_limits, tool_configs};
use serde_json::{Value, json};

use crate::support::{connection, kill, migrated, session};

/// 2024-01-15T10:00:00.123Z, in microseconds since the year 2000.
const MOMENT: PgTimestamp = PgTimestamp(758_628_000_123_000);
/// 1969-12-31T23:59:59.999999Z.
const BEFORE_1970: PgTimestamp = PgTimestamp(-946_684_800_000_001);

fn set(connection: &mut Connection, key: &str, value: Option<&str>) -> QueryResult<usize> {
    diesel::insert_into(app_state::table)
        .values((app_state::key.eq(key), app_state::value.eq(value), app_state::updated_at.eq(MOMENT)))
        .execute(connection)
}

fn keys(connection: &mut Connection) -> Vec<String> {
    app_state::table.select(app_state::key).order(app_state::key).load(connection).unwrap()
}

#[test]
fn every_type_of_the_schema_goes_in_and_out() {
    let database = migrated();
    let connection = &mut connection(&database);
    let document = json!({"a": [1, -0.5, null, "ü\u{1f600}\"\\"], "b": {}});
    for (text, optional, number, flag, json, moment) in [
        ("", None, i32::MIN, false, None, BEFORE_1970),
        ("größe 'quoted' \"x\" \u{1f600}", Some("b"), i32::MAX, true, Some(document.clone()), MOMENT),
    ] {
        let insert = diesel::insert_into(tool_configs::table).values((
            tool_configs::tool_name.eq(text),
            tool_configs::enabled.eq(flag),
            tool_configs::config.eq(json.clone()),
            tool_configs::refresh_interval.eq(optional.map(|_| number)),
            tool_configs::notifications.eq(!flag),
            tool_configs::updated_at.eq(moment),
        ));
        assert_eq!(insert.execute(connection), Ok(1));
        type Stored = (String, bool, Option<Value>, Option<i32>, bool, PgTimestamp);
        let stored: Stored = tool_configs::table.find(text).first(connection).unwrap();
        assert_eq!(stored, (text.to_owned(), flag, json, optional.map(|_| number), !flag, moment));

        let literals = diesel::select((
            optional.into_sql::<Nullable<Text>>(),
            i64::from(number).into_sql::<BigInt>(),
            document.clone().into_sql::<Jsonb>(),
            None::<PgTimestamp>.into_sql::<Nullable<Timestamptz>>(),
            None::<bool>.into_sql::<Nullable<Bool>>(),
            None::<i32>.into_sql::<Nullable<Integer>>(),
        ));
        type Literals = (Option<String>, i64, Value, Option<PgTimestamp>, Option<bool>, Option<i32>);
        let read: Literals = literals.first(connection).unwrap();
        let expected = (optional.map(str::to_owned), i64::from(number), document.clone(), None, None, None);
        assert_eq!(read, expected);
    }
}

#[test]
fn identities_defaults_and_counts_are_returned() {
    let database = migrated();
    let connection = &mut connection(&database);
    let ids: Vec<i64> = diesel::insert_into(oauth_tokens::table)
        .values(
            [1, 2, 3]
                .map(|number| {
                    (
                        oauth_tokens::user_id.eq(format!("user-{number}")),
                        oauth_tokens::tool_name.eq("jira"),
                        oauth_tokens::access_token.eq("ciphertext"),
                        oauth_tokens::token_type.eq("Bearer"),
                        oauth_tokens::iv_access.eq("iv"),
                        oauth_tokens::created_at.eq(MOMENT),
                        oauth_tokens::updated_at.eq(MOMENT),
                    )
                })
                .to_vec(),
        )
        .returning(oauth_tokens::id)
        .get_results(connection)
        .unwrap();
    assert_eq!(ids, [1, 2, 3]);
    let changed = diesel::update(oauth_tokens::table.filter(oauth_tokens::id.gt(1)))
        .set(oauth_tokens::scopes.eq("read"))
        .execute(connection);
    assert_eq!(changed, Ok(2));
    assert_eq!(diesel::delete(oauth_tokens::table).execute(connection), Ok(3));
    assert_eq!(rate_limits::table.count().first::<i64>(connection), Ok(0));
    let none = rate_limits::table.select(rate_limits::id).first::<String>(connection);
    assert_eq!(none, Err(Error::NotFound));
}

#[test]
fn rows_are_read_by_name_and_two_results_at_a_time() {
    let database = migrated();
    let connection = &mut connection(&database);
    #[derive(QueryableByName, PartialEq, Debug)]
    struct Named {
        #[diesel(sql_type = Integer)]
        b: i32,
        #[diesel(sql_type = Text)]
        a: String,
    }
    let query = || diesel::sql_query("SELECT a, b FROM (VALUES ('x', 1), ('y', 2)) AS v (a, b) ORDER BY b");
    let loaded: Vec<Named> = query().load(connection).unwrap();
    assert_eq!(loaded, [Named { a: "x".to_owned(), b: 1 }, Named { a: "y".to_owned(), b: 2 }]);

    use diesel::connection::DefaultLoadingMode;
    let keys = app_state::table.select(app_state::key);
    set(connection, "a", None).unwrap();
    set(connection, "b", None).unwrap();
    let first = keys.load_iter::<String, DefaultLoadingMode>(connection).unwrap();
    let second = keys.load_iter::<String, DefaultLoadingMode>(connection).unwrap();
    let pairs: Vec<_> = first.zip(second).map(|(one, other)| (one.unwrap(), other.unwrap())).collect();
    assert_eq!(pairs, [("a", "a"), ("b", "b")].map(|(one, other)| (one.to_owned(), other.to_owned())));
}

#[test]
fn transactions_and_savepoints_keep_or_undo() {
    let database = migrated();
    let connection = &mut connection(&database);
    let result = connection.transaction::<_, Error, _>(|connection| {
        set(connection, "outer", Some("1"))?;
        let undone = connection.transaction::<(), Error, _>(|connection| {
            set(connection, "undone", None)?;
            Err(Error::RollbackTransaction)
        });
        assert_eq!(undone, Err(Error::RollbackTransaction));
        // An error of the server within a savepoint does not end the transaction.
        let refused = connection.transaction::<_, Error, _>(|connection| set(connection, "outer", None));
        let refused = refused.unwrap_err();
        assert_eq!(client_error(&refused).unwrap().condition(), Some(Condition::UniqueViolation));
        connection.transaction::<_, Error, _>(|connection| set(connection, "inner", None))
    });
    assert_eq!(result, Ok(1));
    assert_eq!(keys(connection), ["inner", "outer"]);

    let undone = connection.transaction::<(), Error, _>(|connection| {
        set(connection, "more", None)?;
        Err(Error::RollbackTransaction)
    });
    assert_eq!(undone, Err(Error::RollbackTransaction));
    assert_eq!(keys(connection), ["inner", "outer"]);
}

#[test]
fn an_error_in_a_transaction_undoes_it_even_where_the_work_hides_the_error() {
    let database = migrated();
    let connection = &mut connection(&database);
    let hidden = connection.transaction::<_, Error, _>(|connection| {
        set(connection, "a", None)?;
        assert!(set(connection, "a", None).is_err());
        Ok(())
    });
    let error = hidden.expect_err("a transaction whose statement failed was committed");
    assert!(client_error(&error).unwrap().to_string().contains("nothing of it was kept"));
    assert_eq!(keys(connection), Vec::<String>::new());
    // The connection accepts new transactions.
    assert_eq!(connection.transaction::<_, Error, _>(|connection| set(connection, "b", None)), Ok(1));
    assert_eq!(keys(connection), ["b"]);
}

#[test]
fn an_error_is_the_clients_own_without_values() {
    let database = migrated();
    let connection = &mut connection(&database);
    set(connection, "canary", Some("canary")).unwrap();
    let error = set(connection, "canary", Some("canary")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    let server = client_error(&error).unwrap().server_error().unwrap();
    assert_eq!(server.condition(), Some(Condition::UniqueViolation));
    assert_eq!(server.constraint.as_deref(), Some("app_state_pkey"));
    assert_eq!(client_error(&error).unwrap().loss(), None);

    let orphan = diesel::insert_into(job_history::table)
        .values((
            job_history::job_id.eq("canary"),
            job_history::attempt.eq(1),
            job_history::status.eq("running"),
            job_history::started_at.eq(MOMENT),
        ))
        .execute(connection)
        .unwrap_err();
    assert!(!format!("{orphan} {orphan:?}").contains("canary"), "{orphan:?}");
    assert_eq!(client_error(&orphan).unwrap().condition(), Some(Condition::ForeignKeyViolation));
    assert!(client_error(&Error::NotFound).is_none());
}

#[test]
fn a_connection_that_the_server_closed_is_noticed_before_anything_is_sent() {
    let database = migrated();
    let mut connection = connection(&database);
    kill(&database, connection.client());
    let error = set(&mut connection, "a", None).unwrap_err();
    assert_eq!(client_error(&error).unwrap().loss(), Some(Loss::BeforeSending), "{error:?}");
    assert!(client_error(&error).unwrap().is_transient());
    // Diesel's transaction manager accepts nothing more.
    let next = connection.transaction::<_, Error, _>(|_| Ok(()));
    assert!(matches!(next, Err(Error::BrokenTransactionManager)), "{next:?}");
}

#[test]
fn a_connection_that_is_lost_in_a_transaction_is_broken_and_keeps_nothing() {
    let database = migrated();
    let mut lost = connection(&database);
    let result = lost.transaction::<(), Error, _>(|connection| {
        set(connection, "a", None)?;
        kill(&database, connection.client());
        set(connection, "b", None)?;
        Ok(())
    });
    let error = result.unwrap_err();
    assert_eq!(client_error(&error).unwrap().loss(), Some(Loss::Underway), "{error:?}");
    assert_eq!(client_error(&error).unwrap().condition(), Some(Condition::ConnectionEnded));
    assert!(!lost.client().is_usable());

    let mut lost = connection(&database);
    let result = lost.transaction::<(), Error, _>(|connection| {
        set(connection, "a", None)?;
        kill(&database, connection.client());
        Ok(())
    });
    // COMMIT was not sent.
    assert_eq!(client_error(&result.unwrap_err()).unwrap().loss(), Some(Loss::BeforeSending));
    assert_eq!(keys(&mut connection(&database)), Vec::<String>::new());
}

#[test]
fn in_transaction_mode_limits_hold_in_transactions_and_nothing_stays_in_the_session() {
    let database = migrated();
    let settings = AppSettings { pool_mode: PoolMode::Transaction, ..AppSettings::default() };
    let connection = &mut Connection::from(session(&database, &settings));
    let limit = "SELECT current_setting('lock_timeout')";
    let shown = |connection: &mut Connection| -> String {
        #[derive(QueryableByName)]
        struct Shown {
            #[diesel(sql_type = Text)]
            current_setting: String,
        }
        diesel::sql_query(limit).get_result::<Shown>(connection).unwrap().current_setting
    };
    // Outside of a transaction each statement has its own.
    assert_eq!(shown(connection), "10s");
    assert_eq!(connection.client().one::<String>(limit, &[]).unwrap(), "0");
    connection
        .transaction::<_, Error, _>(|connection| {
            assert_eq!(shown(connection), "10s");
            connection.transaction::<_, Error, _>(|connection| {
                assert_eq!(shown(connection), "10s");
                Ok(())
            })
        })
        .unwrap();
    connection.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE").unwrap();
    assert_eq!(shown(connection), "10s");
    connection.batch_execute("COMMIT").unwrap();
    assert_eq!(connection.client().one::<String>(limit, &[]).unwrap(), "0");
    let kept = "SELECT count(*) FROM pg_prepared_statements";
    jobs::table.count().first::<i64>(connection).unwrap();
    assert_eq!(connection.client().one::<i64>(kept, &[]).unwrap(), 0);
    set(connection, "a", None).unwrap();
    assert_eq!(keys(connection), ["a"]);
}
