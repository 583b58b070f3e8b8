//! Statements that a session keeps prepared.

use postgres_client::{AppSettings, Condition, Connection};
use test_database::TestDatabase;

use crate::support::session;

/// The OID of `int4`.
const INT4: u32 = 23;

const NONE: [Option<&[u8]>; 0] = [];

fn kept(connection: &mut Connection) -> i64 {
    connection.one("SELECT count(*) FROM pg_prepared_statements", &[]).unwrap()
}

fn case() -> (TestDatabase, Connection) {
    let database = TestDatabase::create();
    let mut connection = session(&database, &AppSettings::default());
    connection.script("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x')").unwrap();
    (database, connection)
}

#[test]
fn a_statement_is_prepared_once_and_the_oldest_makes_room() {
    let (_database, mut connection) = case();
    connection.keep_statements(2);
    let mut run = |sql: &str, value: i32| {
        let rows = connection.prepared_query(sql, &[INT4], &[Some(value.to_be_bytes())]).unwrap();
        let read = rows.field(0, 0).map(<[u8]>::to_vec);
        (read, kept(&mut connection))
    };
    let value = |value: i32| Some(value.to_be_bytes().to_vec());
    assert_eq!(run("SELECT $1", 7), (value(7), 1));
    assert_eq!(run("SELECT $1", 8), (value(8), 1));
    assert_eq!(run("SELECT $1 + 1", 8), (value(9), 2));
    assert_eq!(run("SELECT $1", 9), (value(9), 2));
    assert_eq!(run("SELECT $1 + 2", 9), (value(11), 2));
    let texts = "SELECT statement FROM pg_prepared_statements ORDER BY statement";
    assert_eq!(connection.load::<String>(texts, &[]).unwrap(), ["SELECT $1", "SELECT $1 + 2"]);
    // The same text with another type is another statement.
    let rows = connection.prepared_query("SELECT $1", &[25], &[Some("text")]).unwrap();
    assert_eq!((rows.field(0, 0), rows.column_type(0)), (Some(&b"text"[..]), Some(25)));
    assert_eq!(kept(&mut connection), 2);
    connection.keep_statements(0);
    connection.prepared_query("SELECT 5", &[], &NONE).unwrap();
    assert_eq!(kept(&mut connection), 2);
}

#[test]
fn results_name_their_columns_and_types() {
    let (_database, mut connection) = case();
    let rows = connection.binary_query("SELECT a, b, NULL::text AS c FROM t", &[], &NONE).unwrap();
    assert_eq!((rows.len(), rows.columns(), rows.affected()), (1, 3, 1));
    let names: Vec<_> = (0..4).map(|column| rows.column_name(column)).collect();
    assert_eq!(names, [Some("a"), Some("b"), Some("c"), None]);
    let types: Vec<_> = (0..4).map(|column| rows.column_type(column)).collect();
    assert_eq!(types, [Some(INT4), Some(25), Some(25), None]);
    assert_eq!((rows.field(0, 0), rows.field(0, 1)), (Some(&[0, 0, 0, 1][..]), Some(&b"x"[..])));
    assert_eq!((rows.field(0, 2), rows.field(1, 0), rows.field(0, 3)), (None, None, None));
    let bytes = [0_u8, 1, 255];
    let rows = connection.binary_query("SELECT $1, $2", &[17, 17], &[Some(&bytes[..]), Some(&[])]).unwrap();
    assert_eq!((rows.field(0, 0), rows.field(0, 1)), (Some(&bytes[..]), Some(&[][..])));
    let inserted = connection.binary_query("INSERT INTO t SELECT 1 FROM generate_series(1, 5)", &[], &NONE);
    assert_eq!(inserted.unwrap().affected(), 5);
    assert!(connection.binary_query("SELECT 1", &[INT4], &NONE).is_err());
    let copy = connection.binary_query("COPY t TO STDOUT", &[], &NONE);
    assert!(copy.is_err_and(|error| error.loss().is_some()));
}

#[test]
fn a_statement_that_no_longer_fits_is_prepared_again_outside_of_a_transaction() {
    let (database, mut connection) = case();
    let mut other = session(&database, &AppSettings::default());
    let columns = |connection: &mut Connection| {
        connection.prepared_query("SELECT * FROM t", &[], &NONE).map(|rows| rows.columns())
    };
    assert_eq!(columns(&mut connection).unwrap(), 2);
    other.script("ALTER TABLE t ADD COLUMN c int").unwrap();
    assert_eq!(columns(&mut connection).unwrap(), 3);
    assert_eq!(kept(&mut connection), 1);

    // Within a transaction the error ends it, and the next attempt succeeds.
    other.script("ALTER TABLE t ADD COLUMN d int").unwrap();
    connection.script("BEGIN").unwrap();
    let error = columns(&mut connection).unwrap_err();
    assert!(error.is_stale_statement() && error.loss().is_none(), "{error:?}");
    assert_eq!(error.condition(), Some(Condition::FeatureNotSupported));
    connection.script("ROLLBACK; BEGIN").unwrap();
    assert_eq!(columns(&mut connection).unwrap(), 4);
    connection.script("COMMIT").unwrap();
    assert_eq!(kept(&mut connection), 1);

    // What the server never supports is an error each time.
    let refuse = "CREATE FUNCTION refuse() RETURNS int LANGUAGE plpgsql AS \
         'BEGIN RAISE EXCEPTION USING ERRCODE = ''0A000''; END'";
    other.script(refuse).unwrap();
    for _ in 0..3 {
        let error = connection.prepared_query("SELECT refuse()", &[], &NONE).map(drop).unwrap_err();
        assert_eq!(error.condition(), Some(Condition::FeatureNotSupported));
        assert!(!error.is_stale_statement() && error.loss().is_none(), "{error:?}");
    }
}

#[test]
fn statements_that_the_session_lost_are_prepared_again() {
    for lost in ["DISCARD ALL", "DEALLOCATE ALL", "DEALLOCATE kept_0"] {
        let (_database, mut connection) = case();
        let mut run = |sql: &str| connection.prepared_query(sql, &[], &NONE).map(|rows| rows.len());
        assert_eq!((run("SELECT 1").unwrap(), run("SELECT 2").unwrap()), (1, 1));
        connection.script(lost).unwrap();
        let mut run = |sql: &str| connection.prepared_query(sql, &[], &NONE).map(|rows| rows.len());
        assert_eq!((run("SELECT 1").unwrap(), run("SELECT 2").unwrap()), (1, 1), "{lost}");
        assert_eq!(kept(&mut connection), 2, "{lost}");

        connection.script("BEGIN; DEALLOCATE ALL").unwrap();
        let error = connection.prepared_query("SELECT 1", &[], &NONE).map(drop).unwrap_err();
        assert!(error.is_stale_statement(), "{error:?}");
        connection.script("ROLLBACK; BEGIN").unwrap();
        connection.prepared_query("SELECT 1", &[], &NONE).map(drop).unwrap();
        connection.prepared_query("SELECT 2", &[], &NONE).map(drop).unwrap();
        connection.script("COMMIT").unwrap();
        assert_eq!(kept(&mut connection), 2, "{lost}");
    }
}

#[test]
fn a_statement_that_cannot_be_prepared_is_not_kept() {
    let (_database, mut connection) = case();
    for _ in 0..2 {
        let error = connection.prepared_query("SELECT nothing FROM t", &[], &NONE).map(drop).unwrap_err();
        assert!(!error.is_stale_statement() && error.loss().is_none(), "{error:?}");
    }
    assert_eq!(kept(&mut connection), 0);
    // A conversion fails when it runs: the statement is sound.
    for text in ["1", "canary", "2"] {
        let cast = connection.prepared_query("SELECT $1::text::int", &[25], &[Some(text)]);
        assert_eq!(cast.is_ok(), text != "canary");
        assert!(cast.err().is_none_or(|error| !format!("{error:?}").contains("canary")));
    }
    assert_eq!(kept(&mut connection), 1);
}
